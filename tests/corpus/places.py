"""A case's records written to each place that records can be in."""

from __future__ import annotations

import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import postgres
import pyarrow as pa
from corpus.case import Case

from tasks.records import Records


def written(case: Case, place: str, directory: Path, server: postgres.PostgreSQL | None = None) -> Path:
    """The network file of the case, its records beside it or on the server."""
    file = directory / "network.toml"
    file.write_text(case.network_file(_SOURCES[place](case, directory, server)), encoding="utf-8")
    return file


def handle(case: Case, place: str, directory: Path, server: postgres.PostgreSQL | None = None) -> Records:
    """The case's records for the model library."""
    keys = dict(
        line.split(" = ", 1) for line in _SOURCES[place](case, directory, server).splitlines() if line
    )
    values = {key: value.strip('"') for key, value in keys.items()}
    return Records(values["source"], case.select, values.get("password_env"), directory=str(directory))


def _database(case: Case, path: str = ":memory:") -> duckdb.DuckDBPyConnection:
    """The records with their types, as the table `records`."""
    connection = duckdb.connect(path)
    connection.execute("SET TimeZone = 'UTC'")
    connection.register("rows", case.rows())
    cast = ", ".join(f'CAST("{name}" AS {kind}) AS "{name}"' for name, kind in case.types.items())
    connection.execute(f"CREATE TABLE records AS SELECT *{f' REPLACE ({cast})' if cast else ''} FROM rows")
    connection.unregister("rows")
    return connection


def _duckdb(case: Case, directory: Path, _: Any) -> str:
    _database(case, str(directory / "records.duckdb")).close()
    return 'source = "records.duckdb"'


def _csv(case: Case, directory: Path, _: Any) -> str:
    with _database(case) as connection:
        connection.execute(f"COPY records TO '{directory}/records.csv' (HEADER)")
    return 'source = "records.csv"'


def _parquet(case: Case, directory: Path, _: Any) -> str:
    with _database(case) as connection:
        connection.execute(f"COPY records TO '{directory}/records.parquet'")
    return 'source = "records.parquet"'


def _sqlite(case: Case, directory: Path, _: Any) -> str:
    with _database(case) as connection:
        table = connection.sql("SELECT * FROM records").to_arrow_table()
    names = [f'"{name.replace(chr(34), chr(34) * 2)}"' for name in table.column_names]
    types = [_sqlite_type(field.type) for field in table.schema]
    declared = ", ".join(f"{name} {kind}" for name, kind in zip(names, types, strict=True))
    rows = zip(
        *([_sqlite_value(each) for each in column.to_pylist()] for column in table.columns), strict=True
    )
    with sqlite3.connect(directory / "records.sqlite") as connection:
        connection.execute(f"CREATE TABLE records ({declared})")
        connection.executemany(f"INSERT INTO records VALUES ({', '.join('?' * len(names))})", rows)
    return 'source = "sqlite:///records.sqlite"'


def _sqlite_type(kind: pa.DataType) -> str:
    if pa.types.is_decimal(kind):
        return "NUMERIC"
    return "INTEGER" if pa.types.is_integer(kind) or pa.types.is_boolean(kind) else (
        "REAL" if pa.types.is_floating(kind) else "TEXT"
    )  # fmt: skip


def _sqlite_value(value: Any) -> Any:
    """As Python's programs write it: days and times as ISO text, decimals as text of a number."""
    if hasattr(value, "isoformat"):
        text = value.isoformat(sep=" ") if hasattr(value, "hour") else value.isoformat()
        return text.removesuffix(" 00:00:00")
    return str(value) if isinstance(value, Decimal) else value


def _postgresql(case: Case, directory: Path, server: postgres.PostgreSQL | None) -> str:
    import adbc_driver_postgresql.dbapi

    assert server is not None
    with _database(case) as connection:
        table = connection.sql("SELECT * FROM records").to_arrow_table()
    address = server.admin_url.replace("postgresql+psycopg", "postgresql")
    with adbc_driver_postgresql.dbapi.connect(address) as database:
        with database.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS records")
            cursor.adbc_ingest("records", table)
        database.commit()
    return f'source = "{server.url}"\npassword_env = "PGPASSWORD_FOR_TESTS"'


_SOURCES = {
    "DuckDB": _duckdb,
    "CSV": _csv,
    "Parquet": _parquet,
    "SQLite": _sqlite,
    "PostgreSQL": _postgresql,
}
