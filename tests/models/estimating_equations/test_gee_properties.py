"""What must not change a GEE or a within fit, and what must change it in a known way."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.models.estimating_equations.gee import GeeFit, gee, gee_from_cells, gee_from_moments
from tasks.models.fixed_effects.within import within
from tasks.records import cells_for, moments_for

SETTINGS = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
FAMILIES = {"gaussian": "score", "binomial": "yes", "poisson": "count"}
KINDS = ("model", "robust", "kauermann-carroll", "mancl-derouen", "fay-graubard")


def visits(seed: int, clinics: int = 12) -> pd.DataFrame:
    """Clinics of unequal size with integer covariates, so that rows collapse, and distinct visits."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(4, 25, clinics)
    clinic = np.repeat(np.arange(clinics), sizes)
    data = pd.DataFrame({"clinic": clinic, "visit": np.concatenate([np.arange(n) for n in sizes])})
    data["patient"] = data.visit // 3
    data["age"] = rng.integers(0, 4, len(data))
    data["sex"] = rng.integers(0, 2, len(data))
    level = rng.normal(size=clinics)[clinic] + 0.3 * data.age - 0.4 * data.sex
    data["score"] = np.round(20.0 + level + rng.normal(size=len(data)), 1)
    data["yes"] = (rng.random(len(data)) < 1.0 / (1.0 + np.exp(-level))).astype(int)
    data["count"] = rng.poisson(np.exp(0.3 * level))
    return data


def assert_same(one: GeeFit, other: GeeFit, rtol: float = 1e-7) -> None:
    np.testing.assert_allclose(other.coef, one.coef, rtol=rtol, atol=1e-9)
    for kind in KINDS:
        np.testing.assert_allclose(np.diag(other.covariance(kind)), np.diag(one.covariance(kind)), rtol=rtol)
    np.testing.assert_allclose(other.df, one.df, rtol=1e-5)


CORRELATIONS = ["independence", "exchangeable", "nested-exchangeable", "ar1"]


def fit_of(data: pd.DataFrame, family: str, corr: str) -> GeeFit:
    groups = ("clinic", "patient") if corr.startswith("nested") else "clinic"
    time = "visit" if corr == "ar1" else None
    return gee(f"{FAMILIES[family]} ~ age + sex", data, groups=groups, family=family, corr=corr, time=time)


@pytest.mark.slow
@SETTINGS
@given(st.integers(0, 10_000), st.sampled_from(list(FAMILIES)), st.sampled_from(CORRELATIONS), st.randoms())
def test_order_and_labels_do_not_matter(seed: int, family: str, corr: str, random) -> None:  # type: ignore[no-untyped-def]
    data = visits(seed)
    fit = fit_of(data, family, corr)
    order = list(range(len(data)))
    random.shuffle(order)
    names = [f"clinic {number}" for number in range(12)]
    random.shuffle(names)
    shuffled = data.iloc[order].assign(clinic=lambda rows: rows.clinic.map(lambda c: names[c]))
    assert_same(fit, fit_of(shuffled, family, corr))


@pytest.mark.slow
@SETTINGS
@given(
    st.integers(0, 10_000), st.sampled_from(CORRELATIONS), st.floats(0.01, 100.0), st.floats(-1000.0, 1000.0)
)
def test_shift_and_scale_of_the_outcome(seed: int, corr: str, scale: float, shift: float) -> None:
    data = visits(seed)
    fit = fit_of(data, "gaussian", corr)
    moved = fit_of(data.assign(score=shift + scale * data.score), "gaussian", corr)
    np.testing.assert_allclose(moved.coef.iloc[1:], scale * fit.coef.iloc[1:], rtol=1e-6, atol=1e-8 * scale)
    assert moved.coef.iloc[0] == pytest.approx(shift + scale * fit.coef.iloc[0], rel=1e-7, abs=1e-6)
    for kind in KINDS:
        expected = scale**2 * np.diag(fit.covariance(kind))
        np.testing.assert_allclose(np.diag(moved.covariance(kind)), expected, rtol=1e-6)


