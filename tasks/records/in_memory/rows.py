"""Rows in memory: the ones a model can use, and the values of its columns there."""

from __future__ import annotations

import ast
from collections.abc import Hashable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tasks.errors import FormulaError, RecordsError, nearest
from tasks.records.clinic_names import counted, in_levels
from tasks.records.data_columns import Codes, Frame, Kind, label_text, nested_label
from tasks.records.formulas import expressions, splines
from tasks.records.formulas.contrasts import Basis, Coded, Element, Factor, Variable
from tasks.records.formulas.expressions import BASIS_FUNCTIONS, FACTOR_FUNCTIONS, Expression
from tasks.records.formulas.formula import Grouping
from tasks.records.formulas.model_spec import Binding, Request
from tasks.records.in_memory.grouping import combine, used
from tasks.records.in_memory.lone_patients import each_on_its_own

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


class Rows:
    """The complete rows of a frame, and the columns of a model evaluated there.

    `dropped` counts the rows left out, each under the first reason that applies. Also a `Catalog`.
    """

    def __init__(self, frame: Frame, counts: Floats | None = None) -> None:
        self.frame = frame
        self.dropped: dict[str, int] = {}
        self.keep: Booleans | None = None
        self.counted = counts is not None
        self._counts = np.broadcast_to(1.0, len(frame)) if counts is None else counts
        self._computed: dict[str, Floats] = {}
        self._factor_codes: dict[str, Integers] = {}
        self._bases: dict[str, Floats] = {}

    @classmethod
    def complete(cls, frame: Frame, asked: Request, weight: str | None = None) -> Rows:
        """The rows of a frame that have all that a request needs.

        Args:
            frame: the table.
            asked: the request.
            weight: column with the number of rows each row stands for.

        Raises:
            FormulaError: a column is not there.
            RecordsError: infinite values, or no row is left.
        """
        rows = cls.complete_part(frame, asked, weight)
        if rows.n == 0:
            raise no_rows_left(rows.dropped, int(rows._counts.sum()))
        return rows

    @classmethod
    def complete_part(cls, frame: Frame, asked: Request, weight: str | None = None) -> Rows:
        """The same of a part of the rows, of which none may be left."""
        check_names(asked, frame.names)
        frame = each_on_its_own(frame, asked, weight)
        rows = cls(frame, None if weight is None else frame.numbers(weight))
        rows._drop_incomplete(asked)
        return rows

    @property
    def n(self) -> int:
        """Rows used."""
        return len(self.frame) if self.keep is None else int(self.keep.sum())

    @property
    def weight(self) -> Floats:
        """(n,) how many rows each row used stands for."""
        if not self.counted:
            return np.broadcast_to(1.0, self.n)
        return np.asarray(self._kept(self._counts), dtype=np.float64)

    def weighted(self, values: Floats) -> Floats:
        """(n,) values times the rows that each row used stands for."""
        return self.weight * values if self.counted else values

    def _drop_incomplete(self, asked: Request) -> None:
        keep, counts = np.ones(len(self.frame), dtype=bool), self._counts

        def drop(missing: Booleans, reason: str) -> None:
            new = missing & keep
            if new.any():
                self.dropped[reason] = round(float(counts[new].sum()))
                np.logical_and(keep, ~missing, out=keep)

        as_labels, as_numbers = label_columns(asked, self.frame), numeric_columns(asked, self.frame)
        for name in asked.names:
            if name in as_labels:
                drop(self.frame.codes(name).codes < 0, f"{name} is missing")
            if name in as_numbers:
                values = self.frame.numbers(name)
                if not _all_finite(values):
                    refuse_infinite(name, *self._count(np.isinf(values), asked))
                    drop(np.isnan(values), f"{name} is missing")
        for expression in asked.expressions:
            inner = computed_part(expression)
            if inner is None or isinstance(inner, ast.Name | ast.Constant):
                continue
            values = self._all_rows(inner)
            if not _all_finite(values):
                text = expressions.deparse(inner)
                refuse_infinite(text, *self._count(np.isinf(values) & keep, asked))
                drop(np.isnan(values), f"{text} is undefined")
        if self.dropped:
            self.keep = keep

    def _count(self, bad: Booleans, asked: Request) -> tuple[int, str]:
        """How many of the frame's rows are bad, and in which groups, in words."""
        if not bad.any():
            return 0, ""
        groups = [self.frame.codes(name) for name in asked.labels]
        codes = np.column_stack([group.codes for group in groups]) if groups else np.empty((len(bad), 0), int)
        levels = [group.levels for group in groups]
        place = in_levels(asked.labels, levels, codes, bad, float(self._counts.sum()))
        return int(self._counts[bad].sum()), place

    def _kept(self, values: NDArray[np.generic]) -> NDArray[np.generic]:
        return values if self.keep is None else values[self.keep]

    def _all_rows(self, node: ast.expr) -> Floats:
        """(rows of the frame,) values of an expression, missing and unused rows included."""
        text = expressions.deparse(node)
        if isinstance(node, ast.Name):
            return self.frame.numbers(node.id)
        if text not in self._computed:
            value = expressions.evaluate(node, self.frame.numbers, self._text_condition)
            self._computed[text] = np.broadcast_to(np.asarray(value, dtype=float), (len(self.frame),))
        return self._computed[text]

    def _text_condition(self, node: ast.Compare) -> Floats | None:
        sides = (node.left, node.comparators[0])
        named = [side for side in sides if isinstance(side, ast.Name) and self.frame.kind(side.id) == "text"]
        words = [side for side in sides if isinstance(side, ast.Constant) and isinstance(side.value, str)]
        if not named and not words:
            return None
        if len(named) != 1 or len(words) != 1 or not isinstance(node.ops[0], ast.Eq | ast.NotEq):
            raise FormulaError(
                f"{expressions.deparse(node)} compares text with something else",
                hint='compare a text column with a quoted value, by == or !=, as in I(sex == "F")',
            )
        column = self.frame.codes(named[0].id)
        equal = np.array([label_text(level) == words[0].value for level in column.levels] + [False])
        wanted = equal[column.codes] == isinstance(node.ops[0], ast.Eq)
        return np.where(column.codes < 0, np.nan, wanted.astype(float))

    # Catalog -----------------------------------------------------------------------------------------

    def kind(self, name: str) -> Kind:
        """What a column's values are."""
        return self.frame.kind(name)

    def levels(self, name: str) -> tuple[Hashable, ...]:
        """Labels of a column among the rows used."""
        return self.codes(name).levels

    def learn(self, expression: Expression, argument: Expression) -> splines.State:
        """What a basis learns from the rows used."""
        return splines.learn(expression, self.values(argument.node))

    # Values ------------------------------------------------------------------------------------------

    def codes(self, name: str) -> Codes:
        """(n,) codes of a column's labels among the rows used; labels without rows are left out."""
        column = self.frame.codes(name)
        return used(np.asarray(self._kept(column.codes), dtype=np.int64), column.levels)

    def values(self, node: ast.expr) -> Floats:
        """(n,) values of an expression on the rows used."""
        return np.asarray(self._kept(self._all_rows(node)), dtype=np.float64)

    def group(self, grouping: Grouping) -> Codes:
        """(n,) codes and labels of a grouping factor; a nested one's labels are `C1:R1`."""
        parts = [self.codes(name) for name in grouping.columns]
        if len(parts) == 1:
            return parts[0]
        combined = combine([part.codes for part in parts], [len(part.levels) for part in parts])
        labels = [
            nested_label([part.levels[code] for part, code in zip(parts, row, strict=True)])
            for row in combined.codes.tolist()
        ]
        return Codes(combined.index, tuple(labels))

    def column(self, column: Coded, variables: Mapping[str, Variable]) -> Floats:
        """(n,) values of a design column."""
        if not column.elements:
            return np.ones(self.n)
        values = self._element(column.elements[0], variables)
        for element in column.elements[1:]:
            values = values * self._element(element, variables)
        return values

    def matrix(self, columns: Sequence[Coded], variables: Mapping[str, Variable]) -> Floats:
        """(n, p) values of design columns."""
        matrix = np.empty((self.n, len(columns)))
        for j, column in enumerate(columns):
            matrix[:, j] = self.column(column, variables)
        return matrix

    def _element(self, element: Element, variables: Mapping[str, Variable]) -> Floats:
        bound = variables[element.variable]
        if isinstance(bound, Factor):
            weights = np.append(bound.weights(element.full)[:, element.column], np.nan)
            return np.asarray(weights[self._codes_of(bound)], dtype=np.float64)
        if isinstance(bound, Basis):
            if bound.text not in self._bases:
                self._bases[bound.text] = splines.evaluate(
                    bound.expression, bound.state, self.values(bound.argument.node)
                )
            return self._bases[bound.text][:, element.column]
        return self.values(bound.expression.node)

    def _codes_of(self, factor: Factor) -> Integers:
        """(n,) positions in the factor's levels; −1 where missing."""
        if factor.text not in self._factor_codes:
            self._factor_codes[factor.text] = self._find_codes(factor)
        return self._factor_codes[factor.text]

    def _find_codes(self, factor: Factor) -> Integers:
        if factor.column is None:
            truth = self.values(factor.expression.node)
            return np.where(np.isnan(truth), -1, truth).astype(np.int64)
        column = self.frame.codes(factor.column)
        codes = np.asarray(self._kept(column.codes), dtype=np.int64)
        position: dict[Hashable, int] = {level: i for i, level in enumerate(factor.levels)}
        by_text = {label_text(level): i for i, level in enumerate(factor.levels)}
        unknown = len(factor.levels)
        table = [position.get(level, by_text.get(label_text(level), unknown)) for level in column.levels]
        found = np.array([*table, -1], dtype=np.int64)[codes]
        strange = int((found == unknown).sum())
        if strange:
            raise RecordsError(
                f"{factor.column} has a value in {strange} of the rows that the model was not fitted to",
                hint="predict only for values among the rows of the fit",
            )
        return found

    def response(self, binding: Binding) -> Floats:
        """(n,) the outcome; for text with two values, 1 where it is the second."""
        response = binding.request.formula.response
        if binding.success is not None and response.is_column:
            column = self.codes(response.names[0])
            is_one = np.array([level == binding.success for level in column.levels])
            return np.asarray(is_one[column.codes], dtype=np.float64)
        return self.values(response.node)

    def time(self, name: str) -> Floats:
        """(n,) a time column: numbers, days, or for text its numbers, or failing that the labels' ranks."""
        if self.frame.kind(name) != "text":
            return self.values(ast.Name(name, ast.Load()))
        column = self.frame.codes(name)
        try:
            positions = np.array([float(str(level)) for level in column.levels])
        except ValueError:
            positions = np.arange(1.0, len(column.levels) + 1)
        return np.asarray(positions[self._kept(column.codes).astype(np.int64)], dtype=np.float64)

    def offset(self, binding: Binding) -> Floats:
        """(n,) the sum of the offsets: the formula's, the exposure's logarithm, the offset column."""
        total: Floats = np.broadcast_to(0.0, self.n)
        for expression in binding.request.formula.offsets:
            total = total + self.values(expression.node)
        roles = binding.request.roles
        if "exposure" in roles:
            exposure = self.values(ast.Name(roles["exposure"], ast.Load()))
            if np.any(exposure <= 0):
                bad = self.frame.numbers(roles["exposure"]) <= 0
                used_rows = bad if self.keep is None else bad & self.keep
                raise no_exposure(roles["exposure"], *self._count(used_rows, binding.request))
            total = total + np.log(exposure)
        if "offset" in roles:
            total = total + self.values(ast.Name(roles["offset"], ast.Load()))
        return total


