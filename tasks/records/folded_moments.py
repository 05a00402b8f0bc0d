"""Moments in which the levels of the finest group are folded into what they sit in: no number per patient.

Patients who differ from one another by an effect of their own (a random intercept) take part in a Gaussian
likelihood by their sums alone: with s_i = Σ (v − r) over the rows of patient i, of whom there are n_i,

    log|V| has Σ_i log(1 + d n_i),    v'V⁻¹v has Σ v v' − Σ_i s_i s_i' d/(1 + d n_i),

so that all patients of one clinic with the same number of rows are told by how many they are and by
Σ s_i s_i' (between-group sums of squares, as an analysis of variance has them; Searle, Casella & McCulloch
1992 *Variance Components* §4.6); and of those only the products with a column that has an effect of the
clinic's are told clinic by clinic. What is kept grows with clinics, not with patients.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.records.moments import Moments

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, repr=False)
class FoldedMoments:
    """Moments by all grouping factors but the finest, and what is to be known of its levels.

    Attributes:
        moments: of all rows, per combination of the other factors' levels (one group, without any).
        group: the finest factor, as lme4 names it; each of its levels lies in one such combination.
        within: (K,) for each class of levels, the combination they lie in (position in `moments.codes`).
        rows: (K,) how many rows each level of the class has.
        levels: (K,) how many levels are in the class.
        effects: the e columns that other factors have effects of, the constant first.
        sums: (K, e, q) Σ s_e s' over the class, s the sum of a level's rows about `moments.reference`; that
            of the constant is the number of rows, so that `sums[:, 0, 0]` is levels · rows².
        sizes: (S,) the numbers of rows that levels have.
        pooled: (S, q, q) Σ s s' over all levels of that many rows.
    """

    moments: Moments
    group: str
    within: Integers
    rows: Floats
    levels: Floats
    effects: Integers
    sums: Floats
    sizes: Floats
    pooled: Floats

    def __repr__(self) -> str:
        """Sizes only."""
        return f"FoldedMoments({self.n_levels:,} levels of {self.group} in {len(self.rows):,} classes)"

    @property
    def n_levels(self) -> int:
        """Levels of the finest factor."""
        return round(float(self.levels.sum()))
