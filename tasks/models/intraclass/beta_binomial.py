"""The beta-binomial likelihood of events per clinic, as a function of the intraclass correlation.

Each clinic has its own probability, drawn from a beta distribution with mean μ and correlation
ρ = 1/(α + β + 1) between two patients of a clinic. ρ is on the observed scale: it is the ICC of the 0/1
outcomes themselves. The mean is profiled out on the logit scale by a guarded Newton iteration.
Source: Griffiths (1973), Biometrics 29:637; Prentice (1986), JASA 81:321.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from tasks.models.numerics.profile_interval import allowed_fall, end_before

Floats = NDArray[np.float64]

SMALLEST = 1e-8
"""Below this ρ the likelihood is the binomial's to rounding."""


@dataclass(frozen=True)
class Events:
    """Events out of patients, by clinic: (k,) each."""

    n: Floats
    y: Floats


@dataclass(frozen=True)
class MeanProfile:
    """The beta-binomial at one ρ with its mean at its best.

    Attributes:
        loglik: log-likelihood, without the binomial coefficients (they do not depend on the parameters).
        mean: the most likely μ.
    """

    loglik: float
    mean: float


def profile(data: Events, rho: float, start: float | None = None) -> MeanProfile:
    """The log-likelihood at `rho`, the mean profiled out; `start` is a first guess of the mean."""
    mean = float(data.y.sum() / data.n.sum()) if start is None else start
    if rho <= SMALLEST:
        mean = float(data.y.sum() / data.n.sum())
        events, others = float(data.y.sum()), float((data.n - data.y).sum())
        loglik = float(special.xlogy(events, mean) + special.xlogy(others, 1.0 - mean))
        return MeanProfile(loglik, mean)
    logit = float(special.logit(mean))
    value, slope, curvature = _in_logit_mean(data, rho, logit)
    for _ in range(100):
        step = slope / curvature if curvature > 0.0 else math.copysign(1.0, slope)
        step = math.copysign(min(abs(step), 2.0), step)
        proposal = _in_logit_mean(data, rho, logit + step)
        while proposal[0] < value - 1e-10 * abs(value) and abs(step) > 1e-12:
            step /= 2.0
            proposal = _in_logit_mean(data, rho, logit + step)
        logit += step
        value, slope, curvature = proposal
        if abs(step) < 1e-10:
            break
    return MeanProfile(value, float(special.expit(logit)))


def maximise(data: Events) -> tuple[float, MeanProfile]:
    """The most likely ρ, 0 when the data vary no more than binomial ones, and the profile there."""
    grid = np.concatenate(([0.0], np.geomspace(1e-6, 0.99, 30)))
    heights = [profile(data, float(rho)).loglik for rho in grid]
    best = int(np.argmax(heights))
    found = optimize.minimize_scalar(
        lambda rho: -profile(data, float(rho)).loglik,
        bounds=(float(grid[max(best - 1, 0)]), float(grid[min(best + 1, len(grid) - 1)])),
        method="bounded",
        options={"xatol": 1e-10},
    )
    rho = float(found.x) if -float(found.fun) > heights[0] else 0.0
    return rho, profile(data, rho)


def profile_interval(data: Events, level: float) -> tuple[float, float]:
    """The ρ whose profile likelihood is near the best, against F(1, k − 1); 0 is included as a lower end."""
    top, best = maximise(data)
    limit = best.loglik - allowed_fall(level, len(data.n))

    def excess(rho: float) -> float:
        return profile(data, rho, best.mean).loglik - limit

    lower = end_before(0.0, excess, top, precision=1e-10)
    upper = end_before(1.0 - 1e-6, excess, top, limit=1.0, precision=1e-10)
    return lower, upper


def _in_logit_mean(data: Events, rho: float, logit: float) -> tuple[float, float, float]:
    """Log-likelihood, its derivative and minus its second derivative in logit μ."""
    total = (1.0 - rho) / rho
    mean = float(special.expit(logit))
    a, b = mean * total, (1.0 - mean) * total
    n, y = data.n, data.y
    value = float(np.sum(_log_rising(a, y) + _log_rising(b, n - y) - _log_rising(total, n)))
    first_a = special.digamma(y + a) - special.digamma(a)
    first_b = special.digamma(n - y + b) - special.digamma(b)
    # ζ(2, x) is the trigamma function; special.polygamma(1, x) takes four times as long to find that out
    second_a = special.zeta(2.0, y + a) - special.zeta(2.0, a)
    second_b = special.zeta(2.0, n - y + b) - special.zeta(2.0, b)
    in_mean = total * float(np.sum(first_a - first_b))
    in_mean_twice = total**2 * float(np.sum(second_a + second_b))
    spread = mean * (1.0 - mean)
    curvature = in_mean_twice * spread**2 + in_mean * spread * (1.0 - 2.0 * mean)
    return value, in_mean * spread, -curvature


def _log_rising(a: float, y: Floats) -> Floats:
    """log a(a+1)…(a+y−1) = log Γ(a+y) − log Γ(a), by Stirling's series where the two nearly cancel."""
    if a < 50.0:
        return np.asarray(special.gammaln(a + y) - special.gammaln(a))
    top = a + y
    series = sum(c * (top**-k - a**-k) for k, c in ((1, 1 / 12), (3, -1 / 360), (5, 1 / 1260)))
    return np.asarray((a - 0.5) * np.log1p(y / a) + y * np.log(top) - y + series)
