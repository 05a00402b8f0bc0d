"""Aggregates only: how the answer to a named question leaves the door, judged by the question's syntax tree.

A statement that groups by patient, that lists values, that takes the largest patient number or that counts
one patient's records is an aggregate in name only. What may leave is sums and counts, by clinic, region,
month or rule; the tree is read from the inside out, and whatever it does not know is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pandas as pd
import pyarrow as pa
import sqlglot
from sqlglot import exp

from tasks.records.sources.records import Records, over

KEYS = frozenset({"clinic", "region", "month", "merged_month", "period", "rule"})
"""Columns that may be grouped by, and so leave the door as they are."""
EXTREMES = KEYS | {"date", "day", "first_month"}
"""Columns of which the first and the last may leave: they tell when clinics have records, not whose."""
PERSONS = frozenset({"patient", "record"})
"""Columns that tell one patient from another: they may be counted, and nothing else."""

_CHOOSING = (exp.Limit, exp.Offset, exp.Fetch, exp.TableSample, exp.Qualify)
"""What lets single rows through where sums are made of all."""
_SUMS = (exp.Count, exp.Sum, exp.Avg, exp.VariancePop, exp.Variance, exp.Stddev, exp.StddevPop)
_PARTS = (exp.Extract, exp.Year, exp.Month)


class NotAggregateError(ValueError):
    """A statement would let more out than sums and counts; a bug of ours, never a user's mistake."""


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
    try:
        statements = sqlglot.parse(sql.replace("{records}", "records"), read="duckdb")
    except sqlglot.errors.SqlglotError as problem:
        raise NotAggregateError("the statement cannot be read") from problem
    statement = statements[0]
    if len(statements) != 1 or not isinstance(statement, exp.Expression):
        raise NotAggregateError("there is not one statement")
    for part in statement.find_all(*_CHOOSING):
        raise NotAggregateError(f"{type(part).__name__.upper()} chooses some of the rows")
    for total in statement.find_all(exp.AggFunc):
        for unknown in total.find_all(exp.Anonymous):
            raise NotAggregateError(f"{unknown.name} in a sum may be anything")
    for alias in statement.find_all(exp.Alias):
        _refuse_disguise(alias)
    for named in statement.find_all(exp.TableAlias):
        if PERSONS & {column.name.lower() for column in named.columns}:
            raise NotAggregateError(f"a list of {named.columns[0].name}s picks records")
    for predicate in statement.find_all(exp.Where, exp.Having, exp.Join):
        _refuse_picking(predicate)
    if not _is_aggregate(statement, {}):
        raise NotAggregateError("its rows can be records")


def _is_aggregate(query: exp.Expression | None, known: dict[str, bool]) -> bool:
    """Whether every row of a query is an aggregate over records.

    Args:
        query: a SELECT, a UNION, or what stands in a FROM.
        known: names of WITH queries, and whether theirs are.

    Raises:
        NotAggregateError: it aggregates, but not only.
    """
    if isinstance(query, exp.Subquery | exp.Paren):
        return _is_aggregate(query.this, known)
    if isinstance(query, exp.SetOperation):
        return _is_aggregate(query.this, known) and _is_aggregate(query.expression, known)
    if isinstance(query, exp.Values):
        return True
    if isinstance(query, exp.Table):
        return known.get(query.name, False)
    if not isinstance(query, exp.Select):
        raise NotAggregateError("there is something else than a SELECT")
    known = dict(known)
    for common in query.ctes:
        known[common.alias] = _is_aggregate(common.this, known)
    sources = list(_sources(query))
    from_aggregates = bool(sources) and all(_is_aggregate(each, known) for each in sources)
    group = query.args.get("group")
    if from_aggregates:
        return True
    if group is None and query.args.get("distinct") is None:
        if not all(_is_sum(_bare(each)) for each in query.expressions):
            return False
        _refuse_details(query)
        return True
    keys = [each.sql() for each in group.expressions] if group is not None else []
    if not all(_is_key(each) for each in (group.expressions if group is not None else [])):
        return False
    for column in query.expressions:
        bare = _bare(column)
        told_by_key = _is_key(bare) if group is None else _is_window_over_groups(bare)
        if not (_is_sum(bare) or told_by_key or bare.sql() in keys):
            raise NotAggregateError(f"{bare.sql()[:60]} is neither summed nor grouped by")
    _refuse_details(query)
    return True


