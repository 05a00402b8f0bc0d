"""Profile likelihood intervals of a linear mixed model's parameters, on the scales people read.

For a parameter ψ the profile is the least criterion over everything else with ψ held; the interval is where
it exceeds the minimum by no more than the χ²₁ quantile (Bates et al. 2015 §5.1). Random effects are put in
an order and a basis in which ψ is one number of the Cholesky factor:

* SD of an effect: that effect first, Λ₁₁σ = ψ;
* correlation of two effects: these two first, (Λ₂₁, Λ₂₂) = c (ψ, √(1 − ψ²));
* share of variance (ICC): intercepts first in every group, Λ₁₁² = ψ/(1 − ψ)·(1 + Σ others);
* residual SD; a coefficient (its column moved to the left-hand side).

An end at 0 or ±1 is returned as such where the criterion there is within the limit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.models.linear_mixed.held_parameters import CorrelationHeld, Held, SdHeld, ShareHeld
from tasks.models.linear_mixed.lmm_columns import WorkingMoments
from tasks.models.linear_mixed.lmm_criterion import Criterion, CriterionPoint
from tasks.models.linear_mixed.lmm_optimum import Optimum, optimise
from tasks.models.linear_mixed.relative_covariance import RelativeCovariance
from tasks.models.numerics import distributions as stats
from tasks.models.numerics.profile_interval import end_by_steps
from tasks.models.numerics.trust_region import minimise
from tasks.records.moments import INTERCEPT

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Frames:
    """A basis of the random effects per factor: working effects = frame · effects here."""

    criterion: Criterion
    frames: tuple[Floats, ...]

    @cached_property
    def _map(self) -> Floats:
        """(m, m): free entries of D here → free entries of the working D."""
        shape = self.criterion.shape
        columns = []
        for factor, unit in shape.basis:
            frame = self.frames[factor]
            moved = frame @ unit @ frame.T
            columns.append([moved[i, j] if f == factor else 0.0 for f, i, j in shape.entries])
        return np.array(columns).T

    def at(self, theta: Floats) -> CriterionPoint:
        """The criterion at θ in this basis."""
        own = self.criterion.shape.covariance(theta)
        return self.criterion.at([f @ d @ f.T for f, d in zip(self.frames, own, strict=True)])

    def here(self, theta: Floats) -> Floats:
        """θ in this basis of working θ."""
        inverses = [np.linalg.inv(frame) for frame in self.frames]
        own = self.criterion.shape.covariance(theta)
        return self.criterion.shape.theta([f @ d @ f.T for f, d in zip(inverses, own, strict=True)])

    def slopes(self, slopes: Sequence[Floats]) -> list[Floats]:
        """∂/∂D in this basis."""
        return [frame.T @ slope @ frame for frame, slope in zip(self.frames, slopes, strict=True)]

    def curvature(self, curvature: Floats) -> Floats:
        """Hessian in the free entries of D in this basis."""
        return self._map.T @ curvature @ self._map


class _Constrained:
    """The criterion with σ² not profiled out, as a function of what is free."""

    def __init__(self, frames: _Frames, constraint: Held, free: Floats) -> None:
        self._frames, self._constraint, self._free = frames, constraint, free
        self.full = constraint.expand(free)
        self._theta = self.full[:-1]
        self._point = frames.at(self._theta)
        self._precision = float(np.exp(-self.full[-1]))

    @cached_property
    def value(self) -> float:
        """The criterion."""
        point, nu = self._point, self._point.criterion.nu
        if not np.isfinite(point.value):
            return float("inf")
        profiled = nu * (1.0 + np.log(point.q / nu))
        return float(point.value - profiled + nu * self.full[-1] + point.q * self._precision)

    @cached_property
    def _slopes(self) -> list[Floats]:
        point = self._point
        own = [
            determinants + quadratic * self._precision
            for determinants, quadratic in zip(point.determinant_slopes, point.quadratic_slopes, strict=True)
        ]
        return self._frames.slopes(own)

    @cached_property
    def _full_gradient(self) -> Floats:
        point, shape = self._point, self._point.criterion.shape
        by_theta = shape.gradient(self._slopes, self._theta)
        return np.append(by_theta, point.criterion.nu - point.q * self._precision)

    @cached_property
    def gradient(self) -> Floats:
        """Along what is free."""
        return self._constraint.jacobian(self._free).T @ self._full_gradient

    @cached_property
    def hessian(self) -> Floats:
        """Along what is free."""
        point, shape = self._point, self._point.criterion.shape
        m = shape.size
        if point.criterion.is_expensive:
            own = point.average_quadratic * self._precision
        else:
            determinants, quadratic = point.second_order
            own = determinants + quadratic * self._precision
        curvature = self._frames.curvature(own)
        full = np.empty((m + 1, m + 1))
        full[:m, :m] = shape.hessian(self._slopes, curvature, self._theta)
        across = -self._precision * shape.gradient(self._frames.slopes(point.quadratic_slopes), self._theta)
        full[:m, m] = full[m, :m] = across
        full[m, m] = point.q * self._precision
        jacobian = self._constraint.jacobian(self._free)
        bent = self._constraint.bend(self._free, self._full_gradient)
        return np.asarray(jacobian.T @ full @ jacobian + bent)


@dataclass(frozen=True)
class Profiled:
    """One parameter's profile: its estimate and, for a value, how much the criterion rises.

    Attributes:
        name: as lme4 names it, e.g. `sd_(Intercept)|clinic`, `cor_x.(Intercept)|clinic`, `sigma`.
        estimate: where the profile is 0.
        lower, upper: the parameter's bounds.
        scale: a typical step.
        rise: value → −2 log-likelihood ratio of the profile (≥ 0).
    """

    name: str
    estimate: float
    lower: float
    upper: float
    scale: float
    rise: Callable[[float], float]

    def interval(self, level: float) -> tuple[float, float]:
        """Where the rise stays within the χ²₁ quantile."""
        if not np.isfinite(self.estimate):
            return float("nan"), float("nan")
        limit = float(np.sqrt(stats.chi2.ppf(level, 1)))

        def excess(value: float) -> float:
            return limit - float(np.sqrt(max(self.rise(value), 0.0)))

        return (
            end_by_steps(excess, self.estimate, self.lower, self.scale, upward=False),
            end_by_steps(excess, self.estimate, self.upper, self.scale, upward=True),
        )


def profile_variances(optimum: Optimum) -> list[Profiled]:
    """Profiles of the SDs and correlations by group, the residual SD, and the shares of variance."""
    result = []
    criterion = optimum.point.criterion
    for factor, terms in enumerate(criterion.shape.terms):
        for term in terms:
            result += [_sd(optimum, factor, term, k) for k in range(len(term))]
            result += [_correlation(optimum, factor, term, j, i) for i in range(len(term)) for j in range(i)]
    result.append(_residual(optimum))
    return result + _shares(optimum)


def profile_coefficients(optimum: Optimum, names: Sequence[str]) -> list[Profiled]:
    """Profiles of fixed effects; the optimum must be of the full likelihood."""
    return [_coefficient(optimum, optimum.point.criterion.data.fixed.index(name)) for name in names]


def intervals(profiles: Sequence[Profiled], level: float) -> pd.DataFrame:
    """One row per parameter: estimate, lower, upper."""
    rows = [(each.estimate, *each.interval(level)) for each in profiles]
    return pd.DataFrame(
        rows, index=pd.Index([each.name for each in profiles]), columns=["estimate", "lower", "upper"]
    )


def _riser(
    optimum: Optimum, frames: _Frames, constraint: Callable[[float], Held]
) -> Callable[[float], float]:
    """The rise of the profile, each search begun from the last one's end."""
    best = optimum.point.value
    sigma2 = float(optimum.point.sigma2)
    latest: list[Floats] = [np.append(frames.here(optimum.theta), np.log(sigma2))]
    entries = optimum.point.criterion.shape.entries
    diagonal = [k for k, (_, i, j) in enumerate(entries) if i == j]

    def rise(value: float) -> float:
        held = constraint(value)
        begin = latest[0].copy()
        # zero is stationary by symmetry, so nothing begins there
        begin[diagonal] = np.where(np.abs(begin[diagonal]) < 0.05, 0.05, begin[diagonal])
        found = minimise(lambda free: _Constrained(frames, held, free), held.free(begin))
        latest[0] = found.found.full
        return found.found.value - best

    return rise


