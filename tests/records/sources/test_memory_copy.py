"""Rows that have to be copied stay in this process's memory."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tasks.records import Records

SETTING = "SELECT current_setting('temp_directory') AS directory"


@pytest.mark.attack
@pytest.mark.parametrize("kind", ["sqlite", "csv"])
def test_a_copy_is_never_spilled_to_a_disk(kind: str, tmp_path: Path) -> None:
    if kind == "sqlite":
        source = f"sqlite:///{tmp_path}/records.sqlite"
        with sqlite3.connect(tmp_path / "records.sqlite") as made:
            made.execute("CREATE TABLE records AS SELECT 1.5 AS y")
    else:
        source = str(tmp_path / "european.csv")
        Path(source).write_text("y;note\n1,5;a\n", encoding="utf-16")
    before = {each.name for each in tmp_path.iterdir()}
    with Records(source).connect() as connection:
        assert connection.table("SELECT y FROM records").to_pylist() == [{"y": 1.5}]
        assert connection.table(SETTING).to_pylist() == [{"directory": ""}]
        assert {each.name for each in tmp_path.iterdir()} == before
