"""Nested groups (patients in clinics in regions) by analysis of variance: a variance for every level.

Each level's sum of squares is set equal to its expectation, which is linear in the variances; with groups
nested, the equations are triangular. Sums are kept by top-level group, so a bootstrap over those groups
needs no second look at anything.
Source: Searle, Casella & McCulloch (1992), Variance Components, app. F.1; Gates & Shiue (1962).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.errors import EstimationError
from tasks.models.intraclass.one_way import pooled
from tasks.records.moments import Moments

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class NestedSums:
    """What the nested analysis needs, by top-level group; every entry adds up over groups.

    With L levels, level 1 the coarsest:

    Attributes:
        groups: L names of the grouping factors, coarsest first.
        n, total: (R,) rows and sum of the outcome about the reference point.
        squares_within: (R,) squares about the means of the finest groups.
        level_squares: (R, L) Σ n_u m_u² over the level's groups u, m_u their mean about the reference.
        units: (R, L) number of the level's groups.
        ratios: (R, L, L) entry (l, m): Σ n_v²/n_u over groups v of level m in group u of level l, m > l;
            n for m ≤ l.
        size_squares: (R, L) Σ n_v² over the level's groups.
    """

    groups: tuple[str, ...]
    n: Floats
    total: Floats
    squares_within: Floats
    level_squares: Floats
    units: Floats
    ratios: Floats
    size_squares: Floats

    def weighted(self, weight: Floats) -> Sums:
        """Totals with each top-level group counted `weight` (…, R) times."""
        n = weight @ self.n
        mean_part = (weight @ self.total) ** 2 / n
        overall = (weight @ self.size_squares) / n[..., None]
        return Sums(
            n=n,
            squares_within=weight @ self.squares_within,
            level_squares=np.concatenate((mean_part[..., None], weight @ self.level_squares), axis=-1),
            units=np.concatenate((np.ones_like(n)[..., None], weight @ self.units), axis=-1),
            ratios=np.concatenate(
                (overall[..., None, :], np.tensordot(weight, self.ratios, axes=(-1, 0))), axis=-2
            ),
        )


@dataclass(frozen=True)
class Sums:
    """Totals of `NestedSums`, level 0 being everything together; leading axes are bootstrap replicates."""

    n: Floats
    squares_within: Floats
    level_squares: Floats
    units: Floats
    ratios: Floats

    @property
    def df(self) -> Floats:
        """(…, L + 1) degrees of freedom of each level's mean square, and last of the one within."""
        within = self.n - self.units[..., -1]
        return np.concatenate((np.diff(self.units, axis=-1), within[..., None]), axis=-1)

    @property
    def mean_squares(self) -> Floats:
        """(…, L + 1) mean squares of the levels, coarsest first, and last within the finest groups."""
        squares = np.concatenate(
            (np.diff(self.level_squares, axis=-1), self.squares_within[..., None]), axis=-1
        )
        return np.asarray(squares / self.df)

    @property
    def expectations(self) -> Floats:
        """(…, L + 1, L + 1) upper triangular: mean squares' expectations as combinations of the variances."""
        df = self.df
        levels = df.shape[-1] - 1
        matrix = np.zeros((*df.shape[:-1], levels + 1, levels + 1))
        matrix[..., :levels, :levels] = np.diff(self.ratios, axis=-2) / df[..., :levels, None]
        matrix[..., :, levels] = 1.0
        return np.triu(matrix)

    @property
    def variances(self) -> Floats:
        """(…, L + 1) unbiased estimates, coarsest level first, the variance within last; can be negative."""
        solved = np.linalg.solve(self.expectations, self.mean_squares[..., None])
        return np.asarray(solved[..., 0], dtype=float)


def nested_sums(moments: Moments, groups: Sequence[str], response: str) -> NestedSums:
    """Gather the sums of one outcome by nested grouping factors, coarsest first.

    Raises:
        EstimationError: a factor is not nested in the one before, a level has no more groups than the one
            above it, or the finest groups have one row each.
    """
    positions = [moments.factors.index(group) for group in groups]
    column = moments.position(response)[0]
    order = list(range(len(groups)))
    codes = moments.codes[:, positions]
    stats = moments.products[:, [0, 0, column], [0, column, column]]
    chains: list[Integers] = []
    tables: list[Floats] = []
    for depth in order:
        labels = len(moments.levels[positions[depth]])
        table = pooled(stats[:, :, None], codes[:, depth], labels)[:, :, 0]
        parent = np.full(labels, -1, dtype=np.int64)
        if depth > 0:
            parent[codes[:, depth]] = codes[:, depth - 1]
            if np.any(parent[codes[:, depth]] != codes[:, depth - 1]):
                raise EstimationError(
                    f"{groups[depth]} is not nested in {groups[depth - 1]}: some of its levels occur in more "
                    f"than one {groups[depth - 1]}",
                    hint="write nested groups as (1 | region/clinic), or fit crossed groups with lmm",
                )
        chains.append(parent)
        tables.append(table)
    return _gathered(tuple(groups), chains, tables, response)


