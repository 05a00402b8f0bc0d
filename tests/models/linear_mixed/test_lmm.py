"""Linear mixed models against the reference cases: estimates, inference, effects, predictions."""

from __future__ import annotations

import functools
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.errors import EstimationError
from tasks.models.linear_mixed.lmm import LmmFit, lmm, lmm_from_moments
from tasks.records import moments_for
from tests.refs.reference import case_ids, load_case, load_data

pytestmark = pytest.mark.published

CASES = case_ids("lmm")
every_case = pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow) if "insteval" in name else name for name in CASES],
)


@functools.cache
def fitted(name: str, df: str = "satterthwaite") -> LmmFit:
    case = load_case(name)
    reml = case["model"]["method"] == "REML"
    return lmm(case["model"]["lme4"], load_data(case), reml=reml, df=df)


def _values(found: Any) -> np.ndarray:
    return np.array(list(found.values()) if isinstance(found, dict) else found, dtype=float)


def _same_p(fit: LmmFit, expected: Any) -> None:
    """A far tail multiplies errors of t and df, so p is compared on the log scale."""
    tiny = np.finfo(float).tiny
    found, wanted = np.log(fit.p_values + tiny), np.log(_values(expected) + tiny)
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)


def _columns(case: dict[str, Any]) -> list[str]:
    """The columns of the data that the case's formula names."""
    words = set(re.findall(r"\w+", case["model"]["lme4"]))
    return [name for name in load_data(case).columns if name in words]


def _with(what: str) -> list[str]:
    return [name for name in CASES if (load_case(name).get("inference") or {}).get(what)]


@every_case
def test_estimates(name: str) -> None:
    case, fit = load_case(name), fitted(name)
    expected = case["expected"]
    coef, se = _values(expected["fixef"]), _values(expected["se"])
    assert list(fit.coef.index) == list(expected["fixef"])
    assert np.max(np.abs(fit.coef.to_numpy() - coef) / np.maximum(np.abs(coef), se)) < 1e-10
    np.testing.assert_allclose(fit.se.to_numpy(), se, rtol=1e-8)
    np.testing.assert_allclose(
        fit.vcov.to_numpy(), np.array(expected["vcov_fixef"]), rtol=1e-7, atol=1e-9 * se.max() ** 2
    )
    assert fit.sigma2 == pytest.approx(expected["residual_variance"], rel=1e-9)
    assert fit.loglik == pytest.approx(expected["logLik"], abs=1e-9 * abs(expected["logLik"]))
    assert fit.aic == pytest.approx(expected["AIC"], rel=1e-9)
    assert fit.bic == pytest.approx(expected["BIC"], rel=1e-9)
    assert fit.converged
    assert fit.singular == expected["singular"]
    assert fit.n_obs == case["n_obs"]
    assert fit.dropped.n_rows == case["n_rows_dropped_missing"]
    assert dict(fit.n_groups) == case["n_clusters"]


@every_case
def test_variance_components(name: str) -> None:
    fit = fitted(name)
    expected = load_case(name)["expected"]["varcomp"]
    # lme4 numbers further terms of one factor
    assert {group.removesuffix(".1") for group in expected} == set(fit.varcomp)
    for group, component in expected.items():
        columns = component["columns"]
        found = fit.varcomp[group].loc[columns, columns].to_numpy()
        covariance = np.array(component["covariance"])
        sd = np.sqrt(np.diag(covariance))
        np.testing.assert_array_less(np.abs(found - covariance), 1e-8 * np.outer(sd, sd) + 1e-15)


@every_case
def test_relative_cholesky_factor(name: str) -> None:
    expected = np.array(load_case(name)["expected"]["theta"], dtype=float).ravel()
    found = fitted(name).theta.to_numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-8 * max(expected.max(), 1.0))


@every_case
def test_random_effects_and_predictions(name: str) -> None:
    case, fit = load_case(name), fitted(name)
    expected = case["expected"]
    assert set(expected["blup"]) == set(fit.ranef)
    for group, blup in expected["blup"].items():
        frame, columns = fit.ranef[group], blup["columns"]
        kind = type(frame.index[0] if len(columns) == 1 else frame.index[0][0])
        ids = [kind(each) for each in blup["ids"]]
        index = ids if len(columns) == 1 else [(each, column) for each in ids for column in columns]
        for column, reference in (("estimate", "values"), ("sd", "condsd")):
            wanted = np.array(blup[reference])[: len(ids)].ravel()
            found = frame.loc[index, column].to_numpy()
            np.testing.assert_allclose(found, wanted, rtol=1e-8, atol=2e-9 * max(np.abs(wanted).max(), 1e-12))
        assert len(frame) == blup["n_clusters"] * len(columns)
    used = load_data(case).dropna(subset=_columns(case))
    assert len(used) == case["n_obs"]
    conditional = fit.predict(used).to_numpy()
    np.testing.assert_allclose(conditional[:10], expected["fitted_first10"], rtol=1e-8)


