"""DuckDB as a source: its own files, Parquet and CSV in place, and relations somebody else opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import duckdb
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect

from tasks.errors import SourceError
from tasks.records.sources import source_errors
from tasks.records.sources.connection import Connection, SourceColumn, Ways
from tasks.records.sql_text import literal

_TABLES = (
    "SELECT table_schema, table_name FROM information_schema.tables "
    "WHERE table_schema NOT IN ('information_schema', 'pg_catalog') ORDER BY table_schema, table_name"
)

_AS_IT_IS = Ways()

_LEAST_MEMORY = 256 << 20
"""Bytes without which DuckDB does not read a wide table."""
_DISK = "temp_directory"


class _DuckPreparer(postgresql.base.PGIdentifierPreparer):
    """Quotes what PostgreSQL does, and the words that DuckDB alone keeps for itself."""

    reserved_words = postgresql.base.PGIdentifierPreparer.reserved_words | {
        *("anti", "asof", "at", "by", "collation", "concurrently", "describe", "glob", "lambda", "lateral"),
        *("pivot", "pivot_longer", "pivot_wider", "positional", "qualify", "semi", "show", "summarize"),
        *("tablesample", "unpack", "unpivot"),
    }


class _DuckDialect(postgresql.base.PGDialect):
    """PostgreSQL's SQL, which DuckDB reads; but a backslash in a text stands for itself."""

    name = "duckdb"
    preparer = _DuckPreparer
    _backslash_escapes = False


class _DuckDB:
    """DuckDB, natively."""

    dialect: Dialect = _DuckDialect(paramstyle="named")  # type: ignore[no-untyped-call]

    def __init__(
        self,
        run: Callable[..., duckdb.DuckDBPyRelation | None],
        place: str,
        ways: Ways = _AS_IT_IS,
        *,
        is_ours: bool = False,
    ) -> None:
        self._run = run
        self._is_ours = is_ours  # to be told how much memory it may have
        self._disk: str | None = None  # where rows may be spilled, while they may not
        self._place = place
        self._seconds = ways.seconds
        self.repeatable = ways.threads == 1

    def columns(self, query: str) -> Mapping[str, SourceColumn]:
        relation = self._relation(f"SELECT * FROM (\n{query}\n) AS records LIMIT 0")
        return {
            name: _duckdb_column(kind) for name, kind in zip(relation.columns, relation.types, strict=True)
        }

    def tables(self) -> list[tuple[str, str]]:
        return [(str(schema), str(name)) for schema, name in self._relation(_TABLES).fetchall()]

    def table(self, statement: sa.Executable | str) -> pa.Table:
        relation = self._relation(self._text(statement))
        return self._guarded(relation.to_arrow_table)

    def bound(self, pieces: Sequence[str], values: Mapping[str, object]) -> pa.Table:
        sql = "".join(f"${piece}" if place % 2 else piece for place, piece in enumerate(pieces))
        return self._guarded(self._relation(sql, dict(values)).to_arrow_table)

    def rows(self, statement: sa.Select[Any]) -> pa.Table:
        return self.table(statement)

    def streamed(self, statement: sa.Select[Any], most: int) -> Iterator[pa.Table]:
        sql = self._text(statement)
        reader, batch = self._guarded(lambda: self._begun(sql, most))
        try:
            while batch is not None:
                for start in range(0, batch.num_rows, most):
                    yield pa.Table.from_batches([batch.slice(start, most)])
                batch = self._next(reader)
        finally:
            reader.close()

    def _begun(self, sql: str, most: int) -> tuple[pa.RecordBatchReader, pa.RecordBatch | None]:
        relation = self._run(sql)
        if relation is None:
            raise self._no_table()
        reader: pa.RecordBatchReader = relation.to_arrow_reader(most)
        return reader, self._next(reader)

    def _next(self, reader: pa.RecordBatchReader) -> pa.RecordBatch | None:
        with suppress(OSError, pa.ArrowException):  # the message may quote a value
            return next(reader, None)
        raise SourceError(
            f"{self._place} stopped handing over its records", hint="run the SELECT by itself to see why"
        )

    @contextmanager
    def held_to(self, memory: float) -> Iterator[None]:
        if not self._is_ours:
            yield
            return
        asked = f"SELECT current_setting('{_DISK}') AS place"
        self._disk = str(self._relation(asked).to_arrow_table().column("place")[0].as_py())
        try:
            with suppress(duckdb.Error):  # it holds more already
                self._run(f"SET {_DISK} = ''")  # no row goes there for want of memory that we withhold
                self._run(f"SET memory_limit = '{max(round(memory), _LEAST_MEMORY)}B'")
            yield
        finally:
            self._lift()

    def _lift(self) -> None:
        if self._disk is not None:
            self._run("RESET memory_limit")
            self._run(f"SET {_DISK} = {literal(self._disk)}")
            self._disk = None

    def _text(self, statement: sa.Executable | str) -> str:
        if isinstance(statement, str):
            return statement
        clause = cast(sa.ClauseElement, statement)
        return str(clause.compile(dialect=self.dialect, compile_kwargs={"literal_binds": True}))

    def _relation(self, sql: str, values: Mapping[str, object] | None = None) -> duckdb.DuckDBPyRelation:
        bound = {"params": values} if values else {}
        relation: duckdb.DuckDBPyRelation | None = self._guarded(lambda: self._run(sql, **bound))
        if relation is None:  # a statement without a result
            raise self._no_table()
        return relation

    def _no_table(self) -> SourceError:
        return SourceError(f"the SELECT on {self._place} returns no table")

    def _guarded(self, act: Callable[[], Any]) -> Any:
        try:
            return act()
        except duckdb.Error as error:
            failed = error
        if isinstance(failed, duckdb.OutOfMemoryException) and self._disk is not None:
            self._lift()  # it sorts, say, and cannot do with less
            return self._guarded(act)
        tables: list[str] = []
        if isinstance(failed, duckdb.CatalogException):
            listing = self._run("SELECT table_name FROM information_schema.tables")
            tables = [str(row[0]) for row in listing.fetchall()] if listing is not None else []
        raise source_errors.from_duckdb(failed, self._place, tables, self._seconds) from None


