"""The rows of a fit with one column set to a value for everybody: what standardisation averages over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tasks.errors import FormulaError, RecordsError, nearest
from tasks.records.data_columns import Frame, as_frame, label_text
from tasks.records.design import Design
from tasks.records.for_models.one_read import held_rows
from tasks.records.for_models.queries import open_data
from tasks.records.formulas.contrasts import Factor
from tasks.records.formulas.model_spec import Binding
from tasks.records.in_database.from_database import fetch_parts
from tasks.records.in_memory.rows import Rows, no_rows_left

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SetRows:
    """A fit's rows with one column set; like cells, used and dropped inside the step that asked for them.

    Attributes:
        value: what the column was set to.
        fixed: (N, p) the fixed-effect columns.
        random: per random term, its (N, d) columns.
        offset: (N,) on the scale of the linear predictor.
        weight: (N,) rows that each row stands for.
    """

    value: Hashable
    fixed: Floats
    random: tuple[Floats, ...]
    offset: Floats
    weight: Floats


def rows_with(
    design: Design, data: Any, variable: str, values: Sequence[Any]
) -> Iterator[tuple[SetRows, ...]]:
    """The complete rows of the data as the fit's columns, `variable` set to each of the values in turn.

    Interactions, polynomials and contrasts that the variable takes part in follow it; all else is as it is.
    Rows that a database hands over one by one come in parts, to be averaged and dropped.

    Args:
        design: of the fit.
        data: what it was fitted to.
        variable: a column of the data that the fixed effects use.
        values: what to set it to; for a column of labels, among those of the fit.

    Yields:
        For a part of the rows, these rows with each of the values.

    Raises:
        FormulaError: the fixed effects do not use the variable.
        RecordsError: a value is not among the fit's labels, the columns are not all in the data, or no
            complete row is left.
    """
    if design.spec is None:
        raise FormulaError(
            "this fit has columns that its data do not tell by themselves, such as clinic means"
        )
    binding: Binding = design.spec
    used = sorted({name for names in design.sources.values() for name in names})
    if variable not in used:
        raise FormulaError(
            f"no fixed effect of {design.formula} uses {variable!r}; {nearest(variable, used)}"
        )
    levels = labels_of(design, variable)
    if set(levels) == {False, True} and set(values) <= {0, 1}:
        values = [bool(value) for value in values]
    known = {label_text(level) for level in levels}
    for value in values:
        if levels and label_text(value) not in known:
            raise RecordsError(
                f"{variable} cannot be set to {value!r}, which no row of the fit has;"
                f" {nearest(str(value), [label_text(level) for level in levels])}"
            )
    return _set_rows(binding, data, variable, values)


def labels_of(design: Design, variable: str) -> tuple[Hashable, ...]:
    """The labels of a column that the fixed effects use by its labels; none for a column of numbers."""
    binding: Binding = design.spec
    for bound in binding.variables.values():
        if isinstance(bound, Factor) and bound.column == variable:
            return bound.levels
    return ()


def _set_rows(
    binding: Binding, data: Any, variable: str, values: Sequence[Any]
) -> Iterator[tuple[SetRows, ...]]:
    for rows in _complete_rows(binding, data):
        table, weight = _kept_table(rows, binding), rows.weight
        yield tuple(_set(binding, table, weight, variable, value) for value in values)


def _set(
    binding: Binding, table: pd.DataFrame | pa.Table, weight: Floats, variable: str, value: Any
) -> SetRows:
    fresh = Rows(Frame(_with_constant(table, variable, value)))
    return SetRows(
        value=value,
        fixed=fresh.matrix(binding.fixed, binding.variables),
        random=tuple(fresh.matrix(part, binding.variables) for part in binding.random),
        offset=fresh.offset(binding),
        weight=weight,
    )


def _complete_rows(binding: Binding, data: Any) -> Iterator[Rows]:
    asked = binding.request
    held = held_rows(data, asked)
    if held is not None:
        yield Rows.complete(Frame(held.table), asked, held.weight)
        return
    opened = open_data(data)
    if opened is None:
        yield Rows.complete(as_frame(data), asked)
        return
    dropped: Counter[str] = Counter()
    n, some = 0, False
    with opened as (connection, query):
        for table, weight in fetch_parts(asked, connection, query):
            rows = Rows.complete_part(Frame(table), asked, weight)
            if rows.n:
                some = True
                yield rows
            dropped.update(rows.dropped)
            n += rows.n
    if not some:
        raise no_rows_left(dropped, n + dropped.total())


def _kept_table(rows: Rows, binding: Binding) -> pd.DataFrame | pa.Table:
    """The complete rows, those columns only that the model's columns are computed from."""
    names = list(binding.request.names)
    data = rows.frame.data
    if isinstance(data, pd.DataFrame):
        return data[names] if rows.keep is None else data.loc[rows.keep, names]
    table = data.select(names)
    return table if rows.keep is None else table.filter(pa.array(rows.keep))


def _with_constant(table: pd.DataFrame | pa.Table, name: str, value: Any) -> pd.DataFrame | pa.Table:
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(table, pd.DataFrame):
        return table.assign(**{name: plain})
    column = pa.repeat(plain, table.num_rows)
    kind = table.schema.field(name).type
    if pa.types.is_boolean(kind) and not isinstance(plain, bool):
        column = pc.cast(column, pa.bool_())
    return table.set_column(table.schema.get_field_index(name), name, column)
