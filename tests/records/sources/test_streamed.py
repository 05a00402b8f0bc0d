"""Rows that come a batch at a time: from every place, no more at once than asked, and in no message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa

from tasks.errors import SourceError
from tasks.records import Records
from tasks.records.sources.connection import Connection

PLANTED = "Wilhelmina"


def streamed(connection: Connection, most: int, column: str = "i", table: str = "visits") -> list[int]:
    """Sizes of the batches; every row comes once."""
    statement = sa.select(sa.literal_column(column).label("i")).select_from(sa.text(table))
    tables = list(connection.streamed(statement, most))
    assert sorted(each for batch in tables for each in batch.column("i").to_pylist()) == list(range(5_000))
    return [len(batch) for batch in tables]


@pytest.fixture
def database(tmp_path: Path) -> Records:
    with duckdb.connect(str(tmp_path / "records.duckdb")) as connection:
        connection.execute("CREATE TABLE visits AS SELECT i FROM range(5000) AS numbers(i)")
    return Records(str(tmp_path / "records.duckdb"), "SELECT * FROM visits")


@pytest.mark.parametrize("most", [1, 700, 5_000, 100_000])
def test_duckdb_hands_over_no_more_rows_than_asked(most: int, database: Records) -> None:
    with database.connect() as connection:
        sizes = streamed(connection, most)
        assert max(sizes) <= most
        assert streamed(connection, most) == sizes  # and once more


def test_what_is_left_unread_is_in_nobody_s_way(database: Records) -> None:
    statement = sa.select(sa.text("i")).select_from(sa.text("visits"))
    with database.connect() as connection:
        batches = connection.streamed(statement, 10)
        assert len(next(batches)) == 10
        batches.close()  # type: ignore[attr-defined]
        assert connection.table("SELECT count(*) AS n FROM visits").to_pylist() == [{"n": 5_000}]


@pytest.mark.parametrize("rows", [5_000, 500_000])
def test_a_value_that_ends_a_stream_is_not_said(rows: int, tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "records.duckdb")) as connection:
        connection.execute(f"CREATE TABLE visits AS SELECT i FROM range({rows}) AS numbers(i)")
    statement = sa.select(
        sa.literal_column(f"CAST(CASE WHEN i = {rows - 1} THEN '{PLANTED}' ELSE '1' END AS INTEGER)").label(
            "i"
        )
    ).select_from(sa.text("visits"))
    records = Records(str(tmp_path / "records.duckdb"), "SELECT * FROM visits")
    with records.connect() as connection, pytest.raises(SourceError) as ended:
        list(connection.streamed(statement, 1_000))
    assert PLANTED not in f"{ended.value} {ended.value.hint}"
    assert ended.value.__cause__ is None
    assert ended.value.__context__ is None


@pytest.mark.slow
@pytest.mark.parametrize("by_adbc", [True, False])
def test_postgresql_hands_over_no_more_rows_than_asked(
    by_adbc: bool, postgresql: Any, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = sa.create_engine(postgresql.admin_url)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE IF EXISTS streamed_numbers"))
        connection.execute(sa.text("CREATE TABLE streamed_numbers AS SELECT generate_series(0, 4999) AS i"))
    engine.dispose()
    records = Records(postgresql_url, "SELECT * FROM streamed_numbers", password_env="PGPASSWORD_FOR_TESTS")  # noqa: S106
    with records.connect() as opened:
        if not by_adbc:
            monkeypatch.setattr(type(opened), "_adbc_driver", lambda _: None)
        sizes = streamed(opened, 700, table="streamed_numbers")
        assert max(sizes) <= 700
        with opened.held_to(1.0):  # a server's memory is its own
            assert streamed(opened, 5_000, "CAST(i AS BIGINT)", "streamed_numbers")
        statement = sa.select(sa.literal_column("1 / (i - 4900)").label("i")).select_from(
            sa.text("streamed_numbers")
        )
        with pytest.raises(SourceError):
            list(opened.streamed(statement, 700))
        assert (
            streamed(opened, 700, table="streamed_numbers") == sizes
        )  # what failed leaves the transaction as it was
