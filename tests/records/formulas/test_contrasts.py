"""Design columns: names, order and values as R's model.matrix has them.

Factors a (a1, a2, a3) and b (b1, b2), numbers x, z and k, and a logical t; the expected names follow the
rules of R's `model.matrix` and `terms` (Chambers & Hastie 1992, p. 38).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tasks.errors import ClinicnetError, RecordsError
from tasks.records import cells_for, moments_for, new_rows

DATA = pd.DataFrame(
    {
        "y": [1.0, 2.0, 4.0, 3.0, 6.0, 5.0, 9.0, 7.0, 8.0, 2.5, 3.5, 1.5],
        "x": [0.5, 1.5, 2.0, 0.25, 3.0, 4.5, 1.0, 2.5, 5.0, 0.75, 1.25, 6.0],
        "z": [1, 4, 2, 8, 5, 7, 3, 6, 9, 12, 10, 11],
        "a": pd.Categorical(["a1", "a2", "a3"] * 4, categories=["a1", "a2", "a3"]),
        "b": ["b1", "b1", "b1", "b2", "b2", "b2"] * 2,
        "t": [True, False, True, True, False, False, True, False, True, False, False, True],
        "k": [10, 20, 20, 10, 30, 30, 20, 10, 30, 20, 10, 30],
    }
)

# formula's right side, columns
CODED = [
    ("a", ["(Intercept)", "aa2", "aa3"]),
    ("0 + a", ["aa1", "aa2", "aa3"]),
    ("0 + a + b", ["aa1", "aa2", "aa3", "bb2"]),
    ("0 + x + a", ["x", "aa1", "aa2", "aa3"]),
    ("a * b", ["(Intercept)", "aa2", "aa3", "bb2", "aa2:bb2", "aa3:bb2"]),
    ("a + a:b", ["(Intercept)", "aa2", "aa3", "aa1:bb2", "aa2:bb2", "aa3:bb2"]),
    ("b + b:a", ["(Intercept)", "bb2", "bb1:aa2", "bb2:aa2", "bb1:aa3", "bb2:aa3"]),
    ("a:x", ["(Intercept)", "aa1:x", "aa2:x", "aa3:x"]),
    ("x + a:x", ["(Intercept)", "x", "x:aa2", "x:aa3"]),
    ("0 + a:x", ["aa1:x", "aa2:x", "aa3:x"]),
    ("a * x", ["(Intercept)", "aa2", "aa3", "x", "aa2:x", "aa3:x"]),
    ("x * z", ["(Intercept)", "x", "z", "x:z"]),
    ("t", ["(Intercept)", "tTRUE"]),
    ("I(x > 2)", ["(Intercept)", "I(x > 2)TRUE"]),
    ("C(k)", ["(Intercept)", "C(k)20", "C(k)30"]),
    ("factor(k)", ["(Intercept)", "factor(k)20", "factor(k)30"]),
    ('C(a, Treatment("a2"))', ["(Intercept)", 'C(a, Treatment("a2"))a1', 'C(a, Treatment("a2"))a3']),
    ('relevel(a, ref = "a3")', ["(Intercept)", 'relevel(a, ref = "a3")a1', 'relevel(a, ref = "a3")a2']),
    ("C(a, Sum)", ["(Intercept)", "C(a, Sum)1", "C(a, Sum)2"]),
    ("poly(x, 2)", ["(Intercept)", "poly(x, 2)1", "poly(x, 2)2"]),
    ("log(x) + I(x^2) + sqrt(z)", ["(Intercept)", "log(x)", "I(x^2)", "sqrt(z)"]),
]


@pytest.mark.parametrize(("right", "names"), CODED, ids=[each[0] for each in CODED])
def test_columns_are_named_and_ordered_as_in_r(right: str, names: list[str]) -> None:
    design, _ = moments_for(f"y ~ {right}", DATA)
    assert list(design.fixed) == names


def matrix(right: str, data: pd.DataFrame = DATA, collapse: bool = False) -> tuple[list[str], np.ndarray]:
    """The design matrix in the rows' own order."""
    design, _ = cells_for(f"y ~ {right}", data, collapse=collapse)
    return list(design.fixed), new_rows(design, data).fixed


