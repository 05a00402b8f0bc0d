"""A linear mixed model's columns in working form: centred, scaled, and how to get back.

The likelihood is invariant to shifting and scaling columns, floating point is not. Where the constant is
among the fixed effects, covariates and the outcome are centred at their means; all are scaled to unit root
mean square. A random term with an intercept is centred too, which changes its effects linearly
(b₀ + b₁x = (b₀ + b₁m) + (b₁s)(x − m)/s); a term without one, or with `||`, is only scaled, as centring would
change the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.errors import EstimationError
from tasks.models.linear_mixed.products_by_level import folded_products_by_level, products_by_level
from tasks.models.numerics.elimination import Elimination, GroupingFactor
from tasks.records.design import Design
from tasks.records.folded_moments import FoldedMoments
from tasks.records.moments import INTERCEPT, Moments

Floats = NDArray[np.float64]
Numbers = NDArray[Any]
Integers = NDArray[np.int64]

# a column that varies less than this, relative to its size, is constant to working precision
CONSTANT = 1e-12


@dataclass(frozen=True, slots=True)
class GroupColumns:
    """The random effects of one grouping factor, all its terms together.

    Attributes:
        group: the factor's name.
        columns: d effect names.
        terms: the positions in `columns` of each of its terms: effects of one term are correlated, of two
            terms independent.
        back: (d, d) working effects → effects in the columns' own units, still in working units of y.
    """

    group: str
    columns: tuple[str, ...]
    terms: tuple[tuple[int, ...], ...]
    back: Floats


@dataclass(frozen=True)
class WorkingMoments:
    """Cross-products of working columns: everything the (RE)ML criterion is made of.

    Attributes:
        n: rows.
        fixed: p names.
        totals: (p + 1, p + 1) products of (X, y) over all rows.
        random: (C, u, u) products of the u random columns per combination of levels.
        sides: (C, u, p + 1) products of the random columns with (X, y).
        codes: (C, F) levels of the F factors that have random effects.
        levels: per factor, how many levels.
        groups: per factor, its effects.
        positions: per factor, its columns among the u.
        repeats: per factor, how many levels each of its levels stands for; None: one each.
        back: (p, p) working coefficients → coefficients, in working units of y.
        shift: (p,) what is added to them, in units of y.
        y_scale: one working unit of y, in y's unit.
        log_scale: log|X'X| of the original columns minus that of the working ones.
    """

    n: float
    fixed: tuple[str, ...]
    totals: Floats
    random: Floats
    sides: Floats
    codes: Integers
    levels: tuple[int, ...]
    groups: tuple[GroupColumns, ...]
    positions: tuple[tuple[int, ...], ...]
    repeats: tuple[Floats | None, ...]
    back: Floats
    shift: Floats
    y_scale: float
    log_scale: float

    @cached_property
    def elimination(self) -> Elimination:
        """The order in which the factors are eliminated."""
        factors = [
            GroupingFactor(*each) for each in zip(self.levels, self.positions, self.repeats, strict=True)
        ]
        return Elimination(self.codes, factors, self.random.shape[1])

    def n_levels(self, factor: int) -> int:
        """How many levels of a factor have rows."""
        repeats = self.repeats[factor]
        if repeats is not None:
            return round(float(repeats.sum()))
        return len(np.unique(self.codes[:, factor]))

    def total(self, factor: int, values: Numbers) -> Numbers:
        """The sum over a factor's levels of (n, …) values by level."""
        repeats = self.repeats[factor]
        return np.asarray(values.sum(axis=0) if repeats is None else np.tensordot(repeats, values, axes=1))


def working_moments(design: Design, read: Moments | FoldedMoments) -> WorkingMoments:
    """The working columns of a model with random effects.

    Args:
        design: the formula bound to the data.
        read: the moments of its columns; of all its grouping factors, or folded.

    Raises:
        EstimationError: the outcome is constant.
    """
    moments = read.moments if isinstance(read, FoldedMoments) else read
    total = moments.products.sum(axis=0)
    n = float(total[0, 0])
    means = moments.reference + total[:, 0] / n
    means[0] = 0.0
    has_constant = INTERCEPT in design.fixed
    fixed = [moments.columns.index(name) for name in design.fixed]
    response = len(moments.columns) - 1
    spread = np.sqrt(np.maximum(np.diag(total) / n - (total[:, 0] / n) ** 2, 0.0))
    _refuse_constant(design.response, float(spread[-1]), float(means[-1]))
    size = np.hypot(spread, means)

    holder = _Holder(moments, means, spread, size)
    x = [holder.constant() if j == 0 else holder.column(j, centred=has_constant) for j in fixed]
    constant_as = _constant_in_span(x, total) if not has_constant else None
    y_centred = has_constant or constant_as is not None
    y = holder.column(response, centred=y_centred)
    sides = np.array([*x, y])

    p = len(fixed)
    back, shift = np.zeros((p, p)), np.zeros(p)
    scales = np.array([1.0 if j == 0 else holder.scale(j, centred=has_constant) for j in fixed])
    back[np.arange(p), np.arange(p)] = 1.0 / scales
    if has_constant:
        at = design.fixed.index(INTERCEPT)
        others = np.arange(p) != at
        back[at, others] = -means[fixed][others] / scales[others]
        shift[at] = means[-1]
    elif constant_as is not None:
        shift = means[-1] * constant_as / scales

    rows, groups, positions = _random_columns(design, holder)
    random_map = np.array(rows)
    names = [group.group for group in groups]
    if isinstance(read, FoldedMoments):
        products = folded_products_by_level(read, random_map, sides, names)
        positions[names.index(read.group)] = (len(rows),)  # the last
    else:
        products = products_by_level(read, random_map, sides, names)
    return WorkingMoments(
        n=n,
        fixed=design.fixed,
        totals=sides @ total @ sides.T,
        random=products.random,
        sides=products.sides,
        codes=products.codes,
        levels=products.levels,
        groups=tuple(groups),
        positions=tuple(positions),
        repeats=products.repeats,
        back=back,
        shift=shift,
        y_scale=holder.scale(response, centred=y_centred),
        log_scale=2.0 * float(np.log(scales).sum()),
    )


