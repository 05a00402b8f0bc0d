"""`clinicnet releases prune`: releases that a rule of retention lets go, listed or taken out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from flows.mirroring import mirror_if_declared
from flows.published_output import network_and_output
from flows.warehouse_filling import fill_if_declared
from tasks.errors import ClinicnetError
from tasks.publishing import Retention, kept_releases, prune, why_kept, write_catalogue


def prune_releases(
    network_file: Path, periods: int | None, months: int | None, *, dry_run: bool
) -> Iterator[str]:
    """Take out what may go, and say of every release what becomes of it and why.

    Args:
        network_file: the network's file.
        periods: the releases of so many of the last periods stay.
        months: the releases of periods that ended in so many months before the last one stay.
        dry_run: whether it is only said.

    Raises:
        ClinicnetError: no rule is given, the network file or a release cannot be read, or the output
            directory cannot be written.
    """
    if periods is None and months is None:
        raise ClinicnetError(
            "no rule says what is kept",
            hint="say --keep-periods 24, --keep-months 36, or both: what either keeps stays",
        )
    network, output = network_and_output(network_file)
    kept = kept_releases(output)
    why = why_kept(kept, Retention(periods, months), network.window.ending_with)
    goes = "would go" if dry_run else "gone"
    for each in kept:
        yield f"{each.name}  {goes if why[each.name] is None else f'stays: {why[each.name]}'}"
    going = [each for each in kept if why[each.name] is None]
    size = sum(each.n_bytes for each in going) / 1e6
    yield f"{len(going)} of {len(kept)} releases {goes}, {size:,.1f} MB"
    if dry_run or not kept:
        return
    prune(output, going)
    # anew even where nothing went: one that was killed may have left it undone
    write_catalogue(output, network.network.name, network.network.language, network.output.url)
    filled = fill_if_declared(network, output)
    if filled is not None:
        yield f"Warehouse {filled}"
    mirrored = mirror_if_declared(network, output)
    if mirrored is not None:
        yield f"Mirrors   {mirrored}"
