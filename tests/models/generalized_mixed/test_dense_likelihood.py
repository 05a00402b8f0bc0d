"""The dense rule: the likelihood that quadrature tends to, where effects of clinics have an SD of 20, too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import integrate

from tasks.models.generalized_mixed.dense_likelihood import DenseLikelihood, NotSettledError
from tasks.models.generalized_mixed.families import FamilyName
from tasks.models.generalized_mixed.glmm_cells import ArrangedCells
from tasks.models.generalized_mixed.quadrature import ScalarLikelihood
from tasks.models.generalized_mixed.sd_profile import SdProfile
from tasks.records import cells_for


def visits(n: int = 400) -> pd.DataFrame:
    """A dozen clinics, a covariate, a binary outcome and a count that varies more than Poisson counts do."""
    rng = np.random.default_rng(5)
    clinic, x = rng.integers(0, 12, n), rng.normal(size=n)
    eta = rng.normal(size=12)[clinic] + 0.3 * x - 1.0
    return pd.DataFrame(
        {
            "clinic": [f"c{each:02}" for each in clinic],
            "x": x,
            "y": rng.binomial(1, 1.0 / (1.0 + np.exp(-eta))),
            "c": rng.poisson(np.exp(eta) * rng.gamma(2.0, 0.5, n)),
        }
    )


def one_event() -> pd.DataFrame:
    """One event in 51 records of eight clinics."""
    rows = [(f"c{i}", 0) for i, n in enumerate((3, 5, 6, 6, 7, 7, 8, 9)) for _ in range(n)]
    return pd.DataFrame(rows, columns=["clinic", "y"]).assign(y=lambda d: (d.index == 20).astype(int))


def model(formula: str, data: pd.DataFrame, family: FamilyName, nodes: int) -> ScalarLikelihood:
    design, cells = cells_for(formula, data, collapse=family != "negative-binomial")
    return ArrangedCells.of(design, cells, family).scalar(nodes)


@pytest.mark.parametrize(
    ("outcome", "family", "own"),
    [("y", "binomial", []), ("c", "poisson", []), ("c", "negative-binomial", [0.5])],
)
def test_is_what_many_nodes_settle_at(outcome: str, family: FamilyName, own: list[float]) -> None:
    quadrature = model(f"{outcome} ~ x + (1 | clinic)", visits(), family, 101)
    at = np.array([0.9, -0.8, 0.2, *own])
    settled, dense = quadrature.evaluate(at, 2), DenseLikelihood(quadrature).evaluate(at)
    assert dense.value == pytest.approx(settled.value, rel=1e-13)
    assert dense.gradient == pytest.approx(settled.gradient, abs=1e-11)
    assert dense.hessian == pytest.approx(settled.hessian, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("sigma", [0.0, 0.1, 1.0, 10.0, 100.0])
def test_as_many_nodes_at_any_sd(sigma: float) -> None:
    """Of 300 clinics with up to 1,000 records, of eight with an event among them, and with a covariate."""
    rng = np.random.default_rng(1)
    sizes = rng.integers(1, 1_000, 300)
    clinic = np.repeat(np.arange(300), sizes)
    large = pd.DataFrame({"clinic": clinic, "y": rng.binomial(1, 0.002, clinic.size)})
    for formula, data in (
        ("y ~ 1 + (1 | clinic)", large),
        ("y ~ 1 + (1 | clinic)", one_event()),
        ("y ~ x + (1 | clinic)", visits()),
    ):
        dense = DenseLikelihood(model(formula, data, "binomial", 9))
        at = np.array([sigma, -2.0 - 1.7 * sigma, 0.2][: 1 + dense.model.x.shape[0]])
        with_few = replace(dense, most_nodes=129).evaluate(at)
        settled = replace(dense, settled=1e-10, most_nodes=4097).evaluate(at)
        assert with_few.value == pytest.approx(settled.value, rel=1e-12, abs=1e-9)
        assert with_few.gradient == pytest.approx(settled.gradient, rel=1e-7, abs=1e-7)


def test_random_slope() -> None:
    quadrature = model("y ~ x + (0 + x | clinic)", visits(), "binomial", 101)
    at = np.array([0.6, -0.8, 0.2])
    settled, dense = quadrature.evaluate(at, 2), DenseLikelihood(quadrature).evaluate(at)
    assert dense.value == pytest.approx(settled.value, rel=1e-13)
    assert dense.hessian == pytest.approx(settled.hessian, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("sigma", [5.0, 20.0, 100.0])
def test_is_the_integral_at_a_large_sd(sigma: float) -> None:
    """Against QUADPACK, clinic by clinic, split where the integrand is cut off; 201 nodes are far from it."""
    data, intercept = one_event(), -1.7 * sigma
    whole = 0.0
    for _, each in data.groupby("clinic"):
        n, y = len(each), int(each["y"].sum())

        def integrand(u: float, n: int = n, y: int = y) -> float:
            eta = intercept + sigma * u
            return float(np.exp(y * eta - n * np.logaddexp(0.0, eta) - 0.5 * u**2) / np.sqrt(2.0 * np.pi))

        cut = -intercept / sigma
        points = sorted({0.0, cut, *(cut + step / sigma for step in (-8.0, -3.0, -1.0, 1.0, 3.0, 8.0))})
        found = integrate.quad(integrand, -9.0, 12.0, points=points, epsabs=1e-14, epsrel=1e-12, limit=500)
        whole += float(np.log(found[0]))
    quadrature = model("y ~ 1 + (1 | clinic)", data, "binomial", 201)
    at = np.array([sigma, intercept])
    assert DenseLikelihood(quadrature).evaluate(at, 0).value == pytest.approx(whole, abs=1e-9)
    if sigma >= 20.0:
        assert abs(quadrature.evaluate(at, 1).value - whole) > 1e-3


def test_one_best_intercept_wherever_the_climb_begins() -> None:
    design, cells = cells_for("y ~ 1 + (1 | clinic)", one_event())
    arranged = ArrangedCells.of(design, cells, "binomial")
    dense = DenseLikelihood(arranged.scalar(9))
    found = [
        SdProfile(dense.model, arranged, 1.0, dense).at(20.0, np.array([20.0, start]))
        for start in (-60.0, -30.0, -5.0)
    ]
    for each in found:
        assert each.value == pytest.approx(found[0].value, abs=1e-10)
        assert each.parameters[1] == pytest.approx(found[0].parameters[1], abs=1e-5)


def test_says_when_it_is_not_worth_its_time() -> None:
    quadrature = model("y ~ 1 + (1 | clinic)", one_event(), "binomial", 9)
    with pytest.raises(NotSettledError):
        DenseLikelihood(quadrature).evaluate(np.array([1e6, -1e6]))
