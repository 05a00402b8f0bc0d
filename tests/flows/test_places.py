"""The same job on the same records, wherever they are: one release, table by table."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
import sqlalchemy as sa
from golden.demo_feeds import undrawn
from small_network import MONTH, NETWORK, write_network

from flows.monthly_job import report_period
from tasks.release import Release

SOURCE = 'source = "records.duckdb"'


@pytest.fixture(scope="module")
def from_duckdb(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return report_period(write_network(tmp_path_factory.mktemp("duckdb")), MONTH, undrawn()).release


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    write_network(tmp_path)
    return tmp_path


def visits(directory: Path) -> pd.DataFrame:
    with duckdb.connect(str(directory / "records.duckdb"), read_only=True) as connection:
        return connection.sql("SELECT * FROM visits").df()


def release_from(directory: Path, source: str) -> Release:
    (directory / "network.toml").write_text(NETWORK.replace(SOURCE, source), encoding="utf-8")
    return report_period(directory / "network.toml", MONTH, undrawn()).release


def same(one: Release, other: Release) -> None:
    assert set(one.tables) == set(other.tables)
    for name, table in one.tables.items():
        pd.testing.assert_frame_equal(table, other[name], rtol=1e-9, atol=1e-12, obj=name)


@pytest.mark.before_release
@pytest.mark.slow
def test_parquet(from_duckdb: Release, directory: Path) -> None:
    with duckdb.connect(str(directory / "records.duckdb"), read_only=True) as connection:
        connection.execute(f"COPY visits TO '{directory}/records.parquet'")
    source = NETWORK.replace("FROM visits", "FROM records")
    (directory / "network.toml").write_text(source.replace("records.duckdb", "records.parquet"))
    same(from_duckdb, report_period(directory / "network.toml", MONTH, undrawn()).release)


@pytest.mark.before_release
@pytest.mark.slow
def test_a_database_without_dates_whose_records_are_copied(from_duckdb: Release, directory: Path) -> None:
    table = visits(directory)
    table["visit_date"] = table["visit_date"].dt.strftime("%Y-%m-%d")
    with sqlite3.connect(directory / "records.sqlite") as connection:
        table.to_sql("visits", connection, index=False)
    same(from_duckdb, release_from(directory, f'source = "sqlite:///{directory}/records.sqlite"'))


@pytest.mark.before_release
@pytest.mark.live
def test_postgresql(from_duckdb: Release, directory: Path, postgresql: Any, postgresql_url: str) -> None:
    engine = sa.create_engine(postgresql.admin_url)
    visits(directory).to_sql("visits", engine, index=False, if_exists="replace")
    try:
        source = f'source = "{postgresql_url}"\npassword_env = "PGPASSWORD_FOR_TESTS"'
        same(from_duckdb, release_from(directory, source))
    finally:  # the server is shared by all tests
        with engine.begin() as connection:
            connection.execute(sa.text("DROP TABLE visits"))
        engine.dispose()
