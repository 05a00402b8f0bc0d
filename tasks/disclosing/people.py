"""How many people stand behind counts: what the policy says of records it says of patients as well.

A clinic's hundred and eighty records may be one patient's, and their mean that patient's mean. How many
people there are is not published beside figures; it decides what is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tasks.disclosing.counts import Booleans, Floats
from tasks.disclosing.policy import SmallNumberPolicy

ALL_RECORDS = ""
"""Stands for all records of a clinic, where an outcome's name would stand."""
WINDOW = ""
"""Stands for the whole window, where a month would stand."""


@dataclass(frozen=True)
class People:
    """Patients by outcome, clinic and month.

    Attributes:
        table: `outcome` (`ALL_RECORDS` for any record), `clinic`, `month` (`WINDOW` for all together), and
            how many patients have a value (`people`), an event (`with_event`), a value without one
            (`without_event`), a value under the program (`exposed`) and one without it (`unexposed`). Empty
            where records are all that is known.
    """

    table: pd.DataFrame

    @classmethod
    def unknown(cls) -> People:
        """Nothing is known but records."""
        return cls(pd.DataFrame())

    @property
    def known(self) -> bool:
        """Whether there is anything to go by."""
        return not self.table.empty

    def counts(self, outcome: str, side: str, clinics: Sequence[str], months: Sequence[str]) -> Floats:
        """(C, 1 + M) people on one side of an outcome, the window first; NaN where nobody is counted."""
        found = np.full((len(clinics), 1 + len(months)), np.nan)
        if not self.known:
            return found
        mine = self.table[self.table["outcome"] == outcome]
        row = pd.Index(clinics).get_indexer(pd.Index(mine["clinic"]))
        column = pd.Index([WINDOW, *months]).get_indexer(pd.Index(mine["month"]))
        there = (row >= 0) & (column >= 0)
        found[row[there], column[there]] = mine[side].to_numpy(dtype=np.float64)[there]
        return found

    def without(self, clinics: Collection[str]) -> People:
        """Those of the other clinics."""
        return People(self.table[~self.table["clinic"].isin(clinics)]) if clinics else self

    def few(
        self,
        policy: SmallNumberPolicy,
        outcome: str,
        side: str,
        clinics: Sequence[str],
        months: Sequence[str],
    ) -> tuple[Booleans, Booleans]:
        """(C, 1 + M) cells and (1 + M,) of the network in which one to a few people are on that side."""
        people = self.counts(outcome, side, clinics, months)
        return policy.is_small(people), policy.is_small(np.nansum(people, axis=0))
