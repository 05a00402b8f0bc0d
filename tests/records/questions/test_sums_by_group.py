"""Sums by group of patients against the same by pandas, record by record."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from tasks.records import Records
from tasks.records.questions.sums_by_group import WINDOW, Groups, moments_by_group, patients_by_group

AGES = Groups("age", ("<18", "18-65", "65+", "other"), bands=(18.0, 65.0))
SEXES = Groups("sex", ("F", "O'Neill", "other"), values=("F", "O'Neill"))
SIDES = ["people", "with_event", "without_event"]


def _table() -> pd.DataFrame:
    rng = np.random.default_rng(7)
    n = 400
    frame = pd.DataFrame(
        {
            "clinic": rng.choice(["a", "b", "c"], n),
            "month": rng.choice(["2024-01", "2024-02"], n),
            "patient": rng.integers(0, 120, n).astype(float),
            "age": rng.integers(0, 90, n).astype(float),
            "sex": rng.choice(["F", "O'Neill", "X"], n),
            "y": rng.integers(0, 2, n).astype(float),
            "days": np.round(rng.gamma(2.0, 3.0, n) + 0.1, 3),
            "weeks": rng.uniform(0.5, 3.0, n),
        }
    )
    for name, every in (("patient", 9), ("age", 11), ("y", 7), ("days", 13)):
        frame.loc[frame.index % every == 0, name] = np.nan
    frame.loc[frame.index % 10 == 3, "sex"] = None
    return frame


@pytest.fixture
def records(tmp_path: Path) -> Records:
    with duckdb.connect(str(tmp_path / "records.duckdb")) as connection:
        connection.register("written", _table().astype({"sex": "object"}))
        connection.execute(
            "CREATE TABLE records AS SELECT * REPLACE "
            "(CASE WHEN isnan(patient) THEN NULL ELSE CAST(patient AS INTEGER) END AS patient, "
            "CASE WHEN isnan(age) THEN NULL ELSE age END AS age, "
            "CASE WHEN isnan(y) THEN NULL ELSE y END AS y, "
            "CASE WHEN isnan(days) THEN NULL ELSE days END AS days) FROM written"
        )
    return Records("records.duckdb", "SELECT * FROM records", directory=tmp_path)


def _group(frame: pd.DataFrame, groups: Groups) -> pd.Series:
    if groups is SEXES:
        return frame["sex"].where(frame["sex"].isin(["F", "O'Neill"]), "other")
    cut = pd.cut(frame["age"], [-np.inf, 18, 65, np.inf], right=False, labels=list(AGES.codes[:3]))
    return cut.astype(object).where(frame["age"].notna(), "other")


@pytest.mark.parametrize("groups", [AGES, SEXES])
@pytest.mark.parametrize(
    ("column", "log", "exposure"), [("y", False, None), ("days", True, None), ("y", False, "weeks")]
)
def test_sums_are_those_of_the_records(
    records: Records, groups: Groups, column: str, log: bool, exposure: str | None
) -> None:
    frame = _table()
    frame = frame.assign(group=_group(frame, groups))[frame[column].notna()]
    scaled = np.log(frame[column]) if log else frame[column]
    frame = frame.assign(
        n=1.0,
        sum=scaled,
        squares=scaled**2,
        total=frame[column],
        exposure=frame[exposure] if exposure else 1.0,
    )
    names = ["n", "sum", "squares", "exposure", "total"]
    expected = frame.groupby(["group", "clinic", "month"])[names].sum()
    found = moments_by_group(records, groups, column, log=log, exposure=exposure)
    assert set(found["group"]) == set(groups.codes)
    found = found.set_index(["group", "clinic", "month"])[names]
    expected = expected.reindex(found.index).fillna(0.0)
    pd.testing.assert_frame_equal(found, expected, rtol=1e-9, check_names=False)


@pytest.mark.parametrize("groups", [AGES, SEXES])
def test_patients_are_counted_once_in_each_group_and_those_without_a_number_each(
    records: Records, groups: Groups
) -> None:
    frame = _table()
    frame = frame.assign(group=_group(frame, groups))[frame["y"].notna()]
    # a record without a number is a patient of its own
    frame["who"] = frame["patient"].where(frame["patient"].notna(), -1.0 - frame.index)
    found = patients_by_group(records, groups, ("y",)).set_index(["group", "month"])
    for (group, month), row in found.iterrows():
        mine = frame[(frame["group"] == group) & ((month == WINDOW) | (frame["month"] == month))]
        counted = [mine["who"].nunique()]
        counted += [mine.loc[side, "who"].nunique() for side in (mine["y"] > 0, mine["y"] <= 0)]
        assert row[SIDES].tolist() == counted
    assert len(found) == len(groups.codes) * 3
