"""Cells: rows that agree on group, covariates and offset, collapsed to one with counts.

A cell can be a single patient, so cells live only inside the step that made them: they are never stored,
returned from a task, logged or drawn. Where nothing collapses, cells are the rows themselves, sorted by
the first grouping factor.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Outcome = Literal["binary", "successes", "count", "number"]


@dataclass(frozen=True, slots=True, repr=False)
class Cells:
    """Collapsed rows, sorted by the codes of the grouping factors (the first factor slowest), then by time.

    For every likelihood in `tasks.models`, a cell of `weight` rows with the same design and offset
    contributes exactly what its rows would: Bernoulli and binomial through (total, trials), Poisson
    through (total, weight), Gaussian and moment estimators through (weight, total, total_squares).

    Attributes:
        fixed: (N, p) design matrix of the fixed effects, aliased columns removed.
        random: per random term (the order of `Design.random`), its (N, d) columns.
        codes: (N, F) level of each grouping factor, −1 never occurs (rows without a group are dropped).
        factors: F grouping-factor names, as lme4 names them.
        levels: per factor, its labels in sorted order.
        weight: (N,) rows in the cell.
        total: (N,) sum of the outcome over the cell's rows (successes for binomial).
        total_squares: (N,) sum of squares of the outcome over the rows.
        trials: (N,) sum of trials; equals `weight` unless the model has a trials column.
        offset: (N,) on the scale of the linear predictor (log exposure included).
        time: (N,) the time column's value, or None; with a time column rows are never collapsed.
        log_constant: what collapsing leaves out of the binomial or Poisson log-likelihood:
            Σ log C(trials, y) or −Σ log y!, over the original rows.
        outcome: what the original rows' outcomes are: "binary" (0 or 1), "successes" (of `trials`), "count"
            (whole and not negative) or "number" (anything else).
    """

    fixed: Floats
    random: tuple[Floats, ...]
    codes: Integers
    factors: tuple[str, ...]
    levels: tuple[tuple[Hashable, ...], ...]
    weight: Floats
    total: Floats
    total_squares: Floats
    trials: Floats
    offset: Floats
    time: Floats | None
    log_constant: float
    outcome: Outcome = "number"

    def __repr__(self) -> str:
        """Sizes only: a cell can be a patient, and what is printed can end in a log."""
        return f"Cells({len(self.weight):,} cells of {self.n_obs:,.0f} rows, {self.fixed.shape[1]} columns)"

    @property
    def n_obs(self) -> float:
        """Rows in all."""
        return float(self.weight.sum())

    def deflated(self, design_effects: Mapping[Hashable, float]) -> Cells:
        """The same with the rows of each level of the first factor counting for less.

        Args:
            design_effects: level → what its counts are divided by; levels that are not there keep theirs.
        """
        each = np.array([design_effects.get(level, 1.0) for level in self.levels[0]])[self.codes[:, 0]]
        return replace(
            self,
            weight=self.weight / each,
            total=self.total / each,
            total_squares=self.total_squares / each,
            trials=self.trials / each,
        )

    def taken(self, order: Integers) -> Cells:
        """These cells in another order."""
        by_cell = ("fixed", "codes", "weight", "total", "total_squares", "trials", "offset")
        return replace(
            self,
            **{name: getattr(self, name)[order] for name in by_cell},
            random=tuple(each[order] for each in self.random),
            time=None if self.time is None else self.time[order],
        )

    def starts(self, factor: int = 0) -> Integers:
        """(levels + 1,) where each level of the first factor begins: cells are sorted by it."""
        if factor != 0:
            raise ValueError("cells are contiguous only for their first factor")
        return np.searchsorted(self.codes[:, 0], np.arange(len(self.levels[0]) + 1)).astype(np.int64)
