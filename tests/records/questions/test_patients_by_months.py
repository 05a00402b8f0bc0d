"""What a clinic's patients have in one month and in another, wherever the records are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tasks.records.questions.patients_by_months import SUMS, patients_by_months
from tests.records.engines import as_csv, as_duckdb, as_parquet, as_sqlite

PLACES = {"DuckDB": as_duckdb, "Parquet": as_parquet, "CSV": as_csv, "SQLite": as_sqlite}

# clinic, month, patient (None: unknown), y, days
VISITS = [
    ("A", "2024-01", 1, 1, 2),
    ("A", "2024-01", 1, 3, 1),
    ("A", "2024-02", 1, 2, 4),
    ("A", "2024-02", 2, 5, 1),
    ("A", "2024-02", None, 7, 3),
    ("A", "2024-02", None, 1, 2),
    ("B", "2024-01", 1, 9, 1),  # numbered alike, at another clinic
    ("B", "2024-02", 3, None, 1),
]


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_by_hand(place: Callable[[pd.DataFrame, Path], Any], tmp_path: Path) -> None:
    """Patient 1 has 4 in 3 days of January and 2 in 4 days of February; nobody else comes twice."""
    visits = pd.DataFrame(VISITS, columns=["clinic", "month", "patient", "y", "days"])
    visits = visits.astype({"patient": "Int64", "y": "Int64", "days": "Int64"})
    found = patients_by_months(place(visits, tmp_path), "y", log=False, exposure="days")
    assert found.columns.tolist() == ["clinic", "month", "period", *SUMS]
    by = found.set_index(["clinic", "month", "period"])
    assert len(by) == 4
    assert by.loc[("A", "2024-01", "2024-01")].tolist() == [16, 12, 12, 9, 27, 27]
    assert by.loc[("A", "2024-01", "2024-02")].tolist() == [8, 16, 6, 12, 36, 48]
    squares = [2 * 2 + 5 * 5 + 7 * 7 + 1, 2 * 4 + 5 + 7 * 3 + 2, 2 * 4 + 5 + 7 * 3 + 2, 16 + 1 + 9 + 4]
    assert by.loc[("A", "2024-02", "2024-02")].tolist()[:4] == squares
    assert by.loc[("B", "2024-01", "2024-01")].tolist() == [81, 9, 9, 1, 1, 1]
    (tmp_path / "each").mkdir()
    each = patients_by_months(place(visits, tmp_path / "each"), "y", log=False, exposure=None)
    assert each.set_index(["clinic", "month", "period"]).loc[("A", "2024-01", "2024-02"), "sizes"] == 2
