"""Whether a period's records are complete: by a SELECT of the network's own, or by how many there are."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import sqlglot

from tasks.errors import SourceError, SourceUnreachableError
from tasks.periods import Period
from tasks.records.questions.aggregates import aggregate
from tasks.records.questions.users_select import dialect_of, refuse_all_but_a_select
from tasks.records.sources.records import Records
from tasks.records.sql_text import quoted

PLACE = "[schedule.complete] select"
_WAY_OUT = "write a SELECT that returns one row with one true or false"


def says_complete(records: Records, select: str, period: Period) -> bool:
    """Whether the network's own SELECT says that the records of a period are complete.

    It is put to the source itself, each time in the state that the source has then. NULL is false: nothing
    that tells of the period is there yet.

    Args:
        records: where the records are; the SELECT may ask any table beside them.
        select: one statement, in which :period, :first_day and :last_day are bound.
        period: the period.

    Raises:
        SourceError: it is no such SELECT, or does not answer with one true or false.
        SourceUnreachableError: the source does not answer.
    """
    try:
        refuse_all_but_a_select(select, records.source, _WAY_OUT)
        pieces = _pieces(select, dialect_of(records.source))
        known = {"period": str(period), "first_day": period.first_day, "last_day": period.last_day}
        with records.connect_source() as connection:
            answer = connection.bound(pieces, {name: known[name] for name in pieces[1::2]})
    except SourceUnreachableError:
        raise
    except SourceError as error:
        raise SourceError(f"{PLACE}: {error.message}", hint=error.hint or _WAY_OUT) from None
    if answer.num_columns != 1 or answer.num_rows != 1:
        several = answer.num_columns > 1 or answer.num_rows > 1
        raise SourceError(f"{PLACE} returns {'more than one value' if several else 'nothing'}", hint=_WAY_OUT)
    (value,) = answer.column(0).to_pylist()
    if value is None or value in (0, 1):
        return bool(value)
    raise SourceError(f"{PLACE} returns something else than true or false", hint=_WAY_OUT)


def _pieces(select: str, dialect: str) -> Sequence[str]:
    """The statement cut at its parameters: text and a parameter's name by turns.

    A parameter's name in a text or a comment is none.

    >>> _pieces("SELECT done FROM loads WHERE month = :period AND note <> ':period'", "duckdb")
    ['SELECT done FROM loads WHERE month = ', 'period', " AND note <> ':period'"]
    """
    try:
        tokens = sqlglot.tokenize(select, read=dialect)
    except sqlglot.errors.SqlglotError:  # for the database to say what it is
        return [select]
    pieces, reached = [], 0
    for colon, name in itertools.pairwise(tokens):
        is_one = colon.token_type == sqlglot.TokenType.COLON and name.start == colon.end + 1
        if is_one and name.text in ("period", "first_day", "last_day"):
            pieces += [select[reached : colon.start], name.text]
            reached = name.end + 1
    return [*pieces, select[reached:].rstrip().removesuffix(";")]


def records_in(records: Records, period: Period, weight: str | None = None) -> int:
    """How many records a period has, by their dates as the source has them and before any screening.

    Args:
        records: the records.
        period: the period.
        weight: column with the number of records that a row stands for.

    Raises:
        SourceError: they cannot be counted.
        SourceUnreachableError: the source does not answer.
    """
    each = "1" if weight is None else quoted(weight)
    (row,) = aggregate(
        records,
        f"SELECT SUM(CASE WHEN day >= DATE '{period.first_day.isoformat()}' "
        f"AND day < DATE '{period.day_after.isoformat()}' THEN rows_of_it ELSE 0 END) AS n "
        f"FROM (SELECT CAST(date AS DATE) AS day, {each} AS rows_of_it FROM {{records}} AS every) AS days",
    ).to_pylist()
    return int(row["n"] or 0)
