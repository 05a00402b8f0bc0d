"""Sources: what they are called, what they may not say, and what a person is told when one cannot be used."""

from __future__ import annotations

import pickle
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import postgres
import pytest
import sqlalchemy as sa

from tasks.errors import ClinicnetError, FormulaError, SourceError, SourceUnreachableError
from tasks.records import Records, cells_for, moments_for
from tasks.records.questions.aggregates import aggregate
from tasks.records.questions.derived_records import without_levels
from tasks.records.sources import records as records_module

CANARY = "Jane Canary-Doe"
SECRET = "hunter2-secret"  # noqa: S105 — planted, and looked for


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "clinics.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "CREATE TABLE visits AS SELECT 'C' || (i % 4) AS clinic, i AS sbp, i % 7 AS age, "
            f"'{CANARY}' AS name, DATE '2024-01-01' + CAST(i AS INTEGER) AS day, [i] AS list "
            "FROM range(40) AS t(i)"
        )
    return path


def told(source: Records, ask: Any = lambda source: source.columns()) -> ClinicnetError:
    with pytest.raises(ClinicnetError) as refused:
        ask(source)
    error = refused.value
    assert "\n" not in error.message
    assert CANARY not in str(error)
    assert SECRET not in str(error)
    assert error.__cause__ is None
    assert error.__context__ is None
    return error


def test_columns_are_told_with_their_kinds(database: Path) -> None:
    columns = Records(str(database), "SELECT * FROM visits").columns()
    assert columns == {
        "clinic": "text", "sbp": "number", "age": "number", "name": "text", "day": "date", "list": "other",
    }  # fmt: skip


def test_selects_compose(database: Path) -> None:
    records = Records(str(database), "SELECT clinic, sbp, 'a:b' AS odd, 5 % 3 AS rest FROM visits; ")
    high = records.made_of_these("SELECT * FROM {records} WHERE sbp >= 20 AND odd LIKE '%:b'").made_of_these(
        "SELECT clinic, sbp * 2 AS y FROM {records}"
    )
    table = aggregate(high, "SELECT count(*) AS n, sum(y) AS total FROM {records}")
    assert table.to_pylist() == [{"n": 20, "total": 2 * sum(range(20, 40))}]
    counted = aggregate(
        high,
        "WITH clinics AS (SELECT clinic, count(*) AS n FROM {records} GROUP BY clinic) "
        "SELECT count(*) AS clinics, max(n) AS most FROM clinics",
    )
    assert counted.to_pylist() == [{"clinics": 4, "most": 5}]
    assert moments_for("y ~ 1 + (1 | clinic)", high)[1].n.tolist() == [5, 5, 5, 5]
    assert (
        cells_for("odd ~ 1", records.made_of_these("SELECT sbp, sbp % 2 = 0 AS odd FROM {records}"))[1].n_obs
        == 40
    )


def test_a_handle_is_small_and_travels(database: Path) -> None:
    records = Records(database.name, "SELECT * FROM visits", directory=str(database.parent))
    pickled = pickle.dumps(records)
    assert len(pickled) < 600
    assert pickle.loads(pickled).columns() == records.columns()  # noqa: S301 — our own


def test_a_held_source_answers_as_before(database: Path) -> None:
    with Records(str(database), "SELECT * FROM visits").held() as records:
        assert aggregate(records, "SELECT count(*) AS n FROM {records}").to_pylist() == [{"n": 40}]


def test_reading_never_writes(database: Path) -> None:
    before = database.read_bytes()
    records = Records(str(database), "SELECT * FROM visits")
    moments_for("sbp ~ age + (1 | clinic)", records)
    told(Records(str(database), "DROP TABLE visits"))
    assert database.read_bytes() == before


MISSING = [
    ("nothere.duckdb", "there is no file"),
    ("nothere.parquet", "there is no file"),
    ("nothere-*.parquet", "no file matches"),
    (".", "is a directory"),
]


