"""The (RE)ML optimum of a linear mixed model, on the boundary where that is where it is.

The criterion is minimised over θ by exact Newton steps in a trust region. θ = 0, or a Λ without full rank,
is stationary by symmetry, so a stationary point is accepted only if no allowed change of D lowers the
criterion: Γ = ∂/∂D must be positive semi-definite (the Karush–Kuhn–Tucker condition of D ⪰ 0). Where it is
not, the search goes on from a step along the offending direction.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tasks.models.linear_mixed.lmm_criterion import Criterion, CriterionPoint
from tasks.models.linear_mixed.relative_covariance import RelativeCovariance
from tasks.models.numerics.trust_region import minimise

Floats = NDArray[np.float64]

# a direction whose variance, relative to σ² and in scaled columns, is below this is tried without any
_VANISHING = 1e-7
# looks at an approximate Hessian before exact ones are worth their price
_PATIENCE = 15
# steps before the order of the effects is looked at again
_ROUND = 25


@dataclass(frozen=True)
class FitRecord:
    """How the optimum was found.

    Attributes:
        iterations: Newton steps.
        evaluations: places where the criterion was evaluated.
        gradient_norm: largest |∂/∂θ| at the optimum.
        gain: what a further Newton step would gain, in units of −2 log-likelihood.
        criterion: −2 log-likelihood (REML or ML) at the optimum.
        start: θ at the start, in working units.
        theta: θ at the optimum, in working units.
    """

    iterations: int
    evaluations: int
    gradient_norm: float
    gain: float
    criterion: float
    start: Floats = field(repr=False)
    theta: Floats = field(repr=False)


@dataclass(frozen=True)
class Optimum:
    """The criterion's minimum.

    Attributes:
        point: the criterion there.
        theta: (m,) parameters there.
        singular: whether a variance is zero, or correlations tie effects exactly.
        converged: whether the gradient test and the boundary's conditions are met.
        record: how it was found.
    """

    point: CriterionPoint
    theta: Floats
    singular: bool
    converged: bool
    record: FitRecord


class ThetaPoint:
    """The criterion as a function of θ."""

    def __init__(self, criterion: Criterion, theta: Floats, *, approximate: bool = False) -> None:
        self.theta = theta
        self.point = criterion.at_theta(theta)
        self._shape = criterion.shape
        self._approximate = approximate

    @property
    def value(self) -> float:
        """The criterion."""
        return self.point.value

    @cached_property
    def gradient(self) -> Floats:
        """(m,) ∂/∂θ."""
        return self._shape.gradient(self.point.slopes, self.theta)

    @cached_property
    def hessian(self) -> Floats:
        """(m, m) ∂²/∂θ², exact or from the average of observed and expected information."""
        curvature = self.point.average_information if self._approximate else self.point.curvature
        return self._shape.hessian(self.point.slopes, curvature, self.theta)


def optimise(criterion: Criterion, start: Floats | None = None) -> Optimum:
    """The minimum over all allowed D.

    Args:
        criterion: of the model.
        start: θ to begin from; by default from the moments of the residuals.
    """
    begin = starting_theta(criterion) if start is None else start
    best = _descend(criterion, criterion.shape.covariance(begin))
    if start is None and _vanishing(criterion, best.covariance):
        # a boundary may be a local minimum only: look again from far inside
        for other in _starts_inside(criterion):
            again = _descend(criterion, criterion.shape.covariance(other))
            better = again.value < best.value - 1e-9 * abs(best.value)
            best = (again if better else best).having_taken(best, again)
    covariance, singular = _onto_the_boundary(criterion, best)
    point = criterion.at(covariance)
    theta = criterion.shape.theta(covariance)
    gradient = criterion.shape.gradient(point.slopes, theta)
    record = FitRecord(
        iterations=best.iterations,
        evaluations=best.evaluations,
        gradient_norm=float(np.abs(gradient).max()) if len(gradient) else 0.0,
        gain=best.gain,
        criterion=point.value,
        start=begin,
        theta=theta,
    )
    return Optimum(point, theta, singular, best.converged, record)


def starting_theta(criterion: Criterion) -> Floats:
    """θ from each effect's own squared sums of residuals (MIVQUE(0); Rao 1971), independent to begin with."""
    data, shape = criterion.data, criterion.shape
    p = len(data.fixed)
    beta = np.linalg.lstsq(data.totals[:p, :p], data.totals[:p, p], rcond=None)[0]
    residual = np.append(-beta, 1.0)
    s2 = max(float(residual @ data.totals @ residual) / data.n, 1e-300)
    sums = data.sides @ residual
    result = []
    for factor, row, column in shape.entries:
        if row != column:
            result.append(0.0)
            continue
        k = data.positions[factor][row]
        codes, n_levels = data.codes[:, factor], data.levels[factor]
        products = np.bincount(codes, data.random[:, k, k], n_levels)
        squares = float(np.sum(np.bincount(codes, sums[:, k], n_levels) ** 2))
        total, per_level = float(data.total(factor, products)), float(data.total(factor, products**2))
        mean_square = total / data.n
        denominator = per_level - mean_square * total
        variance = (squares - s2 * total) / denominator if denominator > 0.0 else 0.0
        typical = per_level / total if total > 0.0 else 1.0
        relative = variance / max(s2 - variance * mean_square, 0.05 * s2)
        result.append(np.sqrt(np.clip(relative, 0.5 / typical, 1e4)))
    return np.array(result)


