"""The within estimator against the reference cases, and CR2 against its definition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tasks.models.fixed_effects.random_effects import swamy_arora
from tasks.models.fixed_effects.within import WithinFit, within
from tests.refs.reference import case_ids, load_case, load_data

pytestmark = pytest.mark.published

CASES = case_ids("fixed_effects")
COVARIANCES = {
    "classical": "se_classical",
    "cr0": "se_cr0",
    "cr1": "se_cr0_K_over_K_minus_1",
    "stata": "se_stata_xtreg_fe",
    "cr2": "se_cr2",
}

NO_REFERENCE = {("fe_unbal", "cr2"), ("fe_wages", "cr2")}


def fit_case(case: dict[str, Any]) -> WithinFit:
    model = case["model"]
    formula = f"{model['response']} ~ {' + '.join(model['within_covariates'])}"
    return within(formula, load_data(case), groups=model["cluster"])


@pytest.mark.parametrize("name", CASES)
def test_reference_case(name: str) -> None:
    case = load_case(name)
    expected = case["expected"]["within"]
    fit = fit_case(case)
    assert fit.coef.to_dict() == pytest.approx(expected["coef"], rel=1e-9)
    for kind, key in COVARIANCES.items():
        if expected[key] is None:
            assert (name, kind) in NO_REFERENCE
            continue
        se = np.sqrt(np.diag(fit.covariance(kind)))
        assert dict(zip(fit.coef.index, se, strict=True)) == pytest.approx(expected[key], rel=1e-9), kind
    order = list(expected["coef"])
    np.testing.assert_allclose(
        fit.covariance("classical").loc[order, order], expected["vcov_classical"], rtol=1e-8
    )
    assert fit.sigma2 == pytest.approx(expected["sigma2_e"], rel=1e-10)
    assert fit.rss == pytest.approx(expected["rss"], rel=1e-10)
    assert fit.df_resid == expected["df_resid"]
    assert fit.r_squared == pytest.approx(expected["r2_within"], rel=1e-9)
    assert fit.intercept == pytest.approx(expected["intercept_grand_mean"], rel=1e-9)
    test = fit.effects_test()
    assert (test.df_num, test.df) == (expected["f_test_effects"]["df1"], expected["f_test_effects"]["df2"])
    assert test.statistic == pytest.approx(expected["f_test_effects"]["F"], rel=1e-9)
    assert test.p == pytest.approx(expected["f_test_effects"]["p"], rel=1e-6, abs=1e-300)
    given = expected["cluster_effects"]  # the file keeps the first 200 of many
    effects = fit.effects()["estimate"].rename(index=str).loc[[str(each) for each in given["ids"]]]
    assert len(effects) >= min(200, len(fit.effects()))
    np.testing.assert_allclose(effects, given["values"], rtol=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_swamy_arora(name: str) -> None:
    case = load_case(name)
    model, expected = case["model"], case["expected"]["random_swamy_arora"]
    covariates = model["within_covariates"] + model["between_covariates"]
    fit = swamy_arora(
        f"{model['response']} ~ {' + '.join(covariates)}", load_data(case), groups=model["cluster"]
    )
    assert fit.sigma2 == pytest.approx(expected["sigma2_idiosyncratic"], rel=1e-9)
    variance = fit.varcomp[model["cluster"]].iloc[0, 0]
    assert variance == pytest.approx(expected["sigma2_individual"], rel=1e-8)
    assert fit.coef.to_dict() == pytest.approx(expected["coef"], rel=1e-8)
    assert fit.se.to_dict() == pytest.approx(expected["se"], rel=1e-8)
