"""What is known of a table before anyone has described it: names, types and counts, no values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tasks import periods

Kind = Literal["number", "boolean", "text", "date", "other"]
Range = Literal[
    "age", "year", "short_year", "month", "day", "positive", "digits", "month_digits", "spreadsheet"
]
"""Ranges that numbers may keep to: 0 to 110, 1900 to 2100, 32 to 99, 1 to 12, 1 to 31, above 0, and those of
dates that are written as digits, 19000101 to 21001231, of months that are, 190001 to 210012, or of days as a
spreadsheet counts them, 1954 to 2064."""
Writing = Literal[
    "day",
    "time",
    "zoned time",
    "day.month.year",
    "day/month/year",
    "day-month-year",
    "month/day/year",
    "month-day-year",
    "year/month/day",
    "day mon year",
    "day mon yy",
    "mon year",
    "mon yy",
    "mon number",
    "number mon",
    "year-month",
    "year-quarter",
    "quarter-year",
    "digits",
    "month digits",
    "spreadsheet",
]
"""How text or numbers write dates: 2024-05-31, with a time, with its zone, …, 31-May-2024 or 31MAY2024,
31-May-24, May-2024 or Mai 2024, May-24, May-24 where 24 can be a day, 24-May, 2024-05, 2024-Q2, Q2-2024,
20240531, 202405, days since 1899."""

_SEVERAL = 4
"""Periods with records from which a rhythm can be heard."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How many different days, ISO weeks, months, quarters and years a column's dates are in."""

    days: int
    weeks: int
    months: int
    quarters: int
    years: int

    @property
    def period(self) -> periods.Kind | None:
        """What the records come by, where they plainly come by one; None where they come on any day.

        Records of a quarter that are all dated in one of its months come by the quarter, those of a month
        that are all in one week by the month, and those of a week that are all on one day by the week; as
        long as most periods of the years there are have some.
        """
        if self.months == self.quarters >= _SEVERAL and self.quarters > 2 * self.years:
            return "quarter"
        if self.weeks == self.months >= _SEVERAL and self.months > 6 * self.years:
            return "month"
        if self.days == self.weeks >= _SEVERAL and self.weeks > 2 * self.months:
            return "week"
        return None


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """One column of a table, by counts.

    Attributes:
        name: as the database has it.
        sql: the name as SQL writes it there, in quotes where it needs them.
        kind: what it holds.
        n_missing: rows without a value.
        n_distinct: different values.
        zero_one: whether its numbers are 0 and 1 only, both occurring (true and false count too).
        one_two: whether its numbers are 1 and 2 only, both occurring.
        whole: whether its numbers are whole.
        negative: whether any of its numbers is below zero.
        mostly_zero: whether its numbers are none below zero, and more than half of them 0.
        within: the ranges that 99 in 100 of its numbers keep to.
        words: for text of few values, those of `value_words.KNOWN` that it holds, in small letters.
        n_words: for the same, how many different values it has, small letters being as good as capitals.
        writing: for text or whole numbers, how 99 in 100 of them write dates.
        order_told: for dates of two numbers and a year, whether a number above 12 tells which is the day.
        rhythm: for dates, how often they come.
    """

    name: str
    sql: str
    kind: Kind
    n_missing: int
    n_distinct: int
    zero_one: bool = False
    one_two: bool = False
    whole: bool = False
    negative: bool = False
    mostly_zero: bool = False
    within: frozenset[Range] = frozenset()
    words: tuple[str, ...] = ()
    n_words: int = 0
    writing: Writing | None = None
    order_told: bool = True
    rhythm: Rhythm | None = None


@dataclass(frozen=True, slots=True)
class NumbersWithin:
    """How a column's different values lie in clinics, told by counts.

    Attributes:
        n_clinics: clinics.
        n_distinct: different values in the whole table.
        n_pairs: different values of each clinic, added up.
        fewest: different values in the clinic that has the fewest.
        most: in the one that has the most.
    """

    n_clinics: int
    n_distinct: int
    n_pairs: int
    fewest: int
    most: int

    @property
    def restart(self) -> bool:
        """Whether numbers begin anew in each clinic, as pupils' do in each class.

        Then the largest clinic has nearly all numbers that there are, and a number occurs in many clinics.
        Where every clinic has the same numbers, people may as well have been seen in all of them.
        """
        several = self.n_pairs >= min(_TWICE, _NEARLY * self.n_clinics) * self.n_distinct
        return several and self.fewest < self.most and self.n_distinct * _NEARLY <= self.most


_TWICE, _NEARLY = 2.0, 0.9


@dataclass(frozen=True, slots=True)
class TableProfile:
    """One table of a source.

    Attributes:
        source: as the network file will have it.
        sql: the table's name as SQL writes it.
        n_rows: rows in all.
        columns: its columns, in the table's order.
    """

    source: str
    sql: str
    n_rows: int
    columns: tuple[ColumnProfile, ...]

    def column(self, name: str) -> ColumnProfile:
        """The column of that name."""
        return next(column for column in self.columns if column.name == name)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names."""
        return tuple(column.name for column in self.columns)
