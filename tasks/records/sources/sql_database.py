"""Databases reached by a SQLAlchemy URL.

PostgreSQL answers questions itself; its rows come by ADBC where that is installed. Any other tells its tables
and columns, and hands its rows over to be copied.
"""

from __future__ import annotations

import datetime
import decimal
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Dialect

from tasks.errors import ClinicnetError, SourceError
from tasks.records.data_columns import Kind
from tasks.records.sources import source_errors
from tasks.records.sources.connection import SourceColumn, Ways
from tasks.records.sources.server_refusals import past_limit

_BATCH = 50_000  # rows fetched at a time
_SYSTEM = ("information_schema", "pg_catalog", "mysql", "performance_schema", "sys")


class _Database:
    """A database reached by SQLAlchemy, inside one read-only transaction."""

    def __init__(
        self, connection: sa.Connection, url: sa.URL, place: str, ways: Ways, snapshot: str | None
    ) -> None:
        self._url = url
        self._connection = connection
        self._place = place
        self._ways = ways
        self.repeatable = ways.threads == 1
        self.dialect: Dialect = connection.dialect
        self._snapshot = snapshot

    def columns(self, query: str) -> Mapping[str, SourceColumn]:
        limit = 0 if self.dialect.name == "postgresql" else 1000
        rows = sa.select(sa.text("*")).select_from(_text(query).columns().subquery("records")).limit(limit)
        names, types, values = self._fetch(rows)
        if self.dialect.name == "postgresql":
            return {name: _postgresql_column(oid) for name, oid in zip(names, types, strict=True)}
        return {name: _column_of(column) for name, column in zip(names, values, strict=True)}

    def tables(self) -> list[tuple[str, str]]:
        failed: sa.exc.SQLAlchemyError | None = None
        try:
            inspector = sa.inspect(self._connection)
            own = inspector.default_schema_name
            return sorted(
                ("" if schema == own else schema, name)
                for schema in inspector.get_schema_names()
                if schema not in _SYSTEM
                for name in (*inspector.get_table_names(schema), *inspector.get_view_names(schema))
            )
        except sa.exc.SQLAlchemyError as error:
            failed = error
        raise self._told(failed) from None

    def table(self, statement: sa.Executable | str) -> pa.Table:
        names, types, values = self._fetch(_text(statement) if isinstance(statement, str) else statement)
        arrays = []
        for oid, column in zip(types, values, strict=True):
            doubles = self.dialect.name == "postgresql" and oid in (_FLOAT8, _NUMERIC)
            arrays.append(_array(column, pa.float64() if doubles else None))
        return pa.Table.from_arrays(arrays, names=names)

    def bound(self, pieces: Sequence[str], values: Mapping[str, object]) -> pa.Table:
        sql = "".join(f":{each}" if place % 2 else _colons(each) for place, each in enumerate(pieces))
        names, _, columns = self._fetch(sa.text(sql).bindparams(**values))
        return pa.Table.from_arrays([_array(column, None) for column in columns], names=names)

    def rows(self, statement: sa.Select[Any]) -> pa.Table:
        fast = self._by_adbc(statement) if self.dialect.name == "postgresql" else None
        return self.table(statement) if fast is None else fast

    def _by_adbc(self, statement: sa.Select[Any]) -> pa.Table | None:
        """The result as Arrow without a Python object a value, in the state our transaction sees.

        None where ADBC is not installed, or fails: the ordinary way then says why.
        """
        dbapi = self._adbc_driver()
        if dbapi is None:
            return None
        try:
            with self._adbc_cursor(dbapi, statement) as cursor:
                return cursor.fetch_arrow_table()
        except (dbapi.Error, sa.exc.SQLAlchemyError) as error:
            passed = self._is_past_limit(error)
        if passed:  # the ordinary way would take as long once more
            raise past_limit(self._place, self._ways.seconds or 0.0)
        return None

    def held_to(self, memory: float) -> AbstractContextManager[None]:
        return nullcontext()  # a server has its own

    def streamed(self, statement: sa.Select[Any], most: int) -> Iterator[pa.Table]:
        begun, passed, dbapi = False, False, self._adbc_driver()
        if dbapi is not None:
            try:
                with self._adbc_cursor(dbapi, statement) as cursor:
                    for batch in cursor.fetch_record_batch():
                        begun = True
                        yield from _cut(pa.Table.from_batches([batch]), most)
                    return
            except (dbapi.Error, sa.exc.SQLAlchemyError, OSError, pa.ArrowException) as error:
                passed = self._is_past_limit(error)
        if passed:
            raise past_limit(self._place, self._ways.seconds or 0.0)
        if begun:
            raise SourceError(
                f"{self._place} stopped handing over its records", hint="run it again; nothing was published"
            )
        for table in self._batches(statement):
            yield from _cut(table, most)

    def _adbc_driver(self) -> Any:
        """ADBC's module; None where it is not installed, or could not see the state that we see."""
        if self._snapshot is None or self.dialect.name != "postgresql":
            return None
        try:
            from adbc_driver_postgresql import dbapi
        except ModuleNotFoundError:
            return None
        return dbapi

    @contextmanager
    def _adbc_cursor(self, dbapi: Any, statement: sa.Select[Any]) -> Iterator[Any]:
        """A statement's cursor on a second connection that sees the same state."""
        sql = str(statement.compile(dialect=self.dialect, compile_kwargs={"literal_binds": True}))
        settings = ["SET LOCAL synchronize_seqscans = off"] if self.repeatable else []
        settings += _limits(self._ways)
        uri = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
        with dbapi.connect(uri, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            for setting in (f"SET TRANSACTION SNAPSHOT '{self._snapshot}'", *settings):
                cursor.execute(setting)
            cursor.execute(sql.replace("%%", "%"))
            yield cursor

    def _is_past_limit(self, error: Exception) -> bool:
        return self._ways.seconds is not None and getattr(error, "sqlstate", None) == "57014"

    def batches(self, query: str) -> Iterator[pa.Table]:
        """A SELECT's rows, some at a time; one batch without rows where there are none."""
        yield from self._batches(
            sa.select(sa.text("*")).select_from(_text(query).columns().subquery("records"))
        )

    def _batches(self, statement: sa.Select[Any]) -> Iterator[pa.Table]:
        failed: sa.exc.SQLAlchemyError | None = None
        try:
            many = {"yield_per": _BATCH}
            with (
                self._attempt(),
                self._connection.execute(statement, execution_options=many) as result,
            ):
                names = list(result.keys())
                empty = True
                for rows in result.partitions():
                    empty = False
                    columns = zip(*rows, strict=True)
                    yield pa.Table.from_arrays([_array(column, None) for column in columns], names=names)
                if empty:
                    yield pa.Table.from_arrays([pa.nulls(0)] * len(names), names=names)
        except sa.exc.SQLAlchemyError as error:
            failed = error
        if failed is not None:
            raise self._told(failed, self._tables(failed)) from None

    def _fetch(self, statement: sa.Executable) -> tuple[list[str], list[int], list[Sequence[Any]]]:
        failed: sa.exc.SQLAlchemyError | None = None
        try:
            with self._attempt(), self._connection.execute(statement) as result:
                names = list(result.keys())
                description = getattr(result.cursor, "description", None) or [(None, 0)] * len(names)
                types = [each[1] if isinstance(each[1], int) else 0 for each in description]
                columns = list(zip(*result.fetchall(), strict=True)) or [()] * len(names)
            return names, types, list(columns)
        except sa.exc.SQLAlchemyError as error:
            failed = error
        raise self._told(failed, self._tables(failed)) from None

    def _attempt(self) -> AbstractContextManager[object]:
        """What fails within it leaves PostgreSQL's transaction, and the state that it sees, as they were."""
        return self._connection.begin_nested() if self.dialect.name == "postgresql" else nullcontext()

    def _told(self, failed: sa.exc.SQLAlchemyError, tables: Sequence[str] = ()) -> ClinicnetError:
        return source_errors.from_sqlalchemy(failed, self._place, tables, self._ways.seconds)

    def _tables(self, failed: sa.exc.SQLAlchemyError) -> list[str]:
        if getattr(failed, "connection_invalidated", False):
            return []
        try:
            return sa.inspect(self._connection).get_table_names()
        except sa.exc.SQLAlchemyError:
            return []


def _cut(table: pa.Table, most: int) -> Iterator[pa.Table]:
    return (table.slice(start, most) for start in range(0, len(table), most))


def answers_itself(url: str) -> bool:
    """Whether the database at this URL understands the SQL in which questions are asked."""
    return re.match(r"postgresql(\+\w+)?://", url) is not None


@contextmanager
def open_url(url: str, password: str | None, place: str, ways: Ways, directory: Path) -> Iterator[_Database]:
    """A database by its SQLAlchemy URL, in one read-only transaction that sees one state of it.

    Args:
        url: its URL; an SQLite file's relative path starts at `directory`.
        password: None where the URL needs none.
        place: the source as it may be shown.
        ways: how it answers.
        directory: where relative paths start.
    """
    failed: sa.exc.SQLAlchemyError | None = None
    engine: sa.Engine | None = None
    connection: sa.Connection | None = None
    snapshot: str | None = None
    try:
        parsed = sa.make_url(url)
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        if password is not None:
            parsed = parsed.set(password=password)
        if parsed.get_backend_name() == "sqlite":
            parsed = _existing_file(parsed, directory)
        engine = sa.create_engine(parsed, poolclass=sa.NullPool, hide_parameters=True)
        connection = engine.connect()
        if engine.dialect.name == "postgresql":
            _begin(connection, ways)
            snapshot = _snapshot(connection, ways)
        elif ways.seconds is not None:
            connection.close()
            raise SourceError(
                f"[records] statement_timeout cannot be kept on {place}: it is for PostgreSQL and for files",
                hint="leave it out, and limit the user's time there",
            )
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
        yield _Database(connection, parsed, place, ways, snapshot)
    finally:
        connection.close()
        engine.dispose()


def _limits(ways: Ways) -> list[str]:
    """The time limit as a setting of the transaction; a user may have one of any length for themselves."""
    return [] if ways.milliseconds is None else [f"SET LOCAL statement_timeout = {ways.milliseconds}"]


def _begin(connection: sa.Connection, ways: Ways) -> None:
    connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
    for setting in _limits(ways):
        connection.execute(sa.text(setting))
    if ways.threads == 1:
        connection.execute(sa.text("SET LOCAL max_parallel_workers_per_gather = 0"))
        connection.execute(sa.text("SET LOCAL synchronize_seqscans = off"))


def _snapshot(connection: sa.Connection, ways: Ways) -> str | None:
    """The state that the transaction sees, for a second connection to see as well; None where there is none.

    It is asked for first: inside a savepoint PostgreSQL does not tell it.
    """
    try:
        return str(connection.execute(sa.text("SELECT pg_export_snapshot()")).scalar_one())
    except sa.exc.DBAPIError as error:
        if error.connection_invalidated:
            raise
    connection.rollback()
    _begin(connection, ways)
    return None


def _existing_file(url: sa.URL, directory: Path) -> sa.URL:
    """An SQLite file opened for reading; SQLite would make one that is not there."""
    path = directory / Path(url.database or "").expanduser()
    if not path.is_file():
        raise SourceError(
            f"there is no file {path}",
            hint="after sqlite:/// comes its path from the network file; an absolute one has four slashes",
        )
    return url.set(database=f"file:{path}").update_query_dict({"mode": "ro", "uri": "true"})


def _text(sql: str) -> sa.TextClause:
    """SQL as it stands: colons are not parameters."""
    return sa.text(_colons(sql))


def _colons(sql: str) -> str:
    return sql.replace(":", r"\:")


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
            return SourceColumn(
                kind,
                is_float=oid in (700, _FLOAT8, _NUMERIC),
                is_double=oid == _FLOAT8,
                is_plain=kind != "text" or oid in (25, 1043),
            )
    # types made in the database: enumerations and domains read as text, arrays and the like do not
    return SourceColumn("text", is_plain=False) if oid >= 16384 else SourceColumn("other")


def _column_of(values: Sequence[Any]) -> SourceColumn:
    """What a column is, by the first thousand values (for databases that do not say)."""
    present = [value for value in _plain(values) if value is not None]
    if not present or all(isinstance(value, int | float | decimal.Decimal) for value in present):
        if present and all(isinstance(value, bool) for value in present):
            return SourceColumn("boolean")
        return SourceColumn("number", is_float=any(isinstance(value, float) for value in present))
    if all(isinstance(value, datetime.date) for value in present):
        return SourceColumn("date")
    return SourceColumn("text" if all(isinstance(value, str) for value in present) else "other")


_BITS = {b"\x00": False, b"\x01": True}
"""MySQL's BIT(1), as its drivers hand it over."""
_NO_DAY = "0000-00-00"
"""MySQL's date where none is known, which its drivers hand over as text, beside dates."""


def _kinds(column: Sequence[Any]) -> tuple[type, ...]:
    """The classes of the values: few, and found without a step of Python for each value."""
    return tuple(set(map(type, column)))


def _has(kinds: tuple[type, ...], kind: type) -> bool:
    return any(issubclass(each, kind) for each in kinds)


def _plain(column: Sequence[Any]) -> Sequence[Any]:
    """The values, MySQL's bits as true and false and its days that are none as missing."""
    kinds = _kinds(column)
    if _has(kinds, bytes):
        if all(each is None or each in _BITS for each in column):
            return [None if each is None else _BITS[each] for each in column]
    elif _has(kinds, str) and any(isinstance(each, str) and each.startswith(_NO_DAY) for each in column):
        return [None if isinstance(each, str) and each.startswith(_NO_DAY) else each for each in column]
    return column


def _array(column: Sequence[Any], kind: pa.DataType | None) -> pa.Array:
    column = _plain(column)
    kinds = _kinds(column)
    try:
        if kind is not None:
            if {*kinds} <= {float, type(None)}:
                return pa.array(column, kind)
            return pa.array([None if each is None else float(each) for each in column], kind)
        if _has(kinds, uuid.UUID):
            return pa.array([None if each is None else str(each) for each in column])
        if _has(kinds, decimal.Decimal):
            return pa.array([None if each is None else float(each) for each in column], pa.float64())
        return pa.array(column)
    except (pa.ArrowException, TypeError, ValueError):
        pass  # the message quotes a value
    raise SourceError(
        "a column of the SELECT mixes kinds of values", hint="cast it to one type in the SELECT"
    )
