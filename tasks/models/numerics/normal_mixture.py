"""Means over a normal random effect: E h(η + τZ), h the inverse link, Z ~ N(0, 1), and its derivatives.

For the log link the mean is exp(η + τ²/2). For the logit there is no closed form; the trapezoidal rule on the
whole line is exact to rounding once its step is small beside both the normal density (error about
exp(−2π²/s²)) and the distance π/τ of the logistic function's poles from the real line (error about
exp(−2π²/(τ s))), whatever τ (Trefethen & Weideman 2014, SIAM Review 56:385, §3; Crouch & Spiegelman 1990).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from tasks.models.generalized_mixed.families import FamilyName

Floats = NDArray[np.float64]

_REACH = 9.5  # the normal density is below 1e-20 beyond
_CHUNK = 1 << 18


def marginal_mean(family: FamilyName, eta: Floats, variance: Floats | float) -> Floats:
    """(N,) expected outcome averaged over a normal effect of that variance on the linear predictor."""
    return marginal_derivatives(family, eta, variance)[0]


def marginal_derivatives(
    family: FamilyName, eta: Floats, variance: Floats | float
) -> tuple[Floats, Floats, Floats]:
    """(N,) the mean over the effect, its derivative in η, and its derivative in the variance.

    The derivative in the variance is half the second derivative in η (the heat equation), so it is defined
    at zero variance too.
    """
    eta = np.asarray(eta, dtype=float)
    spread = np.broadcast_to(np.asarray(variance, dtype=float), eta.shape)
    if family != "binomial":
        mean = np.exp(eta + 0.5 * spread)
        return mean, mean, 0.5 * mean
    sd = np.sqrt(spread)
    z, weight = _rule(float(sd.max(initial=0.0)))
    mean, first, second = np.empty_like(eta), np.empty_like(eta), np.empty_like(eta)
    size = max(1, _CHUNK // z.size)
    for begin in range(0, eta.size, size):
        part = slice(begin, begin + size)
        p = special.expit(eta[part, None] + sd[part, None] * z)
        slope = p * (1.0 - p)
        mean[part], first[part] = p @ weight, slope @ weight
        second[part] = (slope * (1.0 - 2.0 * p)) @ weight
    return mean, first, 0.5 * second


def shared_correlation(eta: float, shared: float, rest: float) -> float:
    """Correlation of two 0/1 outcomes at η that share effects of variance `shared`, the rest apart.

    Var E(p | shared) / (p̄ (1 − p̄)): the observed-scale ICC (Goldstein, Browne & Rasbash 2002), and Neuhaus's
    ρ(0) where nothing but the shared effect varies.
    """
    z, weight = _rule(float(np.sqrt(shared)))
    given = marginal_mean("binomial", eta + np.sqrt(shared) * z, rest)
    mean = float(weight @ given)
    return float(weight @ (given - mean) ** 2) / (mean * (1.0 - mean))


def _rule(sd: float) -> tuple[Floats, Floats]:
    step = min(0.7, 2.0 * np.pi**2 / (38.0 * max(sd, 1e-3)))
    count = int(np.ceil(_REACH / step))
    z = step * np.arange(-count, count + 1, dtype=np.float64)
    density = np.exp(-0.5 * z**2)
    return z, np.asarray(density / density.sum(), dtype=np.float64)
