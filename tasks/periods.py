"""Periods of the calendar that a network reports by: months, quarters or ISO weeks.

A period is a kind and an ordinal, so that periods can be subtracted and follow one another without a
calendar at hand. Its label (2024-05, 2024-Q2, 2024-W05) is how it is written on the command line, in
directories and in tables; labels of one kind sort in the order of time.

Source: ISO 8601:2004, 4.1.4.2 and 4.1.4.3: weeks begin on Monday, and belong to the year of their Thursday.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal, Self

Kind = Literal["month", "quarter", "week"]

PATTERN = r"[0-9]{4}-(?:0[1-9]|1[0-2]|Q[1-4]|W(?:0[1-9]|[1-4][0-9]|5[0-3]))"
"""What every label of a period looks like; that a year has a 53rd week is for `Period.of_label` to know."""
KINDS: Mapping[Kind, str] = {"month": "2024-05", "quarter": "2024-Q2", "week": "2024-W05"}
"""Kind of period → a label of it, for people to write theirs by."""
PER_YEAR: Mapping[Kind, int] = {"month": 12, "quarter": 4, "week": 52}
"""Kind → how many of them a year has; some years have another week."""

_LABEL = re.compile(PATTERN)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DAYS = 7
_MOST_RUNS = 12
"""Runs of periods that a person reads through."""


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """One month, quarter or ISO week.

    Attributes:
        kind: month, quarter or week.
        ordinal: months or quarters since year 0, or weeks since Monday, 1 January of year 1.
    """

    kind: Kind
    ordinal: int

    @classmethod
    def of_label(cls, label: str) -> Self:
        """The period that is written so.

        >>> Period.of_label("2020-03").ordinal - Period.of_label("2019-12").ordinal
        3

        Raises:
            ValueError: it is no period's label.
        """
        if _LABEL.fullmatch(label) is None:
            raise ValueError(f"{label!r} is no period")
        year, within = int(label[:4]), label[5:]
        if within.startswith("W"):
            return cls.of_day("week", date.fromisocalendar(year, int(within[1:]), 1))
        if within.startswith("Q"):
            return cls("quarter", year * 4 + int(within[1:]) - 1)
        return cls("month", year * 12 + int(within) - 1)

    @classmethod
    def of_day(cls, kind: Kind, day: date) -> Self:
        """The period of that kind that a day is in.

        >>> str(Period.of_day("week", date(2024, 12, 30))), str(Period.of_day("quarter", date(2024, 12, 30)))
        ('2025-W01', '2024-Q4')
        """
        if kind == "week":
            return cls(kind, (day.toordinal() - 1) // _DAYS)
        of_year = (day.month - 1) * PER_YEAR[kind] // 12
        return cls(kind, day.year * PER_YEAR[kind] + of_year)

    def __str__(self) -> str:
        """The label."""
        if self.kind == "week":
            year, week, _ = self.first_day.isocalendar()
            return f"{year:04d}-W{week:02d}"
        year, of_year = divmod(self.ordinal, PER_YEAR[self.kind])
        return f"{year:04d}-Q{of_year + 1}" if self.kind == "quarter" else f"{year:04d}-{of_year + 1:02d}"

    def __add__(self, periods: int) -> Self:
        """The period so many later, or earlier where it is below zero."""
        return replace(self, ordinal=self.ordinal + periods)

    @property
    def first_day(self) -> date:
        """Its first day."""
        if self.kind == "week":
            return date.fromordinal(self.ordinal * _DAYS + 1)
        year, of_year = divmod(self.ordinal, PER_YEAR[self.kind])
        return date(year, of_year * 12 // PER_YEAR[self.kind] + 1, 1)

    @property
    def day_after(self) -> date:
        """The first day after it."""
        return (self + 1).first_day

    @property
    def last_day(self) -> date:
        """Its last day."""
        return self.day_after - timedelta(days=1)

    def window(self, length: int) -> tuple[Self, ...]:
        """The `length` periods that end with this one.

        >>> [str(each) for each in Period.of_label("2020-Q1").window(3)]
        ['2019-Q3', '2019-Q4', '2020-Q1']
        """
        return tuple(self + back for back in range(1 - length, 1))


def is_label(text: str, kind: Kind | None = None) -> bool:
    """Whether a text is a period's label, of that kind where one is given.

    >>> is_label("2020-W53"), is_label("2021-W53"), is_label("2020-05", "quarter")
    (True, False, False)
    """
    try:
        return kind in (None, Period.of_label(text).kind)
    except ValueError:
        return False


def between(first: str, last: str) -> int:
    """How many periods there are from `first` to `last`, both counted.

    >>> between("2019-11", "2020-02"), between("2020-W52", "2021-W01")
    (4, 3)
    """
    return Period.of_label(last).ordinal - Period.of_label(first).ordinal + 1


def first_day(text: str) -> date:
    """The first day of what is written as a period of any kind, or as a day.

    >>> first_day("2024-Q2").isoformat(), first_day("2024-05-15").isoformat()
    ('2024-04-01', '2024-05-15')

    Raises:
        ValueError: it is neither.
    """
    if _DAY.fullmatch(text):  # Python's own reading knows more ways of writing a day
        return date.fromisoformat(text)
    return Period.of_label(text).first_day


def in_ranges(labels: Iterable[str]) -> str:
    """Periods of one kind as a person says them: runs of consecutive ones joined; of many, both ends.

    >>> in_ranges(["2020-03", "2020-04", "2020-05", "2020-08"])
    '2020-03 to 2020-05, 2020-08'
    >>> in_ranges(f"{year}-01" for year in range(1928, 2012))
    '84 from 1928-01 to 2011-01'
    """
    runs: list[list[Period]] = []
    for period in sorted(map(Period.of_label, labels)):
        if runs and period == runs[-1][-1] + 1:
            runs[-1].append(period)
        else:
            runs.append([period])
    if len(runs) > _MOST_RUNS:
        return f"{sum(map(len, runs))} from {runs[0][0]} to {runs[-1][-1]}"
    return ", ".join(said(str(run[0]), str(run[-1])) for run in runs)


def said(first: str, last: str) -> str:
    """A stretch of periods by its labels: both ends, and one that is both once.

    >>> said("2020-03", "2020-05"), said("1991-06", "1991-06")
    ('2020-03 to 2020-05', '1991-06')
    """
    return first if first == last else f"{first} to {last}"
