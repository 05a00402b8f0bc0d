"""The SQL that questions over the records are written in: whatever else stands in a statement is refused.

A construct that nobody has thought about may let rows out: COLUMNS('name'), DISTINCT ON, a subquery in a
condition, a function that reads a file. So what our own questions need is listed, by node of the syntax tree,
and a new question that needs more has it added here, with what `column_origins.py` makes of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from tasks.records.sources.records import NAME_OF_RECORDS


class NotAggregateError(ValueError):
    """A statement would let more out than sums and counts; a bug of ours, never a user's mistake."""


SUMS = (exp.Count, exp.Sum, exp.Avg, exp.VariancePop)
EXTREME_VALUES = (exp.Min, exp.Max)
CONSTANTS = (exp.Literal, exp.Null, exp.Boolean)

_CLAUSES: Mapping[type[exp.Expr], frozenset[str]] = {
    exp.Select: frozenset(
        ("with_", "expressions", "distinct", "from_", "joins", "where", "group", "having", "order", "windows")
    ),
    exp.Union: frozenset(("with_", "this", "expression", "distinct")),
    exp.Subquery: frozenset(("this", "alias")),
    exp.Table: frozenset(("this", "alias")),
    exp.With: frozenset(("expressions",)),
    exp.CTE: frozenset(("this", "alias")),
    exp.TableAlias: frozenset(("this", "columns")),
    exp.Join: frozenset(("this", "using", "kind")),
    exp.Lateral: frozenset(("this", "alias")),
    exp.GenerateSeries: frozenset(("start", "end")),
    exp.Group: frozenset(("expressions",)),
    exp.Distinct: frozenset(("expressions",)),
    exp.Star: frozenset(),
    exp.Column: frozenset(("this", "table")),
    exp.Count: frozenset(("this", "big_int")),
    exp.Window: frozenset(("this", "partition_by", "order", "spec", "over", "alias")),
}
"""Clauses → what may stand in them: no LIMIT, QUALIFY or TABLESAMPLE, no DISTINCT ON, ROLLUP or * EXCLUDE."""

_KNOWN = frozenset(
    (
        *_CLAUSES,
        *SUMS,
        *EXTREME_VALUES,
        *CONSTANTS,
        *(exp.From, exp.Where, exp.Having, exp.Order, exp.Ordered, exp.WindowSpec),
        *(exp.Identifier, exp.Alias, exp.Paren, exp.Cast, exp.DataType, exp.Var),
        *(exp.Case, exp.If, exp.Coalesce, exp.Nullif, exp.And, exp.Or, exp.Not),
        *(exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Is, exp.In, exp.Between, exp.Like),
        *(exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg, exp.Abs, exp.Floor, exp.Sqrt, exp.Ln),
        *(exp.Lower, exp.Upper, exp.Length, exp.Substring, exp.Replace, exp.Trim, exp.DPipe, exp.Chr),
        *(exp.Extract, exp.AtTimeZone),
    )
)
_HOLD_QUERIES = (exp.From, exp.Join, exp.CTE, exp.Union, exp.Subquery)


def refuse_unknown(statement: exp.Expression) -> None:
    """Refuse a statement in which there is anything that our questions do not need.

    Raises:
        NotAggregateError: saying what it is.
    """
    for node in statement.walk():
        if type(node) not in _KNOWN:
            raise NotAggregateError(f"{type(node).__name__} is nothing that questions over records need")
        _refuse_clauses(node)
        if node is not statement:
            _refuse_place(node)


def _refuse_clauses(node: exp.Expr) -> None:
    allowed = _CLAUSES.get(type(node))
    for name, value in node.args.items() if allowed is not None else ():
        if value and name not in (allowed or ()):
            raise NotAggregateError(f"{type(node).__name__} with {name} is nothing that questions need")
    if isinstance(node, exp.Join):
        _refuse_join(node)
    elif isinstance(node, exp.CTE) and node.alias.lower() == NAME_OF_RECORDS:
        raise NotAggregateError(f"something else is called {node.alias}")
    elif isinstance(node, exp.TableAlias) and node.columns and not isinstance(node.parent, exp.Lateral):
        raise NotAggregateError("a list of names gives columns other names")
    elif isinstance(node, exp.Table) and not isinstance(node.this, exp.Identifier):
        raise NotAggregateError("there is a function in the place of a table")


def _refuse_join(join: exp.Join) -> None:
    """Refuse all but a join on columns of the same name, and rows that are repeated as their weight says."""
    weighted = isinstance(join.this, exp.Lateral) and isinstance(join.this.this, exp.GenerateSeries)
    if weighted and join.kind == "CROSS":
        return
    if isinstance(join.this, exp.Lateral) or join.kind or not join.args.get("using"):
        raise NotAggregateError("tables are joined by something else than columns of one name")


def _refuse_place(node: exp.Expr) -> None:
    """Refuse a query that stands for a value, and a star that stands in one."""
    parent = node.parent
    if isinstance(node, exp.Query) and not isinstance(parent, _HOLD_QUERIES):
        raise NotAggregateError("a query stands in the place of a value")
    if isinstance(node, exp.Star) and not isinstance(parent, exp.Count | exp.Select):
        raise NotAggregateError("a star stands for columns in a value")
