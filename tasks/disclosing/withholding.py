"""What a release withholds: the whole decision, before a single value is masked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tasks.disclosing.correlation import MOST_DIGITS
from tasks.disclosing.counts import Booleans
from tasks.disclosing.effort import Effort
from tasks.release import Of

PRIMARY, SECONDARY = "suppressed_primary", "suppressed_secondary"

Status = Mapping[str, str]
"""Clinic or month → why it is withheld; what is not in it is shown."""


@dataclass(frozen=True)
class Withheld:
    """Whether small itself, and whether withheld at all.

    Attributes:
        small, all: (N,) of clinics or the network's months, or (N, M) of clinics' months.
    """

    small: Booleans
    all: Booleans

    def status(self, names: Sequence[str]) -> dict[str, str]:
        """Why each of the N is withheld, or any month of it, by name: no label says which month is small."""

        return {
            name: PRIMARY if np.any(small) else SECONDARY
            for name, small, gone in zip(names, self.small, self.all, strict=True)
            if np.any(gone)
        }

    def by_clinic(self, clinics: Sequence[str], months: Sequence[str]) -> dict[str, frozenset[str]]:
        """Clinic → its months that are withheld, where any is."""
        return {
            clinic: frozenset(month for month, gone in zip(months, row, strict=True) if gone)
            for clinic, row in zip(clinics, self.all, strict=True)
            if row.any()
        }


@dataclass(frozen=True)
class WithheldOfOutcome:
    """What is withheld of one outcome that is not rare in the whole network.

    Attributes:
        clinics: clinics whose figures of the whole window are withheld.
        series: clinics of which any month is.
        clinic_months: clinic → which of its months are.
        months: the network's months.
        totals: which of its own counts in the whole window the network does not tell to the last digit.
        correlation_digits: significant digits of its intraclass correlation; 0 withholds it.
        model_digits: significant digits of all that its models give; 0 withholds it, and None leaves what is
            declared.
        related: whether a status that says small may say it of an outcome that this one adds up with.
        models_apart: whether its models must be of the clinics alone that are shown: whoever has the others'
            counts could fit those of all again, and find what is withheld.
        clustering_apart: whether what is made of clinics' sizes and events, such as the intraclass
            correlation, must be of the clinics alone that are shown.
        effects_apart: whether the program's effects must be of the clinics alone of which nothing is
            withheld, not a month.
    """

    clinics: Status
    series: Status
    clinic_months: Mapping[str, frozenset[str]]
    months: Status
    totals: Of = Of.NOTHING
    correlation_digits: int = MOST_DIGITS
    model_digits: int | None = None
    related: bool = False
    models_apart: bool = False
    clustering_apart: bool = False
    effects_apart: bool = False

    @property
    def in_part(self) -> frozenset[str]:
        """Clinics of which anything is withheld, be it a month."""
        return frozenset({*self.clinics, *self.series})

    @property
    def anything_apart(self) -> bool:
        """Whether anything must be estimated without some of the clinics."""
        return self.models_apart or self.clustering_apart or self.effects_apart

    @property
    def any_clinic(self) -> bool:
        """Whether anything of a clinic is withheld."""
        return bool(self.clinics or self.series)


EffectKey = tuple[str, str, str, str, str]
"""The key of a row of `program_effects`."""
QualityKey = tuple[str, str]
"""The key of a row of `quality`: rule and clinic."""


@dataclass(frozen=True)
class WithheldEffects:
    """Rows of `program_effects`.

    Attributes:
        estimates: those withheld, and why.
        parts: those that rest on a part of the clinics, of which the sizes alone are withheld.
    """

    estimates: Mapping[EffectKey, str] = field(default_factory=dict)
    parts: frozenset[EffectKey] = frozenset()


@dataclass(frozen=True)
class WithheldQuality:
    """Rows of `quality`.

    Attributes:
        left_out: those that are not there at all.
        found: those whose counts are withheld, and why.
    """

    left_out: frozenset[QualityKey] = frozenset()
    found: Mapping[QualityKey, str] = field(default_factory=dict)


GroupsKey = tuple[str, str]
"""Groups of patients: outcome and column."""


@dataclass(frozen=True)
class WithheldGroups:
    """Groups of one column in one outcome, by code.

    Attributes:
        sizes: those whose number of records is withheld.
        events: those of which everything else is.
    """

    sizes: Status
    events: Status


@dataclass(frozen=True)
class Withholding:
    """Everything that a release withholds.

    Attributes:
        sizes: clinics whose number of records is withheld.
        patients: clinics of which only the number of patients is.
        outcomes: outcome → what is withheld of it; None where the network itself has a small number of it,
            which every figure would tell.
        effects, quality: rows of those tables.
        effort: what it took to decide.
        groups: (outcome, column) → what is withheld of groups of patients.
    """

    sizes: Status
    patients: frozenset[str]
    outcomes: Mapping[str, WithheldOfOutcome | None]
    effects: WithheldEffects
    quality: WithheldQuality
    effort: Effort
    groups: Mapping[GroupsKey, WithheldGroups] = field(default_factory=dict)

    @property
    def all_outcomes(self) -> bool:
        """Whether every outcome is withheld: then nothing may tell how many records the network has."""
        return all(each is None for each in self.outcomes.values())

    @property
    def model_digits(self) -> dict[str, int]:
        """Outcome → digits of what its models give, where fewer than declared may be told."""
        return {
            name: each.model_digits
            for name, each in self.outcomes.items()
            if each is not None and each.model_digits is not None
        }

    @property
    def totals(self) -> Of:
        """Which of its own counts the network does not tell of some outcome."""
        of = Of.NOTHING
        for each in self.outcomes.values():
            of |= Of.NOTHING if each is None else each.totals
        return of

    def shows(self, outcome: str, clinic: str) -> bool:
        """Whether a clinic's figure of an outcome may be seen, if it has one."""
        of_outcome = self.outcomes[outcome]
        return of_outcome is not None and clinic not in of_outcome.clinics

    def any_clinic_of(self, clinic: str) -> str | None:
        """Why something of a clinic is withheld, whatever it is of; None where nothing is."""
        for each in self.outcomes.values():
            if each is None:
                return SECONDARY
            if clinic in each.clinics or clinic in each.series:
                return each.clinics.get(clinic, each.series.get(clinic))
        return self.sizes.get(clinic)
