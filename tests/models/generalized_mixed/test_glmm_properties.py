"""What must not change a mixed model, and what must change it in a known way."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.models.generalized_mixed.families import CellOutcome
from tasks.models.generalized_mixed.glmm import glmm, glmm_from_cells
from tasks.models.generalized_mixed.glmm_cells import ArrangedCells
from tasks.models.generalized_mixed.laplace_point import LaplacePoint
from tasks.models.generalized_mixed.quadrature import ScalarLikelihood
from tasks.models.generalized_mixed.quadrature_chunk import hermite_rule
from tasks.records import cells_for

SETTINGS = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])

FORMULAS = (
    "y ~ x + t + (1 | clinic)",
    "y ~ x + t + (x | clinic)",
    "y ~ x + t + (1 | region/clinic)",
    "y ~ x + t + (1 | clinic) + (1 | doctor)",
)


def network(seed: int, family: str, clinics: int = 12, rows: int = 240) -> pd.DataFrame:
    """A network in which every model above has an inside maximum or a clean boundary."""
    rng = np.random.default_rng(seed)
    clinic = rng.integers(0, clinics, rows)
    x = np.round(rng.normal(size=rows), 1)
    t = rng.integers(0, 2, rows).astype(float)
    doctor = rng.integers(0, 5, rows)
    eta = (
        -0.2
        + 0.5 * x
        + 0.4 * t
        + rng.normal(scale=0.9, size=clinics)[clinic]
        + 0.4 * rng.normal(size=5)[doctor]
    )
    y = rng.random(rows) < 1 / (1 + np.exp(-eta)) if family == "binomial" else rng.poisson(np.exp(0.5 * eta))
    names = np.array([f"c{i:02d}" for i in range(clinics)])
    return pd.DataFrame(
        {
            "y": y.astype(int),
            "x": x,
            "t": t,
            "clinic": names[clinic],
            "region": np.where(clinic % 3 == 0, "north", np.where(clinic % 3 == 1, "south", "west")),
            "doctor": doctor,
        }
    )


def same(left, right, *, rtol=1e-6, scale=None):
    """Two fits agree, coefficients to a part of their standard error."""
    assert left.loglik == pytest.approx(right.loglik, rel=1e-9, abs=1e-8)
    order = list(left.coef.index)
    distance = (left.coef - right.coef[order] * (1.0 if scale is None else scale)).abs() / left.se
    assert distance.max() < rtol
    for group in left.varcomp:
        np.testing.assert_allclose(left.varcomp[group], right.varcomp[group], rtol=1e-4, atol=1e-6)


@pytest.mark.slow
@SETTINGS
@given(
    seed=st.integers(0, 10_000),
    formula=st.sampled_from(FORMULAS),
    family=st.sampled_from(["binomial", "poisson"]),
)
def test_row_order_does_not_matter(seed, formula, family):
    data = network(seed, family)
    shuffled = data.sample(frac=1.0, random_state=seed)
    same(glmm(formula, data, family=family, nodes=1), glmm(formula, shuffled, family=family, nodes=1))


@pytest.mark.slow
@SETTINGS
@given(seed=st.integers(0, 10_000), family=st.sampled_from(["binomial", "poisson"]))
def test_labels_do_not_matter(seed, family):
    data = network(seed, family)
    rng = np.random.default_rng(seed)
    renamed = {
        name: f"z{place}"
        for place, name in zip(rng.permutation(12), sorted(data["clinic"].unique()), strict=False)
    }
    other = data.assign(clinic=data["clinic"].map(renamed))
    formula = "y ~ x + t + (1 | clinic)"
    left, right = glmm(formula, data, family=family), glmm(formula, other, family=family)
    same(left, right)
    moved = right.ranef["clinic"].loc[[renamed[name] for name in left.ranef["clinic"].index]]
    np.testing.assert_allclose(left.ranef["clinic"].to_numpy(), moved.to_numpy(), rtol=1e-6, atol=1e-7)


@pytest.mark.slow
@SETTINGS
@given(
    seed=st.integers(0, 10_000),
    formula=st.sampled_from(FORMULAS),
    shift=st.sampled_from([0.0, 3.0, 2_020.0]),
    factor=st.sampled_from([1e-3, 1.0, 250.0]),
)
def test_shift_and_scale_of_a_covariate(seed, formula, shift, factor):
    data = network(seed, "binomial")
    moved = data.assign(x=factor * data["x"] + shift)
    left, right = glmm(formula, data, nodes=1), glmm(formula, moved, nodes=1)
    assert left.loglik == pytest.approx(right.loglik, rel=1e-9)
    assert right.coef["x"] * factor == pytest.approx(left.coef["x"], abs=1e-5 * left.se["x"])
    assert right.se["x"] * factor == pytest.approx(left.se["x"], rel=1e-5)
    assert right.coef["t"] == pytest.approx(left.coef["t"], abs=1e-5 * left.se["t"])
    # the intercept is the linear predictor where the covariate is zero
    at_zero = right.test({"(Intercept)": 1.0, "x": shift})
    assert at_zero.estimate.iloc[0] == pytest.approx(
        left.coef["(Intercept)"], abs=1e-5 * left.se["(Intercept)"]
    )
    np.testing.assert_allclose(left.predict(data), right.predict(moved), rtol=1e-5)
    np.testing.assert_allclose(left.predict(data, "marginal"), right.predict(moved, "marginal"), rtol=1e-5)


@pytest.mark.slow
@SETTINGS
@given(
    seed=st.integers(0, 10_000),
    formula=st.sampled_from(FORMULAS),
    family=st.sampled_from(["binomial", "poisson"]),
)
def test_cells_give_what_rows_give(seed, formula, family):
    data = network(seed, family, rows=900).assign(x=lambda frame: frame["x"].round().clip(-1, 1))
    design, rows = cells_for(formula, data, collapse=False)
    _, cells = cells_for(formula, data)
    assert len(cells.total) < 0.8 * len(rows.total)
    left = glmm_from_cells(design, rows, family, nodes=1)
    right = glmm_from_cells(design, cells, family, nodes=1)
    same(left, right, rtol=1e-7)
    assert (left.dispersion is None) == (family == "binomial")  # single 0/1 outcomes cannot show it
    if left.dispersion is not None:
        assert left.dispersion.statistic == pytest.approx(right.dispersion.statistic, rel=1e-7)
    # the very same likelihood at any point, not only at the maximum; the columns' centres differ
    values = []
    for arranged in (ArrangedCells.of(design, rows, family), ArrangedCells.of(design, cells, family)):
        beta = np.linalg.solve(arranged.uncentring(), [0.1, 0.2, -0.1])
        likelihood = arranged.grouped()
        values.append(likelihood.evaluate(np.concatenate((np.full(likelihood.n_theta, 0.4), beta)), 1).value)
    assert values[0] == pytest.approx(values[1], rel=1e-12)


@pytest.mark.slow
@SETTINGS
@given(seed=st.integers(0, 10_000), family=st.sampled_from(["binomial", "poisson", "negative-binomial"]))
def test_every_network_twice_halves_the_variances(seed, family):
    """The same clinics again under other names: the same estimates, standard errors smaller by √2."""
    data = network(seed, family)
    twice = pd.concat([data, data.assign(clinic="again " + data["clinic"])], ignore_index=True)
    formula = "y ~ x + t + (1 | clinic)"
    once, double = glmm(formula, data, family=family, nodes=9), glmm(formula, twice, family=family, nodes=9)
    assert double.loglik == pytest.approx(2.0 * once.loglik, rel=1e-9)
    assert ((double.coef - once.coef).abs() / once.se).max() < 1e-6
    np.testing.assert_allclose(double.se * np.sqrt(2.0), once.se, rtol=1e-5)


@pytest.mark.slow
@SETTINGS
@given(seed=st.integers(0, 10_000))
def test_successes_out_of_trials_are_single_outcomes_added(seed):
    data = network(seed, "binomial").assign(x=lambda frame: frame["x"].round())
    counts = data.groupby(["clinic", "x", "t"], as_index=False).agg(y=("y", "sum"), n=("y", "size"))
    counts["share"] = counts["y"] / counts["n"]
    formula = "y ~ x + t + (1 | clinic)"
    single, added = glmm(formula, data, nodes=7), glmm(formula, counts, trials="n", nodes=7)
    share = glmm("share ~ x + t + (1 | clinic)", counts, trials="n", nodes=7)
    assert ((single.coef - added.coef).abs() / single.se).max() < 1e-7
    np.testing.assert_allclose(single.se, added.se, rtol=1e-7)
    np.testing.assert_allclose(added.coef, share.coef, rtol=1e-12)
    assert added.loglik > single.loglik  # by the binomial coefficients, which single outcomes do not have
    assert added.loglik == pytest.approx(share.loglik, rel=1e-12)


@pytest.mark.slow
@SETTINGS
@given(seed=st.integers(0, 10_000), exposure=st.floats(0.1, 50.0))
def test_exposure_shifts_the_intercept_alone(seed, exposure):
    data = network(seed, "poisson").assign(time=exposure, log_time=np.log(exposure))
    formula = "y ~ x + t + (1 | clinic)"
    plain = glmm(formula, data, family="poisson", nodes=1)
    for fit in (
        glmm(formula, data, family="poisson", nodes=1, exposure="time"),
        glmm(formula, data, family="poisson", nodes=1, offset="log_time"),
        glmm(formula + " + offset(log(time))", data, family="poisson", nodes=1),
    ):
        assert fit.loglik == pytest.approx(plain.loglik, rel=1e-10)
        assert fit.coef["(Intercept)"] == pytest.approx(
            plain.coef["(Intercept)"] - np.log(exposure), abs=1e-6 * plain.se["(Intercept)"]
        )
        np.testing.assert_allclose(fit.coef[["x", "t"]], plain.coef[["x", "t"]], atol=1e-7)


@SETTINGS
@given(seed=st.integers(0, 10_000), nodes=st.integers(1, 9), family=st.sampled_from(["binomial", "poisson"]))
def test_derivatives_are_those_of_the_likelihood(seed, nodes, family):
    """Gradient and Hessian against differences, at points that are no maximum."""
    design, cells = cells_for("y ~ x + t + (1 | clinic)", network(seed, family, rows=60))
    likelihood = ArrangedCells.of(design, cells, family).scalar(nodes)
    rng = np.random.default_rng(seed)
    at = np.concatenate(([rng.uniform(0.05, 2.5)], rng.normal(scale=0.5, size=3)))
    here = likelihood.evaluate(at)
    step = 1e-4
    for i in range(at.size):
        move = step * np.eye(at.size)[i]
        values, gradients = [], []
        for k in (-2, -1, 1, 2):
            there = likelihood.evaluate(at + k * move, 1)
            values.append(there.value)
            gradients.append(there.gradient)
        slope = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * step)
        curve = (gradients[0] - 8 * gradients[1] + 8 * gradients[2] - gradients[3]) / (12 * step)
        assert here.gradient[i] == pytest.approx(slope, rel=1e-6, abs=1e-6)
        np.testing.assert_allclose(here.hessian[i], curve, rtol=1e-6, atol=1e-6)


@pytest.mark.slow
@SETTINGS
@given(
    seed=st.integers(0, 10_000),
    formula=st.sampled_from(FORMULAS),
    family=st.sampled_from(["binomial", "poisson"]),
)
def test_laplace_gradient_of_several_effects(seed, formula, family):
    design, cells = cells_for(formula, network(seed, family, rows=80))
    likelihood = ArrangedCells.of(design, cells, family).grouped()
    rng = np.random.default_rng(seed)
    at = np.concatenate((rng.uniform(0.2, 1.2, likelihood.n_theta), rng.normal(scale=0.4, size=3)))
    here = likelihood.evaluate(at, 1)
    for i in range(at.size):
        move = 1e-4 * np.eye(at.size)[i]
        values = [likelihood.evaluate(at + k * move, 1).value for k in (-2, -1, 1, 2)]
        slope = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / 12e-4
        assert here.gradient[i] == pytest.approx(slope, rel=1e-6, abs=1e-6)


@SETTINGS
@given(seed=st.integers(0, 10_000), family=st.sampled_from(["binomial", "poisson", "negative-binomial"]))
def test_two_ways_to_laplace_agree(seed, family):
    """The scalar likelihood with one node, and the general one by elimination."""
    collapse = family != "negative-binomial"
    design, cells = cells_for("y ~ x + t + (1 | clinic)", network(seed, family), collapse=collapse)
    arranged = ArrangedCells.of(design, cells, family)
    at = np.array([0.7, 0.1, 0.3, -0.2] + ([0.5] if family == "negative-binomial" else []))
    scalar, general = arranged.scalar(1).evaluate(at), arranged.grouped().evaluate_exactly(at, None)
    assert scalar.value == pytest.approx(general.value, rel=1e-12)
    np.testing.assert_allclose(scalar.gradient, general.gradient, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(
        scalar.hessian, general.hessian, rtol=1e-5, atol=1e-5 * np.abs(scalar.hessian).max()
    )


@given(sd=st.floats(0.0, 60.0), level=st.floats(-30.0, 8.0), seed=st.integers(0, 1_000))
@settings(max_examples=60, deadline=None)
def test_modes_are_found_from_anywhere(sd, level, seed):
    """However large the SD and however absurd the start, the score at the mode is zero."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 8, 6)
    n = int(sizes.sum())
    for family in ("binomial", "poisson"):
        y = rng.integers(0, 2, n) if family == "binomial" else rng.poisson(5.0, n)
        outcome = CellOutcome(family, y.astype(float), np.ones(n), 0.0)
        starts = np.concatenate(([0], np.cumsum(sizes)))
        likelihood = ScalarLikelihood(np.ones((1, n)), None, np.zeros(n), outcome, starts)
        at = np.array([sd, level])
        far = likelihood.evaluate(np.array([0.5 * sd + 1.0, -level]), 1)
        for near in (None, far):
            here = likelihood.evaluate(at, 1, near)
            assert np.isfinite(here.value)
            first, _ = outcome.slopes(level + np.repeat(sd * here.modes, sizes))
            score = sd * np.add.reduceat(first, starts[:-1]) - here.modes
            assert np.abs(score / here.precision).max() < 1e-6 * (1.0 + np.abs(here.modes).max())


