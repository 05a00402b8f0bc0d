"""The interval of a figure of several variances, as those of regions and of the clinics in them.

A figure such as an ICC is a function of the variances and, for a negative binomial, of the dispersion. Draws
about the estimates by their standard errors miss the truth where a variance is near zero or its groups are
few; the profile likelihood does not take a variance for normal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import optimize

from tasks.models.fit import Floats
from tasks.models.generalized_mixed.glmm_cells import ArrangedCells
from tasks.models.generalized_mixed.glmm_fit import GlmmFit
from tasks.models.generalized_mixed.glmm_maximum import SD_CAP
from tasks.models.generalized_mixed.laplace import GroupedLikelihood
from tasks.models.generalized_mixed.quadrature import LikelihoodEvaluation
from tasks.models.generalized_mixed.sd_profile import likelihood_family
from tasks.models.numerics.ascent import climb
from tasks.records import Cells, Design

VarianceFigure = Callable[[Floats, float], float]
"""A figure of the effects' variances, in the order of the fit's terms, and of the dispersion, 1/size."""

_LEAST_SD = 1e-4  # where the slope in a variance is read off for one of zero
_LARGEST_SD = 0.1 * SD_CAP
_UNIT = 0.1  # of a variance without a standard error
_STEP = 1e-4  # of a unit, in differences of the figure
_FEASIBLE = 1e-3  # of a log-likelihood below the limit at which an end is taken
_ITERATIONS = 60


@dataclass
class _VarianceRegion:
    """Variances and dispersions by the profile likelihood, every coefficient at its best for each.

    Points are variances and, where the dispersion is free, its logarithm, all in units of about a standard
    error.

    Attributes:
        likelihood: Laplace's.
        coefficients: the fit's, of centred columns.
        scales: SD of an effect per unit of the likelihood's θ.
        units: of the points.
        sized: whether the dispersion is free.
        known: the evaluations near points, by point.
    """

    likelihood: GroupedLikelihood
    coefficients: Floats
    scales: Floats
    units: Floats
    sized: bool
    known: dict[bytes, LikelihoodEvaluation] = field(default_factory=dict)
    latest: LikelihoodEvaluation | None = None

    def variances(self, point: Floats) -> Floats:
        """(q,) variances of the effects, on the scale of the linear predictor."""
        return np.maximum(point[: self.scales.size] * self.units[: self.scales.size], 0.0)

    def dispersion(self, point: Floats) -> float:
        """1/size; 0 where there is none."""
        return float(np.exp(point[-1] * self.units[-1])) if self.sized else 0.0

    def at(self, point: Floats) -> LikelihoodEvaluation:
        """The best evaluation with these variances and this dispersion."""
        key = point.tobytes()
        if key not in self.known:
            theta = np.maximum(np.sqrt(self.variances(point)), _LEAST_SD) / self.scales
            size = [-point[-1] * self.units[-1]] if self.sized else []
            near = self.latest
            p = self.coefficients.size
            inner = self.coefficients if near is None else near.parameters[theta.size : theta.size + p]
            begin = np.concatenate([theta, inner, size])
            free = np.zeros(begin.size, dtype=bool)
            free[theta.size : theta.size + p] = True
            self.latest = self.known[key] = climb(
                lambda parameters, here: self.likelihood.evaluate(parameters, 2, here),
                begin,
                free=free,
                near=near,
                tolerance=1e-9,
            ).top
        return self.known[key]

    def slope(self, point: Floats) -> Floats:
        """Derivatives of the profile log-likelihood: the coefficients, at their best, add nothing."""
        top = self.at(point)
        q = self.scales.size
        theta = top.parameters[:q]
        by_variance = top.gradient[:q] / (2.0 * theta * self.scales**2)
        by_dispersion = [-top.gradient[-1]] if self.sized else []
        slope: Floats = np.concatenate([by_variance, by_dispersion]) * self.units
        return slope


def nested_figure_intervals(
    design: Design, cells: Cells, fit: GlmmFit, figures: Sequence[tuple[VarianceFigure, float]]
) -> list[tuple[float, float]]:
    """The least and the greatest of each figure where the profile likelihood is near the best.

    Args:
        design, cells: the model's, as the fit was made from: random intercepts of several groups.
        fit: the fit, by Laplace's approximation.
        figures: each with the fall of the log-likelihood that its interval allows.

    Returns:
        An interval for each figure, which holds the figure of the fit.

    Source: the profile likelihood of a function of parameters is the best likelihood among those that give
    its value, so its interval ends where the function does on the region (Venzon & Moolgavkar 1988, JRSS C
    37:87).
    """
    region, best = _region(design, cells, fit)
    top = region.at(best).value
    return [
        (_end(region, best, figure, top - fall, 1.0), _end(region, best, figure, top - fall, -1.0))
        for figure, fall in figures
    ]


def _region(design: Design, cells: Cells, fit: GlmmFit) -> tuple[_VarianceRegion, Floats]:
    """The region, and the point of the fit."""
    arranged = ArrangedCells.of(design, cells, likelihood_family(fit))
    sized = likelihood_family(fit) == "negative-binomial"
    scales = np.array([abs(float(back[0, 0])) for back in arranged.back])
    theta = np.array([abs(float(term.triangle[0, 0])) for term in fit.loadings])
    errors = np.sqrt(np.maximum(np.diag(fit.joint_vcov.to_numpy()), 0.0))
    variances = (theta * scales) ** 2
    units = 2.0 * np.sqrt(variances) * errors[: theta.size] * scales
    units = np.where(np.isfinite(units) & (units > 0.0), units, _UNIT)
    point = variances / units
    if sized:
        unit = errors[-1] if np.isfinite(errors[-1]) and errors[-1] > 0.0 else 1.0
        units, point = np.append(units, unit), np.append(point, -np.log(float(fit.size or 1.0)) / unit)
    coefficients = np.linalg.solve(arranged.uncentring(), fit.coef.to_numpy())
    return _VarianceRegion(arranged.grouped(), coefficients, scales, units, sized), point


def _end(region: _VarianceRegion, best: Floats, figure: VarianceFigure, limit: float, sign: float) -> float:
    """The least figure of the region (sign +1), or the greatest (−1)."""

    def value(point: Floats) -> float:
        return sign * figure(region.variances(point), region.dispersion(point))

    def rises(point: Floats) -> Floats:
        steps = np.eye(point.size) * _STEP
        slope: Floats = np.array([value(point + step) - value(point - step) for step in steps]) / (
            2.0 * _STEP
        )
        return slope

    q = region.scales.size
    capped = _LARGEST_SD**2 / region.units[:q]
    bounds = [(0.0, float(each)) for each in capped] + [(None, None)] * (best.size - q)
    start = best.copy()
    start[:q] = np.maximum(start[:q], 0.5)  # on the edge every slope in an SD is zero
    found = optimize.minimize(
        value,
        start,
        jac=rises,
        bounds=bounds,
        constraints={
            "type": "ineq",
            "fun": lambda point: region.at(point).value - limit,
            "jac": region.slope,
        },
        method="SLSQP",
        options={"maxiter": _ITERATIONS, "ftol": 1e-7},
    )
    point = _brought_back(region, best, np.asarray(found.x, dtype=float), limit)
    return sign * min(value(point), value(best))


def _brought_back(region: _VarianceRegion, best: Floats, point: Floats, limit: float) -> Floats:
    """The point, or the last one on the way to it from the best whose likelihood is near enough."""
    if region.at(point).value >= limit - _FEASIBLE:
        return point
    share = optimize.brentq(
        lambda way: region.at(best + way * (point - best)).value - limit, 0.0, 1.0, xtol=1e-4
    )
    back: Floats = best + share * (point - best)
    return back
