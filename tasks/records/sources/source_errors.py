"""What a database says when it fails, told without anything a patient's row could have put there.

A database's message can quote a value ("Could not convert string 'Jane Doe' to DOUBLE"), so none is passed
on. Names of tables and columns, which stand in the SELECT, are taken out of the few messages known to hold
nothing else. Errors are raised outside the handler that caught the original, so that no chain leads to it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import duckdb
import sqlalchemy as sa
from sqlalchemy import exc

from tasks.errors import ClinicnetError, SourceError, SourceUnreachableError, nearest
from tasks.records.sources.csv_files import column_lacks, wrong_fields
from tasks.records.sources.server_refusals import past_limit, refusal

_WRONG_TYPE = "use a cast that tolerates bad values in the SELECT, such as TRY_CAST or a CASE"


def from_duckdb(
    error: duckdb.Error, place: str, tables: Sequence[str], seconds: float | None = None
) -> ClinicnetError:
    """The user's error for one of DuckDB's.

    Args:
        error: what DuckDB raised.
        place: the file, as the user knows it.
        tables: tables and views there are, to offer the nearest.
        seconds: the network file's limit for a question; None where it has none.
    """
    text = str(error)
    if seconds is not None and isinstance(error, duckdb.InterruptException) and "execution time" in text:
        return past_limit(place, seconds)
    if isinstance(error, duckdb.CatalogException):
        return _unknown_table(_found(r"(?:Table|View) with name \"?([^\s\"!]+)", text), place, tables)
    if isinstance(error, duckdb.BinderException):
        offered = re.findall(r'"([^"]+)"', text.partition("Candidate bindings:")[2])
        return _unknown_column(_found(r'(?:Referenced column|Column) "([^"]+)"', text), place, offered)
    if isinstance(error, duckdb.ParserException):
        return _syntax(_found(r'at or near "([^"]*)"', text), place)
    if isinstance(error, duckdb.IOException | duckdb.ConnectionException) and (
        "lock" in text or "different configuration" in text
    ):
        return SourceUnreachableError(
            f"{place} is open for writing elsewhere, and DuckDB lets nobody read it meanwhile",
            hint="close the program that writes to it, or copy the file",
        )
    damaged = _damaged(error, place)
    if damaged is not None:
        return damaged
    if isinstance(error, duckdb.IOException | duckdb.FatalException | duckdb.InternalException):
        return SourceUnreachableError(
            f"{place} could not be read to the end; the file may have changed or gone",
            hint="run it again when whatever writes or moves it is done",
        )
    if isinstance(error, duckdb.OutOfMemoryException):
        return SourceError(
            f"the SELECT on {place} needs more memory than there is", hint="select fewer columns"
        )
    in_file = _of_file(text, place)
    if in_file is not None:
        return in_file
    if isinstance(
        error, duckdb.ConversionException | duckdb.OutOfRangeException | duckdb.InvalidInputException
    ):
        return SourceError(f"a value in {place} does not have the type the SELECT gives it", hint=_WRONG_TYPE)
    return SourceError(
        f"DuckDB refused the SELECT on {place} ({type(error).__name__})",
        hint="run the SELECT by itself in DuckDB to see why",
    )


def from_reading(error: duckdb.Error, place: str, kind: str) -> ClinicnetError:
    """The user's error for a CSV or Parquet file that cannot be read."""
    return (
        _of_file(str(error), place)
        or _damaged(error, place)
        or SourceError(
            f"{place} cannot be read as {kind}", hint="check that the file is whole and what its ending says"
        )
    )


def _of_file(text: str, place: str) -> ClinicnetError | None:
    """What is wrong with a file: a column that others have, a line. Names and numbers, and no value."""
    lacking = re.search(r'column "([^"]+)" was read from the original file "([^"]+)", but could', text)
    if lacking is not None and (other := _found(r'in file "([^"]+)"\.', text)):
        return column_lacks(lacking[1], Path(other).name, Path(lacking[2]).name)
    line = _found(r"CSV Error on Line: (\d+)", text)
    if line is None:
        return None
    name = Path(_found(r"\n  file ?= ?(.+)", text) or place).name
    fields = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", text)
    if fields is not None:
        return wrong_fields(name, int(line), int(fields[2]), int(fields[1]))
    if "unterminated quote" in text:
        return SourceError(
            f"{name} line {int(line):,} has a quotation mark that opens and does not close",
            hint="close it, or write it twice where it is part of the text",
        )
    return None


def from_opening(error: duckdb.Error, place: str) -> ClinicnetError:
    """The user's error for a DuckDB file that cannot be opened."""
    text = str(error)
    if "lock" in text or "different configuration" in text:
        return from_duckdb(error, place, ())
    if "not a valid DuckDB" in text or "serialized" in text or "storage version" in text.lower():
        return SourceError(
            f"{place} is not a DuckDB database, or was written by another version of DuckDB",
            hint="give a Parquet or CSV file its own ending; convert older databases with EXPORT DATABASE",
        )
    if "does not exist" in text:
        return SourceError(f"there is no file {place}")
    if "Permission denied" in text:
        return SourceError(f"this user may not read {place}", hint="give it the right to, or name a copy")
    return _damaged(error, place) or SourceUnreachableError(
        f"{place} cannot be opened", hint="open it with the duckdb program to see why"
    )


