"""Missing values of every kind."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from corpus.case import (
    EVERYWHERE,
    MEAN,
    SHOWN,
    Asked,
    Called,
    Case,
    own_value,
    set_aside,
)
from corpus.names import with_means

from tasks.models import gee, lmm


def _without_clinic() -> pd.DataFrame:
    rows = with_means({"A": 10.0, "B": 20.0})
    nobody = with_means({"": 99.0, "   ": 99.0}, 6)
    nobody.loc[nobody["clinic"] == "", "clinic"] = None
    return pd.concat([rows, nobody.assign(patient=[f"n{i}" for i in range(12)])], ignore_index=True)


def _nan_outcome() -> pd.DataFrame:
    """Every third value is NaN: what is left of A is 9 and 10, of B 19 and 20."""
    rows = with_means({"A": 10.0, "B": 20.0})
    return rows.assign(y=rows["y"].where(rows["y"] % 10 != 1.0, math.nan))


def _complete_cases() -> pd.DataFrame:
    """Eight clinics about the line 2 + 3x; some rows lack a covariate, an outcome or a clinic."""
    rng = np.random.default_rng(11)
    rows = pd.DataFrame({"clinic": [f"K{i // 12}" for i in range(96)], "x": rng.normal(size=96).round(2)})
    rows["y"] = (2 + 3 * rows["x"] + rng.normal(size=96)).round(2)
    rows.loc[::7, "x"] = None
    rows.loc[::11, "y"] = None
    rows.loc[::13, "clinic"] = None
    rows.loc[rows["clinic"] == "K3", "x"] = None  # a clinic that goes altogether
    return rows


def _ordinary(rows: pd.DataFrame) -> dict[str, float]:
    complete = rows.dropna()
    slope, intercept = np.polyfit(complete["x"], complete["y"], 1)
    return {"(Intercept)": float(intercept), "x": float(slope), "rows": float(len(complete))}


def _gee(data: Any) -> dict[str, float]:
    fit = gee("y ~ x", data, groups="clinic", corr="independence")
    return {
        **{str(k): float(v) for k, v in fit.coef.items()},
        "rows": float(fit.n_obs),
        "clinics": float(fit.n_groups.iloc[0]),
    }


def _blank_levels() -> pd.DataFrame:
    """Smokers are 6 above others; of a fifth nobody knows, written as blanks."""
    rows = with_means(dict.fromkeys("ABCDEF", 10.0), 30)
    k = np.arange(len(rows))
    smoker = np.where(k % 5 == 4, np.where(k % 2 == 0, "  ", ""), np.where(k % 5 < 2, "yes", "no"))
    return rows.assign(smoker=smoker, y=(rows["y"] + 6.0 * (smoker == "yes") + (k // 30)).round(6))


def _levels_with_none() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "clinic": ["A", "B"] * 9,
            "f": ["a", "a", "b", "b", None, None] * 3,
            "y": [1.0, 3.0, 5.0, 7.0, 50.0, 50.0] * 3,
        }
    )


def _infinite() -> pd.DataFrame:
    rows = with_means({"A": 10.0, "B": 20.0})
    rows.loc[0, "y"], rows.loc[31, "y"] = math.inf, -math.inf
    return rows


CASES = (
    Case(
        name="records without a clinic",
        places=EVERYWHERE,
        source="pandas-dev/pandas#3729: keys that are missing vanish unsaid; counts and means by hand",
        rows=_without_clinic,
        network=MEAN + SHOWN,
        month="2024-03",
        figures=(own_value("A", 10.0), own_value("B", 20.0), set_aside("clinic_missing", 12)),
    ),
    Case(
        name="NaN is no number",
        places=EVERYWHERE,
        source="duckdb/duckdb#15379 and #7541: NaN is above all numbers there; means by hand",
        rows=_nan_outcome,
        network=MEAN + SHOWN,
        month="2024-03",
        figures=(own_value("A", 9.5), own_value("B", 19.5)),
    ),
    Case(
        name="a value missing here and there",
        places=EVERYWHERE,
        source="least squares on complete rows, numpy.polyfit; statsmodels/statsmodels#1877 and #7978",
        rows=_complete_cases,
        calls=(Called(call=_gee, numbers={**_ordinary(_complete_cases()), "clinics": 7.0}),),
    ),
    Case(
        name="blanks where a level should be",
        source="trial unanimous_clinic: a blank is missing and no level; 144 of 180 records by hand",
        rows=_blank_levels,
        network=MEAN + 'adjusters = ["smoker"]\n' + SHOWN,
        month="2024-03",
        asks=(
            Asked(formula="y ~ smoker + (1 | clinic)", numbers={"rows": 144.0}),
            Asked(formula="y ~ smoker", model="within", numbers={"rows": 144.0}),
        ),
    ),
    Case(
        name="a missing level is no level",
        source="statsmodels/statsmodels#805: NaN became a category; means by hand, 2 and 6 without it",
        rows=_levels_with_none,
        calls=(
            Called(
                call=lambda data: {
                    k: float(v)
                    for k, v in gee("y ~ f", data, groups="clinic", corr="independence").coef.items()
                },
                numbers={"(Intercept)": 2.0, "fb": 4.0},
            ),
        ),
    ),
    Case(
        name="a column without a value",
        source="lme4/lme4#533: the error named the grouping factor and not the covariate",
        rows=lambda: with_means({"A": 10.0, "B": 20.0}).assign(x=pd.Series([None] * 60, dtype=float)),
        types={"x": "DOUBLE"},
        calls=(Called(call=lambda data: lmm("y ~ x + (1 | clinic)", data).coef, refused="x is missing"),),
        places=("DuckDB", "Parquet", "PostgreSQL"),  # elsewhere a column without a value has no type
    ),
    Case(
        name="infinite values",
        source="sql/screening/value_not_finite.sql: they are blanked and counted; the other means by hand",
        rows=_infinite,
        network=MEAN + SHOWN,
        month="2024-03",
        figures=(own_value("A", 10.0 + 1.0 / 29.0), own_value("B", 20.0), set_aside("y_not_finite", 2)),
    ),
)
