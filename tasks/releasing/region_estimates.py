"""Each region's typical clinic: the average of the best estimates that are shown of its clinics.

It is made of the joint posterior of the clinics that may be seen, and of no others: with a withheld clinic in
it, the others' best estimates would tell that clinic's. Clinics that lie far from all others have no part in
it either: one alone would make its region worse than the network, whose typical clinic is without them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.disclosing import Withholding
from tasks.estimating import OutcomeEstimates
from tasks.estimating.standardising import Standardised
from tasks.models import Shrunken
from tasks.network.outcome_section import OutcomeSection

FEWEST = 2
"""Clinics: of one the average is its own best estimate."""
_SURE = 0.975
_TAILS = (0.025, 0.975)


def region_estimates(
    estimates: Mapping[str, OutcomeEstimates], regions: Mapping[str, str], withholding: Withholding
) -> pd.DataFrame:
    """Rows of `region_estimates`: regions of which two clinics or more are shown, for each outcome.

    A region is compared with the typical clinic, the mean of all that count: what they have in common cancels
    in the difference, so it is known better than either.

    Args:
        estimates: outcome → its estimates.
        regions: clinic → its region.
        withholding: which clinics are shown.
    """
    rows = []
    for outcome, estimated in estimates.items():
        if estimated.shrunken is None or estimated.scale is None:
            continue
        typical = _Typical(estimated.question.outcome, estimated.shrunken, estimated.scale)
        clinics = [str(clinic) for clinic in estimated.shrunken.table.index]
        of_clinics = np.array([regions.get(clinic, "") for clinic in clinics], dtype=object)
        raw = estimated.clinics[estimated.clinics["form"] == "raw"]  # models may be of the shown alone
        in_regions = [regions.get(clinic) for clinic in raw.loc[raw["status"] != "no_records", "clinic"]]
        far = _far_from_all_others(estimated)
        shown = np.array([withholding.shows(outcome, clinic) and clinic not in far for clinic in clinics])
        rows += [
            {"outcome": outcome, "region": region, "n_in_region": in_regions.count(region)}
            | typical.of(shown & (of_clinics == region))
            for region in sorted({*of_clinics} - {""})
            if (shown & (of_clinics == region)).sum() >= FEWEST
        ]
    return pd.DataFrame(rows)


def _far_from_all_others(estimated: OutcomeEstimates) -> frozenset[str]:
    """The clinics that are no part of the network's typical clinic."""
    best = estimated.clinics[estimated.clinics["form"] == "shrunken"]
    return frozenset(map(str, best.loc[best["outlying"].fillna(False).astype(bool), "clinic"]))


@dataclass(frozen=True)
class _Typical:
    """The typical clinic of some of an outcome's clinics."""

    outcome: OutcomeSection
    shrunken: Shrunken
    scale: Standardised

    def of(self, counted: NDArray[np.bool_]) -> dict[str, Any]:
        """Its figure with its interval, and how it compares with that of all clinics that count."""
        posterior, weights = self.shrunken.posterior, counted / counted.sum()
        ends = [posterior.quantile_of_average(tail, weights) for tail in _TAILS]
        figures = self.scale.at(np.array([posterior.mean_of_average(weights), *ends]))
        above = posterior.probability_of_average_above(weights - posterior.nodes[0].mean_weights)
        return {
            "n_clinics": int(counted.sum()),
            **dict(zip(("value", "lower", "upper"), map(float, figures), strict=True)),
            "comparison": self._comparison(above),
        }

    def _comparison(self, above: float) -> str:
        if not self.outcome.judged:
            return "placed"
        if max(above, 1.0 - above) < _SURE:
            return "no_different"
        return "better" if (above > 0.5) == (self.outcome.direction == "higher") else "worse"
