"""At how many clinics a program's records lie: what an effect over all clinics then takes for granted.

An effect over the whole population is of all clinics, and the records under the program may be of very few.
Of the others it says what the program would do there, if it did the same.

No sentence gets a number from here: who has the program is in no table, and the share of records under it at
one clinic would bound the counts of the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.estimating.outcome_formulas import OutcomeFormulas
from tasks.estimating.program_rows import PROGRAM
from tasks.models import ProgramEffect
from tasks.models.program_effects.program_data import FEWEST_SWITCHING
from tasks.records import Records, cells_for, moments_for

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

FEW = float(FEWEST_SWITCHING)
"""Clinics, in effect, below which records under the program do not tell how its effect varies among them:
as many as a mixed model of the program needs for that."""
MUCH = 0.25
"""Share of all records above which clinics with little of the program, or none, weigh in the average."""


@dataclass(frozen=True)
class ProgramReach:
    """Where the records under a program lie, among those that its effect is averaged over.

    Attributes:
        effective: how many clinics with equally many records under the program would be as concentrated
            (Kish's Σ² over Σ of squares).
        largest: share of the records under the program that are of one clinic.
        beyond: share of all records that are of other clinics than the `effective` with most of them.
        never: share of all records that are of clinics without any.
    """

    effective: float
    largest: float
    beyond: float
    never: float

    @classmethod
    def of(cls, records: Floats, under: Floats) -> ProgramReach | None:
        """From each clinic's records, and those under the program; None where there are none of either."""
        if not records.sum() > 0.0 or not under.sum() > 0.0:
            return None
        shares = np.sort(under / under.sum())[::-1]
        effective = float(1.0 / np.square(shares).sum())
        most = np.argsort(-under, kind="stable")[: max(1, round(effective))]
        return cls(
            effective=effective,
            largest=float(shares[0]),
            beyond=1.0 - float(records[most].sum() / records.sum()),
            never=float(records[under == 0.0].sum() / records.sum()),
        )

    @property
    def condition(self) -> str | None:
        """A key of `effect_condition` in the wording; None where the program came to clinics at large."""
        if self.effective < FEW and self.beyond > MUCH:
            return "one_clinic" if self.largest > 0.5 else "few_clinics"
        return "never" if self.never > MUCH else None


def reach_of(question: OutcomeFormulas, records: Records) -> str | None:
    """The condition of a program that single patients have, from the records with a value of the outcome."""
    formula = f"{question.response} ~ {PROGRAM}"
    if question.mean_family == "gaussian":
        _, moments = moments_for(formula, records, groups=("clinic",))
        place = moments.columns.index(PROGRAM)
        under = moments.products[:, 0, place] + moments.reference[place] * moments.n
        return _condition(moments.codes[:, 0], moments.n, under)
    design, cells = cells_for(formula, records, groups=("clinic",))
    under = cells.weight * cells.fixed[:, design.fixed.index(PROGRAM)]
    return _condition(cells.codes[:, 0], cells.weight, under)


def reach_of_rollout(found: ProgramEffect) -> str | None:
    """The condition of a program that came to whole clinics, from what its models were fitted to."""
    moments = found.data.moments
    under = moments.n * found.data.running(moments.codes)[:, 0]
    return _condition(moments.codes[:, 0], moments.n, under)


def _condition(clinics: Integers, rows: Floats, under: Floats) -> str | None:
    """From groups of records: the clinic of each, how many there are, and how many under the program."""
    # sums about a reference leave rounding where there is nothing
    of_all, of_program = (np.round(np.bincount(clinics, each)).astype(np.float64) for each in (rows, under))
    found = ProgramReach.of(of_all, of_program)
    return None if found is None else found.condition
