"""Columns of cells, those apart that are one number in each combination of grouping levels.

Cells of a clinic in a month share the month's effect, the months since a program's start, and whether it ran:
of forty columns of a rollout's model two or three differ from patient to patient. What a likelihood needs of
the others, it needs once a combination.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tasks.models.numerics.chunked_products import chunked_product

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class CombinationRuns:
    """Runs of cells in which every grouping factor has one level.

    Attributes:
        starts: (C + 1,) where each combination's cells begin, and their number N.
    """

    starts: Integers

    @cached_property
    def sizes(self) -> Integers:
        """(C,) cells of each combination."""
        return np.diff(self.starts)

    def sums(self, cells: Floats) -> Floats:
        """(…, C) sums over each combination of (…, N)."""
        return np.asarray(np.add.reduceat(cells, self.starts[:-1], axis=-1))

    def repeated(self, values: Floats) -> Floats:
        """(N,) each combination's value in all of its cells."""
        return np.repeat(values, self.sizes)

    def have_one_value(self, column: Floats) -> bool:
        """Whether a column of cells is the same all over every combination."""
        return bool(np.array_equal(self.repeated(column[self.starts[:-1]]), column))


@dataclass(frozen=True)
class CellColumns:
    """Columns such as those of fixed effects, p of them.

    Attributes:
        runs: the combinations.
        cellwise: (v, N) the columns that differ within combinations.
        shared: (p − v, C) those that do not.
        cellwise_at, shared_at: where each stands among the p.
    """

    runs: CombinationRuns
    cellwise: Floats
    shared: Floats
    cellwise_at: Integers
    shared_at: Integers

    @classmethod
    def of(cls, x: Floats, runs: CombinationRuns) -> CellColumns:
        """The columns of (p, N)."""
        one = np.array([runs.have_one_value(column) for column in x], dtype=bool)
        first = x[:, runs.starts[:-1]]
        return cls(runs, np.ascontiguousarray(x[~one]), first[one], np.flatnonzero(~one), np.flatnonzero(one))

    @property
    def size(self) -> int:
        """p."""
        return len(self.cellwise_at) + len(self.shared_at)

    def predictor(self, coefficients: Floats) -> Floats:
        """(N,) x'β."""
        together = self.runs.repeated(coefficients[self.shared_at] @ self.shared)
        return np.asarray(together + coefficients[self.cellwise_at] @ self.cellwise)

    def totals(self, cells: Floats) -> Floats:
        """(p,) Xr of (N,) r."""
        total = np.empty(self.size)
        total[self.cellwise_at] = self.cellwise @ cells
        total[self.shared_at] = self.shared @ self.runs.sums(cells)
        return total

    def products(self, weights: Floats) -> Floats:
        """(p, p) XWX'."""
        weighted = self.cellwise * weights
        whole = np.empty((self.size, self.size))
        whole[np.ix_(self.cellwise_at, self.cellwise_at)] = chunked_product(weighted, self.cellwise)
        cross = chunked_product(self.runs.sums(weighted), self.shared)
        whole[np.ix_(self.cellwise_at, self.shared_at)] = cross
        whole[np.ix_(self.shared_at, self.cellwise_at)] = cross.T
        together = chunked_product(self.shared * self.runs.sums(weights), self.shared)
        whole[np.ix_(self.shared_at, self.shared_at)] = together
        return whole

    def sums(self, weights: Floats) -> Floats:
        """(p, C) sums of each column times (N,) weights."""
        summed = np.empty((self.size, self.runs.sizes.size))
        summed[self.cellwise_at] = self.runs.sums(self.cellwise * weights)
        summed[self.shared_at] = self.shared * self.runs.sums(weights)
        return summed


