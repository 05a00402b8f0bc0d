"""`clinicnet mirror`: what is published, copied to every target of [mirror]."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from flows.mirroring import bring_up_to_date
from flows.published_output import output_of
from tasks.errors import ClinicnetError
from tasks.network import read_network


class NotMirroredError(ClinicnetError):
    """Some mirrors are as they were before."""


def mirror_now(network_file: Path) -> Iterator[str]:
    """Bring the mirrors up to date, and say of each what was done.

    Args:
        network_file: the network's file.

    Raises:
        ClinicnetError: the network file cannot be read or names no mirror; or one failed, and the others are
            up to date.
    """
    network = read_network(network_file)
    failed: list[ClinicnetError] = []
    for target, done in bring_up_to_date(network, output_of(network)).items():
        if isinstance(done, ClinicnetError):
            failed.append(done)
        else:
            yield (
                f"{target}  {done.standing} releases stand: {done.put} files copied, {done.removed} taken out"
            )
    if len(failed) == 1:
        raise failed[0]
    if failed:
        raise NotMirroredError(
            "; ".join(each.message for each in failed), hint="clinicnet check says of each what to do"
        )
