"""Which period a run reports: the one asked for, or the one just closed when the run was due."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim

from tasks.errors import ClinicnetError, NetworkError
from tasks.network.operation import is_cron
from tasks.periods import KINDS, Kind, Period, is_label

if TYPE_CHECKING:
    from tasks.network.schema import Network


CLOSED: Mapping[Kind, str] = {"month": "0 6 3 * *", "quarter": "0 6 3 1,4,7,10 *", "week": "0 6 * * 3"}
"""Kind of period → 6:00 on the third day of the next, as cron says it."""


def schedule_of(network: Network, cron: str | None = None) -> str:
    """When a network's report is made, as cron says it: `cron`, what the network file says, or `CLOSED`.

    Raises:
        ClinicnetError: `cron` is no schedule.
    """
    if cron is not None and not is_cron(cron):
        raise ClinicnetError(
            f"{cron!r} is not a schedule", hint='write it as cron does: "0 6 3 * *" is the 3rd, at 6:00'
        )
    return cron or network.schedule.cron or CLOSED[network.window.period]


@dataclass(frozen=True, slots=True)
class Due:
    """A report that is due: when, in the network's time zone, and the label of the period it is of."""

    at: datetime
    period: str


def due_after(network: Network, moment: datetime, cron: str | None = None) -> Iterator[Due]:
    """The reports that are due after a moment, one by one and without end."""
    return _due(network, moment, cron, back=False)


def due_before(network: Network, moment: datetime, cron: str | None = None) -> Iterator[Due]:
    """The reports that were due by a moment, the last one first."""
    return _due(network, moment, cron, back=True)


def _due(network: Network, moment: datetime, cron: str | None, *, back: bool) -> Iterator[Due]:
    zone, kind = network.network.time_zone, network.window.period
    for at in CronSim(schedule_of(network, cron), moment.astimezone(ZoneInfo(zone)), reverse=back):
        yield Due(at, period_just_closed(at, zone, kind))


def parse_period(text: str, network: Network) -> str:
    """`text` if it is the label of a period of the kind that the network reports by.

    Raises:
        ClinicnetError: it is not.
    """
    kind = network.window.period
    if is_label(text, kind):
        return text
    if is_label(text):
        period = Period.of_label(text)
        raise ClinicnetError(
            f"{text!r} is a {period.kind}, and this network reports by {kind}",
            hint=f"say {Period.of_day(kind, period.last_day)}, or set [window] period in the network file",
        )
    raise ClinicnetError(f"{text!r} is not a {kind}", hint=f"write it as {KINDS[kind]}")


def period_just_closed(due: datetime, time_zone: str, kind: Kind = "month") -> str:
    """The period before the one in which a run was due, in the network's time zone.

    `due` is the time the run was scheduled for, never the time it began: a run may begin a little early,
    or days late after an outage, and still reports the period it was meant for.

    Raises:
        NetworkError: there is no such time zone.
    """
    try:
        local = due.astimezone(ZoneInfo(time_zone))
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise NetworkError(
            f"there is no time zone {time_zone!r}",
            hint="write it as the tz database does, e.g. Europe/Berlin",
        ) from error
    return str(Period.of_day(kind, local.date()) + -1)
