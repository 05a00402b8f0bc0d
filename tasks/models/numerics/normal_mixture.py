"""Means over a normal random effect: E h(η + τZ), h the inverse link, Z ~ N(0, 1), and their derivatives.

For the log link the mean is exp(η + τ²/2). For the logit there is no closed form; the trapezoidal rule on the
whole line is exact to rounding once its step is small beside both the normal density (error about
exp(−2π²/s²)) and the distance π/τ of the logistic function's poles from the real line (error about
exp(−2π²/(τ s))), whatever τ (Trefethen & Weideman 2014, SIAM Review 56:385, §3; Crouch & Spiegelman 1990).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
Link = Literal["logit", "log"]

_REACH = 9.5  # the normal density is below 1e-20 beyond
_CHUNK = 1 << 18


def marginal_mean(link: Link, eta: Floats, variance: Floats | float) -> Floats:
    """(N,) expected outcome averaged over a normal effect of that variance on the linear predictor."""
    return marginal_derivatives(link, eta, variance)[0]


def marginal_derivatives(link: Link, eta: Floats, variance: Floats | float) -> tuple[Floats, Floats, Floats]:
    """(N,) the mean over the effect, its derivative in η, and its derivative in the variance.

    The derivative in the variance is half the second derivative in η (the heat equation), so it is defined
    at zero variance too.
    """
    eta = np.asarray(eta, dtype=float)
    spread = np.broadcast_to(np.asarray(variance, dtype=float), eta.shape)
    if link == "log":
        mean = np.exp(eta + 0.5 * spread)
        return mean, mean, 0.5 * mean
    sd = np.sqrt(spread)
    z, weight = normal_nodes(float(sd.max(initial=0.0)))
    mean, first, second = np.empty_like(eta), np.empty_like(eta), np.empty_like(eta)
    size = max(1, _CHUNK // z.size)
    for begin in range(0, eta.size, size):
        part = slice(begin, begin + size)
        p = special.expit(eta[part, None] + sd[part, None] * z)
        slope = p * (1.0 - p)
        mean[part], first[part] = p @ weight, slope @ weight
        second[part] = (slope * (1.0 - 2.0 * p)) @ weight
    return mean, first, 0.5 * second


def normal_nodes(sd: float) -> tuple[Floats, Floats]:
    """Nodes z and weights by which E h(η + sd·Z) is Σ weight·h(η + sd·z), h the logistic function."""
    step = min(0.7, 2.0 * np.pi**2 / (38.0 * max(sd, 1e-3)))
    count = int(np.ceil(_REACH / step))
    z = step * np.arange(-count, count + 1, dtype=np.float64)
    density = np.exp(-0.5 * z**2)
    return z, np.asarray(density / density.sum(), dtype=np.float64)