@dataclass(frozen=True)
class RandomColumns:
    """Columns that have random effects, u of them.

    Attributes:
        runs: the combinations.
        columns: each (N,), or (C,) where it is one number in each combination.
        shared: which of them are.
    """

    runs: CombinationRuns
    columns: tuple[Floats, ...]
    shared: tuple[bool, ...]

    @classmethod
    def of(cls, z: Sequence[Floats | None], runs: CombinationRuns) -> RandomColumns:
        """The columns, each (N,) or None for a constant 1."""
        shared = tuple(each is None or runs.have_one_value(each) for each in z)
        columns = tuple(
            np.ones(runs.sizes.size) if each is None else each[runs.starts[:-1]] if one else each
            for each, one in zip(z, shared, strict=True)
        )
        return cls(runs, columns, shared)

    def predictor(self, effects: Floats) -> Floats:
        """(N,) z'b of (C, u) effects."""
        together = np.zeros(self.runs.sizes.size)
        for column, one, effect in zip(self.columns, self.shared, effects.T, strict=True):
            if one:
                together += effect * column
        total = self.runs.repeated(together)
        for column, one, effect in zip(self.columns, self.shared, effects.T, strict=True):
            if not one:
                total += self.runs.repeated(effect) * column
        return total

    def sums(self, cells: Floats) -> Floats:
        """(C, u) sums of each column times (N,) cells."""
        total = self.runs.sums(cells)
        return np.stack(
            [
                total * column if one else self.runs.sums(cells * column)
                for column, one in zip(self.columns, self.shared, strict=True)
            ],
            axis=1,
        )

    def products(self, weights: Floats) -> Floats:
        """(C, u, u) sums of zWz'."""
        u = len(self.columns)
        summed = np.empty((self.runs.sizes.size, u, u))
        for i, (left, one) in enumerate(zip(self.columns, self.shared, strict=True)):
            rest = self.sums(weights if one else weights * left)
            for j in range(i + 1):
                summed[:, i, j] = summed[:, j, i] = rest[:, j] * left if one else rest[:, j]
        return summed

    def crossed(self, fixed: CellColumns, weights: Floats) -> Floats:
        """(C, u, p) sums of zWx'."""
        plain = fixed.sums(weights)
        parts = [
            plain * column if one else fixed.sums(weights * column)
            for column, one in zip(self.columns, self.shared, strict=True)
        ]
        return np.stack(parts).transpose(2, 0, 1)

    def triples(self, fixed: CellColumns, weights: Floats) -> TripleProducts:
        """Sums over each combination of weights times two random columns and one of either kind."""
        pairs: list[tuple[int, int, int, Floats]] = []
        of_fixed: list[Floats] = []
        of_random: list[Floats] = []
        kept: dict[tuple[int, ...], int] = {}
        for i in range(len(self.columns)):
            for j in range(i + 1):
                factor, cells = np.ones(len(self.runs.sizes)), weights
                for k in (i, j):
                    if self.shared[k]:
                        factor = factor * self.columns[k]
                    else:
                        cells = cells * self.columns[k]
                apart = tuple(k for k in (i, j) if not self.shared[k])
                if apart not in kept:
                    kept[apart] = len(of_fixed)
                    of_fixed.append(fixed.sums(cells))
                    of_random.append(self.sums(cells))
                pairs.append((i, j, kept[apart], factor))
        return TripleProducts(len(self.columns), tuple(pairs), tuple(of_fixed), tuple(of_random))

    def quadratic(self, covariance: Floats) -> Floats:
        """(N,) z'Kz of (C, u, u) symmetric K."""
        together = np.zeros(self.runs.sizes.size)
        apart = np.zeros(int(self.runs.starts[-1]))
        for i, (left, left_one) in enumerate(zip(self.columns, self.shared, strict=True)):
            for j, (right, right_one) in enumerate(zip(self.columns[: i + 1], self.shared, strict=False)):
                entry = (1.0 if i == j else 2.0) * covariance[:, i, j]
                if left_one and right_one:
                    together += entry * left * right
                    continue
                spread = self.runs.repeated(entry)
                apart += spread * self._in_cells(left, left_one) * self._in_cells(right, right_one)
        return self.runs.repeated(together) + apart

    def _in_cells(self, column: Floats, one: bool) -> Floats:
        return self.runs.repeated(column) if one else column


@dataclass(frozen=True)
class TripleProducts:
    """Σ w x zz' over each combination's cells, x a fixed-effect column or a random one.

    Attributes:
        u: random columns.
        pairs: (i, j ≤ i) of them; which of the sums below is theirs; (C,) by what those are multiplied.
        of_fixed: (p, C) sums of w times the columns of the pair that differ within combinations, times x.
        of_random: (C, u) the same, times z.
    """

    u: int
    pairs: tuple[tuple[int, int, int, Floats], ...]
    of_fixed: tuple[Floats, ...]
    of_random: tuple[Floats, ...]

    def along(self, column: int | None, effects: Floats) -> Floats:
        """(C, u, u) sums of w (x + z'e) zz' for one fixed-effect column, or none, and (C, u) effects e."""
        whole = np.empty((len(effects), self.u, self.u))
        for i, j, which, factor in self.pairs:
            total = (self.of_random[which] * effects).sum(axis=1)
            if column is not None:
                total += self.of_fixed[which][column]
            whole[:, i, j] = whole[:, j, i] = factor * total
        return whole

    def against(self, blocks: Floats) -> tuple[Floats, Floats]:
        """(p,) sums of w x z'Bz for (C, u, u) symmetric B, and (C, u) those of w z z'Bz."""
        of_fixed, of_random = np.zeros(len(self.of_fixed[0])), np.zeros(self.of_random[0].shape)
        for i, j, which, factor in self.pairs:
            scaled = (1.0 if i == j else 2.0) * blocks[:, i, j] * factor
            of_fixed += self.of_fixed[which] @ scaled
            of_random += self.of_random[which] * scaled[:, None]
        return of_fixed, of_random
