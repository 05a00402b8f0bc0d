"""Models that hang together badly: collinear, separated, of one level, without variance."""

from __future__ import annotations

from typing import Any

import pandas as pd
from corpus.case import Called, Case
from corpus.column_types import coefficients

from tasks.models import gee, glmm, icc, lmm, within

DYESTUFF = {
    "A": (1545, 1440, 1440, 1520, 1580),
    "B": (1540, 1555, 1490, 1560, 1495),
    "C": (1595, 1550, 1605, 1510, 1560),
    "D": (1445, 1440, 1595, 1465, 1545),
    "E": (1595, 1630, 1515, 1635, 1625),
    "F": (1520, 1455, 1450, 1480, 1445),
}
# set.seed(666); y <- c(sapply(rnorm(4, 0, 1), function(mu) rnorm(6, mu, 2))), R 4.2
LAURENT = (
    *(-3.680438, 2.270103, -1.859059, -0.851728, -2.831171, 0.669246, 6.314440, -1.526107),
    *(3.743662, -1.425957, 2.282606, 1.862702, 1.361467, 0.334666, -1.520040, 1.217206),
    *(-1.739333, -2.721222, 4.565869, 1.403065, 2.089310, -0.936382, -0.225129, -1.499519),
)
SHROUT_FLEISS = ((9, 2, 5, 8), (6, 1, 3, 2), (8, 4, 6, 8), (7, 1, 2, 6), (10, 5, 6, 9), (6, 2, 4, 7))


def _long(values: Any) -> pd.DataFrame:
    return pd.DataFrame(
        [(str(name), float(y)) for name, each in values for y in each], columns=["clinic", "y"]
    )


