"""Cells: what collapsing keeps, what it leaves out, and what an outcome may be."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from refs.reference import case_ids, load_case, load_data
from scipy.special import gammaln

from tasks.errors import RecordsError
from tasks.records import Cells, cells_for
from tasks.records.in_memory.equal_rows import collapse_rows

pytestmark = pytest.mark.published


def records(n: int = 500, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "clinic": rng.integers(0, 7, n),
            "age": rng.integers(20, 24, n),
            "sex": rng.choice(["F", "M"], n),
            "program": rng.random(n) < 0.4,
            "ill": rng.integers(0, 2, n),
            "visits": rng.poisson(2.0, n),
            "years": rng.choice([0.5, 1.0, 2.0], n),
            "month": rng.permutation(n),
        }
    )


def rows_of(cells: Cells) -> list[tuple[float, ...]]:
    return [
        tuple(row) for row in np.column_stack([cells.codes, cells.fixed, cells.total, cells.trials]).tolist()
    ]


def test_cells_hold_the_sums_of_their_rows() -> None:
    data = records()
    _, cells = cells_for("visits ~ age + sex + (1 | clinic)", data)
    grouped = data.groupby(["clinic", "age", "sex"])["visits"]
    assert len(cells.weight) == grouped.ngroups
    found = pd.DataFrame(
        {
            "clinic": np.array(cells.levels[0])[cells.codes[:, 0]],
            "age": cells.fixed[:, 1].astype(int),
            "sex": np.where(cells.fixed[:, 2] == 1, "M", "F"),
            "n": cells.weight,
            "total": cells.total,
            "squares": cells.total_squares,
        }
    ).set_index(["clinic", "age", "sex"])
    expected = grouped.agg(n="size", total="sum", squares=lambda y: (y**2).sum())
    pd.testing.assert_frame_equal(found.sort_index(), expected.astype(float), check_index_type=False)
    assert cells.outcome == "count"


def test_cells_are_sorted_by_group_and_contiguous() -> None:
    _, cells = cells_for("ill ~ age + (1 | clinic) + (1 | sex)", records())
    order = np.lexsort((cells.codes[:, 1], cells.codes[:, 0]))
    assert np.array_equal(order, np.arange(len(order)))
    starts = cells.starts()
    assert starts[-1] == len(cells.weight)
    assert all(np.all(cells.codes[a:b, 0] == g) for g, (a, b) in enumerate(itertools.pairwise(starts)))


def test_log_likelihoods_are_those_of_the_rows() -> None:
    data = records()
    rng = np.random.default_rng(2)
    design, cells = cells_for("visits ~ age + sex", data, exposure="years")
    _, rows = cells_for("visits ~ age + sex", data, exposure="years", collapse=False)
    assert len(rows.weight) == len(data) > len(cells.weight)
    assert design.offset == "log(years)"
    beta = rng.normal(0, 0.1, 3)

    def poisson(each: Cells) -> float:
        eta = each.fixed @ beta + each.offset
        return float(each.total @ eta - each.weight @ np.exp(eta)) + each.log_constant

    y, eta = data["visits"], np.log(data["years"]) + np.column_stack(
        [np.ones(len(data)), data["age"], data["sex"] == "M"]
    ) @ beta  # fmt: skip
    expected = float((y * eta - np.exp(eta) - gammaln(y + 1)).sum())
    assert poisson(cells) == pytest.approx(expected, rel=1e-13)
    assert poisson(rows) == pytest.approx(expected, rel=1e-13)


def test_trials_take_successes_or_proportions() -> None:
    cbpp = load_data("cbpp")
    _, counts = cells_for("incidence ~ period + (1 | herd)", cbpp, trials="size")
    _, shares = cells_for("prop ~ period + (1 | herd)", cbpp, trials="size")
    _, bernoulli = cells_for("y ~ period + (1 | herd)", load_data("cbpp_bernoulli"))
    for each in (counts, shares):
        assert each.total.sum() == cbpp["incidence"].sum()
        assert each.trials.sum() == cbpp["size"].sum()
        assert each.outcome == "successes"
    assert sorted(rows_of(bernoulli)) == sorted(rows_of(counts)) == sorted(rows_of(shares))
    n, k = cbpp["size"], cbpp["incidence"]
    assert counts.log_constant == pytest.approx(
        float((gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)).sum())
    )
    assert bernoulli.log_constant == 0.0


@pytest.mark.parametrize(
    "outcome",
    [
        pd.Series(["no", "yes", "yes", "no"], dtype="str"),
        pd.Series(pd.Categorical(["yes", "no", "no", "yes"], categories=["yes", "no"])),
        pd.Series([False, True, True, False]),
        pd.Series([False, True, True, False], dtype="boolean"),
        pd.Series([0, 1, 1, 0]),
    ],
    ids=["text", "categories", "booleans", "nullable booleans", "numbers"],
)
def test_two_values_are_nought_and_one(outcome: pd.Series) -> None:
    _, cells = cells_for("ill ~ x", pd.DataFrame({"ill": outcome, "x": [1.0, 2, 3, 4]}), collapse=False)
    assert cells.total.tolist() == [0, 1, 1, 0]
    assert cells.outcome == "binary"


@pytest.mark.parametrize(
    ("changes", "arguments", "says"),
    [
        ({"ill": ["a", "b", "c"] * 100}, {}, "text with 3 different values"),
        ({"ill": ["a"] * 300}, {}, "text with 1 different values"),
        ({"size": 1.5}, {"trials": "size"}, "not whole numbers"),
        ({"size": 1, "ill": 2}, {"trials": "size"}, "exceeds the trials in size in 300 rows"),
        ({"size": 3, "ill": 0.5}, {"trials": "size"}, "neither a number of successes nor a proportion"),
        ({"size": 3, "ill": -1}, {"trials": "size"}, "negative"),
        ({"years": 0.0}, {"exposure": "years"}, "zero or negative in 300 rows"),
    ],
)
def test_impossible_outcomes_are_refused(changes: dict, arguments: dict, says: str) -> None:
    with pytest.raises(RecordsError, match=says):
        cells_for("ill ~ age", records(300).assign(**changes), **arguments)


def test_a_time_column_orders_the_rows_of_a_group_and_prevents_collapsing() -> None:
    data = records()
    _, cells = cells_for("ill ~ age + (1 | clinic)", data, time="month")
    assert cells.time is not None
    assert len(cells.weight) == len(data)
    expected = data.sort_values(["clinic", "month"])
    assert np.array_equal(cells.time, expected["month"])
    assert np.array_equal(cells.total, expected["ill"])


def test_time_may_be_text_with_numbers_or_ranks() -> None:
    data = pd.DataFrame({"y": [1.0, 2, 3], "t": ["10", "2", "30"], "u": ["may", "apr", "jun"]})
    assert cells_for("y ~ 1", data, time="t")[1].time.tolist() == [2, 10, 30]  # type: ignore[union-attr]
    assert cells_for("y ~ 1", data, time="u")[1].time.tolist() == [1, 2, 3]  # type: ignore[union-attr]


@given(seed=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_row_order_changes_nothing(seed: int) -> None:
    data = records(120, seed)
    one = cells_for("ill ~ age * sex + (1 | clinic)", data)[1]
    other = cells_for("ill ~ age * sex + (1 | clinic)", data.sample(frac=1.0, random_state=seed))[1]
    for name in ("fixed", "codes", "weight", "total", "total_squares", "trials", "offset"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from([0.0, -0.0, 1.5, 2.0])), min_size=1, max_size=40
    )
)
@settings(max_examples=100, deadline=None)
def test_collapsing_finds_exactly_the_rows_that_agree(rows: list[tuple[int, float]]) -> None:
    index = np.array([g for g, _ in rows], dtype=np.int64)
    values = np.array([v for _, v in rows])
    merged = collapse_rows(index, [values])
    distinct = {(int(g), float(v)) for g, v in zip(index, values + 0.0, strict=True)}
    if merged is None:
        assert len(distinct) > len(rows) / 1.25
        return
    order, starts = merged
    assert sorted(order.tolist()) == list(range(len(rows)))
    assert len(starts) == len(distinct)
    assert {(int(index[order[s]]), float(values[order[s]])) for s in starts} == distinct


def test_nothing_is_collapsed_where_nothing_agrees() -> None:
    rng = np.random.default_rng(0)
    data = pd.DataFrame(
        {"y": rng.integers(0, 2, 100_000), "x": rng.normal(size=100_000), "g": rng.integers(0, 9, 100_000)}
    )
    cells = cells_for("y ~ x + (1 | g)", data)[1]
    assert np.all(cells.weight == 1.0)
    sorted_rows = data.sort_values("g", kind="stable")
    assert np.array_equal(cells.fixed[:, 1], sorted_rows["x"])
    assert np.array_equal(cells.total, sorted_rows["y"])


@pytest.mark.parametrize("case", [*case_ids("glmm_logistic"), *case_ids("glmm_poisson"), *case_ids("gee")])
def test_reference_designs_have_rs_columns_and_rows(case: str) -> None:
    expected = load_case(case)
    model = expected["model"]
    design, cells = cells_for(
        model.get("lme4") or model["formula"],
        load_data(expected),
        groups=model.get("cluster") or (),
        trials=model.get("weights"),
        time=model.get("wave"),
    )
    answers = expected["expected"]
    coefficients = answers.get("fixef") or answers["liang_zeger_df_convention"].get("beta")
    if coefficients is not None:  # one case records only that R's programs did not converge
        assert list(design.fixed) == list(coefficients)
    rows = len(cells.weight) if model.get("weights") else cells.n_obs
    assert rows == expected["n_obs"]
