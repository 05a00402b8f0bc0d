"""What must not matter to a linear mixed model, and what must matter by a known amount."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.models.linear_mixed.lmm import LmmFit, lmm, lmm_from_moments
from tasks.records import Moments, moments_for

STRUCTURES = [
    "y ~ x + z + (1 | clinic)",
    "y ~ x + z + (x | clinic)",
    "y ~ x + z + (x || clinic)",
    "y ~ x + z + (1 | region/clinic)",
    "y ~ x + z + (1 | region) + (x | clinic)",
    "y ~ x + z + (1 | clinic) + (1 | doctor)",
]


def network(seed: int, n: int = 240) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    clinic = rng.choice(12, n, p=rng.dirichlet(np.full(12, 4.0)))
    clinic[:12] = np.arange(12)
    doctor = rng.integers(0, 7, n)
    x, z = rng.normal(size=n), rng.normal(size=n) + 0.3 * clinic
    y = (
        1.0
        + 0.5 * x
        - 0.3 * z
        + 0.8 * rng.normal(size=12)[clinic]
        + 0.6 * rng.normal(size=12)[clinic] * x
        + 0.7 * rng.normal(size=7)[doctor]
        + 0.5 * rng.normal(size=4)[clinic // 3]
        + rng.normal(size=n)
    )
    return pd.DataFrame({"clinic": clinic, "region": clinic // 3, "doctor": doctor, "x": x, "z": z, "y": y})


def _same(one: LmmFit, other: LmmFit, rel: float = 1e-7) -> None:
    np.testing.assert_allclose(one.coef, other.coef, rtol=rel, atol=rel)
    np.testing.assert_allclose(one.se, other.se, rtol=rel)
    assert one.loglik == pytest.approx(other.loglik, rel=1e-10)
    assert one.sigma2 == pytest.approx(other.sigma2, rel=rel)
    for group in one.varcomp:
        sd = one.varcomp.sd(group).to_numpy()
        difference = np.abs(one.varcomp[group].to_numpy() - other.varcomp[group].to_numpy())
        assert np.all(difference <= rel * 10 * np.outer(sd, sd) + 1e-9 * one.sigma2)
    np.testing.assert_allclose(one.df, other.df, rtol=1e-4)


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**20), structure=st.sampled_from(STRUCTURES), reml=st.booleans())
def test_row_order_and_labels(seed: int, structure: str, reml: bool) -> None:
    data = network(seed)
    fit = lmm(structure, data, reml=reml)
    rng = np.random.default_rng(seed + 1)
    shuffled = data.sample(frac=1.0, random_state=seed % 1000).reset_index(drop=True)
    _same(fit, lmm(structure, shuffled, reml=reml))
    names = rng.permutation(12)
    renamed = data.assign(
        clinic=[f"clinic-{names[k]}" for k in data["clinic"]],
        doctor=[f"{'zyxwvut'[k]}" for k in data["doctor"]],
        region=-data["region"],
    )
    again = lmm(structure, renamed, reml=reml)
    _same(fit, again)
    if "region/clinic" not in structure:
        for k in (0, 5, 11):
            mine = fit.ranef["clinic"]["estimate"].loc[k]
            theirs = again.ranef["clinic"]["estimate"].loc[f"clinic-{names[k]}"]
            np.testing.assert_allclose(np.ravel(mine), np.ravel(theirs), rtol=1e-6, atol=1e-7)


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**20),
    structure=st.sampled_from(STRUCTURES),
    shift=st.floats(-1e4, 1e4),
    scale=st.floats(-3.0, 3.0).map(lambda power: 10.0**power),
)
def test_shift_and_scale_of_the_outcome(seed: int, structure: str, shift: float, scale: float) -> None:
    data = network(seed)
    fit = lmm(structure, data)
    moved = lmm(structure, data.assign(y=scale * (data["y"] + shift)))
    tolerance = 1e-6
    expected = scale * (fit.coef + np.array([shift, 0.0, 0.0]))
    np.testing.assert_allclose(moved.coef, expected, rtol=tolerance, atol=1e-7 * scale)
    np.testing.assert_allclose(moved.se, scale * fit.se, rtol=tolerance)
    np.testing.assert_allclose(moved.df, fit.df, rtol=1e-4)
    assert moved.sigma2 == pytest.approx(scale**2 * fit.sigma2, rel=tolerance)
    np.testing.assert_allclose(moved.icc, fit.icc, rtol=1e-5, atol=1e-9)
    change = (fit.n_obs - 3) * np.log(scale)
    assert moved.loglik == pytest.approx(fit.loglik - change, abs=1e-6)


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**20),
    structure=st.sampled_from([each for each in STRUCTURES if "||" not in each]),
    shift=st.floats(-1e3, 1e3),
    scale=st.floats(-4.0, 4.0).map(lambda power: 10.0**power),
)
def test_shift_and_scale_of_a_covariate(seed: int, structure: str, shift: float, scale: float) -> None:
    data = network(seed)
    fit = lmm(structure, data, reml=False)
    moved = lmm(structure, data.assign(x=scale * (data["x"] + shift)), reml=False)
    assert moved.loglik == pytest.approx(fit.loglik, abs=1e-6)
    assert moved.coef["x"] == pytest.approx(fit.coef["x"] / scale, rel=1e-6)
    assert moved.se["x"] == pytest.approx(fit.se["x"] / scale, rel=1e-6)
    assert moved.coef["z"] == pytest.approx(fit.coef["z"], rel=1e-6, abs=1e-8)
    assert moved.se["z"] == pytest.approx(fit.se["z"], rel=1e-6)
    assert moved.df["x"] == pytest.approx(fit.df["x"], rel=1e-4)
    if "(x | clinic)" in structure:
        slope = fit.varcomp["clinic"].loc["x", "x"]
        assert moved.varcomp["clinic"].loc["x", "x"] == pytest.approx(slope / scale**2, rel=1e-5, abs=1e-8)
    rows = data.iloc[:20]
    moved_rows = rows.assign(x=scale * (rows["x"] + shift))
    np.testing.assert_allclose(moved.predict(moved_rows), fit.predict(rows), rtol=1e-6, atol=1e-7)


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**20), structure=st.sampled_from(STRUCTURES[:5]), copies=st.integers(2, 4))
def test_every_clinic_copied(seed: int, structure: str, copies: int) -> None:
    """ML: estimates stay, the information and the log-likelihood are multiplied."""
    data = network(seed)
    fit = lmm(structure, data, reml=False, df="normal")
    repeated = pd.concat(
        [data.assign(clinic=data["clinic"] + 100 * k, region=data["region"] + 100 * k) for k in range(copies)]
    )
    again = lmm(structure, repeated, reml=False, df="normal")
    np.testing.assert_allclose(again.coef, fit.coef, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(again.se, fit.se / np.sqrt(copies), rtol=1e-6)
    assert again.sigma2 == pytest.approx(fit.sigma2, rel=1e-6)
    np.testing.assert_allclose(again.icc, fit.icc, rtol=1e-5, atol=1e-8)
    assert again.loglik == pytest.approx(copies * fit.loglik, rel=1e-9)


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**20), structure=st.sampled_from(STRUCTURES), parts=st.integers(2, 5))
def test_moments_in_chunks(seed: int, structure: str, parts: int) -> None:
    """Moments of parts of the rows, about one point, add up to those of all."""
    data = network(seed)
    design, whole = moments_for(structure, data)
    pieces = [moments_for(structure, part)[1] for part in _parts(data, parts)]
    summed = np.zeros_like(whole.products)
    place = {_key(whole, row): k for k, row in enumerate(whole.codes)}
    for piece in pieces:
        assert piece.columns == whole.columns
        moved = piece.about(whole.reference)
        for row, products in zip(piece.codes, moved.products, strict=True):
            summed[place[_key(piece, row)]] += products
    _same(lmm_from_moments(design, whole), lmm_from_moments(design, replace(whole, products=summed)))


def _parts(data: pd.DataFrame, parts: int) -> list[pd.DataFrame]:
    return [data.iloc[k::parts].reset_index(drop=True) for k in range(parts)]


def _key(moments: Moments, row: np.ndarray) -> tuple[object, ...]:
    return tuple(levels[code] for levels, code in zip(moments.levels, row, strict=True))


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**20))
def test_the_likelihood_is_that_of_the_marginal_normal(seed: int) -> None:
    """REML and ML log-likelihoods against the n × n normal density, at the estimates."""
    data = network(seed, 90)
    for reml in (True, False):
        fit = lmm("y ~ x + z + (x | clinic) + (1 | doctor)", data, reml=reml, df="normal")
        n = len(data)
        x = np.column_stack([np.ones(n), data["x"], data["z"]])
        rows = np.column_stack([np.ones(n), data["x"]])
        same = (data["clinic"].to_numpy()[:, None] == data["clinic"].to_numpy()).astype(float)
        v = same * (rows @ fit.varcomp["clinic"].to_numpy() @ rows.T)
        doctors = data["doctor"].to_numpy()[:, None] == data["doctor"].to_numpy()
        v += fit.varcomp["doctor"].iloc[0, 0] * doctors
        v += fit.sigma2 * np.eye(n)
        precision = np.linalg.inv(v)
        information = x.T @ precision @ x
        beta = np.linalg.solve(information, x.T @ precision @ data["y"])
        residual = data["y"] - x @ beta
        loglik = -0.5 * (np.linalg.slogdet(v)[1] + residual @ precision @ residual)
        if reml:
            loglik += -0.5 * (np.linalg.slogdet(information)[1] + (n - 3) * np.log(2 * np.pi))
        else:
            loglik += -0.5 * n * np.log(2 * np.pi)
        assert fit.loglik == pytest.approx(loglik, abs=1e-7)
        np.testing.assert_allclose(fit.coef, beta, rtol=1e-7, atol=1e-8)
        np.testing.assert_allclose(fit.vcov, np.linalg.inv(information), rtol=1e-6, atol=1e-10)


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**20), structure=st.sampled_from(STRUCTURES))
def test_no_other_variances_do_better(seed: int, structure: str) -> None:
    fit = lmm(structure, network(seed, 150), df="normal")
    criterion, theta = fit.optimum.point.criterion, fit.optimum.theta
    rng = np.random.default_rng(seed)
    assert fit.converged
    for size in (1e-3, 1e-1, 1.0):
        for _ in range(8):
            other = criterion.at_theta(theta + size * rng.standard_normal(len(theta))).value
            assert other >= fit.optimum.point.value - 1e-7
