"""Inputs that drawing found (`fuzz.py`), as small as hypothesis makes them."""

from __future__ import annotations

from typing import Any

import pandas as pd
from corpus.case import Called, Case
from corpus.column_types import coefficients

from tasks.models import gee, glmm, lmm


def _table(clinics: str, y: list[float], x: list[float], f: str) -> pd.DataFrame:
    return pd.DataFrame({"clinic": list(clinics), "y": y, "x": x, "f": list(f)})


def _counts(data: Any) -> dict[str, float]:
    return coefficients(gee("y ~ x + f", data, groups="clinic", family="poisson", corr="exchangeable"))


def _proportions(data: Any) -> dict[str, float]:
    fit = glmm("y ~ x + (1 | clinic)", data)
    return {"sd": float(fit.varcomp.sd("clinic").iloc[0]), **coefficients(fit)}


SECOND_MAXIMUM = {"sd": 2.2635149, "(Intercept)": -0.6398081, "x": 0.7703032}

CASES = (
    Case(
        name="residuals of each clinic that add up to nothing",
        source="a correlation of −1/2 among three is none: independence, R 4.2 glm(y ~ x + f, poisson)",
        rows=lambda: _table("BBABAA", [1, 0, 3, 0, 0, 1], [0.06, -0.84, 0.94, 1.1, 0.17, 2.24], "abaaab"),
        calls=(
            Called(
                call=_counts,
                numbers={"(Intercept)": -0.638841385857, "x": 0.960037313837, "fb": -1.562315377},
            ),
        ),
    ),
    Case(
        name="counts whose equations have no inverse on the way",
        source="the same: R 4.2 glm(y ~ x + f, poisson)",
        rows=lambda: _table("ABAABB", [4, 1, 0, 7, 0, 0], [1, 3, 0, 3, -1, -2], "abaaab"),
        calls=(
            Called(
                call=_counts,
                numbers={"(Intercept)": -0.143569971903, "x": 0.737180117934, "fb": -2.092735755},
            ),
        ),
    ),
    Case(
        name="proportions whose equations run away",
        source="half of a factor's levels have the outcome a third of the time each: log(1/2) and 0, by hand",
        rows=lambda: pd.DataFrame(
            {
                "clinic": ["01", "B", "B", "B", "B", "A", "1.0", "1", "B"],
                "y": [0, 0, 1, 1, 0, 0, 0, 1, 0],
                "f": list("AaaAAaAAA"),
            }
        ),
        types={"clinic": "VARCHAR"},
        calls=(
            Called(
                call=lambda data: coefficients(
                    gee("y ~ f", data, groups="clinic", family="binomial", corr="exchangeable")
                ),
                numbers={"(Intercept)": -0.6931471805599453, "fa": 0.0},
            ),
        ),
    ),
    Case(
        name="zeros that are foretold, equal rows among them",
        source="Santos Silva & Tenreyro (2010); 4 of the 6 rows by hand, collapsed or not",
        rows=lambda: _table("BBBABB", [2, 0, 0, 0, 0, 0], [-1, -3, -3, -2, 3, -1], "bbbaaa"),
        calls=(Called(call=_counts, refused="fb separates the outcome y for 66.7% of the rows"),),
    ),
    Case(
        name="zeros that two levels foretell",
        source="a or b with x tells 3 of 7 rows apart; which is named must not hang on the place",
        rows=lambda: _table("ABBBBBB", [5, 0, 1, 1, 1, 0, 0], [2, -1, -2, 0, 1, -3, -3], "babbbAA"),
        calls=(
            Called(
                call=lambda data: coefficients(glmm("y ~ x + f + (1 | clinic)", data, family="poisson")),
                refused="fa separates the outcome y for 42.9% of the rows",
            ),
        ),
    ),
    Case(
        name="a level of the one record of a clinic",
        source="nothing but that record tells both: the restricted likelihood is the same for every variance",
        rows=lambda: _table(
            "ABAAAA",
            [0.884, 1.741, -0.898, 0.19, -0.174, 0.322],
            [-1.32, 0.11, 0.42, -0.25, 1.14, -0.8],
            "AbAAaa",
        ),
        calls=(
            Called(
                call=lambda data: coefficients(lmm("y ~ x + f + (1 | clinic)", data)),
                refused="the covariates tell every clinic from the others",
            ),
        ),
    ),
    Case(
        name="as many effects as rows",
        source="3 rows, 2 clinics and a slope reproduce every outcome: nothing tells variances apart",
        rows=lambda: pd.DataFrame(
            {"clinic": ["B", "B", "A"], "y": [0.615, 1.219, 0.056], "x": [1.0, 0.0, 2.0]}
        ),
        calls=(
            Called(
                call=lambda data: coefficients(lmm("y ~ x + (1 | clinic)", data)),
                refused="as many effects as there are rows (3)",
            ),
        ),
    ),
    Case(
        name="a second maximum of a linear mixed model",
        source="REML by dense matrices on a grid of SDs: −6.190137 at 13.9 residual SDs, −7.181135 at 0",
        rows=lambda: pd.DataFrame(
            {
                "clinic": ["01", "B", "A", "01", "A", "B", "B"],
                "y": [-5.472, 3.361, 1.515, -2.468, 1.76, 3.641, 3.655],
                "x": [-0.69, 1.06, -0.08, 1.28, 1.07, 0.81, -0.24],
                "f": list("Abaaaba"),
            }
        ),
        types={"clinic": "VARCHAR"},
        calls=(
            Called(
                call=lambda data: {"loglik": lmm("y ~ x + f + (1 | clinic)", data).loglik},
                numbers={"loglik": -6.190137251923278},
            ),
        ),
    ),
    Case(
        name="a second maximum, away from zero",
        source="R 4.2, nlm on integrate(): −6.545349, above the −6.585618 at zero; we had 2.12",
        rows=lambda: pd.DataFrame(
            {
                "clinic": ["A", "A", "B", "B", "1", "01", "B", "B", "B", "B"],
                "y": [0, 0, 0, 0, 1, 0, 0, 1, 1, 1],
                "x": [2, 1, -3, -2, 2, -2, -3, -1, 0, -3],
            }
        ),
        types={"clinic": "VARCHAR"},
        calls=(Called(call=_proportions, numbers=SECOND_MAXIMUM, within=1e-4),),
    ),
)
