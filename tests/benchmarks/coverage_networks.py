"""Simulated networks with known truth, for the coverage study.

Every network has clinics of equal or very unequal sizes, seen over four periods; a program that starts clinic
by clinic, and an arm to which half of the clinics belong for good (the harder case: clinics, not patients,
are its sample); a trend over periods. The spread of clinics is set by the ICC: of the outcome where it is
continuous, on the observed scale at the stated prevalence where it is binary.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, special, stats

Balance = Literal["equal", "unequal"]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

PROGRAM, ARM = 0.3, 0.2
"""True effects: in residual SDs (all variance 1) or log odds."""
BALANCES: tuple[Balance, ...] = ("equal", "unequal")
TREND = (0.0, 0.1, 0.15, 0.25)
CONTINUOUS = "y ~ program + arm + C(period) + (1 | clinic)"
BINARY = "event ~ program + arm + C(period) + (1 | clinic)"
FIXED = "program + arm + C(period)"


@dataclass(frozen=True)
class Scenario:
    """One cell of the study.

    Attributes:
        kind: continuous or binary.
        clinics: how many.
        balance: `equal` (50 each) or `unequal` (8 to 300, evenly spaced in logarithms).
        icc: true ICC.
        prevalence: of the binary outcome, before program, arm and trend; 0 for continuous ones.
    """

    kind: Literal["continuous", "binary"]
    clinics: int
    balance: Balance
    icc: float
    prevalence: float = 0.0

    @property
    def name(self) -> str:
        """File name of the cell's results."""
        of = f"_prevalence{self.prevalence:g}" if self.kind == "binary" else ""
        return f"{self.kind}_{self.clinics}_{self.balance}_icc{self.icc:g}{of}"

    @property
    def sizes(self) -> Integers:
        """Patients of each clinic."""
        if self.balance == "equal":
            return np.full(self.clinics, 50)
        return np.round(np.geomspace(8, 300, self.clinics)).astype(np.int64)


@dataclass(frozen=True)
class Truth:
    """A simulated network.

    Attributes:
        data: one row a patient: clinic, period, program, arm, and `y`, or `event` and `plain` (the event
            without program, arm and trend).
        effects: (k,) true clinic effects.
        icc: the true ICC (of `y`, or of `plain` on the observed scale).
        latent: the same on the latent scale; NaN for continuous outcomes.
        marginal: population-averaged effects of program and arm, by name.
    """

    data: pd.DataFrame
    effects: Floats
    icc: float
    latent: float
    marginal: dict[str, float]


def simulate(scenario: Scenario, rng: np.random.Generator) -> Truth:
    """One network of a scenario."""
    k, sizes = scenario.clinics, scenario.sizes
    clinic = np.repeat(np.arange(k), sizes)
    period = rng.integers(0, 4, len(clinic))
    start = rng.permutation(np.arange(k) % 4 + 1)
    arm = rng.permutation(np.arange(k) % 2)[clinic]
    program = (period >= start[clinic]).astype(np.int64)
    fixed = PROGRAM * program + ARM * arm + np.array(TREND)[period]
    data = pd.DataFrame({"clinic": clinic, "period": period, "program": program, "arm": arm})
    if scenario.kind == "continuous":
        effects = rng.normal(0.0, math.sqrt(scenario.icc), k)
        noise = rng.normal(0.0, math.sqrt(1.0 - scenario.icc), len(clinic))
        data["y"] = fixed + effects[clinic] + noise
        marginal = {"program": PROGRAM, "arm": ARM}
        return Truth(data, effects, scenario.icc, math.nan, marginal)
    intercept, sd = logistic_normal(scenario.prevalence, scenario.icc)
    effects = rng.normal(0.0, sd, k)
    data["event"] = (rng.random(len(clinic)) < special.expit(intercept + fixed + effects[clinic])).astype(
        np.int64
    )
    data["plain"] = (rng.random(len(clinic)) < special.expit(intercept + effects[clinic])).astype(np.int64)
    latent = sd**2 / (sd**2 + math.pi**2 / 3.0)
    return Truth(data, effects, scenario.icc, latent, _marginal(data, intercept + fixed, sd))


@lru_cache
def logistic_normal(prevalence: float, icc: float) -> tuple[float, float]:
    """Intercept and SD of a logistic-normal model with this prevalence and observed-scale ICC."""
    z, weight = _normal_rule()

    def intercept(sd: float) -> float:
        def excess(b: float) -> float:
            return float(weight @ special.expit(b + sd * z)) - prevalence

        return float(optimize.brentq(excess, -60.0, 60.0))

    def excess_icc(sd: float) -> float:
        p = special.expit(intercept(sd) + sd * z)
        return float(weight @ (p - prevalence) ** 2) / (prevalence * (1.0 - prevalence)) - icc

    sd = float(optimize.brentq(excess_icc, 1e-3, 15.0))
    return intercept(sd), sd


def _marginal(data: pd.DataFrame, eta: Floats, sd: float) -> dict[str, float]:
    """Population-averaged log odds ratios: the logistic regression closest to the marginal probabilities."""
    cells, inverse, count = np.unique(
        data[["period", "program", "arm"]].to_numpy(), axis=0, return_inverse=True, return_counts=True
    )
    z, weight = _normal_rule()
    at = np.zeros(len(cells))
    at[inverse] = eta
    p = special.expit(at[:, None] + sd * z) @ weight
    x = np.column_stack(
        [np.ones(len(cells)), cells[:, 1], cells[:, 2], *(cells[:, 0] == t for t in (1, 2, 3))]
    )
    x = x.astype(float)
    beta = np.zeros(x.shape[1])
    for _ in range(50):
        fitted = special.expit(x @ beta)
        information = (x * (count * fitted * (1.0 - fitted))[:, None]).T @ x
        step = np.linalg.lstsq(information, x.T @ (count * (p - fitted)), rcond=None)[0]
        beta += step
        if np.abs(step).max() < 1e-12:
            break
    return {"program": float(beta[1]), "arm": float(beta[2])}


@lru_cache
def _normal_rule() -> tuple[Floats, Floats]:
    z = np.linspace(-8.0, 8.0, 641)
    density = stats.norm.pdf(z)
    return z, density / density.sum()
