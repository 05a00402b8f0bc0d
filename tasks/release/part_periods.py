"""Which ends of the window are there in part, by the first and the last date that records bear."""

from __future__ import annotations

from datetime import date

from tasks.periods import Period

_DAYS_SHORT = 4
"""A period whose records begin so many days late, or end so many early, is in part there."""


def first_in_part(first_date: str | None, period: str) -> Period | None:
    """The period that the first records come late in; None where they do not.

    Records of whole periods may bear their last days.

    Args:
        first_date: of all records, YYYY-MM-DD; None where nothing is known of it.
        period: the reported one, which says of what kind they are.
    """
    if first_date is None:
        return None
    first = date.fromisoformat(first_date[:10])
    found = Period.of_day(Period.of_label(period).kind, first)
    by_period = first in (found.last_day, Period.of_day("month", first).last_day)
    return None if by_period or (first - found.first_day).days < _DAYS_SHORT else found


def reported_in_part(cut_off: str, period: str) -> bool:
    """Whether the reported period is not over; records of whole periods, or months, may bear first days.

    Args:
        cut_off: the last date of a record, YYYY-MM-DD.
        period: the reported one.
    """
    reported, last = Period.of_label(period), date.fromisoformat(cut_off[:10])
    by_period = last in (reported.first_day, reported.last_day.replace(day=1))
    return not by_period and (reported.last_day - last).days >= _DAYS_SHORT
