"""Whatever a column's container and type, the model sees the same numbers and labels."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tasks.errors import ClinicnetError, RecordsError
from tasks.records import cells_for, moments_for
from tasks.records.data_columns import Frame

Y = [3.0, 1.0, 4.0, 1.5, 5.0, 9.0, 2.0, 6.0]
X = [1, 2, 3, 4, 5, 6, 7, None]
CLINIC = ["b", "a", "b", "c", "a", "c", None, "a"]


def frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"y": Y, **columns})


NUMBERS = {
    "float with NaN": frame(x=np.array([*X[:7], np.nan], dtype=float)),
    "float32": frame(x=np.array([*X[:7], np.nan], dtype=np.float32)),
    "nullable Int64": frame(x=pd.array(X, dtype="Int64")),
    "nullable Float64": frame(x=pd.array(X, dtype="Float64")),
    "Arrow-backed int": frame(x=pd.array(X, dtype=pd.ArrowDtype(pa.int16()))),
    "objects": frame(x=pd.Series(X, dtype=object)),
    "decimals": frame(x=pd.Series([None if v is None else decimal.Decimal(v) for v in X], dtype=object)),
    "Arrow table": pa.table({"y": Y, "x": pa.array(X)}),
    "Arrow decimals": pa.table({"y": Y, "x": pa.array([v and decimal.Decimal(v) for v in X])}),
    "Arrow in chunks": pa.concat_tables(
        [pa.table({"y": Y[:3], "x": X[:3]}), pa.table({"y": Y[3:], "x": pa.array(X[3:])})]
    ),
    "Arrow batch": pa.record_batch({"y": Y, "x": pa.array(X)}),
}


@pytest.mark.parametrize("data", NUMBERS.values(), ids=list(NUMBERS))
def test_numbers_are_numbers_and_missing_is_missing(data: Any) -> None:
    design, moments = moments_for("y ~ x", data)
    assert design.dropped.rows == {"x is missing": 1}
    raw = moments.raw().products[0]
    x, y = np.array(X[:7], dtype=float), np.array(Y[:7])
    assert raw == pytest.approx(
        np.array([[7, x.sum(), y.sum()], [x.sum(), x @ x, x @ y], [y.sum(), x @ y, y @ y]])
    )


LABELS = {
    "pandas str": frame(g=pd.Series(CLINIC, dtype="str")),
    "pandas string": frame(g=pd.Series(CLINIC, dtype="string")),
    "objects": frame(g=pd.Series(CLINIC, dtype=object)),
    "categorical": frame(g=pd.Categorical(CLINIC, categories=["a", "b", "c", "never"])),
    "Arrow strings": pa.table({"y": Y, "g": CLINIC}),
    "Arrow large strings": pa.table({"y": Y, "g": pa.array(CLINIC, pa.large_string())}),
    "Arrow string views": pa.table({"y": Y, "g": pa.array(CLINIC, pa.string_view())}),
    "Arrow dictionary": pa.table(
        {"y": Y, "g": pa.DictionaryArray.from_arrays(pa.array([1, 0, 1, 2, 0, 2, None, 0]), ["a", "b", "c"])}
    ),
}


@pytest.mark.parametrize("data", LABELS.values(), ids=list(LABELS))
def test_labels_are_sorted_and_missing_ones_are_counted(data: Any) -> None:
    design, moments = moments_for("y ~ 1 + (1 | g)", data)
    assert moments.levels == (("a", "b", "c"),)
    assert moments.n.tolist() == [3, 2, 2]
    assert moments.raw().products[:, 0, 1].tolist() == [12.0, 7.0, 10.5]
    assert design.dropped.rows == {"g is missing": 1}


def test_categories_keep_their_own_order() -> None:
    data = frame(g=pd.Categorical(CLINIC, categories=["c", "a", "b"]))
    assert moments_for("y ~ 1 + (1 | g)", data)[1].levels == (("c", "a", "b"),)
    assert moments_for("y ~ g", data)[0].fixed == ("(Intercept)", "ga", "gb")
    order = duckdb.sql("SELECT * REPLACE (CAST(g AS ENUM('c', 'a', 'b')) AS g) FROM data")
    assert moments_for("y ~ 1 + (1 | g)", order)[1].levels == (("c", "a", "b"),)
    assert moments_for("y ~ g", order)[0].fixed == ("(Intercept)", "ga", "gb")


def test_whole_numbers_stay_whole_as_labels() -> None:
    data = frame(g=[10, 2, 10, 3, 2, 3, 2, 2])
    levels = moments_for("y ~ 1 + (1 | g)", data)[1].levels[0]
    assert levels == (2, 3, 10)
    assert all(type(level) is int for level in levels)
    with_missing = frame(g=[10, 2, 10, 3, 2, 3, None, 2])  # pandas makes doubles of it
    assert moments_for("y ~ 1 + (1 | g)", with_missing)[1].levels[0] == (2, 3, 10)


def test_nested_labels_are_written_as_lme4_writes_them() -> None:
    data = frame(region=[1, 1, 2, 2, 1, 2, 1, 10], clinic=["a", "b", "a", "b", "a", "b", "b", "a"])
    moments = moments_for("y ~ 1 + (1 | region/clinic)", data)[1]
    assert moments.factors == ("region", "clinic:region")
    assert moments.levels == ((1, 2, 10), ("a:1", "a:2", "a:10", "b:1", "b:2"))
    assert moments.codes.tolist() == [[0, 0], [0, 3], [1, 1], [1, 4], [2, 2]]


def test_booleans_are_factors_on_the_right_and_numbers_on_the_left() -> None:
    for flags in ([True, False] * 4, pd.array([True, False] * 4, dtype="boolean")):
        data = frame(t=flags)
        assert moments_for("y ~ t", data)[0].fixed == ("(Intercept)", "tTRUE")
        assert moments_for("t ~ y", data)[1].raw().products[0, 0, -1] == 4


def test_dates_are_days() -> None:
    days = pd.date_range("2024-01-01", periods=8)
    expected = np.arange(8.0) + (datetime.date(2024, 1, 1) - datetime.date(1970, 1, 1)).days
    for column in (days, days.as_unit("s"), days.tz_localize("UTC"), pd.Series(days.date, dtype=object)):
        assert np.array_equal(Frame(frame(d=column)).numbers("d"), expected)
    half = pa.table({"d": pa.array([datetime.datetime(1970, 1, 2, 12)], pa.timestamp("us"))})
    assert Frame(half).numbers("d").tolist() == [1.5]


def test_intervals_and_periods_become_their_names() -> None:
    data = frame(
        cut=pd.cut(pd.Series(Y), [0, 2, 5, 10]), month=pd.period_range("2024-01", periods=8, freq="M")
    )
    assert moments_for("y ~ cut", data)[0].fixed == ("(Intercept)", "cut(2, 5]", "cut(5, 10]")
    assert moments_for("y ~ 1 + (1 | month)", data)[1].levels[0][0] == "2024-01"


CANARY = "Jane-Canary-Doe"


@pytest.mark.parametrize(
    ("column", "says"),
    [
        (pd.Series([1, CANARY, 2.5, None, b"x", 3, 4, 5], dtype=object), "mixes kinds of values"),
        (pd.Series([[CANARY]] * 8), "cannot be used in a model"),
        (pd.Series([CANARY] * 8), "x is text where numbers are needed"),
    ],
    ids=["mixed", "lists", "text"],
)
def test_unusable_columns_are_named_and_their_values_are_not(column: pd.Series, says: str) -> None:
    with pytest.raises(RecordsError, match=says) as refused:
        moments_for("y ~ I(x + 1)", frame(x=column))
    assert CANARY not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None


def test_infinite_values_are_refused_by_name_and_number() -> None:
    with pytest.raises(RecordsError, match="x is infinite in 2 rows"):
        moments_for("y ~ x", frame(x=[1.0, np.inf, 2, 3, -np.inf, 4, 5, 6]))
    with pytest.raises(RecordsError, match=r"log\(x\) is infinite in 1 row"):
        cells_for("y ~ log(x)", frame(x=[1.0, 0.0, 2, 3, 7, 4, 5, 6]))


def test_undefined_values_are_left_out_and_counted_apart() -> None:
    design, moments = moments_for("y ~ log(x)", frame(x=[1.0, -1.0, 2, np.nan, 7, 4, 5, 6]))
    assert design.dropped.rows == {"x is missing": 1, "log(x) is undefined": 1}
    assert moments.n_obs == 6


def test_a_row_is_counted_once_under_the_first_reason() -> None:
    data = pd.DataFrame({"y": [1.0, np.nan, 3.0, np.nan, 5.0], "x": [1.0, np.nan, np.nan, 2.0, 3.0],
                         "g": ["a", None, None, "b", "b"]})  # fmt: skip
    design, moments = moments_for("y ~ x + (1 | g)", data)
    assert design.dropped.rows == {"g is missing": 2, "y is missing": 1}
    assert design.dropped.n_rows + moments.n_obs == 5


def test_no_rows_left_says_why() -> None:
    with pytest.raises(RecordsError, match="no complete record is left of 2: x is missing in 2"):
        moments_for("y ~ x", pd.DataFrame({"y": [1.0, 2.0], "x": [np.nan, np.nan]}))
    with pytest.raises(RecordsError, match="no records"):
        moments_for("y ~ x", pd.DataFrame({"y": [], "x": []}, dtype=float))


def test_two_columns_of_one_name_are_refused() -> None:
    data = frame(x=Y)
    data.columns = pd.Index(["y", "y"])
    with pytest.raises(RecordsError, match="2 columns named 'y'"):
        moments_for("y ~ 1", data)


def test_other_containers_are_refused() -> None:
    with pytest.raises(ClinicnetError, match="cannot read records from a list"):
        moments_for("y ~ 1", [1, 2, 3])
