"""Expressions of a formula as SQL: the same values, missing and undefined alike, computed by the database.

What cannot be said in portable SQL raises `Untranslatable`; the rows then come to the door instead, and
are computed there.
"""

from __future__ import annotations

import ast
import datetime
import functools
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from tasks.errors import FormulaError, RecordsError
from tasks.records.formulas import expressions
from tasks.records.formulas.contrasts import Basis, Coded, Element, Factor, Variable
from tasks.records.sources.connection import SourceColumn

Sql = sa.ColumnElement[Any]


class Untranslatable(Exception):  # noqa: N818 — a signal inside the door, not an error anyone sees
    """This part of a formula has no portable SQL."""


def number(value: float) -> Sql:
    """A double, written so that every digit and the type survive."""
    return sa.cast(sa.literal_column(f"{value:.17e}"), sa.Double)


_INFINITY = sa.cast(sa.literal_column("'Infinity'"), sa.Double)
_NOT_A_NUMBER = sa.cast(sa.literal_column("'NaN'"), sa.Double)


def is_nan(value: Sql) -> Sql:
    """Whether a double is not a number; SQL's engines let NaN equal itself."""
    return value == _NOT_A_NUMBER


def is_infinite(value: Sql) -> Sql:
    """Whether a double is infinite."""
    return sa.or_(value == _INFINITY, value == -_INFINITY)


