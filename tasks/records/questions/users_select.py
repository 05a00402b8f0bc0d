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


def refuse_all_but_a_select(select: str, source: str) -> None:
    """Refuse a text in the place of the SELECT that is none, or is more than one statement.

    What cannot be read here is left to the database, which knows its own SQL.

    Args:
        select: the text.
        source: the source it is for, whose SQL it is in.

    Raises:
        SourceError: saying what it is instead.
    """
    scheme = source.partition("://")[0].partition("+")[0] if "://" in source else "duckdb"
    try:
        found = sqlglot.parse(select, read=_DIALECTS.get(scheme, "duckdb"))
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
            hint="write a SELECT that returns a row for each record",
        )
    changed = next(statement.find_all(exp.Insert, exp.Update, exp.Delete, exp.Into), None)
    if changed is not None:
        raise SourceError(
            f"the SELECT has {changed.key.upper()} in it; records are only read",
            hint="write a SELECT that returns a row for each record",
        )
