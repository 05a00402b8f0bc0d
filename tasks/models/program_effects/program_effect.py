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

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from tasks.errors import ClinicnetError, EstimationError, FormulaError
from tasks.models.estimating_equations.gee import GeeFit
from tasks.models.estimating_equations.gee_checks import known
from tasks.models.fit import Fit, Floats, Wald
from tasks.models.generalized_mixed.glmm_fit import GlmmFit
from tasks.models.numerics import distributions as stats
from tasks.models.program_effects.average_month import average_month
from tasks.models.program_effects.estimate_guide import ANSWERS
from tasks.models.program_effects.months_together import (
    before_the_start,
    changing,
    simultaneous_quantile,
)
from tasks.models.program_effects.naive import Comparison, before_after
from tasks.models.program_effects.program_columns import Added, columns_of
from tasks.models.program_effects.program_models import Family, ProgramData, Random, fit_model
from tasks.models.program_effects.rollout import Rollout, rollout_declared, rollout_of
from tasks.records import Design, cells_for, moments_for
from tasks.records.formulas.formula import read
from tasks.records.formulas.tokens import as_written

Effect = Literal["immediate", "exposure-time", "event-study"]
Model = Literal["mixed", "gee", "within"]

EFFECTS: Mapping[Effect, str] = {
    "immediate": "the same effect in every month from the start on",
    "exposure-time": "the average of the effects of each month since the start",
    "event-study": "a separate effect of each month since the start",
}
MODELS: tuple[Model, ...] = ("mixed", "gee", "within")
_FAMILIES = ("gaussian", "binomial", "poisson", "negative-binomial")


@dataclass(frozen=True)
class ProgramEffect:
    """A program's effect by several estimators, with the naive comparison.

    Attributes:
        table: one row per estimate: `model` (naive, mixed, gee, within), `estimand` (unadjusted, conditional,
            marginal), `measure` (difference, odds_ratio, rate_ratio, risk_difference, risk_ratio), `term`
            ("effect", or the months since the start), `value`, `lower`, `upper`, `df`, `p`, `n_records`,
            `n_clinics`, `question`, `words`, `status` (ok, not_estimable), `reason` (why there is no
            estimate, or why it is not quite the one asked for); of an event study also
            `band_lower` and `band_upper`, which hold for all months at once.
        fits: model → its fit, where it could be fitted.
        rollout: the program's start by clinic.
        effect: immediate, exposure-time or event-study.
        change: a test of whether the effect grows or fades with the months since the start (exposure time).
        before: a test of whether there was an effect before the start (event study with leads).
        messages: what a reader must know, in sentences.
    """

    table: pd.DataFrame
    fits: Mapping[str, Fit] = field(repr=False)
    rollout: Rollout = field(repr=False)
    effect: Effect
    change: Wald | None
    before: Wald | None
    messages: tuple[str, ...]

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
    random: Random = "clinic-period",
    leads: int = 0,
    horizon: int | None = None,
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
            the start), "event-study" (one effect per month since the start, 0 being the first).
        models: which estimators.
        starts: clinic → its first period with the program, where that is declared and not a column.
        random: whether the mixed model lets a clinic's periods differ by chance (recommended: without, its
            intervals are too narrow where they do).
        leads: months before the start that get an effect too, to look for effects before the cause.
        horizon: event study: months since the start from which on they share one effect (which bends the
            others where effects go on changing); exposure time: how many months are averaged over.
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
    prepare: Callable[[Added], ProgramData]
    if family == "gaussian" and offset is None and exposure is None:
        design, moments = moments_for(whole, data, groups=by)
        there = (moments.levels, moments.codes, moments.n)
        prepare = functools.partial(ProgramData.of_moments, design, moments, name=program)
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
        prepare = functools.partial(
            ProgramData.of_cells, design, cells, name=program, family=family, has_trials=trials is not None
        )
    # the program's own column says when it began within a period; declared starts and months since do not
    if starts is None:
        rollout = rollout_of(cells_for(f"{as_written(program)} ~ 1", data, groups=by)[1], program)
    else:
        rollout = rollout_declared(*there, program, starts)
    added = columns_of(rollout, period, effect, program, leads, horizon, as_column=as_column)
    _check_formula(design, program, period, added.names, as_column)
    prepared = replace(prepare(added), followed=rollout.followed)
    rows = _naive_rows(before_after(prepared.totals(), rollout, prepared.mean_family), level)
    fits: dict[str, Fit] = {}
    for model in models:
        try:
            fit, measure = fit_model(model, prepared, random)
            fits[model] = fit
            rows += _rows(model, fit, measure, prepared, effect, horizon, level)
        except ClinicnetError as reason:
            rows.append(_blank(model, reason.message))
    table = pd.DataFrame(rows, columns=_COLUMNS)
    mixed = fits.get("mixed")
    return ProgramEffect(
        table=table,
        fits=fits,
        rollout=rollout,
        effect=effect,
        change=changing(mixed, prepared) if mixed is not None and effect == "exposure-time" else None,
        before=before_the_start(mixed, prepared) if mixed is not None and effect == "event-study" else None,
        messages=_messages(rollout, prepared, program),
    )