def _starts_inside(criterion: Criterion) -> list[Floats]:
    """θ with all SDs those of the residuals: independent effects, and where cheap tilted either way.

    With one effect also with ten times their SD: few rows that covariates all but explain may have a second
    minimum so far out, which a descent from nearer by does not reach.
    """
    diagonal = np.array([i == j for _, i, j in criterion.shape.entries])
    if len(diagonal) == 1:
        return [np.ones(1), np.full(1, 10.0)]
    tilts = (0.0,) if diagonal.all() or criterion.is_expensive else (0.0, 0.6, -0.6)
    return [np.where(diagonal, 1.0, tilt) for tilt in tilts]


@dataclass(frozen=True)
class _Descent:
    """Where a descent ended, and what it took."""

    covariance: list[Floats]
    value: float
    gain: float
    converged: bool
    iterations: int
    evaluations: int

    def having_taken(self, one: _Descent, other: _Descent) -> _Descent:
        """The same, with the steps of both searches."""
        return replace(
            self,
            iterations=one.iterations + other.iterations,
            evaluations=one.evaluations + other.evaluations,
        )


def _descend(criterion: Criterion, covariance: list[Floats], rounds: int = 20) -> _Descent:
    """Descend to a point where no allowed change of D helps.

    Effects are put in order of falling variance first, again after every round: where an effect with hardly
    any variance comes first, the rest of its column of Λ is all but undetermined and steps are short.
    """
    iterations = evaluations = 0
    best: _Descent | None = None
    # with an approximate Hessian the last step only shrinks the error, so it must be small already
    tolerance = 1e-13 if criterion.is_expensive else 1e-9
    look = _Looks(criterion)
    for _ in range(rounds):
        shape = criterion.shape.pivoted(covariance)
        start = shape.theta(covariance)
        scale = max(1.0, float(np.abs(start).max()))
        found = minimise(look.by(shape), start, radius=scale, tolerance=tolerance, limit=_ROUND)
        iterations, evaluations = iterations + found.iterations, evaluations + found.evaluations
        covariance = shape.covariance(found.at)
        here = _Descent(covariance, found.found.value, found.gain, found.converged, iterations, evaluations)
        if best is None or here.value <= best.value:
            best = here
        onward = _escape(criterion, covariance, found.found.point) if found.converged else None
        if onward is not None:
            covariance = onward
        elif found.converged:
            break
    if best is None:
        raise ValueError("nothing was minimised")
    return best


class _Looks:
    """The criterion by θ; where exact Hessians are dear, only a search that takes long gets them."""

    def __init__(self, criterion: Criterion) -> None:
        self._criterion = criterion
        self._count = itertools.count()

    def by(self, shape: RelativeCovariance) -> Callable[[Floats], ThetaPoint]:
        """With the effects in the order of `shape`."""
        ordered = replace(self._criterion, shape=shape)
        cheap = not self._criterion.is_expensive
        return lambda theta: ThetaPoint(
            ordered, theta, approximate=not cheap and next(self._count) < _PATIENCE
        )


def _escape(criterion: Criterion, covariance: list[Floats], point: CriterionPoint) -> list[Floats] | None:
    """D after a step that is allowed and that the symmetry of ΛΛ' hides, if one lowers the criterion."""
    for factor, terms in enumerate(criterion.shape.terms):
        for term in terms:
            at = np.ix_(term, term)
            sizes, axes = np.linalg.eigh(covariance[factor][at])
            free = axes[:, sizes < _VANISHING]
            if not free.shape[1]:
                continue
            values, vectors = np.linalg.eigh(free.T @ point.slopes[factor][at] @ free)
            if values[0] > -1e-6:
                continue
            steepest = free @ vectors[:, 0]
            direction = np.outer(steepest, steepest)
            for length in 10.0 ** np.arange(1, -9, -1.0):
                moved = [each.copy() for each in covariance]
                moved[factor][at] += length * direction
                if criterion.at(moved).value < point.value - 1e-7:
                    return moved
    return None


def _vanishing(criterion: Criterion, covariance: list[Floats]) -> bool:
    return any(
        np.linalg.eigvalsh(covariance[factor][np.ix_(term, term)])[0] < _VANISHING
        for factor, terms in enumerate(criterion.shape.terms)
        for term in terms
    )


def _onto_the_boundary(criterion: Criterion, best: _Descent) -> tuple[list[Floats], bool]:
    """D with what vanishes set to zero exactly, and whether anything did."""
    covariance, value, singular = best.covariance, best.value, False
    for factor, terms in enumerate(criterion.shape.terms):
        for term in terms:
            at = np.ix_(term, term)
            values, vectors = np.linalg.eigh(covariance[factor][at])
            if values[0] >= _VANISHING:
                continue
            kept = np.where(values < _VANISHING, 0.0, values)
            moved = [each.copy() for each in covariance]
            moved[factor][at] = (vectors * kept) @ vectors.T
            there = criterion.at(moved).value
            if there <= value + 1e-8 * (1.0 + abs(value) * 1e-3):
                covariance, value, singular = moved, there, True
    if singular:
        shape = criterion.shape.pivoted(covariance)
        polished = minimise(_Looks(criterion).by(shape), shape.theta(covariance), limit=5)
        if polished.found.value <= value:
            covariance = shape.covariance(polished.at)
        for relative in covariance:
            gone = np.diag(relative) < _VANISHING**2
            relative[gone, :] = relative[:, gone] = 0.0
    return covariance, singular
