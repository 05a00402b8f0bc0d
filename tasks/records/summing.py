"""Sums of products by group, in memory: linear in rows, a block of rows at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tasks.records.grouping import sorting

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_BLOCK = 32_768  # rows: small enough for the caches, large enough that Python's share is nothing
_SMALL_GROUP = 12  # rows per group under which summing pairs of columns beats a matrix product per group


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
    q, n = len(columns), len(index)
    result = np.zeros((groups, q, q))
    order = sorting(index, groups)
    by_pairs = n < _SMALL_GROUP * groups
    for start in range(0, n, _BLOCK):
        rows = slice(start, min(start + _BLOCK, n))
        chosen = rows if order is None else order[rows]
        block = np.empty((rows.stop - rows.start, q))
        for j, column in enumerate(columns):
            np.subtract(column[chosen], reference[j], out=block[:, j])
        member = index[chosen]
        edges = np.flatnonzero(np.diff(member)) + 1
        starts = np.concatenate([[0], edges])
        groups_here = member[starts]
        if by_pairs:
            for j in range(q):
                sums = np.add.reduceat(block[:, j:] * block[:, j : j + 1], starts, axis=0)
                result[groups_here, j, j:] += sums
        else:
            for group, first, last in zip(groups_here, starts, [*edges, len(block)], strict=True):
                part = block[first:last]
                result[group] += part.T @ part
    if by_pairs:
        upper = np.triu_indices(q, 1)
        result[:, upper[1], upper[0]] = result[:, upper[0], upper[1]]
    return result
