"""Tables of rows in the databases that an estimator can be asked of."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb
import pandas as pd
import postgres

from tasks.records import Records

Place = Callable[[str], Records]
"""The table of that name, where it lies."""


def in_duckdb(frames: Mapping[str, pd.DataFrame], directory: Path) -> Place:
    path = directory / "tables.duckdb"
    with duckdb.connect(str(path)) as connection:
        for name, frame in frames.items():
            connection.register("rows", frame)
            connection.execute(f'CREATE TABLE "{name}" AS SELECT * FROM rows')
    return lambda table: Records(str(path), f'SELECT * FROM "{table}"')


def in_sqlite(frames: Mapping[str, pd.DataFrame], directory: Path) -> Place:
    path = directory / "tables.sqlite"
    with sqlite3.connect(path) as connection:
        for name, frame in frames.items():
            frame.to_sql(name, connection, index=False)
    return lambda table: Records(f"sqlite:///{path}", f'SELECT * FROM "{table}"')


def in_postgresql(frames: Mapping[str, pd.DataFrame], server: postgres.PostgreSQL) -> Place:
    """In a schema of their own, by a new name each time: other tests use the same server."""
    import adbc_driver_postgresql.dbapi
    import pyarrow as pa

    schema = f"frames_{uuid.uuid4().hex[:8]}"
    with adbc_driver_postgresql.dbapi.connect(
        server.admin_url.replace("postgresql+psycopg", "postgresql")
    ) as connection:
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE SCHEMA {schema}")
            for name, frame in frames.items():
                cursor.adbc_ingest(
                    name, pa.Table.from_pandas(frame, preserve_index=False), db_schema_name=schema
                )
        connection.commit()
    return lambda table: Records(
        server.url,
        f'SELECT * FROM {schema}."{table}"',
        password_env="PGPASSWORD_FOR_TESTS",  # noqa: S106
    )
