"""Whether a period's records are complete: the network's own SELECT, judged, bound and answered."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa

from tasks.errors import SourceError
from tasks.periods import Period
from tasks.records import Records
from tasks.records.questions.completeness import records_in, says_complete

MAY = Period.of_label("2024-05")
LOADS = "CREATE TABLE loads AS SELECT '2024-05' AS month, DATE '2024-06-02' AS came, TRUE AS done"


@pytest.fixture
def records(tmp_path: Path) -> Records:
    with duckdb.connect(str(tmp_path / "records.duckdb")) as connection:
        connection.execute(LOADS)
        # the 30 days of April, the 31 of May
        connection.execute(
            "CREATE TABLE records AS SELECT 'Canary Ward' AS clinic, "
            "DATE '2024-04-01' + CAST(i AS INTEGER) AS date, 2 AS times FROM range(61) AS n(i)"
        )
    return Records("records.duckdb", directory=str(tmp_path))


@pytest.mark.parametrize(
    ("select", "complete"),
    [
        ("SELECT done FROM loads WHERE month = :period", True),
        ("SELECT bool_and(done) FROM loads WHERE month = :period;", True),
        ("SELECT max(date) >= :last_day FROM records", True),
        ("SELECT min(date) >= :first_day FROM records", False),
        ("SELECT bool_and(done) FROM loads WHERE month = '2024-06'", False),  # NULL: nothing is there yet
        ("SELECT CAST(count(*) AS INTEGER) FROM loads", True),
        ("SELECT ':period' = :period OR came::DATE > :first_day FROM loads -- not :last_day", True),
        ("WITH own AS (SELECT :period AS p) SELECT p = '2024-05' FROM own", True),
    ],
)
def test_it_is_answered_with_what_is_bound(records: Records, select: str, complete: bool) -> None:
    assert says_complete(records, select, MAY) is complete


def test_a_sqlite_database_answers_in_its_own_sql(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "records.sqlite") as connection:
        connection.execute("CREATE TABLE loads (month TEXT, come TEXT)")
        connection.execute("INSERT INTO loads VALUES ('2024-05', '2024-05-31')")
    records = Records("sqlite:///records.sqlite", directory=str(tmp_path))
    asked = (
        "SELECT count(*) > 0 FROM loads WHERE month = :period AND come >= :last_day AND month <> ':period'"
    )
    assert says_complete(records, asked, MAY)
    assert not says_complete(records, asked, MAY + 1)


@pytest.mark.parametrize(
    ("select", "sentence"),
    [
        ("DELETE FROM loads", "[schedule.complete] select: the SELECT begins with DELETE; records are only"),
        ("SELECT TRUE; SELECT TRUE", "[schedule.complete] select: the SELECT is 2 statements"),
        ("SELECT done FROM load", "[schedule.complete] select: there is no table 'load' in records.duckdb"),
        ("SELECT don FROM loads", "[schedule.complete] select: the SELECT names a column 'don'"),
        ("SELECT date FROM records", "[schedule.complete] select returns more than one value"),
        ("SELECT done, done FROM loads", "[schedule.complete] select returns more than one value"),
        ("SELECT done FROM loads WHERE FALSE", "[schedule.complete] select returns nothing"),
        ("SELECT clinic FROM records LIMIT 1", "returns something else than true or false"),
        ("SELECT count(*) FROM records", "returns something else than true or false"),
        ("SELECT CAST(clinic AS BOOLEAN) FROM records LIMIT 1", "does not have the type the SELECT gives it"),
        ("SELECT done FROM loads WHERE month = :month", "[schedule.complete] select: the SELECT on"),
    ],
)
def test_what_is_none_is_said_with_the_way_out_and_without_a_value(
    records: Records, select: str, sentence: str
) -> None:
    with pytest.raises(SourceError) as raised:
        says_complete(records, select, MAY)
    assert sentence in raised.value.message
    assert "61" not in str(raised.value)
    assert "Canary" not in str(raised.value)
    assert raised.value.hint is not None


def test_each_look_sees_the_source_as_it_is_then(records: Records) -> None:
    asked = "SELECT count(*) > 1 FROM loads"
    assert not says_complete(records, asked, MAY)
    with duckdb.connect(str(Path(records.directory or "") / records.source)) as connection:
        connection.execute("INSERT INTO loads SELECT * FROM loads")
    assert says_complete(records, asked, MAY)


def test_records_of_a_period_are_counted_as_often_as_each_row_stands_for(records: Records) -> None:
    assert [records_in(records, MAY + i) for i in (-1, 0, 1)] == [30, 31, 0]
    assert records_in(records, MAY, "times") == 62


@pytest.mark.live
def test_postgresql_answers_in_its_own_sql_and_changes_nothing(postgresql: Any, postgresql_url: str) -> None:
    engine = sa.create_engine(postgresql.admin_url)
    with engine.begin() as connection:
        connection.execute(sa.text(LOADS.replace("TABLE loads", "TABLE postgresql_loads")))
        connection.execute(sa.text("CREATE SEQUENCE looks"))
    engine.dispose()
    records = Records(postgresql_url, password_env="PGPASSWORD_FOR_TESTS")  # noqa: S106
    asked = (
        "SELECT count(*) FILTER (WHERE came::date > :last_day AND month = :period AND ':period' <> month) "
        "> 0 FROM postgresql_loads WHERE done /* :first_day */"
    )
    assert says_complete(records, asked, MAY)
    assert not says_complete(records, asked, MAY + 1)
    with pytest.raises(SourceError, match=r"\[schedule.complete\] select: the SELECT tries to change"):
        says_complete(records, "SELECT nextval('looks') > 0", MAY)
