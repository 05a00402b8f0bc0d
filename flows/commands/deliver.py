"""`clinicnet deliver`: the clinics' reports handed over, or a list of who gets what."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from flows.delivering import Delivery, absent, deliveries, hand_over, release_to_deliver
from flows.published_output import network_and_output
from tasks.errors import ClinicnetError
from tasks.network import Network
from tasks.publishing import Kept, Output

_MOST_NAMES = 12


class UndeliveredError(ClinicnetError):
    """Some clinics' addresses did not take their reports."""


def who_gets_what(network_file: Path, name: str | None) -> Iterator[str]:
    """What each clinic would get, where, and with which words; nothing is sent.

    Args:
        network_file: the network's file.
        name: the release's, or what it begins with; None: the latest.

    Raises:
        ClinicnetError: the network file or the release cannot be used, or an address cannot.
    """
    network, output, kept = _found(network_file, name)
    all_ = deliveries(network, output, kept)
    for each in all_:
        if each.post is not None and each.is_due:
            each.post.require_usable()
    yield from _listed(network, kept, all_)
    for each in all_:
        if each.post is not None and each.is_due:
            yield from ("", f"To: {each.clinic}, {each.post.shown}", f"Subject: {each.letter.title}")
            yield from (f"With: {each.report}", "", each.letter.body)


def deliver_reports(network_file: Path, name: str | None) -> Iterator[str]:
    """Hand over what is due, and say of each clinic whether it has its report.

    Args:
        network_file, name: as for `who_gets_what`.

    Raises:
        ClinicnetError: as `who_gets_what`; or an address did not take a report, the others have theirs.
    """
    network, output, kept = _found(network_file, name)
    left = hand_over(output, kept, deliveries(network, output, kept))
    yield from _listed(network, kept, deliveries(network, output, kept))
    if left:
        names = ", ".join(each.clinic for each in left[:_MOST_NAMES]) + (
            " …" if len(left) > _MOST_NAMES else ""
        )
        raise UndeliveredError(
            f"no report reached {names}; the other clinics have theirs",
            hint="clinicnet check says which address cannot be used; the same command tries again",
        )


def _found(network_file: Path, name: str | None) -> tuple[Network, Output, Kept]:
    network, output = network_and_output(network_file)
    return network, output, release_to_deliver(network, output, name)


def _listed(network: Network, kept: Kept, all_: list[Delivery]) -> Iterator[str]:
    yield f"Release {kept.name}"
    width = max(len(each.clinic) for each in all_)
    for each in all_:
        where = "no address" if each.post is None else each.post.shown
        state = f"delivered {each.sent}" if each.sent else "" if each.post is None else "to be delivered"
        yield f"{each.clinic:{width}}  {'  '.join(filter(None, (where, state)))}"
    for clinic in absent(network, all_):
        yield f"{clinic:{width}}  is not in this release"