def _frames(criterion: Criterion, first: Sequence[tuple[int, tuple[int, ...], tuple[int, ...]]]) -> _Frames:
    """A basis in which, for each (factor, term, effects), those effects in original units come first."""
    result = [np.eye(d) for d in criterion.shape.sizes]
    for factor, term, effects in first:
        own = np.ix_(term, term)
        back = criterion.data.groups[factor].back[own]
        order = [*effects, *(k for k in range(len(term)) if k not in effects)]
        inverse = np.eye(len(term))[order]
        inverse[: len(effects)] = back[list(effects)]
        result[factor][own] = np.linalg.inv(inverse)
    return _Frames(criterion, tuple(result))


def _entry(shape: RelativeCovariance, factor: int, row: int, column: int) -> int:
    return shape.entries.index((factor, row, column))


def _name(optimum: Optimum, factor: int, term: tuple[int, ...], effect: int) -> tuple[str, str]:
    group = optimum.point.criterion.data.groups[factor]
    return group.columns[term[effect]], group.group


def _original(optimum: Optimum, factor: int, term: tuple[int, ...]) -> Floats:
    """The term's covariance in original units."""
    point = optimum.point
    data = point.criterion.data
    back = data.groups[factor].back
    own = back @ point.covariance[factor] @ back.T
    return np.asarray(data.y_scale**2 * float(point.sigma2) * own[np.ix_(term, term)])


