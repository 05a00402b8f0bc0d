"""A person's decision about a release that is held: it becomes current, or it goes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from flows.commands.notify import told_of
from flows.telling import tell
from tasks.network import Network, read_network
from tasks.publishing import (
    HeldRelease,
    Output,
    RunRecord,
    approve,
    held_release,
    kept_releases,
    refuse,
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
    network, output = _opened(network_file)
    held = held_release(output, name)
    published = approve(output, held)
    write_catalogue(output, network.network.name, network.network.language, network.output.url)
    _keep(network, network_file, output, held, "approved", by, because)
    yield f"Published {published.directory}"
    if not published.is_latest:
        yield f"latest stays at {published.latest.resolve().name}, of a later period"
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
    network, output = _opened(network_file)
    held = held_release(output, name)
    refuse(held)
    _keep(network, network_file, output, held, "refused", by, because)
    yield f"Refused {held.name}; the last good release stays current"
    yield f"To make it anew: clinicnet run {network_file} --period {held.period}"


def _opened(network_file: Path) -> tuple[Network, Output]:
    network = read_network(network_file)
    return network, Output(network.directory / network.output.directory, network.output.rights)


def _keep(
    network: Network,
    network_file: Path,
    output: Output,
    held: HeldRelease,
    ended: Literal["approved", "refused"],
    by: str,
    because: str | None,
) -> None:
    """A record beside those of runs: who decided, and what was said."""
    now = datetime.now(UTC)
    record = RunRecord(
        network=network.network.name,
        network_file=str(network_file),
        month=held.period,
        started=now,
        finished=now,
        ended=ended,
        release=str(output.directory / "releases" / held.name) if ended == "approved" else None,
        error="; ".join(held.reasons),
        by=by,
        because=because,
    )
    write_run_record(record, output.runs)
