"""The analytic Hessian of Laplace's likelihood against differences of its exact gradient."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from models.generalized_mixed.test_glmm_properties import FORMULAS, network

from tasks.models.generalized_mixed.families import CellOutcome
from tasks.models.generalized_mixed.glmm_cells import ArrangedCells
from tasks.models.generalized_mixed.laplace import GroupedLikelihood
from tasks.records import cells_for

SETTINGS = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
FAMILIES = st.sampled_from(["binomial", "poisson", "negative-binomial"])
MORE_FORMULAS = (
    *FORMULAS,
    "y ~ x + t + (0 + x | clinic)",
    "y ~ x + t + (1 | clinic) + (0 + t | clinic) + (x + t | region)",
    "y ~ x + t + (x | clinic) + (1 | doctor)",
    "y ~ x + t + (t | doctor) + (0 + x | clinic)",
)
EIGHTH_ORDER = {1: 4 / 5, 2: -1 / 5, 3: 4 / 105, 4: -1 / 280}


def likelihood_of(formula: str, seed: int, family: str) -> GroupedLikelihood:
    data = network(seed, family, rows=80)
    design, cells = cells_for(formula, data, collapse=family != "negative-binomial")
    return ArrangedCells.of(design, cells, family).grouped()


def somewhere(likelihood: GroupedLikelihood, seed: int) -> np.ndarray:
    """A point that is no maximum."""
    rng = np.random.default_rng(seed)
    theta = rng.uniform(0.2, 1.0, likelihood.n_theta)
    size = [rng.normal(scale=0.5)] if likelihood.outcome.has_size else []
    return np.concatenate((theta, rng.normal(scale=0.4, size=likelihood.x.size), size))


def differenced(likelihood: GroupedLikelihood, at: np.ndarray, width: float = 0.01) -> np.ndarray:
    """By differences of eighth order of the exact gradient."""
    here = likelihood.evaluate(at)
    rows = []
    for move in width * np.eye(at.size):
        pairs = {
            k: [likelihood.evaluate(at + sign * k * move, 1, here).gradient for sign in (1, -1)]
            for k in EIGHTH_ORDER
        }
        rows.append(sum(weight * (pairs[k][0] - pairs[k][1]) for k, weight in EIGHTH_ORDER.items()) / width)
    return np.array(rows)


@pytest.mark.slow
@SETTINGS
@given(seed=st.integers(0, 10_000), formula=st.sampled_from(MORE_FORMULAS), family=FAMILIES)
def test_the_hessian_is_that_of_the_gradient(seed, formula, family):
    likelihood = likelihood_of(formula, seed, family)
    at = somewhere(likelihood, seed)
    analytic = likelihood.evaluate_exactly(at, None).hessian
    scale = np.abs(analytic).max()
    np.testing.assert_allclose(analytic, differenced(likelihood, at), rtol=1e-7, atol=1e-8 * scale)


@pytest.mark.slow
@SETTINGS
@given(seed=st.integers(0, 10_000), formula=st.sampled_from(MORE_FORMULAS), family=FAMILIES)
def test_only_the_coefficients_block_of_the_working_hessian_is_not_exact(seed, formula, family):
    likelihood = likelihood_of(formula, seed, family)
    at = somewhere(likelihood, seed)
    working, exact = likelihood.evaluate(at).hessian, likelihood.evaluate_exactly(at, None).hessian
    coefficients = np.arange(likelihood.n_theta, likelihood.n_theta + likelihood.x.size)
    apart = np.ix_(coefficients, coefficients)
    assert not np.allclose(working[apart], exact[apart], rtol=1e-12)
    working[apart] = exact[apart]
    np.testing.assert_allclose(working, exact, rtol=1e-12, atol=1e-12)


@pytest.mark.slow
@SETTINGS
@given(seed=st.integers(0, 10_000), formula=st.sampled_from(MORE_FORMULAS), family=FAMILIES)
def test_the_modes_move_by_their_slopes(seed, formula, family):
    likelihood = likelihood_of(formula, seed, family)
    at = somewhere(likelihood, seed)
    here = likelihood.evaluate(at)
    for move, slope in zip(1e-3 * np.eye(at.size), here.mode_slopes, strict=True):
        up, down = (likelihood.evaluate(at + sign * move, 1, here).modes for sign in (1, -1))
        np.testing.assert_allclose((up - down) / 2e-3, slope, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("formula", MORE_FORMULAS)
def test_a_singular_covariance_is_no_special_case(formula):
    """ℓ is even in a lone θ, so with one at zero only its own second derivative is left of its row."""
    likelihood = likelihood_of(formula, 7, "binomial")
    at = somewhere(likelihood, 7)
    at[0] = 0.0
    exact = likelihood.evaluate_exactly(at, None).hessian
    np.testing.assert_allclose(exact, differenced(likelihood, at), rtol=1e-7, atol=1e-8 * np.abs(exact).max())
    if likelihood.arrangement.terms[0].size == 1:
        np.testing.assert_allclose(np.delete(exact[0], 0), 0.0, atol=1e-12)


@pytest.mark.parametrize("log_size", [-1.0, 0.0, 2.0])
def test_derivatives_in_the_size_of_a_negative_binomial(log_size):
    counts, rows = np.array([0.0, 1.0, 4.0, 9.0]), np.array([2.0, 1.0, 3.0, 1.0])
    outcome = CellOutcome("negative-binomial", counts * rows, rows, 0.0, counts=np.vstack([counts, rows]))
    eta, width = np.array([-2.0, 0.3, 1.0, 4.0]), 0.01

    def at(change: float) -> CellOutcome:
        return replace(outcome, log_size=log_size + change)

    def slope(of, *more):
        return (
            sum(
                weight * (np.array(of(at(k * width), *more)) - np.array(of(at(-k * width), *more)))
                for k, weight in EIGHTH_ORDER.items()
            )
            / width
        )

    close = {"rtol": 1e-10, "atol": 1e-10}
    np.testing.assert_allclose(at(0.0).size_slopes(eta)[1:], slope(CellOutcome.derivatives, eta)[:3], **close)
    np.testing.assert_allclose(at(0.0).size_slopes(eta)[0], slope(CellOutcome.density, eta), **close)
    curvatures, slopes = at(0.0).size_curvatures(eta), slope(CellOutcome.size_slopes, eta)
    np.testing.assert_allclose(curvatures, slopes[:3], **close)
    np.testing.assert_allclose(at(0.0).log_constant_slope(), slope(CellOutcome.log_constant), **close)
    np.testing.assert_allclose(
        at(0.0).log_constant_curvature(), slope(CellOutcome.log_constant_slope), **close
    )
