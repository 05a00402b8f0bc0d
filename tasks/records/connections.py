"""Connections to where records are: DuckDB itself, files through DuckDB, any other database by SQLAlchemy.

Every connection reads only. `columns` says what a SELECT returns, `table` runs a statement and brings its
result as Arrow.
"""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import duckdb
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect

from tasks.errors import SourceError
from tasks.records import source_errors
from tasks.records.columns import Kind


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """A column that a SELECT returns.

    Attributes:
        kind: number, boolean, text, date or other.
        is_float: whether it can hold NaN.
        is_double: whether it is a double already.
        order: the labels of an enumeration in its own order.
    """

    kind: Kind
    is_float: bool = False
    is_double: bool = False
    order: tuple[str, ...] | None = None


class Connection(Protocol):
    """What the rest of `tasks.records` needs of a database."""

    @property
    def dialect(self) -> Dialect:
        """The SQL it understands."""
        ...

    @property
    def repeatable(self) -> bool:
        """Whether sums must come out the same to the last bit every time."""
        ...

    def columns(self, query: str) -> Mapping[str, SourceColumn]:
        """What a SELECT returns."""
        ...

    def table(self, statement: sa.Executable | str) -> pa.Table:
        """The result of a statement."""
        ...


class _DuckDialect(postgresql.base.PGDialect):
    """PostgreSQL's SQL, which DuckDB reads."""

    name = "duckdb"


class _DuckDB:
    """DuckDB, natively."""

    dialect: Dialect = _DuckDialect(paramstyle="named")  # type: ignore[no-untyped-call]

    def __init__(
        self, run: Callable[[str], duckdb.DuckDBPyRelation | None], place: str, threads: int | None = None
    ) -> None:
        self._run = run
        self._place = place
        self.repeatable = threads == 1

    def columns(self, query: str) -> Mapping[str, SourceColumn]:
        relation = self._relation(f"SELECT * FROM (\n{query}\n) AS records LIMIT 0")
        return {
            name: _duckdb_column(kind) for name, kind in zip(relation.columns, relation.types, strict=True)
        }

    def table(self, statement: sa.Executable | str) -> pa.Table:
        relation = self._relation(self._text(statement))
        return self._guarded(relation.to_arrow_table)

    def _text(self, statement: sa.Executable | str) -> str:
        if isinstance(statement, str):
            return statement
        clause = cast(sa.ClauseElement, statement)
        return str(clause.compile(dialect=self.dialect, compile_kwargs={"literal_binds": True}))

    def _relation(self, sql: str) -> duckdb.DuckDBPyRelation:
        relation: duckdb.DuckDBPyRelation | None = self._guarded(lambda: self._run(sql))
        if relation is None:  # a statement without a result
            raise SourceError(f"the SELECT on {self._place} returns no table")
        return relation

    def _guarded(self, act: Callable[[], Any]) -> Any:
        try:
            return act()
        except duckdb.Error as error:
            failed = error
        tables: list[str] = []
        if isinstance(failed, duckdb.CatalogException):
            listing = self._run("SELECT table_name FROM information_schema.tables")
            tables = [str(row[0]) for row in listing.fetchall()] if listing is not None else []
        raise source_errors.from_duckdb(failed, self._place, tables) from None


@contextmanager
def open_duckdb(path: Path, threads: int | None) -> Iterator[Connection]:
    """A DuckDB database file, read only."""
    failed: duckdb.Error | None = None
    try:
        connection = duckdb.connect(str(path), read_only=True)
    except duckdb.Error as error:
        failed = error
    if failed is not None:
        raise source_errors.from_opening(failed, str(path)) from None
    with _closing(connection, threads):
        yield _DuckDB(connection.sql, path.name, threads)


@contextmanager
def open_files(path: Path, reader: str, threads: int | None) -> Iterator[Connection]:
    """Parquet or CSV files, in place, as the view `records`."""
    connection = duckdb.connect(":memory:")
    with _closing(connection, threads):
        opened = _DuckDB(connection.sql, path.name, threads)
        quoted = str(path).replace("'", "''")
        failed: duckdb.Error | None = None
        try:
            connection.execute(f"CREATE VIEW records AS SELECT * FROM {reader}('{quoted}')")
        except duckdb.Error as error:
            failed = error
        if failed is not None:
            raise SourceError(
                f"{path.name} cannot be read as {'Parquet' if 'parquet' in reader else 'CSV'}",
                hint="check that the file is whole and what its ending says",
            )
        yield opened


@contextmanager
def open_relation(relation: duckdb.DuckDBPyRelation) -> Iterator[Connection]:
    """A DuckDB relation, in the connection it belongs to, as the view `records`."""
    yield _DuckDB(lambda sql: relation.query("records", sql), "the relation")


@contextmanager
def _closing(connection: duckdb.DuckDBPyConnection, threads: int | None) -> Iterator[None]:
    try:
        if threads is not None:
            connection.execute(f"SET threads = {int(threads)}")
        yield
    finally:
        connection.close()


def _duckdb_column(kind: Any) -> SourceColumn:
    name = str(kind.id)
    if name == "enum":
        return SourceColumn("text", order=tuple(str(each) for each in dict(kind.children)["values"]))
    if name in ("varchar", "uuid", "char"):
        return SourceColumn("text")
    if name == "boolean":
        return SourceColumn("boolean")
    if name in ("float", "double"):
        return SourceColumn("number", is_float=True, is_double=name == "double")
    if name in ("decimal", "sqlnull", "null", "integer") or name.endswith("int"):
        return SourceColumn("number")
    return SourceColumn("date" if name.startswith(("date", "timestamp")) else "other")


