"""Values as MySQL's drivers hand them over: bits as bytes, days that are none as text."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tasks.records.sources.records import Records


def records(directory: Path, kind: str, values: list[Any]) -> Records:
    """SQLite hands over what it was given, as MySQL's drivers do."""
    with closing(sqlite3.connect(directory / "r.sqlite")) as connection, connection:
        connection.execute(f"CREATE TABLE visits (clinic TEXT, date {kind})")
        connection.executemany("INSERT INTO visits VALUES ('A', ?)", [(value,) for value in values])
    return Records("sqlite:///r.sqlite", "SELECT * FROM visits", directory=str(directory))


def dates(source: Records) -> list[Any]:
    with source.connect() as connection:
        listed: list[Any] = connection.table(source.query).column("date").to_pylist()
    return listed


def test_a_bit_is_true_or_false(tmp_path: Path) -> None:
    assert dates(records(tmp_path, "BLOB", [b"\x01", b"\x00", None])) == [True, False, None]


def test_other_bytes_stay_bytes(tmp_path: Path) -> None:
    assert dates(records(tmp_path, "BLOB", [b"\x01", b"\x02"])) == [b"\x01", b"\x02"]


def test_a_day_that_is_none_is_missing_and_the_others_are_dates(tmp_path: Path) -> None:
    days = dates(records(tmp_path, "TEXT", ["2024-03-01", "0000-00-00", "2024-03-02"]))
    assert [None if day is None else f"{day:%Y-%m-%d}" for day in days] == ["2024-03-01", None, "2024-03-02"]