@contextmanager
def open_duckdb(path: Path, ways: Ways) -> Iterator[Connection]:
    """A DuckDB database file, read only."""
    failed: duckdb.Error | None = None
    try:
        connection = duckdb.connect(str(path), read_only=True)
    except duckdb.Error as error:
        failed = error
    if failed is not None:
        raise source_errors.from_opening(failed, str(path)) from None
    with _closing(connection, ways):
        yield _DuckDB(connection.sql, path.name, ways, is_ours=True)


@contextmanager
def open_parquet(path: Path, ways: Ways) -> Iterator[Connection]:
    """Parquet files, in place, as the view `records`."""
    with in_memory(path.name, ways) as (connection, opened):
        failed: duckdb.Error | None = None
        try:
            connection.execute(f"CREATE VIEW records AS SELECT * FROM read_parquet({literal(str(path))})")
        except duckdb.Error as error:
            failed = error
        if failed is not None:
            raise source_errors.from_reading(failed, path.name, "Parquet") from None
        yield opened


@contextmanager
def in_memory(place: str, ways: Ways) -> Iterator[tuple[duckdb.DuckDBPyConnection, Connection]]:
    """A DuckDB connection of its own, for its views, and the same as records are asked.

    Args:
        place: the source as it may be shown.
        ways: how it answers.
    """
    connection = duckdb.connect(":memory:")
    with _closing(connection, ways):
        yield connection, _DuckDB(connection.sql, place, ways, is_ours=True)


@contextmanager
def open_memory(name: str, place: str, ways: Ways) -> Iterator[Connection]:
    """A DuckDB database in this process's memory, by the name it was made with."""
    connection = duckdb.connect(name)
    with _closing(connection, ways):
        yield _DuckDB(connection.sql, place, ways)


@contextmanager
def open_relation(relation: duckdb.DuckDBPyRelation) -> Iterator[Connection]:
    """A DuckDB relation, in the connection it belongs to, as the view `records`."""
    yield _DuckDB(lambda sql: relation.query("records", sql), "the relation")


@contextmanager
def _closing(connection: duckdb.DuckDBPyConnection, ways: Ways) -> Iterator[None]:
    try:
        # a name in a SELECT is a table or nothing: DuckDB would also try our own variables
        connection.execute("SET python_enable_replacements = false")
        if ways.threads is not None:
            connection.execute(f"SET threads = {int(ways.threads)}")
        if ways.milliseconds is not None:
            connection.execute(f"SET max_execution_time = {ways.milliseconds}")
        yield
    finally:
        connection.close()


def _duckdb_column(kind: Any) -> SourceColumn:
    name = str(kind.id)
    if name == "enum":
        return SourceColumn("text", order=tuple(str(each) for each in dict(kind.children)["values"]))
    if name in ("varchar", "uuid", "char"):
        return SourceColumn("text", is_plain=name != "uuid")
    if name == "boolean":
        return SourceColumn("boolean")
    if name in ("float", "double"):
        return SourceColumn("number", is_float=True, is_double=name == "double")
    if name in ("decimal", "sqlnull", "null", "integer") or name.endswith("int"):
        return SourceColumn("number")
    return SourceColumn("date" if name.startswith(("date", "timestamp")) else "other")
