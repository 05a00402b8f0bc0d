"""A run sees one state of its source, whatever is written to it between two questions, or is refused."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import postgres
import pytest
import sqlalchemy as sa

from tasks.errors import SourceError, SourceUnreachableError
from tasks.records import Records
from tasks.records.questions.aggregates import aggregate

SEEN = "SELECT sum(seen)::BIGINT AS seen FROM {records}"


def _seen(records: Records) -> int:
    (row,) = aggregate(records, SEEN).to_pylist()
    return int(row["seen"])


def _database(path: Path, seen: int) -> Path:
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"CREATE TABLE records AS SELECT {seen} AS seen FROM range(10)")
    return path


def _file(path: Path, seen: int) -> Path:
    duckdb.sql(f"SELECT {seen} AS seen FROM range(10)").write_parquet(str(path))
    return path


@pytest.mark.slow
def test_a_database_file_is_not_written_while_a_run_reads_it(tmp_path: Path) -> None:
    path = _database(tmp_path / "records.duckdb", 1)
    records = Records(str(path))
    write = f"import duckdb; duckdb.connect({str(path)!r}).execute('UPDATE records SET seen = 0')"
    with records.in_one_state():
        assert _seen(records) == 10
        refused = subprocess.run([sys.executable, "-c", write], capture_output=True, text=True, check=False)
        assert "lock" in refused.stderr
        assert _seen(records) == 10
        records.let_go()
        subprocess.run([sys.executable, "-c", write], check=True)
    assert _seen(records) == 0


def test_a_database_file_that_is_replaced_is_read_to_the_end_as_it_was(tmp_path: Path) -> None:
    path = _database(tmp_path / "records.duckdb", 1)
    records = Records(str(path))
    with records.in_one_state():
        assert _seen(records) == 10
        _database(tmp_path / "new.duckdb", 0).replace(path)
        assert _seen(records) == 10
    assert _seen(records) == 0


@pytest.mark.parametrize("change", ["rewritten", "added", "removed"])
def test_files_that_change_during_a_run_end_it(tmp_path: Path, change: str) -> None:
    first = _file(tmp_path / "2024-01.parquet", 1)
    _file(tmp_path / "2024-02.parquet", 1)
    records = Records(str(tmp_path / "*.parquet"))
    with records.in_one_state():
        assert _seen(records) == 20
        assert _seen(records) == 20
        if change == "rewritten":
            _file(first, 0)
        elif change == "added":
            shutil.copy(first, tmp_path / "2024-03.parquet")
        else:
            first.unlink()
        with pytest.raises(SourceError, match=r"\*\.parquet was written while a run read it"):
            _seen(records)
    assert _seen(records) == {"rewritten": 10, "added": 30, "removed": 10}[change]


def test_a_csv_file_that_is_appended_to_during_a_run_ends_it(tmp_path: Path) -> None:
    path = tmp_path / "records.csv"
    path.write_text("seen\n1\n1\n")
    records = Records(str(path))
    with records.in_one_state():
        assert _seen(records) == 2
        with path.open("a") as file:
            file.write("1\n")
        with pytest.raises(SourceError, match=r"records\.csv was written while a run read it"):
            _seen(records)


def test_without_a_block_every_question_sees_the_newest_state(tmp_path: Path) -> None:
    path = _file(tmp_path / "records.parquet", 1)
    assert _seen(Records(str(path))) == 10
    _file(path, 0)
    assert _seen(Records(str(path))) == 0


@pytest.mark.live
def test_postgresql_answers_from_one_snapshot(postgresql_url: str) -> None:
    engine = sa.create_engine(
        sa.make_url(postgresql_url).set(drivername="postgresql+psycopg", password=postgres.PASSWORD)
    )
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE IF EXISTS one_state"))
        connection.execute(sa.text("CREATE TABLE one_state AS SELECT 1 AS seen FROM generate_series(1, 10)"))
    records = Records(postgresql_url, "SELECT seen FROM one_state", "PGPASSWORD_FOR_TESTS", threads=1)
    with records.in_one_state():
        assert _seen(records) == 10
        with engine.begin() as connection:
            connection.execute(sa.text("UPDATE one_state SET seen = 0"))
        assert _seen(records) == 10
        with pytest.raises(SourceError):  # a question that fails costs no state
            aggregate(records, "SELECT sum(1 / (seen - seen)) AS n FROM {records}")
        assert _seen(records) == 10
    assert _seen(records) == 0
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE one_state"))
    engine.dispose()


@pytest.mark.live
@pytest.mark.faults
def test_a_server_that_went_away_is_not_asked_for_another_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD_FOR_TESTS", postgres.PASSWORD)
    with postgres.running() as server:
        select = "SELECT 1 AS seen FROM generate_series(1, 10)"
        records = Records(server.url, select, "PGPASSWORD_FOR_TESTS")
        end_all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        url = sa.make_url(server.url).set(drivername="postgresql+psycopg", password=postgres.PASSWORD)
        engine = sa.create_engine(url)
        with records.in_one_state():
            assert _seen(records) == 10
            with engine.begin() as connection:
                connection.execute(sa.text(end_all))
            with pytest.raises(SourceUnreachableError, match="went away"):
                _seen(records)
            with pytest.raises(
                SourceError, match="went away during the run, and its records may have changed"
            ):
                _seen(records)
        assert _seen(records) == 10
        engine.dispose()
