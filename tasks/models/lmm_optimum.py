"""The (RE)ML optimum of a linear mixed model, on the boundary where that is where it is.

The criterion is minimised over θ by exact Newton steps in a trust region. θ = 0, or a Λ without full rank,
is stationary by symmetry, so a stationary point is accepted only if no allowed change of D lowers the
criterion: Γ = ∂/∂D must be positive semi-definite (the Karush–Kuhn–Tucker condition of D ⪰ 0). Where it is
not, the search goes on from a step along the offending direction.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tasks.models.lmm_criterion import Criterion, Point
from tasks.models.trust_region import Minimum, minimise

Floats = NDArray[np.float64]

# a direction whose variance, relative to σ² and in scaled columns, is below this is tried without any
_VANISHING = 1e-7


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

    point: Point
    theta: Floats
    singular: bool
    converged: bool
    record: FitRecord


class ThetaPoint:
    """The criterion as a function of θ."""

    def __init__(self, criterion: Criterion, theta: Floats) -> None:
        self.theta = theta
        self.point = criterion.at_theta(theta)
        self._shape = criterion.shape
        self._approximate = criterion.is_expensive

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
        """(m, m) ∂²/∂θ²: exact where cheap, else from the average of observed and expected information."""
        curvature = self.point.average_information if self._approximate else self.point.curvature
        return self._shape.hessian(self.point.slopes, curvature, self.theta)


def optimise(criterion: Criterion, start: Floats | None = None) -> Optimum:
    """The minimum over all allowed D.

    Args:
        criterion: of the model.
        start: θ to begin from; by default from the moments of the residuals.
    """
    begin = starting_theta(criterion) if start is None else start
    best, iterations, evaluations = _descend(criterion, begin)
    if start is None and _vanishing(criterion, best.at):
        # a boundary may be a local minimum only: look once more from far inside
        again, more, looked = _descend(criterion, _inside(criterion))
        iterations, evaluations = iterations + more, evaluations + looked
        if again.found.value < best.found.value - 1e-9 * abs(best.found.value):
            best = again
    theta, point, singular = _onto_the_boundary(criterion, best)
    gradient = criterion.shape.gradient(point.slopes, theta)
    record = FitRecord(
        iterations=iterations,
        evaluations=evaluations,
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
        total, per_level = float(products.sum()), float(np.sum(products**2))
        mean_square = total / data.n
        denominator = per_level - mean_square * total
        variance = (squares - s2 * total) / denominator if denominator > 0.0 else 0.0
        typical = per_level / total if total > 0.0 else 1.0
        relative = variance / max(s2 - variance * mean_square, 0.05 * s2)
        result.append(np.sqrt(np.clip(relative, 0.5 / typical, 1e4)))
    return np.array(result)


def _inside(criterion: Criterion) -> Floats:
    return np.array([1.0 if i == j else 0.0 for _, i, j in criterion.shape.entries])


def _descend(criterion: Criterion, start: Floats) -> tuple[Minimum[ThetaPoint], int, int]:
    """Descend to a point where no allowed change of D helps; also the steps and evaluations it took."""
    iterations = evaluations = 0
    best = None
    for _ in range(10):
        scale = max(1.0, float(np.abs(start).max()))
        # with an approximate Hessian the last step only shrinks the error, so it must be small already
        tolerance = 1e-13 if criterion.is_expensive else 1e-9
        found = minimise(lambda theta: ThetaPoint(criterion, theta), start, radius=scale, tolerance=tolerance)
        iterations, evaluations = iterations + found.iterations, evaluations + found.evaluations
        if best is None or found.found.value < best.found.value:
            best = found
        onward = _escape(criterion, found)
        if onward is None:
            break
        start = onward
    if best is None:
        raise ValueError("nothing was minimised")
    return best, iterations, evaluations


def _escape(criterion: Criterion, found: Minimum[ThetaPoint]) -> Floats | None:
    """θ after a step that ΛΛ' = D allows and its symmetry hides, if one lowers the criterion."""
    shape, point = criterion.shape, found.found.point
    covariance = shape.covariance(found.at)
    for factor, terms in enumerate(shape.terms):
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
                    return shape.theta(moved)
    return None


def _vanishing(criterion: Criterion, theta: Floats) -> bool:
    covariance = criterion.shape.covariance(theta)
    return any(
        np.linalg.eigvalsh(covariance[factor][np.ix_(term, term)])[0] < _VANISHING
        for factor, terms in enumerate(criterion.shape.terms)
        for term in terms
    )


def _onto_the_boundary(criterion: Criterion, best: Minimum[ThetaPoint]) -> tuple[Floats, Point, bool]:
    """The optimum with what vanishes set to zero exactly, and whether anything did."""
    shape = criterion.shape
    covariance = shape.covariance(best.at)
    singular = False
    point = best.found.point
    for factor, terms in enumerate(shape.terms):
        for term in terms:
            at = np.ix_(term, term)
            values, vectors = np.linalg.eigh(covariance[factor][at])
            if values[0] >= _VANISHING:
                continue
            kept = np.where(values < _VANISHING, 0.0, values)
            moved = [each.copy() for each in covariance]
            moved[factor][at] = (vectors * kept) @ vectors.T
            there = criterion.at(moved)
            if there.value <= point.value + 1e-8 * (1.0 + abs(point.value) * 1e-3):
                covariance, point, singular = moved, there, True
    theta = shape.theta(covariance)
    if singular:
        polished = minimise(lambda each: ThetaPoint(criterion, each), theta, limit=5)
        if polished.found.value <= point.value:
            theta, point = polished.at, polished.found.point
    return theta, point, singular
