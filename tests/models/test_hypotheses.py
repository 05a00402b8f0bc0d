"""Hypotheses about coefficients, in the forms in which people write them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.errors import EstimationError
from tasks.models import gee, lmm, within
from tasks.models.fit import Fit
from tasks.models.hypotheses import read_hypothesis
from tests.refs.reference import load_data

pytestmark = pytest.mark.published

NAMES = ["(Intercept)", "x", "z", "x:z", "I(x^2)", "bs(x, df = 3)1", "x1"]


def _row(**weights: float) -> list[float]:
    place = {"one": 0, "x": 1, "z": 2, "xz": 3, "square": 4, "spline": 5, "x1": 6}
    row = np.zeros(len(NAMES))
    for name, weight in weights.items():
        row[place[name]] = weight
    return row.tolist()


@pytest.mark.parametrize(
    ("hypothesis", "matrix", "values"),
    [
        ("x", [_row(x=1)], [0]),
        ("x = 0", [_row(x=1)], [0]),
        ("x=z", [_row(x=1, z=-1)], [0]),
        ("x == z", [_row(x=1, z=-1)], [0]),
        ("x = z = 0", [_row(x=1, z=-1), _row(z=1)], [0, 0]),
        ("x + 2*z = 1", [_row(x=1, z=2)], [1]),
        ("2*x - 1 = z", [_row(x=2, z=-1)], [1]),
        ("(x + z)/2 = 1e-3", [_row(x=0.5, z=0.5)], [1e-3]),
        ("x:z = 0, I(x^2) = 0", [_row(xz=1), _row(square=1)], [0, 0]),
        ("(Intercept) + 5*x = 250", [_row(one=1, x=5)], [250]),
        ("bs(x, df = 3)1", [_row(spline=1)], [0]),
        ("x = bs(x, df = 3)1", [_row(x=1, spline=-1)], [0]),
        ("`x:z` - x1", [_row(xz=1, x1=-1)], [0]),
        (["x", "z"], [_row(x=1), _row(z=1)], [0, 0]),
        (["x = 1", "z"], [_row(x=1), _row(z=1)], [1, 0]),
        ({"x": 1, "z": -1}, [_row(x=1, z=-1)], [0]),
        (pd.Series({"z": 2.0}), [_row(z=2)], [0]),
        (_row(x=3), [_row(x=3)], [0]),
        ([_row(x=1), _row(z=1)], [_row(x=1), _row(z=1)], [0, 0]),
        (np.array([_row(x=1)]), [_row(x=1)], [0]),
        (pd.DataFrame({"z": [1.0], "x": [-1.0]}), [_row(x=-1, z=1)], [0]),
    ],
)
def test_forms(hypothesis: Any, matrix: Any, values: Any) -> None:
    found = read_hypothesis(hypothesis, NAMES)
    np.testing.assert_array_equal(found.matrix, matrix)
    np.testing.assert_array_equal(found.values, values)


@pytest.mark.parametrize(
    ("hypothesis", "said"),
    [
        ("age = 0", "no coefficient 'age'"),
        ("x:w = 0", "no coefficient 'x:w' to test; did you mean 'x:z'"),
        ({"age": 1.0}, "no coefficient 'age'"),
        (pd.DataFrame({"age": [1.0]}), "no coefficient 'age'"),
        ("x = ", "cannot be read"),
        ("x > 0", "cannot be read"),
        ("x*z = 0", "cannot be read"),
        ("x/0 = 1", "cannot be read"),
        ("x = 1e400", "cannot be read"),
        ("", "empty"),
        ([], "empty"),
        (["x", 3], "mixes names and numbers"),
        ([1.0, 2.0], "needs 7 weights"),
    ],
)
def test_refusals(hypothesis: Any, said: str) -> None:
    with pytest.raises(EstimationError, match=said):
        read_hypothesis(hypothesis, NAMES)


@pytest.fixture(scope="module", params=["lmm", "gee", "within"])
def fit(request: pytest.FixtureRequest) -> Fit:
    data = load_data("sim_clinic3")
    if request.param == "lmm":
        return lmm("sbp ~ age10 + treated + (1 | clinic)", data)
    if request.param == "gee":
        return gee("sbp ~ age10 + treated", data, groups="clinic", cov="kauermann-carroll")
    return within("sbp ~ age10 + treated", data, groups="clinic", cov="cr2")


def test_forms_of_the_same_hypothesis_test_the_same(fit: Fit) -> None:
    zero = np.zeros((2, len(fit.coef)))
    zero[0, -2] = zero[1, -1] = 1.0
    both = [
        fit.test("age10 = treated = 0"),
        fit.test(["age10 = 0", "treated"]),
        fit.test(["age10", "treated"]),
        fit.test(zero),
        fit.test(zero.tolist()),
    ]
    for each in both:
        assert each.df_num == 2
        assert each.statistic == pytest.approx(both[0].statistic, rel=1e-12)
        assert each.p == pytest.approx(both[0].p, rel=1e-9)
    equal = fit.test("age10 = treated")
    assert equal.statistic == pytest.approx(fit.test({"age10": 1.0, "treated": -1.0}).statistic, rel=1e-12)
    assert list(equal.estimate.index) == ["age10 − treated"]


def test_a_value_other_than_zero(fit: Fit) -> None:
    value = float(fit.coef["treated"])
    assert fit.test(f"treated = {value!r}").p == pytest.approx(1.0)
    shifted = fit.test("treated = 1")
    assert shifted.statistic == pytest.approx((value - 1.0) / fit.se["treated"], rel=1e-12)
    assert dict(shifted.estimate) == {"treated − 1": pytest.approx(value - 1.0)}


def test_nothing_and_twice_the_same_are_refused(fit: Fit) -> None:
    with pytest.raises(EstimationError, match="no coefficient in it"):
        fit.test("treated = treated")
    with pytest.raises(EstimationError, match="linearly dependent"):
        fit.test("treated = 0, 2*treated = 0")


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0, float("nan")])
def test_a_level_that_is_no_share_is_refused(fit: Fit, level: float) -> None:
    with pytest.raises(EstimationError, match="between 0 and 1"):
        fit.conf_int(level)
