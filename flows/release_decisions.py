"""A person's decision about a release: of one that is held, and of one that is taken back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from flows.delivering import deliver_latest
from flows.mirroring import mirror_if_declared
from flows.published_output import network_and_output
from flows.telling import delivers, tell, told_of
from flows.warehouse_filling import fill_if_declared
from tasks.errors import PublishingError
from tasks.network import Network
from tasks.publishing import (
    Kept,
    Output,
    RunRecord,
    approve,
    held_release,
    kept_releases,
    published_release,
    refuse,
    restore,
    withdraw,
    write_catalogue,
    write_run_record,
)


def approve_held(network_file: Path, name: str | None, by: str, because: str | None) -> Iterator[str]:
    """Make a held release current, keep who said so, and tell those who are told of releases.

    Args:
        network_file: the network's file.
        name: the release's, or what it begins with; None: the one that is held.
        by: who approves it.
        because: why, in their words.

    Raises:
        ClinicnetError: the network file cannot be read, there is no such release or several, others were
            published since, or the output directory cannot be written.
    """
    network, output = network_and_output(network_file)
    held = held_release(output, name)
    published = approve(output, held)
    write_catalogue(output, network.network.name, network.network.language, network.output.url)
    why = "; ".join(held.reasons)
    _keep(network, network_file, output, held.period, "approved", by, because, why, published.directory)
    yield f"Published {published.directory}"
    if not published.is_latest:
        yield f"latest stays at {published.latest.resolve().name}, of a later period"
    yield from _filled(network, output)
    if delivers(network) and published.is_latest:
        yield f"Reports   {deliver_latest(network, output)}"
    if network.notify.tells("released"):
        kept = next(each for each in kept_releases(output) if each.name == published.directory.name)
        tell(network, [told_of(kept, network, output)])


def refuse_held(network_file: Path, name: str | None, by: str, because: str) -> Iterator[str]:
    """Take a held release away, and keep who said so and why.

    Args:
        network_file, name, by, because: as for `approve_held`.

    Raises:
        ClinicnetError: the network file cannot be read, or there is no such release or several.
    """
    network, output = network_and_output(network_file)
    held = held_release(output, name)
    refuse(held)
    _keep(network, network_file, output, held.period, "refused", by, because, "; ".join(held.reasons))
    yield f"Refused {held.name}; the last good release stays current"
    yield f"To make it anew: clinicnet run {network_file} --period {held.period}"


def withdraw_release(network_file: Path, name: str, by: str, because: str) -> Iterator[str]:
    """Take a release back: `latest` leads to the newest of the others, and `releases.json` says why.

    Args:
        network_file: the network's file.
        name: the release's, or what it begins with.
        by: who takes it back.
        because: why, for everybody to read.

    Raises:
        ClinicnetError: the network file cannot be read, there is no such release or several, or the output
            directory cannot be written.
    """
    network, output = network_and_output(network_file)
    kept = _kept(output, name)
    latest = withdraw(output, kept, by, because)
    yield f"Withdrawn {kept.name}; who read it keeps it, so it stays in {kept.directory}"
    yield from _made_known(network, network_file, output, kept, latest, "withdrawn", by, because)


def restore_release(network_file: Path, name: str, by: str, because: str | None) -> Iterator[str]:
    """Let a withdrawn release stand as before.

    Args:
        network_file, name, by, because: as for `withdraw_release`.

    Raises:
        ClinicnetError: as `withdraw_release`, or the release is not withdrawn.
    """
    network, output = network_and_output(network_file)
    kept = _kept(output, name)
    if kept.name not in output.withdrawn():
        raise PublishingError(f"{kept.name} is not withdrawn", hint="clinicnet releases lists what is")
    latest = restore(output, kept)
    yield f"Restored {kept.name}"
    yield from _made_known(network, network_file, output, kept, latest, "restored", by, because)


def _kept(output: Output, name: str) -> Kept:
    directory, _, _ = published_release(output, name)
    return next(each for each in kept_releases(output) if each.name == directory.name)


def _made_known(
    network: Network,
    network_file: Path,
    output: Output,
    kept: Kept,
    latest: Kept | None,
    ended: Literal["withdrawn", "restored"],
    by: str,
    because: str | None,
) -> Iterator[str]:
    write_catalogue(output, network.network.name, network.network.language, network.output.url)
    said = f"{kept.name} is {ended}"
    _keep(network, network_file, output, kept.period, ended, by, because, said, kept.directory)
    to = "nothing" if latest is None else f"{latest.name}, of {latest.period}"
    yield f"latest leads to {to}"
    yield from _filled(network, output)


def _filled(network: Network, output: Output) -> Iterator[str]:
    """What became of the network's own database and its mirrors, where it has any."""
    filled = fill_if_declared(network, output)
    if filled is not None:
        yield f"Warehouse {filled}"
    mirrored = mirror_if_declared(network, output)
    if mirrored is not None:
        yield f"Mirrors   {mirrored}"


def _keep(
    network: Network,
    network_file: Path,
    output: Output,
    period: str,
    ended: Literal["approved", "refused", "withdrawn", "restored"],
    by: str,
    because: str | None,
    said: str,
    release: Path | None = None,
) -> None:
    """A record beside those of runs: who decided, and what was said."""
    now = datetime.now(UTC)
    record = RunRecord(
        network=network.network.name,
        network_file=str(network_file),
        month=period,
        started=now,
        finished=now,
        ended=ended,
        release=None if release is None else str(release),
        error=said,
        by=by,
        because=because,
    )
    write_run_record(record, output.runs)