_DAMAGED = re.compile(
    r"(?:(?:Invalid Input|IO|Serialization) Error: )?"
    r'(?:Failed to read file "(?P<file>[^"]+)": (?!schema mismatch)'
    r"|Corrupt database file|Could not read enough bytes)"
)


def _damaged(error: duckdb.Error, place: str) -> SourceError | None:
    """A file whose bytes are not what was written into it; None: it is another error.

    What DuckDB's readers of files find is passed on as an error of no kind of DuckDB's own.
    """
    found = _DAMAGED.match(str(error))
    if found is None and type(error) is not duckdb.Error:
        return None
    one = Path((found and found["file"]) or "")  # of many files
    return SourceError(
        f"{one.name if one.is_file() else place} is damaged, or was cut short",
        hint="copy it once more from where it comes, whole",
    )


def from_sqlalchemy(
    error: exc.SQLAlchemyError, place: str, tables: Sequence[str] = (), seconds: float | None = None
) -> ClinicnetError:
    """The user's error for one that came through SQLAlchemy; the rest as `from_duckdb` has it."""
    original = getattr(error, "orig", None)
    state = str(getattr(original, "sqlstate", None) or "")
    primary = str(getattr(getattr(original, "diag", None), "message_primary", None) or "")
    if isinstance(error, exc.NoSuchModuleError) or isinstance(original, ModuleNotFoundError):
        return SourceError(
            f"there is no driver for the database {place}", hint="install its SQLAlchemy dialect and driver"
        )
    if isinstance(error, exc.ArgumentError):
        return SourceError(
            "the source is not a URL of a database",
            hint="for example postgresql://reader@db.example.org/records",
        )
    ended = refusal(state, str(original), place, seconds)
    if ended is not None:
        return ended
    if state in ("28P01", "28000") or re.search(
        r"no password supplied|password authentication|Access denied", str(original)
    ):
        return SourceError(
            f"the database {place} refused the user or the password",
            hint="set password_env to the environment variable that holds the password",
        )
    if state == "3D000" or re.search(r'database "[^"]*" does not exist|Unknown database', str(original)):
        return SourceError(f"there is no database {place}")
    if state == "42P01":
        return _unknown_table(_found(r'relation "([^"]+)"', primary), place, tables)
    if state == "42S02":
        return _unknown_table(_found(r"Table '(?:[^'.]+\.)?([^']+)'", str(original)), place, tables)
    if state == "42703":
        return _unknown_column(_found(r"column \"?([^\s\"]+)", primary), place, ())
    if state == "42S22":
        return _unknown_column(_found(r"column '([^']+)'", str(original)), place, ())
    if state == "42601":
        return _syntax(_found(r'at or near "([^"]*)"', primary), place)
    if state == "42501":
        return SourceError(
            f"the user may not read all that the SELECT names in {place}", hint="grant SELECT on it"
        )
    if state.startswith("22"):
        return SourceError(f"a value in {place} does not have the type the SELECT gives it", hint=_WRONG_TYPE)
    if state.startswith("25"):
        return SourceError("the SELECT tries to change the database; records are read only")
    if isinstance(original, sa.exc.DBAPIError) or _is_connection(error, original, state):
        return SourceUnreachableError(
            f"the database {place} does not answer, or went away",
            hint="check that it runs and can be reached",
        )
    table = _found(r"no such table: ([\w.]+)", str(original))
    if table is not None:
        return _unknown_table(table, place, tables)
    column = _found(r"no such column: ([\w.]+)", str(original))
    if column is not None:
        return _unknown_column(column, place, ())
    code = state or type(original or error).__name__
    return SourceError(
        f"the database {place} refused the SELECT ({code})",
        hint="run the SELECT by itself to see why",
    )


def _is_connection(error: exc.SQLAlchemyError, original: object, state: str) -> bool:
    if isinstance(error, exc.DBAPIError) and error.connection_invalidated:
        return True
    if state.startswith(("08", "57P", "53")):
        return True
    return isinstance(error, exc.OperationalError) and not state and "no such" not in str(original)


def _found(pattern: str, text: str) -> str | None:
    match = re.search(pattern, text)
    return match.group(1) if match else None


def _unknown_table(name: str | None, place: str, tables: Sequence[str]) -> ClinicnetError:
    if name is None:
        return SourceError(f"the SELECT names something that is not in {place}")
    return SourceError(f"there is no table {name!r} in {place}; {nearest(name, tables)}")


def _unknown_column(name: str | None, place: str, offered: Sequence[str]) -> ClinicnetError:
    if name is None:
        return SourceError(
            f"the SELECT does not fit the tables in {place}", hint="run it by itself to see why"
        )
    choice = f"; {nearest(name, offered)}" if offered else ""
    return SourceError(f"the SELECT names a column {name!r} that is not there in {place}{choice}")


def _syntax(near: str | None, place: str) -> ClinicnetError:
    where = f" near {near!r}" if near else ""
    return SourceError(f"the SELECT on {place} is not valid SQL{where}")