def _sd(optimum: Optimum, factor: int, term: tuple[int, ...], effect: int) -> Profiled:
    criterion = optimum.point.criterion
    column, group = _name(optimum, factor, term, effect)
    frames = _frames(criterion, [(factor, term, (effect,))])
    which = _entry(criterion.shape, factor, term[0], term[0])
    unit = criterion.data.y_scale
    estimate = float(np.sqrt(max(_original(optimum, factor, term)[effect, effect], 0.0)))
    back = criterion.data.groups[factor].back[term[effect], term[effect]]
    typical = unit * float(np.sqrt(optimum.point.sigma2)) * abs(back)
    rise = _riser(optimum, frames, lambda value: SdHeld(which, value / unit))
    scale = 0.5 * estimate if estimate > 0.0 else 0.1 * typical
    return Profiled(f"sd_{column}|{group}", estimate, 0.0, np.inf, scale, rise)


def _correlation(optimum: Optimum, factor: int, term: tuple[int, ...], i: int, j: int) -> Profiled:
    criterion = optimum.point.criterion
    (first, group), (second, _) = _name(optimum, factor, term, i), _name(optimum, factor, term, j)
    frames = _frames(criterion, [(factor, term, (i, j))])
    below = _entry(criterion.shape, factor, term[1], term[0])
    diagonal = _entry(criterion.shape, factor, term[1], term[1])
    covariance = _original(optimum, factor, term)
    product = float(covariance[i, i] * covariance[j, j])
    estimate = (
        float(np.clip(covariance[i, j] / np.sqrt(product), -1.0, 1.0)) if product > 0.0 else float("nan")
    )
    rise = _riser(optimum, frames, lambda value: CorrelationHeld(diagonal, value, below))
    return Profiled(f"cor_{second}.{first}|{group}", estimate, -1.0, 1.0, 0.2, rise)


