"""Types of columns: what databases and frames call numbers, truth and levels."""

from __future__ import annotations

from typing import Any

import pandas as pd
from corpus.case import BINARY, EVERYWHERE, MEAN, SHOWN, Asked, Called, Case, Figure, cycled, own_value
from corpus.names import with_means

from tasks.models import gee, icc, lmm, within


def coefficients(fit: Any) -> dict[str, float]:
    """A fit's coefficients by name."""
    return {str(name): float(value) for name, value in fit.coef.items()}


def _truth() -> pd.DataFrame:
    """10 of 40 and 20 of 40 have it; those of the wing have it 0.5 more often."""
    rows = cycled(["A", "B"], 40)
    return rows.assign(
        y=((rows["clinic"] == "A") & (rows["k"] % 4 == 0)) | ((rows["clinic"] == "B") & (rows["k"] % 2 == 0)),
        wing=rows.pop("k") % 4 < 2,
    )


def _decimals() -> pd.DataFrame:
    """Prices with two digits: 0.10, 0.20 and 0.30 about 10.20 and 20.20."""
    rows = cycled(["A", "B"], 30)
    return rows.assign(y=rows["clinic"].map({"A": 10.0, "B": 20.0}) + (rows.pop("k") % 3 + 1) / 10.0)


def _narrow() -> pd.DataFrame:
    """Ages to 127 and values to 250, in columns of one byte: y = 2·age − 10 on average."""
    rows = pd.DataFrame({"clinic": ["A", "B"] * 40, "age": [100, 100, 120, 120] * 20, "k": range(80)})
    return rows.assign(y=2 * rows["age"] - 10 + (rows.pop("k") // 4 % 2) * 2 - 1)


def _long_numbers() -> pd.DataFrame:
    rows = with_means({"A": 10.0, "B": 20.0})
    return rows.assign(patient=[2**53 + i for i in range(60)])


def _categories() -> pd.DataFrame:
    rows = pd.DataFrame({"clinic": ["A", "B"] * 12, "y": [1.0, 3.0, 5.0, 7.0, 9.0, 11.0] * 4})
    stage = pd.Categorical([f"s{i % 6 // 2}" for i in range(24)], categories=["s0", "s1", "s2", "s3"])
    return rows.assign(stage=stage)


CASES = (
    Case(
        name="true and false",
        places=EVERYWHERE,
        source="proportions and their difference by hand",
        rows=_truth,
        network=BINARY + 'adjusters = ["wing"]\n' + SHOWN,
        month="2024-03",
        asks=(Asked(formula="y ~ wing", model="gee", numbers={"rows": 80.0}),),
        calls=(
            Called(
                call=lambda data: {
                    "icc": icc("y", data, groups="clinic", kind="binary", method="anova").estimate
                },
                # means ¼ and ½ about ⅜: MSB 2·40/64 = 1.25; MSW (7.5 + 10)/78; 40 in each
                numbers={"icc": (1.25 - 17.5 / 78.0) / (1.25 + 39.0 * 17.5 / 78.0)},
            ),
        ),
        figures=(own_value("A", 25.0), own_value("B", 50.0)),
    ),
    Case(
        name="decimals",
        places=EVERYWHERE,
        source="sqlalchemy/sqlalchemy#7299 and #13424: SQLite has none; means by hand",
        rows=_decimals,
        types={"y": "DECIMAL(12, 2)"},
        network=MEAN + SHOWN,
        month="2024-03",
        figures=(own_value("A", 10.2), own_value("B", 20.2)),
        calls=(
            Called(
                call=lambda data: {"sigma": float(lmm("y ~ 1 + (1 | clinic)", data).sigma2)},
                numbers={"sigma": 0.4 / 58.0},  # 60 squares of 0.1, 0 and 0.1: 40 · 0.01, on 58 df
            ),
        ),
    ),
    Case(
        name="numbers of one byte",
        source="their products do not fit into a byte; least squares by hand",
        rows=_narrow,
        types={"age": "TINYINT", "y": "UTINYINT"},
        calls=(
            Called(
                call=lambda data: coefficients(within("y ~ age", data, groups="clinic")), numbers={"age": 2.0}
            ),
            Called(
                call=lambda data: coefficients(within("y ~ I(age^2)", data, groups="clinic")),
                numbers={"I(age^2)": 40.0 / (120.0**2 - 100.0**2)},
            ),
            Called(
                call=lambda data: coefficients(within("y ~ I(age * age + age)", data, groups="clinic")),
                numbers={"I(age * age + age)": 40.0 / (120.0**2 + 120.0 - 100.0**2 - 100.0)},
            ),
        ),
        places=("DuckDB", "Parquet", "CSV", "SQLite"),  # PostgreSQL has no such types
    ),
    Case(
        name="numbers of two bytes",
        places=EVERYWHERE,
        source="their products do not fit into two bytes (PostgreSQL: smallint out of range); by hand",
        rows=_narrow,
        types={"age": "SMALLINT", "y": "SMALLINT"},
        calls=(
            Called(
                call=lambda data: coefficients(within("y ~ I(age * age * 3)", data, groups="clinic")),
                numbers={"I(age * age * 3)": 40.0 / (3.0 * (120.0**2 - 100.0**2))},
            ),
        ),
    ),
    Case(
        name="patient numbers above 2 to the 53rd",
        places=EVERYWHERE,
        source="pandas-dev/pandas#17560: as doubles, neighbours are one number; 30 patients a clinic",
        rows=_long_numbers,
        network=MEAN + SHOWN,
        month="2024-03",
        figures=tuple(
            Figure(table="clinics", where={"clinic": clinic}, column="n_patients", value=30.0)
            for clinic in "AB"
        ),
    ),
    Case(
        name="numbers as text",
        places=EVERYWHERE,
        source="a number is a number: the sentence says how",
        rows=lambda: with_means({"A": 10.0, "B": 20.0}).astype({"y": str}),
        network=MEAN,
        refused=dict.fromkeys(
            ("DuckDB", "Parquet", "SQLite", "PostgreSQL"), "column 'y' holds text and must be numbers"
        ),
    ),
    Case(
        name="levels that nobody has",
        source="statsmodels/statsmodels#805; means by hand: 2, 6 and 10, and no fourth level",
        rows=_categories,
        calls=(
            Called(
                call=lambda data: {
                    **coefficients(gee("y ~ stage", data, groups="clinic", corr="independence")),
                    "columns": float(len(gee("y ~ stage", data, groups="clinic").coef)),
                },
                numbers={"(Intercept)": 2.0, "stages1": 4.0, "stages2": 8.0, "columns": 3.0},
            ),
        ),
    ),
)
