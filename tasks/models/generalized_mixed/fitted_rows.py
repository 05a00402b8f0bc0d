"""What a fitted model says of its rows: sums over cells at the maximum, which add up over parts of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.models.generalized_mixed.families import FamilyName
from tasks.models.generalized_mixed.glmm_cells import ArrangedCells
from tasks.models.generalized_mixed.glmm_maximum import Maximum
from tasks.models.generalized_mixed.overdispersion import PearsonSums, pearson_sums
from tasks.records.cells import Cells

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FittedRows:
    """Sums over rows at the maximum.

    Attributes:
        rows: how many there are.
        fixed: sum of their linear predictors without random effects.
        pearson: how the outcomes scatter about their conditional means, where they can show it.
    """

    rows: float
    fixed: float
    pearson: PearsonSums | None

    @classmethod
    def of(
        cls, cells: Cells, arranged: ArrangedCells, best: Maximum, family: FamilyName, size: float | None
    ) -> FittedRows:
        """Of cells; `best` has the effects of all levels, of which these may have some only.

        Args:
            cells: the cells.
            arranged: the same, arranged.
            best: the maximum.
            family: of the model.
            size: of a negative binomial.
        """
        q, p = best.held.size, len(arranged.names)
        fixed = arranged.offset + best.parameters[q : q + p] @ arranged.x
        pearson = pearson_sums(
            family,
            sum(_effect_rows(arranged, best), start=fixed),
            total=cells.total,
            total_squares=cells.total_squares,
            rows=cells.weight,
            trials=cells.trials,
            size=size,
        )
        return cls(cells.n_obs, float((fixed * cells.weight).sum()), pearson)

    def plus(self, other: FittedRows) -> FittedRows:
        """Of both parts."""
        pearson = self.pearson
        if pearson is not None and other.pearson is not None:
            pearson = pearson.plus(other.pearson)
        return FittedRows(self.rows + other.rows, self.fixed + other.fixed, pearson)

    @property
    def typical(self) -> float:
        """Mean linear predictor without random effects."""
        return self.fixed / self.rows


def _effect_rows(arranged: ArrangedCells, best: Maximum) -> list[Floats]:
    """Each term's contribution to the linear predictor of every cell, at the conditional modes."""
    begin = [0] * len(arranged.groups)
    parts = []
    for term in arranged.terms:
        level = arranged.level_of(term.factor)
        first = begin[term.factor]
        begin[term.factor] += term.size
        for i, column in enumerate(term.columns):
            z = arranged.z[column]
            effect = best.effects[term.factor][level, first + i]
            parts.append(effect if z is None else effect * z)
    return parts
