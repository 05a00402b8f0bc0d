"""The estimating equations of one model: data and working correlation put together, and solved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tasks.errors import EstimationError
from tasks.models.estimating_equations.gee_blocks import BlockSums
from tasks.models.estimating_equations.gee_family import Family
from tasks.models.estimating_equations.gee_occasions import (
    AutoRegressive,
    RowsCorrelation,
    RowsInTime,
    Unstructured,
)
from tasks.models.estimating_equations.gee_solver import EquationsEvaluation, Floats, Solution, solve
from tasks.models.estimating_equations.gee_sums import CellSums, MomentSums
from tasks.models.estimating_equations.working_correlation import (
    Convention,
    Exchangeable,
    Independence,
    NestedExchangeable,
    SumsCorrelation,
)
from tasks.records.clinic_names import counted, in_levels
from tasks.records.design import Design

Correlation = Literal["independence", "exchangeable", "nested-exchangeable", "ar1", "unstructured"]
Spacing = Literal["occasions", "time"]

CORRELATIONS: tuple[Correlation, ...] = (
    "independence",
    "exchangeable",
    "nested-exchangeable",
    "ar1",
    "unstructured",
)
_MOST_OCCASIONS = 200


@dataclass(frozen=True, slots=True)
class Solved:
    """A solution, and what its reader must know.

    Attributes:
        solution: where the iterations ended.
        instead: why independence took the place of the working correlation asked for; empty where it did not.
        notes: other sentences.
    """

    solution: Solution
    instead: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Equations:
    """A model whose estimating equations can be solved.

    Attributes:
        design: the formula bound to the data.
        groups: the cluster's column, and the unit's where units are nested in clusters.
        family: mean and variance functions.
        corr: working correlation.
        convention: denominators of its moment estimates.
        source: where sums over clusters come from.
        levels: labels of each grouping column.
        n_obs: rows of the data.
    """

    design: Design
    groups: tuple[str, ...]
    family: Family
    corr: Correlation
    convention: Convention
    source: MomentSums | CellSums | BlockSums
    levels: tuple[tuple[Any, ...], ...]
    n_obs: float

    def __post_init__(self) -> None:
        if self.source.n_rows <= len(self.design.fixed):
            raise EstimationError(
                f"{self.source.n_rows:.0f} rows cannot carry {len(self.design.fixed)} coefficients",
                hint="leave covariates out of the formula, or use a longer window",
            )

    @property
    def taken(self) -> float:
        """What the convention takes off a number of rows or pairs: the number of coefficients, or nothing."""
        return float(len(self.design.fixed)) if self.convention == "liang-zeger" else 0.0

    def solve_by_sums(self, start: Floats) -> Solved:
        """Solve under independence or an exchangeable correlation; under independence where that cannot be.

        An exchangeable correlation slightly below zero is impossible in a large cluster, and common where
        clinics hardly differ: the estimates under independence are as valid, and the reader is told.
        """
        solution = solve(self._by_sums(self._structure()), start)
        flaw = solution.evaluation.weighed.flaw
        if not flaw and (solution.converged or self.corr == "independence"):
            return Solved(solution)
        flaw = flaw or "the equations do not settle with this working correlation"
        return Solved(
            solve(self._by_sums(Independence()), start),
            instead=f"{flaw}; independence was used for the working correlation instead.",
        )

    def solve_by_rows(self, start: Floats, rows: RowsInTime) -> Solved:
        """Solve under AR(1) or unstructured correlation; under independence where no cluster has two rows.

        Raises:
            EstimationError: the correlation is not positive definite, or the iterations do not settle.
        """
        source, taken = self.source, self.taken
        if not isinstance(source, CellSums):
            raise TypeError("correlations over occasions need rows")
        if not np.any(rows.follows):
            return Solved(
                solve(self._by_sums(Independence()), start),
                instead="no cluster has two rows, so there is no correlation to estimate; independence was "
                "used.",
            )
        structure: RowsCorrelation
        notes: tuple[str, ...] = ()
        if self.corr == "ar1":
            structure = chain = AutoRegressive(rows, self.convention)
            if not chain.has_neighbours and self.convention == "liang-zeger":
                notes = ("no two rows are one step of time apart; the correlation is fitted to all pairs.",)
        else:
            structure = Unstructured(rows)

        def evaluate(b: Floats) -> EquationsEvaluation:
            z, e = source.rows_at(b)
            scale = float(e @ e) / (len(e) - taken)
            return EquationsEvaluation(scale, structure.weigh(z, e, scale, taken))

        solution = solve(evaluate, start)
        flaw = solution.evaluation.weighed.flaw
        if flaw or not solution.converged:
            what = flaw or "the estimating equations do not settle with this working correlation"
            raise EstimationError(
                f"{what}, after {solution.iterations} iterations",
                hint="corr='exchangeable' or 'independence' with a robust covariance answers the same",
            )
        return Solved(solution, notes=notes)

    def _structure(self) -> SumsCorrelation:
        if self.corr == "exchangeable":
            return Exchangeable()
        if self.corr == "nested-exchangeable":
            return NestedExchangeable(*self.groups)
        return Independence()

    def _by_sums(self, structure: SumsCorrelation) -> Callable[[Floats], EquationsEvaluation]:
        def evaluate(b: Floats) -> EquationsEvaluation:
            sums = self.source.sums(b)
            scale = sums.ee / (self.source.n_rows - self.taken)
            return EquationsEvaluation(scale, structure.weigh(sums, scale, self.taken))

        return evaluate


def rows_in_time(source: CellSums, group: str, time: str, corr: Correlation, spacing: Spacing) -> RowsInTime:
    """The rows of each cluster in order of time.

    Raises:
        EstimationError: two rows of a cluster share a time, or there are more times than correlations can
            be estimated for.
    """
    values = source.cells.time
    if values is None:
        raise ValueError("cells for AR(1) or unstructured correlation carry their time")
    times, occasion = np.unique(values, return_inverse=True)
    rows = RowsInTime(
        source.starts, occasion.astype(float) if spacing == "occasions" else values, occasion, times
    )
    ties = np.append(False, rows.follows[1:] & (np.diff(occasion) == 0))
    if tied := int(np.sum(ties)):
        cells = source.cells
        place = in_levels(cells.factors, cells.levels, cells.codes, ties, cells.n_obs)
        raise EstimationError(
            f"{counted(tied)} {'has' if tied == 1 else 'have'} the same {group} and {time} as another row"
            f"{place}, so their order is not known",
            hint=f"use a finer time column, groups with one row per {time}, or corr='exchangeable'",
        )
    n = len(times)
    if corr == "unstructured" and n > _MOST_OCCASIONS:
        raise EstimationError(
            f"{n} different values of {time} would need {n * (n - 1) // 2} correlations",
            hint="use corr='ar1', or a coarser time column",
        )
    return rows
