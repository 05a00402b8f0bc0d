"""Whether labels are told from quantities by how other columns' averages go with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.records.questions.source_profile import SourceLook


def lacks(directory: Path, frame: pd.DataFrame, column: str) -> dict[str, float]:
    frame.to_csv(directory / "r.csv", index=False)
    look = SourceLook("r.csv", directory)
    return look.unlike_a_line(look.profile("records"), column)


def by_hand(x: np.ndarray, y: np.ndarray) -> float:
    """F of the levels of x over the line in x, by two least-squares fits."""
    levels = (x[:, None] == np.unique(x)).astype(float)
    line = np.column_stack([np.ones(len(x)), x])

    def left(columns: np.ndarray) -> float:
        return float(np.sum((y - columns @ np.linalg.lstsq(columns, y, rcond=None)[0]) ** 2))

    n, k = levels.shape
    return (left(line) - left(levels)) / (k - 2) / (left(levels) / (n - k))


def test_f_is_that_of_two_least_squares_fits(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    code = rng.integers(1, 16, 600)
    y = rng.normal(size=16)[code] + rng.normal(size=600) + 1e4
    missing = np.where(rng.random(600) < 0.2, np.nan, y)
    found = lacks(tmp_path, pd.DataFrame({"code": code, "y": y, "some": missing}), "code")
    assert found["y"] == pytest.approx(by_hand(code, y), rel=1e-6)
    known = ~np.isnan(missing)
    assert found["some"] == pytest.approx(by_hand(code[known], y[known]), rel=1e-6)


def test_a_quantity_has_about_one_and_what_depends_on_a_label_no_end(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    age = rng.integers(20, 60, 2_000)
    frame = pd.DataFrame(
        {"age": age, "pressure": age + rng.normal(0, 9, 2_000), "beds": np.sin(age) * 100, "same": 1.0}
    )
    found = lacks(tmp_path, frame, "age")
    assert 0.4 < found["pressure"] < 1.8
    assert found["beds"] == float("inf")
    assert "same" not in found


@pytest.mark.slow
def test_text_has_no_line(tmp_path: Path) -> None:
    frame = pd.DataFrame({"place": ["a", "a", "b", "b", "c", "c"], "y": [1.0, 3.0, 2.0, 4.0, 9.0, 11.0]})
    assert lacks(tmp_path, frame, "place") == {"y": pytest.approx((76.0 / 2) / (6.0 / 3))}
