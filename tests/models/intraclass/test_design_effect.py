"""Design effects, effective sample sizes and reliability, against the text's worked figures and algebra."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from refs.reference import case_ids, load_case, load_data

from tasks.errors import EstimationError
from tasks.models import design_effect, icc

pytestmark = pytest.mark.published

SIZES = st.lists(st.integers(1, 2000), min_size=2, max_size=40)
RHO = st.floats(0.0, 1.0, allow_nan=False)


def test_worked_figures_of_the_text() -> None:
    """Variances 9 and 36 are an ICC of 0.20; clinics of 21 have a design effect of 5."""
    rho = 9 / (9 + 36)
    assert rho == pytest.approx(0.20, abs=1e-15)
    effect = design_effect(rho, [21] * 10)
    assert effect.value == pytest.approx(5.0, abs=1e-12)
    assert effect.equal_sizes == pytest.approx(5.0, abs=1e-12)
    assert effect.effective_n == pytest.approx(42.0, abs=1e-9)
    assert effect.effective_n_weighted == pytest.approx(42.0, abs=1e-9)


def test_reliability_of_the_large_and_the_small_clinic() -> None:
    """At ICC 0.20 a clinic of 200 keeps 98% of its own figure, a clinic of 5 about 56%."""
    clinics = design_effect(0.20, {"large": 200, "small": 5}).clinics
    assert clinics.loc["large", "reliability"] == pytest.approx(40 / 40.8, rel=1e-14)
    assert clinics.loc["small", "reliability"] == pytest.approx(1 / 1.8, rel=1e-14)
    assert clinics.loc["large", "design_effect"] == pytest.approx(40.8, rel=1e-14)
    assert clinics.loc["small", "effective_n"] == pytest.approx(5 / 1.8, rel=1e-14)


@pytest.mark.parametrize("name", [each for each in case_ids("icc") if "bin" not in each])
def test_reference_cases(name: str) -> None:
    case = load_case(name)
    expected, model = case["expected"], case["model"]
    sizes = load_data(case)[model["cluster"]].value_counts()
    effect = design_effect(expected["icc1"], sizes)
    assert effect.equal_sizes == pytest.approx(expected["design_effect_nbar"], rel=1e-12)
    assert effect.value == pytest.approx(expected["design_effect_size_weighted"], rel=1e-12)


@given(SIZES, RHO)
def test_unequal_sizes_form_is_the_size_weighted_one(sizes: list[int], rho: float) -> None:
    n = np.array(sizes, dtype=float)
    effect = design_effect(rho, sizes)
    assert effect.value == pytest.approx(1 + (np.sum(n**2) / n.sum() - 1) * rho, rel=1e-12)
    assert effect.value >= effect.equal_sizes - 1e-9


@given(SIZES, RHO)
def test_variance_of_the_mean(sizes: list[int], rho: float) -> None:
    """The design effect is the variance of the mean of all rows over that of independent rows."""
    n = np.array(sizes, dtype=float)
    variance = np.sum(n * (1 + (n - 1) * rho)) / n.sum() ** 2
    effect = design_effect(rho, sizes)
    assert effect.value == pytest.approx(variance * n.sum(), rel=1e-12)
    assert effect.effective_n * variance == pytest.approx(1.0, rel=1e-12)


@given(SIZES, RHO)
def test_weighting_never_loses(sizes: list[int], rho: float) -> None:
    effect = design_effect(rho, sizes)
    assert effect.effective_n_weighted >= effect.effective_n * (1 - 1e-12)
    assert effect.effective_n_weighted <= sum(sizes) * (1 + 1e-12)


@given(st.integers(1, 10_000), st.floats(1e-6, 1.0))
def test_reliability_is_the_share_of_a_mean_that_is_the_clinics_own(n: int, rho: float) -> None:
    table = design_effect(rho, [n, n]).clinics
    assert table["reliability"].iloc[0] == pytest.approx(rho / (rho + (1 - rho) / n), rel=1e-10)
    assert table["effective_n"].iloc[0] * rho == pytest.approx(table["reliability"].iloc[0], rel=1e-10)


def test_from_an_icc() -> None:
    data = load_data("sim_clinic3")
    found = icc("sbp", data, groups="clinic")
    effect = found.design_effect
    again = design_effect(found.estimate, data["clinic"].value_counts())
    assert effect.value == pytest.approx(again.value, rel=1e-13)
    pd.testing.assert_series_equal(effect.clinics["n"], found.sizes)


def test_a_negative_icc_counts_as_none() -> None:
    found = icc("Yield", load_data("Dyestuff2"), groups="Batch")
    assert found.estimate < 0.0
    assert found.design_effect.value == 1.0
    assert (found.clinics["reliability"] == 0.0).all()


@pytest.mark.parametrize(
    ("rho", "sizes", "said"),
    [
        (1.5, [5, 5], "between −1 and 1"),
        (-0.5, [5, 5], "variance of their mean would be negative"),
        (0.1, [], "at least one clinic"),
        (0.1, [0, 5], "at least 1 row"),
        (0.1, None, "needs the sizes"),
    ],
)
def test_refusals(rho: float, sizes: list[int] | None, said: str) -> None:
    with pytest.raises(EstimationError, match=said):
        design_effect(rho, sizes)
