"""New rows on the columns of an earlier fit, for prediction."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from tasks.errors import FormulaError, nearest
from tasks.records.data_columns import as_frame, nested_label
from tasks.records.design import Design
from tasks.records.formulas.formula import Grouping
from tasks.records.formulas.model_spec import Binding
from tasks.records.in_memory.rows import Rows

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, repr=False)
class NewRows:
    """New data as a fit's columns, rows in their own order, none left out.

    Attributes:
        fixed: (N, p) the fixed-effect columns; NaN where a covariate is missing.
        random: per random term, its (N, d) columns.
        groups: per grouping factor of the formula's random terms, in order of appearance, N labels;
            None where the label is missing or the column is not in the data.
        factors: names of those grouping factors.
        offset: (N,) on the scale of the linear predictor.
    """

    fixed: Floats
    random: tuple[Floats, ...]
    groups: tuple[tuple[Hashable | None, ...], ...]
    factors: tuple[str, ...]
    offset: Floats

    def __repr__(self) -> str:
        return f"NewRows({len(self.fixed):,} rows, {self.fixed.shape[1]} columns)"


def new_rows(design: Design, data: Any) -> NewRows:
    """The columns of `design` computed from new data.

    Args:
        design: of an earlier fit.
        data: a pandas DataFrame, pyarrow Table or DuckDB relation. Group columns may be left out.

    Raises:
        FormulaError: a column the fixed effects or the random effects need is not there.
        RecordsError: a factor has a value the fit did not see.
    """
    if design.spec is None:
        raise FormulaError(
            "this fit has columns that new rows do not tell by themselves, such as clinic means",
            hint="predict from a fit of the formula without them",
        )
    binding: Binding = design.spec
    needed = {
        name
        for column in [*binding.fixed, *(each for part in binding.random for each in part)]
        for name in binding.sources(column)
    }
    needed.update(name for offset in binding.request.formula.offsets for name in offset.names)
    needed.update(name for role, name in binding.request.roles.items() if role in ("exposure", "offset"))
    groupings = binding.request.formula.groupings
    wanted = needed | {name for grouping in groupings for name in grouping.columns}
    if isinstance(data, duckdb.DuckDBPyRelation):
        data = data.project(*(duckdb.ColumnExpression(name) for name in data.columns if name in wanted))
    frame = as_frame(data)
    for name in sorted(needed):
        if name not in frame.names:
            raise FormulaError(f"no column {name!r} in the new data; {nearest(name, frame.names)}")
    rows = Rows(frame)
    return NewRows(
        fixed=rows.matrix(binding.fixed, binding.variables),
        random=tuple(rows.matrix(part, binding.variables) for part in binding.random),
        groups=tuple(_labels(rows, grouping) for grouping in groupings),
        factors=tuple(grouping.name for grouping in groupings),
        offset=rows.offset(binding),
    )


def _labels(rows: Rows, grouping: Grouping) -> tuple[Hashable | None, ...]:
    if any(name not in rows.frame.names for name in grouping.columns):
        return (None,) * rows.n
    parts = [rows.frame.codes(name) for name in grouping.columns]
    labels = [[part.levels[code] if code >= 0 else None for code in part.codes.tolist()] for part in parts]
    if len(labels) == 1:
        return tuple(labels[0])
    return tuple(None if None in row else nested_label(row) for row in zip(*labels, strict=True))
