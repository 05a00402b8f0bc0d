"""What a program came to at once: to each clinic by itself, or to all clinics of a region.

Where whole regions start together, what else happens in a region at that time cannot be told from the
program within it: regions are the sample, however many clinics they have (Murray 1998, Design and Analysis of
Group-Randomized Trials; Cameron & Miller 2015, J Human Resources 50:317, on the level to cluster at).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.errors import EstimationError
from tasks.models.program_effects.rollout import Rollout

Integers = NDArray[np.int64]

FEWEST_REGIONS = 8
"""Of regions that a program came to one by one: with fewer, no interval of its effect holds what it says."""


class TooFewRegionsError(EstimationError):
    """A program came to so few regions that its effect cannot be told; `regions`: how many."""

    def __init__(self, regions: int) -> None:
        super().__init__(
            f"the program came to whole regions at once, and {regions} regions are too few to tell its "
            "effect from what else happened in them",
            hint=f"{FEWEST_REGIONS} regions or more, or clinics that start one by one, can tell",
        )
        self.regions = regions


@dataclass(frozen=True)
class RolloutUnit:
    """The units of a rollout.

    Attributes:
        name: what a unit is called: the clinics' column, or the regions'.
        labels: the units.
        codes: (K,) unit of each clinic.
        is_region: whether units are regions of several clinics.
    """

    name: str
    labels: tuple[Hashable, ...]
    codes: Integers
    is_region: bool

    @property
    def are_too_few(self) -> bool:
        """Whether an effect cannot be told from what else happened in a handful of regions."""
        return self.is_region and len(self.labels) < FEWEST_REGIONS


def unit_of(
    rollout: Rollout, clinic: str, region: str | None, regions: Mapping[Hashable, Any] | None
) -> RolloutUnit:
    """The regions, where all clinics of each started together and regions started apart; else the clinics.

    Args:
        rollout: the start of each clinic.
        clinic: the clinics' column.
        region: the regions' column; None where there are none.
        regions: clinic → its region.
    """
    own = RolloutUnit(clinic, rollout.clinics, np.arange(len(rollout.clinics)), False)
    if region is None or regions is None:
        return own
    of_clinics = [str(regions.get(label, "")) for label in rollout.clinics]
    labels, codes = np.unique(np.array(of_clinics, dtype=object), return_inverse=True)
    # a clinic may lack records in the month of its start: it came after the last month seen without
    latest_without = np.where(rollout.program == 0.0, rollout.months[None, :], -np.inf)
    latest_without[rollout.since >= 0.0] = -np.inf
    after = np.array([latest_without[codes == each].max() for each in range(len(labels))])
    until = np.array([rollout.start[codes == each].min() for each in range(len(labels))])
    together = bool(np.all(after < until))
    at_once = bool(after.max() < until.min())
    if len(labels) == len(rollout.clinics) or not together or at_once:
        return own
    return RolloutUnit(region, tuple(labels.tolist()), codes.astype(np.int64), True)
