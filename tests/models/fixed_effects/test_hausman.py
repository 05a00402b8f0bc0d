"""Hausman's and Mundlak's tests and the between–within split, against the reference cases."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tasks.models.fixed_effects.hausman import between_within, hausman, mundlak
from tasks.models.fixed_effects.random_effects import swamy_arora
from tasks.models.fixed_effects.within import within
from tasks.models.linear_mixed.lmm import lmm
from tests.refs.reference import case_ids, load_case, load_data

pytestmark = pytest.mark.published

CASES = case_ids("fixed_effects")


def formula_of(case: dict[str, Any]) -> str:
    model = case["model"]
    return f"{model['response']} ~ {' + '.join(model['within_covariates'] + model['between_covariates'])}"


@pytest.mark.parametrize("name", CASES)
def test_hausman_against_swamy_arora(name: str) -> None:
    case = load_case(name)
    data, cluster = load_data(case), case["model"]["cluster"]
    expected = case["expected"]["hausman_fe_vs_swamy_arora"]
    test = hausman(formula_of(case), data, groups=cluster)
    assert test.statistic == pytest.approx(expected["chi2"], rel=1e-6)
    assert test.df == expected["df"]
    assert test.p == pytest.approx(expected["p"], rel=1e-5, abs=1e-300)
    assert test.same_sigma == pytest.approx(
        (expected["sigmamore"]["chi2"], expected["sigmamore"]["p"]), rel=1e-6
    )
    assert test.definite == (expected["variance_difference_min_eigenvalue"] > 0.0)
    model = case["model"]
    inner = within(
        f"{model['response']} ~ {' + '.join(model['within_covariates'])}", data, groups=cluster, cov="cr2"
    )
    pair = hausman(inner, swamy_arora(formula_of(case), data, groups=cluster))
    assert pair.statistic == pytest.approx(test.statistic, rel=1e-9)
    assert "within" in str(test)


@pytest.mark.parametrize("name", CASES)
def test_hausman_against_reml(name: str) -> None:
    case = load_case(name)
    expected, cluster = case["expected"]["hausman_fe_vs_lmm_reml"], case["model"]["cluster"]
    test = hausman(formula_of(case), load_data(case), groups=cluster, random="reml")
    assert test.statistic == pytest.approx(expected["chi2"], rel=1e-5)
    reml = case["expected"]["random_lmm_reml"]
    for coefficient, value in reml["coef"].items():
        assert abs(test.other.coef[coefficient] - value) < 1e-6 * max(abs(value), reml["se"][coefficient])
    by_hand = lmm(f"{formula_of(case)} + (1 | {cluster})", load_data(case))
    np.testing.assert_allclose(test.other.coef, by_hand.coef, rtol=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_mundlak(name: str) -> None:
    case = load_case(name)
    data, cluster = load_data(case), case["model"]["cluster"]
    expected = case["expected"]["mundlak_lmm_reml"]
    test = mundlak(formula_of(case), data, groups=cluster)
    assert test.statistic == pytest.approx(expected["wald_chi2"], rel=1e-6)
    assert (test.df, test.p) == (expected["df"], pytest.approx(expected["p"], rel=1e-5, abs=1e-300))
    for coefficient, value in expected["coef"].items():
        assert abs(test.fit.coef[coefficient] - value) < 1e-6 * max(abs(value), expected["se"][coefficient])
        assert test.fit.se[coefficient] == pytest.approx(expected["se"][coefficient], rel=1e-6)
    inner = case["expected"]["within"]["coef"]
    assert test.fit.coef[list(inner)].to_dict() == pytest.approx(inner, rel=1e-8)


@pytest.mark.parametrize("name", CASES)
def test_mundlak_pooled(name: str) -> None:
    case = load_case(name)
    expected = case["expected"]["mundlak_pooled_ols_cluster_robust"]
    test = mundlak(formula_of(case), load_data(case), groups=case["model"]["cluster"], method="pooled")
    assert test.statistic == pytest.approx(expected["wald_chi2"], rel=1e-7)
    assert test.fit.coef.to_dict() == pytest.approx(expected["coef"], rel=1e-7)
    assert test.fit.se.to_dict() == pytest.approx(expected["se_cr1_K_over_K_minus_1"], rel=1e-7)


@pytest.mark.parametrize("name", CASES)
def test_between_within(name: str) -> None:
    case = load_case(name)
    expected = case["expected"]["between_within_lmm_reml"]
    fit = between_within(formula_of(case), load_data(case), groups=case["model"]["cluster"])
    for coefficient, value in expected["coef"].items():
        assert abs(fit.coef[coefficient] - value) < 1e-6 * max(abs(value), expected["se"][coefficient])
        assert fit.se[coefficient] == pytest.approx(expected["se"][coefficient], rel=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_mundlaks_slopes_are_those_of_the_split(name: str) -> None:
    """Within and between fitted side by side, each a coefficient of its own with its own interval."""
    case = load_case(name)
    data, cluster = load_data(case), case["model"]["cluster"]
    covariate = case["model"]["within_covariates"][0]
    test = mundlak(formula_of(case), data, groups=cluster)
    split = between_within(formula_of(case), data, groups=cluster)
    ends = split.conf_int(0.95)
    for slope, column in zip(test.slopes(covariate), (covariate, f"{covariate}_mean"), strict=True):
        expected = (split.coef[column], *ends.loc[column])
        assert (slope.estimate, slope.lower, slope.upper) == pytest.approx(expected, rel=1e-5)
