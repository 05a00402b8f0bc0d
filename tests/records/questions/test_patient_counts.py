"""Patients behind an outcome's records, and which outcomes are parts of others, wherever the records are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tasks.records.questions.outcome_relations import OutcomeRelations, outcome_relations
from tasks.records.questions.patient_counts import ALL_RECORDS, SIDES, WINDOW, patient_counts
from tests.records.engines import as_csv, as_duckdb, as_parquet, as_sqlite

PLACES = {"DuckDB": as_duckdb, "Parquet": as_parquet, "CSV": as_csv, "SQLite": as_sqlite}

# clinic, month, patient (None: unknown), y, program; one patient of A comes in both months
VISITS = [
    ("A", "2024-01", 1, 1, 0),
    ("A", "2024-01", 1, 0, 0),
    ("A", "2024-01", 2, 0, 0),
    ("A", "2024-02", 1, 0, 1),
    ("A", "2024-02", None, 1, 1),
    ("A", "2024-02", None, 1, 1),
    ("B", "2024-01", 7, None, 0),
    ("B", "2024-01", 8, 2, 0),
]


def _visits() -> pd.DataFrame:
    frame = pd.DataFrame(VISITS, columns=["clinic", "month", "patient", "y", "program"])
    return frame.astype({"patient": "Int64", "y": "Int64"})


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_patients_are_counted_on_every_side(
    place: Callable[[pd.DataFrame, Path], Any], tmp_path: Path
) -> None:
    found = patient_counts(place(_visits(), tmp_path), {"y": "y"}, program=True)
    by = found.set_index(["outcome", "clinic", "month"])[list(SIDES)]
    # people, with an event, without one, under the program, without it
    assert by.loc[("y", "A", "2024-01")].tolist() == [2, 1, 2, 0, 2]  # patient 1 is on both sides
    assert by.loc[("y", "A", "2024-02")].tolist() == [3, 2, 1, 3, 0]  # two of them have no number
    assert by.loc[("y", "A", WINDOW)].tolist() == [4, 3, 2, 3, 2]
    assert by.loc[("y", "B", WINDOW)].tolist() == [1, 1, 0, 0, 1]  # patient 7 has no value
    assert by.loc[(ALL_RECORDS, "B", WINDOW)].tolist() == [2, 0, 0, 0, 2]


def _outcomes(**columns: list[int | None]) -> pd.DataFrame:
    frame = pd.DataFrame(columns).astype("Int64")
    return frame.assign(clinic="A", month="2024-01", patient=range(len(frame)))


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_parts_and_sides_are_found(place: Callable[[pd.DataFrame, Path], Any], tmp_path: Path) -> None:
    visits = _outcomes(
        unplanned=[1, 1, 0, 0, 0, 0],
        planned=[0, 0, 1, 0, 0, 0],
        visit=[1, 1, 1, 0, 0, 1],
        none=[0, 0, 0, 1, 1, 0],
        other=[1, 0, 0, 0, 1, 0],
        beds=[2, 0, 5, 1, 0, 3],
        short=[2, 0, 1, 1, 0, 0],
        long=[0, 0, 4, 0, 0, 3],
    )
    binary = {name: name for name in ("unplanned", "planned", "visit", "none", "other")}
    counts = {name: name for name in ("beds", "short", "long")}
    found = outcome_relations(place(visits, tmp_path), binary, counts)
    assert found == OutcomeRelations(
        parts=frozenset({("unplanned", "visit"), ("planned", "visit"), ("short", "beds"), ("long", "beds")}),
        sides=frozenset({("visit", "none")}),
    )


def test_one_record_that_differs_is_enough(tmp_path: Path) -> None:
    visits = _outcomes(part=[1, 0, 1], whole=[1, 1, 0])
    found = outcome_relations(as_duckdb(visits, tmp_path), {"part": "part", "whole": "whole"}, {})
    assert found == OutcomeRelations()
