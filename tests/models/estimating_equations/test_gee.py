"""GEE against the reference cases: coefficients, correlation, scale, every covariance, both conventions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tasks.errors import EstimationError
from tasks.models.estimating_equations.gee import GeeFit, gee
from tests.refs.reference import case_ids, load_case, load_data

pytestmark = pytest.mark.published

CASES = [name for name in case_ids("gee") if name != "gee_sitka89_unstr"]
CONVENTIONS = {"liang-zeger": "liang_zeger_df_convention", "geepack": "geepack_convention"}
COVARIANCES = {
    "model": "model_based",
    "robust": "robust",
    "kauermann-carroll": "kauermann_carroll",
    "mancl-derouen": "mancl_derouen",
    "fay-graubard": "fay_graubard",
}


def fit_case(case: dict[str, Any], convention: str = "liang-zeger", **keywords: Any) -> GeeFit:
    model = case["model"]
    formula = model["formula"].replace(" + offset(rep(log(2), length(base)))", " + offset(log2)")
    data = load_data(case)
    if "log2" in formula:
        data["log2"] = np.log(2.0)
    return gee(
        formula,
        data,
        groups=model["cluster"],
        family=model["family"],
        corr=model["corstr"],
        time=model["wave"],
        scale=model["scale_fixed"],
        convention=convention,
        **keywords,
    )


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("name", CASES)
def test_reference_case(name: str, convention: str) -> None:
    case = load_case(name)
    expected = case["expected"][CONVENTIONS[convention]]
    fit = fit_case(case, convention)
    assert fit.converged
    assert fit.n_obs == case["n_obs"]
    assert fit.n_groups.to_list() == [case["n_clusters"]]
    assert sorted(fit.coef.index) == sorted(expected["beta"])
    for coefficient, value in expected["beta"].items():
        assert fit.coef[coefficient] == pytest.approx(value, rel=1e-9)
    assert fit.scale == pytest.approx(expected["phi"], rel=1e-10)
    if case["model"]["corstr"] in ("exchangeable", "ar1"):
        assert fit.working["alpha"] == pytest.approx(expected["alpha"], rel=1e-9)
    if case["model"]["corstr"] == "unstructured":
        np.testing.assert_allclose(fit.working_correlation(), expected["working_correlation"], rtol=1e-9)
    for kind, key in COVARIANCES.items():
        se = np.sqrt(np.diag(fit.covariance(kind)))
        for coefficient, value in zip(fit.coef.index, se, strict=True):
            assert value == pytest.approx(expected["se"][key][coefficient], rel=1e-9), (kind, coefficient)
    for kind in ("robust", "mancl_derouen"):
        whole = fit.covariance(kind.replace("_", "-"))
        order = list(expected["beta"])
        given = np.array(expected[f"vcov_{kind}"])
        scale = np.sqrt(np.outer(np.diag(given), np.diag(given)))
        np.testing.assert_allclose(whole.loc[order, order] / scale, given / scale, atol=1e-9)


def test_not_positive_definite() -> None:
    for convention in CONVENTIONS:
        with pytest.raises(EstimationError, match="not positive definite"):
            fit_case(load_case("gee_sitka89_unstr"), convention)
