"""Months as text, YYYY-MM, and days at their edges."""

from __future__ import annotations

import re
from datetime import date

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


def is_month(text: str) -> bool:
    """Whether a text is a month."""
    return _MONTH.fullmatch(text) is not None


def number(month: str) -> int:
    """Months since year 0, so that months can be subtracted.

    >>> number("2020-03") - number("2019-12")
    3
    """
    year, of_year = month.split("-")
    return numbered(int(year), int(of_year))


def numbered(year: int, of_year: int) -> int:
    """The same of a year and the month in it, January being 1."""
    return year * 12 + of_year - 1


def written(number_: int) -> str:
    """The month with that number.

    >>> written(number("2020-12") + 1)
    '2021-01'
    """
    return f"{number_ // 12:04d}-{number_ % 12 + 1:02d}"


def between(first: str, last: str) -> int:
    """How many months there are from `first` to `last`, both counted.

    >>> between("2019-11", "2020-02")
    4
    """
    return number(last) - number(first) + 1


def window(month: str, months: int) -> tuple[str, ...]:
    """The `months` months that end with `month`.

    >>> window("2020-02", 3)
    ('2019-12', '2020-01', '2020-02')
    """
    last = number(month)
    return tuple(written(each) for each in range(last - months + 1, last + 1))


def first_day(month: str) -> date:
    """The month's first day."""
    return date.fromisoformat(f"{month}-01")


def day_after(month: str) -> date:
    """The first day after the month."""
    return first_day(written(number(month) + 1))


def in_ranges(months: list[str]) -> str:
    """Months as a person says them: runs of consecutive months joined.

    >>> in_ranges(["2020-03", "2020-04", "2020-05", "2020-08"])
    '2020-03 to 2020-05, 2020-08'
    """
    runs: list[list[str]] = []
    for month in sorted(months):
        if runs and number(month) == number(runs[-1][-1]) + 1:
            runs[-1].append(month)
        else:
            runs.append([month])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)
