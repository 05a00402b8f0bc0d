"""A database user with the rights of deploy/postgresql-grants.sql makes a month, and can do nothing else."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import postgres
import pytest
import sqlalchemy as sa
from golden.demo_feeds import undrawn
from small_network import MONTH, NETWORK, write_network

from flows.monthly_job import report_period
from tasks.errors import SourceError
from tasks.records import Records

GRANTS = Path(__file__).parents[2] / "deploy/postgresql-grants.sql"
READER = "clinicnet_reader"
_VIEW = """
CREATE SCHEMA reporting;
CREATE VIEW reporting.visits AS
SELECT clinic, region, patient, visit_date, vaccinated, sbp, emergencies, age, sex FROM clinical.visits
"""
_READABLE = """
SELECT n.nspname || '.' || c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND c.relkind IN ('r', 'v', 'm', 'f', 'p')
    AND (has_table_privilege(current_user, c.oid, 'SELECT') OR has_any_column_privilege(c.oid, 'SELECT'))
"""


def _psql(admin: sa.URL, *arguments: str) -> None:
    """As the page says: by psql, from a file."""
    programs = postgres.binaries()
    psql = shutil.which("psql", path=str(programs)) or shutil.which("psql")
    assert psql is not None, "psql is not installed: apt-get install postgresql-client"
    where = [
        "-h",
        str(admin.host),
        "-p",
        str(admin.port),
        "-U",
        str(admin.username),
        "-d",
        str(admin.database),
    ]
    done = subprocess.run(
        [psql, *where, *arguments],
        env={"PGPASSWORD": postgres.PASSWORD, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def granted(tmp_path: Path, postgresql: Any) -> Iterator[str]:
    """A database of its own whose reader has been granted the view; the URL with the reader in it."""
    admin = sa.make_url(postgresql.admin_url)
    _psql(admin, "-c", "CREATE DATABASE hospital")
    hospital = admin.set(database="hospital")
    engine = sa.create_engine(hospital)
    try:
        write_network(tmp_path)
        with engine.begin() as connection:
            connection.execute(sa.text("CREATE SCHEMA clinical"))
            with duckdb.connect(str(tmp_path / "records.duckdb"), read_only=True) as file:
                table = file.sql("SELECT *, 'Xanthippe' AS name FROM visits").df()
            table.to_sql("visits", connection, schema="clinical", index=False)
            for statement in _VIEW.split(";"):
                connection.execute(sa.text(statement))
        variables = [f"reader={READER}", "schema=reporting", "view=visits"]
        _psql(hospital, *(word for each in variables for word in ("-v", each)), "-f", str(GRANTS))
        _psql(hospital, "-c", f"ALTER ROLE {READER} PASSWORD '{postgres.PASSWORD}'")
        yield postgresql.url.replace("reader@", f"{READER}@").replace("/postgres", "/hospital")
    finally:  # the server is shared by all tests
        engine.dispose()
        _psql(admin, "-c", "DROP DATABASE hospital WITH (FORCE)", "-c", f"DROP ROLE IF EXISTS {READER}")


@pytest.mark.live
@pytest.mark.slow
@pytest.mark.attack
@pytest.mark.before_release
def test_a_month_needs_one_view_and_the_user_can_do_nothing_else(
    granted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("READER_PASSWORD", postgres.PASSWORD)
    from_file = report_period(tmp_path / "network.toml", MONTH, undrawn()).release
    source = f'source = "{granted}"\npassword_env = "READER_PASSWORD"'
    there = write_network(tmp_path / "there", network=NETWORK.replace('source = "records.duckdb"', source))
    (there.parent / "records.duckdb").unlink()
    release = report_period(there, MONTH, undrawn()).release
    for name, table in from_file.tables.items():
        pd.testing.assert_frame_equal(table, release[name], rtol=1e-9, atol=1e-12, obj=name)
    written = [each for each in (there.parent / "output").rglob("*") if each.is_file()]
    assert not [each for each in written if postgres.PASSWORD.encode() in each.read_bytes()]

    beside = Records(granted, "SELECT name, vaccinated FROM clinical.visits", password_env="READER_PASSWORD")  # noqa: S106
    with pytest.raises(SourceError, match="may not read all that the SELECT names"):
        beside.columns()
    engine = sa.create_engine(
        sa.make_url(granted).set(drivername="postgresql+psycopg", password=postgres.PASSWORD)
    )
    with engine.connect() as connection:
        assert pd.read_sql(sa.text(_READABLE), connection).iloc[:, 0].tolist() == ["reporting.visits"]
    for statement in (
        "CREATE TABLE reporting.mine (x int)",
        "CREATE TABLE public.mine (x int)",
        "CREATE TEMPORARY TABLE mine (x int)",
        "DELETE FROM reporting.visits",
        "SELECT name FROM clinical.visits",
        "CREATE ROLE other",
        "COPY reporting.visits TO PROGRAM 'cat'",
    ):
        with engine.connect() as connection:
            connection.execute(sa.text("SET default_transaction_read_only = off"))
            connection.commit()  # who is let in can set that back: the rights must hold by themselves
            with pytest.raises(sa.exc.ProgrammingError, match="InsufficientPrivilege"):
                connection.execute(sa.text(statement))
    engine.dispose()