@pytest.mark.parametrize(("source", "says"), MISSING, ids=[each[0] for each in MISSING])
def test_what_is_not_there_is_named(source: str, says: str, tmp_path: Path) -> None:
    error = told(Records(source, directory=str(tmp_path)))
    assert says in error.message
    assert isinstance(error, SourceError)


def test_tables_and_columns_that_are_not_there_are_offered_the_nearest(database: Path) -> None:
    error = told(Records(str(database), "SELECT * FROM visit"))
    assert "no table 'visit' in clinics.duckdb; did you mean 'visits'?" in error.message
    error = told(Records(str(database), "SELECT clinik FROM visits"))
    assert "'clinik' that is not there in clinics.duckdb; did you mean 'clinic'?" in error.message
    error = told(Records(str(database), "SELECT klinik AS Klinik, clinic FROM visits"))
    assert "names a column 'klinik' that is not there in clinics.duckdb" in error.message
    error = told(Records(str(database), "SELECT * FROM visits"), lambda r: moments_for("sbq ~ age", r))
    assert "no column 'sbq' in the data; did you mean 'sbp'?" in error.message
    assert isinstance(error, FormulaError)
    error = told(Records(str(database)))
    assert "no table 'records'" in error.message


def test_bad_sql_is_told_where(database: Path) -> None:
    assert "is not valid SQL near" in told(Records(str(database), "SELEC * FROM visits")).message
    assert "is not valid SQL" in told(Records(str(database), "SELECT * FROM visits WHERE (")).message


def test_files_that_are_something_else_are_told(tmp_path: Path) -> None:
    (tmp_path / "not.duckdb").write_text(CANARY * 2000)
    assert "is not a DuckDB database" in told(Records(str(tmp_path / "not.duckdb"))).message
    (tmp_path / "not.parquet").write_text(CANARY * 20)
    assert "cannot be read as Parquet" in told(Records(str(tmp_path / "not.parquet"))).message


VALUES = [
    "SELECT CAST(name AS DOUBLE) AS sbp, clinic FROM visits",
    "SELECT CAST(name AS DATE) AS sbp, clinic FROM visits",
    "SELECT CAST(name AS ENUM('x')) AS sbp, clinic FROM visits",
    "SELECT CAST(sbp * 1000000000 AS TINYINT) AS sbp, clinic FROM visits",
    "SELECT error(name) AS sbp, clinic FROM visits",
    "SELECT name::INTEGER + 1 AS sbp, clinic FROM visits",
    "SELECT strptime(name, '%Y') AS sbp, clinic FROM visits",
    "SELECT json_extract(name, '$.a')::INT AS sbp, clinic FROM visits",
]


@pytest.mark.parametrize("select", VALUES)
def test_a_value_that_does_not_fit_is_not_quoted(select: str, database: Path) -> None:
    """DuckDB's own messages quote it: "Could not convert string 'Jane Canary-Doe' to DOUBLE"."""
    records = Records(str(database), select)
    for ask in (
        lambda r: moments_for("sbp ~ 1 + (1 | clinic)", r),
        lambda r: cells_for("sbp ~ 1 + (1 | clinic)", r),
        lambda r: aggregate(r, "SELECT sum(sbp) AS m, count(*) AS n FROM {records}"),
    ):
        told(records, ask)


@pytest.mark.slow
def test_a_csv_whose_rows_break_the_type_is_not_quoted(tmp_path: Path) -> None:
    lines = [f"{i},{i * 2}" for i in range(60_000)] + [f"{CANARY},1"]
    (tmp_path / "visits.csv").write_text("a,b\n" + "\n".join(lines))
    told(Records(str(tmp_path / "visits.csv")), lambda r: moments_for("a ~ b", r))


