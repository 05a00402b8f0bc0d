"""Bands of people's fitted lines: what they are of, and that none is one person's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from flows.explaining import explanations
from flows.trajectories import BANDS, trajectories
from tasks.models import LmmFit, lmm


def people(count: int, seed: int = 3) -> pd.DataFrame:
    """Eight visits of each, over 0 to 7 months, on a line of their own; sex shifts all lines alike."""
    rng = np.random.default_rng(seed)
    patient = np.repeat(np.arange(count), 8)
    months = np.tile(np.arange(8.0), count)
    level, slope = rng.normal(0.0, 4.0, count), rng.normal(0.0, 1.0, count)
    sex = rng.integers(0, 2, count)[patient]
    y = (
        50.0
        + level[patient]
        + (2.0 + slope[patient]) * months
        + 6.0 * sex
        + rng.normal(0.0, 0.5, len(patient))
    )
    return pd.DataFrame({"y": y, "months": months, "sex": sex, "patient": [f"Q{each}" for each in patient]})


def test_bands_are_quantiles_of_lines_by_least_squares_where_each_has_many_exact_records() -> None:
    frame = people(400)
    found = trajectories(lmm("y ~ months + sex + (1 + months | patient)", frame))
    assert found is not None
    own = frame.assign(y=frame["y"] - 6.0 * (frame["sex"] - frame["sex"].mean()))
    each = own.groupby("patient")[["months", "y"]].apply(
        lambda rows: np.polyfit(rows["months"], rows["y"], 1)
    )
    slopes, levels = np.array(each.tolist()).T
    sd = np.tile(np.arange(8.0), 400).std()
    assert found.at == pytest.approx([3.5 - 1.5 * sd, 3.5, 3.5 + 1.5 * sd])
    lines = levels[:, None] + slopes[:, None] * found.at
    assert found.mean == pytest.approx(lines.mean(axis=0), abs=0.05)
    for (beyond, ends), share in zip(found.bands.items(), (0.5, 0.8, 0.95), strict=True):
        assert beyond == round(2 / (1 - share))
        by_hand = np.quantile(lines, [(1 - share) / 2, (1 + share) / 2], axis=0).T
        assert ends == pytest.approx(by_hand, abs=0.35)


@pytest.mark.parametrize(
    ("count", "bands"),
    [(39, []), (40, ["half"]), (99, ["half"]), (100, ["half", "80%"]), (400, ["half", "80%", "95%"])],
)
def test_an_end_has_ten_people_beyond_it(count: int, bands: list[str]) -> None:
    found = trajectories(lmm("y ~ months + (1 + months | patient)", people(count)))
    assert found is not None
    assert [BANDS[each] for each in found.bands] == bands
    assert ("No band is shown" in str(found)) == (not bands)


def test_an_answer_tells_of_all_people_and_names_none() -> None:
    frame = people(120)
    formula = "y ~ months + sex + (1 + months | patient)"
    fit = lmm(formula, frame)
    said = " ".join(explanations(fit, formula, frame))  # type: ignore[arg-type]
    assert "Fitted lines of 120 patients: at months = " in said
    assert "the middle 80% from" in said
    assert "Q1" not in said


@pytest.mark.parametrize(
    "formula",
    ["y ~ months + (1 | patient)", "y ~ months + I(months ** 2) + (1 + months | patient)"],
    ids=["no slopes", "time bends"],
)
def test_lines_that_are_not_straight_are_not_drawn_as_such(formula: str) -> None:
    fit = lmm(formula, people(60))
    assert isinstance(fit, LmmFit)
    assert trajectories(fit) is None
