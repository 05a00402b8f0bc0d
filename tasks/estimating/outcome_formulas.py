"""The formulas that one outcome is estimated by, in the analyst's own notation."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tasks.estimating.outcome_family import Family, MeanFamily, mean_family
from tasks.estimating.summary import COME_AGAIN, Summary
from tasks.network.outcome_section import OutcomeSection
from tasks.network.schema import Network

MONTHS = "C(month)"
MERGED_MONTHS = "C(merged_month)"
"""Months where sparse ones share the effect of a neighbour."""
CURVE = "ns({}, df=3)"
"""A continuous adjuster that bends."""


@dataclass(frozen=True, slots=True)
class OutcomeFormulas:
    """One outcome as formulas.

    Attributes:
        name: the outcome's name in the network file.
        outcome: its description.
        response: left-hand side, e.g. `log(hours)`.
        adjusters: terms adjusted for, months included where the window has several.
        program: column of the program exposure; None where there is none or it cannot bear on the outcome.
        patients: the random term of patients who come again, or empty: visits of one patient are alike, and a
            clinic of few patients with many visits knows less than its visits suggest.
        regions: whether the network has regions.
        rollout: whether the program starts clinic by clinic (so that time and program must be told apart).
        starts_within: whether it started somewhere within a period, rather than on a period's first day.
        months_of_one_clinic: whether each of the window's several months has values of one clinic only. What
            sets months apart then sets clinics apart too, so months are not adjusted for.
        chosen: the outcome's family, once it has been chosen by the records.
        curved: continuous adjusters that the records have bent into natural splines.
    """

    name: str
    outcome: OutcomeSection
    response: str
    adjusters: tuple[str, ...]
    program: str | None
    patients: str
    regions: bool
    rollout: bool
    starts_within: bool = False
    months_of_one_clinic: bool = False
    chosen: Family | None = None
    curved: tuple[str, ...] = ()

    @property
    def mean_family(self) -> MeanFamily:
        """The family whose mean the outcome has, for GEE and fixed effects."""
        return mean_family(self.outcome.kind)

    @property
    def family(self) -> Family:
        """The outcome's distribution in mixed models; of counts a Poisson until another is chosen."""
        return self.chosen or self.outcome.family or self.mean_family

    @property
    def null(self) -> str:
        """No adjusters: how much clinics differ, all told."""
        return f"{self.response} ~ 1 + (1 | clinic)"

    @property
    def ranking(self) -> str:
        """Clinics given their patients; the program is part of what a clinic does, not adjusted for."""
        return f"{self.ranking_fixed}{self.patients} + (1 | clinic)"

    @property
    def ranking_fixed(self) -> str:
        """The same without random effects: the adjusters alone."""
        return self._fixed(self.adjusters)

    @property
    def with_program(self) -> str:
        """The ranking model with the program beside the adjusters."""
        return f"{self.fixed_with_program}{self.patients} + (1 | clinic)"

    @property
    def program_with_patients(self) -> str:
        """The same with what clinics' months and their own effects of the program are alike in."""
        months = " + (1 | clinic:month)" if MONTHS in self.adjusters else ""
        return f"{self.fixed_with_program}{self.patients} + (1 + {self.program} || clinic){months}"

    @property
    def fixed_with_program(self) -> str:
        """The same without random effects, for GEE and within."""
        return self._fixed((self.program or "program", *self.adjusters))

    @property
    def without_months(self) -> str:
        """Outcome and patients' adjusters alone, for estimators that bring the months' effects themselves."""
        return self._fixed(tuple(each for each in self.adjusters if each not in (MONTHS, MERGED_MONTHS)))

    @property
    def all_columns(self) -> str | None:
        """A formula with every column that cells are made of; None where sums are enough for all models."""
        if self.mean_family == "gaussian":  # of clinics' months only whether they have the program
            return f"{self.program} ~ 1" if self.program else None
        adjusters = tuple(each for each in self.adjusters if each != MONTHS)
        straight = replace(self, curved=())
        return straight._fixed((*([self.program] if self.program else []), *adjusters))

    @property
    def widest_means(self) -> str | None:
        """The formula of a mean whose moments most of its models' follow from; None for other outcomes."""
        if self.mean_family != "gaussian":
            return None
        return self.ranking if self.rollout or self.program is None else self.with_program

    @property
    def columns_of_means(self) -> str | None:
        """A formula with every column that a mean's moments are of; None for other outcomes.

        Of patients only where a model of the program may have them beside clinics' months.
        """
        if self.mean_family != "gaussian":
            return None
        terms = dict.fromkeys([*([self.program] if self.program else []), *self.adjusters, MONTHS])
        groups = " + (1 | region) + (1 | clinic)" if self.regions else " + (1 | clinic)"
        patients = self.patients if self.program and not self.rollout else ""
        return f"{replace(self, curved=())._fixed(tuple(terms))}{groups}{patients}"

    @property
    def exposure(self) -> str | None:
        """The column with the exposure of counts."""
        return self.outcome.exposure

    @property
    def adjusting_columns(self) -> tuple[str, ...]:
        """The records' columns behind the adjusters."""
        columns = {MONTHS: "month", MERGED_MONTHS: "merged_month"}
        return tuple(columns.get(each, each) for each in self.adjusters)

    def _fixed(self, terms: tuple[str, ...]) -> str:
        written = [CURVE.format(each) if each in self.curved else each for each in terms]
        return f"{self.response} ~ {' + '.join(written) if terms else '1'}"


def question_of(network: Network, name: str, summary: Summary) -> OutcomeFormulas:
    """The formulas of an outcome.

    Months are adjusted for where the window has several, and one of them has values of two clinics.

    Args:
        network: the network's description.
        name: the outcome's name.
        summary: the window's moments.
    """
    outcome = network.outcomes[name]
    column = outcome.column or name
    adjusters = outcome.adjusters if not outcome.counts_records else ()
    alone = len(summary.months) > 1 and not summary.shares_a_month(name)
    if len(summary.months) > 1 and not alone:
        adjusters = (*adjusters, MONTHS)
    program = network.program
    return OutcomeFormulas(
        name=name,
        outcome=outcome,
        response=f"log({column})" if outcome.scale == "log" else column,
        adjusters=adjusters,
        program="program" if program is not None and not outcome.counts_records else None,
        patients=_patients(name, outcome, summary),
        regions=bool(summary.clinics["region"].nunique() > 1),
        rollout=program is not None and program.starts is not None,
        starts_within=network.starts_within,
        months_of_one_clinic=alone,
    )


def _patients(name: str, outcome: OutcomeSection, summary: Summary) -> str:
    if outcome.kind != "continuous":
        return ""
    if outcome.patient_slopes:
        return " + (1 + period | patient)"
    return " + (1 | patient)" if summary.returning.get(name, 0.0) > COME_AGAIN else ""
