"""Rows to groups: codes of grouping factors, their combinations, and the order that sorts them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.records.data_columns import Codes

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Combinations:
    """The existing combinations of several factors' levels.

    Attributes:
        codes: (G, F) levels of each combination, sorted, the first factor slowest.
        index: (N,) each row's combination.
    """

    codes: Integers
    index: Integers


def used(codes: Integers, levels: Sequence[Hashable]) -> Codes:
    """The same codes with levels that no row has left out."""
    present = np.bincount(codes, minlength=len(levels)) > 0
    if present.all():
        return Codes(codes, tuple(levels))
    position = np.cumsum(present) - 1
    return Codes(position[codes], tuple(level for level, kept in zip(levels, present, strict=True) if kept))


def combine(columns: Sequence[Integers], sizes: Sequence[int]) -> Combinations:
    """The combinations that occur among rows; (N,) codes per factor, each below its size."""
    key, span = columns[0], sizes[0]
    for column, size in zip(columns[1:], sizes[1:], strict=True):
        if span > (1 << 62) // max(size, 1):  # the mixed-radix key would overflow: renumber what occurs
            occurring, key = np.unique(key, return_inverse=True)
            span = len(occurring)
        key = key * size + column
        span *= size
    index, first = _ranked(key, span)
    return Combinations(np.column_stack([column[first] for column in columns]).astype(np.int64), index)


def _ranked(key: Integers, span: int) -> tuple[Integers, Integers]:
    """Each row's rank among the distinct keys, and for each distinct key a row that has it."""
    if span > 4 * len(key) + 1024:
        _, first, index = np.unique(key, return_index=True, return_inverse=True)
        return index.astype(np.int64), first.astype(np.int64)
    row = np.full(span, -1, dtype=np.int64)
    row[key[::-1]] = np.arange(len(key) - 1, -1, -1)
    present = row >= 0
    rank = np.cumsum(present) - 1
    return rank[key], row[present]


def sorting(codes: Integers, size: int) -> Integers | None:
    """(N,) stable order that sorts codes below `size`; None where they are sorted already.

    Sixteen bits at a time: NumPy's stable sort of 16-bit integers counts instead of comparing.
    """
    if len(codes) < 2 or bool(np.all(codes[1:] >= codes[:-1])):
        return None
    order = np.argsort((codes & 0xFFFF).astype(np.uint16), kind="stable")
    shift = 16
    while size - 1 >> shift > 0:
        digit = ((codes >> shift) & 0xFFFF).astype(np.uint16)
        order = order[np.argsort(digit[order], kind="stable")]
        shift += 16
    return order.astype(np.int64, copy=False)