def test_values_are_the_products_of_their_parts() -> None:
    names, X = matrix("a * x + I(x > 2):b")
    a, x, b = DATA["a"].to_numpy(), DATA["x"].to_numpy(), DATA["b"].to_numpy()
    by_name = dict(zip(names, X.T, strict=True))
    assert np.array_equal(by_name["aa3:x"], np.where(a == "a3", x, 0.0))
    assert np.array_equal(by_name["I(x > 2)TRUE:bb1"], ((x > 2) & (b == "b1")).astype(float))


def test_sum_contrasts_sum_to_zero_over_levels() -> None:
    names, X = matrix("C(a, Sum)")
    assert names[1:] == ["C(a, Sum)1", "C(a, Sum)2"]
    last = DATA["a"].to_numpy() == "a3"
    assert np.all(X[last, 1:] == -1.0)
    assert np.array_equal(X[~last, 1:].sum(axis=1), np.ones((~last).sum()))


def test_random_terms_have_their_own_coding() -> None:
    design, moments = moments_for("y ~ a + (0 + a | b) + (x | k)", DATA)
    assert [term.columns for term in design.random] == [("aa1", "aa2", "aa3"), ("(Intercept)", "x")]
    assert moments.columns == ("(Intercept)", "aa2", "aa3", "aa1", "x", "y")


def test_polynomials_are_orthonormal_and_keep_their_basis_for_new_rows() -> None:
    design, _ = moments_for("y ~ poly(x, 3)", DATA)
    P = new_rows(design, DATA).fixed[:, 1:]
    assert np.allclose(P.T @ P, np.eye(3), atol=1e-12)
    assert np.allclose(P.sum(axis=0), 0.0, atol=1e-12)
    some = DATA.iloc[[7, 2]]
    assert np.allclose(new_rows(design, some).fixed[:, 1:], P[[7, 2]], rtol=0, atol=1e-14)


def test_poly_is_the_orthogonalisation_of_powers() -> None:
    design, _ = moments_for("y ~ poly(x, 2)", pd.DataFrame({"y": range(5), "x": [1, 2, 4, 8, 16]}))
    P = new_rows(design, pd.DataFrame({"x": [1, 2, 4, 8, 16]})).fixed[:, 1:]
    x = np.array([1.0, 2, 4, 8, 16])
    Q, R = np.linalg.qr(np.column_stack([np.ones(5), x, x**2]))
    expected = Q[:, 1:] * np.sign(np.diag(R))[1:]
    assert np.allclose(P, expected, atol=1e-13)


@pytest.mark.parametrize(
    "basis", ["bs(x, df = 4)", "ns(x, df = 3)", "cr(x, df = 4)", "bs(x, knots = c(1, 2))"]
)
def test_spline_bases_reproduce_on_new_rows(basis: str) -> None:
    design, _ = moments_for(f"y ~ {basis}", DATA)
    whole = new_rows(design, DATA).fixed
    assert whole.shape[1] == len(design.fixed)
    assert np.allclose(new_rows(design, DATA.iloc[3:5]).fixed, whole[3:5], atol=1e-14)


def test_b_splines_partition_unity_and_natural_splines_are_straight_outside() -> None:
    design, _ = moments_for("y ~ 0 + bs(x, df = 5, intercept = TRUE)", DATA)
    assert np.allclose(new_rows(design, DATA).fixed.sum(axis=1), 1.0, atol=1e-12)
    design, _ = moments_for("y ~ ns(x, df = 3)", DATA)
    outside = new_rows(design, pd.DataFrame({"x": [7.0, 8.0, 9.0]})).fixed
    assert np.allclose(outside[0] - 2 * outside[1] + outside[2], 0.0, atol=1e-11)