def test_modes_of_crossed_effects_from_an_absurd_start():
    design, cells = cells_for("y ~ x + (x | clinic) + (1 | doctor)", network(4, "poisson"))
    likelihood = ArrangedCells.of(design, cells, "poisson").grouped()
    at = np.array([3.0, 1.0, 2.0, 4.0, 1.0, 0.5])
    near = likelihood.evaluate(np.array([0.01, 0.0, 0.01, 0.01, -9.0, 3.0]), 1)
    cold, warm = LaplacePoint(likelihood, at, None), LaplacePoint(likelihood, at, near)
    for left, right in zip(cold.effects, warm.effects, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("nodes", [1, 2, 3, 7, 25, 75, 151, 201, 400])
def test_hermite_rule(nodes):
    """Exact for polynomials up to degree 2K − 1: moments of the normal distribution."""
    t, a = hermite_rule(nodes)
    weight = np.exp(a - 0.5 * t**2)
    assert weight.sum() == pytest.approx(1.0, rel=1e-12)
    moment = 1.0
    for k in range(2, min(2 * nodes, 20), 2):
        moment *= k - 1
        assert (weight * t**k).sum() == pytest.approx(moment, rel=1e-10)


def test_no_intercept_and_a_slope_alone():
    data = network(9, "binomial")
    whole = glmm("y ~ t + (1 | clinic)", data, nodes=1)
    halves = glmm("y ~ 0 + I(1 - t) + t + (1 | clinic)", data, nodes=1)
    assert halves.loglik == pytest.approx(whole.loglik, rel=1e-10)
    assert halves.coef["t"] == pytest.approx(whole.coef.sum(), abs=1e-6)
    slope = glmm("y ~ x + (0 + t | clinic)", data)
    assert slope.converged
    assert list(slope.varcomp["clinic"].index) == ["t"]
    assert slope.varcomp["clinic"].iloc[0, 0] == pytest.approx(
        glmm("y ~ x + (0 + I(10 * t) | clinic)", data).varcomp["clinic"].iloc[0, 0] * 100.0, rel=1e-6
    )
