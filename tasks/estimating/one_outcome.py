"""One outcome, estimated whole: how clinics differ, each clinic's figure, and what the program did."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from reports.wording import say
from reports.wording.coded_sentences import coded, joined, told
from tasks.errors import ClinicnetError, SourceError
from tasks.estimating.attempting import attempted, reason_of, rows_or_reason
from tasks.estimating.clinics import model_rows, raw_rows
from tasks.estimating.comparing import has_enough_records
from tasks.estimating.expected import expected_figures, with_expected
from tasks.estimating.network_figures import network_figures
from tasks.estimating.outcome_family import family_of
from tasks.estimating.outcome_formulas import MERGED_MONTHS, MONTHS, OutcomeFormulas, question_of
from tasks.estimating.patient_groups import group_rows
from tasks.estimating.program import program_effects
from tasks.estimating.ranking_model import clinic_effects, fit_ranking, fit_ways
from tasks.estimating.run_charts import clinic_months
from tasks.estimating.sparse_records import ModelRecords, model_records
from tasks.estimating.spline_selection import with_curves
from tasks.estimating.standardising import Standardised, standardised
from tasks.estimating.summary import Summary
from tasks.estimating.worth import (
    Worth,
    program_by_month,
    without_patients,
    worth_of_records,
    worth_once_adjusted,
)
from tasks.models import GlmmFit, LmmFit, Shrunken
from tasks.models.generalized_mixed.separation import SeparatedError
from tasks.network.schema import Network, PolicySection
from tasks.periods import PER_YEAR
from tasks.records import Records, read_once
from tasks.records.questions.derived_records import clinic_month_counts, without_levels


@dataclass(frozen=True)
class OutcomeEstimates:
    """Everything estimated about one outcome; aggregates only.

    Attributes:
        question: the formulas it was estimated by.
        outcome: its row of `outcomes` (the verdict is ranking's to add).
        clinics, figures, effects, months, quality: its rows of `clinic_estimates`, `network_figures`,
            `program_effects`, `clinic_months` and `quality`.
        shrunken: the joint posterior of the clinic effects, which ranking draws from; None where the
            outcome could not be estimated.
        scale: from an effect to the figure that people read; None there too.
        groups: its rows of `patient_groups`.
        numerous: clinics with enough records and expected events, in the order of `shrunken`.
        compared: those of them that are reliable enough to be compared.
    """

    question: OutcomeFormulas
    outcome: dict[str, object]
    clinics: pd.DataFrame
    figures: pd.DataFrame
    effects: pd.DataFrame
    months: pd.DataFrame
    quality: pd.DataFrame
    groups: pd.DataFrame
    shrunken: Shrunken | None
    scale: Standardised | None
    numerous: tuple[str, ...]
    compared: tuple[str, ...]

    @property
    def status(self) -> str:
        """ok, or not_estimable."""
        return str(self.outcome["status"])

    @property
    def reason(self) -> str:
        """Why the outcome, or a part of it, could not be estimated; empty where all could."""
        reason = self.outcome.get("reason")
        return told(str(reason)) if reason else ""


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
    question = question_of(network, name, summary)
    with network.speaking(), usable.held():
        models = model_records(question, records_of(question, usable), summary)
        with read_once(
            models.records,
            cells_of=models.question.all_columns,
            moments_of=models.question.widest_means,
            moments_by=("region/clinic",) if question.regions else (),
            rows_of=models.question.columns_of_means,
            from_rows=question.starts_within,
            groups=("clinic", "month"),
            exposure=question.exposure,
        ):
            return _estimate(models, network, question, summary)


def _estimate(
    models: ModelRecords, network: Network, question: OutcomeFormulas, summary: Summary
) -> OutcomeEstimates:
    records = models.records
    raw = raw_rows(question, summary)
    policy = network.policy_for(question.name)
    per_year = PER_YEAR[network.window.period]
    months, month_notes = rows_or_reason(lambda: clinic_months(question, summary, per_year))
    groups, group_notes = rows_or_reason(lambda: patient_groups(question, network, summary))
    row = _outcome_row(question, network, summary)
    if not row["n_clinics"]:
        return _not_estimable(question, row, raw, months, groups, coded("why.no_value"))
    try:
        family = attempted(lambda: family_of(question.outcome, question.null, records))
        question = replace(question, chosen=family)
        raw = raw_rows(question, summary)  # intervals follow the family
        models = replace(models, question=replace(models.question, chosen=family))
        under = attempted(lambda: program_by_month(question, records))
        worth = attempted(lambda: worth_of_records(question, records, summary, under))
        bent, worth = attempted(lambda: _adjusted(models, summary, worth, under))
        ranked, fit = attempted(lambda: _ranking(bent, worth))
        ways = attempted(lambda: fit_ways(ranked.question, ranked.records, worth))
        shrunken = attempted(lambda: clinic_effects(fit, ways, _regions(question, summary)))
        scale = attempted(
            lambda: replace(
                standardised(ranked.question, fit, ranked.question.ranking, ranked.records, ranked.certain),
                centre=shrunken.centre,
            )
        )
        again = summary.patients.get(question.name)
        modelled = attempted(lambda: model_rows(ranked.question, raw, shrunken, scale, policy, again))
    except SourceError:
        raise
    except ClinicnetError as problem:
        return _not_estimable(question, row, raw, months, groups, reason_of(problem, with_hint=True))
    row |= {"comparator_value": scale.typical, "adjusters": _adjusters(ranked.question, network)}
    beside, expected_notes = rows_or_reason(lambda: expected_figures(ranked.question, fit, shrunken))
    figures, notes = network_figures(question, ranked.question, records, summary, fit, shrunken, scale, worth)
    # the program's models know each month by itself, and lose the same rows
    kept = records if ranked.certain is None else without_levels(records, ranked.certain.where)
    program, program_notes = rows_or_reason(
        lambda: program_effects(replace(question, curved=ranked.question.curved), network, kept)
    )
    alone = coded("why.months_of_one_clinic") if question.months_of_one_clinic else None
    reasons = [
        *filter(None, [alone, ranked.note]),
        *month_notes,
        *group_notes,
        *expected_notes,
        *notes,
        *program_notes,
    ]
    if reasons:
        row["reason"] = joined(reasons)
    return OutcomeEstimates(
        question=question,
        outcome=row,
        clinics=pd.concat([raw, with_expected(modelled, beside)], ignore_index=True),
        figures=figures,
        effects=program,
        months=months,
        quality=ranked.quality,
        groups=groups,
        shrunken=shrunken,
        scale=scale,
        numerous=_numerous(modelled, policy),
        compared=_compared(modelled),
    )


def patient_groups(question: OutcomeFormulas, network: Network, summary: Summary) -> pd.DataFrame:
    """Rows of `patient_groups`: the outcome in the groups of every column that is divided."""
    frames = [
        group_rows(question.name, question.outcome, column, network.groups[column], grouped)
        for column, grouped in summary.groups.items()
        if question.name in grouped.moments
    ]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _adjusted(
    models: ModelRecords, summary: Summary, worth: Worth, program: pd.Series | None
) -> tuple[ModelRecords, Worth]:
    """Adjusters bent where records ask for it, and what records are worth beside what adjusters explain."""
    records = models.records
    bent = with_curves(without_patients(models.question, worth), records, summary, worth)
    question = replace(models.question, curved=bent.curved)
    worth = worth_once_adjusted(worth, question, records, summary, program)
    return replace(models, question=without_patients(question, worth)), worth


def _ranking(records: ModelRecords, worth: Worth) -> tuple[ModelRecords, LmmFit | GlmmFit]:
    """The ranking model, and the records it was fitted to: without those that only have infinite effects."""
    try:
        return records, fit_ranking(records.question, records.records, worth)
    except SeparatedError:
        kept = records.without_certain_rows()
        if kept.certain is None:
            raise
        return kept, fit_ranking(kept.question, kept.records, worth)


def records_of(question: OutcomeFormulas, usable: Records) -> Records:
    """The records an outcome is estimated from: the usable ones, or the clinics' months counted."""
    if not question.outcome.counts_records:
        return usable
    return clinic_month_counts(usable, question.response)


def _outcome_row(question: OutcomeFormulas, network: Network, summary: Summary) -> dict[str, object]:
    moments = summary.by_clinic(question.name)
    outcome = question.outcome
    return {
        "outcome": question.name,
        "label": outcome.label,
        "kind": outcome.kind,
        "unit": outcome.unit or ("%" if outcome.kind == "binary" else ""),
        "direction": outcome.direction,
        "adjusters": _adjusters(question, network),
        "comparator": say(_compared_with(question)),
        "important_difference": outcome.important_difference,
        "n_records": int(moments["total" if outcome.counts_records else "n"].sum()),
        "n_clinics": int((moments["n"] > 0).sum()),
        "status": "ok",
    }


def _regions(question: OutcomeFormulas, summary: Summary) -> dict[str, str] | None:
    """Clinic → its region, where there are some; clinics without one are a region together."""
    if not question.regions:
        return None
    clinics = summary.clinics[["clinic", "region"]].astype("string").fillna("")
    return dict(zip(clinics["clinic"], clinics["region"], strict=True))


def _compared_with(question: OutcomeFormulas) -> str:
    """Whose patients the typical clinic is told with: nobody's where nothing about them is adjusted for."""
    if question.outcome.counts_records:
        return "compared_with.typical_monthly"
    return "compared_with.typical" if question.outcome.adjusters else "compared_with.typical_unadjusted"


def _adjusters(question: OutcomeFormulas, network: Network) -> str:
    """Names of the columns, those that bend in words, and the kind of period."""
    return ", ".join(
        network.window.period
        if each in (MONTHS, MERGED_MONTHS)
        else say("term.curved", column=each)
        if each in question.curved
        else each
        for each in question.adjusters
    )


def _not_estimable(
    question: OutcomeFormulas,
    row: dict[str, object],
    raw: pd.DataFrame,
    months: pd.DataFrame,
    groups: pd.DataFrame,
    reason: str,
) -> OutcomeEstimates:
    nothing = pd.DataFrame()
    return OutcomeEstimates(
        question=question,
        outcome=row | {"status": "not_estimable", "reason": reason},
        clinics=raw,
        figures=nothing,
        effects=nothing,
        months=months,
        quality=nothing,
        groups=groups,
        shrunken=None,
        scale=None,
        numerous=(),
        compared=(),
    )


def _numerous(modelled: pd.DataFrame, policy: PolicySection) -> tuple[str, ...]:
    shrunken = modelled[modelled["form"] == "shrunken"]
    return tuple(shrunken.loc[has_enough_records(shrunken, policy), "clinic"])


def _compared(modelled: pd.DataFrame) -> tuple[str, ...]:
    shrunken = modelled[modelled["form"] == "shrunken"]
    usual = (shrunken["status"] == "ok") & shrunken["reason"].isna()
    return tuple(shrunken.loc[usual, "clinic"])
