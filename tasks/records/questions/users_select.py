"""The SELECT in a network file, judged by its syntax tree: one statement, which only reads."""

from __future__ import annotations

import sqlglot
from sqlglot import exp

from tasks.errors import SourceError

_READS = (exp.Select, exp.SetOperation, exp.Subquery, exp.Values, exp.Table)
_DIALECTS = {
    "postgresql": "postgres",
    "mysql": "mysql",
    "mariadb": "mysql",
    "sqlite": "sqlite",
    "mssql": "tsql",
}


RECORDS = "write a SELECT that returns a row for each record"
"""The way out where the SELECT is the records'."""


def dialect_of(source: str) -> str:
    """The SQL of a source, by sqlglot's name for it."""
    scheme = source.partition("://")[0].partition("+")[0] if "://" in source else "duckdb"
    return _DIALECTS.get(scheme, "duckdb")


def refuse_all_but_a_select(select: str, source: str, way_out: str = RECORDS) -> None:
    """Refuse a text in the place of the SELECT that is none, or is more than one statement.

    What cannot be read here is left to the database, which knows its own SQL.

    Args:
        select: the text.
        source: the source it is for, whose SQL it is in.
        way_out: what to write in its place.

    Raises:
        SourceError: saying what it is instead.
    """
    try:
        found = sqlglot.parse(select, read=dialect_of(source))
    except sqlglot.errors.SqlglotError:
        return
    statements = [each for each in found if each is not None and not isinstance(each, exp.Semicolon)]
    if not statements:
        raise SourceError("the SELECT is empty", hint="leave select out to take all of the table `records`")
    if len(statements) > 1:
        raise SourceError(
            f"the SELECT is {len(statements)} statements; it must be one",
            hint="put what is needed before it into a view, or into WITH",
        )
    statement = statements[0]
    if not isinstance(statement, _READS):
        word = str(statement.this) if isinstance(statement, exp.Command) else statement.key
        raise SourceError(
            f"the SELECT begins with {word.upper()}; records are only read",
            hint=way_out,
        )
    changed = next(statement.find_all(exp.Insert, exp.Update, exp.Delete, exp.Into), None)
    if changed is not None:
        raise SourceError(
            f"the SELECT has {changed.key.upper()} in it; records are only read",
            hint=way_out,
        )
