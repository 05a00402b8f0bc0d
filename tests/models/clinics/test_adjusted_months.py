"""Shocks of clinics' months beside adjusters that tell much: seen where there are some, and only there."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
import pytest
from scipy import special

from tasks.models.clinics.adjusted_months import adjusted_counts, adjusted_means
from tasks.models.clinics.alike_records import Alike, month_shocks

CLINICS, MONTHS, RECORDS = 20, 12, 15
Kind = Literal["continuous", "binary", "count"]


def records(seed: int, kind: Kind, *, shock: float, overdispersed: bool = False) -> pd.DataFrame:
    """Records whose age tells most of the outcome, in clinics whose ages differ from month to month."""
    rng = np.random.default_rng([seed, 7])
    clinic, month = (each.ravel() for each in np.indices((CLINICS, MONTHS)))
    eta = 0.3 * rng.standard_normal(CLINICS)[clinic] + 0.2 * rng.standard_normal(MONTHS)[month]
    eta += shock * rng.standard_normal(len(eta))
    older = rng.standard_normal(len(eta))
    rows = np.repeat(np.arange(len(eta)), RECORDS)
    age = 50.0 + 8.0 * older[rows] + 15.0 * rng.standard_normal(len(rows))
    eta = eta[rows] + 0.06 * (age - 50.0)
    y = eta + 0.5 * rng.standard_normal(len(rows))
    if kind == "binary":
        y = (rng.random(len(rows)) < special.expit(eta)).astype(float)
    elif kind == "count":
        gamma = rng.gamma(2.0, 0.5, len(rows)) if overdispersed else 1.0
        y = rng.poisson(np.exp(eta) * gamma).astype(float)
    return pd.DataFrame(
        {
            "clinic": [f"C{each:02}" for each in clinic[rows]],
            "month": [f"2024-{each + 1:02}" for each in month[rows]],
            "age": age,
            "y": y,
        }
    )


def sums(data: pd.DataFrame) -> pd.DataFrame:
    """Moments of clinics' months as the database has them."""
    found = data.groupby(["clinic", "month"])["y"].agg(n="count", mean="mean", total="sum", squares="var")
    found["squares"] *= found["n"] - 1
    return found.reset_index().assign(n=lambda each: each["n"].astype(float), exposure=lambda each: each["n"])


def shocks(data: pd.DataFrame, kind: Kind, *, overdispersed: bool = False) -> Alike:
    if kind == "continuous":
        adjusted = adjusted_means("y ~ age", data)
    else:
        family: Literal["binomial", "poisson"] = "binomial" if kind == "binary" else "poisson"
        adjusted = adjusted_counts("y ~ age", data, family, overdispersed=overdispersed)
    return month_shocks(sums(data), kind, adjusted=adjusted, overdispersed=overdispersed)


CASES: list[tuple[Kind, bool]] = [("continuous", False), ("binary", False), ("count", False), ("count", True)]


def found(kind: Kind, networks: int, shock: float, *, overdispersed: bool) -> np.ndarray:
    """SDs of shocks that are found in networks."""
    every = (
        records(seed, kind, shock=shock, overdispersed=overdispersed) for seed in range(1000, 1000 + networks)
    )
    return np.array([shocks(each, kind, overdispersed=overdispersed).strength for each in every])


@pytest.mark.before_release
@pytest.mark.slow
@pytest.mark.parametrize(("kind", "overdispersed"), CASES)
def test_without_shocks_hardly_any_are_found_however_much_ages_differ(
    kind: Kind, overdispersed: bool
) -> None:
    """Some 8 in 100 by chance, of two looks at 5%; in nearly all where records are summed as they are."""
    assert (found(kind, 100, 0.0, overdispersed=overdispersed) > 0.0).sum() <= 15  # P(more | 8%) < 0.01


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "overdispersed"), CASES)
def test_shocks_are_found_beside_what_age_tells(kind: Kind, overdispersed: bool) -> None:
    """Fewer of yes or no, of which 15 records tell less."""
    strengths = found(kind, 20, 0.3, overdispersed=overdispersed)
    assert (strengths > 0.0).sum() >= (14 if kind == "binary" else 19)
    assert strengths.mean() == pytest.approx(0.3, rel=0.2)


def dummies(data: pd.DataFrame, *columns: str) -> np.ndarray:
    return np.column_stack([pd.get_dummies(data[each]).to_numpy(dtype=float) for each in columns])


def test_means_lose_what_age_explains_within_clinics_months() -> None:
    data = records(1, "continuous", shock=0.3)
    place = data["clinic"] + data["month"]
    own = data[["age", "y"]] - data[["age", "y"]].groupby(place).transform("mean")
    slope = float((own["age"] * own["y"]).sum() / (own["age"] ** 2).sum())
    left = (data["y"] - slope * data["age"]).groupby(place)
    moments = adjusted_means("y ~ age", data).moments
    at = moments["clinic"] + moments["month"]
    assert moments["squares"].to_numpy() == pytest.approx((left.var() * 14).loc[at].to_numpy())
    apart = moments["mean"].to_numpy() - left.mean().loc[at].to_numpy()
    assert apart == pytest.approx(np.full(len(apart), apart[0]))  # but for a constant


@pytest.mark.parametrize("kind", ["binary", "count"])
def test_sums_are_those_of_a_model_with_a_column_for_every_clinic_and_month(kind: Kind) -> None:
    data = records(2, kind, shock=0.3)
    columns = np.column_stack([dummies(data, "clinic", "month"), (data["age"] - 50.0) / 15.0])
    y, slopes = data["y"].to_numpy(), np.zeros(columns.shape[1])
    for _ in range(30):  # iteratively reweighted least squares
        mean = special.expit(columns @ slopes) if kind == "binary" else np.exp(columns @ slopes)
        weight = mean * (1.0 - mean) if kind == "binary" else mean
        information = (columns * weight[:, None]).T @ columns
        slopes = slopes + np.linalg.lstsq(information, columns.T @ (y - mean), rcond=1e-10)[0]
    place = data["clinic"] + data["month"]
    adjusted = adjusted_counts("y ~ age", data, "binomial" if kind == "binary" else "poisson")
    at = adjusted.moments["clinic"] + adjusted.moments["month"]
    for found_sums, dense in ((adjusted.expected, mean), (adjusted.slope, weight)):
        # a prior as wide as ten SDs is all that sets them apart
        assert found_sums == pytest.approx(pd.Series(dense).groupby(place).sum().loc[at].to_numpy(), rel=2e-4)


def test_counts_that_vary_more_than_a_poissons_have_their_own_variance() -> None:
    data = records(3, "count", shock=0.0, overdispersed=True)
    adjusted = adjusted_counts("y ~ age", data, "poisson", overdispersed=True)
    mean = adjusted.expected / RECORDS
    assert (adjusted.variance > adjusted.expected).all()
    # gamma of shape 2: the variance of a record is μ + μ²/2, and ages spread μ² about its square
    excess = (adjusted.variance - adjusted.expected).sum() / (RECORDS * mean**2).sum()
    assert 0.5 < excess < 4.0


def test_a_column_that_separates_the_outcome_gets_an_end() -> None:
    data = records(4, "binary", shock=0.0).assign(sign=lambda each: each["y"])
    adjusted = adjusted_counts("y ~ age + sign", data, "binomial")
    assert np.isfinite(adjusted.expected).all()
    assert adjusted.expected == pytest.approx(adjusted.moments["total"].to_numpy(), abs=0.2)
