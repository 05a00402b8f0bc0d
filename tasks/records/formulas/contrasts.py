"""How R turns the terms of a formula into columns: contrasts, dummies, interactions and their names.

Treatment contrasts with the first level as reference; a factor in a term gets dummies for all its levels
where the term without it is not contained in an earlier term (Chambers & Hastie 1992, p. 38, as R's
`model.matrix` has it), and so does the first factor of a model without intercept.
"""

from __future__ import annotations

import ast
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tasks.errors import FormulaError
from tasks.records.data_columns import Kind, label_text
from tasks.records.formulas import splines
from tasks.records.formulas.expressions import (
    BASIS_FUNCTIONS,
    FACTOR_FUNCTIONS,
    Expression,
    deparse,
    function_name,
)
from tasks.records.formulas.formula import Terms
from tasks.records.moments import INTERCEPT

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Number:
    """A variable of one numeric column."""

    expression: Expression

    @property
    def text(self) -> str:
        """Its name."""
        return self.expression.text


@dataclass(frozen=True)
class Factor:
    """A variable with levels.

    Attributes:
        expression: as written.
        column: the data's column with the labels; None for a condition such as `I(age > 60)`.
        levels: labels of the rows used, the order of the coding.
        contrasts: (levels, levels − 1) R's contrast matrix.
        suffixes: names of the contrasts' columns.
    """

    expression: Expression
    column: str | None
    levels: tuple[Hashable, ...] = field(repr=False)
    contrasts: Floats = field(repr=False)
    suffixes: tuple[str, ...] = field(repr=False)

    @property
    def text(self) -> str:
        """Its name."""
        return self.expression.text

    def weights(self, full: bool) -> Floats:
        """(levels, columns) value of each column at each level: dummies for all levels, or contrasts."""
        return np.eye(len(self.levels)) if full else self.contrasts


@dataclass(frozen=True)
class Basis:
    """A variable of several numeric columns, such as `poly(age, 2)`."""

    expression: Expression
    argument: Expression
    state: splines.State = field(repr=False)

    @property
    def text(self) -> str:
        """Its name."""
        return self.expression.text


Variable = Number | Factor | Basis


@dataclass(frozen=True)
class Element:
    """One variable's part in a column.

    Attributes:
        variable: its text.
        column: which of its columns.
        full: for factors, whether that counts levels (the column is 1 at this level and 0 at all others)
            or contrasts that are of no one level.
    """

    variable: str
    column: int
    full: bool = False


Elements = tuple[Element, ...]


@dataclass(frozen=True)
class Coded:
    """A column of the design: the product of its elements; none for the constant.

    The elements say which column it is; the name is for people.
    """

    name: str
    elements: Elements


CONSTANT = Coded(INTERCEPT, ())
MOST_LEVELS = 1_000


class Catalog(Protocol):
    """What coding needs to know of the rows used."""

    def kind(self, name: str) -> Kind:
        """What a column's values are."""
        ...

    def levels(self, name: str) -> tuple[Hashable, ...]:
        """Labels of a column that occur among the rows used, sorted."""
        ...

    def learn(self, expression: Expression, argument: Expression) -> splines.State:
        """What a basis learns from the rows used."""
        ...


def variable(expression: Expression, catalog: Catalog) -> Variable:
    """A formula's variable bound to data.

    Raises:
        FormulaError: it cannot be coded, e.g. arithmetic with text.
    """
    if expression.is_column and catalog.kind(expression.names[0]) in ("text", "boolean"):
        return _factor(expression, expression.names[0], catalog.levels(expression.names[0]))
    if expression.function in FACTOR_FUNCTIONS:
        return _declared_factor(expression, catalog)
    if expression.function in BASIS_FUNCTIONS:
        if not expression.arguments:
            raise FormulaError(f"{expression.text} needs a column")
        first = expression.arguments[0]
        argument = Expression(deparse(first), first, expression.names)
        _check_numeric(argument, catalog)
        return Basis(expression, argument, catalog.learn(expression, argument))
    if expression.is_condition:
        return _factor(expression, None, (False, True))
    _check_numeric(expression, catalog)
    return Number(expression)


def _check_numeric(expression: Expression, catalog: Catalog) -> None:
    if expression.names == () and expression.node is not None:
        raise FormulaError(f"{expression.text} in the formula uses no column")
    compared = {
        side.id
        for node in ast.walk(expression.node)
        if isinstance(node, ast.Compare)
        for side in (node.left, node.comparators[0])
        if isinstance(side, ast.Name)
    }
    for name in expression.names:
        if name not in compared and catalog.kind(name) == "text":
            raise FormulaError(
                f"{expression.text} needs numbers, and column {name} is text",
                hint=f"use {name} or C({name}) by itself for a factor",
            )


