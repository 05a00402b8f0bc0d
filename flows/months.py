"""Which month a run reports: the one asked for, or the one just closed when the run was due."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tasks.errors import ClinicnetError, NetworkError

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


def parse_month(text: str) -> str:
    """`text` if it is a month, YYYY-MM.

    Raises:
        ClinicnetError: it is not.
    """
    if not _MONTH.fullmatch(text):
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
    year, month = (local.year, local.month - 1) if local.month > 1 else (local.year - 1, 12)
    return f"{year:04d}-{month:02d}"


def months_between(first: str, last: str) -> int:
    """How many months there are from `first` to `last`, both counted.

    >>> months_between("2019-11", "2020-02")
    4
    """
    years, months = int(last[:4]) - int(first[:4]), int(last[5:]) - int(first[5:])
    return 12 * years + months + 1
