"""Rows of a database a block at a time: read once for what a design needs of them, and as often as is asked.

A first look (counts, missing values, labels) is the database's own; then the rows come once for aliased
columns and for what the outcomes are, and once more for every pass that follows.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pyarrow.compute as pc
import sqlalchemy as sa
from numpy.typing import NDArray

from tasks.records.cells import Cells, Outcome
from tasks.records.data_columns import Codes, Frame, Kind
from tasks.records.formulas import splines
from tasks.records.formulas.contrasts import Coded
from tasks.records.formulas.expressions import Expression
from tasks.records.formulas.model_spec import Binding, Request, bind
from tasks.records.in_database.first_pass import Survey, place_of, survey
from tasks.records.in_database.from_database import near_mean, rows_of
from tasks.records.in_database.translation import number
from tasks.records.in_memory.from_rows import without_aliased
from tasks.records.in_memory.grouping import sorting
from tasks.records.in_memory.outcomes import outcome_kind, success_label
from tasks.records.in_memory.rows import Rows, no_exposure
from tasks.records.sources.connection import Connection

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

ALL = slice(None)
"""Every level of the grouping factor."""

_MOST_ROWS = 131_072  # of a block: more would not outweigh the calls any better
_SAMPLE = 60_000


def is_streamable(asked: Request) -> bool:
    """Whether the cells of a request can be made block by block.

    Their group must be one column; a block does not tell proportions from counts of its trials, nor order
    rows by time.
    """
    return len(asked.groupings) == len(asked.labels) == 1 and not {"trials", "time"} & set(asked.roles)


def row_stream(
    asked: Request, connection: Connection, query: str, share: float = 1.0
) -> tuple[RowStream, FirstPass]:
    """The rows of a SELECT as a stream, its design settled by a first pass over them.

    Args:
        asked: a request that is streamable.
        connection: where the records are; to be open for as long as the stream is read.
        query: the SELECT.
        share: of the rows that a block may have at most.

    Raises:
        Untranslatable: an expression has no portable SQL, or a patient grouped by has no number.
        RecordsError: infinite values, impossible exposures, no complete row.
    """
    found = survey(asked, connection, query)
    _see_exposure(asked, found)
    catalog = Learning(found)
    binding = replace(bind(asked, catalog), success=success_label(asked, catalog))
    most = max(min(round(found.n * share), _MOST_ROWS), 1)
    stream = RowStream(asked, found, binding, catalog.levels(asked.labels[0]), most)
    first = stream.first_pass()
    listed = _listed(binding)

    def confirm(position: int, weights: Floats) -> float:
        return stream.residual_square(listed, first.reference, weights)

    names = [column.name for column in listed]
    binding = without_aliased(binding, names, first.products, first.reference, confirm)
    at = [names.index(column.name) for column in binding.fixed]
    first.mean = (first.reference + first.products[0] / first.products[0, 0])[at]
    first.sample = [replace(each, fixed=each.fixed[:, at]) for each in first.sample]
    return replace(stream, binding=binding), first


def is_constant(term: Sequence[Coded]) -> bool:
    """Whether a random term is an intercept alone."""
    return len(term) == 1 and not term[0].elements


def _listed(binding: Binding) -> list[Coded]:
    """The constant, and the fixed effects' columns."""
    return [column for column in binding.columns if column in binding.fixed or not column.elements]


def _see_exposure(asked: Request, found: Survey) -> None:
    """Refuse exposures that are zero or negative, all of them counted."""
    name = asked.roles.get("exposure")
    if name is None:
        return
    bad = sa.and_(*found.complete, found.sql.numbers(name) <= number(0.0))
    table = found.connection.table(sa.select(sa.func.count().label("n")).where(bad))
    if count := int(table.column("n")[0].as_py()):
        raise no_exposure(name, count, place_of(bad, found, asked.labels))


@dataclass(frozen=True)
class Learning:
    """A survey as the catalogue of formula coding, which reads a column where a basis learns from it."""

    found: Survey

    def kind(self, name: str) -> Kind:
        """What a column's values are."""
        return self.found.kind(name)

    def levels(self, name: str) -> tuple[Hashable, ...]:
        """Labels of a column among the rows used, sorted."""
        return self.found.levels(name)

    def learn(self, expression: Expression, argument: Expression) -> splines.State:
        """What a basis learns from the rows used."""
        value = self.found.sql.expression(argument.node).label("value")
        column = self.found.connection.table(sa.select(value).where(*self.found.complete)).column("value")
        return splines.learn(expression, pc.drop_null(column).combine_chunks().to_numpy(zero_copy_only=False))


@dataclass
class FirstPass:
    """What the first pass finds.

    Attributes:
        reference: (q,) the point that products are taken about.
        products: (q, q) of the columns, the constant first.
        rows: (K,) rows of each level.
        total: sum of the outcome.
        lowest: least outcome.
        highest: greatest.
        outcome: what outcomes are.
        sample: rows from all over the data, in parts.
        mean: (p,) of the fixed-effect columns that are kept.
        squares: per random term, (d,) sums of squares of its columns.
    """

    reference: Floats
    products: Floats
    rows: Floats
    total: float = 0.0
    lowest: float = np.inf
    highest: float = -np.inf
    outcome: Outcome = "binary"
    sample: list[Cells] = field(default_factory=list)
    mean: Floats = field(default_factory=lambda: np.zeros(0))
    squares: tuple[Floats, ...] = ()


