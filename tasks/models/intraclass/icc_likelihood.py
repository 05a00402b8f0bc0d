"""The random-intercept likelihood as a function of the variance ratio, and where it is highest.

With θ = between variance / within variance and w_j = n_j / (1 + n_j θ), everything the likelihood needs is
a sum over levels: X'V⁻¹X = W + Σ w_j x̄_j x̄_j' (W: products within levels, x̄_j: level means), and log|V| =
Σ log(1 + n_j θ). Nothing is subtracted, so no digits are lost, whatever the sizes. The variance within is
profiled out, and θ is sought as ρ = θ/(1+θ), which runs from 0 to 1.
Source: Harville (1977), JASA 72:320; Searle, Casella & McCulloch (1992), Variance Components, ch. 6.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.models.intraclass.one_way import OneWay
from tasks.models.numerics import distributions as stats
from tasks.models.numerics.profile_interval import end_before, root

Floats = NDArray[np.float64]

_GRID = np.concatenate(([0.0], np.geomspace(1e-7, 0.5, 60), 1.0 - np.geomspace(0.5, 1e-7, 60)[1:]))
"""Where the criterion is looked at before the optimum is refined: unbalanced data can have two optima."""


@dataclass(frozen=True)
class Profile:
    """−2 log-likelihood of the random-intercept model at one variance ratio, the rest profiled out.

    Attributes:
        deviance: −2 times the (restricted) log-likelihood, every constant included.
        slope: its derivative with respect to ρ = θ/(1+θ).
        variance_within: the profiled variance within levels.
        coefficients: (p,) generalized least squares estimates, about the split's reference point.
    """

    deviance: float
    slope: float
    variance_within: float
    coefficients: Floats


@dataclass(frozen=True)
class MostLikelyComponents:
    """The most likely variance components of a random-intercept model.

    Attributes:
        icc: between / (between + within).
        variance_between, variance_within: the components.
        loglik: the maximised (restricted) log-likelihood.
        boundary: whether the optimum is at zero variance between levels.
    """

    icc: float
    variance_between: float
    variance_within: float
    loglik: float
    boundary: bool


def profile(data: OneWay, rho: float, *, restricted: bool) -> Profile:
    """The likelihood at intraclass correlation `rho` (0 ≤ rho < 1).

    θ may be as low as −1/max(n): a negative correlation is a covariance structure, if not a variance ratio.
    """
    theta = rho / (1.0 - rho)
    n, n_obs, p = data.n, data.n_obs, data.p
    fixed, outcome = data.means[:, :-1], data.means[:, -1]
    weight = n / (1.0 + n * theta)
    weighted = fixed * weight[:, None]
    information = data.within[:-1, :-1] + weighted.T @ fixed
    factor = np.linalg.cholesky(information)
    right = data.within[:-1, -1] + weighted.T @ outcome
    coefficients = np.linalg.solve(factor.T, np.linalg.solve(factor, right))
    residual = outcome - fixed @ coefficients
    inner = np.append(-coefficients, 1.0)
    rss = float(inner @ data.within @ inner + weight @ residual**2)
    df = n_obs - p if restricted else n_obs
    variance = rss / df
    deviance = df * (math.log(2.0 * math.pi * variance) + 1.0) + float(np.sum(np.log1p(n * theta)))
    slope = float(weight.sum() - weight**2 @ residual**2 / variance)
    if restricted:
        deviance += 2.0 * float(np.sum(np.log(np.diag(factor))))
        leverage = np.linalg.solve(factor, weighted.T)
        slope -= float(np.sum(leverage**2))
    return Profile(deviance, slope / (1.0 - rho) ** 2, variance, coefficients)


def maximise(data: OneWay, *, restricted: bool) -> MostLikelyComponents:
    """The REML (`restricted`) or ML estimates of a random-intercept model.

    The criterion is looked at over the whole range first, then its analytic derivative is solved for zero
    around the best place; an optimum at zero variance is reported as such.
    """
    grid = _GRID
    values = [profile(data, rho, restricted=restricted) for rho in grid]
    best = int(np.argmin([each.deviance for each in values]))
    rho = _refine(data, grid, values, best, restricted=restricted)
    found = profile(data, rho, restricted=restricted)
    between = rho / (1.0 - rho) * found.variance_within
    return MostLikelyComponents(rho, between, found.variance_within, -found.deviance / 2.0, rho == 0.0)


def profile_interval(data: OneWay, level: float, *, restricted: bool) -> tuple[float, float]:
    """The ICCs whose (restricted) likelihood is within χ²(1) of the best; 0 is included as a lower end.

    Source: for variance ratios Lee & Khuri (1999).
    """
    best = maximise(data, restricted=restricted)
    limit = -2.0 * best.loglik + float(stats.chi2.ppf(level, 1))

    def excess(rho: float) -> float:
        return limit - profile(data, rho, restricted=restricted).deviance

    return end_before(0.0, excess, best.icc), end_before(1.0 - 1e-12, excess, best.icc, limit=1.0)


def _refine(data: OneWay, grid: Floats, values: list[Profile], best: int, *, restricted: bool) -> float:
    slopes = [each.slope for each in values]
    if best == 0 and slopes[0] >= 0.0:
        return 0.0

    def slope(rho: float) -> float:
        return profile(data, rho, restricted=restricted).slope

    low = best - 1 if slopes[best] > 0.0 else best
    high = low + 1
    if high >= len(grid) or slopes[low] > 0.0 or slopes[high] < 0.0:
        return float(grid[best])
    return root(slope, float(grid[low]), float(grid[high]))
