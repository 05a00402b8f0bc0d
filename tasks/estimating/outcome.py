"""One outcome, estimated whole: how clinics differ, each clinic's figure, and what the program did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from tasks.errors import ClinicnetError, SourceError
from tasks.estimating.clinics import model_rows, raw_rows
from tasks.estimating.figures import network_figures
from tasks.estimating.program import program_effects
from tasks.estimating.questions import Question, question_of
from tasks.estimating.ranking_model import fit_ranking
from tasks.estimating.run_charts import clinic_months
from tasks.estimating.standardising import standardised
from tasks.estimating.summary import Summary
from tasks.models import Shrunken, shrink
from tasks.network.schema import Network
from tasks.records import Records


@dataclass(frozen=True)
class OutcomeEstimates:
    """Everything estimated about one outcome; aggregates only.

    Attributes:
        question: the formulas it was estimated by.
        outcome: its row of `outcomes` (the verdict is ranking's to add).
        clinics, figures, effects, months: its rows of `clinic_estimates`, `network_figures`,
            `program_effects` and `clinic_months`.
        shrunken: the joint posterior of the clinic effects, which ranking draws from; None where the
            outcome could not be estimated.
        compared: clinics that pass the policy's minimums, in the order of `shrunken`.
    """

    question: Question
    outcome: dict[str, object]
    clinics: pd.DataFrame
    figures: pd.DataFrame
    effects: pd.DataFrame
    months: pd.DataFrame
    shrunken: Shrunken | None
    compared: tuple[str, ...]

    @property
    def status(self) -> str:
        """ok, or not_estimable."""
        return str(self.outcome["status"])

    @property
    def reason(self) -> str:
        """Why the outcome, or a part of it, could not be estimated; empty where all could."""
        return str(self.outcome.get("reason") or "")


def estimate_outcome(usable: Records, network: Network, name: str, summary: Summary) -> OutcomeEstimates:
    """Estimate one outcome.

    What cannot be estimated is said in its place, and the rest is estimated all the same.

    Args:
        usable: the screened records of the window.
        network: the network's description.
        name: the outcome's name in the network file.
        summary: the window's moments.

    Raises:
        SourceError: the database went away (worth another try).
    """
    with usable.held():
        return _estimate(usable, network, question_of(network, name, summary), summary)


def _estimate(usable: Records, network: Network, question: Question, summary: Summary) -> OutcomeEstimates:
    records = _records_of(question, usable, summary)
    raw = raw_rows(question, summary)
    months = clinic_months(question, summary)
    row = _outcome_row(question, summary)
    try:
        fit = fit_ranking(question, records)
        shrunken = shrink(fit, "clinic")
        scale = standardised(question, fit, question.ranking, records)
    except SourceError:
        raise
    except ClinicnetError as problem:
        return _not_estimable(question, row, raw, months, problem)
    modelled = model_rows(question, raw, shrunken, scale, network.policy)
    row |= {"comparator": _COMPARATOR, "comparator_value": scale.typical}
    figures, notes = _attempt(lambda: network_figures(question, records, summary, fit, shrunken, scale))
    program, program_notes = _attempt(lambda: program_effects(question, network, records))
    if notes or program_notes:
        row["reason"] = "; ".join([*notes, *program_notes])
    return OutcomeEstimates(
        question=question,
        outcome=row,
        clinics=pd.concat([raw, modelled], ignore_index=True),
        figures=figures,
        effects=program,
        months=months,
        shrunken=shrunken,
        compared=_compared(modelled),
    )


_COMPARATOR = "the typical clinic, with the network's own patients"


def _records_of(question: Question, usable: Records, summary: Summary) -> Records:
    """The records an outcome is estimated from: the usable ones, or the clinics' months counted."""
    if question.outcome.per == "record":
        return usable
    column = question.response
    return usable.with_select(
        "SELECT every.clinic AS clinic, every.month AS month, "
        f'CAST(count(counted.month) AS INTEGER) AS "{column}" '
        "FROM (SELECT clinics.clinic AS clinic, months.month AS month "
        "FROM (SELECT DISTINCT clinic FROM {records}) AS clinics "
        "CROSS JOIN (SELECT DISTINCT month FROM {records}) AS months) AS every "
        "LEFT JOIN {records} AS counted ON counted.clinic = every.clinic AND counted.month = every.month "
        "GROUP BY every.clinic, every.month"
    )


def _outcome_row(question: Question, summary: Summary) -> dict[str, object]:
    moments = summary.by_clinic(question.name)
    outcome = question.outcome
    return {
        "outcome": question.name,
        "label": outcome.label,
        "kind": outcome.kind,
        "unit": outcome.unit or ("%" if outcome.kind == "binary" else ""),
        "direction": outcome.direction,
        "adjusters": ", ".join("month" if each == "C(month)" else each for each in question.adjusters),
        "comparator": _COMPARATOR,
        "n_records": int(moments["n"].sum() if outcome.per == "record" else moments["total"].sum()),
        "n_clinics": int((moments["n"] > 0).sum()),
        "status": "ok",
    }


def _not_estimable(
    question: Question,
    row: dict[str, object],
    raw: pd.DataFrame,
    months: pd.DataFrame,
    problem: ClinicnetError,
) -> OutcomeEstimates:
    nothing = pd.DataFrame()
    reason = " ".join(part for part in (problem.message, problem.hint) if part)
    return OutcomeEstimates(
        question, row | {"status": "not_estimable", "reason": reason}, raw, nothing, nothing, months, None, ()
    )


def _attempt(estimate: Callable[[], pd.DataFrame]) -> tuple[pd.DataFrame, list[str]]:
    """The frame, or none and the reason."""
    try:
        return estimate(), []
    except SourceError:
        raise
    except ClinicnetError as problem:
        return pd.DataFrame(), [problem.message]


def _compared(modelled: pd.DataFrame) -> tuple[str, ...]:
    shrunken = modelled[modelled["form"] == "shrunken"]
    return tuple(shrunken.loc[shrunken["status"] == "ok", "clinic"])
