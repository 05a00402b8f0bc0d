"""Columns of a CSV file that people write otherwise than computers: 12,5, 31.1.2024 and Jan-24.

Counted over the whole file, in DuckDB; a column is read so only if all of its values can be. Of one that
would be numbers but for some of its values, how many and where the first stands is said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tasks.network.drafting import month_names
from tasks.records.sql_text import quoted

_BETWEEN_THOUSANDS = "[. \xa0\u202f’\\x27]"
"""What people write between thousands where a comma is decimal: dots, spaces, apostrophes."""
_NUMBER = rf"^[+-]?(\d+|\d{{1,3}}({_BETWEEN_THOUSANDS}\d{{3}})+)(,\d+)?$"
_THOUSANDS = rf"^[+-]?(\d+|[1-9]\d{{0,2}}({_BETWEEN_THOUSANDS}\d{{3}})+)$"
_POINT = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_DATE = r"^\d{1,2}([./-])\d{1,2}[./-](\d{4}|\d{2})( \d{1,2}:\d{2}(:\d{2})?)?$"
_SHORT_YEAR = r"^\d{1,2}[./-]\d{1,2}[./-]\d{2}( |$)"
_MONTH_NAME = "(" + "|".join(sorted(month_names.KNOWN, key=len, reverse=True)) + ")"
_NAMED_MONTH = rf"^{_MONTH_NAME}([-/. \xa0’\x27]|\. | de )*(\d{{4}}|\d{{2}})$"
_NUMBERED_MONTH = rf"^\d{{1,2}}[-/. ]*{_MONTH_NAME}\.?$"
_TIMES = ("", " %H:%M", " %H:%M:%S")


@dataclass(frozen=True, slots=True)
class WrittenColumn:
    """A column that needs reading.

    Attributes:
        name: its name.
        sql: the expression that reads its text.
        assumption: how it is read, in a sentence.
    """

    name: str
    sql: str
    assumption: str


@dataclass(frozen=True, slots=True)
class NearlyNumbers:
    """A column of text that would be numbers but for some of its values.

    Attributes:
        name: its name.
        known: how many values it has.
        others: how many are no number.
        pattern: what a number looks like in it.
    """

    name: str
    known: int
    others: int
    pattern: str

    def fits(self, value: str) -> bool:
        """Whether a value is one, or missing."""
        return not value.strip() or re.match(self.pattern, value.strip()) is not None

    def sentence(self, file: str, line: int) -> str:
        """What stands in its way, and where the first such value is."""
        are = "is" if self.others == 1 else "are"
        return (
            f"column {self.name!r} is read as text: {self.others:,} of its {self.known:,} values {are} no "
            f"number, the first in line {line:,} of {file}; mend the file, or make them NULL in the SELECT"
        )


@dataclass(frozen=True, slots=True)
class NearlyMonths:
    """A column of text that would be months but for some of its values, or that could be days instead.

    Attributes:
        name: its name.
        known: how many values it has.
        others: how many are no month by its name with a year.
        short: whether the numbers beside its months can be days as well as years.
    """

    name: str
    known: int
    others: int
    short: bool

    def fits(self, value: str) -> bool:
        """Whether a value is a month with a year that can be nothing else, or missing."""
        text = value.strip().lower()
        if not text or re.match(_NAMED_MONTH, text) is None:
            return not text
        return not self.short or re.search(r"\d{4}$", text) is not None

    def sentence(self, file: str, line: int) -> str:
        """What stands in its way, and where the first such value is."""
        read = f"column {self.name!r} is read as text"
        if self.short:
            return (
                f"{read}: it names months beside numbers that can be days as well as years, the first in "
                f"line {line:,} of {file}; write years with four digits"
            )
        are = "is" if self.others == 1 else "are"
        return (
            f"{read}: {self.others:,} of its {self.known:,} values {are} no month with its year, the first "
            f"in line {line:,} of {file}; mend the file"
        )


@dataclass(frozen=True, slots=True)
class Writing:
    """How a file's columns are written: those to be read, and those that are nearly numbers or months."""

    read: tuple[WrittenColumn, ...] = ()
    nearly: tuple[NearlyNumbers | NearlyMonths, ...] = ()


