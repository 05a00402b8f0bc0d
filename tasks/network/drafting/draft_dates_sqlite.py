"""Dates in the SQL of SQLite, which has none: text as 2024-05-31, made of text that is written otherwise."""

from __future__ import annotations

from tasks.network.drafting.profile import Writing

_MONTHS = "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"
_MARKED: dict[Writing, tuple[str, bool]] = {
    "day.month.year": (".", True),
    "day/month/year": ("/", True),
    "day-month-year": ("-", True),
    "month/day/year": ("/", False),
    "month-day-year": ("-", False),
}
"""The mark between two numbers and a year, and whether the day comes first."""


def day_of(year: str, month: str, day: str) -> str:
    """The expression that makes a day of its three numbers, or of text that writes them; NULL of a NULL."""
    whole = (f"CAST({each} AS INTEGER)" for each in (year, month, day))
    y, m, d = whole
    return f"DATE({y} || '-' || SUBSTR('0' || {m}, -2) || '-' || SUBSTR('0' || {d}, -2))"


def day_written(column: str, writing: Writing) -> str:
    """The expression that makes a day of text, or of eight digits.

    Args:
        column: its name in SQL.
        writing: how it writes dates.
    """
    value = f"TRIM({column})"
    if writing in _MARKED:
        mark, day_first = _MARKED[writing]
        rest = f"SUBSTR({value}, INSTR({value}, '{mark}') + 1)"
        first = f"SUBSTR({value}, 1, INSTR({value}, '{mark}') - 1)"
        second = f"SUBSTR({rest}, 1, INSTR({rest}, '{mark}') - 1)"
        year = f"SUBSTR({rest}, INSTR({rest}, '{mark}') + 1, 4)"
        return day_of(year, second, first) if day_first else day_of(year, first, second)
    if writing == "digits":
        return day_of(f"SUBSTR({value}, 1, 4)", f"SUBSTR({value}, 5, 2)", f"SUBSTR({value}, 7, 2)")
    if writing == "year/month/day":
        return f"DATE(REPLACE(SUBSTR({value}, 1, 10), '/', '-'))"
    return _named(
        f"REPLACE(REPLACE({column}, '-', ''), ' ', '')", years=4 if writing == "day mon year" else 2
    )


def _named(bare: str, years: int) -> str:
    """The day of what is written as 31MAY2024 or, of two digits for the year, 31MAY24: 1969 to 2068."""
    name = f"UPPER(SUBSTR({bare}, LENGTH({bare}) - {years + 2}, 3))"
    month = f"(INSTR('{_MONTHS}', {name}) + 2) / 3"
    year = f"SUBSTR({bare}, -{years})"
    if years == 2:
        year = f"(CASE WHEN {year} >= '69' THEN '19' ELSE '20' END || {year})"
    return day_of(year, month, f"SUBSTR({bare}, 1, LENGTH({bare}) - {years + 3})")
