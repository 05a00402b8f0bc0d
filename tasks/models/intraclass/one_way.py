"""One grouping factor, taken apart: what varies within its levels and what varies between them.

Everything the analysis of variance, its exact intervals and the random-intercept likelihood need follows
from the moments of each clinic: its size, its means, and one pooled matrix of within-clinic products.
Sums are of products about clinic means and about one reference point near the overall means, so nothing
large is subtracted from anything large.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tasks.errors import EstimationError, nearest
from tasks.models.numerics import distributions as stats
from tasks.records.cells import Cells
from tasks.records.moments import Moments

Floats = NDArray[np.float64]

RANK_TOLERANCE = 1e-7
"""A column counts as a combination of others when less than this share of its variation is its own."""


@dataclass(frozen=True)
class OneWay:
    """An outcome and covariates by clinic, split into within and between.

    Attributes:
        group: the grouping factor.
        response: the outcome.
        levels: (k,) labels of the levels that have rows.
        n: (k,) rows per level.
        means: (k, q) level means of the fixed-effect columns (constant included, where the model has one)
            and, last, the outcome; each about `reference`.
        reference: (q,) the point the means are taken about; 0 for the constant.
        own: (k, q, q) each level's products about its own means.
        fixed: names of the q − 1 fixed-effect columns.
    """

    group: str
    response: str
    levels: tuple[Hashable, ...]
    n: Floats
    means: Floats
    reference: Floats
    own: Floats
    fixed: tuple[str, ...]

    @property
    def n_obs(self) -> float:
        """Rows in all."""
        return float(self.n.sum())

    @property
    def k(self) -> int:
        """Levels with rows."""
        return len(self.n)

    @property
    def p(self) -> int:
        """Fixed-effect columns."""
        return len(self.fixed)

    @property
    def plain(self) -> bool:
        """Whether the only fixed effect is the constant."""
        return self.fixed == ("(Intercept)",)

    @cached_property
    def within(self) -> Floats:
        """(q, q) products about level means, pooled over levels."""
        total: Floats = self.own.sum(axis=0)
        return total

    @property
    def own_squares(self) -> Floats:
        """(k,) each level's sum of squares of the outcome about its mean."""
        return np.asarray(self.own[:, -1, -1])

    @property
    def outcome_means(self) -> Floats:
        """(k,) the outcome's mean at each level, in its own unit."""
        return np.asarray(self.means[:, -1] + self.reference[-1])

    def drawn(self, chosen: NDArray[np.int64]) -> OneWay:
        """The split of the chosen levels (a bootstrap's draw); a level chosen twice counts as two."""
        return replace(
            self,
            levels=tuple(range(len(chosen))),
            n=self.n[chosen],
            means=self.means[chosen],
            own=self.own[chosen],
        )


@dataclass(frozen=True)
class Anova:
    """One-way analysis of variance, after the fixed effects (Searle, Casella & McCulloch 1992, §3.6, §5.3).

    With covariates this is Henderson's method 3: the sum of squares between is what the group adds to the
    covariates.

    Attributes:
        k, n_obs, mean_size: levels, rows, rows per level.
        n0: coefficient of the between variance in the expected mean square between; the common size when
            all levels have it and there are no covariates, less when sizes differ.
        ss_between, ss_within, df_between, df_within: sums of squares and their degrees of freedom.
        grand_mean: mean of all rows.
    """

    k: int
    n_obs: float
    mean_size: float
    n0: float
    ss_between: float
    ss_within: float
    df_between: int
    df_within: int
    grand_mean: float

    @property
    def ms_between(self) -> float:
        """Mean square between levels."""
        return self.ss_between / self.df_between

    @property
    def ms_within(self) -> float:
        """Mean square within levels."""
        return self.ss_within / self.df_within

    @property
    def f(self) -> float:
        """Ratio of the mean squares; infinite when nothing varies within levels."""
        return self.ms_between / self.ms_within if self.ms_within > 0.0 else float("inf")

    @property
    def p_value(self) -> float:
        """Probability of an F as large when levels do not differ."""
        return float(stats.f.sf(self.f, self.df_between, self.df_within))

    @property
    def variance_between(self) -> float:
        """Unbiased estimate of the variance between levels; can be negative."""
        return (self.ms_between - self.ms_within) / self.n0

    @property
    def icc(self) -> float:
        """ICC(1) = (MSB − MSW) / (MSB + (n0 − 1) MSW); can be negative."""
        return (self.ms_between - self.ms_within) / (self.ms_between + (self.n0 - 1.0) * self.ms_within)

    @property
    def reliability_of_means(self) -> float:
        """ICC(2) = (MSB − MSW) / MSB: how well level means of typical size tell levels apart.

        Minus infinity where all level means are the same.
        """
        if self.ms_between <= 0.0:
            return -math.inf
        return (self.ms_between - self.ms_within) / self.ms_between