@dataclass(frozen=True)
class RowStream:
    """The complete rows of a request, read once more whenever they are asked for.

    Attributes:
        asked: the request.
        found: the first look at the records.
        binding: the formula bound to them.
        levels: labels of the grouping factor, in order.
        most: rows of a block.
    """

    asked: Request
    found: Survey
    binding: Binding
    levels: tuple[Hashable, ...]
    most: int

    def cells(self) -> Iterator[Cells]:
        """Cells of the fixed effects, block by block."""
        return (self._cells(rows, self.binding.fixed) for rows in self._rows())

    def with_random(self, levels: slice = ALL) -> Iterator[Cells]:
        """The same with the columns of the random effects, of all rows or of those of some levels.

        Args:
            levels: which, by their positions; the database leaves out the rows of the others.
        """
        for rows in self._rows(levels):
            yield self._cells(rows, self.binding.fixed, self.binding.random)

    def first_pass(self) -> FirstPass:
        """Products of the columns, the constant first, a sample, and what the outcomes are."""
        binding = self.binding
        listed = _listed(binding)
        reference = np.array([near_mean(column, binding, self.found) for column in listed])
        first = FirstPass(reference, np.zeros((len(listed), len(listed))), np.zeros(len(self.levels)))
        squares = [np.zeros(len(term)) for term in binding.random]
        step = max(self.found.n // _SAMPLE, 1)
        offset = 0  # of the next row of the sample in the next block
        kinds: set[Outcome] = set()
        for rows in self._rows():
            cells = self._cells(rows, listed, binding.random)
            centred = cells.fixed - reference
            first.products += centred.T @ centred
            first.rows += np.bincount(cells.codes[:, 0], minlength=len(first.rows))
            first.total += float(cells.total.sum())
            first.lowest = min(first.lowest, float(cells.total.min()))
            first.highest = max(first.highest, float(cells.total.max()))
            kinds.add(cells.outcome)
            for square, columns in zip(squares, cells.random, strict=True):
                square += np.einsum("nd,nd->d", columns, columns)
            first.sample.append(cells.taken(np.arange(offset, len(cells.total), step)))
            offset = (offset - len(cells.total)) % step
        first.squares = tuple(squares)
        first.outcome = next(kind for kind in ("number", "count", "binary") if kind in kinds)
        return first

    def residual_square(self, listed: Sequence[Coded], reference: Floats, weights: Floats) -> float:
        """Σ over rows of (Σ weight · column about the reference)²."""
        square = 0.0
        for rows in self._rows():
            columns = [rows.column(column, self.binding.variables) for column in listed]
            residual = sum(w * (x - r) for w, x, r in zip(weights, columns, reference, strict=True) if w)
            square += float(np.sum(np.square(residual)))
        return square

    def _rows(self, levels: slice = ALL) -> Iterator[Rows]:
        statement = rows_of(self.asked, self.found.sql).where(*self.found.complete)
        if levels != ALL:
            statement = statement.where(self.found.sql.among(self.asked.labels[0], self.levels[levels]))
        for table in self.found.connection.streamed(statement, self.most):
            yield Rows(Frame(table))

    def _cells(self, rows: Rows, columns: Sequence[Coded], random: Sequence[Sequence[Coded]] = ()) -> Cells:
        """A block's rows as cells, sorted by their group."""
        codes = self._codes(rows.frame.codes(self.asked.labels[0]))
        order = sorting(codes, len(self.levels))
        fixed = self._matrix(rows, columns, order)
        constant = np.broadcast_to(1.0, (rows.n, 1))  # a random intercept takes no memory
        total, offset = rows.response(self.binding), rows.offset(self.binding)
        if order is not None:
            codes, total = codes[order], total[order]
            offset = offset if offset.strides == (0,) else offset[order]
        ones = np.broadcast_to(1.0, rows.n)
        return Cells(
            fixed=fixed,
            random=tuple(
                constant if is_constant(term) else self._matrix(rows, term, order) for term in random
            ),
            codes=codes[:, None],
            factors=(self.asked.groupings[0].name,),
            levels=(self.levels,),
            weight=ones,
            total=total,
            total_squares=total * total,
            trials=ones,
            offset=offset,
            time=None,
            log_constant=0.0,
            outcome=outcome_kind(total, has_trials=False),
        )

    def _matrix(self, rows: Rows, columns: Sequence[Coded], order: Integers | None) -> Floats:
        """(n, q) values of the columns, the rows in this order."""
        matrix = np.empty((rows.n, len(columns)), order="F")
        for j, column in enumerate(columns):
            if not column.elements:
                matrix[:, j] = 1.0
            elif order is None:
                matrix[:, j] = rows.column(column, self.binding.variables)
            else:
                rows.column(column, self.binding.variables).take(order, out=matrix[:, j], mode="clip")
        return matrix

    def _codes(self, column: Codes) -> Integers:
        return np.array([self._position[label] for label in column.levels], dtype=np.int64)[column.codes]

    @cached_property
    def _position(self) -> Mapping[Hashable, int]:
        return {label: i for i, label in enumerate(self.levels)}