def _line() -> pd.DataFrame:
    """y = 1 + 2x on average in each of two clinics; `twice` is 2x + 1, `never` 0, `sex` one level."""
    rows = pd.DataFrame({"clinic": ["A", "B"] * 12, "x": [0.0, 0.0, 1.0, 1.0, 3.0, 3.0] * 4, "k": range(24)})
    rows["y"] = 1.0 + 2.0 * rows["x"] + (rows.pop("k") // 6 % 2) * 2.0 - 1.0
    return rows.assign(twice=2 * rows["x"] + 1, never=0.0, sex="F")


def _between_only() -> pd.DataFrame:
    """Means of 10 clinics lie on 5 + 3z exactly, and values spread about them: nothing is left between."""
    rows = [
        (f"K{i}", float(i % 3), 5.0 + 3.0 * (i % 3) + e) for i in range(10) for e in (-2.0, -1.0, 1.0, 2.0)
    ]
    return pd.DataFrame(rows, columns=["clinic", "z", "y"])


def _separated() -> pd.DataFrame:
    """lme4/lme4#124's kind: one record has x2, and it is no event."""
    rows = pd.DataFrame(
        {"clinic": [f"K{i // 20}" for i in range(200)], "y": [i * 7 % 10 % 2 for i in range(200)]}
    )
    return rows.assign(x2=[int(i == 2) for i in range(200)], y=rows["y"].where(rows.index != 2, 0))


def _lmm(data: Any) -> dict[str, float]:
    fit = lmm("y ~ 1 + (1 | clinic)", data)
    return {
        "intercept": float(fit.coef.iloc[0]),
        "between": float(fit.varcomp["clinic"].iloc[0, 0]),
        "residual": float(fit.sigma2),
    }


def _without_variance(data: Any) -> dict[str, float]:
    fit = lmm("y ~ z + (1 | clinic)", data)
    return {
        **coefficients(fit),
        "between": float(fit.varcomp["clinic"].iloc[0, 0]),
        "singular": float(fit.singular),
    }


def _kept(formula: str, data: Any) -> dict[str, float]:
    fit = lmm(formula, data)
    return {**coefficients(fit), "columns": float(len(fit.coef)), "dropped": float(len(fit.dropped.columns))}


CASES = (
    Case(
        name="Dyestuff",
        source="Bates (2010), lme4: mixed-effects modeling with R, 1.3, by REML, which is the analysis of "
        "variance where clinics are alike in size: 1527.5, 1764.05 and 2451.25 have no further digits",
        rows=lambda: _long(DYESTUFF.items()),
        calls=(Called(call=_lmm, numbers={"intercept": 1527.5, "between": 1764.05, "residual": 2451.25}),),
    ),
    Case(
        name="six by four",
        source="lme4/lme4#24 prints 0.3041, 0.84857, 5.53586; R 4.2 with lme4 gives the digits below",
        rows=lambda: _long((f"F{i + 1}", LAURENT[6 * i : 6 * i + 6]) for i in range(4)),
        calls=(
            Called(
                call=_lmm,
                numbers={"intercept": 0.30409408, "between": 0.84857208, "residual": 5.53586131},
                within=1e-6,
            ),
        ),
    ),
    Case(
        name="four judges of six",
        source="Shrout & Fleiss (1979), table 4: mean squares 11.24 and 6.26, ICC(1,1) 0.17",
        rows=lambda: _long((f"T{i}", each) for i, each in enumerate(SHROUT_FLEISS)),
        calls=(
            Called(
                call=lambda data: {"icc": icc("y", data, groups="clinic").estimate},
                numbers={"icc": 0.17},
                within=3e-2,
            ),
            Called(
                call=lambda data: dict(
                    icc("y", data, groups="clinic").components[["ms_between", "ms_within"]]
                ),
                numbers={"ms_between": 11.24, "ms_within": 6.26},
                within=1e-3,
            ),
        ),
    ),
    Case(
        name="a column twice",
        source="lme4/lme4#534 and #689: the second is left out, and said; slope by hand",
        rows=_line,
        calls=(
            Called(
                call=lambda data: coefficients(within("y ~ x + twice", data, groups="clinic")),
                numbers={"x": 2.0},
            ),
            Called(
                call=lambda data: coefficients(
                    gee("y ~ x + twice + never", data, groups="clinic", corr="independence")
                ),
                numbers={"(Intercept)": 1.0, "x": 2.0},
            ),
        ),
    ),
    Case(
        name="a factor of one level",
        source="R: contrasts can be applied only to factors with 2 or more levels; the column says nothing",
        rows=_line,
        calls=(
            Called(
                call=lambda data: _kept("y ~ x + sex + (1 | clinic)", data),
                numbers={"(Intercept)": 1.0, "x": 2.0, "columns": 2.0, "dropped": 1.0},
            ),
        ),
    ),
    Case(
        name="a slope on a column with one value",
        source="it is the intercept once more: nothing can tell them apart",
        rows=_line,
        calls=(
            Called(
                call=lambda data: coefficients(lmm("y ~ x + (1 + never | clinic)", data)), refused="never"
            ),
        ),
    ),
    Case(
        name="no variance between clinics",
        source="statsmodels/statsmodels#10239: what clinics share had coefficients of 0; by hand 5 and 3",
        rows=_between_only,
        calls=(
            Called(
                call=_without_variance,
                numbers={"(Intercept)": 5.0, "z": 3.0, "between": 0.0, "singular": 1.0},
            ),
        ),
    ),
    Case(
        name="a record that is certain",
        source="lme4/lme4#124: its coefficient runs off to −12.5 or stops the fit; no finite one fits best",
        rows=_separated,
        calls=(
            Called(
                call=lambda data: coefficients(glmm("y ~ x2 + (1 | clinic)", data)), refused="x2 separates"
            ),
        ),
    ),
    Case(
        name="small differences far from zero",
        source="matrixorigin/matrixone#27543: the variance of 10^12 … 10^12 + 6 is 4; by hand",
        rows=lambda: _long(
            (name, [1e9 + 3.0 * i + e for e in (-1.0, 0.0, 1.0)]) for i, name in enumerate("ABCDEF")
        ),
        calls=(
            Called(
                # balanced: MSB 3·9·17.5/5 = 94.5, MSW 1, so between (94.5 − 1)/3
                call=lambda data: {key: value for key, value in _lmm(data).items() if key != "intercept"},
                numbers={"between": 93.5 / 3.0, "residual": 1.0},
            ),
        ),
    ),
)
