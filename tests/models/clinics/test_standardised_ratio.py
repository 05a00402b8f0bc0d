"""Predicted and observed over expected, held against totals worked out row by row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from models.clinics.test_shrinkage import clinics
from refs.reference import load_data
from scipy import special, stats

from tasks.errors import EstimationError
from tasks.models import (
    glmm,
    lmm,
    shrink,
    standardised_ratios,
    standardised_totals,
)

pytestmark = pytest.mark.published


def test_binary_totals_by_hand() -> None:
    data = load_data("cbpp_bernoulli")
    fit = glmm("y ~ period + (1 | herd)", data)
    found = shrink(fit)
    table = standardised_ratios(fit, found)
    period = pd.get_dummies(data["period"]).to_numpy(dtype=float)[:, 1:]
    eta = fit.coef.iloc[0] + period @ fit.coef.iloc[1:].to_numpy()
    effect = data["herd"].map(found.table["estimate"]).astype(float)
    by_herd = data.assign(e=special.expit(eta), p=special.expit(eta + effect)).groupby("herd", observed=True)
    assert table["expected"].to_numpy() == pytest.approx(by_herd["e"].sum().to_numpy(), rel=1e-10)
    assert table["predicted"].to_numpy() == pytest.approx(by_herd["p"].sum().to_numpy(), rel=1e-10)
    assert table["observed"].to_numpy() == pytest.approx(by_herd["y"].sum().to_numpy())
    overall = data["y"].mean()
    assert table["standardised"].to_numpy() == pytest.approx((table["pe"] * overall).to_numpy(), rel=1e-12)


def test_predicted_is_drawn_towards_one() -> None:
    data = load_data("cbpp_bernoulli")
    fit = glmm("y ~ period + (1 | herd)", data)
    table = standardised_ratios(fit, shrink(fit))
    assert table["pe"].std() < table["oe"].std()
    for name in ("oe", "pe"):
        assert (table[f"{name}_lower"] <= table[name] + 1e-12).all()
        assert (table[name] <= table[f"{name}_upper"] + 1e-12).all()


def test_counts_have_the_rate_ratio() -> None:
    data = load_data("sim_clinic3")
    fit = glmm("visits ~ age + (1 | clinic)", data, family="poisson", exposure="exposure")
    found = shrink(fit)
    table = standardised_ratios(fit, found)
    assert table["pe"].to_numpy() == pytest.approx(np.exp(found.table["estimate"]).to_numpy(), rel=1e-10)
    low = stats.chi2.ppf(0.025, 2 * table["observed"]) / 2 / table["expected"]
    assert table["oe_lower"].to_numpy() == pytest.approx(np.nan_to_num(low), rel=1e-9)


@pytest.mark.slow
def test_means() -> None:
    data = load_data("sim_clinic3")
    fit = lmm("sbp ~ age + (1 | clinic)", data)
    found = shrink(fit)
    table = standardised_ratios(fit, found)
    expected = (fit.coef["(Intercept)"] + fit.coef["age"] * data["age"]).groupby(
        data["clinic"], observed=True
    )
    assert table["expected"].to_numpy() == pytest.approx(expected.sum().to_numpy(), rel=1e-10)
    difference = (table["predicted"] - table["expected"]) / table["n"]
    assert difference.to_numpy() == pytest.approx(found.table["estimate"].to_numpy(), rel=1e-7)


@pytest.mark.slow
def test_expected_is_at_the_comparator() -> None:
    """The typical level need not have an effect of 0: of heavy tails it has the mean of these."""
    data = load_data("sim_clinic3")
    for fit in (
        lmm("sbp ~ age + (1 | clinic)", data),
        glmm("visits ~ age + (1 | clinic)", data, family="poisson", exposure="exposure"),
    ):
        found = replace(shrink(fit), centre=0.25)
        table, at_zero = standardised_totals(fit, found), standardised_totals(fit, shrink(fit))
        moved = at_zero["expected"] + 0.25 * table["n"]
        if found.family != "gaussian":
            moved = at_zero["expected"] * np.exp(0.25)
            exposure = data.groupby("clinic", observed=True)["exposure"].sum()
            assert table["exposure"].to_numpy() == pytest.approx(exposure.to_numpy())
        assert table["expected"].to_numpy() == pytest.approx(moved.to_numpy(), rel=1e-10)
        assert table["predicted"].to_numpy() == pytest.approx(at_zero["predicted"].to_numpy())


def test_means_about_zero_have_no_ratio() -> None:
    data = clinics(np.random.default_rng(11), [20] * 6).assign(score=lambda frame: frame["score"] - 80)
    fit = lmm("score ~ age + (1 | clinic)", data)
    with pytest.raises(EstimationError, match="no ratios"):
        standardised_ratios(fit, shrink(fit))