def split(moments: Moments, group: str, fixed: tuple[str, ...], response: str) -> OneWay:
    """The moments of an outcome and covariates, by the levels of one of their grouping factors.

    Raises:
        EstimationError: the factor is not among the moments', it has fewer than two levels with rows, or
            the outcome is the same in every row.
    """
    if group not in moments.factors:
        raise EstimationError(f"no grouping factor {group!r}; {nearest(group, moments.factors)}")
    position = moments.factors.index(group)
    labels = moments.levels[position]
    products = pooled(moments.products, moments.codes[:, position], len(labels))
    present = products[:, 0, 0] > 0.0
    products = products[present]
    levels = tuple(label for label, kept in zip(labels, present, strict=True) if kept)
    refuse_single(group, levels)
    columns = moments.position(*fixed, response)
    n = products[:, 0, 0]
    sums = products[:, 0, :][:, columns]
    means = sums / n[:, None]
    own = products[:, columns][:, :, columns] - means[:, :, None] * sums[:, None, :]
    diagonal = np.einsum("kii->ki", own)
    np.maximum(diagonal, 0.0, out=diagonal)
    reference = moments.reference[columns]
    if "(Intercept)" in fixed:
        constant = fixed.index("(Intercept)")
        own[:, constant, :] = own[:, :, constant] = 0.0
    else:
        # without a constant in the model the point the means are taken about is not free: it has to be zero
        means, reference = means + reference, np.zeros_like(reference)
    result = OneWay(group, response, levels, n, means, reference, own, fixed)
    refuse_constant(result)
    return result


def split_cells(cells: Cells, response: str) -> OneWay:
    """The same split from cells without covariates: counts, totals and squares, added up by level.

    A database may leave cells of one level apart, by outcome.

    Raises:
        EstimationError: fewer than two levels, or the outcome is the same in every row.
    """
    codes, labels = cells.codes[:, 0], cells.levels[0]
    n, total, squares = (
        np.bincount(codes, values, minlength=len(labels)).astype(np.float64)
        for values in (cells.weight, cells.total, cells.total_squares)
    )
    mean = float(total.sum() / n.sum())
    means = np.column_stack((np.ones_like(n), total / n - mean))
    own = np.zeros((len(n), 2, 2))
    own[:, 1, 1] = np.maximum(squares - total**2 / n, 0.0)
    levels = tuple(labels)
    refuse_single(cells.factors[0], levels)
    result = OneWay(
        cells.factors[0], response, levels, n, means, np.array([0.0, mean]), own, ("(Intercept)",)
    )
    refuse_constant(result)
    return result


def pooled(products: Floats, codes: NDArray[np.int64], n_levels: int) -> Floats:
    """(n_levels, q, q) sums of `products` over the groups that share a code."""
    if len(codes) == n_levels and np.array_equal(codes, np.arange(n_levels)):
        return products
    total = np.zeros((n_levels, *products.shape[1:]))
    np.add.at(total, codes, products)
    return total


def anova(data: OneWay) -> Anova:
    """The analysis of variance of one outcome by one grouping factor.

    Raises:
        EstimationError: no level has two rows, or the covariates leave nothing to compare levels by.
    """
    refuse_single_rows(data)
    n, n_obs = data.n, data.n_obs
    fixed, outcome = data.means[:, :-1], data.means[:, -1]
    rank_within = _rank(data.within[:-1, :-1])
    df_within = round(n_obs) - data.k - rank_within
    if df_within < 1:
        raise EstimationError(
            f"{round(n_obs)} usable rows of {data.response} in {data.k} levels of {data.group} are too few "
            f"for {rank_within} covariates",
            hint="use fewer covariates, a coarser grouping column, or more rows per group",
        )
    slopes = _solve(data.within[:-1, :-1], data.within[:-1, -1])
    ss_within = max(float(data.within[-1, -1] - slopes @ data.within[:-1, -1]), 0.0)
    mean = float(n @ outcome / n_obs)
    if data.plain:
        df_between = data.k - 1
        n0 = (n_obs - float(n @ n) / n_obs) / df_between
    else:
        sums = fixed * n[:, None]
        information = data.within[:-1, :-1] + sums.T @ fixed
        df_between = data.k + rank_within - _rank(information)
        if df_between < 1:
            raise EstimationError(
                f"the covariates already tell all {data.k} levels of {data.group} apart, so nothing is "
                "left to compare them by",
                hint="leave out covariates that are constant within levels",
            )
        n0 = (n_obs - float(np.sum(sums * _solve(information, sums.T).T))) / df_between
    return Anova(
        k=data.k,
        n_obs=n_obs,
        mean_size=n_obs / data.k,
        n0=n0,
        ss_between=between_at(data, 0.0),
        ss_within=ss_within,
        df_between=df_between,
        df_within=df_within,
        grand_mean=mean + float(data.reference[-1]),
    )