def written_columns(
    ask: Callable[[str], Sequence[Any]], text: str, columns: dict[str, str], *, commas: bool
) -> Writing:
    """The columns that are numbers or dates as people write them, all of them or nearly.

    Args:
        ask: gives a query's only row.
        text: the file as a table whose every column is text.
        columns: column → the type that DuckDB reads it as.
        commas: whether a comma can be a decimal sign, since it separates no fields.
    """
    doubted = [name for name, kind in columns.items() if _is_doubted(kind, commas=commas)]
    if not doubted:
        return Writing()
    counts = ", ".join(_counted(_value(name)) for name in doubted)
    row = [int(n) for n in ask(f"SELECT {counts} FROM {text}")]
    width = len(_Counts._fields)
    counted = {name: _Counts(*row[width * i : width * (i + 1)]) for i, name in enumerate(doubted)}
    # where one column has decimal commas, a dot before three digits is none in the others
    european = commas and any(_has_decimal_commas(columns[name], n) for name, n in counted.items())
    found = {
        name: _column(name, columns[name], n, commas=commas, european=european) for name, n in counted.items()
    }
    nearly = (
        _nearly_months(name, n) or _nearly(name, n, commas=commas)
        for name, n in counted.items()
        if found[name] is None and columns[name] == "VARCHAR"
    )
    return Writing(
        tuple(each for each in found.values() if each is not None),
        tuple(each for each in nearly if each is not None),
    )


def _is_doubted(kind: str, *, commas: bool) -> bool:
    return kind in ("VARCHAR", "DATE") or kind.startswith("TIMESTAMP") or (commas and kind == "DOUBLE")


def _nearly(name: str, n: _Counts, *, commas: bool) -> NearlyNumbers | None:
    """A column of which more than half are numbers."""
    numbers, pattern = max((n.points, _POINT), (n.numbers if commas else 0, _NUMBER))
    others = n.known - numbers
    return NearlyNumbers(name, n.known, others, pattern) if 0 < others < numbers else None


def _nearly_months(name: str, n: _Counts) -> NearlyMonths | None:
    """A column of which more than half are months by their names, or days of them."""
    months = n.named_months + n.numbered_months
    if 2 * months <= n.known:
        return None
    others = n.known - n.named_months
    short = bool(n.short_named or n.numbered_months) and not (n.short_named and others and _has_years(n))
    return NearlyMonths(name, n.known, others, short)


def _has_years(n: _Counts) -> bool:
    """Whether the numbers of two digits behind months' names are years."""
    return month_names.are_years(n.years, n.least_year, n.most_year)


def _has_decimal_commas(kind: str, n: _Counts) -> bool:
    return kind == "VARCHAR" and 0 < n.known == n.numbers and n.with_comma > 0


class _Counts(NamedTuple):
    """How many values of a column: there are, are numbers with a decimal comma perhaps, have a comma, …

    The last three: how many different years of two digits stand behind months' names, the least, the largest.
    """

    known: int
    numbers: int
    with_comma: int
    dates: int
    short_years: int
    day_first: int
    month_first: int
    timed: int
    dotted: int
    thousands: int
    points: int
    named_months: int
    numbered_months: int
    short_named: int
    years: int
    least_year: int
    most_year: int


def _counted(value: str) -> str:
    return ", ".join(
        (
            f"COUNT({value})",
            f"COUNT(*) FILTER (regexp_matches({value}, '{_NUMBER}'))",
            f"COUNT(*) FILTER (contains({value}, ','))",
            f"COUNT(*) FILTER (regexp_matches({value}, '{_DATE}'))",
            f"COUNT(*) FILTER (regexp_matches({value}, '{_SHORT_YEAR}'))",
            f"COUNT(TRY_STRPTIME({value}, {_formats(day_first=True)}))",
            f"COUNT(TRY_STRPTIME({value}, {_formats(day_first=False)}))",
            f"COUNT(*) FILTER (contains({value}, ':'))",
            f"COUNT(*) FILTER (contains({value}, '.'))",
            f"COUNT(*) FILTER (regexp_matches({value}, '{_THOUSANDS}'))",
            f"COUNT(*) FILTER (regexp_matches({value}, '{_POINT}'))",
            f"COUNT(*) FILTER (regexp_matches(LOWER({value}), '{_NAMED_MONTH}'))",
            f"COUNT(*) FILTER (regexp_matches(LOWER({value}), '{_NUMBERED_MONTH}'))",
            *_years_counted(value),
        )
    )