def label_columns(asked: Request, frame: Frame) -> frozenset[str]:
    """Columns used by their labels: groups, factors, and text wherever it stands."""
    declared = [e.names for e in asked.expressions if e.function in FACTOR_FUNCTIONS]
    text = [name for name in asked.names if frame.kind(name) == "text"]
    return frozenset([*asked.labels, *(name for names in declared for name in names), *text])


def numeric_columns(asked: Request, frame: Frame) -> frozenset[str]:
    """Columns that some expression computes with, or that have a role."""
    computed = [
        name
        for expression in asked.expressions
        if expression.function not in FACTOR_FUNCTIONS
        for name in expression.names
        if frame.kind(name) != "text"
    ]
    roles = [name for role, name in asked.roles.items() if role != "time" or frame.kind(name) != "text"]
    return frozenset([*computed, *roles])


def check_names(asked: Request, known: Sequence[str]) -> None:
    """Every column that is used must be there.

    Raises:
        FormulaError: naming the first that is not, with the nearest there are.
    """
    for name in asked.names:
        if name not in known:
            raise FormulaError(f"no column {name!r} in the data; {nearest(name, known)}")


def refuse_infinite(text: str, count: int, place: str = "") -> None:
    """Infinite values are neither missing nor usable.

    Args:
        text: the column or expression.
        count: rows in which it is infinite.
        place: in which groups, as `in_levels` says it.

    Raises:
        RecordsError: where there are any.
    """
    if count:
        raise RecordsError(
            f"{text} is infinite in {counted(count)}{place}",
            hint="blank those values or leave the rows out",
        )


