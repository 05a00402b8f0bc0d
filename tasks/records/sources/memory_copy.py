"""Sources whose SQL we do not speak: their records are copied into DuckDB while questions are asked.

DuckDB and PostgreSQL do our arithmetic themselves. Of any other database the network file's SELECT, in that
database's own SQL, is fetched once, and DuckDB answers the rest. The copy is held in this process's memory,
never on disk, and is gone when the last question has been answered.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from tasks.errors import SourceError
from tasks.records.sources.connection import Connection, Ways
from tasks.records.sources.duckdb_source import open_memory

COPY = "SELECT * FROM records"
"""The SELECT that reads a copy."""

_KINDS_MIXED = "a column of the SELECT mixes kinds of values"

# a database without dates (SQLite) gives them as text, which is as good where all of it is ISO 8601; a time
# followed by Z, an offset or a zone's name is a point in time, whose day the network's own zone decides
_TEXT_DATES = r"""
SELECT
    count(date) > 0 AND count(date) = count(TRY_CAST(date AS TIMESTAMPTZ)) AS all_of_them,
    bool_and(length(date) = 10) AS days,
    count(*) FILTER (regexp_matches(date, ':\d\d(:\d\d(\.\d+)?)?\s*[A-Za-z+-]')) AS zoned,
    count(date) AS known
FROM records
"""


@dataclass
class _Copy:
    name: str
    keeper: duckdb.DuckDBPyConnection | None = None  # made when the first question comes
    users: int = 0


_copies: dict[Hashable, _Copy] = {}
_lock = threading.Lock()
_number = itertools.count()


@contextmanager
def copied(
    key: Hashable, fetch: Callable[[], Iterator[pa.Table]], place: str, ways: Ways
) -> Iterator[Connection]:
    """A connection to the copy of some records, as the table `records`.

    Args:
        key: what tells these records from others.
        fetch: gives the rows, in batches; called unless somebody has a copy already.
        place: the source as it may be shown.
        ways: how the copy answers.

    Raises:
        SourceError: the source or the SELECT cannot be used.
    """
    with kept(key) as copy:
        with _lock:
            if copy.keeper is None:
                copy.keeper = _make(copy.name, fetch)
        with open_memory(copy.name, place, ways) as connection:
            yield connection


@contextmanager
def kept(key: Hashable) -> Iterator[_Copy]:
    """Keep the copy of some records, once somebody has asked for it, until the end of the block."""
    with _lock:
        copy = _copies.setdefault(key, _Copy(f":memory:copy{next(_number)}"))
        copy.users += 1
    try:
        yield copy
    finally:
        with _lock:
            copy.users -= 1
            if copy.users == 0:
                del _copies[key]
                if copy.keeper is not None:
                    copy.keeper.close()


def forget(key: Hashable) -> None:
    """Drop the copy of some records before the blocks that keep it end: nothing more will be asked."""
    with _lock:
        copy = _copies.get(key)
        if copy is not None and copy.keeper is not None:
            copy.keeper.close()
            copy.keeper = None


def _make(name: str, fetch: Callable[[], Iterator[pa.Table]]) -> duckdb.DuckDBPyConnection:
    keeper = duckdb.connect(name)
    try:
        keeper.execute("SET temp_directory = ''")  # patients' rows are not spilled to disk
        rows = _joined(list(fetch()))
        keeper.register("fetched", rows)
        keeper.execute("CREATE TABLE records AS SELECT * FROM fetched")
        keeper.unregister("fetched")
        if "date" in rows.column_names and pa.types.is_string(rows.schema.field("date").type):
            _date_texts(keeper)
    except BaseException:
        keeper.close()
        raise
    return keeper


def _joined(batches: list[pa.Table]) -> pa.Table:
    try:
        rows = pa.concat_tables(batches, promote_options="permissive")
    except pa.ArrowException:  # the message may quote a value
        rows = None
    if rows is None:
        raise SourceError(_KINDS_MIXED, hint="cast it to one type in the SELECT")
    if len(set(rows.column_names)) < rows.num_columns:
        raise SourceError("two columns of the SELECT have the same name", hint="give each its own by AS")
    return rows


def _date_texts(keeper: duckdb.DuckDBPyConnection) -> None:
    all_of_them, days, zoned, known = keeper.sql(_TEXT_DATES).fetchall()[0]
    if not all_of_them:
        return
    if 0 < zoned < known:
        raise SourceError(
            f"column 'date' has a time zone in {zoned:,} of {known:,} records and none in the others",
            hint="give each its zone in the SELECT, or cut all to their day, as in SUBSTR(…, 1, 10) AS date",
        )
    kind = "TIMESTAMPTZ" if zoned else "DATE" if days else "TIMESTAMP"
    keeper.execute(f"ALTER TABLE records ALTER COLUMN date SET DATA TYPE {kind}")
