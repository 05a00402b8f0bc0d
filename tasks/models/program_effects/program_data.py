"""The records of a program's rollout, by clinic and period, as its models read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tasks.models.fit import Floats
from tasks.models.fixed_effects.group_means import with_constants
from tasks.models.program_effects.cohort_months import CohortMonth
from tasks.models.program_effects.naive import Totals
from tasks.models.program_effects.program_columns import (
    Added,
    independent,
    moments_of_cells,
    widen_cells,
    widen_moments,
)
from tasks.models.program_effects.rollout import Rollout
from tasks.models.program_effects.rollout_unit import RolloutUnit
from tasks.records.cells import Cells
from tasks.records.design import Design
from tasks.records.moments import Moments

Integers = NDArray[np.int64]
MeanFamily = Literal["gaussian", "binomial", "poisson"]
Family = MeanFamily | Literal["negative-binomial"]

FEWEST_SWITCHING = 4
"""Clinics seen with and without the program, below which how its effect varies among them is not told."""
_ALIKE = 1e-6  # shares of records that differ by less tell nothing of clinics


@dataclass(frozen=True)
class ProgramData:
    """The records by clinic and period, with period effects and the program's columns.

    Attributes:
        design: adjusters, period effects, then the program's columns; aliased ones left out.
        moments: by (clinic, period).
        cells: by (clinic, period); None for a Gaussian outcome, which moments are enough for.
        family: of the outcome.
        has_trials: whether the outcome is successes of trials.
        program: the program's columns, those left out included.
        name: what the program is called, with which its columns' names begin.
        left_out: columns left out, and why.
        rollout: the program's start by clinic.
        unit: what it came to at once: clinics, or regions.
        cohorts: what the program's columns are of, where each cohort's months have effects of their own.
        trend_is_told: whether early starters' own trend, if asked for, can be told within clinics.
        shared: month since the start → the month whose effect it shares.
    """

    design: Design
    moments: Moments
    cells: Cells | None
    family: Family
    has_trials: bool
    program: tuple[str, ...]
    name: str
    left_out: Mapping[str, str]
    rollout: Rollout
    unit: RolloutUnit
    cohorts: tuple[CohortMonth, ...] = ()
    trend_is_told: bool = True
    shared: Mapping[float, float] = field(default_factory=dict)

    @classmethod
    def of_moments(
        cls, design: Design, moments: Moments, added: Added, name: str, rollout: Rollout, unit: RolloutUnit
    ) -> ProgramData:
        """From a Gaussian outcome's moments by (clinic, period)."""
        design, widened = widen_moments(design, moments, added)
        design, left_out = independent(design, widened, added.program, name)
        return cls(
            *(design, widened, None, "gaussian", False, added.program, name, left_out, rollout, unit),
            *(added.cohorts, added.trend_is_told, added.shared),
        )

    @classmethod
    def of_cells(
        cls,
        design: Design,
        cells: Cells,
        added: Added,
        name: str,
        rollout: Rollout,
        unit: RolloutUnit,
        family: Family,
        has_trials: bool,
    ) -> ProgramData:
        """From cells by (clinic, period)."""
        wide, widened = widen_cells(design, cells, added)
        # what is constant in a clinic's period needs no sum over records
        _, moments = widen_moments(design, moments_of_cells(design, cells), added)
        kept, left_out = independent(wide, moments, added.program, name)
        chosen = [wide.fixed.index(column) for column in kept.fixed]
        widened = replace(widened, fixed=widened.fixed[:, chosen])
        return cls(
            *(kept, moments, widened, family, has_trials, added.program, name, left_out, rollout, unit),
            *(added.cohorts, added.trend_is_told, added.shared),
        )

    @cached_property
    def in_context(self) -> ProgramData:
        """The same with each clinic's share of records under the program as one more column.

        As it is where fewer than four clinics are seen with and without the program, or all have one share.
        """
        if self.rollout.switching < FEWEST_SWITCHING:
            return self
        codes, rows = self.moments.codes[:, 0], self.moments.n
        clinics = len(self.moments.levels[0])
        under = np.bincount(codes, rows * self.running(self.moments.codes)[:, 0], minlength=clinics)
        share = under / np.bincount(codes, rows, minlength=clinics)
        if np.ptp(share) < _ALIKE:
            return self
        cells = self.cells
        if cells is not None:
            cells = replace(cells, fixed=np.column_stack([cells.fixed, share[cells.codes[:, 0]]]))
        return replace(
            self,
            design=replace(self.design, fixed=(*self.design.fixed, self.context), spec=None),
            moments=with_constants(self.moments, (self.context,), share[codes][:, None], np.zeros(1)),
            cells=cells,
        )

    @property
    def effect_varies(self) -> bool:
        """Whether enough clinics are seen with and without the program to tell how its effect varies.

        Where each cohort has effects of its own, those of its clinics are told apart only beyond the first.
        """
        cohorts = len({each.start for each in self.cohorts})
        return self.rollout.switching - cohorts >= FEWEST_SWITCHING

    @property
    def context(self) -> str:
        """Name of the column of clinics' shares of records under the program."""
        return f"{self.name}_share"

    def running(self, codes: Integers) -> Floats:
        """(G, 1) share of each clinic's period that is under the program, of (G, 2) codes of both."""
        share = np.nan_to_num(self.rollout.program, nan=0.0)
        return np.asarray(share[codes[:, 0], codes[:, 1]][:, None])

    @property
    def mean_family(self) -> MeanFamily:
        """The family whose mean the outcome has, which GEE and within keep whatever its variance."""
        return "poisson" if self.family == "negative-binomial" else self.family

    def term(self, column: str) -> str:
        """Months since the start that a column of the program stands for."""
        return column[len(self.name) :] or "effect"

    def months_of(self, column: str) -> tuple[float, ...]:
        """Months from the start that share a column of the program, of those that tell of an effect.

        They are before the start, or clinics were seen in them that were seen before their start too.
        """
        return self.sharing(float(self.term(column).rstrip("+")))

    def sharing(self, month: float) -> tuple[float, ...]:
        """Months from the start that share the effect of one, of those that tell of an effect."""
        first = self.shared.get(month, month)
        together = [first, *(each for each, with_it in self.shared.items() if with_it == first)]
        return tuple(sorted(each for each in together if each < 0.0 or each in self.rollout.followed))

    def tells_of_effect(self, column: str) -> bool:
        """Whether a column of the program is of a month before the start, or of one that clinics reached."""
        return bool(self.months_of(column))

    def totals(self) -> Totals:
        """The outcome's sums by clinic and period."""
        shape = (len(self.moments.levels[0]), len(self.moments.levels[1]))
        codes = self.moments.codes if self.cells is None else self.cells.codes
        place = np.ravel_multi_index((codes[:, 0], codes[:, 1]), shape)

        def table(values: Floats) -> Floats:
            flat = np.bincount(place, values, minlength=shape[0] * shape[1])
            return np.asarray(flat, dtype=float).reshape(shape)

        if self.cells is None:
            about = float(self.moments.reference[-1])
            n, total = self.moments.n, self.moments.products[:, 0, -1]
            return Totals(
                table(n), table(n), table(total + about * n), table(self.moments.products[:, -1, -1]), about
            )
        cells = self.cells
        exposure = cells.weight * np.exp(cells.offset) if self.mean_family == "poisson" else cells.trials
        squares = table(cells.total_squares)
        return Totals(table(cells.trials), table(exposure), table(cells.total), squares, 0.0)
