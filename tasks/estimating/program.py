"""What the program did to one outcome: several estimates, each named for the question it answers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.wording import say
from reports.wording.coded_sentences import coded, joined, told
from tasks.errors import ClinicnetError, SourceError
from tasks.estimating.attempting import SaidError, attempted, reason_of
from tasks.estimating.outcome_formulas import OutcomeFormulas
from tasks.estimating.program_words import condition, months_in_words, sentence, test_sentence
from tasks.models import (
    GeeFit,
    ProgramEffect,
    gee,
    lmm,
    program_effect,
)
from tasks.models.estimating_equations.sandwich import Covariance
from tasks.models.fit import Fit, Wald
from tasks.models.program_effects.effect_rows import Model
from tasks.models.program_effects.rollout import Adoption, rollout_of
from tasks.network.schema import Network
from tasks.records import Records, cells_for

Floats = NDArray[np.float64]

PROGRAM = "program"  # the column that screening makes of the network file's program
OWN_TREND = "trend"
LEADS = 3
"""Months before the start that an event study looks at too: an effect before its cause is no effect."""

_MONTHS_FOR_LEADS = 12  # a shorter window has no months to spare for them
# however many clinics there are: among clinics of very unequal sizes few carry the estimate
_CORRECTED: Covariance = "kauermann-carroll"
_INDEPENDENT = "why.independent"  # the correlation within clinics that was asked for could not be had
_ALONE, _ALONE_AVERAGE = "why.alone", "why.alone_average"  # every clinic has the program by then
_LEADING = (("mixed", "conditional"), ("mixed", "marginal"), ("gee", "marginal"), ("within", "conditional"))
_MEASURE = {"binomial": "odds_ratio", "poisson": "rate_ratio"}


def program_effects(question: OutcomeFormulas, network: Network, records: Records) -> pd.DataFrame:
    """Rows of `program_effects` for one outcome; none where the program cannot bear on it.

    Where clinics start at different times, as starts declare or a column shows, the estimates are those of a
    staggered rollout, with an effect for each month since the start; otherwise records under the program are
    compared with the others. Where whole clinics have it or have not, no question about it is answered. Each
    estimate stands on its own: one that cannot be had says why in its place.
    """
    if network.program is None or question.program is None:
        return pd.DataFrame()
    rows: list[dict[str, Any]] = []
    adoption = _adoption(records)
    if question.rollout and adoption == "patients":  # started within a month, and stopped again
        adoption = "rollout"
    starts = network.program.starts if question.rollout else None
    for model, estimand, estimate in _estimates(question, records, adoption, starts):
        try:
            rows += attempted(functools.partial(_listed, estimate))
        except SourceError:
            raise
        except ClinicnetError as problem:
            rows.append(_missing(question, model, estimand, reason_of(problem)))
    if adoption == "whole-clinics":
        rows = [_between_clinics(question, row) for row in rows]
    return pd.DataFrame(rows).assign(outcome=question.name)


def _adoption(records: Records) -> Adoption:
    """Who took the program up, as the records say; a column may hold what starts would declare."""
    _, cells = cells_for(f"{PROGRAM} ~ 1", records, groups=("clinic", "month"))
    try:
        return rollout_of(cells, PROGRAM).adoption
    except ClinicnetError:  # nobody has it, or everybody: each estimator says so in its place
        return "patients"


def _between_clinics(question: OutcomeFormulas, row: dict[str, Any]) -> dict[str, Any]:
    """The row of a program that whole clinics have or have not: none shows what it would be otherwise."""
    if row["status"] != "ok" or row["model"] == "naive":
        return row
    figures = (row[each] for each in ("value", "lower", "upper"))
    words = sentence(question.outcome.label, "whole_clinics", row["measure"], row["unit"], *figures)
    return row | {"question": "none", "words": words}


def _listed(estimate: Callable[[], Iterator[dict[str, Any]]]) -> list[dict[str, Any]]:
    return list(estimate())


Estimate = tuple[str, str, Callable[[], Iterator[dict[str, Any]]]]


def _estimates(
    question: OutcomeFormulas, records: Records, adoption: Adoption, starts: Mapping[str, str] | None
) -> tuple[Estimate, ...]:
    """Model, estimand, and how it is estimated; a model that fails leaves its place to a reason."""
    if adoption == "rollout":
        return (("mixed", "conditional", lambda: _rollout(question, records, starts)),)
    models: tuple[Model, ...] = ("gee", "within") if question.patients else ("mixed", "gee", "within")
    with_patients = (("mixed", "conditional", lambda: _with_patients(question, records)),)
    return (
        *(with_patients if question.patients else ()),
        ("gee", "marginal", lambda: _side_by_side(question, records, models)),
        ("naive", "unadjusted", lambda: _naive(question, records)),
    )


def _side_by_side(
    question: OutcomeFormulas, records: Records, models: tuple[Model, ...]
) -> Iterator[dict[str, Any]]:
    """Records under the program against the others of the same clinic and period, by each model."""
    found = program_effect(
        question.without_months,
        records,
        family=question.family,
        exposure=question.outcome.exposure,
        models=models,
        region="region" if question.regions else None,
    )
    for row in _rows_of(found.table):
        if row["model"] == "naive":
            continue
        yield from _for_all_as_well(question, row, "effect", _rests(found))
    if found.context is not None:
        yield _tested(question, found, "context", found.context)


def _with_patients(question: OutcomeFormulas, records: Records) -> Iterator[dict[str, Any]]:
    """The mixed model with a level of each patient, beside those of clinics and their months."""
    fit = lmm(question.program_with_patients, records, df="kenward-roger")
    for estimand in ("conditional", "marginal"):  # the same for a patient and for the population
        yield _coefficient(question, fit, "mixed", estimand)


def _rollout(
    question: OutcomeFormulas, records: Records, starts: Mapping[str, str] | None
) -> Iterator[dict[str, Any]]:
    """Every clinic its own control before its start, every month its own effect.

    The average of the months' effects leads. One effect for all months stands beside it, with a test of
    whether the effect changes: where it does, that number weighs months in a way that nobody chose, and can
    have the wrong sign (Kenny et al. 2022, Stat Med 41:4311).
    """
    asked = functools.partial(
        program_effect,
        question.without_months,
        records,
        family=question.family,
        exposure=question.outcome.exposure,
        starts=None if starts is None else _of_these_clinics(starts, records),
        region="region" if question.regions else None,
    )
    average = asked(effect="exposure-time")
    if average.unit.are_too_few:
        for model, estimand in _LEADING:
            reason = coded("why.few_regions", regions=len(average.unit.labels))
            yield _missing(question, model, estimand, reason) | {"term": "average"}
        for row in _rows_of(average.table, "naive"):
            yield _from_model(question, row, "effect")
        return
    followed, alone = average.rollout.followed, average.rollout.alone
    rests = _rests(average)
    if alone:
        rests.append(coded(_ALONE_AVERAGE, alone=len(alone), months=len(followed)))
    own = asked(effect="exposure-time", models=("mixed",), own_trend=True)
    allowing = list(_own_trend(question, own))
    for row in _rows_of(average.table):
        if row["model"] != "naive":
            yield from _conditioned(_for_all_as_well(question, row, "average", rests), allowing)
    yield from allowing
    if average.context is not None:
        yield _tested(question, average, "context", average.context)
    if average.change is not None:
        yield _tested(question, average, "change", average.change)
    # where a program started within a period, its records say by their dates which of them it reached
    immediate = asked(starts=None) if question.starts_within else asked()
    for row in _rows_of(immediate.table):
        if (row["model"], row["estimand"]) != ("mixed", "marginal"):
            yield _from_model(question, row, "effect", rests=_rests(immediate))
    leads = LEADS if len(immediate.rollout.periods) >= _MONTHS_FOR_LEADS else 0
    months = asked(effect="event-study", models=("mixed",), leads=leads) if leads else average
    if months.before is not None:
        yield _tested(question, months, "before", months.before)
    # empty where no month has an effect of its own; the whole effect may have one
    for row in _rows_of(months.by_month()):
        since = int(row["term"])
        term = f"month {since:03d}" if since < 0 else f"month {since:02d}"
        yield _from_model(question, row, term, since, [coded(_ALONE)] if since in alone else [])


def _of_these_clinics(starts: Mapping[str, str], records: Records) -> dict[str, str]:
    """Declared starts of the clinics with records; one before the window counts months from where it was."""
    _, cells = cells_for(f"{PROGRAM} ~ 1", records, groups=("clinic", "month"))
    return {str(clinic): starts[str(clinic)] for clinic in cells.levels[0] if str(clinic) in starts}


def _own_trend(question: OutcomeFormulas, found: ProgramEffect) -> Iterator[dict[str, Any]]:
    """The average month's effect on the population, where early starters may have a trend of their own."""
    for row in _rows_of(found.table, "mixed"):
        if row["status"] == "ok" and (row["estimand"] == "marginal" or question.family == "gaussian"):
            yield _from_model(question, row | {"estimand": "marginal"}, OWN_TREND, rests=_rests(found))


