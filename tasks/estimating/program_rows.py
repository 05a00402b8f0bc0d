"""Rows of `program_effects`: an estimate, or why there is none, in the outcome's own units and in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.wording import say
from reports.wording.coded_sentences import TECHNICAL, coded, joined, told
from tasks.estimating.outcome_formulas import OutcomeFormulas
from tasks.estimating.program_words import months_in_words, sentence, test_sentence
from tasks.models import ProgramEffect
from tasks.models.fit import Wald
from tasks.models.program_effects.program_models import FEWEST_EVENTS, TooFewEventsError

Floats = NDArray[np.float64]

PROGRAM = "program"  # the column that screening makes of the network file's program
RATIO_OF: dict[str, str] = {"binomial": "odds_ratio", "poisson": "rate_ratio"}
INDEPENDENT = "why.independent"  # the correlation within clinics that was asked for could not be had


def rows_of(table: pd.DataFrame, model: str | None = None) -> list[dict[str, Any]]:
    """The rows of a table of `tasks.models.program_effect`, of one model or all."""
    kept = table if model is None else table[table["model"] == model]
    return [{str(key): value for key, value in row.items()} for row in kept.to_dict("records")]


def rests_on(found: ProgramEffect) -> list[str]:
    """What all of its estimates rest on."""
    unit = found.unit
    return [coded("why.by_region", regions=len(unit.labels))] if unit.is_region else []


def for_all_as_well(
    question: OutcomeFormulas, row: dict[str, Any], term: str, rests: Sequence[str], when: str = ""
) -> Iterator[dict[str, Any]]:
    """A whole effect by one model; the mixed model's for the population as well."""
    yield from_model(question, row, term, rests=rests, when=when)
    # an effect on a mean is the same for a patient and for the population, and so is having none
    if row["model"] == "mixed" and (question.family == "gaussian" or row["status"] != "ok"):
        yield from_model(question, row | {"estimand": "marginal"}, term, rests=rests, when=when)


def tested(
    question: OutcomeFormulas, found: ProgramEffect, term: str, test: Wald, condition: str | None = None
) -> dict[str, Any]:
    """A test about the months since the start as a row: its p-value and what it says.

    Args:
        question: the outcome.
        found: the models it is of.
        term: what the row is called.
        test: the test.
        condition: what it takes for granted, a key of `effect_condition` in the wording; None where nothing.
    """
    fit = found.fits["mixed"]
    only_if = None if condition is None else say(f"effect_condition.{condition}")
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
        "words": " ".join(filter(None, (test_sentence(term, test.p), only_if))),
        "condition": only_if,
        "status": "ok",
        "reason": None,
    }


def from_model(
    question: OutcomeFormulas,
    row: dict[str, Any],
    term: str,
    since: int | None = None,
    rests: Sequence[str] = (),
    when: str = "",
) -> dict[str, Any]:
    """A row of `tasks.models.program_effect` in the outcome's own units.

    Args:
        question: the outcome.
        row: the model's.
        term: what the row is called.
        since: months since the start, of one month's effect.
        rests: what the figure rests on, in coded sentences.
        when: which months it is an average over, in words.
    """
    which = {"term": term, "months_since_start": since}
    if row["status"] != "ok":
        return missing(question, row["model"], row["estimand"], _why(str(row["reason"]))) | which
    ends = np.array(
        [row[each] for each in ("value", "lower", "upper", "band_lower", "band_upper")], dtype=np.float64
    )
    measure = str(row["measure"])
    if measure == "risk_difference":
        ends = 100.0 * ends
    elif measure == "difference" and question.outcome.scale == "log":
        measure, ends = "ratio", np.exp(ends)
    band = dict(zip(("band_lower", "band_upper"), ends[3:].tolist(), strict=True))
    asked = asked_by(row["model"], row["estimand"])
    when = when if since is None else months_in_words(since)
    written = shown(question, asked, measure, ends[:3], when, before=since is not None and since < 0)
    df = row["df"] if np.isfinite(row["df"]) else np.nan
    reasons = [*([coded(INDEPENDENT)] if row["reason"] else []), *rests]
    return row | written | which | band | {"df": df, "reason": joined(reasons) if reasons else None}


def _why(reason: str) -> str:
    """A model's reason for having no estimate as a coded sentence."""
    if reason == TooFewEventsError.MESSAGE:
        return coded("why.few_events_for_average", fewest=FEWEST_EVENTS)
    return coded(TECHNICAL, detail=reason)


def shown(
    question: OutcomeFormulas, asked: str, measure: str, ends: Floats, when: str = "", *, before: bool = False
) -> dict[str, Any]:
    """An estimate and its interval in the measure's unit, as numbers and as a sentence.

    Args:
        question: the outcome's.
        asked: which question the estimate answers.
        measure: of the estimate.
        ends: (3,) the estimate and its interval.
        when: of which months it is, where not of all since the start alike.
        before: whether those are before the start.
    """
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
        "words": sentence(
            question.outcome.label,
            *(asked, measure, unit, value, lower, upper, when),
            before=before,
        ),
    }


def conditioned(row: dict[str, Any], key: str, reach: str | None = None) -> dict[str, Any]:
    """An estimate with the condition that it is the program's effect under, in its words and by itself.

    Args:
        row: of `program_effects`; one without an estimate stays as it is, and so does a plain comparison.
        key: a key of `effect_condition` in the wording.
        reach: another, where the program's records are of few clinics; an effect in these clinics alone says
            nothing of others.
    """
    if row["status"] != "ok" or row["model"] == "naive" or row["measure"] == "test":
        return row
    keys = [key, *([reach] if reach is not None and row["question"] != "these_clinics" else [])]
    condition = " ".join(say(f"effect_condition.{each}") for each in keys)
    return row | {"words": f"{row['words']} {condition}", "condition": condition}


def asked_by(model: str, estimand: str) -> str:
    """Which question a model's estimate answers."""
    if estimand == "marginal":
        return "policy"
    return {"mixed": "patient", "within": "these_clinics"}.get(model, "none")


def missing(question: OutcomeFormulas, model: str, estimand: str, reason: str) -> dict[str, Any]:
    """Why a model has no estimate, in the estimate's place."""
    said = told(reason)
    measure = RATIO_OF.get(question.mean_family, "ratio" if question.outcome.scale == "log" else "difference")
    return {
        "model": model,
        "estimand": estimand,
        "measure": measure,
        "term": "effect",
        "question": asked_by(model, estimand),
        "words": say(
            "effect.not_estimated",
            label=question.outcome.label,
            reason=f"{said[:1].upper()}{said[1:]}",
        ),
        "status": "not_estimable",
        "reason": reason,
    }
