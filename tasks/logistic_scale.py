"""Log odds beside a normal scale: the logistic variance, and what is left of them averaged over clinics."""

from __future__ import annotations

import math

LOGISTIC_VARIANCE = math.pi**2 / 3.0
"""Variance of the standard logistic distribution: the latent residual variance of a logit model."""

_CLOSEST = 16.0 * math.sqrt(3.0) / (15.0 * math.pi)
"""c, the scale at which a normal distribution function is closest to the logistic one (0.588)."""


def attenuation_factor(variance: float) -> float:
    """Population-averaged over conditional log odds ratios, about, of intercepts of this variance.

    Source: Zeger, Liang & Albert (1988), Biometrics 44:1049, eq. 3.3.
    """
    return 1.0 / math.sqrt(1.0 + _CLOSEST**2 * variance)