@pytest.mark.faults
def test_a_file_another_program_writes_is_told_to_be_held(database: Path) -> None:
    hold = "print('held', flush=True); time.sleep(60)"
    program = f"import duckdb, time; c = duckdb.connect({str(database)!r}); {hold}"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as writer:
        try:
            assert writer.stdout is not None
            assert writer.stdout.readline().strip() == "held"
            error = told(Records(str(database), "SELECT * FROM visits"))
        finally:
            writer.kill()
    assert isinstance(error, SourceUnreachableError)
    assert "open for writing elsewhere" in error.message


def test_a_file_we_write_ourselves_is_told_to_be_held(database: Path) -> None:
    with duckdb.connect(str(database)):
        assert isinstance(told(Records(str(database), "SELECT * FROM visits")), SourceUnreachableError)


# Secrets ---------------------------------------------------------------------------------------------


def test_a_password_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_PASSWORD", SECRET)
    for url in (
        f"postgresql://ann:{SECRET}@127.0.0.1:1/clinics",
        f"postgresql://ann:{SECRET}@127.0.0.1:1/clinics?password={SECRET}",
        "postgresql://ann:${DB_PASSWORD}@127.0.0.1:1/clinics",
        f"nosuchdialect://ann:{SECRET}@127.0.0.1:1/clinics",
        f"postgresql+nosuchdriver://ann:{SECRET}@127.0.0.1:1/clinics",
        f"postgresql://ann:{SECRET}@127.0.0.1:notaport/clinics",
    ):
        records = Records(url, "SELECT 1")
        error = told(records)
        assert SECRET not in repr(records)
        assert SECRET not in repr(error)
        assert isinstance(error, SourceError)


def test_placeholders_are_filled_only_when_opened(monkeypatch: pytest.MonkeyPatch, database: Path) -> None:
    monkeypatch.delenv("CLINICS_AT", raising=False)
    records = Records("${CLINICS_AT}/clinics.duckdb", "SELECT * FROM visits")
    assert "CLINICS_AT, which is not set" in told(records).message
    monkeypatch.setenv("CLINICS_AT", str(database.parent))
    assert "clinic" in records.columns()
    assert str(database.parent).encode() not in pickle.dumps(records)
    missing = Records("postgresql://ann@127.0.0.1:1/clinics", "SELECT 1", password_env="NOT_SET")  # noqa: S106
    assert "NOT_SET" in told(missing).message


def test_an_unreachable_database_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    error = told(Records("postgresql://ann@127.0.0.1:1/clinics", "SELECT 1"))
    assert isinstance(error, SourceUnreachableError)
    assert "127.0.0.1:1/clinics does not answer" in error.message


def test_duckdb_urls_are_files(database: Path) -> None:
    assert Records(f"duckdb:///{database}", "SELECT * FROM visits").columns()["sbp"] == "number"


# PostgreSQL ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def filled(postgresql: Any) -> Any:
    engine = sa.create_engine(postgresql.admin_url)
    data = pd.DataFrame({"clinic": list("abcd") * 5, "sbp": range(20), "name": CANARY})
    data.to_sql("patients", engine, index=False)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE SEQUENCE counter"))
    engine.dispose()
    return postgresql


POSTGRESQL = [
    ("SELECT * FROM patient", "no table 'patient'"),
    ("SELECT clinik FROM patients", "'clinik' that is not there"),
    ("SELECT 1 FROM WHERE", "not valid SQL near 'WHERE'"),
    ("SELECT CAST(name AS INTEGER) AS sbp, clinic FROM patients", "does not have the type"),
    ("SELECT CAST(name AS DATE) AS sbp, clinic FROM patients", "does not have the type"),
    ("DELETE FROM patients RETURNING sbp, clinic", "not valid SQL"),
    ("SELECT nextval('counter') AS sbp, clinic FROM patients", "records are read only"),
]


@pytest.mark.live
@pytest.mark.parametrize(("select", "says"), POSTGRESQL, ids=[each[0] for each in POSTGRESQL])
def test_postgresqls_refusals_are_told(select: str, says: str, filled: Any, postgresql_url: str) -> None:
    records = Records(postgresql_url, select, password_env="PGPASSWORD_FOR_TESTS")  # noqa: S106
    assert says in told(records, lambda r: moments_for("sbp ~ 1 + (1 | clinic)", r)).message


