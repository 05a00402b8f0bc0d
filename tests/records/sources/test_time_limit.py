"""[records] statement_timeout where DuckDB answers: files in place, and copies of others."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import duckdb
import pytest
from small_network import ONE_OUTCOME, write_network

from tasks.errors import ClinicnetError, NetworkError, SourceError, SourceUnreachableError
from tasks.network import read_network
from tasks.records import Records
from tasks.records.questions.aggregates import aggregate

ENDLESS = """
SELECT CAST(a.i AS DOUBLE) AS y FROM range(1000000) AS a(i), range(1000000) AS b(i) WHERE (a.i * b.i) % 7 = 3
"""
TOTAL = "SELECT sum(y) AS total FROM {records}"


def _told(records: Records) -> ClinicnetError:
    with pytest.raises(SourceError) as refused:
        aggregate(records, TOTAL)
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None
    return refused.value


@pytest.fixture
def database(tmp_path: Path) -> Path:
    file = tmp_path / "records.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE TABLE visits AS SELECT 1.5 AS y")
        connection.execute(f"COPY visits TO '{tmp_path}/visits.parquet'")
        connection.execute(f"COPY visits TO '{tmp_path}/visits.csv'")
    (tmp_path / "european.csv").write_text("y;note\n1,5;a\n2,5;b\n", encoding="utf-16")
    return file


@pytest.mark.parametrize("name", ["records.duckdb", "visits.parquet", "visits.csv", "european.csv"])
def test_a_question_that_takes_longer_is_ended(name: str, database: Path) -> None:
    error = _told(Records(str(database.parent / name), ENDLESS, statement_timeout=0.1))
    assert error.message == (
        f"{name} took longer than 0.1 s for a question, the network file's limit "
        "([records] statement_timeout)"
    )
    assert "allow more there" in (error.hint or "")
    assert not isinstance(error, SourceUnreachableError), "another try takes as long"


def test_a_question_within_it_is_answered(database: Path) -> None:
    records = Records(str(database), "SELECT y FROM visits", statement_timeout=60.0)
    assert aggregate(records, TOTAL).to_pylist() == [{"total": 1.5}]


def test_what_cannot_keep_it_says_so(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "records.sqlite") as connection:
        connection.execute("CREATE TABLE records (y REAL)")
    error = _told(Records(f"sqlite:///{tmp_path}/records.sqlite", statement_timeout=1.0))
    assert "statement_timeout cannot be kept on" in error.message


@pytest.mark.parametrize(
    ("source", "limit", "says"),
    [
        (
            "mysql://reader@db/records",
            "60",
            "[records] statement_timeout is kept by PostgreSQL and for files",
        ),
        ("records.duckdb", "0", "line 12: [records] statement_timeout must be at least 0.001"),
        ("records.duckdb", "inf", "line 12: [records] statement_timeout must be a finite number"),
    ],
)
def test_a_limit_that_is_none_is_refused(source: str, limit: str, says: str, tmp_path: Path) -> None:
    said = ONE_OUTCOME.replace('"records.duckdb"', f'"{source}"')
    said = said.replace('FROM visits\n"""', f'FROM visits\n"""\nstatement_timeout = {limit}')
    with pytest.raises(NetworkError) as refused:
        read_network(write_network(tmp_path, network=said))
    assert says in str(refused.value)


def test_it_reaches_the_records_from_the_network_file(tmp_path: Path) -> None:
    said = ONE_OUTCOME.replace('FROM visits\n"""', 'FROM visits\n"""\nstatement_timeout = 600')
    assert Records.of(read_network(write_network(tmp_path, network=said))).statement_timeout == 600.0
