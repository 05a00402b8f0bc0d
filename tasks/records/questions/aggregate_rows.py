"""Whether every row of a query is an aggregate over records, judged from the inside out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlglot import exp

from tasks.records.questions.column_origins import (
    EXTREMES,
    KEYS,
    PERSONS,
    Origin,
    Relation,
    Scope,
    is_key,
    is_null,
    is_sum,
    made_of,
)
from tasks.records.questions.known_constructs import EXTREME_VALUES, SUMS, NotAggregateError
from tasks.records.sources.records import NAME_OF_RECORDS

RECORDS: Mapping[str, Relation] = {NAME_OF_RECORDS: Relation((), is_open=True, aggregate=False)}
"""The one table that there is."""


def rows_of(query: exp.Expression, known: Mapping[str, Relation] = RECORDS) -> Relation:
    """The rows of a query, or of what stands in a FROM.

    Args:
        query: a SELECT, a UNION, a table or a query in parentheses.
        known: tables by their names in small letters: the records, and queries of WITH.

    Raises:
        NotAggregateError: it aggregates in name only.
    """
    if isinstance(query, exp.Subquery):
        return rows_of(query.this, known)
    if isinstance(query, exp.Table):
        if query.name.lower() not in known:
            raise NotAggregateError("there is another table than the records")
        return known[query.name.lower()]
    if not isinstance(query, exp.Select | exp.Union):
        raise NotAggregateError("there is something else than a SELECT")
    known = dict(known)
    for common in query.ctes:
        _refuse_column_s_name(common.alias)
        known[common.alias.lower()] = rows_of(common.this, known)
    if isinstance(query, exp.Union):
        return _together(rows_of(query.this, known), rows_of(query.expression, known))
    return _selected(query, known)


def _together(one: Relation, other: Relation) -> Relation:
    """The rows of both: columns are the same by their places."""
    if one.is_open or other.is_open or len(one.columns) != len(other.columns):
        raise NotAggregateError("it cannot be told which columns are put below one another")
    columns: list[tuple[str, Origin]] = []
    for (name, first), (_, second) in zip(one.columns, other.columns, strict=True):
        if bool(first & PERSONS) != bool(second & PERSONS):
            raise NotAggregateError("something else is put below patients' numbers")
        columns.append((name, first | second))
    return Relation(columns, is_open=False, aggregate=one.aggregate and other.aggregate)


def _selected(query: exp.Select, known: Mapping[str, Relation]) -> Relation:
    scope = Scope()
    for source in _sources(query):
        name = source.alias_or_name.lower()
        _refuse_column_s_name(name)
        scope.sources.append((name, _source(source, scope, known)))
    for join in query.args.get("joins") or ():
        _refuse_other_people(join, scope)
    columns: list[tuple[str, Origin]] = []
    for column in query.expressions:
        columns += _columns(column, scope)
    for part in _clauses(query):
        _refuse_persons(part, scope)
    is_open = any(isinstance(each, exp.Star) for each in query.expressions) and any(
        relation.is_open for _, relation in scope.sources
    )
    return Relation(columns, is_open, aggregate=scope.aggregate or _aggregates(query, scope))


def _sources(query: exp.Select) -> Iterator[exp.Expression]:
    first = query.args.get("from_")
    if first is not None:
        yield first.this
    for join in query.args.get("joins") or ():
        yield join.this


def _source(source: exp.Expression, scope: Scope, known: Mapping[str, Relation]) -> Relation:
    if not isinstance(source, exp.Lateral):
        return rows_of(source, known)
    # a row that stands for several records, as many times as its weight says
    origin = frozenset().union(*(made_of(each, scope) for each in source.this.iter_expressions()))
    names = [each.name.lower() for each in source.args["alias"].columns]
    if origin & PERSONS or (EXTREMES | PERSONS) & set(names):
        raise NotAggregateError("rows are repeated by something else than a weight")
    return Relation([(name, origin) for name in names], is_open=False, aggregate=True)


def _refuse_column_s_name(table: str) -> None:
    """Refuse a table that is called like a column with a meaning: where there is no column, it is the row."""
    if table.lower() in EXTREMES | PERSONS:
        raise NotAggregateError(f"a table is called {table}")


def _refuse_other_people(join: exp.Join, scope: Scope) -> None:
    """Refuse to join by anything but clinics, months and patients' own numbers: a list would pick some."""
    for name in join.args.get("using") or ():
        origins = {relation.origin(name.name.lower()) for _, relation in scope.sources} - {None}
        if len(origins) != 1 or not all(origin and origin <= KEYS | PERSONS for origin in origins):
            raise NotAggregateError(f"{name.name} is not the same in both")


def _columns(column: exp.Expression, scope: Scope) -> list[tuple[str, Origin]]:
    """A column of a SELECT, or those that a star stands for, which are its own from here on."""
    if isinstance(column, exp.Star):
        return [each for _, relation in scope.sources for each in relation.columns]
    origin, name = made_of(column, scope), column.alias_or_name.lower()
    if name in PERSONS and not origin & PERSONS and not is_null(column.unalias()):
        raise NotAggregateError(f"something else is called {name}")
    if isinstance(column, exp.Alias):
        scope.own[name] = scope.own.get(name, frozenset()) | origin
    return [(name, origin)]


def _clauses(query: exp.Select) -> Iterator[exp.Expression]:
    """What stands in the clauses of a SELECT, its columns and sources aside."""
    for name in ("where", "having"):
        if query.args.get(name) is not None:
            yield query.args[name].this
    for name in ("group", "order"):
        if query.args.get(name) is not None:
            yield from query.args[name].expressions
    yield from query.args.get("windows") or ()


def _refuse_persons(part: exp.Expression, scope: Scope) -> None:
    """Refuse a condition, a group or an order that looks at who patients are; groups may be patients."""
    if made_of(part, scope) & PERSONS and not isinstance(part.parent, exp.Group):
        raise NotAggregateError("records are picked or put in order by patients' numbers")


def _aggregates(query: exp.Select, scope: Scope) -> bool:
    """Whether a SELECT over records makes sums, by nothing else than keys."""
    group = query.args.get("group")
    if group is None and query.args.get("distinct") is None:
        sums = [each.unalias() for each in query.expressions]
        return all(map(is_sum, sums)) and any(each.find(*SUMS, *EXTREME_VALUES) for each in sums)
    groups = list(group.expressions) if group is not None else []
    if not all(is_key(each, scope) for each in groups):
        return False
    written = {each.sql().lower() for each in groups}
    for column in query.expressions:
        value = column.unalias()
        told = is_key(value, scope) if group is None else value.sql().lower() in written
        if not (told or is_sum(value)):
            return False
    return True
