"""Rows whose outcome is certain given their covariates, by the levels that make it so.

A month in which nobody has the outcome, or a rare level all of whose patients do, says nothing about how
clinics differ: its coefficient runs off to infinity, and the rows drop out of the likelihood. Setting them
aside gives the estimates of the limit for everything else.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.models.generalized_mixed.families import CellOutcome, FamilyName
from tasks.models.generalized_mixed.separation import foretold
from tasks.records import Cells, cells_for
from tasks.records.formulas.tokens import as_written

Levels = Mapping[str, Hashable]
"""Column → one of its labels."""


@dataclass(frozen=True)
class CertainRows:
    """Rows whose outcome is certain given their covariates.

    Attributes:
        where: the levels, or combinations of levels, that such rows have.
        rows: how many there are.
        all_rows: how many rows there are in all.
        size: their trials, or the exposure of counts.
        events: how many events they have.
        all_size: the same of all rows.
    """

    where: tuple[Levels, ...]
    rows: float
    all_rows: float
    size: float
    events: float
    all_size: float

    @property
    def share(self) -> float:
        """Their share of all trials, or of all exposure."""
        return self.size / self.all_size


def certain_rows(
    formula: str,
    data: Any,
    columns: Sequence[str],
    *,
    family: FamilyName,
    exposure: str | None = None,
) -> CertainRows | None:
    """The rows whose outcome `columns` make certain; None where there are none, or where all are.

    Args:
        formula: fixed effects alone.
        data: as `cells_for` takes it.
        columns: those that the fixed effects use; rows that agree in all of them share their fate.
        family: of the outcome.
        exposure: column with the exposure of counts.

    Raises:
        FormulaError, RecordsError, SourceError: as `cells_for`.
    """
    _, cells = cells_for(formula, data, groups=[as_written(column) for column in columns], exposure=exposure)
    found = foretold(cells.fixed.T, CellOutcome.of(cells, family))
    if not found.any() or found.all():
        return None
    size = cells.trials if family == "binomial" else cells.weight * np.exp(cells.offset)
    return CertainRows(
        where=_levels(cells, columns, found),
        rows=float(cells.weight[found].sum()),
        all_rows=cells.n_obs,
        size=float(size[found].sum()),
        events=float(cells.total[found].sum()),
        all_size=float(size.sum()),
    )


def _levels(cells: Cells, columns: Sequence[str], found: NDArray[np.bool_]) -> tuple[Levels, ...]:
    """What the cells found have in common: whole levels first, then combinations of all columns' levels."""
    left = found.copy()
    named: list[Levels] = []
    for factor, name in enumerate(columns):
        codes = cells.codes[:, factor]
        whole = np.setdiff1d(codes[left], codes[~found])
        named += [{name: cells.levels[factor][code]} for code in whole]
        left &= ~np.isin(codes, whole)
    for codes in np.unique(cells.codes[left], axis=0):
        named.append(
            {name: levels[code] for name, levels, code in zip(columns, cells.levels, codes, strict=True)}
        )
    return tuple(named)