def _gathered(
    groups: tuple[str, ...], parents: list[Integers], tables: list[Floats], response: str
) -> NestedSums:
    levels, top = len(groups), len(tables[0])
    # ancestors[d][e]: for every group of level d, its group of the coarser level e
    ancestors: list[list[Integers]] = []
    for depth in range(levels):
        chain = [np.arange(len(tables[depth]))]
        for upper in range(depth, 0, -1):
            chain.append(parents[upper][chain[-1]])
        ancestors.append(chain[::-1])
    present = [table[:, 0] > 0.0 for table in tables]
    size = [np.where(there, table[:, 0], 1.0) for table, there in zip(tables, present, strict=True)]
    level_squares, units = np.zeros((top, levels)), np.zeros((top, levels))
    size_squares, ratios = np.zeros((top, levels)), np.zeros((top, levels, levels))
    for depth, table in enumerate(tables):
        home = ancestors[depth][0]
        level_squares[:, depth] = np.bincount(home, table[:, 1] ** 2 / size[depth], minlength=top)
        units[:, depth] = np.bincount(home, present[depth], minlength=top)
        size_squares[:, depth] = np.bincount(home, table[:, 0] ** 2, minlength=top)
        for upper in range(levels):
            if upper < depth:
                share = table[:, 0] ** 2 / size[upper][ancestors[depth][upper]]
                ratios[:, upper, depth] = np.bincount(home, share, minlength=top)
            else:
                ratios[:, upper, depth] = tables[0][:, 0]
    finest = tables[-1]
    own = np.maximum(finest[:, 2] - finest[:, 1] ** 2 / size[-1], 0.0)
    there = present[0]
    sums = NestedSums(
        groups=groups,
        n=tables[0][there, 0],
        total=tables[0][there, 1],
        squares_within=np.bincount(ancestors[-1][0], own, minlength=top).astype(float)[there],
        level_squares=level_squares[there],
        units=units[there],
        ratios=ratios[there],
        size_squares=size_squares[there],
    )
    _refuse_empty_levels(sums, response)
    return sums


def _refuse_empty_levels(sums: NestedSums, response: str) -> None:
    counts = np.concatenate(([1.0], sums.units.sum(axis=0)))
    names = ("the whole", *sums.groups)
    for depth in range(1, len(counts)):
        if counts[depth] <= counts[depth - 1]:
            raise EstimationError(
                f"{names[depth]} has no more groups ({counts[depth]:.0f}) than {names[depth - 1]}, so its "
                "variance cannot be told apart",
                hint=f"leave {names[depth]} out of the formula",
            )
    if sums.n.sum() <= counts[-1]:
        raise EstimationError(
            f"every {sums.groups[-1]} has a single usable row of {response}, so differences between and "
            f"within {sums.groups[-1]} cannot be told apart",
            hint="use a coarser grouping column, or more rows per group",
        )


def shares(variances: Floats) -> Floats:
    """(…, L) share of the variance at each level, from (…, L + 1) variances."""
    return np.asarray(variances[..., :-1] / variances.sum(axis=-1, keepdims=True))


def correlations(variances: Floats) -> Floats:
    """(…, L) correlation of two rows that share the level's group (and so every coarser one)."""
    return np.asarray(np.cumsum(shares(variances), axis=-1))


def generalized_draws(sums: Sums, draws: int, rng: np.random.Generator) -> Floats:
    """(draws, L + 1) variances compatible with the mean squares: generalized pivotal quantities.

    Each expected mean square is drawn as (degrees of freedom × mean square) / χ². With equal sizes and one
    level, quantiles of the ICC are Searle's exact interval; otherwise they are close to nominal.
    Source: Weerahandi (1993), JASA 88:899; Burdick, Borror & Montgomery (2005), ch. 3.
    """
    df = sums.df
    expected = sums.mean_squares * df / rng.chisquare(df, size=(draws, len(df)))
    return np.asarray(np.linalg.solve(sums.expectations, expected[..., None])[..., 0], dtype=float)
