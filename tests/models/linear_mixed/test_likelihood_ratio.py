"""Likelihood-ratio tests: references on the boundary, and comparisons that are refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tasks.errors import EstimationError
from tasks.models.generalized_mixed.glmm import glmm
from tasks.models.linear_mixed.likelihood_ratio import _projected_p, likelihood_ratio
from tasks.models.linear_mixed.lmm import lmm
from tests.refs.reference import load_data

pytestmark = pytest.mark.published

SLEEP = load_data("sleepstudy")


def test_fixed_effects_by_maximum_likelihood() -> None:
    null = lmm("Reaction ~ 1 + (Days | Subject)", SLEEP, reml=False)
    full = lmm("Reaction ~ Days + (Days | Subject)", SLEEP, reml=False)
    test = likelihood_ratio(null, full)
    # Bates et al. (2015) §5.1: χ²(1) = 23.537
    assert test.statistic == pytest.approx(23.537, abs=5e-4)
    assert test.p == pytest.approx(stats.chi2.sf(test.statistic, 1))
    assert likelihood_ratio(full, null).statistic == test.statistic
    assert "χ² with 1 df" in str(test)


def test_a_first_slope_is_half_one_and_half_two_degrees() -> None:
    null = lmm("Reaction ~ Days + (1 | Subject)", SLEEP)
    full = lmm("Reaction ~ Days + (Days | Subject)", SLEEP)
    test = likelihood_ratio(null, full)
    assert test.weights == {1: 0.5, 2: 0.5}
    expected = 0.5 * stats.chi2.sf(test.statistic, 1) + 0.5 * stats.chi2.sf(test.statistic, 2)
    assert test.p == pytest.approx(expected, rel=1e-12)


def test_a_variance_of_its_own_is_half_zero_and_half_one() -> None:
    null = lmm("Reaction ~ Days + (1 | Subject)", SLEEP)
    full = lmm("Reaction ~ Days + (Days || Subject)", SLEEP)
    test = likelihood_ratio(null, full)
    assert test.weights == {0: 0.5, 1: 0.5}
    assert test.p == pytest.approx(0.5 * stats.chi2.sf(test.statistic, 1), rel=1e-12)
    correlated = lmm("Reaction ~ Days + (Days | Subject)", SLEEP)
    assert likelihood_ratio(full, correlated).weights == {1: 1.0}


def test_a_zero_variance_has_p_one() -> None:
    data = load_data("Pastes")
    data["part"] = np.arange(len(data)) % 4
    null = lmm("strength ~ 1 + (1 | sample)", data)
    full = lmm("strength ~ 1 + (1 | sample) + (1 | part)", data)
    assert full.singular
    assert likelihood_ratio(null, full).p == 1.0


@pytest.mark.slow
def test_two_variances_at_once_by_projection() -> None:
    data = load_data("sim_clinic3")
    null = lmm("sbp ~ age10 + (1 | region)", data)
    independent = lmm("sbp ~ age10 + (1 | region) + (treated || clinic)", data)
    correlated = lmm("sbp ~ age10 + (1 | region) + (treated | clinic)", data)
    for full, most in ((independent, 2), (correlated, 3)):
        test = likelihood_ratio(null, full)
        # between the extremes that hold for any cone with one variance, and with all dimensions
        assert 0.5 * stats.chi2.sf(test.statistic, 1) < test.p
        bound = 0.5 * (stats.chi2.sf(test.statistic, most - 1) + stats.chi2.sf(test.statistic, most))
        assert test.p <= bound


@pytest.mark.parametrize("correlation", [-0.6, 0.0, 0.5])
def test_the_projection_on_a_quadrant_has_its_known_mixture(correlation: float) -> None:
    """Self & Liang (1987) case 7: weights ½ − w, ½, w with w = arccos(ρ)/2π, ρ the estimates' correlation."""
    covariance = np.array([[1.0, correlation], [correlation, 1.0]])
    boundary = [("a", "x", "x"), ("b", "x", "x")]
    both = 0.5 - np.arccos(correlation) / (2.0 * np.pi)
    for statistic in (0.5, 3.0, 12.0):
        expected = 0.5 * stats.chi2.sf(statistic, 1) + both * stats.chi2.sf(statistic, 2)
        found = _projected_p(statistic, np.linalg.inv(covariance), boundary, 0)
        assert found == pytest.approx(expected, rel=0.05)