def _sources(query: exp.Select) -> Iterator[exp.Expression]:
    first = query.args.get("from_") or query.args.get("from")
    if first is not None:
        yield first.this
    for join in query.args.get("joins") or []:
        yield join.this


def _bare(column: exp.Expression) -> exp.Expression:
    return column.this if isinstance(column, exp.Alias) else column


def _is_key(expression: exp.Expression) -> bool:
    """Whether rows may be told apart by it: a clinic, region, month or rule, or a date's year or month."""
    if isinstance(expression, _PARTS):
        return {each.name for each in expression.find_all(exp.Column)} <= EXTREMES
    if any(expression.find_all(exp.AggFunc, exp.Window)):
        return False
    names = {each.name for each in expression.find_all(exp.Column)}
    if isinstance(expression, exp.Column):
        return names <= KEYS
    return bool(names) and names <= KEYS and not any(expression.find_all(exp.Anonymous, exp.Subquery))


def _is_window_over_groups(expression: exp.Expression) -> bool:
    """Whether it is a window over the groups of its SELECT, which sees their keys and sums and no record."""
    return (
        isinstance(expression, exp.Window) and {each.name for each in expression.find_all(exp.Column)} <= KEYS
    )


def _is_sum(expression: exp.Expression) -> bool:
    """Whether it is made of sums, counts and constants alone."""
    if isinstance(expression, exp.Literal | exp.Null | exp.Boolean):
        return True
    if isinstance(expression, exp.Column):
        return False
    if isinstance(expression, exp.Min | exp.Max):
        values = expression.this
        if isinstance(values, exp.Case):  # a date where it can be one
            values = exp.Tuple(expressions=[each.args["true"] for each in values.args["ifs"]])
        return {each.name for each in values.find_all(exp.Column)} <= EXTREMES
    if isinstance(expression, exp.Filter | exp.Window):
        return False
    if isinstance(expression, _SUMS):
        return True
    if isinstance(expression, exp.AggFunc | exp.Anonymous | exp.Subquery | exp.Star):
        return False
    parts = list(expression.iter_expressions())
    return bool(parts) and all(_is_sum(each) for each in parts if not isinstance(each, exp.DataType))


def _refuse_details(query: exp.Select) -> None:
    """Refuse sums that are made to tell one patient: of patients' own numbers, or where a patient is one."""
    if not _persons(query):  # one look: sums and conditions nest, and are looked through for each of them
        return
    for column in query.expressions:
        for total in column.find_all(exp.AggFunc):
            persons = _persons(total)
            if persons and not isinstance(total, exp.Count):
                raise NotAggregateError(f"{total.sql()[:60]} works on {sorted(persons)[0]}")
            for condition in total.find_all(exp.Case, exp.If):
                _refuse_picking(condition)


def _refuse_disguise(alias: exp.Alias) -> None:
    """Refuse to call something else by the name of what may leave, and to list patients by their numbers."""
    constant = alias.this.find(exp.Literal) is not None and alias.this.find(exp.Column) is None
    if alias.alias.lower() in PERSONS and constant:
        raise NotAggregateError(f"a {alias.alias} is named")
    if alias.alias.lower() not in EXTREMES:
        return
    value = alias.this
    parts = [value]
    if isinstance(value, exp.Case):
        parts = [*(each.args["true"] for each in value.args["ifs"]), value.args.get("default") or exp.Null()]
    names = {each.name for part in parts for each in part.find_all(exp.Column)}
    if not names <= EXTREMES:
        raise NotAggregateError(f"{sorted(names - EXTREMES)[0]} is called {alias.alias}")


def _refuse_picking(predicate: exp.Expression) -> None:
    """Refuse a condition on who a patient is."""
    if not _persons(predicate):
        return
    for comparison in predicate.find_all(exp.Predicate, exp.In, exp.Between, exp.Like):
        persons = _persons(comparison)
        if persons and not isinstance(comparison, exp.Is):
            raise NotAggregateError(f"it picks records by their {sorted(persons)[0]}")


def _persons(part: exp.Expression | exp.Predicate) -> set[str]:
    """The columns in it that tell one patient from another."""
    return {each.name for each in part.find_all(exp.Column)} & PERSONS