def test_natural_splines_span_the_textbook_basis() -> None:
    # Hastie, Tibshirani & Friedman (2009), eqs. 5.4 and 5.5: 1, x and d_k − d_{K−1} for K knots
    x = np.sort(DATA["x"].to_numpy())
    design, _ = moments_for("y ~ ns(x, df = 3)", DATA)
    found = new_rows(design, pd.DataFrame({"x": x})).fixed
    knots = np.quantile(x, [0.0, 1 / 3, 2 / 3, 1.0])

    def d(k: int) -> np.ndarray:
        cubes = np.clip(x - knots[k], 0, None) ** 3 - np.clip(x - knots[-1], 0, None) ** 3
        return cubes / (knots[-1] - knots[k])

    textbook = np.column_stack([np.ones_like(x), x, d(0) - d(2), d(1) - d(2)])
    projected = textbook @ np.linalg.lstsq(textbook, found, rcond=None)[0]
    assert np.allclose(projected, found, atol=1e-11)
    assert np.linalg.matrix_rank(found) == 4


def test_scale_and_center_use_the_fits_rows() -> None:
    design, _ = moments_for("y ~ scale(x) + center(z)", DATA)
    X = new_rows(design, DATA).fixed
    x = DATA["x"]
    assert np.allclose(X[:, 1], (x - x.mean()) / x.std(ddof=1), atol=1e-13)
    assert np.allclose(X[:, 2], DATA["z"] - DATA["z"].mean(), atol=1e-13)


def test_levels_without_rows_leave_the_coding() -> None:
    without = DATA[DATA["a"] != "a1"]
    design, _ = moments_for("y ~ a", without)
    assert list(design.fixed) == ["(Intercept)", "aa3"]
    missing = DATA.assign(y=DATA["y"].where(DATA["a"] != "a2"))
    design, _ = moments_for("y ~ a", missing)
    assert list(design.fixed) == ["(Intercept)", "aa3"]


def test_new_rows_may_have_fewer_levels_but_no_strange_ones() -> None:
    design, _ = moments_for("y ~ a * b", DATA)
    one = pd.DataFrame({"a": ["a3"], "b": ["b2"]})
    assert new_rows(design, one).fixed.tolist() == [[1, 0, 1, 1, 0, 1]]
    with pytest.raises(RecordsError, match="a has a value in 1 of the rows"):
        new_rows(design, pd.DataFrame({"a": ["canary"], "b": ["b2"]}))


def test_new_rows_keep_missing_covariates_and_unknown_groups() -> None:
    design, _ = moments_for("y ~ x + a + offset(z) + (1 | k/b)", DATA)
    rows = new_rows(design, pd.DataFrame({"x": [1.0, np.nan], "a": ["a2", None], "k": [10, 99], "z": [3, 4]}))
    assert rows.fixed[0].tolist() == [1.0, 1.0, 1.0, 0.0]
    assert np.isnan(rows.fixed[1, 1:]).all()
    assert rows.factors == ("k", "b:k")
    assert rows.groups == ((10, 99), (None, None))
    assert rows.offset.tolist() == [3.0, 4.0]
    assert [each.shape for each in rows.random] == [(2, 1), (2, 1)]


@pytest.mark.parametrize(
    ("formula", "says"),
    [
        ("y ~ I(b + 1)", "column b is text"),
        ("y ~ log(b)", "column b is text"),
        ("y ~ poly(b, 2)", "column b is text"),
        ("y ~ poly(x, 40)", "degree"),
        ("y ~ bs(x, df = 2)", "degrees of freedom"),
        ("y ~ nothere", "no column 'nothere'"),
        ("y ~ xx + (1 | b)", "did you mean 'x'"),
        ("y ~ x + (1 | bb)", "did you mean 'b'"),
        ("y ~ I(b > 3)", "compares text"),
        ('y ~ C(a, Treatment("zzz"))', "reference level"),
        ("y ~ y + x", "right of '~'"),
    ],
)
def test_what_cannot_be_coded_is_refused(formula: str, says: str) -> None:
    with pytest.raises(ClinicnetError, match=says):
        moments_for(formula, DATA)
