"""What a program did, where it reached clinics at different times.

A before/after comparison takes the whole change over the rollout for the program's doing. With clinics that
start at different times, period effects carry what changed everywhere, and the program's effect is what
clinics that had it changed by beyond that. Three estimators answer the three questions side by side (see
`program_effects.estimate_guide`), with the naive figure beside them so that a secular trend can be seen.

Sources: Hussey & Hughes (2007) Contemp Clin Trials 28, 182 (stepped wedge with period effects); Hooper et al.
(2016) Stat Med 35, 4718 (clinic-by-period effects); Kenny et al. (2022) Stat Med 41, 4311 and Maleyeff et al.
(2023) Biometrics 79, 2551 (effects that vary with exposure time, and their average).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from tasks.errors import ClinicnetError, FormulaError
from tasks.models.estimating_equations.gee_checks import known
from tasks.models.estimating_equations.sandwich import ClusterScores
from tasks.models.fit import Fit, Wald
from tasks.models.program_effects.by_unit import linear_model, scores_by_unit
from tasks.models.program_effects.cohort_months import TrendNotToldError
from tasks.models.program_effects.effect_rows import (
    COLUMNS,
    Effect,
    Model,
    blank_row,
    effect_rows,
    naive_rows,
)
from tasks.models.program_effects.mixed_model import Random
from tasks.models.program_effects.months_together import before_the_start, changing, clinics_differ
from tasks.models.program_effects.naive import before_after
from tasks.models.program_effects.program_columns import columns_of
from tasks.models.program_effects.program_data import Family, ProgramData
from tasks.models.program_effects.program_models import MEASURES, fit_model
from tasks.models.program_effects.rollout import Rollout, rollout_among, rollout_declared, rollout_of
from tasks.models.program_effects.rollout_unit import RolloutUnit, TooFewRegionsError, unit_of
from tasks.models.program_effects.sparse_months import shared_months
from tasks.records import Design, cells_for, moments_for
from tasks.records.formulas.formula import read
from tasks.records.formulas.tokens import as_written

EFFECTS: Mapping[Effect, str] = {
    "immediate": "the same effect in every month from the start on",
    "exposure-time": "the average of the effects of each month since the start",
    "event-study": "a separate effect of each month since the start",
    "cohort-month": "averages of the effects of each month of the clinics that started together",
}
MODELS: tuple[Model, ...] = ("mixed", "gee", "within")
_FAMILIES = ("gaussian", "binomial", "poisson", "negative-binomial")


@dataclass(frozen=True)
class ProgramEffect:
    """A program's effect by several estimators, with the naive comparison.

    Attributes:
        table: one row per estimate: `model` (naive, mixed, gee, within), `estimand` (unadjusted, conditional,
            marginal), `measure` (difference, odds_ratio, rate_ratio, risk_difference, risk_ratio), `term`
            ("effect", the months since the start, or an average of cohorts' months), `value`, `lower`,
            `upper`, `df`, `p`, `n_records`, `n_clinics`, `question`, `words`, `status` (ok, not_estimable),
            `reason` (why there is no estimate, or why it is not quite the one asked for); of an event study
            also `band_lower` and `band_upper`, which hold for all months at once.
        fits: model → its fit, where it could be fitted.
        rollout: the program's start by clinic.
        unit: what it came to at once: each clinic by itself, or whole regions.
        effect: immediate, exposure-time, event-study or cohort-month.
        effect_varies: whether the mixed model lets the effect vary among clinics: where enough of them tell.
        change: a test of whether the effect grows or fades with the months since the start (exposure time).
        before: a test of whether there was an effect before the start (event study with leads).
        context: a test of whether clinics with more of the program differ in other ways as well.
        messages: what a reader must know, in sentences.
        data: what the models were fitted to.
        scores: of the mixed model's coefficients, by unit of rollout; None where it could not be fitted.
    """

    table: pd.DataFrame
    fits: Mapping[str, Fit] = field(repr=False)
    rollout: Rollout = field(repr=False)
    unit: RolloutUnit = field(repr=False)
    effect: Effect
    effect_varies: bool
    change: Wald | None
    before: Wald | None
    context: Wald | None
    messages: tuple[str, ...]
    data: ProgramData = field(repr=False)
    scores: ClusterScores | None = field(repr=False)

    def by_month(self, level: float = 0.95) -> pd.DataFrame:
        """The mixed model's effect in each month since the start, as an event study's rows.

        Exposure time has those effects already, and an event study without leads is the same model. Empty
        where the model could not be fitted, or no clinic is seen before its start and after it.

        Args:
            level: coverage of the intervals.
        """
        if self.effect == "event-study":
            return self.table[(self.table["model"] == "mixed") & (self.table["status"] == "ok")]
        if self.scores is None or self.effect == "immediate":
            return pd.DataFrame(columns=COLUMNS)
        measure = MEASURES[self.data.mean_family]
        try:
            rows = effect_rows(
                "mixed", self.fits["mixed"], measure, self.data, self.scores, "event-study", None, level
            )
        except ClinicnetError:
            rows = []
        return pd.DataFrame(rows, columns=COLUMNS)

    def __str__(self) -> str:
        shown = self.table[["model", "measure", "term", "value", "lower", "upper", "df", "p"]]
        whole = self.table[self.table["term"] == "effect"].to_dict("records")
        lines = [
            f"Program effect: {EFFECTS[self.effect]}",
            shown.to_string(index=False, float_format=lambda value: f"{value:.4g}"),
            *(f"{row['model']}: {row['words'] or row['reason']}" for row in whole),
            *(f"Note: {message}" for message in self.messages),
        ]
        return "\n".join(lines)


def program_effect(
    formula: str,
    data: Any,
    *,
    program: str = "program",
    period: str = "month",
    groups: str = "clinic",
    family: Family = "gaussian",
    effect: Effect = "immediate",
    models: Sequence[Model] = MODELS,
    starts: Mapping[Any, Any] | None = None,
    region: str | None = None,
    random: Random = "clinic-period",
    leads: int = 0,
    horizon: int | None = None,
    own_trend: bool = False,
    trials: str | None = None,
    exposure: str | None = None,
    offset: str | None = None,
    level: float = 0.95,
) -> ProgramEffect:
    """A program's effect under staggered rollout, by mixed model, GEE and within, beside the naive figure.

    Every model has an effect of each period and the formula's adjusters. The mixed model has random clinics
    (and clinic-periods), the GEE an exchangeable correlation within clinics with small-sample corrected
    errors, the within estimator a fixed effect of each clinic (linear probabilities for a binary outcome, a
    fixed-effects Poisson for counts) with CR2 errors.

    Args:
        formula: outcome and adjusters, without the program and the period: "sbp ~ age + sex".
        data: DataFrame, Arrow table, DuckDB relation or Records, rows in any order.
        program: 0/1 column, 1 where the program was running; with `starts`, what to call it.
        period: column of the period (a month as YYYY-MM, a date, or a number of months).
        groups: the clinic column.
        family: gaussian, binomial, poisson or negative-binomial; the last is for the mixed model, as GEE and
            within take the mean of counts to be a Poisson's and their variance from the data.
        effect: "immediate" (one effect from the start on), "exposure-time" (the average over months since
            the start), "event-study" (one effect per month since the start, 0 being the first),
            "cohort-month" (averages of a separate effect of each month of the clinics that started together,
            over those in which clinics without the program were seen beside them; see `cohort_months`). An
            average over months since the start takes effects to be alike whenever a clinic started; one by
            cohort and month does not, nor does it mind effects that follow the calendar.
        models: which estimators.
        starts: clinic → its first period with the program, where that is declared and not a column.
        region: a column of regions, where clinics of one may have started together: then the regions are the
            sample, and errors are theirs.
        random: whether the mixed model lets a clinic's periods differ by chance (recommended: without, its
            intervals are too narrow where they do).
        leads: months before the start that get an effect too, to look for effects before the cause.
        horizon: event study: months since the start from which on they share one effect (which bends the
            others where effects go on changing); exposure time: how many months are averaged over.
        own_trend: whether clinics that started early may have a linear trend of their own, beside what all
            clinics have in common. It takes most of what a rollout tells (intervals are two to three times
            as wide), and no test sees reliably whether it is needed. Not estimable where only it and the
            program set early starters' months apart.
        trials, exposure, offset: as in `glmm` and `gee`.
        level: coverage of the intervals.

    Raises:
        EstimationError: the program runs nowhere or everywhere, or started everywhere at once.
        FormulaError: the formula has the program, the period or random terms in it.
    """
    known(effect, EFFECTS, "effect")
    known(family, _FAMILIES, "family")
    for model in models:
        known(model, MODELS, "model")
    if read(formula).random:
        raise FormulaError(
            "program_effect() adds the random effects itself",
            hint="leave the terms with '|' out of the formula",
        )
    by = (groups, period)
    as_column = effect == "immediate" and starts is None
    whole = f"{formula} + {as_written(program)}" if as_column else formula
    gaussian = family == "gaussian" and offset is None and exposure is None
    if gaussian:
        design, moments = moments_for(whole, data, groups=by)
        there = (moments.levels, moments.codes, moments.n)
    else:
        design, cells = cells_for(
            whole,
            data,
            groups=by,
            trials=trials,
            exposure=exposure,
            offset=offset,
            collapse=family != "negative-binomial",
        )
        there = (cells.levels, cells.codes, cells.weight)
    # the program's own column says when it began within a period; declared starts and months since do not
    if starts is None:
        whole_rollout = rollout_of(cells_for(f"{as_written(program)} ~ 1", data, groups=by)[1], program)
        rollout = rollout_among(whole_rollout, there[0], program)
    else:
        rollout = rollout_declared(*there, program, starts)
    unit = unit_of(rollout, groups, region, _regions(data, design.response, groups, region))
    added = columns_of(
        *(rollout, period, effect, program, leads, horizon),
        as_column=as_column,
        own_trend=own_trend,
        shared={} if family == "gaussian" else shared_months(cells, rollout, binary=family == "binomial"),
    )
    _check_formula(design, program, period, added.names, as_column)
    if gaussian:
        prepared = ProgramData.of_moments(design, moments, added, program, rollout, unit)
    else:
        has_trials = trials is not None
        prepared = ProgramData.of_cells(
            design, cells, added, program, rollout, unit, family=family, has_trials=has_trials
        )
    rows = naive_rows(before_after(prepared.totals(), rollout, prepared.mean_family), level)
    fits: dict[str, Fit] = {}
    by_unit: ClusterScores | None = None
    for model in models:
        try:
            if unit.are_too_few:
                raise TooFewRegionsError(len(unit.labels))
            if not prepared.trend_is_told:
                raise TrendNotToldError
            fit, measure = fit_model(model, prepared, random)
            fits[model] = fit
            if model == "mixed":
                by_unit = scores_by_unit(linear_model(fit), unit.codes)
            scores = by_unit if model == "mixed" else None
            rows += effect_rows(model, fit, measure, prepared, scores, effect, horizon, level)
        except ClinicnetError as reason:
            rows.append(blank_row(model, reason.message))
    table = pd.DataFrame(rows, columns=COLUMNS)
    change, before, context = None, None, None
    if by_unit is not None:
        mixed = fits["mixed"]
        change = changing(mixed, prepared, by_unit) if effect == "exposure-time" else None
        before = before_the_start(mixed, prepared, by_unit) if effect == "event-study" else None
        context = clinics_differ(mixed, prepared, by_unit)
    return ProgramEffect(
        table=table,
        fits=fits,
        rollout=rollout,
        unit=unit,
        effect=effect,
        effect_varies=prepared.effect_varies,
        change=change,
        before=before,
        context=context,
        messages=_messages(rollout, prepared, program),
        data=prepared,
        scores=by_unit,
    )


def _regions(data: Any, response: str, groups: str, region: str | None) -> dict[Hashable, Hashable] | None:
    """Clinic → its region."""
    if region is None:
        return None
    _, moments = moments_for(f"{response} ~ 1", data, groups=(groups, region))
    return {moments.levels[0][clinic]: moments.levels[1][where] for clinic, where in moments.codes}


def _messages(rollout: Rollout, prepared: ProgramData, program: str) -> tuple[str, ...]:
    notes: list[str] = []
    first = int(np.sum(rollout.start == rollout.months[0]))
    if first:
        notes.append(
            f"{first} of {len(rollout.clinics)} clinics have {program} from the first period on; its start "
            "there is taken to be that period."
        )
    if rollout.ends:
        listed = ", ".join(str(label) for label in rollout.ends[:5])
        notes.append(
            f"{program} stops again in {listed}; months since its start are counted on from the first."
        )
    missing = [name for name in prepared.program if name in prepared.left_out]
    if missing and not prepared.cohorts:  # of cohorts' months those that can be told are averaged
        terms = ", ".join(prepared.term(name) for name in missing)
        notes.append(
            f"the effect in month {terms} since the start cannot be told from the periods' and is left out."
        )
    return tuple(notes)


def _check_formula(design: Design, program: str, period: str, added: Sequence[str], as_column: bool) -> None:
    """Refuse a formula that already has what is added to it, or a column called as one that is added."""
    for column, sources in design.sources.items():
        for name in (program, period):
            if name in sources and not (as_column and column == name == program):
                raise FormulaError(
                    f"the formula has {name!r} in it, which program_effect() adds itself",
                    hint="leave it out of the formula, which is for the outcome and the adjusters",
                )
    called = [design.response, *design.fixed, *added, f"{program}_share"]
    twice = [name for name in (*added, f"{program}_share") if called.count(name) > 1]
    if twice:
        raise FormulaError(
            f"two columns would be called {twice[0]!r}: program_effect() adds one of that name",
            hint="rename the column in the SELECT or the data frame",
        )
