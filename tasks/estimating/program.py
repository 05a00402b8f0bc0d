"""What the program did to one outcome: several estimates, each named for the question it answers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.wording.coded_sentences import TECHNICAL, coded
from tasks.errors import ClinicnetError, SourceError
from tasks.estimating.attempting import SaidError, attempted, reason_of
from tasks.estimating.outcome_formulas import OutcomeFormulas
from tasks.estimating.program_reach import reach_of
from tasks.estimating.program_rows import (
    INDEPENDENT,
    PROGRAM,
    RATIO_OF,
    asked_by,
    conditioned,
    for_all_as_well,
    missing,
    rests_on,
    rows_of,
    shown,
    tested,
)
from tasks.estimating.program_words import sentence
from tasks.estimating.rollout_effects import rollout_rows
from tasks.models import GeeFit, gee, lmm, program_effect
from tasks.models.estimating_equations.sandwich import Covariance
from tasks.models.fit import Fit
from tasks.models.program_effects.effect_rows import Model
from tasks.models.program_effects.rollout import Adoption, rollout_of
from tasks.network.schema import Network
from tasks.records import Records, cells_for

Floats = NDArray[np.float64]

# however many clinics there are: among clinics of very unequal sizes few carry the estimate
_CORRECTED: Covariance = "kauermann-carroll"


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
            rows.append(missing(question, model, estimand, reason_of(problem)))
    if adoption == "whole-clinics":
        rows = [_between_clinics(question, row) for row in rows]
    elif adoption == "patients":
        estimated = any(row["status"] == "ok" for row in rows)
        reach = reach_of(question, records) if estimated else None
        rows = [conditioned(row, "records", reach) for row in rows]
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
        return (("mixed", "conditional", lambda: rollout_rows(question, records, starts)),)
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
    for row in rows_of(found.table):
        if row["model"] == "naive":
            continue
        yield from for_all_as_well(question, row, "effect", rests_on(found))
    if found.context is not None:
        yield tested(question, found, "context", found.context)


def _with_patients(question: OutcomeFormulas, records: Records) -> Iterator[dict[str, Any]]:
    """The mixed model with a level of each patient, beside those of clinics and their months."""
    fit = lmm(question.program_with_patients, records, df="kenward-roger")
    for estimand in ("conditional", "marginal"):  # the same for a patient and for the population
        yield _coefficient(question, fit, "mixed", estimand)


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
        detail = coded(TECHNICAL, detail=reason) if reason else coded("why.does_not_vary")
        raise SaidError(coded("why.not_told_apart", detail=detail))
    ends = np.append(float(fit.coef[PROGRAM]), fit.conf_int().loc[PROGRAM].to_numpy(dtype=np.float64))
    if model == "within" and question.family == "binomial":
        measure, ends = "risk_difference", 100.0 * ends
    elif question.family != "gaussian":
        measure, ends = RATIO_OF[question.mean_family], np.exp(ends)
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
        "reason": coded(INDEPENDENT) if isinstance(fit, GeeFit) and fit.instead else None,
        **shown(question, asked_by(model, estimand), measure, ends),
    }