@pytest.mark.parametrize("name", [name for name in CASES if "henderson_pev" in load_case(name)["expected"]])
def test_prediction_errors(name: str) -> None:
    """Henderson's prediction error, in lme4's order: factors by falling number of levels."""
    fit, expected = fitted(name), load_case(name)["expected"]
    order = sorted(expected["blup"], key=lambda group: -fit.n_groups[group])
    frames = [fit.ranef[group]["prediction_sd"] for group in order]
    if name == "lmm_sleepstudy_uncorr_reml":  # two terms of one factor: all intercepts, then all slopes
        frames = [frames[0].xs(effect, level="effect") for effect in ("(Intercept)", "Days")]
    found = np.concatenate([frame.to_numpy() for frame in frames])
    np.testing.assert_allclose(found, expected["henderson_pev"]["sd"], rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("name", _with("satterthwaite"))
def test_satterthwaite(name: str) -> None:
    """The references come from a numerical Hessian: seven digits."""
    expected = load_case(name)["inference"]["satterthwaite"]
    fit = fitted(name)
    np.testing.assert_allclose(fit.df.to_numpy(), _values(expected["df"]), rtol=1e-6)
    np.testing.assert_allclose((fit.coef / fit.se).to_numpy(), _values(expected["t"]), rtol=1e-6, atol=1e-12)
    _same_p(fit, expected["p"])


@pytest.mark.parametrize("name", _with("kenward_roger"))
def test_kenward_roger(name: str) -> None:
    expected = load_case(name)["inference"]["kenward_roger"]
    fit = fitted(name, "kenward-roger")
    np.testing.assert_allclose(fit.df.to_numpy(), _values(expected["df"]), rtol=1e-7)
    np.testing.assert_allclose(fit.se.to_numpy(), _values(expected["se"]), rtol=1e-6)
    _same_p(fit, expected["p"])


@every_case
def test_shares_of_variance(name: str) -> None:
    expected, fit = load_case(name)["expected"], fitted(name)
    icc = expected["icc"]
    if "intercept_based" in icc:
        assert fit.icc.sum() == pytest.approx(icc["intercept_based"], rel=1e-8)
    elif name == "lmm_sleepstudy_uncorr_reml":  # the reference counts the slopes' variance as a share there
        between = expected["varcomp"]["Subject"]["covariance"][0][0]
        share = between / (between + expected["residual_variance"])
        assert fit.icc["Subject"] == pytest.approx(share, rel=1e-8)
    else:
        for group in fit.varcomp:
            assert fit.icc[group] == pytest.approx(icc[group], rel=1e-8, abs=1e-12)
        assert fit.icc.sum() == pytest.approx(icc["total_clustered"], rel=1e-8, abs=1e-12)


def test_moments_do_as_well_as_rows() -> None:
    data = load_data("sleepstudy")
    design, moments = moments_for("Reaction ~ Days + (Days | Subject)", data)
    again = lmm_from_moments(design, moments)
    assert again.loglik == fitted("lmm_sleepstudy_slope_reml").loglik


def test_marginal_predictions_leave_the_groups_out() -> None:
    fit = fitted("lmm_sleepstudy_slope_reml")
    new = pd.DataFrame({"Days": [0.0, 4.0, 4.0], "Subject": ["308", "308", "nobody"]})
    marginal = fit.predict(new, kind="marginal").to_numpy()
    np.testing.assert_allclose(marginal, [fit.coef.iloc[0], *[fit.coef @ [1.0, 4.0]] * 2])
    conditional = fit.predict(new).to_numpy()
    own = fit.ranef["Subject"]["estimate"]["308"]
    np.testing.assert_allclose(conditional[:2] - marginal[:2], [own.iloc[0], own @ [1.0, 4.0]])
    assert conditional[2] == marginal[2]
    without_groups = fit.predict(new[["Days"]], kind="conditional").to_numpy()
    np.testing.assert_allclose(without_groups, marginal)
    with pytest.raises(EstimationError, match="marginal"):
        fit.predict(new, kind="margnal")  # type: ignore[arg-type]


def test_the_weight_is_the_shrinkage_of_the_clinics_own_mean() -> None:
    fit = fitted("lmm_dyestuff_reml")
    n, tau2 = 5, fit.varcomp["Batch"].iloc[0, 0]
    own = load_data("Dyestuff").groupby("Batch", observed=True)["Yield"].mean() - fit.coef.iloc[0]
    weight = n * tau2 / (n * tau2 + fit.sigma2)
    np.testing.assert_allclose(fit.ranef["Batch"]["weight"], weight, rtol=1e-12)
    np.testing.assert_allclose(fit.ranef["Batch"]["estimate"], weight * own, rtol=1e-9)


def test_several_contrasts_at_once() -> None:
    """F tests: Satterthwaite's and Kenward–Roger's agree in a balanced design, and with the printed ANOVA."""
    for df in ("satterthwaite", "kenward-roger"):
        wald = fitted("lmm_machines_nested_reml", df).test(["MachineB", "MachineC"])
        # Pinheiro & Bates (2000) §1.3: F(2, 10) = 20.5761
        assert wald.statistic == pytest.approx(20.5761, abs=5e-4)
        assert wald.df == pytest.approx(10.0, abs=1e-5)
        assert wald.df_num == 2


def test_one_contrast() -> None:
    fit = fitted("lmm_sleepstudy_slope_reml")
    wald = fit.test({"(Intercept)": 1.0, "Days": 5.0})
    weights = np.array([1.0, 5.0])
    assert float(wald.estimate.iloc[0]) == pytest.approx(float(fit.coef @ weights))
    assert wald.statistic == pytest.approx(fit.coef @ weights / np.sqrt(weights @ fit.vcov @ weights))
    assert wald.df == pytest.approx(17.0, abs=1e-6)


def test_a_normal_reference_when_asked() -> None:
    fit = lmm("Reaction ~ Days + (1 | Subject)", load_data("sleepstudy"), df="normal")
    assert np.all(np.isinf(fit.df))
    expected = load_case("lmm_sleepstudy_ri_reml")["expected"]["wald_ci95"]
    np.testing.assert_allclose(fit.conf_int().to_numpy(), list(expected.values()), rtol=1e-8)


def test_the_summary_is_one_page_and_names_the_estimand() -> None:
    text = fitted("lmm_clinic3_nested_reml").summary()
    for words in (
        "1,263 rows",
        "67 groups by clinic:region",
        "Estimand: conditional",
        "treated",
        "Share of variance",
    ):
        assert words in text
    assert len(text.splitlines()) < 60


@pytest.mark.slow
def test_the_record_of_the_optimum_is_kept() -> None:
    for name in CASES:
        record = fitted(name).record
        assert record.criterion == pytest.approx(-2.0 * fitted(name).loglik)
        assert record.gradient_norm < 1e-5
        assert record.iterations < 100  # a singular fit looks again from other starts


def test_no_fixed_effects_at_all() -> None:
    data = load_data("sleepstudy").assign(change=lambda d: d["Reaction"] - d["Reaction"].mean())
    fit = lmm("change ~ 0 + (1 | Subject)", data, reml=False)
    assert len(fit.coef) == 0
    assert fit.converged
    assert fit.varcomp["Subject"].iloc[0, 0] > 0.0


@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_a_model_without_an_intercept_whose_columns_add_up_to_one(shift: float) -> None:
    """`0 + Machine` spans the constant: the same fit as with an intercept, also far from zero."""
    data = load_data("Machines").assign(score=lambda d: d["score"] + shift)
    apart = lmm("score ~ 0 + Machine + (1 | Worker)", data)
    treatment = lmm("score ~ Machine + (1 | Worker)", data)
    assert list(apart.coef.index) == ["MachineA", "MachineB", "MachineC"]
    means = treatment.coef.iloc[0] + np.array([0.0, *treatment.coef.iloc[1:]])
    np.testing.assert_allclose(apart.coef, means, rtol=1e-12)
    np.testing.assert_allclose(apart.se.iloc[0], treatment.se.iloc[0], rtol=1e-8)
    assert apart.loglik == pytest.approx(treatment.loglik, rel=1e-9)
    assert apart.sigma2 == pytest.approx(treatment.sigma2, rel=1e-8)


def test_an_offset_is_taken_off_the_outcome_and_put_back_in_predictions() -> None:
    data = load_data("sleepstudy")
    plain = lmm("Reaction ~ Days + (1 | Subject)", data)
    moved = lmm("Reaction ~ Days + offset(3 * Days) + (1 | Subject)", data)
    assert moved.coef["Days"] == pytest.approx(plain.coef["Days"] - 3.0, rel=1e-9)
    np.testing.assert_allclose(moved.predict(data), plain.predict(data), rtol=1e-9)
