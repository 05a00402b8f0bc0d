"""Random-effects terms and the levels that meet: how variance parameters and effects are laid out.

D = ΛΛ' with one lower-triangular Λ for each term; θ is the columns of those triangles, one term after the
other, as lme4 has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse
from scipy.sparse import csgraph

from tasks.models.numerics.elimination import Elimination, GroupingFactor

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@cache
def _entries(size: int) -> tuple[Integers, Integers]:
    """Where a lower triangle's entries are in its transpose, column by column; counted once for each size."""
    rows, columns = np.triu_indices(size)
    return rows, columns


@dataclass(frozen=True, slots=True)
class Term:
    """One random-effects term `(columns | factor)`.

    Attributes:
        factor: position of its grouping factor in the codes.
        columns: positions of its d columns among the random columns.
    """

    factor: int
    columns: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of effects d per level."""
        return len(self.columns)

    @property
    def n_theta(self) -> int:
        """Entries of its lower triangle."""
        return self.size * (self.size + 1) // 2

    def triangle(self, theta: Floats) -> Floats:
        """(d, d) Λ from its entries, column by column."""
        lower = np.zeros((self.size, self.size))
        lower.T[_entries(self.size)] = theta
        return lower


@dataclass(frozen=True)
class Arrangement:
    """Terms, and the levels that meet in each combination of the grouping factors.

    Attributes:
        terms: the random-effects terms.
        codes: (C, F) levels of each factor in each combination.
        levels: number of levels of each factor.
        n_columns: number of distinct random columns.
    """

    terms: tuple[Term, ...]
    codes: Integers
    levels: tuple[int, ...]
    n_columns: int

    @cached_property
    def factors(self) -> tuple[GroupingFactor, ...]:
        """Each factor's levels and columns, those of all its terms together."""
        return tuple(
            GroupingFactor(n, tuple(c for term in self.terms if term.factor == f for c in term.columns))
            for f, n in enumerate(self.levels)
        )

    @cached_property
    def plan(self) -> Elimination:
        """The order of elimination."""
        return Elimination(self.codes, self.factors, self.n_columns)

    @property
    def n_theta(self) -> int:
        """Number of variance parameters."""
        return sum(term.n_theta for term in self.terms)

    @property
    def size(self) -> int:
        """Effects in all."""
        return sum(factor.n_levels * len(factor.columns) for factor in self.factors)

    def split(self, theta: Floats) -> list[Floats]:
        """θ by term."""
        return list(np.split(theta, np.cumsum([term.n_theta for term in self.terms])[:-1]))

    def covariances(self, theta: Floats) -> list[Floats]:
        """(d, d) D of each factor: block-diagonal in its terms."""
        found = [np.zeros((len(factor.columns),) * 2) for factor in self.factors]
        for term, where, part in zip(self.terms, self._places, self.split(theta), strict=True):
            lower = term.triangle(part)
            found[term.factor][np.ix_(where, where)] = lower @ lower.T
        return found

    def theta_gradient(self, theta: Floats, by_covariance: Sequence[Floats]) -> Floats:
        """∂/∂θ from the symmetric (d, d) ∂/∂D of each factor: the lower triangles of 2 ∂D Λ."""
        parts = []
        for term, where, part in zip(self.terms, self._places, self.split(theta), strict=True):
            block = 2.0 * by_covariance[term.factor][np.ix_(where, where)] @ term.triangle(part)
            parts.append(block.T[_entries(term.size)])
        return np.concatenate(parts)

    def covariance_slopes(self, theta: Floats) -> list[tuple[int, Floats]]:
        """For each entry of θ, its factor and the (d, d) derivative of that factor's D."""
        found = []
        for term, where, part in zip(self.terms, self._places, self.split(theta), strict=True):
            lower = term.triangle(part)
            for column, row in zip(*_entries(term.size), strict=True):
                inner = np.zeros_like(lower)
                inner[row] = lower[:, column]
                slope = np.zeros((len(self.factors[term.factor].columns),) * 2)
                slope[np.ix_(where, where)] = inner + inner.T
                found.append((term.factor, slope))
        return found

    def covariance_curvature(self, by_covariance: Sequence[Floats]) -> Floats:
        """(θ, θ) Σ ∂/∂D · D̈ from the symmetric (d, d) ∂/∂D of each factor."""
        parts = []
        for term, where in zip(self.terms, self._places, strict=True):
            columns, rows = _entries(term.size)
            block = 2.0 * by_covariance[term.factor][np.ix_(where, where)]
            parts.append(np.where(columns[:, None] == columns, block[rows[:, None], rows], 0.0))
        return np.asarray(linalg.block_diag(*parts))

    def column_signs(self, theta: Floats) -> Floats:
        """±1 for each entry of θ, so that θ times it has no negative diagonal: D does not change."""
        parts = []
        for term, part in zip(self.terms, self.split(theta), strict=True):
            diagonal = np.diag(term.triangle(part))
            signs = np.tile(np.where(diagonal < 0.0, -1.0, 1.0), (term.size, 1))
            parts.append(signs.T[_entries(term.size)])
        return np.concatenate(parts)

    def on_boundary(self, theta: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """θ with every nearly singular direction made exactly so, and which of its entries are then zero.

        A diagonal entry is nearly zero when its effect on the linear predictor is under 0.02 (columns have
        unit root mean square). What its column had below is moved to the later diagonals, which leaves the
        variances of the later effects unchanged.
        """
        parts, held = [], []
        for term, part in zip(self.terms, self.split(theta), strict=True):
            lower = term.triangle(part)
            zero = np.abs(np.diag(lower)) < 0.02
            fixed = np.zeros_like(lower, dtype=bool)
            for i in np.flatnonzero(zero):
                for k in range(i + 1, term.size):
                    lower[k, k] = np.hypot(lower[k, k], lower[k, i])
                lower[i:, i] = 0.0
                fixed[i:, i] = True
            parts.append(lower.T[_entries(term.size)])
            held.append(fixed.T[_entries(term.size)])
        return np.concatenate(parts), np.concatenate(held)

    @cached_property
    def _places(self) -> tuple[tuple[int, ...], ...]:
        """Where each term's columns stand among its factor's columns."""
        used = dict.fromkeys(range(len(self.levels)), 0)
        places = []
        for term in self.terms:
            places.append(tuple(range(used[term.factor], used[term.factor] + term.size)))
            used[term.factor] += term.size
        return tuple(places)

    @cached_property
    def component(self) -> tuple[Integers, ...]:
        """Per factor, the connected part of the design each level is in: parts have independent modes."""
        begins = np.cumsum((0, *self.levels))
        nodes = self.codes + begins[:-1]
        links = sparse.coo_matrix(
            (
                np.ones(nodes.size - len(nodes)),
                (np.repeat(nodes[:, 0], nodes.shape[1] - 1), nodes[:, 1:].ravel()),
            ),
            shape=(begins[-1], begins[-1]),
        )
        labels = csgraph.connected_components(links, directed=False)[1].astype(np.int64)
        return tuple(np.split(labels, begins[1:-1]))

    @cached_property
    def parts(self) -> int:
        """How many connected parts there are."""
        return 1 + max(int(each.max()) for each in self.component)

    def stack(self, by_factor: Sequence[Floats]) -> Floats:
        """Effects of all factors, (n, d, …) each, one after the other as (U, …)."""
        return np.concatenate([each.reshape(-1, *each.shape[2:]) for each in by_factor])

    def zeros(self) -> list[Floats]:
        """Effects of all factors that are zero."""
        return self.unstack(np.zeros(self.size))

    def unstack(self, flat: Floats) -> list[Floats]:
        """The reverse of `stack`."""
        sizes = [factor.n_levels * len(factor.columns) for factor in self.factors]
        parts = np.split(flat, np.cumsum(sizes)[:-1])
        return [
            part.reshape(factor.n_levels, len(factor.columns), *part.shape[1:])
            for factor, part in zip(self.factors, parts, strict=True)
        ]

    def combined(self, by_factor: Sequence[Floats]) -> Floats:
        """(C, columns) effects of a combination's levels, added by column, of (n, d) effects per factor."""
        out = np.zeros((self.codes.shape[0], self.n_columns))
        for f, (factor, effects) in enumerate(zip(self.factors, by_factor, strict=True)):
            for i, column in enumerate(factor.columns):
                out[:, column] += effects[self.codes[:, f], i]
        return out

    def by_level(self, products: Floats) -> list[Floats]:
        """Per factor, (n, d) sums over its combinations of (C, columns) products."""
        return [
            np.stack(
                [
                    np.bincount(self.codes[:, f], weights=products[:, c], minlength=factor.n_levels)
                    for c in factor.columns
                ],
                axis=1,
            )
            for f, factor in enumerate(self.factors)
        ]