_COLUMNS = [
    *("model", "estimand", "measure", "term", "value", "lower", "upper", "df", "p"),
    *("n_records", "n_clinics", "question", "words", "status", "reason", "band_lower", "band_upper"),
]
_ESTIMANDS = {"naive": "unadjusted", "mixed": "conditional", "gee": "marginal", "within": "conditional"}


def _rows(
    model: Model,
    fit: Fit,
    measure: str,
    prepared: ProgramData,
    effect: Effect,
    horizon: int | None,
    level: float,
) -> list[dict[str, Any]]:
    names = [name for name in prepared.program if name in fit.coef.index]
    if not names:
        raise EstimationError("no effect of the program could be told from those of the periods and clinics")
    if effect == "exposure-time":
        counted = [
            name
            for name in names
            if prepared.tells_of_effect(name) and (horizon is None or float(prepared.term(name)) < horizon)
        ]
        if not counted:
            raise EstimationError(
                "no clinic is seen both before its start and after it"
                + ("" if horizon is None else f", in the first {horizon} months")
            )
        rows = [_row(model, fit, measure, "effect", {name: 1.0 / len(counted) for name in counted}, level)]
        if isinstance(fit, GlmmFit):
            rows += _population_rows(fit, prepared, counted, level)
        return rows
    if effect == "immediate":
        return [_row(model, fit, measure, "effect", {names[0]: 1.0}, level)]
    names = [name for name in names if prepared.tells_of_effect(name)]
    if not names:
        raise EstimationError("no clinic is seen both before its start and after it")
    wider = simultaneous_quantile(fit, names, level)
    return [_month_row(model, fit, measure, prepared.term(name), name, level, wider) for name in names]


def _month_row(
    model: str, fit: Fit, measure: str, term: str, name: str, level: float, wider: float
) -> dict[str, Any]:
    """One month's effect, with its own interval and that of all months at once."""
    estimate, se = float(fit.coef[name]), float(fit.se[name])
    band = np.array([estimate - wider * se, estimate + wider * se])
    if measure.endswith("_ratio"):
        band = np.exp(np.minimum(band, 700.0))
    row = _row(model, fit, measure, term, {name: 1.0}, level)
    return row | {"band_lower": float(band[0]), "band_upper": float(band[1])}


def _population_rows(
    fit: GlmmFit, prepared: ProgramData, counted: Sequence[str], level: float
) -> list[dict[str, Any]]:
    """The average month's effect on the population's risk or rate."""
    clinics = int(fit.n_groups.iloc[0])
    marginal = {"estimand": "marginal", "question": "policy"}
    return [
        _made("mixed", each.measure, "effect", each.estimate, each.se, each.df, level, fit.n_obs, clinics)
        | marginal
        for each in average_month(fit, prepared, counted)
    ]


