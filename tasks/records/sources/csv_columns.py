"""Columns of a CSV file that people write otherwise than computers: 12,5 and 31.1.2024.

Counted over the whole file, in DuckDB; a column is read so only if all of its values can be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

_NUMBER = r"^[+-]?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?$"
_DATE = r"^\d{1,2}([./-])\d{1,2}[./-](\d{4}|\d{2})( \d{1,2}:\d{2}(:\d{2})?)?$"
_SHORT_YEAR = r"^\d{1,2}[./-]\d{1,2}[./-]\d{2}( |$)"
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


def written_columns(
    ask: Callable[[str], Sequence[Any]], text: str, columns: dict[str, str], *, commas: bool
) -> tuple[WrittenColumn, ...]:
    """The columns that are numbers or dates as people write them.

    Args:
        ask: gives a query's only row.
        text: the file as a table whose every column is text.
        columns: column → the type that DuckDB reads it as.
        commas: whether a comma can be a decimal sign, since it separates no fields.
    """
    doubted = [
        name for name, kind in columns.items() if kind in ("VARCHAR", "DATE") or kind.startswith("TIMESTAMP")
    ]
    if not doubted:
        return ()
    counts = ", ".join(_counted(_value(name)) for name in doubted)
    row = [int(n) for n in ask(f"SELECT {counts} FROM {text}")]
    width = len(_Counts._fields)
    found = (
        _column(name, columns[name], _Counts(*row[width * i : width * (i + 1)]), commas=commas)
        for i, name in enumerate(doubted)
    )
    return tuple(each for each in found if each is not None)


class _Counts(NamedTuple):
    """How many values of a column: there are, are numbers with a decimal comma perhaps, have a comma, …"""

    known: int
    numbers: int
    with_comma: int
    dates: int
    short_years: int
    day_first: int
    month_first: int
    timed: int
    dotted: int


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
        )
    )


def _column(name: str, kind: str, n: _Counts, *, commas: bool) -> WrittenColumn | None:
    value = _value(name)
    if not n.known:
        return None
    if commas and kind == "VARCHAR" and n.numbers == n.known and n.with_comma:
        sql = f"CAST(REPLACE(REPLACE({value}, '.', ''), ',', '.') AS DOUBLE)"
        return WrittenColumn(name, sql, f"column {name!r} has decimal commas: 12,5 is twelve and a half")
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


def _value(name: str) -> str:
    quoted = name.replace('"', '""')
    return f"NULLIF(TRIM(\"{quoted}\"), '')"


def _formats(*, day_first: bool) -> str:
    day_month = "%d{0}%m{0}" if day_first else "%m{0}%d{0}"
    dates = [day_month.format(mark) + year for mark in "./-" for year in ("%y", "%Y")]
    return "[" + ", ".join(f"'{date}{time}'" for date in dates for time in _TIMES) + "]"