@dataclass(frozen=True, slots=True)
class _Holder:
    """Working columns as weights of the moments' own columns."""

    moments: Moments
    means: Floats
    spread: Floats
    size: Floats

    def constant(self) -> Floats:
        weights = np.zeros(len(self.means))
        weights[0] = 1.0
        return weights

    def scale(self, column: int, *, centred: bool) -> float:
        scale = float(self.spread[column] if centred else self.size[column])
        return scale if scale > 0.0 else 1.0

    def column(self, column: int, *, centred: bool) -> Floats:
        scale = self.scale(column, centred=centred)
        weights = np.zeros(len(self.means))
        weights[column] = 1.0 / scale
        weights[0] += (self.moments.reference[column] - (self.means[column] if centred else 0.0)) / scale
        return weights


def _random_columns(
    design: Design, holder: _Holder
) -> tuple[list[Floats], list[GroupColumns], list[tuple[int, ...]]]:
    """The distinct random columns, and per grouping factor its effects and where their columns are."""
    rows: list[Floats] = []
    known: dict[tuple[int, bool], int] = {}
    groups: list[GroupColumns] = []
    positions: list[tuple[int, ...]] = []
    names = list(holder.moments.columns)
    for group in dict.fromkeys(term.group for term in design.random):
        columns: list[str] = []
        terms: list[tuple[int, ...]] = []
        own: list[int] = []
        backs: list[tuple[int, Floats]] = []
        for term in design.random:
            if term.group != group:
                continue
            for column in term.columns:
                if column in columns:
                    raise EstimationError(
                        f"{column} has two random effects by {group}, which cannot be told apart",
                        hint=f"write one term, such as (1 + x | {group}), or (1 + x || {group})",
                    )
            centred = INTERCEPT in term.columns and len(term.columns) > 1
            first = len(columns)
            back = np.eye(len(term.columns))
            for k, column in enumerate(term.columns):
                j = names.index(column)
                key = (j, centred and j != 0)
                if key not in known:
                    known[key] = len(rows)
                    rows.append(holder.constant() if j == 0 else holder.column(j, centred=key[1]))
                own.append(known[key])
                if j != 0:
                    scale = holder.scale(j, centred=key[1])
                    back[k, k] = 1.0 / scale
                    if key[1]:
                        back[term.columns.index(INTERCEPT), k] = -holder.means[j] / scale
            columns += term.columns
            terms.append(tuple(range(first, len(columns))))
            backs.append((first, back))
        whole = np.zeros((len(columns), len(columns)))
        for first, back in backs:
            whole[first : first + len(back), first : first + len(back)] = back
        groups.append(GroupColumns(group, tuple(columns), tuple(terms), whole))
        positions.append(tuple(own))
    return rows, groups, positions


def _constant_in_span(x: list[Floats], total: Floats) -> Floats | None:
    """Weights c with X c = 1, if the constant is a combination of the fixed columns (`0 + factor`)."""
    if not x:
        return None
    columns = np.array(x)
    products = columns @ total
    n = total[0, 0]
    weights, *_ = np.linalg.lstsq(products @ columns.T, products[:, 0], rcond=None)
    left = n - 2.0 * weights @ products[:, 0] + weights @ products @ columns.T @ weights
    return np.asarray(weights) if left < 1e-10 * n else None


def _refuse_constant(response: str, spread: float, mean: float) -> None:
    if not spread > CONSTANT * max(abs(mean), np.finfo(float).tiny):
        raise EstimationError(
            f"the outcome {response} has the same value in every row, so there is no variance to divide up",
            hint="check the filter and the units of the outcome's column",
        )