def _row(
    model: str, fit: Fit, measure: str, term: str, weights: Mapping[str, float], level: float
) -> dict[str, Any]:
    test = fit.test(dict(weights))
    estimate = float(test.estimate.iloc[0])
    contrast = np.array([weights.get(name, 0.0) for name in fit.coef.index])
    se = float(np.sqrt(contrast @ fit.vcov.to_numpy() @ contrast))
    made = _made(model, measure, term, estimate, se, test.df, level, fit.n_obs, int(fit.n_groups.iloc[0]))
    return made | {"reason": fit.instead if isinstance(fit, GeeFit) else ""}


def _naive_rows(comparison: Mapping[str, Comparison], level: float) -> list[dict[str, Any]]:
    if not comparison:
        return [
            _blank("naive", "there are no rows before, or none after, in the clinics the program reached")
        ]
    return [
        _made(
            "naive", measure, "effect", each.estimate, each.se, np.inf, level, each.n_records, each.n_clinics
        )
        for measure, each in comparison.items()
    ]


def _made(
    model: str,
    measure: str,
    term: str,
    estimate: float,
    se: float,
    df: float,
    level: float,
    n_records: int,
    n_clinics: int,
) -> dict[str, Any]:
    tail = 0.5 + level / 2.0
    quantile = float(stats.norm.ppf(tail) if np.isinf(df) else stats.t.ppf(tail, df))
    t = abs(estimate / se)
    p = 2.0 * float(stats.norm.sf(t) if np.isinf(df) else stats.t.sf(t, df))
    ends: Floats = np.array([estimate, estimate - quantile * se, estimate + quantile * se])
    if measure.endswith("_ratio"):
        ends = np.exp(np.minimum(ends, 700.0))
    value, lower, upper = (float(each) for each in ends)
    return {
        "model": model,
        "estimand": _ESTIMANDS[model],
        "measure": measure,
        "term": term,
        "value": value,
        "lower": lower,
        "upper": upper,
        "df": df,
        "p": p,
        "n_records": n_records,
        "n_clinics": n_clinics,
        "question": ANSWERS[model].key,
        "words": _words(model, measure, term, value, lower, upper, level),
        "status": "ok",
        "reason": "",
    }


def _blank(model: str, reason: str) -> dict[str, Any]:
    empty: dict[str, Any] = dict.fromkeys(_COLUMNS, np.nan)
    return empty | {
        "model": model,
        "estimand": _ESTIMANDS[model],
        "measure": "",
        "term": "effect",
        "question": ANSWERS[model].key,
        "words": "",
        "status": "not_estimable",
        "reason": reason,
    }


def _words(
    model: str, measure: str, term: str, value: float, lower: float, upper: float, level: float
) -> str:
    when = "" if term == "effect" else f" in month {term} since the start"
    if measure in ("difference", "risk_difference"):
        scale = 100.0 if measure == "risk_difference" else 1.0
        unit = " percentage points" if measure == "risk_difference" else ""
        size = f"{value * scale:+.3g}{unit}"
        interval = f"{lower * scale:+.3g} to {upper * scale:+.3g}"
    else:
        what = {"odds_ratio": "odds", "risk_ratio": "risk", "rate_ratio": "rate"}[measure]
        size, interval = f"{what} multiplied by {value:.3g}", f"{lower:.3g} to {upper:.3g}"
    return f"{size} ({100 * level:.0f}% interval {interval}){when}: {ANSWERS[model].program}"


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
    if missing:
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
    called = [design.response, *design.fixed, *added]
    twice = [name for name in added if called.count(name) > 1]
    if twice:
        raise FormulaError(
            f"two columns would be called {twice[0]!r}: program_effect() adds one of that name",
            hint="rename the column in the SELECT or the data frame",
        )