def _conditioned(
    rows: Iterator[dict[str, Any]], allowing: Sequence[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """What is said of the population with its condition, and with what is left of it without that."""
    by_measure = {row["measure"]: row for row in allowing}
    for row in rows:
        if row["status"] != "ok" or row["estimand"] != "marginal" or row["model"] != "mixed":
            yield row
            continue
        own = by_measure.get(row["measure"])
        ends = None if own is None else (own["lower"], own["upper"])
        yield row | {"words": f"{row['words']} {condition(row['measure'], ends)}"}


def _rests(found: ProgramEffect) -> list[str]:
    """What all of its estimates rest on."""
    unit = found.unit
    return [coded("why.by_region", regions=len(unit.labels))] if unit.is_region else []


def _for_all_as_well(
    question: OutcomeFormulas, row: dict[str, Any], term: str, rests: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """A whole effect by one model; the mixed model's for the population as well."""
    yield _from_model(question, row, term, rests=rests)
    # an effect on a mean is the same for a patient and for the population, and so is having none
    if row["model"] == "mixed" and (question.family == "gaussian" or row["status"] != "ok"):
        yield _from_model(question, row | {"estimand": "marginal"}, term, rests=rests)


def _tested(question: OutcomeFormulas, found: ProgramEffect, term: str, test: Wald) -> dict[str, Any]:
    """A test about the months since the start as a row: its p-value and what it says."""
    fit = found.fits["mixed"]
    return {
        "model": "mixed",
        "estimand": "conditional",
        "measure": "test",
        "term": term,
        "df": test.df if np.isfinite(test.df) else np.nan,
        "p": test.p,
        "n_records": fit.n_obs,
        "n_clinics": int(fit.n_groups.iloc[0]),
        "question": "none",
        "words": test_sentence(term, test.p),
        "status": "ok",
        "reason": None,
    }


def _rows_of(table: pd.DataFrame, model: str | None = None) -> list[dict[str, Any]]:
    kept = table if model is None else table[table["model"] == model]
    return [{str(key): value for key, value in row.items()} for row in kept.to_dict("records")]


def _from_model(
    question: OutcomeFormulas,
    row: dict[str, Any],
    term: str,
    since: int | None = None,
    rests: Sequence[str] = (),
) -> dict[str, Any]:
    """A row of `tasks.models.program_effect` in the outcome's own units.

    Args:
        question: the outcome.
        row: the model's.
        term: what the row is called.
        since: months since the start, of one month's effect.
        rests: what the figure rests on, in coded sentences.
    """
    which = {"term": term, "months_since_start": since}
    if row["status"] != "ok":
        return (
            _missing(question, row["model"], row["estimand"], coded("why.technical", detail=row["reason"]))
            | which
        )
    ends = np.array(
        [row[each] for each in ("value", "lower", "upper", "band_lower", "band_upper")], dtype=np.float64
    )
    measure = str(row["measure"])
    if measure == "risk_difference":
        ends = 100.0 * ends
    elif measure == "difference" and question.outcome.scale == "log":
        measure, ends = "ratio", np.exp(ends)
    band = dict(zip(("band_lower", "band_upper"), ends[3:].tolist(), strict=True))
    asked = _asked(row["model"], row["estimand"])
    averaged = say("effect_when.average") if term in ("average", OWN_TREND) else ""
    when = averaged if since is None else months_in_words(since)
    shown = _shown(question, asked, measure, ends[:3], when)
    df = row["df"] if np.isfinite(row["df"]) else np.nan
    reasons = [*([coded(_INDEPENDENT)] if row["reason"] else []), *rests]
    return row | shown | which | band | {"df": df, "reason": joined(reasons) if reasons else None}


def _naive(question: OutcomeFormulas, records: Records) -> Iterator[dict[str, Any]]:
    """Records under the program against all others, nothing adjusted for; errors allow for clustering."""
    fit = gee(
        f"{question.response} ~ {PROGRAM}",
        records,
        groups="clinic",
        family=question.mean_family,
        corr="independence",
        cov=_CORRECTED,
        exposure=question.outcome.exposure,
    )
    yield _coefficient(question, fit, "naive", "unadjusted")


def _coefficient(question: OutcomeFormulas, fit: Fit, model: str, estimand: str) -> dict[str, Any]:
    """The program's coefficient, on the scale people read."""
    if PROGRAM not in fit.coef.index:
        reason = fit.dropped.columns.get(PROGRAM)
        detail = coded("why.technical", detail=reason) if reason else coded("why.does_not_vary")
        raise SaidError(coded("why.not_told_apart", detail=detail))
    ends = np.append(float(fit.coef[PROGRAM]), fit.conf_int().loc[PROGRAM].to_numpy(dtype=np.float64))
    if model == "within" and question.family == "binomial":
        measure, ends = "risk_difference", 100.0 * ends
    elif question.family != "gaussian":
        measure, ends = _MEASURE[question.mean_family], np.exp(ends)
    elif question.outcome.scale == "log":
        measure, ends = "ratio", np.exp(ends)
    else:
        measure = "difference"
    return _row(question, fit, model, estimand, measure, ends) | {"p": float(fit.p_values[PROGRAM])}


def _row(
    question: OutcomeFormulas, fit: Fit, model: str, estimand: str, measure: str, ends: Floats
) -> dict[str, Any]:
    df = float(fit.df.get(PROGRAM, np.inf))
    return {
        "model": model,
        "estimand": estimand,
        "term": "effect",
        "df": df if np.isfinite(df) else np.nan,
        "n_records": fit.n_obs,
        "n_clinics": int(fit.n_groups.get("clinic", fit.n_groups.iloc[0])),
        "status": "ok",
        "reason": coded(_INDEPENDENT) if isinstance(fit, GeeFit) and fit.instead else None,
        **_shown(question, _asked(model, estimand), measure, ends),
    }


def _shown(
    question: OutcomeFormulas, asked: str, measure: str, ends: Floats, when: str = ""
) -> dict[str, Any]:
    """An estimate and its interval in the measure's unit, as numbers and as a sentence."""
    value, lower, upper = (float(each) for each in ends)
    unit = {"difference": question.outcome.unit, "risk_difference": say("unit.percentage_points")}.get(
        measure, ""
    )
    return {
        "measure": measure,
        "value": value,
        "lower": lower,
        "upper": upper,
        "unit": unit,
        "question": asked,
        "words": sentence(question.outcome.label, asked, measure, unit, value, lower, upper, when),
    }


def _asked(model: str, estimand: str) -> str:
    """Which question a model's estimate answers."""
    if estimand == "marginal":
        return "policy"
    return {"mixed": "patient", "within": "these_clinics"}.get(model, "none")


def _missing(question: OutcomeFormulas, model: str, estimand: str, reason: str) -> dict[str, Any]:
    said = told(reason)
    measure = _MEASURE.get(question.mean_family, "ratio" if question.outcome.scale == "log" else "difference")
    return {
        "model": model,
        "estimand": estimand,
        "measure": measure,
        "term": "effect",
        "question": _asked(model, estimand),
        "words": say(
            "effect.not_estimated",
            label=question.outcome.label,
            reason=f"{said[:1].upper()}{said[1:]}",
        ),
        "status": "not_estimable",
        "reason": reason,
    }
