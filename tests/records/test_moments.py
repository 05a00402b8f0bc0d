"""Moments in memory: against sums written out, and under what must not change them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from refs.reference import case_ids, load_case, load_data

from tasks.errors import RecordsError
from tasks.records import Moments, add, moments_for
from tasks.records.in_memory.summing import products_by_group, reference_point

pytestmark = pytest.mark.published


def records(n: int = 400, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    data = pd.DataFrame(
        {
            "clinic": rng.choice(
                ["north", "south", "east", "west", "hill"], n, p=[0.5, 0.2, 0.15, 0.1, 0.05]
            ),
            "patient": rng.integers(0, n // 4, n),
            "age": rng.integers(18, 90, n),
            "dose": rng.normal(1e6, 3.0, n),
            "sex": rng.choice(["F", "M"], n),
            "y": rng.normal(120, 15, n),
        }
    )
    data.loc[rng.integers(0, n, 5), "age"] = None
    return data


def written_out(data: pd.DataFrame, reference: np.ndarray) -> dict[str, np.ndarray]:
    """Per clinic, Σ (v − r)(v − r)ᵀ of (1, age, dose, sexM, y), added up with as many digits as there are."""
    complete = data.dropna()
    sums = {}
    for clinic, rows in complete.groupby("clinic"):
        V = np.column_stack([np.ones(len(rows)), rows["age"], rows["dose"], rows["sex"] == "M", rows["y"]])
        V = (V - reference).astype(np.longdouble)
        sums[str(clinic)] = (V.T @ V).astype(float)
    return sums


def test_products_are_the_sums_written_out() -> None:
    data = records()
    design, moments = moments_for("y ~ age + dose + sex + (1 | clinic)", data)
    assert moments.columns == ("(Intercept)", "age", "dose", "sexM", "y")
    assert moments.levels == (("east", "hill", "north", "south", "west"),)
    expected = written_out(data, moments.reference)
    for level, products in zip(moments.levels[0], moments.products, strict=True):
        scale = np.sqrt(np.outer(np.diag(products), np.diag(products)))
        assert np.all(np.abs(products - expected[str(level)]) <= 1e-13 * scale)
    assert design.dropped.rows == {"age is missing": int(data["age"].isna().sum())}


def test_digits_do_not_cancel_far_from_zero() -> None:
    # the variance of a dose about a million, known to 1e-12 where sums about zero would keep four digits
    data = records()
    _, moments = moments_for("y ~ dose", data)
    total = moments.products[0]
    variance = total[1, 1] / total[0, 0] - (total[0, 1] / total[0, 0]) ** 2
    assert variance == pytest.approx(data["dose"].astype(np.longdouble).var(ddof=0), rel=1e-12)


def test_the_outcome_is_last_and_the_constant_first_whatever_the_model() -> None:
    data = records()
    design, moments = moments_for("y ~ 0 + age + (0 + dose | clinic)", data, extra=["sex", "age"])
    assert design.fixed == ("age",)
    assert moments.columns == ("(Intercept)", "age", "dose", "sexM", "y")


def test_groups_beside_the_formulas_refine_the_combinations() -> None:
    data = records()
    _, moments = moments_for("y ~ age + (1 | clinic)", data, groups=["sex", "clinic"])
    assert moments.factors == ("clinic", "sex")
    existing = data.dropna().groupby(["clinic", "sex"]).size()
    assert moments.n.tolist() == existing.tolist()
    assert [tuple(moments.levels[f][c] for f, c in enumerate(row)) for row in moments.codes] == list(
        existing.index
    )


def test_offsets_are_taken_off_the_outcome() -> None:
    data = records().dropna()
    design, moments = moments_for("y ~ age + offset(dose) + offset(log(2))", data)
    assert design.offset == "dose + log(2)"
    shifted = data.assign(y=data["y"] - data["dose"] - np.log(2))
    _, expected = moments_for("y ~ age", shifted)
    assert np.allclose(moments.about(expected.reference).products, expected.products, rtol=1e-9, atol=1e-4)


def test_without_groups_there_is_one() -> None:
    _, moments = moments_for("y ~ age", records())
    assert moments.factors == ()
    assert moments.codes.shape == (1, 0)
    assert moments.products.shape == (1, 3, 3)


@pytest.mark.parametrize("case", case_ids("lmm"))
def test_reference_designs_have_lme4s_columns_and_rows(case: str) -> None:
    expected = load_case(case)
    design, moments = moments_for(expected["model"]["lme4"], load_data(expected))
    assert list(design.fixed) == list(expected["expected"]["fixef"])
    assert moments.n_obs == expected["n_obs"]
    for factor, levels in zip(moments.factors, moments.levels, strict=True):
        assert len(levels) == expected["n_clusters"][factor]


@given(seed=st.integers(0, 10_000), n=st.integers(2, 300))
@settings(max_examples=30, deadline=None)
def test_row_order_changes_nothing(seed: int, n: int) -> None:
    data = records(max(n, 8), seed)
    shuffled = data.sample(frac=1.0, random_state=seed)
    one, other = (moments_for("y ~ age * sex + dose + (1 | clinic)", each)[1] for each in (data, shuffled))
    assert one.columns == other.columns
    assert one.levels == other.levels
    assert_same(one, other)


@given(seed=st.integers(0, 10_000), parts=st.integers(1, 5))
@settings(max_examples=30, deadline=None)
def test_chunks_add_up_to_the_whole(seed: int, parts: int) -> None:
    data = records(200, seed)
    chunks = np.array_split(np.random.default_rng(seed).permutation(len(data)), parts)
    formula = "y ~ age + dose + (1 | clinic)"
    added = add(*(moments_for(formula, data.iloc[rows], groups=["sex"])[1] for rows in chunks))
    assert_same(added, moments_for(formula, data, groups=["sex"])[1])


@given(seed=st.integers(0, 10_000), shift=st.floats(-1e3, 1e3), scale=st.floats(1e-3, 1e3))
@settings(max_examples=30, deadline=None)
def test_shift_and_scale_of_a_column_pass_through(seed: int, shift: float, scale: float) -> None:
    data = records(100, seed)
    _, before = moments_for("y ~ age + (1 | clinic)", data)
    _, after = moments_for("y ~ age + (1 | clinic)", data.assign(age=shift + scale * data["age"]))
    back = np.array([1.0, 1.0 / scale, 1.0])
    moved = after.about(np.array([0.0, shift + scale * before.reference[1], before.reference[2]]))
    products = moved.products * np.outer(back, back)
    rescaled = replace(moved, reference=before.reference, products=products)
    assert_same(before, rescaled, rtol=1e-9)


def test_duplicated_rows_double_every_product() -> None:
    data = records()
    _, once = moments_for("y ~ age + sex + (1 | clinic)", data)
    _, twice = moments_for("y ~ age + sex + (1 | clinic)", pd.concat([data, data]))
    assert_same(add(once, once), twice)


def test_labels_name_groups_and_nothing_else() -> None:
    data = records()
    renamed = data.assign(
        clinic=data["clinic"].map({"north": 5, "south": 4, "east": 3, "west": 2, "hill": 1})
    )
    _, one = moments_for("y ~ age + (1 | clinic)", data)
    _, other = moments_for("y ~ age + (1 | clinic)", renamed)
    order = [one.levels[0].index(name) for name in ("hill", "west", "east", "south", "north")]
    assert np.allclose(one.products[order], other.products, rtol=1e-12)


def test_adding_unites_labels_and_refuses_different_columns() -> None:
    data = records()
    north, rest = data[data["clinic"] == "north"], data[data["clinic"] != "north"]
    added = add(
        moments_for("y ~ age + (1 | clinic)", rest)[1], moments_for("y ~ age + (1 | clinic)", north)[1]
    )
    assert added.levels == (("east", "hill", "north", "south", "west"),)
    assert_same(added, moments_for("y ~ age + (1 | clinic)", data)[1])
    with pytest.raises(RecordsError, match="different columns cannot be added: dose"):
        add(added, moments_for("y ~ age + dose + (1 | clinic)", data)[1])
    with pytest.raises(RecordsError, match="cannot be added"):
        add(added, moments_for("y ~ age + (1 | sex)", data)[1])
    with pytest.raises(RecordsError, match="no moments"):
        add()


def test_small_and_large_groups_are_summed_alike() -> None:
    rng = np.random.default_rng(5)
    columns = [np.ones(70_000), *rng.normal(3, 2, (4, 70_000))]
    few, many = rng.integers(0, 7, 70_000), rng.integers(0, 20_000, 70_000)
    for index, groups in ((few, 7), (many, 20_000)):
        products = products_by_group(columns, np.zeros(5), index, groups)
        V = np.column_stack(columns)
        for group in (0, groups // 2, groups - 1):
            rows = V[index == group]
            assert np.allclose(products[group], rows.T @ rows, rtol=1e-12, atol=1e-10)
        assert np.allclose(products.sum(axis=0), V.T @ V, rtol=1e-12)


def test_reference_points_are_near_the_mean_and_short() -> None:
    mean, sd = np.array([51.37, 1e9 + 0.3, 0.52, 7.0]), np.array([19.0, 2.5, 0.5, 0.0])
    point = reference_point(mean, sd)
    assert np.all(np.abs(point - mean) <= sd / 2)
    assert point[3] == 7.0
    assert point[0] == 48.0 or point[0] % 4 == 0


def test_whole_numbers_sum_exactly_in_any_order() -> None:
    data = records(1000).dropna()[["age", "clinic"]].assign(y=np.arange(995.0)[: len(records(1000).dropna())])
    one = moments_for("y ~ age + (1 | clinic)", data)[1]
    other = moments_for("y ~ age + (1 | clinic)", data.iloc[::-1])[1]
    assert np.array_equal(one.products, other.products)


def assert_same(one: Moments, other: Moments, rtol: float = 1e-12) -> None:
    assert (one.columns, one.factors, one.levels) == (other.columns, other.factors, other.levels)
    assert np.array_equal(one.codes, other.codes)
    moved = other.about(one.reference).products
    size = np.sqrt(np.einsum("gii->gi", one.products).sum(axis=0))
    assert np.all(np.abs(one.products - moved) <= rtol * np.outer(size, size) + 1e-300)