@pytest.mark.live
def test_wrong_passwords_and_databases_are_told(filled: Any, postgresql_url: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("WRONG", SECRET)
    wrong = Records(postgresql_url, "SELECT 1", password_env="WRONG")  # noqa: S106
    assert "refused the user or the password" in told(wrong).message
    assert "refused the user or the password" in told(Records(postgresql_url, "SELECT 1")).message
    elsewhere = Records(f"{postgresql_url}x", "SELECT 1", password_env="PGPASSWORD_FOR_TESTS")  # noqa: S106
    assert "there is no database" in told(elsewhere).message


@pytest.mark.live
def test_a_database_that_goes_away_half_way_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD_FOR_TESTS", postgres.PASSWORD)
    with postgres.running() as server:
        slow = (
            "SELECT i AS sbp, CAST(i % 3 AS TEXT) AS clinic, pg_sleep(0.002) IS NULL AS x "
            "FROM generate_series(1, 20000) AS t(i)"
        )
        records = Records(server.url, slow, password_env="PGPASSWORD_FOR_TESTS")  # noqa: S106
        assert records.columns()["sbp"] == "number"
        with subprocess.Popen(["sh", "-c", 'sleep 2; "$@"', "sh", *server.stop], stdout=subprocess.DEVNULL):
            start = time.monotonic()
            error = told(records, lambda r: moments_for("sbp ~ x + (1 | clinic)", r))
        assert time.monotonic() - start > 1
    assert isinstance(error, SourceUnreachableError)
    assert "went away" in error.message


def test_records_that_are_copied_are_fetched_once_for_a_job_and_then_forgotten(tmp_path: Path) -> None:
    file = tmp_path / "records.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE visits (clinic TEXT)")
        connection.execute("INSERT INTO visits VALUES ('A'), ('B')")
    records = Records(f"sqlite:///{file}", "SELECT clinic FROM visits")
    count = "SELECT count(*) AS n FROM {records}"
    with records.in_one_state():
        assert aggregate(records, count).to_pylist() == [{"n": 2}]
        file.unlink()  # nobody goes there again
        narrowed = without_levels(records, [{"clinic": "B"}])
        assert aggregate(narrowed, count).to_pylist() == [{"n": 1}]
    with pytest.raises(SourceError, match="there is no file"):
        aggregate(records, count)


def test_an_sqlite_files_path_starts_at_the_network_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlite3

    (tmp_path / "data").mkdir()
    with sqlite3.connect(tmp_path / "data" / "r.sqlite") as connection:
        connection.execute("CREATE TABLE records (clinic)")
    monkeypatch.chdir("/")
    for source in ("sqlite:///data/r.sqlite", f"sqlite:///{tmp_path}/data/r.sqlite"):
        assert list(Records(source, directory=str(tmp_path)).columns()) == ["clinic"]


@pytest.mark.parametrize("name", ["visits.csv", "visits.parquet"])
def test_a_held_file_is_opened_once(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a CSV file that is opened, every value is looked at to know its types."""
    duckdb.sql("SELECT range AS age FROM range(9)").write_csv(str(tmp_path / "visits.csv"))
    duckdb.sql("SELECT range AS age FROM range(9)").write_parquet(str(tmp_path / "visits.parquet"))
    opened: list[Path] = []
    reader = {"visits.csv": "open_csv", "visits.parquet": "open_parquet"}[name]
    real = getattr(records_module, reader)

    def counted(path: Path, threads: int | None) -> Any:
        opened.append(path)
        return real(path, threads)

    monkeypatch.setattr(records_module, reader, counted)
    with Records(str(tmp_path / name)).held() as records:
        assert records.columns() == records.columns() == {"age": "number"}
    assert len(opened) == 1
