"""Names and values as SQL writes them."""

from __future__ import annotations

from collections.abc import Collection, Hashable

import numpy as np

LARGEST = "1.7976931348623157e308"
"""The largest double: infinity lies beyond it, and NaN, which PostgreSQL and DuckDB sort above infinity."""


def quoted(column: str) -> str:
    """A column's name as SQL writes it, whatever is in it."""
    return '"' + column.replace('"', '""') + '"'


def literal(value: Hashable) -> str:
    """A label as SQL writes it, whatever is in it."""
    if isinstance(value, bool | np.bool_):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float | np.integer | np.floating):
        return repr(value.item() if isinstance(value, np.generic) else value)
    return "'" + str(value).replace("'", "''") + "'"


def literals(values: Collection[Hashable]) -> str:
    """Labels as the list after IN; of none, a list that nothing is in."""
    return ", ".join(literal(value) for value in values) or "NULL"
