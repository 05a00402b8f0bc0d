"""Ranges that tell what a column's numbers could be: ages, years, days of a month, dates in digits."""

from __future__ import annotations

from collections.abc import Mapping

from tasks.network.drafting.profile import Range

_MONTH = "FLOOR({value} / 100) - 100 * FLOOR({value} / 10000)"
_LAST_TWO = "{value} - 100 * FLOOR({value} / 100)"

RANGES: Mapping[Range, str] = {
    "age": "{value} BETWEEN 0 AND 110",
    "year": "{value} BETWEEN 1900 AND 2100",
    "short_year": "{value} BETWEEN 32 AND 99",
    "month": "{value} BETWEEN 1 AND 12",
    "day": "{value} BETWEEN 1 AND 31",
    "positive": "{value} > 0",
    "digits": "{value} BETWEEN 19000101 AND 21001231"
    f" AND {_MONTH} BETWEEN 1 AND 12 AND {_LAST_TWO} BETWEEN 1 AND 31",
    "month_digits": f"{{value}} BETWEEN 190001 AND 210012 AND {_LAST_TWO} BETWEEN 1 AND 12",
    "spreadsheet": "{value} BETWEEN 20000 AND 60000",
}
"""Range → the condition that a value keeps to it."""


def all_but_few(n: int, of: int) -> bool:
    """Whether 99 in 100 of the values are so: one slip in a hundred does not tell what a column holds."""
    return n >= 0.99 * of