def _declared_factor(expression: Expression, catalog: Catalog) -> Factor:
    """`C(x)`, `factor(x)`, `C(x, Treatment("b"))`, `C(x, Sum)` or `relevel(x, ref = "b")`."""
    first = expression.arguments[0] if expression.arguments else None
    if isinstance(first, ast.Call) and function_name(first) in ("C", "factor") and len(first.args) == 1:
        first = first.args[0]
    if not isinstance(first, ast.Name):
        raise FormulaError(f"{expression.text} needs a column as its first argument")
    column = first.id
    levels = catalog.levels(column)
    options: list[tuple[str | None, ast.expr]] = [(None, each) for each in expression.arguments[1:]]
    options += expression.keywords
    reference: object = None
    total = False
    for name, option in options:
        inner: list[ast.expr] = []
        call = option.func.id if isinstance(option, ast.Call) and isinstance(option.func, ast.Name) else None
        if isinstance(option, ast.Call):
            inner = [*option.args, *(keyword.value for keyword in option.keywords)]
        spelled = call or (option.id if isinstance(option, ast.Name) else None)
        if spelled in ("Sum", "sum", "contr.sum"):
            total = True
        elif spelled in ("Treatment", "contr.treatment") and all(
            isinstance(each, ast.Constant) for each in inner
        ):
            reference = inner[0].value if inner else None  # type: ignore[attr-defined]
        elif expression.function == "relevel" and isinstance(option, ast.Constant):
            reference = option.value
        elif name == "levels" or isinstance(option, ast.List) or call == "c":
            elements = option.elts if isinstance(option, ast.List) else inner
            levels = _given_levels(expression, levels, elements)
        else:
            raise FormulaError(
                f"cannot read the contrasts of {expression.text}",
                hint='for example C(site, Treatment("main")), C(site, Sum) or relevel(site, ref = "main")',
            )
    if reference is not None:
        matching = [level for level in levels if level == reference or label_text(level) == str(reference)]
        if not matching:
            raise FormulaError(f"the reference level in {expression.text} is not a value of {column}")
        if expression.function == "relevel":
            levels = (matching[0], *(level for level in levels if level != matching[0]))
    base = levels.index(matching[0]) if reference is not None else 0
    return _factor(expression, column, levels, base, total)


def _given_levels(
    expression: Expression, levels: tuple[Hashable, ...], given: list[ast.expr]
) -> tuple[Hashable, ...]:
    wanted = [each.value for each in given if isinstance(each, ast.Constant)]
    by_text = {label_text(level): level for level in levels}
    ordered = [by_text[label_text(each)] for each in wanted if label_text(each) in by_text]
    if len(ordered) != len(levels):
        raise FormulaError(f"the levels given in {expression.text} are not all the values of its column")
    return tuple(ordered)


def _factor(
    expression: Expression,
    column: str | None,
    levels: tuple[Hashable, ...],
    base: int = 0,
    total: bool = False,
) -> Factor:
    texts = [label_text(level) for level in levels]
    if len(levels) > MOST_LEVELS:
        raise FormulaError(
            f"{expression.text} has {len(levels):,} different values, too many for a column each",
            hint=f"use it as a group, (1 | {column}), or as a number",
        )
    if len(levels) < 2:
        return Factor(expression, column, levels, np.zeros((len(levels), 0)), ())
    if total:
        contrasts = np.vstack([np.eye(len(levels) - 1), -np.ones((1, len(levels) - 1))])
        suffixes = tuple(str(j + 1) for j in range(len(levels) - 1))
    else:
        contrasts = np.delete(np.eye(len(levels)), base, axis=1)
        suffixes = tuple(text for j, text in enumerate(texts) if j != base)
    return Factor(expression, column, levels, contrasts, suffixes)


def code(terms: Terms, variables: Mapping[str, Variable]) -> tuple[Coded, ...]:
    """The columns of the terms, in R's order and with R's names; the constant first where it is there."""
    columns = [CONSTANT] if terms.intercept else []
    columns += [column for term in by_term(terms, variables).values() for column in term]
    return distinct(columns)


def distinct(columns: Iterable[Coded]) -> tuple[Coded, ...]:
    """Each column once, where it first stands."""
    return tuple({column.elements: column for column in columns}.values())


def by_term(terms: Terms, variables: Mapping[str, Variable]) -> dict[tuple[str, ...], list[Coded]]:
    """Each term's columns; a factor with one value has none beside a constant."""
    columns: dict[tuple[str, ...], list[Coded]] = {}
    first_factor_done = terms.intercept
    for position, term in enumerate(terms.terms):
        choices: list[list[tuple[str, Element]]] = []
        for name in term:
            bound = variables[name]
            full = False
            if isinstance(bound, Factor):
                rest = set(term) - {name}
                full = bool(rest) and not any(rest <= set(earlier) for earlier in terms.terms[:position])
                full = full or not first_factor_done
                first_factor_done = True
            choices.append(_columns(bound, full))
        columns[term] = _products(choices)
    return columns


def _columns(bound: Variable, full: bool) -> list[tuple[str, Element]]:
    if isinstance(bound, Number):
        return [(bound.text, Element(bound.text, 0))]
    if isinstance(bound, Basis):
        count = splines.width(bound.state)
        single = count == 1 and bound.expression.function != "poly"
        return [
            (bound.text if single else f"{bound.text}{j + 1}", Element(bound.text, j)) for j in range(count)
        ]
    suffixes = tuple(label_text(level) for level in bound.levels) if full else bound.suffixes
    weights = bound.weights(full)
    return [
        (f"{bound.text}{suffix}", _element(bound.text, j, weights[:, j])) for j, suffix in enumerate(suffixes)
    ]


def _element(variable: str, column: int, weights: Floats) -> Element:
    """The same element for a level's dummy and for the contrast of that level with the first: one column."""
    levels = np.flatnonzero(weights)
    if len(levels) == 1 and weights[levels[0]] == 1.0:
        return Element(variable, int(levels[0]), full=True)
    return Element(variable, column)


def _products(choices: list[list[tuple[str, Element]]]) -> list[Coded]:
    """All products, the first variable's columns varying fastest, as R orders them."""
    products: list[tuple[tuple[str, ...], tuple[Element, ...]]] = [((), ())]
    for choice in reversed(choices):
        products = [
            ((name, *names), (element, *rest)) for names, rest in products for name, element in choice
        ]
    return [Coded(":".join(names), elements) for names, elements in products]
