"""Outcomes: rare, certain, constant, wild, and coded as nobody expects."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from corpus.case import BINARY, COUNT, MEAN, SHOWN, Called, Case, Figure, cycled, own_value

from tasks.models import glmm, icc, lmm

Z = 1.9599639845400545
"""97.5% point of the normal distribution."""


def _rare() -> pd.DataFrame:
    """2 to 6 events in 12 of 60 clinics of 60 (NumPy's generator, seed 7)."""
    rng = np.random.default_rng(7)
    events = np.zeros(60, int)
    events[rng.choice(60, 12, replace=False)] = rng.integers(2, 7, 12)
    rows = cycled([f"Clinic {k:02d}" for k in range(60)], 60)
    return rows.assign(y=[int(k < events[i // 60]) for i, k in enumerate(rows.pop("k"))])


def _certain(value: float) -> pd.DataFrame:
    return cycled("ABCDEF", 30).drop(columns="k").assign(y=value)


def _one_certain_clinic() -> pd.DataFrame:
    """All of A, half of each other."""
    rows = cycled("ABCDEFGH", 40)
    return rows.assign(y=((rows["clinic"] == "A") | (rows.pop("k") % 2 == 0)).astype(int))


def _hours() -> pd.DataFrame:
    """1, 10 and 100 hours: the mean of their logarithms is that of 10."""
    rows = cycled("ABCD", 30)
    return rows.assign(y=10.0 ** (rows.pop("k") % 3))


def _overdispersed() -> pd.DataFrame:
    """Gamma-Poisson stays, variance about six times the mean (NumPy's generator, seed 5)."""
    rng = np.random.default_rng(5)
    clinic = np.repeat(np.arange(30), 40)
    mean = np.exp(np.log(10.0) + rng.normal(0, 0.1, 30)[clinic])
    days, program = rng.poisson(mean * rng.gamma(2, 0.5, 1200)), rng.integers(0, 2, 1200)
    return pd.DataFrame({"clinic": [f"C{i:02d}" for i in clinic], "days": days, "program_on": program})


def _counts(change: float) -> pd.DataFrame:
    rows = cycled("ABC", 30)
    rows = rows.assign(y=(rows.pop("k") % 4).astype(float))
    rows.loc[0, "y"] += change
    return rows


def _with_exposure() -> pd.DataFrame:
    """A has 60 events in 45 years, B 30 in 30: rates of 4/3 and 1."""
    rows = cycled("AB", 30)
    k = rows.pop("k")
    first = rows["clinic"] == "A"
    return rows.assign(y=np.where(first, 2 + (k % 3 - 1), 1 + (k % 3 - 1)), years=np.where(first, 1.5, 1.0))


def _percentages() -> pd.DataFrame:
    rows = cycled("ABC", 30)
    return rows.assign(y=100.0 * (rows.pop("k") % 5) / 4.0)


def _icc(method: str, **more: Any) -> Any:
    return lambda data: {"icc": icc("y", data, groups="clinic", method=method, **more).estimate}


def _negative_binomial(data: Any) -> dict[str, float]:
    fit = glmm("days ~ program_on + (1 | clinic)", data, family="negative-binomial", nodes=1)
    return {
        "intercept": float(fit.coef["(Intercept)"]),
        "program": float(fit.coef["program_on"]),
        "se": float(fit.se["program_on"]),
        "size": float(fit.size or 0.0),
    }


def not_estimated(outcome: str = "y") -> Figure:
    """The outcome is said to be not estimable."""
    return Figure(table="outcomes", where={"outcome": outcome}, column="status", value="not_estimable")


CASES = (
    Case(
        name="rare events",
        source="trial icc_rare_events: R's nlm on the beta-binomial likelihood, 0.123817340",
        rows=_rare,
        network=BINARY + SHOWN,
        month="2024-03",
        calls=(Called(call=_icc("beta-binomial", kind="binary"), numbers={"icc": 0.123817340}, within=1e-6),),
        figures=(own_value("Clinic 00", 100.0 * int(_rare()["y"].head(60).sum()) / 60.0),),
    ),
    Case(
        name="no events",
        source="Wilson (1927): the upper end is z²/(n + z²)",
        rows=lambda: _certain(0),
        network=BINARY + SHOWN,
        month="2024-03",
        calls=(
            Called(call=lambda data: glmm("y ~ 1 + (1 | clinic)", data).coef, refused="y is 0 in every row"),
        ),
        figures=(
            own_value("A", 0.0),
            Figure(
                table="clinic_estimates",
                where={"outcome": "y", "clinic": "A", "form": "raw"},
                column="upper",
                value=100.0 * Z**2 / (30.0 + Z**2),
            ),
            not_estimated(),
        ),
    ),
    Case(
        name="all events",
        source="Wilson (1927): the lower end is n/(n + z²)",
        rows=lambda: _certain(1),
        network=BINARY + SHOWN,
        month="2024-03",
        figures=(
            own_value("A", 100.0),
            Figure(
                table="clinic_estimates",
                where={"outcome": "y", "clinic": "A", "form": "raw"},
                column="lower",
                value=100.0 * 30.0 / (30.0 + Z**2),
            ),
            not_estimated(),
        ),
    ),
    Case(
        name="one clinic without exception",
        source="trial unanimous_clinic; proportions by hand",
        rows=_one_certain_clinic,
        network=BINARY + SHOWN,
        month="2024-03",
        figures=(own_value("A", 100.0), own_value("B", 50.0)),
    ),
    Case(
        name="no counts at all",
        source="Garwood (1936): the upper end of no events is χ²(0.975; 2)/2 = −log(0.025)",
        rows=lambda: _certain(0),
        network=COUNT + SHOWN,
        month="2024-03",
        figures=(
            own_value("A", 0.0),
            Figure(
                table="clinic_estimates",
                where={"outcome": "y", "clinic": "A", "form": "raw"},
                column="upper",
                value=-float(np.log(0.025)) / 30.0,
            ),
            not_estimated(),
        ),
    ),
    Case(
        name="a constant",
        source="there is no variance to divide up; means by hand",
        rows=lambda: _certain(120.0),
        network=MEAN + SHOWN,
        month="2024-03",
        calls=(
            Called(
                call=lambda data: lmm("y ~ 1 + (1 | clinic)", data).coef,
                refused="the outcome y has the same value in every row",
            ),
            Called(call=_icc("anova"), refused="same value"),
        ),
        figures=(own_value("A", 120.0), not_estimated()),
    ),
    Case(
        name="hours over three orders of magnitude",
        source="the geometric mean of 1, 10 and 100 is 10",
        rows=_hours,
        network=MEAN + 'scale = "log"\n' + SHOWN,
        month="2024-03",
        figures=(own_value("A", 10.0),),
    ),
    Case(
        name="counts with time at risk",
        source="rates by hand: 60/45 and 30/30",
        rows=_with_exposure,
        network=COUNT + 'exposure = "years"\n' + SHOWN,
        month="2024-03",
        figures=(own_value("A", 60.0 / 45.0), own_value("B", 1.0)),
    ),
    Case(
        name="overdispersed counts",
        source="trial overdispersed_counts; R 4.2, lme4::glmer.nb: 2.32148, 0.02130 (SE 0.04548), θ 1.928",
        rows=_overdispersed,
        calls=(
            Called(
                call=_negative_binomial,
                numbers={"intercept": 2.3214777, "program": 0.0213016, "se": 0.0454788, "size": 1.927877},
                within=1e-3,
            ),
        ),
    ),
    Case(
        name="a negative count",
        source="a count is 0, 1, 2, …",
        rows=lambda: _counts(-1.0),
        network=COUNT,
        refused="the outcome is declared a count, and column 'y' is negative in 1 record",
    ),
    Case(
        name="half a count",
        source="a count is 0, 1, 2, …",
        rows=lambda: _counts(0.5),
        network=COUNT,
        refused="the outcome is declared a count, and column 'y' is no whole number in 1 record",
    ),
    Case(
        name="percentages declared as binary",
        source="binary is 0 or 1; 0, 25, 50, 75 and 100 are not: 90 records of which 18 are 0",
        rows=_percentages,
        network=BINARY,
        refused="column 'y' holds something other than 0 and 1 in 72 records",
    ),
    Case(
        name="percentages",
        source="means by hand",
        rows=_percentages,
        network=MEAN + "minimum = 0\nmaximum = 100\n" + SHOWN,
        month="2024-03",
        figures=(own_value("A", 50.0),),
    ),
    Case(
        name="yes is 1 and no is 2",
        source="as surveys code it; binary is 0 or 1",
        rows=lambda: _certain(1).assign(y=[1 + i % 2 for i in range(180)]),
        network=BINARY,
        refused="column 'y' holds something other than 0 and 1 in 90 records",
    ),
)