def no_exposure(name: str, count: int, place: str) -> RecordsError:
    """The error for rows at risk for no time at all.

    Args:
        name: the exposure's column.
        count: rows in which it is zero or negative.
        place: in which groups, as `in_levels` says it.
    """
    return RecordsError(
        f"the exposure {name} is zero or negative in {counted(count)}{place}",
        hint="exposure is time or people at risk: leave those rows out or mend them",
    )


def no_rows_left(dropped: Mapping[str, int], n: int) -> RecordsError:
    """The error for a model without rows: says why each was left out."""
    if n == 0:
        return RecordsError("there are no records to fit", hint="check the month, the window or the SELECT")
    reasons = "; ".join(f"{reason} in {count:,}" for reason, count in dropped.items())
    return RecordsError(f"no complete record is left of {n:,}: {reasons}")


def computed_part(expression: Expression) -> ast.expr | None:
    """What is computed row by row: the expression, or the argument of a basis; None for factors."""
    if expression.function in FACTOR_FUNCTIONS:
        return None
    if expression.function in BASIS_FUNCTIONS:
        return expression.arguments[0] if expression.arguments else None
    return expression.node


def _all_finite(values: Floats) -> bool:
    """Whether no value is missing or infinite: a finite sum says so in one pass, as it nearly always does."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(values.sum()) or np.isfinite(values).all())
