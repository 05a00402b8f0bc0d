"""What the program did to one outcome: several estimates, each named for the question it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from tasks.errors import ClinicnetError, EstimationError, SourceError
from tasks.estimating.program_words import sentence
from tasks.estimating.questions import Question
from tasks.models import gee, glmm, lmm, marginal_effects, program_effect, within
from tasks.models.fit import Fit
from tasks.network.schema import Network
from tasks.records import Records

_MEASURE = {"binomial": "odds_ratio", "poisson": "rate_ratio"}


def program_effects(question: Question, network: Network, records: Records) -> pd.DataFrame:
    """Rows of `program_effects` for one outcome; none where the program cannot bear on it.

    Where clinics start at different times the estimates are those of a staggered rollout, with an effect for
    each month since the start; otherwise records under the program are compared with the others. Each
    estimate stands on its own: one that cannot be had says why in its place.
    """
    if network.program is None or question.program is None:
        return pd.DataFrame()
    rows: list[dict[str, Any]] = []
    for model, estimand, estimate in _estimates(question, records):
        try:
            rows += list(estimate())
        except SourceError:
            raise
        except ClinicnetError as problem:
            rows.append(_missing(question, model, estimand, problem.message))
    return pd.DataFrame(rows).assign(outcome=question.name)


Estimate = tuple[str, str, Callable[[], Iterator[dict[str, Any]]]]


def _estimates(question: Question, records: Records) -> tuple[Estimate, ...]:
    """Model, estimand, and how it is estimated; a model that fails leaves its place to a reason."""
    averaged: Estimate = ("mixed", "marginal", lambda: _averaged(question, records))
    if question.rollout:
        return (("mixed", "conditional", lambda: _rollout(question, records)), averaged)
    return (
        ("mixed", "conditional", lambda: _mixed(question, records)),
        averaged,
        ("gee", "marginal", lambda: _gee(question, records)),
        ("within", "conditional", lambda: _within(question, records)),
        ("naive", "unadjusted", lambda: _naive(question, records)),
    )


def _rollout(question: Question, records: Records) -> Iterator[dict[str, Any]]:
    """Every clinic its own control before its start, every month its own effect."""
    formula = question.without_months
    asked = {"family": question.family, "exposure": question.outcome.exposure}
    immediate = program_effect(formula, records, **asked)
    yield from (_from_rollout(question, row, "effect") for row in immediate.table.to_dict("records"))
    average = program_effect(formula, records, effect="exposure-time", models=("mixed",), **asked)
    for row in average.table[average.table["model"] == "mixed"].to_dict("records"):
        yield _from_rollout(question, row, "average over the months since the start")
    months = program_effect(
        formula, records, effect="event-study", models=("mixed",), **asked
    )
    for row in months.table[months.table["model"] == "mixed"].to_dict("records"):
        yield _from_rollout(question, row, f"month {row['term']}")


def _from_rollout(question: Question, row: dict[str, Any], term: str) -> dict[str, Any]:
    """A row of `tasks.models.program_effect` in the outcome's own units."""
    if row["status"] != "ok":
        return _missing(question, row["model"], row["estimand"], row["reason"]) | {"term": term}
    ends = np.array([row["value"], row["lower"], row["upper"]], dtype=float)
    measure = str(row["measure"])
    if measure == "risk_difference":
        ends = 100.0 * ends
    elif measure == "difference" and question.outcome.scale == "log":
        measure, ends = "ratio", np.exp(ends)
    value, lower, upper = (float(each) for each in ends)
    asked = _QUESTIONS[row["model"]]
    unit = _unit(question, measure)
    words = sentence(question.outcome.label, asked, measure, unit, value, lower, upper)
    return row | {
        "measure": measure,
        "term": term,
        "value": value,
        "lower": lower,
        "upper": upper,
        "unit": unit,
        "df": row["df"] if np.isfinite(row["df"]) else np.nan,
        "question": asked,
        "words": words if term == "effect" else f"{term[0].upper()}{term[1:]}: {words}",
        "reason": None,
    }


def _averaged(question: Question, records: Records) -> Iterator[dict[str, Any]]:
    """The mixed model averaged over clinics and patients: what a policy would change."""
    if question.family == "gaussian":
        # an effect on a mean is the same for a patient and for the population
        yield _coefficient(question, lmm(question.with_program, records), "mixed", "marginal", "policy")
        return
    fit = _mixed_fit(question, records)
    effects = marginal_effects(fit, "program", records)
    for measure, row in effects.table.iterrows():
        if measure not in ("risk_difference", "risk_ratio", "rate_ratio"):
            continue
        factor = 100.0 if measure == "risk_difference" else 1.0
        ends = (factor * float(row[each]) for each in ("estimate", "lower", "upper"))
        yield _row(question, "mixed", "marginal", str(measure), "policy", *ends, fit)