def _residual(optimum: Optimum) -> Profiled:
    criterion = optimum.point.criterion
    frames, unit = _frames(criterion, []), criterion.data.y_scale
    estimate = unit * float(np.sqrt(optimum.point.sigma2))

    def held(value: float) -> Held:
        return Held(criterion.shape.size, 2.0 * float(np.log(value / unit)))

    step = 2.0 * estimate / np.sqrt(2.0 * criterion.nu)
    return Profiled(
        "sigma", estimate, 0.0, np.inf, min(step, 0.9 * estimate), _positive(_riser(optimum, frames, held))
    )


def _positive(rise: Callable[[float], float]) -> Callable[[float], float]:
    return lambda value: rise(value) if value > 0.0 else float("inf")


def _shares(optimum: Optimum) -> list[Profiled]:
    """Shares of variance of groups whose term has an intercept (at 0 of the slopes' covariates)."""
    criterion = optimum.point.criterion
    data = criterion.data
    found: list[tuple[int, tuple[int, ...], int]] = []
    for factor, group in enumerate(data.groups):
        for term in group.terms:
            names = [group.columns[k] for k in term]
            if INTERCEPT in names:
                found.append((factor, term, names.index(INTERCEPT)))
    frames = _frames(criterion, [(factor, term, (effect,)) for factor, term, effect in found])
    places = [_entry(criterion.shape, factor, term[0], term[0]) for factor, term, _ in found]
    variances = np.array([_original(optimum, factor, term)[effect, effect] for factor, term, effect in found])
    total = float(variances.sum()) + data.y_scale**2 * float(optimum.point.sigma2)
    result = []
    for k, (factor, _, _) in enumerate(found):
        others = tuple(place for place in places if place != places[k])

        def held(value: float, which: int = places[k], others: tuple[int, ...] = others) -> Held:
            return ShareHeld(which, value / (1.0 - value), others)

        estimate = float(variances[k] / total)
        step = max(0.5 * min(estimate, 1.0 - estimate), 0.01)
        rise = _below_one(_riser(optimum, frames, held))
        result.append(Profiled(f"icc|{data.groups[factor].group}", estimate, 0.0, 1.0, step, rise))
    return result


def _below_one(rise: Callable[[float], float]) -> Callable[[float], float]:
    return lambda value: rise(value) if value < 1.0 else float("inf")


def _coefficient(optimum: Optimum, which: int) -> Profiled:
    point = optimum.point
    criterion = point.criterion
    if criterion.reml:
        raise ValueError("coefficients are profiled in the full likelihood")
    data = criterion.data
    weights = data.back[which]
    estimate = float(data.y_scale * weights @ point.beta + data.shift[which])
    se = data.y_scale * float(np.sqrt(point.sigma2 * (weights @ point.s_xx_inverse @ weights)))
    best, latest = point.value, [optimum.theta]

    def rise(value: float) -> float:
        held = Criterion(_without(data, which, value), False, criterion.shape)
        begin = np.where(np.abs(latest[0]) < 0.05, 0.05, latest[0])
        found = optimise(held, begin)
        latest[0] = found.theta
        return found.point.value - best

    return Profiled(data.fixed[which], estimate, -np.inf, np.inf, se, rise)


def _without(data: WorkingMoments, which: int, value: float) -> WorkingMoments:
    """The model with one original coefficient held: its direction taken out of X and put with y."""
    weights = data.back[which]
    p = len(weights)
    held = (value - data.shift[which]) / data.y_scale
    complement = np.linalg.svd(weights[None, :])[2][1:]
    change: Any = np.zeros((p, p + 1))
    change[:-1, :p] = complement
    change[-1, :p] = -weights * held / (weights @ weights)
    change[-1, p] = 1.0
    result = replace(
        data,
        fixed=data.fixed[:which] + data.fixed[which + 1 :],
        totals=change @ data.totals @ change.T,
        sides=data.sides @ change.T,
    )
    result.__dict__["elimination"] = data.elimination
    return result