@pytest.mark.slow
@SETTINGS
@given(
    st.integers(0, 10_000),
    st.sampled_from(list(FAMILIES)),
    st.sampled_from(CORRELATIONS),
    st.floats(0.1, 50.0),
)
def test_shift_and_scale_of_a_covariate(seed: int, family: str, corr: str, scale: float) -> None:
    """Far from zero too: a year, say, instead of years since the first."""
    data = visits(seed)
    fit = fit_of(data, family, corr)
    moved = fit_of(data.assign(age=2000.0 + scale * data.age), family, corr)
    np.testing.assert_allclose(moved.coef["age"] * scale, fit.coef["age"], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(moved.coef["sex"], fit.coef["sex"], rtol=1e-6, atol=1e-9)
    for kind in ("model", "robust", "kauermann-carroll", "mancl-derouen"):  # Fay–Graubard's is not invariant
        expected = np.sqrt(np.diag(fit.covariance(kind)))[1:] / [scale, 1.0]
        np.testing.assert_allclose(np.sqrt(np.diag(moved.covariance(kind)))[1:], expected, rtol=1e-6)


@pytest.mark.slow
@SETTINGS
@given(
    st.integers(0, 10_000), st.sampled_from(list(FAMILIES)), st.sampled_from(["independence", "exchangeable"])
)
def test_the_same_clinics_again_double_the_information(seed: int, family: str, corr: str) -> None:
    """With moments over N nothing else changes: every covariance without leverage halves."""
    data = visits(seed)
    again = pd.concat([data, data.assign(clinic=data.clinic + 100)])
    keywords = {"groups": "clinic", "family": family, "corr": corr, "convention": "geepack"}
    one = gee(f"{FAMILIES[family]} ~ age + sex", data, **keywords)
    two = gee(f"{FAMILIES[family]} ~ age + sex", again, **keywords)
    np.testing.assert_allclose(two.coef, one.coef, rtol=1e-7, atol=1e-9)
    for kind in ("model", "robust"):
        np.testing.assert_allclose(two.covariance(kind), one.covariance(kind) / 2.0, rtol=1e-6, atol=1e-12)


@pytest.mark.slow
@SETTINGS
@given(
    st.integers(0, 10_000), st.sampled_from(list(FAMILIES)), st.sampled_from(["independence", "exchangeable"])
)
def test_collapsed_rows_are_the_rows(seed: int, family: str, corr: str) -> None:
    data = visits(seed)
    data["score"] = np.round(data.score)
    formula = f"{FAMILIES[family]} ~ age + sex"
    fits = []
    for collapse in (True, False):
        design, cells = cells_for(formula, data, groups="clinic", collapse=collapse)
        assert (len(cells.total) < len(data)) == collapse
        fits.append(gee_from_cells(design, cells, family=family, corr=corr))
    assert_same(*fits)
    if family == "gaussian":  # and moments are the rows too
        assert_same(fits[0], gee(formula, data, groups="clinic", corr=corr))


@pytest.mark.slow
@SETTINGS
@given(st.integers(0, 10_000), st.sampled_from(["independence", "exchangeable"]))
def test_counts_of_successes_are_one_row_per_patient(seed: int, corr: str) -> None:
    data = visits(seed)
    counted = data.groupby(["clinic", "age", "sex"], as_index=False).agg(
        yes=("yes", "sum"), n=("yes", "size")
    )
    one = gee("yes ~ age + sex", data, groups="clinic", family="binomial", corr=corr)
    two = gee("yes ~ age + sex", counted, groups="clinic", family="binomial", corr=corr, trials="n")
    assert_same(one, two)


@pytest.mark.slow
@SETTINGS
@given(st.integers(0, 10_000))
def test_moments_in_parts_are_the_moments(seed: int) -> None:
    """Clinics of two regions apart and together: moments about one point add up."""
    data = visits(seed)
    design, whole = moments_for("score ~ age + sex", data, groups="clinic")
    parts = [
        moments_for("score ~ age + sex", part, groups="clinic")[1].about(whole.reference)
        for _, part in data.groupby(data.clinic % 2)
    ]
    products = np.empty_like(whole.products)
    for part in parts:
        products[list(part.levels[0])] = part.products
    np.testing.assert_allclose(products, whole.products, rtol=1e-9, atol=1e-9)
    rebuilt = type(whole)(whole.columns, whole.reference, products, whole.factors, whole.levels, whole.codes)
    fit = gee_from_moments(design, whole, corr="exchangeable")
    assert_same(fit, gee_from_moments(design, rebuilt, corr="exchangeable"))


@pytest.mark.slow
@SETTINGS
@given(st.integers(0, 10_000), st.floats(0.1, 10.0))
def test_within_is_invariant(seed: int, scale: float) -> None:
    """A shift of the outcome per clinic changes nothing within; scales carry over."""
    data = visits(seed)
    fit = within("score ~ age + sex", data, groups="clinic", cov="cr2")
    shifts = np.random.default_rng(seed).normal(size=12) * 50.0
    moved = data.assign(
        score=scale * (data.score + shifts[data.clinic]), clinic="c" + data.clinic.astype(str)
    )
    other = within("score ~ age + sex", moved.sample(frac=1.0, random_state=1), groups="clinic", cov="cr2")
    np.testing.assert_allclose(other.coef, scale * fit.coef, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(other.se, scale * fit.se, rtol=1e-7)
    np.testing.assert_allclose(other.df, fit.df, rtol=1e-7)
    dummies = gee("score ~ 0 + clinic + age + sex", moved, groups="clinic", corr="independence")
    np.testing.assert_allclose(dummies.coef[["age", "sex"]], other.coef, rtol=1e-7, atol=1e-9)


def test_any_kind_of_data() -> None:
    data = visits(1)
    fit = gee("yes ~ age + sex", data, groups="clinic", family="binomial", corr="exchangeable")
    table = pa.Table.from_pandas(data)
    assert_same(fit, gee("yes ~ age + sex", table, groups="clinic", family="binomial", corr="exchangeable"))
    with duckdb.connect() as connection:
        relation = connection.from_arrow(table)
        assert_same(
            fit, gee("yes ~ age + sex", relation, groups="clinic", family="binomial", corr="exchangeable")
        )


def test_many_small_and_few_large_clusters_are_summed_alike() -> None:
    """The two ways of summing products, and blocks that end within clusters, against one plain pass."""
    rng = np.random.default_rng(2)
    sizes = np.concatenate([np.ones(400, int), rng.integers(2, 8, 300), [30_000, 20_000, 60]])
    clinic = np.repeat(np.arange(len(sizes)), sizes)
    data = pd.DataFrame({"clinic": clinic, "x": rng.normal(size=len(clinic))})
    data["y"] = (rng.random(len(clinic)) < 0.4).astype(int)
    fit = gee("y ~ x", data, groups="clinic", family="binomial", corr="exchangeable", cov="robust")
    eta = fit.coef["(Intercept)"] + fit.coef["x"] * data.x
    mean = 1.0 / (1.0 + np.exp(-eta))
    root = np.sqrt(mean * (1.0 - mean))
    alpha, sums = fit.working["alpha"], np.zeros((2, 2))
    for _, rows in data.groupby("clinic"):
        at = rows.index
        z = np.column_stack([root[at], root[at] * data.x[at]])
        shrink = alpha / (1.0 + (len(at) - 1) * alpha)
        sums += (z.T @ z - shrink * np.outer(z.sum(axis=0), z.sum(axis=0))) / (1.0 - alpha)
    np.testing.assert_allclose(fit.covariance("model"), fit.scale * np.linalg.inv(sums), rtol=1e-8)
