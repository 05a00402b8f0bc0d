"""What earlier releases tell about a new one: counts they show, and counts that follow from a difference.

Windows overlap from month to month. Two things would undo what one release withholds:

- a count that an earlier release shows is known, whatever this one withholds: it protects nothing;
- two windows of a clinic differ by the months that are new less the months that were dropped. If one of
  those is small, the difference may give it away, and the clinic's window stays withheld until more months
  have come.

What follows from more than a difference, from the sums of all releases together, is `together`'s.

Not guarded: what came late. A month stated anew differs from its first statement by the records that came
in between, and both are published; withholding every clinic with a few late records would withhold most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tasks.disclosing.grid import Booleans, Column, Floats, Tables
from tasks.disclosing.policy import SmallNumberPolicy


@dataclass(frozen=True)
class Told:
    """One column's counts in a new release, and what earlier ones tell of them.

    Attributes:
        window: (C,) counts of the new release.
        months: clinics × months of the new release.
        before: for each earlier release, its windows (C,) and clinics × months as it shows them.
    """

    window: Floats
    months: pd.DataFrame
    before: Sequence[tuple[Floats, pd.DataFrame]]

    @classmethod
    def of(cls, earlier: Sequence[Tables], now: Tables, column: Column, clinics: tuple[str, ...]) -> Told:
        """Look the column up in every release."""
        return cls(
            column.windows(now, clinics),
            column.months(now, clinics),
            [(column.windows(release, clinics), column.months(release, clinics)) for release in earlier],
        )

    def known(self) -> Booleans:
        """(C, 1 + M) counts of the window and of its months that an earlier release shows."""
        known = np.zeros((len(self.window), 1 + self.months.shape[1]), dtype=bool)
        for window, months in self.before:
            if list(months.columns) == list(self.months.columns):
                known[:, 0] |= ~np.isnan(window)
            known[:, 1:] |= months.reindex(columns=self.months.columns).notna().to_numpy()
        return known

    def by_difference(
        self, policy: SmallNumberPolicy, series_shown: Booleans
    ) -> tuple[Booleans, Floats, Floats]:
        """Windows whose difference from one shown before would tell a small count.

        Args:
            policy: the small-number policy.
            series_shown: (C,) clinics whose months the new release may show.

        Returns:
            (C,) the clinics, and how far below and above its window each may be believed to be once it is
            withheld.
        """
        told = np.zeros(len(self.window), dtype=bool)
        below, above = np.zeros((2, len(self.window)))
        for window, months in self.before:
            fresh = self.months.drop(columns=months.columns, errors="ignore")
            dropped = [month for month in months.columns if month not in self.months.columns]
            if fresh.empty and not dropped:
                continue
            change = self.window - window
            new = fresh.sum(axis=1).to_numpy(dtype=float)
            # without months dropped, all of the change is new, whatever came late with it
            new = new if dropped else np.abs(change)
            old = new - change if dropped else np.zeros(len(change))
            old_known = np.all([self._shown(month) for month in dropped], axis=0) | (old == 0)
            tells_new = policy.is_small(new) & old_known & ~np.isnan(change)
            tells_old = policy.is_small(old) & ~old_known & (series_shown | fresh.empty) & ~np.isnan(change)
            below = np.where(tells_new, new - policy.low, np.where(tells_old, policy.high - old, below))
            above = np.where(tells_new, policy.high - new, np.where(tells_old, old - policy.low, above))
            told |= tells_new | tells_old
        return told, below, above

    def _shown(self, month: str) -> Booleans:
        """(C,) clinics whose count of that month stands in an earlier release."""
        shown = [months[month].notna().to_numpy() for _, months in self.before if month in months.columns]
        return np.asarray(np.any(shown, axis=0), dtype=np.bool_)
