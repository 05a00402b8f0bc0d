"""Sizes and shapes: few clinics and many, small and huge, that open, close and stand still."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
from corpus.case import BINARY, MEAN, SHOWN, Called, Case, Figure, cycled, own_value, records_of
from corpus.column_types import coefficients
from corpus.names import with_means

from tasks.models import gee, icc, lmm, within

UNEQUAL = pd.DataFrame(
    {"clinic": [*("A" * 8), "B", "B", "C", "C"], "y": [1.0, 2, 3, 4, 5, 6, 7, 8, 10, 12, 0, 2]}
).astype({"clinic": object})
# means 4.5, 11 and 1 about 5: SSB 2 + 72 + 32 = 106; SSW 42 + 2 + 2 = 46; n0 (12 − 72/12)/2 = 3
UNEQUAL_ICC = (53.0 - 46.0 / 9.0) / (53.0 + 2.0 * 46.0 / 9.0)


def _alike() -> pd.DataFrame:
    rows = cycled("ABCD", 80)
    return rows.assign(fell=(rows["k"] % 4 == 0).astype(int), y=130.0 + rows["k"] % 9)


def _many() -> pd.DataFrame:
    rows = cycled([f"Clinic {i:03d}" for i in range(250)], 12)
    return rows.assign(y=rows["clinic"].str[-3:].astype(int) / 10.0 + rows.pop("k") % 3 - 1.0)


def _open_and_closed() -> pd.DataFrame:
    """A to H are open all year, I opens in October and J closes in March; 28 to 32 records a month."""
    made = [
        (clinic, f"{clinic}{month}-{i}", pd.Timestamp(2023, month, 1 + i % 28))
        for clinic in "ABCDEFGHIJ"
        for month in range(1, 13)
        for i in range(28 + (ord(clinic) + month) % 5)
        if not (clinic == "I" and month < 10) and not (clinic == "J" and month > 3)
    ]
    return pd.DataFrame(made, columns=["clinic", "patient", "date"])


def _monthly(clinic: str, months: range) -> float:
    return sum(28 + (ord(clinic) + month) % 5 for month in months) / len(months)


def _empty_month() -> pd.DataFrame:
    """Records in January and March 2024, none in February."""
    january, march = (with_means({"A": 10.0, "B": 20.0}, 30, month) for month in ("2024-01", "2024-03"))
    march["patient"] = march["patient"] + "-march"
    return pd.concat([january, march], ignore_index=True)


def _interleaved() -> pd.DataFrame:
    """Four clinics of three, taking turns; residuals of the mean 5 add up to 3, −3, 6 and −6 in them."""
    sums = {"A": 3.0, "B": -3.0, "C": 6.0, "D": -6.0}
    return pd.DataFrame(
        [(clinic, 5.0 + total / 3.0 + (j - 1.0)) for j in range(3) for clinic, total in sums.items()],
        columns=["clinic", "y"],
    )


def _singletons() -> pd.DataFrame:
    """Within A and B y rises by 2 a unit of x; each of 20 others is seen once, and says nothing."""
    seen = [
        (c, x, u + 2.0 * x + e)
        for c, u in (("A", 0.0), ("B", 7.0))
        for x, e in ((0, 1.0), (0, -1.0), (3, 1.0), (3, -1.0))
    ]
    once = [(f"S{i}", float(i), 100.0 - i) for i in range(20)]
    return pd.DataFrame([*seen, *once], columns=["clinic", "x", "y"])


def _huge() -> pd.DataFrame:
    rows = pd.concat([cycled(["Huge"], 3000), cycled([f"S{i}" for i in range(6)], 30)], ignore_index=True)
    rows["patient"] = [f"p{i}" for i in range(len(rows))]
    level = rows["clinic"].map(lambda name: 50.0 if name == "Huge" else 10.0 * (int(name[1]) + 1))
    return rows.assign(y=level + rows.pop("k") % 3 - 1.0)


def _tiny() -> pd.DataFrame:
    """Six clinics of 30 and one of a single record."""
    rows = with_means({name: 10.0 * (i + 1) for i, name in enumerate("ABCDEF")})
    return pd.concat([rows, rows.iloc[:1].assign(clinic="Solo", patient="s", y=33.0)], ignore_index=True)


def _icc(outcome: str, **how: Any) -> Any:
    return lambda data: {"icc": float(icc(outcome, data, groups="clinic", **how).estimate)}


CASES = (
    Case(
        name="one clinic",
        source="lme4/lme4#24: a factor with one level has no variance",
        rows=lambda: with_means({"A": 10.0}),
        network=MEAN,
        refused="every record with a clinic is from the same one; comparing needs at least two",
        calls=(
            Called(
                call=lambda data: coefficients(lmm("y ~ 1 + (1 | clinic)", data)), refused="the same clinic"
            ),
        ),
    ),
    Case(
        name="one record in every clinic",
        source="lme4: levels of a grouping factor must be fewer than observations",
        rows=lambda: pd.DataFrame({"clinic": list("ABCDEF"), "y": [1.0, 4.0, 2.0, 8.0, 5.0, 7.0]}),
        calls=(
            Called(call=lambda data: coefficients(lmm("y ~ 1 + (1 | clinic)", data)), refused="one row"),
            Called(call=_icc("y"), refused="a single usable row"),
        ),
    ),
    Case(
        name="unequal clinics",
        source="analysis of variance by hand (Donner 1986, eq. 3)",
        rows=lambda: UNEQUAL,
        calls=(Called(call=_icc("y"), numbers={"icc": UNEQUAL_ICC}),),
    ),
    Case(
        name="one huge clinic",
        source="means by hand",
        rows=_huge,
        network=MEAN + SHOWN,
        month="2024-03",
        figures=(own_value("Huge", 50.0), own_value("S0", 10.0), records_of("Huge", 3000)),
    ),
    Case(
        name="a clinic of one record",
        source="means by hand; it is shown and compared with nobody",
        rows=_tiny,
        network=MEAN + SHOWN,
        month="2024-03",
        figures=(
            own_value("Solo", 33.0),
            own_value("F", 60.0),
            Figure(
                table="clinic_estimates",
                where={"outcome": "y", "clinic": "Solo", "form": "shrunken"},
                column="comparison",
                value="not_compared",
            ),
        ),
    ),
    Case(
        name="clinics exactly alike",
        source="trial clinics_exactly_alike: −1/79 by R's anova; the month is reported",
        rows=_alike,
        network=MEAN + BINARY.replace("outcomes.y", "outcomes.fell") + SHOWN,
        month="2024-03",
        calls=(
            Called(call=_icc("fell", kind="binary", method="anova"), numbers={"icc": -1.0 / 79.0}),
            Called(call=_icc("y"), numbers={"icc": -1.0 / 79.0}),
        ),
        figures=(own_value("A", 130.0 + sum(k % 9 for k in range(80)) / 80.0),),
    ),
    Case(
        name="250 clinics",
        source="trial more_than_200_clinics; means by hand",
        rows=_many,
        network=MEAN + SHOWN,
        month="2024-03",
        figures=(own_value("Clinic 000", 0.0), own_value("Clinic 249", 24.9), records_of("Clinic 100", 12)),
    ),
    Case(
        name="clinics that open and close",
        source="trial new_and_closed_clinics: about 30 in each month in which they are open; by hand",
        rows=_open_and_closed,
        network=MEAN.replace("outcomes.y", "outcomes.visits")
        .replace('kind = "continuous"', 'kind = "count"\nper = "clinic-month"')
        .replace('unit = "mmHg"\n', "")
        + SHOWN,
        month="2023-12",
        figures=tuple(
            Figure(
                table="clinic_estimates",
                where={"outcome": "visits", "clinic": clinic, "form": "raw"},
                column="value",
                value=_monthly(clinic, months),
            )
            for clinic, months in (("A", range(1, 13)), ("I", range(10, 13)), ("J", range(1, 4)))
        ),
    ),
    Case(
        name="a month that nobody has",
        source="means by hand; months without records are counted for nobody",
        rows=_empty_month,
        network=MEAN + SHOWN,
        month="2024-03",
        figures=(
            own_value("A", 10.0),
            records_of("A", 60),
            Figure(
                table="clinic_months",
                where={"outcome": "y", "clinic": "A", "month": "2024-03"},
                column="denominator",
                value=30.0,
            ),
        ),
    ),
    Case(
        name="clinics that take turns",
        source="tidymodels/multilevelmod#90, jinseob2kim/jsmodule#71: geepack takes each run of rows for a "
        "cluster; by hand: √(9 + 9 + 36 + 36)/12",
        rows=_interleaved,
        calls=(
            Called(
                call=lambda data: {
                    "mean": float(
                        gee("y ~ 1", data, groups="clinic", corr="exchangeable", cov="robust").coef.iloc[0]
                    ),
                    "se": float(
                        gee("y ~ 1", data, groups="clinic", corr="exchangeable", cov="robust").se.iloc[0]
                    ),
                },
                numbers={"mean": 5.0, "se": math.sqrt(90.0) / 12.0},
            ),
        ),
    ),
    Case(
        name="clinics seen once among others",
        source="bashtage/linearmodels#191: singletons say nothing within clinics; slope by hand",
        rows=_singletons,
        calls=(
            Called(
                call=lambda data: coefficients(within("y ~ x", data, groups="clinic")), numbers={"x": 2.0}
            ),
        ),
    ),
)
