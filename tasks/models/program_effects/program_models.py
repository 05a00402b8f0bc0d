"""The estimators of a program's effect, on data that carries period effects and the program's columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from tasks.errors import EstimationError
from tasks.models.estimating_equations.gee import gee_from_cells, gee_from_moments
from tasks.models.estimating_equations.sandwich import Covariance
from tasks.models.fit import Fit, Floats
from tasks.models.fixed_effects.fixed_effects_poisson import fixed_effects_poisson
from tasks.models.fixed_effects.random_effects import varying_within
from tasks.models.fixed_effects.within import within_from_moments
from tasks.models.generalized_mixed.glmm import glmm_from_cells
from tasks.models.linear_mixed.lmm import lmm_from_moments
from tasks.models.program_effects.naive import Totals
from tasks.models.program_effects.program_columns import (
    Added,
    by_clinic,
    independent,
    moments_of_cells,
    nested_codes,
    widen_cells,
    widen_moments,
    with_random,
)
from tasks.records.cells import Cells
from tasks.records.design import Design
from tasks.records.moments import INTERCEPT, Moments

MeanFamily = Literal["gaussian", "binomial", "poisson"]
Family = MeanFamily | Literal["negative-binomial"]
Random = Literal["clinic-period", "clinic"]

# however many clinics there are: among clinics of very unequal sizes few carry the estimate
_CORRECTED: Covariance = "kauermann-carroll"

_FEWEST_ROWS = 2.0  # rows per clinic and period below which their variation is not told from rows' own


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
        followed: months since the start that clinics followed from before it tell of.
    """

    design: Design
    moments: Moments
    cells: Cells | None
    family: Family
    has_trials: bool
    program: tuple[str, ...]
    name: str
    left_out: Mapping[str, str]
    followed: frozenset[float] = frozenset()

    @classmethod
    def of_moments(cls, design: Design, moments: Moments, added: Added, name: str) -> ProgramData:
        """From a Gaussian outcome's moments by (clinic, period)."""
        design, widened = widen_moments(design, moments, added)
        design, left_out = independent(design, widened, added.program, name)
        return cls(design, widened, None, "gaussian", False, added.program, name, left_out)

    @classmethod
    def of_cells(
        cls, design: Design, cells: Cells, added: Added, name: str, family: Family, has_trials: bool
    ) -> ProgramData:
        """From cells by (clinic, period)."""
        wide, widened = widen_cells(design, cells, added)
        moments = moments_of_cells(wide, widened)
        kept, left_out = independent(wide, moments, added.program, name)
        chosen = [wide.fixed.index(column) for column in kept.fixed]
        widened = replace(widened, fixed=widened.fixed[:, chosen])
        return cls(kept, moments, widened, family, has_trials, added.program, name, left_out)

    @property
    def mean_family(self) -> MeanFamily:
        """The family whose mean the outcome has, which GEE and within keep whatever its variance."""
        return "poisson" if self.family == "negative-binomial" else self.family

    def term(self, column: str) -> str:
        """Months since the start that a column of the program stands for."""
        return column[len(self.name) :] or "effect"

    def tells_of_effect(self, column: str) -> bool:
        """Whether a column of the program is of a month before the start, or of one that clinics reached."""
        month = float(self.term(column).rstrip("+"))
        return month < 0.0 or month in self.followed

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


def fit_model(model: str, data: ProgramData, random: Random) -> tuple[Fit, str]:
    """One estimator's fit, and what its program coefficients measure."""
    ratio = {"gaussian": "difference", "binomial": "odds_ratio", "poisson": "rate_ratio"}[data.mean_family]
    if model == "mixed":
        return _mixed(data, random), ratio
    if model == "gee":
        return _marginal(data), ratio
    if data.mean_family == "poisson":
        return _within_rates(data), ratio
    return _within(data), "risk_difference" if data.family == "binomial" else "difference"


def _mixed(data: ProgramData, random: Random) -> Fit:
    codes, factors, levels = nested_codes(data.moments.codes, data.moments.factors, data.moments.levels)
    nested = random == "clinic-period" and data.moments.n_obs >= _FEWEST_ROWS * len(data.moments.codes)
    groups = factors if nested else factors[:1]
    design = with_random(data.design, groups)
    if data.cells is None:
        moments = replace(data.moments, codes=codes, factors=factors, levels=levels)
        return lmm_from_moments(design, moments if nested else by_clinic(moments))
    cells = data.cells
    codes, factors, levels = nested_codes(cells.codes, cells.factors, cells.levels)
    kept = len(groups)
    arranged = replace(
        cells,
        codes=codes[:, :kept],
        factors=factors[:kept],
        levels=levels[:kept],
        random=(np.ones((len(codes), 1)),) * kept,
    )
    if data.family == "gaussian":
        raise EstimationError(
            "a mixed model of a mean takes no offset or exposure here",
            hint="take the offset off the outcome",
        )
    return glmm_from_cells(design, arranged, data.family, has_trials=data.has_trials)


def _marginal(data: ProgramData) -> Fit:
    if data.cells is None:
        return gee_from_moments(data.design, by_clinic(data.moments), corr="exchangeable", cov=_CORRECTED)
    cells = _clinics_only(data.cells)
    return gee_from_cells(data.design, cells, family=data.mean_family, corr="exchangeable", cov=_CORRECTED)


def _within(data: ProgramData) -> Fit:
    moments = by_clinic(data.moments)
    return within_from_moments(_varying(data, moments), moments, "cr2")


def _within_rates(data: ProgramData) -> Fit:
    if data.cells is None:
        raise ValueError("counts come as cells")
    design = _varying(data, by_clinic(data.moments))
    columns = [data.design.fixed.index(name) for name in design.fixed]
    cells = _clinics_only(data.cells)
    return fixed_effects_poisson(design, replace(cells, fixed=cells.fixed[:, columns]))


def _varying(data: ProgramData, moments: Moments) -> Design:
    """The design without what is constant within clinics, which adjust for it themselves."""
    names = varying_within(data.design, moments)
    if not any(name in data.program for name in names):
        raise EstimationError(
            f"{data.name} does not change within any {moments.factors[0]}, so comparing each with itself "
            "says nothing about it",
            hint="use a window that includes its start",
        )
    return replace(data.design, fixed=(INTERCEPT, *names) if INTERCEPT in data.design.fixed else names)


def _clinics_only(cells: Cells) -> Cells:
    return replace(cells, codes=cells.codes[:, :1], factors=cells.factors[:1], levels=cells.levels[:1])
