"""Profile and bootstrap intervals of linear mixed models."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
import pytest

from tasks.errors import EstimationError
from tasks.models.linear_mixed.lmm import LmmFit, lmm
from tasks.models.linear_mixed.lmm_profile import profile_variances
from tests.refs.reference import case_ids, load_case, load_data

pytestmark = pytest.mark.published

PROFILED = [name for name in case_ids("lmm") if load_case(name).get("profile_ci_ML")]


@functools.cache
def fitted(name: str, reml: bool = False) -> LmmFit:
    case = load_case(name)
    return lmm(case["model"]["lme4"], load_data(case), reml=reml)


@pytest.mark.parametrize("name", PROFILED)
def test_profile_of_the_likelihood(name: str) -> None:
    """lme4's profile interpolates with splines: about four digits, relative to the interval's width."""
    expected = load_case(name)["profile_ci_ML"]["ci"]
    found = fitted(name).profile()
    assert expected
    for parameter, ends in expected.items():
        width = ends[1] - ends[0]
        np.testing.assert_allclose(found.loc[parameter, ["lower", "upper"]], ends, rtol=0, atol=5e-4 * width)


def test_after_reml_the_full_likelihood_is_profiled() -> None:
    after_reml = fitted("lmm_rail_reml", reml=True).profile()
    np.testing.assert_allclose(after_reml, fitted("lmm_rail_reml").profile(), rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["lmm_sleepstudy_slope_reml", "lmm_pastes_nested_reml", "lmm_dyestuff2_reml", "lmm_rho1_reml"]
)
@pytest.mark.parametrize("reml", [True, False])
def test_the_rise_is_the_least_over_all_other_parameters(name: str, reml: bool) -> None:
    """At the interval's ends the criterion is 3.84 higher, and no random start finds less."""
    fit = fitted(name, reml)
    rng = np.random.default_rng(1)
    inside_the_bounds = 0
    for profile in profile_variances(fit.optimum):
        for end in profile.interval(0.95):
            if profile.lower < end < profile.upper:
                assert profile.rise(end) == pytest.approx(3.841458820694124, rel=1e-6)
                inside_the_bounds += 1
        # a value between the estimate and an end is within: and from cold, the same
        inside = 0.5 * (profile.estimate + profile.interval(0.95)[1])
        if np.isfinite(inside):
            warm = profile.rise(inside)
            far = profile.estimate + (inside - profile.estimate) * rng.uniform(1.2, 1.6)
            if profile.lower < far < profile.upper:
                profile.rise(far)
            assert profile.rise(inside) == pytest.approx(warm, abs=1e-7)
            assert -1e-8 < warm < 3.85
    assert inside_the_bounds >= len(profile_variances(fit.optimum))


@pytest.mark.slow
def test_ends_on_the_boundary_are_said_as_such() -> None:
    found = fitted("lmm_pastes_nested_reml").varcomp_intervals()
    assert found.loc["sd_(Intercept)|batch", "lower"] == 0.0
    assert found.loc["icc|batch", "lower"] == 0.0
    found = fitted("lmm_rho1_reml").varcomp_intervals()
    assert found.loc["cor_time.(Intercept)|clinic", "upper"] == 1.0
    assert found.loc["cor_time.(Intercept)|clinic", "lower"] > 0.0


def test_share_of_variance_follows_the_ratio_of_variances_in_a_one_way_layout() -> None:
    """With one group the share is a function of θ alone, so its profile is the criterion itself."""
    fit = fitted("lmm_dyestuff_reml")
    lower, upper = fit.varcomp_intervals().loc["icc|Batch", ["lower", "upper"]]
    criterion = fit.optimum.point.criterion
    for share in (lower, upper):
        theta = np.sqrt(np.array([share / (1.0 - share)]))
        rise = criterion.at_theta(theta).value - fit.optimum.point.value
        assert rise == pytest.approx(3.841458820694124, rel=1e-7)


def test_levels_are_nested() -> None:
    fit = fitted("lmm_sleepstudy_slope_reml")
    wide, narrow = fit.varcomp_intervals(level=0.99), fit.varcomp_intervals(level=0.8)
    assert (wide["lower"] < narrow["lower"]).all()
    assert (wide["upper"] > narrow["upper"]).all()


def test_the_restricted_likelihood_needs_a_reml_fit() -> None:
    found = fitted("lmm_rail_reml", reml=True).varcomp_intervals(likelihood="restricted")
    assert found.loc["sd_(Intercept)|Rail", "upper"] > 45.6  # wider than the full likelihood's
    with pytest.raises(EstimationError, match="restricted likelihood"):
        fitted("lmm_rail_reml").varcomp_intervals(likelihood="restricted")
    with pytest.raises(EstimationError, match="bootsrap"):
        fitted("lmm_rail_reml").varcomp_intervals("bootsrap")  # type: ignore[arg-type]


@pytest.mark.before_release
@pytest.mark.slow
def test_parametric_draws_have_the_distribution_of_the_model() -> None:
    """Balanced one-way layout: mean squares are scaled χ², so σ̂² by REML has a known distribution."""
    fit = fitted("lmm_rail_reml", reml=True)
    found = fit.varcomp_intervals("bootstrap", draws=1500)
    # σ̂² = MSW here (τ̂² > 0 in all draws): 12 MSW/σ² ~ χ²₁₂
    expected = fit.sigma * np.sqrt(np.array([4.403789, 23.336664]) / 12.0)
    np.testing.assert_allclose(found.loc["sigma", ["lower", "upper"]].to_numpy(), expected, rtol=0.03)
    again = fit.varcomp_intervals("bootstrap", draws=40, seed=3)
    pd.testing.assert_frame_equal(again, fit.varcomp_intervals("bootstrap", draws=40, seed=3))


@pytest.mark.slow
def test_clusters_are_drawn_at_the_coarsest_level() -> None:
    fit = fitted("lmm_pastes_nested_reml", reml=True)
    found = fit.varcomp_intervals("bootstrap", draws=60, resampling="clusters")
    assert (found["lower"] <= found["upper"]).all()
    assert (found["lower"] <= found["estimate"]).all()


@pytest.mark.slow
def test_crossed_factors_have_no_clusters_to_draw() -> None:
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"a": rng.integers(0, 6, 90), "b": rng.integers(0, 5, 90), "y": rng.normal(size=90)})
    fit = lmm("y ~ 1 + (1 | a) + (1 | b)", data, df="normal")
    with pytest.raises(EstimationError, match="cross"):
        fit.varcomp_intervals("bootstrap", draws=5, resampling="clusters")
    assert len(fit.varcomp_intervals("bootstrap", draws=5)) == 5
    assert (fit.varcomp_intervals()["upper"] > 0.0).all()
