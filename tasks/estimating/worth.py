"""What a clinic's records are worth: less than unrelated ones where a month's or a patient's are alike."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace

import pandas as pd

from tasks.estimating.outcome_formulas import OutcomeFormulas
from tasks.estimating.summary import Summary
from tasks.models import glmm
from tasks.models.clinics.adjusted_months import AdjustedMonths, adjusted_counts, adjusted_means
from tasks.models.clinics.alike_records import Alike, PossibleShocks, month_shocks, patients_alike
from tasks.records import Records, cells_for
from tasks.records.questions.patients_by_months import patients_by_months


@dataclass(frozen=True)
class Worth:
    """Design effects of clinics' own figures.

    Attributes:
        months: SD of the shocks of clinics' months, on the scale of the link; 0 where there are none.
        lasting: correlation of the shocks of neighbouring months; 0 where they come anew.
        patients: correlation of a patient's records; 0 where there is none, or a model has it.
        factor: clinic → design effect of both.
        again: clinic → design effect of patients alone.
        possible: each way in which shocks may last, with the design effect of both; empty where they do not.
        untold: whether records neither show shocks that last nor refute them.
        pairs: sums over patients who come in two months, or twice in one; None where hardly anybody does.
    """

    months: float
    lasting: float
    patients: float
    factor: pd.Series
    again: pd.Series
    possible: tuple[PossibleShocks, ...] = ()
    untold: bool = False
    pairs: pd.DataFrame | None = field(default=None, repr=False)

    @property
    def ways(self) -> tuple[tuple[PossibleShocks, Worth], ...]:
        """Each way in which shocks may last, and what records are worth then."""
        return tuple((each, replace(self, factor=each.factor, possible=())) for each in self.possible)

    @property
    def without_shocks(self) -> Worth:
        """What they would be worth without any shocks: patients come again all the same."""
        return replace(self, months=0.0, lasting=0.0, factor=self.again, possible=())

    @property
    def design_effects(self) -> dict[Hashable, float] | None:
        """Clinic → design effect; None where records are worth what they are."""
        if not (self.factor > 1.0).any():
            return None
        return {str(clinic): float(each) for clinic, each in self.factor.items()}


def program_by_month(question: OutcomeFormulas, records: Records) -> pd.Series | None:
    """(clinic, month) → share of its records under the program; None without one."""
    if question.program is None:
        return None
    _, cells = cells_for(f"{question.program} ~ 1", records, groups=("clinic", "month"))
    frame = pd.DataFrame(
        {
            "clinic": [str(cells.levels[0][each]) for each in cells.codes[:, 0]],
            "month": [str(cells.levels[1][each]) for each in cells.codes[:, 1]],
            "under": cells.total,
            "records": cells.weight,
        }
    )
    sums = frame.groupby(["clinic", "month"])[["under", "records"]].sum()
    return sums["under"] / sums["records"]


def worth_of_records(
    question: OutcomeFormulas, records: Records, summary: Summary, program: pd.Series | None = None
) -> Worth:
    """What the records of each clinic are worth for an outcome.

    Months of a clinic are held to the clinic's own level and the month's; what they vary by beyond that is
    not the clinic's, and says nothing about it, whether it comes anew each month or lasts some months. Counts
    of records by month are months already.

    Args:
        question: the outcome's formulas, its family chosen.
        records: the records, of which sums by patient are asked where patients come again.
        summary: the window's moments.
        program: (clinic, month) → share of its records under the program.
    """
    alone = _alone(summary, question)
    if question.outcome.counts_records:
        return Worth(0.0, 0.0, 0.0, alone, alone)
    found, pairs = Alike(0.0, alone), None
    if len(summary.months) > 1:
        pairs = _patients_by_months(question, records) if question.name in summary.patients else None
        found = _shocks(question, summary, pairs, program)
    patients, again = 0.0, alone
    if question.outcome.kind != "continuous":
        alike = alike_patients(question, summary, _size(question, records, summary))
        patients, again = alike.strength, alike.factor
    return _worth(question, summary, found, Worth(0.0, 0.0, patients, again, again, pairs=pairs))


def worth_once_adjusted(
    worth: Worth,
    question: OutcomeFormulas,
    records: Records,
    summary: Summary,
    program: pd.Series | None = None,
) -> Worth:
    """The same where patients are adjusted for: next to what adjusters explain, shocks can go unseen.

    Args:
        worth: what the records are worth as they are.
        question: the outcome's formulas, its adjusters bent.
        records: the records.
        summary: the window's moments.
        program: (clinic, month) → share of its records under the program.

    Raises:
        SourceError: the database went away.
        EstimationError: no record has all adjusters.
    """
    if not question.outcome.adjusters or question.outcome.counts_records or len(summary.months) < 2:
        return worth
    formula = question.without_months
    if question.mean_family == "gaussian":
        adjusted = adjusted_means(formula, records)
    else:
        adjusted = adjusted_counts(
            formula,
            records,
            question.mean_family,
            exposure=question.exposure,
            overdispersed=question.family == "negative-binomial",
        )
    return _worth(question, summary, _shocks(question, summary, worth.pairs, program, adjusted), worth)


def _alone(summary: Summary, question: OutcomeFormulas) -> pd.Series:
    clinics = sorted(summary.outcomes[question.name]["clinic"].unique())
    return pd.Series(1.0, index=pd.Index(clinics, name="clinic"))


def _shocks(
    question: OutcomeFormulas,
    summary: Summary,
    pairs: pd.DataFrame | None,
    program: pd.Series | None,
    adjusted: AdjustedMonths | None = None,
) -> Alike:
    return month_shocks(
        summary.outcomes[question.name],
        question.outcome.kind,
        overdispersed=question.family == "negative-binomial",
        pairs=pairs,
        program=program,
        adjusted=adjusted,
    )


def _worth(question: OutcomeFormulas, summary: Summary, found: Alike, known: Worth) -> Worth:
    """Shocks of months and what patients cost together."""
    patients, again = known.patients, known.again
    if question.outcome.kind == "continuous":
        patients, again = 0.0, _alone(summary, question)
        # a mean's model has an effect of each patient, unless months have shocks that it knows nothing of
        if found.strength > 0.0 and question.patients:
            alike = alike_patients(question, summary)
            patients, again = alike.strength, alike.factor
    return Worth(
        found.strength,
        found.lasting,
        patients,
        found.factor + again - 1.0,
        again,
        tuple(replace(each, factor=each.factor + again - 1.0) for each in found.possible),
        found.untold,
        known.pairs,
    )


def without_patients(question: OutcomeFormulas, worth: Worth) -> OutcomeFormulas:
    """The formulas of the model that clinics are compared by: without patients where records are weighed."""
    return replace(question, patients="") if worth.months > 0.0 else question


def _patients_by_months(question: OutcomeFormulas, records: Records) -> pd.DataFrame:
    outcome = question.outcome
    return patients_by_months(
        records, outcome.column or question.name, log=outcome.scale == "log", exposure=outcome.exposure
    )


def alike_patients(question: OutcomeFormulas, summary: Summary, size: float | None = None) -> Alike:
    """What patients who come again cost the clinics' own figures.

    Args:
        question: the outcome's formulas.
        summary: the window's moments.
        size: of the negative binomial that records are weighed in; None: of another family.
    """
    by_clinic = summary.by_clinic(question.name)
    if question.name not in summary.patients:
        return Alike(0.0, pd.Series(1.0, index=by_clinic.index))
    if question.outcome.kind == "continuous":
        by_clinic = by_clinic.assign(total=by_clinic["n"] * by_clinic["mean"], exposure=by_clinic["n"])
    moments = by_clinic.assign(record_variance=_variance(question, by_clinic, size).fillna(0.0))
    found = patients_alike(summary.patients[question.name], moments)
    return Alike(found.strength, found.factor.reindex(by_clinic.index, fill_value=1.0))


def _size(question: OutcomeFormulas, records: Records, summary: Summary) -> float | None:
    """The size of the negative binomial that counts of patients who come again are modelled by."""
    if question.family != "negative-binomial" or question.name not in summary.patients:
        return None
    return glmm(question.null, records, family=question.family, exposure=question.outcome.exposure).size


def _variance(question: OutcomeFormulas, by_clinic: pd.DataFrame, size: float | None) -> pd.Series:
    """Of a record (of a unit of exposure) of each clinic, as the family has it.

    A negative binomial's is what the model takes it for, μ + μ²/size (Lawless 1987, Can J Stat 15:209), not
    what counts vary by: what patients' sums vary by beyond it is not in the model, whatever it is.
    """
    if question.outcome.kind == "continuous":
        return by_clinic["squares"] / by_clinic["n"].where(by_clinic["n"] > 0)
    mean = by_clinic["total"] / by_clinic["exposure"].where(by_clinic["exposure"] > 0)
    if question.outcome.kind == "binary":
        return mean * (1.0 - mean)
    if size is None:
        return mean
    return mean * (1.0 + by_clinic["total"] / by_clinic["n"].where(by_clinic["n"] > 0) / size)
