"""Telling what is to be told: periods that were missed, and what has not arrived yet; or only showing it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from flows.commands.status import Status, status_of
from flows.telling import outbox, tell, told_of
from tasks.errors import NetworkError
from tasks.notifying import Addresses, Notice, missed


def tell_missed(status: Status) -> None:
    """Tell of periods that were due and are not reported, each once, and send what has not arrived yet.

    Raises:
        NetworkError: the network file says nobody who could be told.
    """
    require_addresses(status)
    tell(status.network, missed_notices(status))


def shown(network_file: Path, moment: datetime) -> Iterator[str]:
    """What would be sent now and to whom, and what was, or would have been, told of the latest release.

    Raises:
        ClinicnetError: the network file, a release or an address cannot be used, or it names no address.
    """
    status = status_of(network_file, moment)
    require_addresses(status)
    network, box = status.network, outbox(status.network)
    addresses = Addresses(network.notify.urls)
    for problem in addresses.problems():
        raise problem
    new = [each for each in missed_notices(status) if not box.knows(each)]
    waiting = box.waiting(addresses.urls)
    if not (new or waiting):
        yield "Nothing is to be sent."
    for each in waiting:
        yield from _as_sent(each.notice, [addresses.shown(url) for url in each.addresses])
    for notice in new:
        yield from _as_sent(notice, [addresses.shown(url) for url in addresses.urls])
    if status.latest is not None:
        yield "The latest release is told as:"
        yield from _as_sent(told_of(status.latest, status.network, status.output))


def require_addresses(status: Status) -> None:
    """See that there is somebody to be told.

    Raises:
        NetworkError: there is nobody.
    """
    if not status.network.notify.urls:
        raise NetworkError(
            f"{status.network_file.name} names nobody who is told",
            hint='add [notify] with urls = ["mailto://…"], as Apprise writes them',
        )


def missed_notices(status: Status) -> list[Notice]:
    """A notice for each period that was due and is not reported, where people are told of that."""
    network = status.network
    if not network.notify.tells("missed"):
        return []
    who, zone = network.network, ZoneInfo(network.network.time_zone)
    return [
        missed(
            who.name,
            each.period,
            f"{each.at.astimezone(zone):%Y-%m-%d %H:%M} ({who.time_zone})",
            str(status.network_file),
            who.language,
        )
        for each in status.missed
    ]


def _as_sent(notice: Notice, to: list[str] | None = None) -> Iterator[str]:
    yield ""
    if to is not None:
        yield f"To: {', '.join(to)}"
    yield f"Subject: {notice.title}"
    yield ""
    yield notice.body
    yield ""
