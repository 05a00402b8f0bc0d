"""Rows that agree in every column, found exactly and in linear time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tasks.records.in_memory.grouping import sorting

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Words = NDArray[np.uint64]

_SAMPLE = 20_000
_WORTH = 1.25  # rows per cell under which collapsing costs more than it saves


def collapse_rows(index: Integers, columns: Sequence[Floats]) -> tuple[Integers, Integers] | None:
    """Rows with the same group and the same values, made contiguous within sorted groups.

    Args:
        index: (N,) each row's group.
        columns: what must agree as well, (N,) each.

    Returns:
        (N,) the order of rows, and where each set of agreeing rows starts in it; None where so few rows
        agree that it is not worth while.
    """
    n = len(index)
    if n == 0:
        return None
    if n > 4 * _SAMPLE and not _promising(index, columns):
        return None
    words = _words(index, columns)
    order = np.argsort(words, kind="stable")
    order = order[_by_group(index, order)]
    starts = _boundaries(order, index, columns)
    if len(starts) > n / _WORTH:
        return None
    if not _is_exact(words[order[starts]], index[order[starts]]):
        # two different rows shared a 64-bit word, and may lie interleaved: sort by the values themselves
        order = np.lexsort((*reversed(columns), index))
        starts = _boundaries(order, index, columns)
    return order, starts


def _promising(index: Integers, columns: Sequence[Floats]) -> bool:
    """Whether a sample has repeats: with none among 20,000 rows, cells are about as many as rows."""
    chosen = np.random.default_rng(20_000).choice(len(index), _SAMPLE, replace=False)
    words = np.sort(_words(index[chosen], [column[chosen] for column in columns]))
    return bool(np.any(words[1:] == words[:-1]))


def _words(index: Integers, columns: Sequence[Floats]) -> Words:
    """A 64-bit word per row that depends on every value (splitmix64's finaliser, Steele et al. 2014)."""
    words = _mix(index.astype(np.uint64))
    for column in columns:
        bits = (column + 0.0).view(np.uint64)  # + 0.0: minus zero equals zero
        words = _mix(words ^ bits)
    return words


def _mix(words: Words) -> Words:
    mixed = words + np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def _by_group(index: Integers, order: Integers) -> Integers | slice:
    again = sorting(index[order], int(index.max()) + 1)
    return slice(None) if again is None else again


def _boundaries(order: Integers, index: Integers, columns: Sequence[Floats]) -> Integers:
    changed = np.ones(len(order), dtype=bool)
    changed[1:] = np.diff(index[order]) != 0
    for column in columns:
        values = column[order]
        changed[1:] |= values[1:] != values[:-1]
    return np.flatnonzero(changed)


def _is_exact(words: Words, index: Integers) -> bool:
    """Whether neighbouring cells of a group differ in their words, so that each cell is in one piece."""
    return not bool(np.any((words[1:] == words[:-1]) & (index[1:] == index[:-1])))
