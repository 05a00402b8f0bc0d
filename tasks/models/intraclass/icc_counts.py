"""Intraclass correlation of counts on the scale of the counts themselves, from a Poisson mixed model.

With log mean η + u + e (u of the clinic, e of the observation where the model has one), mean and variance of
a count are lognormal moments, so that the correlation of two patients of a clinic is in closed form. It
depends on the mean: rare events are noisy, and their ICC is small.
Source: Stryhn et al. (2006), Proc 11th Int Symp Vet Epidemiol; Nakagawa, Johnson & Schielzeth (2017), J R Soc
Interface 14:20170213; Leckie, Browne, Goldstein, Merlo & Austin (2020), Psychol Methods 25:787, eq. 10–13.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class CountScale:
    """A Poisson-lognormal model on the scale of the counts.

    Attributes:
        mean: population-averaged count.
        between: covariance of two patients of a clinic.
        total: variance of a count.
    """

    mean: float
    between: float
    total: float

    @property
    def icc(self) -> float:
        """Correlation of two patients' counts: between / total."""
        return self.between / self.total


def observed_scale(
    linear_predictor: float,
    variance: float,
    *,
    observation_variance: float = 0.0,
    dispersion: float = 0.0,
) -> CountScale:
    """Moments of a count whose log mean is `linear_predictor` plus normal effects.

    Args:
        linear_predictor: log of the mean at the typical clinic (log exposure included).
        variance: variance of the clinic effects, on the log scale.
        observation_variance: variance of an observation-level effect, on the log scale.
        dispersion: 1/size of a negative binomial: its variance is μ + dispersion μ².
    """
    mean = math.exp(linear_predictor + (variance + observation_variance) / 2.0)
    between = mean**2 * math.expm1(variance)
    # E[μ²] over all effects is mean² exp(variance + observation variance)
    spread = mean**2 * math.expm1(variance + observation_variance)
    extra = dispersion * mean**2 * math.exp(variance + observation_variance)
    return CountScale(mean, between, mean + spread + extra)