def _mixed_fit(question: Question, records: Records) -> Any:
    return glmm(question.with_program, records, family=question.family, exposure=question.outcome.exposure)


def _mixed(question: Question, records: Records) -> Iterator[dict[str, Any]]:
    gaussian = question.family == "gaussian"
    fit: Fit = lmm(question.with_program, records) if gaussian else _mixed_fit(question, records)
    yield _coefficient(question, fit, "mixed", "conditional", "patient")


def _gee(question: Question, records: Records) -> Iterator[dict[str, Any]]:
    fit = gee(
        question.fixed_with_program,
        records,
        groups="clinic",
        family=question.family,
        corr="exchangeable",
        exposure=question.outcome.exposure,
    )
    yield _coefficient(question, fit, "gee", "marginal", "policy")


def _within(question: Question, records: Records) -> Iterator[dict[str, Any]]:
    if question.family == "poisson":
        raise EstimationError(
            "the within estimator is for means and proportions, and this outcome is a count"
        )
    fit = within(question.fixed_with_program, records, groups="clinic", cov="cr2")
    yield _coefficient(question, fit, "within", "conditional", "these_clinics")


def _naive(question: Question, records: Records) -> Iterator[dict[str, Any]]:
    """Records under the program against all others, nothing adjusted for; errors allow for clustering."""
    formula = f"{question.response} ~ {question.program}"
    fit = gee(
        formula,
        records,
        groups="clinic",
        family=question.family,
        corr="independence",
        exposure=question.outcome.exposure,
    )
    yield _coefficient(question, fit, "naive", "unadjusted", "none")


def _coefficient(question: Question, fit: Fit, model: str, estimand: str, asked: str) -> dict[str, Any]:
    """The program's coefficient, on the scale people read."""
    name = question.program
    if name not in fit.coef.index:
        reason = fit.dropped.columns.get(str(name), "it does not vary")
        raise EstimationError(f"the program's effect cannot be told apart: {reason}")
    interval = fit.conf_int()
    ends = np.array([fit.coef[name], interval.loc[name, "lower"], interval.loc[name, "upper"]], dtype=float)
    if model == "within" and question.family == "binomial":
        measure, ends = "risk_difference", 100.0 * ends
    elif question.family == "gaussian":
        log = question.outcome.scale == "log"
        measure, ends = ("ratio", np.exp(ends)) if log else ("difference", ends)
    else:
        measure, ends = _MEASURE[question.family], np.exp(ends)
    return _row(question, model, estimand, measure, asked, *(float(each) for each in ends), fit)


def _row(
    question: Question,
    model: str,
    estimand: str,
    measure: str,
    asked: str,
    value: float,
    lower: float,
    upper: float,
    fit: Fit,
) -> dict[str, Any]:
    unit = _unit(question, measure)
    df = float(fit.df.get(question.program, np.inf))
    return {
        "model": model,
        "estimand": estimand,
        "measure": measure,
        "term": "effect",
        "value": value,
        "lower": lower,
        "upper": upper,
        "unit": unit,
        "df": df if np.isfinite(df) else np.nan,
        "p": float(fit.p_values[question.program]) if asked != "policy" or model == "gee" else np.nan,
        "n_records": fit.n_obs,
        "n_clinics": int(fit.n_groups.get("clinic", fit.n_groups.iloc[0])),
        "question": asked,
        "words": sentence(question.outcome.label, asked, measure, unit, value, lower, upper),
        "status": "ok",
        "reason": None,
    }


_QUESTIONS = {"mixed": "patient", "gee": "policy", "within": "these_clinics", "naive": "none"}


def _unit(question: Question, measure: str) -> str:
    return {"difference": question.outcome.unit, "risk_difference": "percentage points"}.get(measure, "")


def _missing(question: Question, model: str, estimand: str, reason: str) -> dict[str, Any]:
    asked = "policy" if estimand == "marginal" else _QUESTIONS[model]
    measure = _MEASURE.get(question.family, "ratio" if question.outcome.scale == "log" else "difference")
    return {
        "model": model,
        "estimand": estimand,
        "measure": measure,
        "term": "effect",
        "question": asked,
        "words": f"{question.outcome.label}: not estimated. {reason[:1].upper()}{reason[1:]}.",
        "status": "not_estimable",
        "reason": reason,
    }
