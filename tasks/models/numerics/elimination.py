"""Block elimination of random effects: all that a mixed model needs of Z'WZ and D, factor by factor.

With random effects b ~ N(0, D) (D block-diagonal, one block per level of a grouping factor) and weighted
cross-products Z'WZ, the model needs |I + D Z'WZ|, the posterior mean (Z'WZ + D⁻¹)⁻¹ r and blocks of the
posterior covariance K = (Z'WZ + D⁻¹)⁻¹. Nothing of the size of Z'WZ is formed:

* a factor whose levels each meet one combination of the remaining factors (patients nested in clinics, the
  only factor of a model, …) is eliminated level by level with a d × d inverse; what is left is a table of the
  same kind with one factor fewer, so a chain region/clinic/patient costs a multiple of its number of levels;
* where that ends with factors that cross, `numerics.crossed` eliminates the largest analytically and
  solves for the others densely, component by component.

D is used only through (I + D P)⁻¹, so zero variances and correlations of ±1 need no special case, and
complex D is allowed (derivatives by complex step).

Sources: Henderson (1975) Biometrics 31:423 for K and the posterior mean; Searle, Casella & McCulloch (1992)
*Variance Components* §7.6; block elimination as in Bates, Mächler, Bolker & Walker (2015) JSS 67(1) §5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.models.numerics.crossed import Crossed, CrossedFactor
from tasks.models.numerics.small_matrices import gram, inverse, log_determinant, product, transposed

Numbers = NDArray[Any]
"""Real or complex arrays: complex ones occur only in derivatives by complex step."""
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Partition:
    """Rows gathered into groups: sums within groups.

    Attributes:
        group: (rows,) the group of each row; every group 0 … size−1 has a row.
        size: number of groups.
    """

    __slots__ = ("_order", "_starts", "group", "size")

    def __init__(self, group: Integers, size: int) -> None:
        self.group = group
        self.size = size
        ordered = bool(np.all(group[1:] >= group[:-1]))
        self._order = None if ordered else np.argsort(group, kind="stable")
        inorder = group if self._order is None else group[self._order]
        self._starts = np.searchsorted(inorder, np.arange(size))

    def sum(self, values: Numbers) -> Numbers:
        """(size, …) sums of (rows, …) values over each group."""
        if self.size == len(self.group) and self._order is None:
            return values
        if self.size == 1:
            return np.asarray(values.sum(axis=0, keepdims=True))
        inorder = values if self._order is None else values[self._order]
        return np.asarray(np.add.reduceat(inorder, self._starts, axis=0))


@dataclass(frozen=True, slots=True)
class GroupingFactor:
    """A grouping factor's random effects.

    Attributes:
        n_levels: number of levels, those without a row included.
        columns: which of the u random columns have an effect by this factor.
        repeats: (n_levels,) how many levels each stands for, where some are alike and told once; None: one.
    """

    n_levels: int
    columns: tuple[int, ...]
    repeats: Floats | None = None


@dataclass(frozen=True, slots=True)
class _Stage:
    """One factor eliminated level by level: a row is a level, and lies within one row of the next stage.

    Attributes:
        factor: which.
        own: its columns.
        levels: the level of each row.
        n_levels: how many there are, those without a row included.
        in_order: whether rows are all levels in their order.
        upward: rows gathered into those of the next stage.
        repeats: (rows,) how many levels each row stands for; None: one.
    """

    factor: int
    own: Integers
    levels: Integers
    n_levels: int
    in_order: bool
    upward: Partition
    repeats: Floats | None

    def sum(self, values: Numbers) -> Any:
        """The sum over levels of a number for each row."""
        return values.sum() if self.repeats is None else (self.repeats * values).sum()

    def spread(self, values: Numbers, absent: Numbers | None = None) -> Numbers:
        """Values by present level → values by level; a level without a row has `absent` (or zero)."""
        if self.in_order:
            return values
        result = np.zeros((self.n_levels, *values.shape[1:]), dtype=values.dtype)
        if absent is not None:
            result[:] = absent
        result[self.levels] = values
        return result


class Elimination:
    """The order of elimination of crossed and nested factors; depends on codes alone.

    Args:
        codes: (C, F) level of each factor in each combination of levels that occurs; a combination may be
            listed more than once (its products are added).
        factors: F factors and their columns.
        n_columns: u, how many random columns the products have.
    """

    def __init__(self, codes: Integers, factors: Sequence[GroupingFactor], n_columns: int) -> None:
        self.factors = tuple(factors)
        self.n_columns = n_columns
        codes = np.ascontiguousarray(codes, dtype=np.int64)
        self._gather, rows = _distinct(codes)
        remaining = list(range(len(self.factors)))
        self._stages: list[_Stage] = []
        while remaining:
            present = [np.unique(rows[:, f]) for f in remaining]
            largest = max(range(len(remaining)), key=lambda k: len(present[k]))
            if len(rows) != len(present[largest]):
                break
            factor = remaining.pop(largest)
            levels = rows[:, factor].copy()
            rows = rows.copy()
            rows[:, factor] = 0
            upward, rows = _distinct(rows)
            own = np.array(self.factors[factor].columns, dtype=np.int64)
            n = self.factors[factor].n_levels
            in_order = n == len(levels) and bool(np.all(levels[1:] > levels[:-1]))
            repeats = self.factors[factor].repeats
            alike = None if repeats is None else repeats[levels]
            self._stages.append(_Stage(factor, own, levels, n, in_order, upward, alike))
        self._crossed: Crossed | None = None
        if remaining:
            self._crossed = Crossed(
                rows[:, remaining],
                tuple(self.factors[f].n_levels for f in remaining),
                tuple(self.factors[f].columns for f in remaining),
                n_columns,
            )
        self._remaining = tuple(remaining)

    @property
    def is_single(self) -> bool:
        """Whether there is one factor: groups are then independent given the fixed effects."""
        return len(self._stages) == 1 and self._crossed is None

    @property
    def is_chain(self) -> bool:
        """Whether the factors nest into a chain, so that elimination is linear in the number of levels."""
        return self._crossed is None

    @property
    def largest_dense(self) -> int:
        """Effects of crossed factors that are solved together, at most; 0 for a chain."""
        return 0 if self._crossed is None else max(batch.shape[1] for batch in self._crossed.batches)

    def factorise(self, products: Numbers, covariance: Sequence[Numbers]) -> Factorised:
        """Eliminate the factors one after another.

        Args:
            products: (C, u, u) weighted cross-products of the random columns in each combination.
            covariance: per factor the (d, d) covariance D of its effects, relative to the scale of the
                products (residual variance 1, or the working weights of a generalized model).
        """
        held: list[tuple[Numbers, Numbers]] = []
        log_det: Any = 0.0
        here = self._gather.sum(products)
        for stage in self._stages:
            own, d = stage.own, covariance[stage.factor]
            inner = here[:, own[:, None], own]
            system = product(d, inner)
            diagonal = np.arange(len(own))
            system[:, diagonal, diagonal] += 1.0
            log_det = log_det + stage.sum(log_determinant(system))
            shrink = inverse(system)
            held.append((here, shrink))
            if len(held) < len(self._stages) or self._crossed is not None:
                here = stage.upward.sum(_absorbed(here, own, shrink, d))
        core = None
        if self._crossed is not None:
            core = self._crossed.factorise(here, [covariance[f] for f in self._remaining])
            log_det = log_det + core.log_determinant
        return Factorised(self, tuple(covariance), held, core, log_det)


@dataclass(frozen=True, slots=True)
class Effects:
    """Posterior means, and what is left to explain.

    Attributes:
        effects: per factor, (n, d, m) posterior means (Z'WZ + D⁻¹)⁻¹ r.
        scores: per factor, (n, d, m) Z'V⁻¹ applied to the right-hand sides: r − Z'WZ b, so that b = D·score.
            (In a generalized model the spherical effects are u = Λ'·score.)
        explained: (m, m) r'(Z'WZ + D⁻¹)⁻¹ r, what V⁻¹ takes off the plain cross-products.
        combined: (C, u, m) per combination, the effects of all its levels added by column.
    """

    effects: tuple[Numbers, ...]
    scores: tuple[Numbers, ...]
    explained: Numbers
    combined: Numbers


@dataclass(frozen=True, slots=True)
class Posterior:
    """Blocks of the posterior covariance of the effects, given the variances and the fixed effects.

    Attributes:
        covariance: per factor, (n, d, d) conditional covariance of a level's effects (the diagonal blocks of
            (Z'WZ + D⁻¹)⁻¹; lme4's condVar over σ²).
        information: per factor, (n, d, d) Z_j'V⁻¹Z_j, which is ∂log|V|/∂D by level.
        combined: (C, u, u) covariance, per combination, of the effects of all its levels added by column:
            z'·combined·z is the leverage of a row z. None unless asked for.
    """

    covariance: tuple[Numbers, ...]
    information: tuple[Numbers, ...]
    combined: Numbers | None


class Factorised:
    """Z'WZ + D⁻¹, eliminated: log-determinant, posterior means and covariances."""

    __slots__ = ("_core", "_covariance", "_held", "_plan", "log_determinant")

    def __init__(
        self,
        plan: Elimination,
        covariance: tuple[Numbers, ...],
        held: list[tuple[Numbers, Numbers]],
        core: CrossedFactor | None,
        log_det: Any,
    ) -> None:
        self._plan = plan
        self._covariance = covariance
        self._held = held
        self._core = core
        self.log_determinant: Any = log_det
        """log |I + D Z'WZ| = log |V| − log |W⁻¹|."""

    def effects(self, products: Numbers, by_level: Sequence[Numbers | None] | None = None) -> Effects:
        """Posterior means for right-hand sides given by combination (and, if wanted, by level).

        Args:
            products: (C, u, m) weighted cross-products of the random columns with m right-hand sides.
            by_level: per factor, an (n, d, m) addition to the right-hand side of its effects, or None.
        """
        plan = self._plan
        here = plan._gather.sum(products)
        m = here.shape[-1]
        explained: Any = np.zeros((m, m))
        waiting: list[Numbers] = []
        for k, stage in enumerate(plan._stages):
            within, shrink = self._held[k]
            d, own = self._covariance[stage.factor], stage.own
            wanted = here[:, own, :]
            extra = None if by_level is None else by_level[stage.factor]
            if extra is not None:
                wanted = wanted + extra[stage.levels]
            score = product(transposed(shrink), wanted)
            effect = product(d, score)
            explained = explained + gram(wanted.reshape(-1, m), effect.reshape(-1, m))
            waiting.append(wanted)
            if k + 1 < len(plan._stages) or self._core is not None:
                left = here - product(within[:, :, own], effect)
                if extra is None:
                    left[:, own, :] = score
                here = stage.upward.sum(left)
        effects: list[Numbers] = [np.empty(0)] * len(plan.factors)
        scores: list[Numbers] = [np.empty(0)] * len(plan.factors)
        coarser: Numbers | None = None
        if self._core is not None:
            extras = None if by_level is None else [by_level[f] for f in plan._remaining]
            means, left_over, coarser, taken = self._core.effects(here, extras)
            explained = explained + taken
            for k, factor in enumerate(plan._remaining):
                effects[factor], scores[factor] = means[k], left_over[k]
        for k in range(len(plan._stages) - 1, -1, -1):
            stage = plan._stages[k]
            within, shrink = self._held[k]
            own = stage.own
            wanted = waiting[k]
            if coarser is not None:
                above = coarser[stage.upward.group]
                wanted = wanted - product(within[:, own, :], above)
            score = product(transposed(shrink), wanted)
            effect = product(self._covariance[stage.factor], score)
            extra = None if by_level is None else by_level[stage.factor]
            if extra is not None and stage.n_levels > len(stage.levels):
                apart = np.delete(extra, stage.levels, axis=0)
                explained = explained + np.tensordot(
                    apart, product(self._covariance[stage.factor], apart), axes=((0, 1), (0, 1))
                )
            prior = None if extra is None else product(self._covariance[stage.factor], extra)
            effects[stage.factor] = stage.spread(effect, absent=prior)
            scores[stage.factor] = stage.spread(score, absent=extra)
            here_sum = np.zeros((len(effect), plan.n_columns, m), dtype=effect.dtype)
            here_sum[:, own, :] = effect
            coarser = here_sum if coarser is None else above + here_sum
        if coarser is None:
            raise ValueError("an elimination needs at least one factor")
        return Effects(tuple(effects), tuple(scores), explained, coarser[plan._gather.group])

    def posterior(self, *, combined: bool = False) -> Posterior:
        """Conditional covariances by level, and by combination when `combined`."""
        plan = self._plan
        covariances: list[Numbers] = [np.empty(0)] * len(plan.factors)
        informations: list[Numbers] = [np.empty(0)] * len(plan.factors)
        coarser: Numbers | None = None
        if self._core is not None:
            of_core, known, coarser = self._core.posterior(combined or bool(plan._stages))
            for k, factor in enumerate(plan._remaining):
                covariances[factor], informations[factor] = of_core[k], known[k]
        for k in range(len(plan._stages) - 1, -1, -1):
            stage = plan._stages[k]
            within, shrink = self._held[k]
            own, d = stage.own, self._covariance[stage.factor]
            alone = _symmetric(product(shrink, d))
            kept = product(transposed(shrink), within[:, own, :])
            covariance, information = alone, _symmetric(kept[:, :, own])
            if coarser is not None:
                above = coarser[stage.upward.group]
                passed = product(kept, above)
                information = information - _symmetric(product(passed, transposed(kept)))
                spread = product(d, kept)
                covariance = alone + _symmetric(product(product(spread, above), transposed(spread)))
            covariances[stage.factor] = stage.spread(covariance, absent=d)
            informations[stage.factor] = stage.spread(information)
            if k > 0 or combined:
                total = np.zeros((len(alone), plan.n_columns, plan.n_columns), dtype=alone.dtype)
                total[:, own[:, None], own] = alone
                if coarser is not None:
                    transfer = np.zeros_like(total)
                    diagonal = np.arange(plan.n_columns)
                    transfer[:, diagonal, diagonal] = 1.0
                    transfer[:, own, :] -= product(d, kept)
                    transfer[:, own[:, None], own] = shrink
                    total = total + _symmetric(product(product(transfer, above), transposed(transfer)))
                coarser = total
        spread_out = coarser[plan._gather.group] if combined and coarser is not None else None
        return Posterior(tuple(covariances), tuple(informations), spread_out)


def _absorbed(within: Numbers, own: Integers, shrink: Numbers, d: Numbers) -> Numbers:
    """P − P[:, own] A P[own, :], A = (I + D P)⁻¹ D; the own rows as (I + P D)⁻¹ P, where nothing cancels."""
    kept = product(transposed(shrink), within[:, own, :])
    if len(own) == 1 == within.shape[1]:
        return kept
    result = within - product(within[:, :, own], product(d, kept))
    result[:, own, :] = kept
    result[:, :, own] = transposed(kept)
    result[:, own[:, None], own] = _symmetric(kept[:, :, own])
    return _symmetric(result)


def _symmetric(matrices: Numbers) -> Numbers:
    if matrices.shape[-1] == 1:
        return matrices
    return np.asarray(0.5 * (matrices + transposed(matrices)))


def _distinct(codes: Integers) -> tuple[Partition, Integers]:
    """The distinct rows of a code table, in order, and which of them each row is."""
    if codes.shape[1] == 0:
        return Partition(np.zeros(len(codes), dtype=np.int64), 1), codes[:1]
    key = np.zeros(len(codes), dtype=np.int64)
    for column in codes.T:
        key = key * (int(column.max()) + 1) + column
        if key.max() > 2**40:
            key = np.unique(key, return_inverse=True)[1].astype(np.int64)
    _, first, inverse_ = np.unique(key, return_index=True, return_inverse=True)
    return Partition(inverse_.reshape(-1).astype(np.int64), len(first)), codes[first]
