"""Tables as they are published: exactly their columns, typed, sorted, with no digits that mean nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd
from pandas.api.extensions import ExtensionDtype

from tasks.release.table_columns import Kind, Table


def plain_rows(frame: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Rows as plain Python values, missing ones as None."""
    columns = [plain_values(frame[name]) for name in frame.columns]
    for cells in zip(*columns, strict=True):
        yield dict(zip(frame.columns, cells, strict=True))


def plain_values(cells: pd.Series) -> list[Any]:
    """A column as plain Python values, missing ones as None."""
    pairs = zip(cells.tolist(), cells.isna().tolist(), strict=True)
    return [None if missing else cell for cell, missing in pairs]


def conform(table: Table, rows: pd.DataFrame) -> pd.DataFrame:
    """`rows` with exactly the table's columns, in order, typed, and sorted by key.

    Raises:
        ValueError: a required column is missing or has nulls, a column is unknown, or the key repeats.
    """
    known = [column.name for column in table.columns]
    unknown = [name for name in rows.columns if name not in known]
    if unknown:
        raise ValueError(f"table {table.name} has no column {', '.join(unknown)}")
    columns: dict[str, pd.Series] = {}
    for column in table.columns:
        kind = _PANDAS[column.kind]
        # a frame changed column by column takes twice as long
        if column.name not in rows:
            columns[column.name] = pd.Series(pd.NA, index=rows.index, dtype=kind)
        else:
            cells = rows[column.name]
            columns[column.name] = cells if cells.dtype == kind else cells.astype(kind)
        if column.required and columns[column.name].isna().any():
            raise ValueError(f"table {table.name} needs {column.name} in every row")
    frame = pd.DataFrame(columns, index=rows.index)
    if frame.duplicated(list(table.key)).any():
        raise ValueError(f"table {table.name} repeats a row of {', '.join(table.key)}")
    return frame.sort_values(list(table.key), kind="stable", ignore_index=True)


_PANDAS: dict[Kind, ExtensionDtype] = {
    "string": pd.StringDtype(),
    "integer": pd.Int64Dtype(),
    "number": pd.Float64Dtype(),
    "boolean": pd.BooleanDtype(),
    "date": pd.StringDtype(),
}

SIGNIFICANT_DIGITS = 8
"""Digits that a published number keeps: more than any interval justifies, fewer than a machine may vary."""


def rounded(rows: pd.DataFrame) -> pd.DataFrame:
    """`rows` with every fractional number at `SIGNIFICANT_DIGITS`; whole numbers keep all of theirs.

    Fitting ends within a tolerance and sums depend on their order in the last bits, so the digits beyond
    say nothing, and would make the same release differ from itself.
    """
    frame = rows.copy()
    for name in frame.columns:
        if pd.api.types.is_float_dtype(frame[name].dtype):
            frame[name] = frame[name].map(_round, na_action="ignore").astype(frame[name].dtype)
    return frame


def _round(value: float) -> float:
    if not math.isfinite(value) or value.is_integer():
        return value
    settled = float(f"{value:.12g}")  # a mean of decimals can lie on the very middle, and noise would decide
    return float(f"{settled:.{SIGNIFICANT_DIGITS}g}")
