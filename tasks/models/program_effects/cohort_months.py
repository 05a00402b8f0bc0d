"""A program's effect by cohort and month: what each group of clinics that started together had in each month.

An average over the months since the start takes the effect to be alike whenever a clinic started. A separate
effect of every cohort in every month takes nothing of the kind: what a cohort would have had without the
program is told from its own months before the start and from clinics that had not started yet (Callaway &
Sant'Anna 2021, J Econometrics 225:200; in a model with effects of clinics and periods Wooldridge 2021, SSRN
3906345; Borusyak, Jaravel & Spiess 2024, Rev Econ Stud 91:3253). Averages of these effects then weigh them as
a reader would, and never with a negative weight.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.errors import EstimationError
from tasks.models.program_effects.rollout import Rollout

Floats = NDArray[np.float64]
AVERAGES: Mapping[str, str] = {
    "since-start": "each month since the start counts alike",
    "calendar": "each month of the calendar counts alike",
    "clinic-months": "each month of a clinic counts alike",
}


class TrendNotToldError(EstimationError):
    """Whether early starters had a trend of their own cannot be told from the program's effects."""

    def __init__(self) -> None:
        super().__init__(
            "whether clinics that started early were changing differently before their start cannot be told",
            hint="a window that begins earlier, with several periods before the first start, can tell",
        )


@dataclass(frozen=True, slots=True)
class CohortMonth:
    """One month of the clinics that started together.

    Attributes:
        column: the name of its indicator.
        start: the month in which they started.
        month: position of the period.
        clinics: how many of them were seen in it.
        told: whether they were seen before their start, and clinics without the program beside them.
    """

    column: str
    start: float
    month: float
    clinics: int
    told: bool

    @property
    def since(self) -> float:
        """Months since the start."""
        return self.month - self.start

    def among(self, rollout: Rollout) -> Floats:
        """(K, T) 1 where a clinic's period is this one."""
        return np.outer(rollout.start == self.start, rollout.months == self.month).astype(float)


def cohort_months(rollout: Rollout, program: str) -> tuple[CohortMonth, ...]:
    """Every month from its start on in which a cohort was seen, by start and month.

    Args:
        rollout: the program's start by clinic.
        program: what columns' names begin with.
    """
    there = ~np.isnan(rollout.program)
    before = np.any(there & (rollout.since < 0.0), axis=1)
    without = np.any(there & (rollout.since < 0.0), axis=0)
    found = []
    for start in np.unique(rollout.start[rollout.ever]):
        cohort = rollout.start == start
        for t in np.flatnonzero(rollout.months >= start):
            seen = int(np.sum(cohort & there[:, t]))
            if seen:
                told = bool(without[t] and np.any(cohort & before & there[:, t]))
                month = float(rollout.months[t])
                name = f"{program}[{start - rollout.months[0]:g},{month - rollout.months[0]:g}]"
                found.append(CohortMonth(name, float(start), month, seen, told))
    return tuple(found)


def weights_of(cells: Sequence[CohortMonth], average: str) -> dict[str, float]:
    """Column → weight of the average of the effects that can be told; a cell's clinics count alike.

    Args:
        cells: those whose effects can be told.
        average: a key of AVERAGES.
    """
    groups: dict[float, list[CohortMonth]] = {}
    for each in cells:
        alike = {"since-start": each.since, "calendar": each.month, "clinic-months": 0.0}
        groups.setdefault(alike[average], []).append(each)
    return {
        each.column: each.clinics / sum(other.clinics for other in group) / len(groups)
        for group in groups.values()
        for each in group
    }