def _years_counted(value: str) -> tuple[str, ...]:
    """How many months by name have a year of two digits, and of those how many, the least, the largest."""
    short = f"NOT regexp_matches({value}, '\\d{{4}}$')"
    named = f"FILTER (regexp_matches(LOWER({value}), '{_NAMED_MONTH}') AND {short})"
    year = f"TRY_CAST(RIGHT({value}, 2) AS INTEGER)"
    return (
        f"COUNT(*) {named}",
        f"COUNT(DISTINCT {year}) {named}",
        f"COALESCE(MIN({year}) {named}, 0)",
        f"COALESCE(MAX({year}) {named}, 0)",
    )


def _column(name: str, kind: str, n: _Counts, *, commas: bool, european: bool) -> WrittenColumn | None:
    value = _value(name)
    if not n.known:
        return None
    if commas and _has_decimal_commas(kind, n):
        sql = f"CAST(REPLACE({_without_marks(value)}, ',', '.') AS DOUBLE)"
        return WrittenColumn(name, sql, f"column {name!r} has decimal commas: 12,5 is twelve and a half")
    if european and kind in ("DOUBLE", "VARCHAR") and n.thousands == n.known and n.dotted:
        said = f"column {name!r} has dots between thousands, since others have decimal commas: 1.200 is 1200"
        return WrittenColumn(name, f"CAST({_without_marks(value)} AS DOUBLE)", said)
    if kind == "DOUBLE" and n.thousands == n.known and n.dotted:
        said = (
            f"column {name!r} has three digits after every dot, read as decimals: 1.200 is 1.2, and not 1200"
        )
        return WrittenColumn(name, f"CAST({value} AS DOUBLE)", said)
    if n.named_months == n.known and n.short_named in (0, n.known):
        return _named_months(name, n)
    if n.dates != n.known or n.short_years not in (0, n.known) or n.known not in (n.day_first, n.month_first):
        return None
    doubtful = n.day_first == n.month_first and n.dotted < n.known  # between dots the day comes first
    if kind != "VARCHAR" and not doubtful and not n.short_years:
        return None  # DuckDB reads it so
    order = "day" if n.day_first == n.known else "month"
    unsure = "; no value tells, since none of the first two numbers is above 12" if doubtful else ""
    years = "; years 69 to 99 are those of the last century" if n.short_years else ""
    sql = f"STRPTIME({value}, {_formats(day_first=order == 'day')})"
    sql = f"CAST({sql} AS {'TIMESTAMP' if n.timed else 'DATE'})"
    return WrittenColumn(name, sql, f"column {name!r} is read as dates with the {order} first{unsure}{years}")


def _named_months(name: str, n: _Counts) -> WrittenColumn | None:
    """A column of months by name, each with its year; None where its numbers can be days as well as years."""
    if n.short_named and not _has_years(n):
        return None
    text = _value(name)
    year, said = f"RIGHT({text}, 4)", ""
    if n.short_named:
        year = f"CONCAT(CASE WHEN RIGHT({text}, 2) >= '69' THEN '19' ELSE '20' END, RIGHT({text}, 2))"
        said = "; years 69 to 99 are those of the last century"
    sql = f"CAST(CONCAT({year}, '-', {month_names.month_number(text)}, '-01') AS DATE)"
    return WrittenColumn(name, sql, f"column {name!r} is read as months, each its first day{said}")


def _value(name: str) -> str:
    return f"NULLIF(TRIM({quoted(name)}), '')"


def _without_marks(value: str) -> str:
    return f"regexp_replace({value}, '{_BETWEEN_THOUSANDS}', '', 'g')"


def _formats(*, day_first: bool) -> str:
    day_month = "%d{0}%m{0}" if day_first else "%m{0}%d{0}"
    dates = [day_month.format(mark) + year for mark in "./-" for year in ("%y", "%Y")]
    return "[" + ", ".join(f"'{date}{time}'" for date in dates for time in _TIMES) + "]"
