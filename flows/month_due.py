"""Which month a run reports: the one asked for, or the one just closed when the run was due."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tasks import months
from tasks.errors import ClinicnetError, NetworkError


def parse_month(text: str) -> str:
    """`text` if it is a month, YYYY-MM.

    Raises:
        ClinicnetError: it is not.
    """
    if not months.is_month(text):
        raise ClinicnetError(
            f"{text!r} is not a month", hint="write it as year and month, for example 2020-05"
        )
    return text


def month_just_closed(due: datetime, time_zone: str) -> str:
    """The month before the one in which a run was due, in the network's time zone.

    `due` is the time the run was scheduled for, never the time it began: a run may begin a little early,
    or days late after an outage, and still reports the month it was meant for.

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
    return months.written(months.numbered(local.year, local.month) - 1)
