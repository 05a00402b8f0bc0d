"""How much smaller population-averaged coefficients of a logit model are than conditional ones.

Two closed forms, for a random intercept of variance σ²:

    Zeger, Liang & Albert (1988), Biometrics 44:1049, eq. 4.1: β_M ≈ β_C / √(1 + c²σ²), c = 16√3/(15π);
    Neuhaus, Kalbfleisch & Hauck (1991), Int Stat Rev 59:25: β_M ≈ β_C (1 − ρ₀), ρ₀ the correlation
    Var p(b) / (p̄(1 − p̄)) of two outcomes of a clinic at a reference linear predictor (here the intercept).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tasks.models.fit import Floats
from tasks.models.generalized_mixed.glmm_fit import INTERCEPT, GlmmFit
from tasks.models.numerics.normal_mixture import shared_correlation

C = 16.0 * np.sqrt(3.0) / (15.0 * np.pi)
"""Scale at which a normal distribution function is closest to the logistic one (0.588)."""


@dataclass(frozen=True)
class Attenuation:
    """Factors from conditional to population-averaged log odds ratios.

    Attributes:
        exact: marginal over conditional log odds ratio of the variable that was set, by integration over
            clinics and the sample's other covariates (which attenuates too: odds ratios do not collapse); NaN
            where its conditional effect is not the same in every row.
        zeger_liang_albert: 1/√(1 + c²σ²).
        neuhaus: 1 − ρ₀.
        rho0: ρ₀ at the fitted intercept.
        coefficients: conditional coefficients beside both approximations to the population-averaged ones.
    """

    exact: float
    zeger_liang_albert: float
    neuhaus: float
    rho0: float
    coefficients: pd.DataFrame

    def __str__(self) -> str:
        return (
            f"attenuation of log odds ratios: exact {self.exact:.4f}, Zeger–Liang–Albert"
            f" {self.zeger_liang_albert:.4f}, Neuhaus {self.neuhaus:.4f}"
        )


def attenuation_of(fit: GlmmFit, step: Floats | None, marginal_log_odds_ratio: float) -> Attenuation | None:
    """The factors for a model of random intercepts; None where there are random slopes.

    Args:
        fit: a logistic mixed model.
        step: (p,) how the fixed-effect columns move between its two values; None where rows differ.
        marginal_log_odds_ratio: between its two values, by integration.
    """
    if any(term.columns != (INTERCEPT,) for term in fit.loadings):
        return None
    variance = sum(float(term.covariance[0, 0]) for term in fit.loadings)
    zla = float(1.0 / np.sqrt(1.0 + C**2 * variance))
    at = float(fit.coef.get(INTERCEPT, 0.0))
    rho0 = shared_correlation(at, variance, 0.0)
    exact = float("nan") if step is None else marginal_log_odds_ratio / float(step @ fit.coef)
    coefficients = pd.DataFrame(
        {
            "conditional": fit.coef,
            "zeger_liang_albert": zla * fit.coef,
            "neuhaus": (1.0 - rho0) * fit.coef,
        }
    )
    return Attenuation(exact, zla, 1.0 - rho0, rho0, coefficients)