class _Database:
    """A database reached by SQLAlchemy, inside one read-only transaction."""

    def __init__(self, connection: sa.Connection, place: str, threads: int | None) -> None:
        self._connection = connection
        self._place = place
        self.repeatable = threads == 1
        self.dialect: Dialect = connection.dialect

    def columns(self, query: str) -> Mapping[str, SourceColumn]:
        limit = 0 if self.dialect.name == "postgresql" else 1000
        rows = sa.select(sa.text("*")).select_from(_text(query).columns().subquery("records")).limit(limit)
        names, types, values = self._fetch(rows)
        if self.dialect.name == "postgresql":
            return {name: _postgresql_column(oid) for name, oid in zip(names, types, strict=True)}
        return {name: _column_of(column) for name, column in zip(names, values, strict=True)}

    def table(self, statement: sa.Executable | str) -> pa.Table:
        names, types, values = self._fetch(_text(statement) if isinstance(statement, str) else statement)
        arrays = []
        for oid, column in zip(types, values, strict=True):
            doubles = self.dialect.name == "postgresql" and oid in (_FLOAT8, _NUMERIC)
            arrays.append(_array(column, pa.float64() if doubles else None))
        return pa.Table.from_arrays(arrays, names=names)

    def _fetch(self, statement: sa.Executable) -> tuple[list[str], list[int], list[Sequence[Any]]]:
        failed: sa.exc.SQLAlchemyError | None = None
        try:
            with self._connection.execute(statement) as result:
                names = list(result.keys())
                description = getattr(result.cursor, "description", None) or [(None, 0)] * len(names)
                types = [each[1] if isinstance(each[1], int) else 0 for each in description]
                columns = list(zip(*result.fetchall(), strict=True)) or [()] * len(names)
            return names, types, list(columns)
        except sa.exc.SQLAlchemyError as error:
            failed = error
        raise source_errors.from_sqlalchemy(failed, self._place, self._tables(failed)) from None

    def _tables(self, failed: sa.exc.SQLAlchemyError) -> list[str]:
        if getattr(failed, "connection_invalidated", False):
            return []
        try:
            self._connection.rollback()
            return sa.inspect(self._connection).get_table_names()
        except sa.exc.SQLAlchemyError:
            return []


@contextmanager
def open_url(url: str, password: str | None, place: str, threads: int | None) -> Iterator[Connection]:
    """A database by its SQLAlchemy URL, in one read-only transaction that sees one state of it."""
    failed: sa.exc.SQLAlchemyError | None = None
    engine: sa.Engine | None = None
    connection: sa.Connection | None = None
    try:
        parsed = sa.make_url(url)
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        if password is not None:
            parsed = parsed.set(password=password)
        engine = sa.create_engine(parsed, poolclass=sa.NullPool, hide_parameters=True)
        connection = engine.connect()
        if engine.dialect.name == "postgresql":
            connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
            if threads == 1:
                connection.execute(sa.text("SET LOCAL max_parallel_workers_per_gather = 0"))
                connection.execute(sa.text("SET LOCAL synchronize_seqscans = off"))
    except sa.exc.SQLAlchemyError as error:
        failed = error
    except ModuleNotFoundError:
        failed = sa.exc.NoSuchModuleError()
    except ValueError:  # a port that is no number; the message quotes the URL
        failed = sa.exc.ArgumentError()
    if failed is not None or connection is None or engine is None:
        if connection is not None:
            connection.close()
        raise source_errors.from_sqlalchemy(failed or sa.exc.SQLAlchemyError(), place) from None
    try:
        yield _Database(connection, place, threads)
    finally:
        connection.close()
        engine.dispose()


def _text(sql: str) -> sa.TextClause:
    """SQL as it stands: colons are not parameters."""
    return sa.text(sql.replace(":", r"\:"))


_FLOAT8, _NUMERIC = 701, 1700
_POSTGRESQL: Mapping[Kind, tuple[int, ...]] = {
    "number": (20, 21, 23, 700, _FLOAT8, _NUMERIC),
    "boolean": (16,),
    "text": (18, 19, 25, 1042, 1043, 2950),
    "date": (1082, 1114, 1184),
}


def _postgresql_column(oid: int) -> SourceColumn:
    for kind, oids in _POSTGRESQL.items():
        if oid in oids:
            return SourceColumn(kind, is_float=oid in (700, _FLOAT8, _NUMERIC), is_double=oid == _FLOAT8)
    # types made in the database: enumerations and domains read as text, arrays and the like do not
    return SourceColumn("text" if oid >= 16384 else "other")


def _column_of(values: Sequence[Any]) -> SourceColumn:
    """What a column is, by the first thousand values (for databases that do not say)."""
    present = [value for value in values if value is not None]
    if not present or all(isinstance(value, int | float | decimal.Decimal) for value in present):
        if present and all(isinstance(value, bool) for value in present):
            return SourceColumn("boolean")
        return SourceColumn("number", is_float=any(isinstance(value, float) for value in present))
    if all(isinstance(value, datetime.date) for value in present):
        return SourceColumn("date")
    return SourceColumn("text" if all(isinstance(value, str) for value in present) else "other")


def _array(column: Sequence[Any], kind: pa.DataType | None) -> pa.Array:
    try:
        if kind is not None:
            return pa.array([None if each is None else float(each) for each in column], kind)
        if any(isinstance(each, uuid.UUID) for each in column[:1_000]):
            return pa.array([None if each is None else str(each) for each in column])
        return pa.array(column)
    except (pa.ArrowException, TypeError, ValueError):
        pass  # the message quotes a value
    raise SourceError(
        "a column of the SELECT mixes kinds of values", hint="cast it to one type in the SELECT"
    )
