"""CSV files as a source: in place where DuckDB reads them as they stand, else rewritten in memory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from fsspec.implementations.memory import MemoryFileSystem

from tasks.records.sources import source_errors
from tasks.records.sources.connection import Connection, Ways
from tasks.records.sources.csv_columns import NearlyMonths, NearlyNumbers, written_columns
from tasks.records.sources.csv_files import CsvFile, csv_files
from tasks.records.sources.duckdb_source import in_memory
from tasks.records.sql_text import literal, quoted

_READ_ONCE = 64_000_000
"""Bytes up to which a file's rows are kept in memory while it is open."""


@contextmanager
def open_csv(path: Path, ways: Ways) -> Iterator[Connection]:
    """CSV files as the table `records`: read once where they are small, again for every question where not.

    Raises:
        SourceError: they cannot be read; says which line or column is to blame.
    """
    files = csv_files(path)
    size = sum(file.path.stat().st_size for file in files)
    with in_memory(path.name, ways) as (connection, opened):
        select = _read(connection, path, files).select
        connection.execute(f"CREATE VIEW records AS {select}")
        if size <= _READ_ONCE:
            _keep(connection, select)
        yield opened


def _keep(connection: duckdb.DuckDBPyConnection, select: str) -> None:
    """Put the rows in the view's place; a value that cannot be read is left to the question that meets it."""
    with contextlib.suppress(duckdb.Error):
        connection.execute(f"CREATE TABLE kept AS {select}")
        connection.execute("DROP VIEW records")
        connection.execute("ALTER TABLE kept RENAME TO records")


def csv_assumptions(path: Path) -> tuple[str, ...]:
    """What is taken for granted to read CSV files, in sentences.

    Raises: as `open_csv`.
    """
    with in_memory(path.name, Ways()) as (connection, _):
        return _read(connection, path, csv_files(path)).assumptions


def csv_columns_nearly_read(path: Path, kind: type[NearlyNumbers | NearlyMonths]) -> tuple[str, ...]:
    """What keeps columns of CSV files from being numbers or months, and in which line first, in sentences.

    Raises: as `open_csv`.
    """
    files = csv_files(path)
    with in_memory(path.name, Ways()) as (connection, _):
        nearly = _read(connection, path, files).nearly
    return tuple(
        each.sentence(file.path.name, line)
        for each in nearly
        if isinstance(each, kind)
        if (found := _first_other(each, files)) is not None
        for file, line in (found,)
    )


def _first_other(
    column: NearlyNumbers | NearlyMonths, files: Sequence[CsvFile]
) -> tuple[CsvFile, int] | None:
    """The file and line of the first value that is none."""
    for file in files:
        line = file.first_line(column.name, lambda value: not column.fits(value))
        if line is not None:
            return file, line
    return None


def _read(connection: duckdb.DuckDBPyConnection, path: Path, files: Sequence[CsvFile]) -> _Csv:
    failed: duckdb.Error | None = None
    try:
        return _csv(connection, path, files)
    except duckdb.Error as error:
        failed = error
    for file in files:
        file.require_table()
    raise source_errors.from_reading(failed, path.name, "CSV") from None


@dataclass(frozen=True, slots=True)
class _Csv:
    """How CSV files are read: the SELECT, what it takes for granted, and columns that are nearly read."""

    select: str
    assumptions: tuple[str, ...]
    nearly: tuple[NearlyNumbers | NearlyMonths, ...]


def _csv(connection: duckdb.DuckDBPyConnection, path: Path, files: Sequence[CsvFile]) -> _Csv:
    reader = _reader(connection, path, files)
    columns = _columns(connection, f"{reader})")
    written = written_columns(
        lambda sql: connection.execute(sql).fetchall()[0],
        f"{reader}, all_varchar = true)",
        columns,
        commas=files[0].delimiter != ",",
    )
    texts = ", ".join(f"{literal(each.name)}: 'VARCHAR'" for each in written.read)
    read = ", ".join(f"{each.sql} AS {quoted(each.name)}" for each in written.read)
    replaced = f" REPLACE ({read})" if written.read else ""
    types = f", types = {{{texts}}}" if written.read else ""
    said = (
        *(each for file in files for each in file.assumptions),
        *(each.assumption for each in written.read),
    )
    return _Csv(f"SELECT *{replaced} FROM {reader}{types})", said, written.nearly)


def _reader(connection: duckdb.DuckDBPyConnection, path: Path, files: Sequence[CsvFile]) -> str:
    """The call that reads the files, without its closing bracket.

    A column's type is what all of its values allow: one bad date in row 25,000 makes it text, which a SELECT
    can mend, where a type guessed from the first rows would fail before the SELECT begins.
    """
    whole = "sample_size = -1" + (", union_by_name = true" if len(files) > 1 else "")
    named = f"delim = {literal(files[0].delimiter)}, header = true, {whole}"
    if all(file.is_plain for file in files):
        plain = f"read_csv({literal(str(path))}, "
        guessed = _columns(connection, f"{plain}{whole})")
        return plain + (whole if len(guessed) >= len(files[0].columns) else named)
    memory = MemoryFiles()
    for file in files:
        memory.pipe_file(f"/{file.path.stem}.csv", file.rewritten())
    connection.register_filesystem(memory)
    listed = ", ".join(literal(f"{memory.protocol}://{file.path.stem}.csv") for file in files)
    return f"read_csv([{listed}], {named}"


def _columns(connection: duckdb.DuckDBPyConnection, read: str) -> dict[str, str]:
    relation = connection.sql(f"SELECT * FROM {read}")
    return {name: str(kind) for name, kind in zip(relation.columns, relation.types, strict=True)}


class MemoryFiles(MemoryFileSystem):  # type: ignore[misc]
    """Files that are read from this process's memory, and gone with the connection."""

    protocol = "memory"
    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self.store: dict[str, Any] = {}
        self.pseudo_dirs = [""]
