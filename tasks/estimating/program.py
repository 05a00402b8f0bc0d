"""What the program did to one outcome: several estimates, each named for the question it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from tasks.errors import ClinicnetError, EstimationError, SourceError
from tasks.estimating.program_words import sentence
from tasks.estimating.questions import Question
from tasks.models import gee, glmm, lmm, within
from tasks.models.fit import Fit
from tasks.network.schema import Network
from tasks.records import Records

_MEASURE = {"binomial": "odds_ratio", "poisson": "rate_ratio"}


def program_effects(question: Question, network: Network, records: Records) -> pd.DataFrame:
    """Rows of `program_effects` for one outcome; none where the program cannot bear on it.

    Each estimate stands on its own: one that cannot be had says why in its place.
    """
    if network.program is None or question.program is None:
        return pd.DataFrame()
    parts: tuple[tuple[str, str, Callable[[], Iterator[dict[str, Any]]]], ...] = (
        ("mixed", "conditional", lambda: _mixed(question, records)),
        ("gee", "marginal", lambda: _gee(question, records)),
        ("within", "conditional", lambda: _within(question, records)),
        ("naive", "unadjusted", lambda: _naive(question, records)),
    )
    rows: list[dict[str, Any]] = []
    for model, estimand, estimate in parts:
        try:
            rows += list(estimate())
        except SourceError:
            raise
        except ClinicnetError as problem:
            rows.append(_missing(question, model, estimand, problem))
    return pd.DataFrame(rows).assign(outcome=question.name)


def _mixed(question: Question, records: Records) -> Iterator[dict[str, Any]]:
    if question.family == "gaussian":
        fit: Fit = lmm(question.with_program, records)
        # an identity-link effect is the same for a patient and for the population
        for estimand, asked in (("conditional", "patient"), ("marginal", "policy")):
            yield _coefficient(question, fit, "mixed", estimand, asked)
        return
    mixed = glmm(question.with_program, records, family=question.family, exposure=question.outcome.exposure)
    yield _coefficient(question, mixed, "mixed", "conditional", "patient")
    yield from _marginal(question, mixed, records)


def _marginal(question: Question, fit: Any, records: Records) -> Iterator[dict[str, Any]]:
    """The mixed model averaged over clinics and patients: what a policy would change."""
    effects = marginal_effects(fit, "program", records)
    for measure, row in effects.table.iterrows():
        if measure not in ("risk_difference", "risk_ratio", "rate_ratio"):
            continue
        factor = 100.0 if measure == "risk_difference" else 1.0
        yield _row(
            question,
            "mixed",
            "marginal",
            str(measure),
            "policy",
            factor * float(row["estimate"]),
            factor * float(row["lower"]),
            factor * float(row["upper"]),
            fit,
        )


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
        raise EstimationError("the within estimator is for means and proportions, and this outcome is a count")
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
    unit = {"difference": question.outcome.unit, "risk_difference": "percentage points"}.get(measure, "")
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


def _missing(question: Question, model: str, estimand: str, problem: ClinicnetError) -> dict[str, Any]:
    asked = {"mixed": "patient", "gee": "policy", "within": "these_clinics", "naive": "none"}[model]
    measure = _MEASURE.get(question.family, "ratio" if question.outcome.scale == "log" else "difference")
    return {
        "model": model,
        "estimand": estimand,
        "measure": measure,
        "term": "effect",
        "question": asked,
        "words": f"{question.outcome.label}: not estimated. {problem.message}.",
        "status": "not_estimable",
        "reason": problem.message,
    }