def between_at(data: OneWay, theta: float) -> float:
    """The generalized sum of squares between levels at variance ratio θ: at θ = 0 the ordinary one.

    It is what residuals weighted by V⁻¹ leave beyond the sum of squares within, a sum of squares itself,
    and falls steadily in θ. Source: Harville & Fenech (1985), Biometrics 41:137, eq. 2.5.
    """
    fixed, outcome = data.means[:, :-1], data.means[:, -1]
    weight = data.n / (1.0 + data.n * theta)
    if data.plain:
        return float(weight @ (outcome - weight @ outcome / weight.sum()) ** 2)
    within = data.within[:-1, :-1]
    weighted = fixed * weight[:, None]
    slopes = _solve(within, data.within[:-1, -1])
    coefficients = _solve(within + weighted.T @ fixed, data.within[:-1, -1] + weighted.T @ outcome)
    change = coefficients - slopes
    return float(weight @ (outcome - fixed @ coefficients) ** 2 + change @ within @ change)


def refuse_single(group: str, levels: tuple[Hashable, ...]) -> None:
    """Refuse a factor with fewer than two levels.

    Raises:
        EstimationError: there is one level, or none.
    """
    if len(levels) < 2:
        raise EstimationError(
            f"{group} has {len(levels)} level{'' if len(levels) == 1 else 's'} with usable rows; "
            "how much levels differ needs at least two",
            hint=f"check that {group} is the grouping column and that missing values did not empty it",
        )


def refuse_single_rows(data: OneWay) -> None:
    """Refuse a factor each of whose levels has a single row.

    Raises:
        EstimationError: it is so.
    """
    if not np.any(data.n > 1.0):
        raise EstimationError(
            f"every {data.group} has a single usable row of {data.response}, so differences between and "
            f"within {data.group} cannot be told apart",
            hint="use a coarser grouping column, or more rows per group",
        )


def refuse_constant(data: OneWay) -> None:
    """Refuse an outcome that is the same in every row, to rounding.

    Raises:
        EstimationError: it is.
    """
    means = data.means[:, -1]
    total = float(data.within[-1, -1] + data.n @ (means - data.n @ means / data.n_obs) ** 2)
    scale = max(abs(float(data.reference[-1])), float(np.abs(means).max()))
    if total <= (8.0 * np.finfo(float).eps * scale) ** 2 * data.n_obs:
        raise EstimationError(
            f"{data.response} has the same value in every usable row, so there is nothing to divide into "
            f"between and within {data.group}",
            hint="check the outcome column and the rows selected",
        )


def _rank(matrix: Floats) -> int:
    """Rank of a positive semi-definite matrix, each column judged by its own size."""
    size = np.sqrt(np.diag(matrix))
    keep = size > 0.0
    if not keep.any():
        return 0
    scaled = matrix[np.ix_(keep, keep)] / np.outer(size[keep], size[keep])
    return int(np.sum(np.linalg.eigvalsh(scaled) > RANK_TOLERANCE**2 * keep.sum()))


def _solve(matrix: Floats, right: Floats) -> Floats:
    """Least-norm solution of a positive semi-definite system, scaled to unit diagonal."""
    size = np.sqrt(np.diag(matrix))
    keep = size > 0.0
    solution = np.zeros_like(right)
    if not keep.any():
        return solution
    scale = size[keep]
    shape = (slice(None),) + (None,) * (right.ndim - 1)
    scaled = matrix[np.ix_(keep, keep)] / np.outer(scale, scale)
    values, vectors = np.linalg.eigh(scaled)
    usable = values > RANK_TOLERANCE**2 * keep.sum()
    inverse = (vectors[:, usable] / values[usable]) @ vectors[:, usable].T
    solution[keep] = (inverse @ (right[keep] / scale[shape])) / scale[shape]
    return solution
