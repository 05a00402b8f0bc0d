"""Moments and cells from rows in memory."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.records.cells import Cells, Outcome
from tasks.records.data_columns import Codes, Frame
from tasks.records.design import Design
from tasks.records.formulas import collinearity
from tasks.records.formulas.model_spec import Binding, Request, bind
from tasks.records.in_memory.equal_rows import collapse_rows
from tasks.records.in_memory.grouping import Combinations, combine, sorting
from tasks.records.in_memory.outcomes import (
    log_constant,
    outcome_kind,
    success_label,
    successes_and_trials,
)
from tasks.records.in_memory.rows import Rows
from tasks.records.in_memory.summing import products_by_group, reference_point, spread
from tasks.records.moments import Moments

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_BLOCK = 8_192  # rows of a matrix that are filled together, so that they stay in the cache


def moments_in_memory(asked: Request, frame: Frame, *, weight: str | None = None) -> tuple[Design, Moments]:
    """The moments of a request's columns over the complete rows of a frame.

    Args:
        asked: the request.
        frame: the rows, or rows that a query has counted.
        weight: column with the number of rows each row stands for.
    """
    rows = Rows.complete(frame, asked, weight)
    binding = bind(asked, rows)
    factors, combinations = groups(rows, asked)
    listed = binding.columns
    names = [column.name for column in listed]
    columns = [rows.column(column, binding.variables) for column in listed]
    columns.append(rows.response(binding) - rows.offset(binding))
    reference = _reference(columns)
    summed, about = columns, reference
    if rows.counted:
        root = np.sqrt(rows.weight)
        summed = [root * (column - point) for column, point in zip(columns, reference, strict=True)]
        about = np.zeros(len(columns))
    products = products_by_group(summed, about, combinations.index, len(combinations.codes))
    confirm = _confirming(columns, reference, rows.weight)
    total = products[:, :-1, :-1].sum(axis=0)
    binding = without_aliased(binding, names, total, reference[:-1], confirm)
    moments = assemble(binding, names, reference, products, factors, combinations.codes)
    return binding.design(rows.dropped), moments


def assemble(
    binding: Binding,
    names: list[str],
    reference: Floats,
    products: Floats,
    factors: list[Codes],
    codes: Integers,
) -> Moments:
    """Moments of the columns that are kept, out of products of all that were summed (the outcome last)."""
    kept = [names.index(column.name) for column in binding.columns] + [len(names)]
    if len(kept) < len(reference):
        products = np.ascontiguousarray(products[:, kept][:, :, kept])
    return Moments(
        columns=(*(names[j] for j in kept[:-1]), binding.request.formula.response.text),
        reference=reference[kept],
        products=products,
        factors=tuple(grouping.name for grouping in binding.request.groupings),
        levels=tuple(factor.levels for factor in factors),
        codes=codes,
    )


def without_aliased(
    binding: Binding, names: list[str], total: Floats, reference: Floats, confirm: collinearity.Confirm
) -> Binding:
    """The binding with aliased fixed-effect columns taken out, and the reasons kept.

    Args:
        binding: the formula bound to data.
        names: of the columns summed, the constant first.
        total: their cross-products over all rows, about `reference`.
        reference: the point they are taken about.
        confirm: see `collinearity.find`; positions and weights refer to `names`.
    """
    intercept = binding.request.formula.fixed.intercept
    used = [0, *(names.index(column.name) for column in binding.fixed if column.elements)]

    def confirm_used(position: int, weights: Floats) -> float:
        spread_out = np.zeros(len(names))
        spread_out[used] = weights
        return confirm(used[position], spread_out)

    fixed_names = [column.name for column in binding.fixed]
    found = collinearity.find(
        fixed_names, total[np.ix_(used, used)], reference[used], intercept, confirm_used
    )
    return replace(
        binding,
        fixed=tuple(binding.fixed[j] for j in found.kept),
        unused={**binding.unused, **{fixed_names[j]: reason for j, reason in found.reasons.items()}},
    )


@dataclass(frozen=True)
class _Arranged:
    """How rows become cells: an order, and where cells start in it (None: each row is a cell).

    Columns that are one value throughout (of stride 0) are not moved about.
    """

    order: Integers | None
    starts: Integers | None

    def pick(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values of each cell's first row."""
        if values.strides == (0,):
            return np.broadcast_to(values[0], len(values) if self.starts is None else len(self.starts))
        ordered = values if self.order is None else values[self.order]
        return ordered if self.starts is None else ordered[self.starts]

    def matrix(self, columns: list[Floats], n: int) -> Floats:
        """Values of each cell's first row, as columns of a matrix; filled a block of rows at a time."""
        first = self.order
        if self.starts is not None:
            first = self.starts if first is None else first[self.starts]
        # column by column in memory: models take sums over rows, one column at a time
        matrix = np.empty((n if first is None else len(first), len(columns)), order="F")
        for start in range(0, len(matrix), _BLOCK):
            block = slice(start, start + _BLOCK)
            for j, column in enumerate(columns):
                matrix[block, j] = column[block] if first is None else column[first[block]]
        return matrix

    def sum(self, values: Floats) -> Floats:
        """Sums over each cell's rows."""
        if values.strides == (0,):
            if self.starts is None:
                return np.broadcast_to(values[0], len(values))
            sizes = np.diff(self.starts, append=len(values)).astype(np.float64)
            return np.asarray(sizes * values[0], dtype=np.float64)
        ordered = values if self.order is None else values[self.order]
        return ordered if self.starts is None else np.add.reduceat(ordered, self.starts)