class Translator:
    """Columns and expressions of one SELECT, as SQL over the subquery `records`."""

    def __init__(self, query: str, columns: Mapping[str, SourceColumn]) -> None:
        text = sa.text(query.replace(":", r"\:"))
        typed: list[sa.ColumnClause[Any]] = [
            sa.column(name, sa.Double()) if column.is_double else sa.column(name)
            for name, column in columns.items()
        ]
        self.records = text.columns(*typed).subquery("records")
        self.kinds = columns
        self.guarded: set[str] = set()  # columns in which NaN was found

    def column(self, name: str) -> Sql:
        """A column as it is, for grouping and counting; NaN counts as missing."""
        column: Sql = self.records.c[name]
        if self.kinds[name].kind == "other":
            raise RecordsError(f"column {name} has a type that cannot be used in a model")
        if not self.kinds[name].is_plain:
            column = sa.cast(column, sa.Text)
        return sa.case((is_nan(column), sa.null()), else_=column) if name in self.guarded else column

    def numbers(self, name: str) -> Sql:
        """A column as doubles: true and false are 1 and 0, dates are days since 1970-01-01."""
        kind, column = self.kinds[name].kind, self.column(name)
        if kind == "text":
            raise RecordsError(
                f"column {name} is text where numbers are needed",
                hint=f"use C({name}) for a factor, or convert it in the SELECT or the data frame",
            )
        if kind == "boolean":
            return sa.case((column.is_(sa.true()), number(1.0)), (column.is_(sa.false()), number(0.0)))
        if kind == "date":
            return sa.cast(sa.extract("epoch", column), sa.Double) / number(86400.0)
        return sa.type_coerce(column, sa.Double) if self.kinds[name].is_double else sa.cast(column, sa.Double)

    def expression(self, node: ast.expr) -> Sql:
        """An expression's values; NULL where a part is missing or the value undefined."""
        if isinstance(node, ast.Name):
            return self.numbers(node.id)
        if isinstance(node, ast.Constant):
            if isinstance(node.value, bool | int | float):
                return number(float(node.value))
            raise Untranslatable
        if isinstance(node, ast.UnaryOp):
            inner = self.expression(node.operand)
            return number(1.0) - inner if isinstance(node.op, ast.Not) else -inner
        if isinstance(node, ast.BinOp):
            return self._arithmetic(node)
        if isinstance(node, ast.Compare):
            return self._comparison(node)
        if isinstance(node, ast.BoolOp):
            return self._condition(node)
        name = expressions.function_name(node)
        if not isinstance(node, ast.Call) or len(node.args) != 1:
            raise Untranslatable
        inner = self.expression(node.args[0])
        return inner if name == "I" else self._function(str(name), inner)

    def _arithmetic(self, node: ast.BinOp) -> Sql:
        left = self.expression(node.left)
        if isinstance(node.op, ast.Pow):
            return self._power(left, node.right)
        right = self.expression(node.right)
        if isinstance(node.op, ast.Add):
            return left + right
        if isinstance(node.op, ast.Sub):
            return left - right
        if isinstance(node.op, ast.Mult):
            return left * right
        return self._quotient(left, right)

    def _quotient(self, left: Sql, right: Sql) -> Sql:
        nought = right == number(0.0)
        return sa.case(
            (right != number(0.0), left / right),
            (sa.and_(nought, left > number(0.0)), _INFINITY),
            (sa.and_(nought, left < number(0.0)), -_INFINITY),
        )

    def _power(self, base: Sql, exponent: ast.expr) -> Sql:
        if not isinstance(exponent, ast.Constant) or not isinstance(exponent.value, int | float):
            raise Untranslatable
        power = float(exponent.value)
        if power in (1.0, 2.0, 3.0, 4.0):
            return functools.reduce(lambda product, _: product * base, range(int(power) - 1), base)
        if power == 0.5:
            return self._function("sqrt", base)
        raise Untranslatable

    def _function(self, name: str, inner: Sql) -> Sql:
        zero = number(0.0)
        if name in ("log", "log2", "log10"):
            value: Sql = sa.func.ln(inner, type_=sa.Double)
            if name != "log":  # types are given throughout: to divide an untyped value, it would be rounded
                value = value / sa.func.ln(number(2.0 if name == "log2" else 10.0), type_=sa.Double)
            return sa.case((inner > zero, value), (inner == zero, -_INFINITY))
        if name == "sqrt":
            return sa.case((inner >= zero, sa.func.sqrt(inner, type_=sa.Double)))
        if name == "exp":
            return sa.case(
                (inner < number(709.0), sa.func.exp(inner, type_=sa.Double)),
                (inner >= number(709.0), _INFINITY),
            )
        if name == "abs":
            return sa.func.abs(inner, type_=sa.Double)
        if name in ("floor", "ceiling"):
            return (
                sa.func.floor(inner, type_=sa.Double)
                if name == "floor"
                else sa.func.ceiling(inner, type_=sa.Double)
            )
        raise Untranslatable

    def _comparison(self, node: ast.Compare) -> Sql:
        sides = (node.left, node.comparators[0])
        named = [
            side.id for side in sides if isinstance(side, ast.Name) and self.kinds[side.id].kind == "text"
        ]
        words = [
            side.value for side in sides if isinstance(side, ast.Constant) and isinstance(side.value, str)
        ]
        compare: Mapping[type[ast.cmpop], Any] = {
            ast.Eq: lambda a, b: a == b,
            ast.NotEq: lambda a, b: a != b,
            ast.Lt: lambda a, b: a < b,
            ast.LtE: lambda a, b: a <= b,
            ast.Gt: lambda a, b: a > b,
            ast.GtE: lambda a, b: a >= b,
        }
        if named or words:
            if len(named) != 1 or len(words) != 1 or not isinstance(node.ops[0], ast.Eq | ast.NotEq):
                raise FormulaError(
                    f"{expressions.deparse(node)} compares text with something else",
                    hint='compare a text column with a quoted value, by == or !=, as in I(sex == "F")',
                )
            true = compare[type(node.ops[0])](self.column(named[0]), sa.literal(words[0]))
        else:
            true = compare[type(node.ops[0])](self.expression(sides[0]), self.expression(sides[1]))
        return sa.case((true, number(1.0)), (sa.not_(true), number(0.0)))

    def _condition(self, node: ast.BoolOp) -> Sql:
        parts = [self.expression(each) for each in node.values]
        met = [part != number(0.0) for part in parts]
        together = sa.and_(*met) if isinstance(node.op, ast.And) else sa.or_(*met)
        known = sa.and_(*(part.is_not(None) for part in parts))
        return sa.case((sa.and_(known, together), number(1.0)), (known, number(0.0)))

    def among(self, name: str, labels: Sequence[Hashable]) -> Sql:
        """Whether a column has one of these labels: all that lie between the first and the last of them.

        Labels lie as they are sorted in memory: numbers by size, text by its characters' numbers whatever the
        database's language is.

        Raises:
            Untranslatable: labels of points in time.
        """
        kind, column = self.kinds[name], self.column(name)
        first, last = labels[0], labels[-1]
        if isinstance(first, datetime.datetime):
            raise Untranslatable
        if kind.kind == "boolean":
            return sa.or_(*(column.is_(sa.true() if label else sa.false()) for label in labels))
        if kind.order is not None:
            return column.in_([sa.literal(label) for label in labels])
        if isinstance(first, int | float) and isinstance(last, int | float):
            if kind.is_float or not isinstance(first, int) or not isinstance(last, int):
                return self.numbers(name).between(number(float(first)), number(float(last)))
            return column.between(sa.literal_column(str(first)), sa.literal_column(str(last)))
        if isinstance(first, str):
            column = sa.collate(column, "C")
        return column.between(sa.literal(first), sa.literal(last))

    # Design columns ----------------------------------------------------------------------------------

    def design_column(self, column: Coded, variables: Mapping[str, Variable]) -> Sql:
        """A design column: the product of its elements."""
        if not column.elements:
            return number(1.0)
        return functools.reduce(
            lambda product, element: product * self._element(element, variables),
            column.elements[1:],
            self._element(column.elements[0], variables),
        )

    def _element(self, element: Element, variables: Mapping[str, Variable]) -> Sql:
        bound = variables[element.variable]
        if isinstance(bound, Basis):
            raise Untranslatable
        if not isinstance(bound, Factor):
            return self.expression(bound.expression.node)
        weights = bound.weights(element.full)[:, element.column]
        cases = [
            (self._is_level(bound, level), number(float(weight)))
            for level, weight in zip(bound.levels, weights, strict=True)
            if weight != 0.0
        ]
        return sa.case(*cases, else_=number(0.0)) if cases else number(0.0)

    def _is_level(self, factor: Factor, level: Hashable) -> Sql:
        if factor.column is None:
            return self.expression(factor.expression.node) == number(1.0 if level else 0.0)
        if isinstance(level, bool):
            return self.column(factor.column).is_(sa.true() if level else sa.false())
        if isinstance(level, int | float) and self.kinds[factor.column].kind == "number":
            return self.numbers(factor.column) == number(float(level))
        if isinstance(level, str | datetime.date):
            return self.column(factor.column) == sa.literal(level)
        raise Untranslatable
