"""Sums of products by group, in memory: linear in rows, a block of rows at a time."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tasks.records.in_memory.grouping import sorting

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_BLOCK = 32_768  # rows: small enough for the caches, large enough that Python's share is nothing
_SMALL_GROUP = 48  # rows up to which groups of one size are multiplied together rather than one by one


def reference_point(mean: Floats, sd: Floats) -> Floats:
    """A point near the means that few bits can write, so that differences from it are often exact.

    The mean is rounded to a power of two between a quarter and a half of the standard deviation: for data
    in whole numbers the centred products are then exact, whatever the order of summation.
    """
    sure = np.isfinite(sd) & (sd > 1e-7 * np.abs(mean)) & (sd > 0.0)
    grid = np.exp2(np.floor(np.log2(np.where(sure, sd, 1.0))) - 1.0)
    return np.where(sure, np.round(mean / grid) * grid, mean)


def spread(column: Floats) -> tuple[float, float]:
    """A column's mean and standard deviation."""
    mean = float(column.mean())
    centred = column - mean
    return mean, float(np.sqrt(centred @ centred / len(column)))


def products_by_group(columns: Sequence[Floats], reference: Floats, index: Integers, groups: int) -> Floats:
    """(G, q, q) sums over each group's rows of (v − r)(v − r)ᵀ.

    Args:
        columns: q columns of (N,) values.
        reference: (q,) the point r.
        index: (N,) each row's group.
        groups: G.
    """
    result = np.zeros((groups, len(columns), len(columns)))
    order = sorting(index, groups)
    order = np.arange(len(index)) if order is None else order
    sizes = np.bincount(index, minlength=groups)
    starts = np.cumsum(sizes) - sizes
    small = sizes <= _SMALL_GROUP
    for size in np.unique(sizes[small & (sizes > 0)]):
        same = np.flatnonzero(sizes == size)
        step = max(_BLOCK // int(size), 1)
        for first in range(0, len(same), step):
            some = same[first : first + step]
            rows = order[(starts[some, None] + np.arange(size)).ravel()]
            block = _centred(columns, reference, rows).reshape(len(some), size, len(columns))
            result[some] = np.matmul(block.transpose(0, 2, 1), block)
    large = order if not small.any() else order[~small[index[order]]]
    for first in range(0, len(large), _BLOCK):
        rows = large[first : first + _BLOCK]
        block, member = _centred(columns, reference, rows), index[rows]
        edges = [0, *(np.flatnonzero(np.diff(member)) + 1), len(rows)]
        for start, end in itertools.pairwise(edges):
            part = block[start:end]
            result[member[start]] += part.T @ part
    return result


def _centred(columns: Sequence[Floats], reference: Floats, rows: Integers) -> Floats:
    block = np.empty((len(rows), len(columns)))
    for j, column in enumerate(columns):
        np.subtract(column[rows], reference[j], out=block[:, j])
    return block
