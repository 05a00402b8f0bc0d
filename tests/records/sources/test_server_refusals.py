"""A real PostgreSQL that reaches a limit in the middle: each limit is named, with the way out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from tasks.errors import ClinicnetError, SourceError, SourceUnreachableError
from tasks.records import Records
from tasks.records.questions.aggregates import aggregate
from tasks.records.sources.server_refusals import refusal

pytestmark = [pytest.mark.live, pytest.mark.faults]

PASSWORD = "PGPASSWORD_FOR_TESTS"  # noqa: S105  # a variable's name
LONG = "SELECT CAST(count(*) AS DOUBLE PRECISION) AS y FROM generate_series(1, 100000000) AS t(i)"
WIDE = (
    "SELECT CAST(i AS DOUBLE PRECISION) AS y FROM (SELECT i, md5(CAST(i AS TEXT)) AS z "
    "FROM generate_series(1, 200000) AS t(i) ORDER BY z) AS q"
)


@pytest.fixture(scope="module")
def admin(postgresql: Any) -> Iterator[sa.Engine]:
    engine = sa.create_engine(postgresql.admin_url)
    yield engine
    engine.dispose()


def limited(url: str, *settings: str) -> str:
    return f"{url}?options={'%20'.join(f'-c%20{each}' for each in settings)}"


def told(url: str, select: str) -> ClinicnetError:
    with pytest.raises(ClinicnetError) as refused:
        aggregate(Records(url, select, password_env=PASSWORD), "SELECT sum(y) AS total FROM {records}")
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None
    return refused.value


def test_a_time_limit(postgresql_url: str) -> None:
    """It "refused the SELECT (57014)"."""
    error = told(limited(postgresql_url, "statement_timeout=50"), LONG)
    assert error.message.endswith("/postgres ended the SELECT at its time limit (statement_timeout)")
    assert "SET statement_timeout" in (error.hint or "")
    assert not isinstance(error, SourceUnreachableError), "another try takes as long"


@pytest.mark.parametrize("own", ["", "?options=-c%20statement_timeout%3D3600000"])
def test_the_network_files_time_limit_goes_before_the_servers(own: str, postgresql_url: str) -> None:
    records = Records(postgresql_url + own, LONG, password_env=PASSWORD, statement_timeout=0.05)
    began = time.monotonic()
    with pytest.raises(SourceError) as refused:
        aggregate(records, "SELECT sum(y) AS total FROM {records}")
    assert time.monotonic() - began < 5.0
    assert refused.value.message.endswith(
        "/postgres took longer than 0.05 s for a question, the network file's limit "
        "([records] statement_timeout)"
    )
    assert not isinstance(refused.value, SourceUnreachableError), "another try takes as long"
    assert refused.value.__context__ is None


def test_the_time_limit_holds_for_rows_that_come_by_adbc_too(postgresql_url: str) -> None:
    """They come over a connection of their own, in the state of the first."""
    slow = "SELECT i AS y, pg_sleep(0.01) IS NULL AS z FROM generate_series(1, 1000) AS t(i)"
    statement = sa.select(sa.text("y")).select_from(sa.text(f"({slow} OFFSET 0) AS t"))
    records = Records(postgresql_url, slow, password_env=PASSWORD, threads=1, statement_timeout=1.0)
    with records.connect() as connection, pytest.raises(SourceError, match="1 s for a question"):
        began = time.monotonic()
        connection.rows(statement)
    assert 0.9 < time.monotonic() - began < 1.9, "it was asked once"


def test_a_limit_of_room(postgresql_url: str) -> None:
    """It "does not answer, or went away"."""
    error = told(limited(postgresql_url, "temp_file_limit=64", "work_mem=64"), WIDE)
    assert "passes a limit of the database (such as temp_file_limit)" in error.message


def test_no_connection_left(admin: sa.Engine, postgresql_url: str) -> None:
    """It "does not answer, or went away"."""
    with admin.begin() as connection:
        connection.execute(
            sa.text("CREATE ROLE nobody_more LOGIN CONNECTION LIMIT 0 PASSWORD 'only-for-tests'")
        )
    try:
        error = told(postgresql_url.replace("reader@", "nobody_more@"), "SELECT 1.0 AS y")
    finally:
        with admin.begin() as connection:
            connection.execute(sa.text("DROP ROLE nobody_more"))
    assert error.message.endswith("/postgres takes no more connections")
    assert isinstance(error, SourceUnreachableError), "another try can find one"


def test_a_locked_table(admin: sa.Engine, postgresql_url: str) -> None:
    with admin.begin() as connection:
        connection.execute(sa.text("CREATE TABLE being_loaded AS SELECT 1.0 AS y"))
    try:
        with admin.begin() as loading:
            loading.execute(sa.text("LOCK TABLE being_loaded IN ACCESS EXCLUSIVE MODE"))
            error = told(limited(postgresql_url, "lock_timeout=50"), "SELECT y FROM being_loaded")
    finally:
        with admin.begin() as connection:
            connection.execute(sa.text("DROP TABLE being_loaded"))
    assert "is locked for longer than the database waits (lock_timeout)" in error.message
    assert isinstance(error, SourceUnreachableError)


def test_a_transaction_that_may_not_wait(postgresql_url: str) -> None:
    """A run computes for minutes between two questions; the SELECT was said to "change the database"."""
    url = limited(postgresql_url, "idle_in_transaction_session_timeout=50")
    records = Records(url, "SELECT 1.0 AS y", password_env=PASSWORD)
    with pytest.raises(ClinicnetError) as ended, records.in_one_state():
        records.columns()
        time.sleep(0.3)
        records.columns()
    assert "lets a transaction wait or last only so long" in ended.value.message
    assert "idle_in_transaction_session_timeout" in (ended.value.hint or "")


def test_a_select_that_somebody_cancelled() -> None:
    error = refusal("57014", "canceling statement due to user request", "db/records")
    assert isinstance(error, SourceUnreachableError)
    assert error.message == "somebody, or another program, cancelled the SELECT on db/records"


def test_what_is_no_refusal() -> None:
    assert refusal("42P01", "relation does not exist", "db/records") is None
    assert refusal("", "server closed the connection unexpectedly", "db/records") is None
