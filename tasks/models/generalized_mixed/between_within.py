"""Degrees of freedom of coefficients where clinics, not patients, are the sample.

A coefficient of something that whole clinics have in common is estimated from as many observations as there
are clinics; one of something that differs between patients of a clinic, from the patients. In large samples
both have the normal for reference; with few clinics t with these degrees of freedom keeps intervals of
generalized mixed models near their stated coverage.
Source: Schluchter & Elashoff (1990), J Stat Comput Simul 37:69; Li & Redden (2015), BMC Med Res Methodol
15:38 (for generalized mixed models of few clusters).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

_CONSTANT = 1e-9
"""A column that varies within levels by less than this, relative to its size, is constant within them."""

_SAMPLE = 20_000


def between_within_df(columns: Floats, codes: Integers, levels: Sequence[int], rows: float) -> Floats:
    """(p,) degrees of freedom of each coefficient.

    A column that is constant within the levels of some grouping factors is counted against the coarsest of
    them: its levels less the columns that are constant within them. Others have the rows, less the finest
    factor's levels and less the columns that vary within.

    Args:
        columns: (p, N) fixed-effect columns, the constant among them where the model has one.
        codes: (N, F) level of each grouping factor in each cell.
        levels: F, how many each has.
        rows: rows in all.
    """
    return degrees_of_freedom(
        np.array([_constant_within(columns, codes[:, f], levels[f]) for f in range(len(levels))]),
        levels,
        rows,
    )


def degrees_of_freedom(constant: Flags, levels: Sequence[int], rows: float) -> Floats:
    """The same from (F, p) whether each column is constant within the levels of each factor."""
    p = constant.shape[1]
    result = np.empty(p)
    for j in range(p):
        holding = [f for f in range(len(levels)) if constant[f, j]]
        if holding:
            coarsest = min(holding, key=lambda f: levels[f])
            result[j] = levels[coarsest] - np.sum(constant[coarsest])
        else:
            finest = int(np.argmax(levels))
            result[j] = rows - levels[finest] - np.sum(~constant.any(axis=0))
    return np.maximum(result, 1.0)


class WithinLevels:
    """Whether columns are constant within levels whose cells come a part at a time, whole levels in each.

    Args:
        p: how many columns.
    """

    def __init__(self, p: int) -> None:
        self._distance, self._size = np.zeros(p), np.full(p, 1e-300)

    def see(self, columns: Floats, codes: Integers) -> None:
        """Cells sorted by level: (p, n) columns and (n,) codes."""
        first = np.flatnonzero(np.diff(codes, prepend=-1))
        sizes = np.diff(first, append=len(codes))
        for j, column in enumerate(columns):
            away = np.abs(column - np.repeat(column[first], sizes)).max()
            self._distance[j] = max(self._distance[j], away)
            self._size[j] = max(self._size[j], column.max(), -column.min())

    @property
    def constant(self) -> Flags:
        """(p,) by all cells seen."""
        return self._distance <= _CONSTANT * self._size


def _constant_within(columns: Floats, codes: Integers, n_levels: int) -> Flags:
    """(p,) whether each column is constant within the levels of one factor."""
    first = np.zeros(n_levels, dtype=np.int64)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    # most columns vary within levels, and a few rows show it: only the others are looked at in every row
    sample = np.unique(np.linspace(0, len(codes) - 1, min(len(codes), _SAMPLE)).astype(np.int64))
    found = np.array([_alike(column[sample], column[first[codes[sample]]]) for column in columns])
    if sample.size < len(codes):
        for j in np.flatnonzero(found):
            found[j] = _alike(columns[j], columns[j][first[codes]])
    return found


def _alike(values: Floats, others: Floats) -> bool:
    size = max(float(np.abs(values).max()), 1e-300)
    return bool(np.abs(values - others).max() <= _CONSTANT * size)