def cells_in_memory(
    asked: Request, frame: Frame, *, collapse: bool = True, weight: str | None = None
) -> tuple[Design, Cells]:
    """The cells of a request over the complete rows of a frame.

    Args:
        asked: the request.
        frame: the rows, or rows that a query has counted.
        collapse: whether to look for rows that agree; a time column prevents it.
        weight: column with the number of rows each row stands for.
    """
    rows = Rows.complete(frame, asked, weight)
    binding = replace(bind(asked, rows), success=success_label(asked, rows))
    factors, combinations = groups(rows, asked)
    values = {column.name: rows.column(column, binding.variables) for column in binding.columns}
    binding = _without_aliased_rows(binding, rows, values)
    offset, time = rows.offset(binding), rows.time(asked.roles["time"]) if "time" in asked.roles else None
    y, trials = successes_and_trials(asked, rows.response(binding), _role(asked, rows, "trials"))
    varying = [values[column.name] for column in binding.columns if column.elements]
    varying += [offset] if np.any(offset != offset[:1]) else []
    arranged = _arrange(combinations, varying, time, collapse)
    total = arranged.sum(rows.weighted(y))
    each_row = arranged.starts is None and not rows.counted
    kind = outcome_kind(y, "trials" in asked.roles)
    cells = Cells(
        fixed=arranged.matrix([values[column.name] for column in binding.fixed], rows.n),
        random=tuple(
            arranged.matrix([values[column.name] for column in part], rows.n) for part in binding.random
        ),
        codes=combinations.codes[arranged.pick(combinations.index)],
        factors=tuple(grouping.name for grouping in asked.groupings),
        levels=tuple(factor.levels for factor in factors),
        weight=arranged.sum(rows.weight),
        total=total,
        total_squares=_squares(total, kind) if each_row else arranged.sum(rows.weighted(y * y)),
        trials=arranged.sum(rows.weighted(trials)),
        offset=arranged.pick(offset),
        time=None if time is None else arranged.pick(time),
        log_constant=log_constant(asked, y, trials, rows.weight),
        outcome=kind,
    )
    return binding.design(rows.dropped), cells


def _squares(total: Floats, kind: Outcome) -> Floats:
    """(N,) squares of the rows' outcomes: of 0 and 1 they are the outcomes themselves."""
    return total if kind == "binary" else total * total


def groups(rows: Rows, asked: Request) -> tuple[list[Codes], Combinations]:
    """The grouping factors' codes and their combinations; without factors, all rows are one group."""
    factors = [rows.group(grouping) for grouping in asked.groupings]
    if not factors:
        nothing = Combinations(np.zeros((1, 0), dtype=np.int64), np.zeros(rows.n, dtype=np.int64))
        return factors, nothing
    return factors, combine([each.codes for each in factors], [len(each.levels) for each in factors])


def _arrange(
    combinations: Combinations, varying: list[Floats], time: Floats | None, collapse: bool
) -> _Arranged:
    if time is not None:
        return _Arranged(np.lexsort((time, combinations.index)).astype(np.int64), None)
    merged = collapse_rows(combinations.index, varying) if collapse else None
    if merged is not None:
        return _Arranged(*merged)
    return _Arranged(sorting(combinations.index, len(combinations.codes)), None)


def _without_aliased_rows(binding: Binding, rows: Rows, values: Mapping[str, Floats]) -> Binding:
    listed = [column for column in binding.columns if column in binding.fixed or not column.elements]
    columns = [values[column.name] for column in listed]
    if collinearity.surely_none([values[column.name] for column in binding.fixed]):
        return binding
    reference = _reference(columns)
    everyone = np.zeros(rows.n, dtype=np.int64)
    root = np.sqrt(rows.weight)
    heavier = [root * (column - r) for column, r in zip(columns, reference, strict=True)]
    total = products_by_group(heavier, np.zeros(len(columns)), everyone, 1)[0]
    confirm = _confirming(columns, reference, rows.weight)
    return without_aliased(binding, [column.name for column in listed], total, reference, confirm)


def _confirming(columns: list[Floats], reference: Floats, counts: Floats) -> collinearity.Confirm:
    """What the rows themselves say of a column that seems determined by others."""

    def confirm(_: int, weights: Floats) -> float:
        residual = np.zeros(len(counts))
        for column, point, weight in zip(columns, reference, weights, strict=False):
            if weight != 0.0:
                residual += weight * (column - point)
        return float(counts @ (residual * residual))

    return confirm


def _reference(columns: list[Floats]) -> Floats:
    """The point products are taken about; 0 for the constant, which comes first."""
    mean, sd = np.array([spread(column) for column in columns]).T
    reference = reference_point(mean, sd)
    reference[0] = 0.0
    return reference


def _role(asked: Request, rows: Rows, role: str) -> Floats | None:
    return rows.values(ast.Name(asked.roles[role], ast.Load())) if role in asked.roles else None
