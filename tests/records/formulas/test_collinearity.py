"""Columns that earlier ones determine: which go, why, and which only look as if they should."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tasks.records import Design, cells_for, moments_for


def records(n: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"x1": rng.normal(50, 10, n), "x2": rng.normal(0, 1, n), "y": rng.normal(0, 1, n)})
    data["twice"] = 2 * data["x1"] + 3
    data["both"] = data["x1"] - 4 * data["x2"]
    data["constant"] = 0.1
    data["zero"] = 0.0
    data["group"] = np.arange(n) % 3
    data["ga"], data["gb"], data["gc"] = (1.0 * (data["group"] == g) for g in range(3))
    data["almost"] = data["x1"] + 1e-4 * rng.normal(0, 1, n)
    data["nearly"] = data["x1"] + 3e-6 * rng.normal(0, 1, n)
    data["too_near"] = data["x1"] + 1e-8 * rng.normal(0, 1, n)
    data["far"] = 1e6 + rng.normal(0, 1, n)
    return data


DROPPED = [
    ("x1 + twice", {"twice": "is a linear function of x1"}),
    ("twice + x1", {"x1": "is a linear function of twice"}),
    ("x1 + x2 + both", {"both": "is a linear combination of x1 and x2"}),
    ("x1 + constant", {"constant": "is constant"}),
    ("x1 + zero", {"zero": "is zero in every row"}),
    ("ga + gb + gc", {"gc": "is a linear combination of ga and gb"}),
    ("0 + ga + gb + gc", {}),
    ("0 + constant + x1", {}),
    ("0 + constant + x1 + twice", {"twice": "is a linear combination of constant and x1"}),
    ("x1 + almost", {}),
    ("x1 + nearly", {"nearly": "is a linear function of x1"}),
    ("x1 + too_near", {"too_near": "is a linear function of x1"}),
    ("far + x1", {}),
    ("C(group) + ga", {"ga": "is a linear combination of C(group)1 and C(group)2"}),
]


@pytest.mark.parametrize(("right", "dropped"), DROPPED, ids=[each[0] for each in DROPPED])
def test_columns_go_as_in_r_from_moments_and_from_cells(right: str, dropped: dict[str, str]) -> None:
    for design in (moments_for(f"y ~ {right}", records())[0], cells_for(f"y ~ {right}", records())[0]):
        assert dict(design.dropped.columns) == dropped
        assert not set(design.fixed) & set(dropped)


def test_the_tolerance_is_rs_to_within_a_digit() -> None:
    # what is left of a column is compared with 1e-7 of its length, although products only show 1e-8 of it
    data = records()
    rng = np.random.default_rng(4)
    noise = rng.normal(0, 1, len(data))
    length = np.sqrt((data["x1"] ** 2).sum())
    X = np.column_stack([np.ones(len(data)), data["x1"]])
    noise -= X @ np.linalg.lstsq(X, noise, rcond=None)[0]
    noise *= length / np.sqrt(noise @ noise)

    def kept(fraction: float) -> bool:
        return (
            "close"
            in moments_for("y ~ x1 + close", data.assign(close=data["x1"] + fraction * noise))[0].fixed
        )

    assert kept(2e-7)
    assert not kept(0.5e-7)


def test_an_aliased_column_may_still_have_a_random_slope() -> None:
    data = records()
    design, moments = moments_for("y ~ x1 + twice + (0 + twice | group)", data)
    assert design.fixed == ("(Intercept)", "x1")
    assert moments.columns == ("(Intercept)", "x1", "twice", "y")


def test_dropped_columns_do_not_shift_the_others() -> None:
    data = records()
    _, moments = moments_for("y ~ x1 + twice + x2", data)
    _, expected = moments_for("y ~ x1 + x2", data)
    assert moments.columns == expected.columns
    assert np.array_equal(moments.products, expected.products)


def test_sources_name_the_datas_columns() -> None:
    design: Design = moments_for("y ~ x1 * C(group) + I(x2^2)", records())[0]
    assert design.sources["x1:C(group)1"] == ("x1", "group")
    assert design.sources["I(x2^2)"] == ("x2",)
    assert design.sources["(Intercept)"] == ()
