"""Aggregates only: how the answer to a named question leaves the door, judged by the question's syntax tree.

A statement that groups by patient, that lists values, that takes the largest patient number or that counts
one patient's records is an aggregate in name only. What may leave is sums and counts, by clinic, region,
month or rule. The tree may hold what questions need (`known_constructs.py`); what each value is made of is
followed from the records on (`column_origins.py`), and so it is known of each row whether it is an aggregate
(`aggregate_rows.py`). Whatever these do not know is refused.
"""

from __future__ import annotations

from functools import cache

import pandas as pd
import pyarrow as pa
import sqlglot
from sqlglot import exp

from tasks.records.questions.aggregate_rows import rows_of
from tasks.records.questions.known_constructs import NotAggregateError, refuse_unknown
from tasks.records.sources.records import NAME_OF_RECORDS, Records, over


def aggregate(records: Records, sql: str) -> pa.Table:
    """The result of an aggregate statement over the records, which it calls `{records}`.

    Raises:
        NotAggregateError: it is not one.
        SourceError: the database refuses it, or cannot be reached.
    """
    refuse_all_but_aggregates(sql)
    with records.connect() as connection:
        return connection.table(over(records.query, sql))


def aggregate_frame(records: Records, sql: str) -> pd.DataFrame:
    """The same as a frame."""
    frame: pd.DataFrame = aggregate(records, sql).to_pandas()
    return frame


@cache
def refuse_all_but_aggregates(sql: str) -> None:
    """Refuse a statement over `{records}` whose rows could be patients.

    Raises:
        NotAggregateError: saying what in it is not an aggregate.
    """
    statement = _statement(sql.replace("{records}", NAME_OF_RECORDS))
    refuse_unknown(statement)
    if not rows_of(statement).aggregate:
        raise NotAggregateError("its rows can be records")


def _statement(sql: str) -> exp.Expression:
    """The one statement that a text is. Comments are refused: engines end them in different places."""
    duckdb = sqlglot.Dialect.get_or_raise("duckdb")
    try:
        tokens = duckdb.tokenize(sql)
        statements = duckdb.parser().parse(tokens, sql)
    except sqlglot.errors.SqlglotError as problem:
        raise NotAggregateError("the statement cannot be read") from problem
    if any(token.comments for token in tokens):
        raise NotAggregateError("there is a comment in the statement")
    if len(statements) != 1 or not isinstance(statements[0], exp.Expression):
        raise NotAggregateError("there is not one statement")
    return statements[0]