def test_the_projection_on_a_cone_agrees_with_the_quadrant_where_they_are_the_same() -> None:
    """A 2 × 2 covariance under a metric without cross terms: simulated directly by a fine search."""
    boundary = [("a", "x", "x"), ("a", "x", "y"), ("a", "y", "y")]
    metric = np.diag([1.0, 2.0, 1.0])  # Frobenius: the projection cuts negative eigenvalues off
    rng = np.random.default_rng(5)
    z = rng.standard_normal((200_000, 3)) / np.sqrt(np.diag(metric))
    matrices = np.array([[z[:, 0], z[:, 1]], [z[:, 1], z[:, 2]]]).transpose(2, 0, 1)
    squares = np.sum(np.maximum(np.linalg.eigvalsh(matrices), 0.0) ** 2, axis=1)
    for statistic in (1.0, 4.0):
        found = _projected_p(statistic, metric, boundary, 0)
        assert found == pytest.approx(float(np.mean(squares >= statistic)), rel=0.05)


def test_generalized_models_compare_too() -> None:
    data = load_data("cbpp_bernoulli")
    full = glmm("y ~ period + (1 | herd)", data, family="binomial", nodes=1)
    null = glmm("y ~ 1 + (1 | herd)", data, family="binomial", nodes=1)
    test = likelihood_ratio(null, full)
    assert test.df == 3
    assert full.loglik is not None
    assert null.loglik is not None
    assert test.statistic == pytest.approx(2.0 * (full.loglik - null.loglik))
    with pytest.raises(EstimationError, match="Laplace"):
        likelihood_ratio(glmm("y ~ 1 + (1 | herd)", data, family="binomial", nodes=7), full)
    with pytest.raises(EstimationError, match="different kinds"):
        likelihood_ratio(lmm("y ~ 1 + (1 | herd)", data), full)


def test_comparisons_that_mean_nothing_are_refused() -> None:
    by_reml = lmm("Reaction ~ Days + (1 | Subject)", SLEEP)
    with pytest.raises(EstimationError, match="different fixed effects"):
        likelihood_ratio(lmm("Reaction ~ 1 + (1 | Subject)", SLEEP), by_reml)
    with pytest.raises(EstimationError, match="maximum likelihood"):
        likelihood_ratio(by_reml, lmm("Reaction ~ Days + (Days | Subject)", SLEEP, reml=False))
    with pytest.raises(EstimationError, match="same data"):
        likelihood_ratio(by_reml, lmm("Reaction ~ Days + (Days | Subject)", SLEEP.iloc[:-10]))
    changed = SLEEP.assign(Reaction=SLEEP["Reaction"].to_numpy()[::-1] * 1.01)
    with pytest.raises(EstimationError, match="same data"):
        likelihood_ratio(by_reml, lmm("Reaction ~ Days + (Days | Subject)", changed))
    other = SLEEP.assign(half=np.arange(len(SLEEP)) % 7)
    with pytest.raises(EstimationError, match="neither model contains"):
        likelihood_ratio(
            lmm("Reaction ~ Days + (1 | half)", other), lmm("Reaction ~ Days + (Days | Subject)", other)
        )
    with pytest.raises(EstimationError, match="neither model contains"):
        likelihood_ratio(
            lmm("Reaction ~ Days + (1 | Subject)", SLEEP, reml=False),
            lmm("Reaction ~ I(Days^2) + (Days | Subject)", SLEEP, reml=False),
        )
