"""Our quantiles and tails are SciPy's, also far out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from tasks.models.numerics import distributions

P = np.array([1e-12, 1e-6, 0.001, 0.025, 0.3, 0.5, 0.8, 0.975, 0.999])
X = np.array([0.0, 0.01, 0.5, 1.0, 1.96, 4.0, 9.0, 40.0])
DF = [0.7, 1.0, 2.5, 9.0, 47.3, 1e4]


@pytest.mark.parametrize("name", ["ppf", "isf"])
def test_normal_quantiles(name: str) -> None:
    _agree(getattr(distributions.norm, name)(P), getattr(stats.norm, name)(P))


@pytest.mark.parametrize("name", ["pdf", "cdf", "sf"])
def test_normal_probabilities(name: str) -> None:
    z = np.concatenate([-X[:-1], X[:-1]])
    _agree(getattr(distributions.norm, name)(z), getattr(stats.norm, name)(z))


@pytest.mark.parametrize("df", DF)
def test_t_and_chi_squared(df: float) -> None:
    _agree(distributions.t.ppf(P, df), stats.t.ppf(P, df))
    _agree(distributions.t.sf(X, df), stats.t.sf(X, df))
    _agree(distributions.chi2.ppf(P, df), stats.chi2.ppf(P, df))
    _agree(distributions.chi2.sf(X, df), stats.chi2.sf(X, df))
    _agree(distributions.chi2.logpdf(X[1:], df), stats.chi2.logpdf(X[1:], df))


@pytest.mark.parametrize("df1", [1.0, 3.0, 47.0])
@pytest.mark.parametrize("df2", [2.5, 9.0, 1e4])
def test_f(df1: float, df2: float) -> None:
    _agree(stats.f.cdf(distributions.f.ppf(P, df1, df2), df1, df2), P)
    _agree(stats.f.sf(distributions.f.isf(P, df1, df2), df1, df2), P)  # stats.f.isf itself is off at 1e-12
    _agree(distributions.f.sf(X, df1, df2), stats.f.sf(X, df1, df2))


@pytest.mark.parametrize("shape", [0.5, 3.0, 250.0])
def test_beta_and_gamma(shape: float) -> None:
    for name in ("ppf", "isf"):
        _agree(getattr(distributions.beta, name)(P, shape, 7.0), getattr(stats.beta, name)(P, shape, 7.0))
        _agree(getattr(distributions.gamma, name)(P, shape), getattr(stats.gamma, name)(P, shape))


def test_infinite_degrees_of_freedom_are_the_normal_distribution() -> None:
    df = np.array([np.inf, 4.0])
    _agree(distributions.t.ppf(0.975, df), [stats.norm.ppf(0.975), stats.t.ppf(0.975, 4.0)])
    _agree(distributions.t.sf(9.0, df), [stats.norm.sf(9.0), stats.t.sf(9.0, 4.0)])


def test_floats_give_floats() -> None:
    assert float(distributions.t.ppf(0.975, 4)) == pytest.approx(2.7764451051977987, rel=1e-13)
    assert float(distributions.chi2.sf(3.841458820694124, 1)) == pytest.approx(0.05, rel=1e-12)


def _agree(ours: Any, theirs: Any) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-300)
