"""Which period a run reports: the one asked for, or the one just closed when the run was due."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tasks.errors import ClinicnetError, NetworkError
from tasks.periods import KINDS, Kind, Period, is_label

if TYPE_CHECKING:
    from tasks.network.schema import Network


CLOSED: Mapping[Kind, str] = {"month": "0 6 3 * *", "quarter": "0 6 3 1,4,7,10 *", "week": "0 6 * * 3"}
"""Kind of period → 6:00 on the third day of the next, as cron says it."""


def schedule_of(network: Network, cron: str | None = None) -> str:
    """When a network's report is made, as cron says it: `cron`, what the network file says, or `CLOSED`."""
    return cron or network.schedule.cron or CLOSED[network.window.period]


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
