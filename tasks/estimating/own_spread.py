"""How much wider than chance the clinics' own figures spread: what a funnel's limits are made of.

Of all clinics with records, whichever may be shown; unadjusted, about the figure of all records.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize

from tasks.network.outcome_section import OutcomeSection

Floats = NDArray[np.float64]

FEWEST = 10
_OUTER = 0.1


@dataclass(frozen=True, slots=True)
class OwnSpread:
    """How own figures spread about the figure of all records.

    Attributes:
        overdispersion: mean squared z-score, the outermost tenths drawn in; 1 is chance.
        between: SD between clinics that adds to sampling, in the unit of the figures (of their logarithms
            where they are analysed so); 0 where the overdispersion is within two SDs of chance.
        within: SD of records of one clinic, over all clinics, in the same unit; NaN for yes or no and counts,
            whose rate tells it.
    """

    overdispersion: float
    between: float
    within: float = float("nan")


def own_spread(moments: pd.DataFrame, outcome: OutcomeSection, worth: Floats) -> OwnSpread | None:
    """The spread of own figures; None with fewer than 10 clinics, or where nothing varies.

    Args:
        moments: one row a clinic: `n`, `mean`, `squares`, `total`, `exposure`.
        outcome: the outcome's section of the network file.
        worth: (n,) how many times a clinic's records count less for being alike, 1 or more.

    Sources: Spiegelhalter (2005), Stat Med 24:1185, §4 (winsorised z-scores; the additive model); Paule &
    Mandel (1982), J Res NBS 87:377 (the variance under which they are as large as chance makes them, for
    clinics however unequal: DerSimonian & Laird's weights give the largest all the say, whose scores are the
    ones drawn in).
    """
    there = moments["n"].to_numpy(dtype=float) > 0
    n, total, exposure, mean, squares = (
        moments[each].to_numpy(dtype=float)[there] for each in ("n", "total", "exposure", "mean", "squares")
    )
    if len(n) < FEWEST:
        return None
    within = float("nan")
    if outcome.kind == "continuous":
        centre, figure = float((n * mean).sum() / n.sum()), mean
        more = float(n.sum()) - len(n)
        square = float(squares.sum()) / more if more > 0 else 0.0
        within, variance = float(np.sqrt(square)), square / n
    else:
        size = n if outcome.kind == "binary" else exposure
        centre, figure = float(total.sum() / size.sum()), total / size
        variance = centre * (1.0 - centre if outcome.kind == "binary" else 1.0) / size
    variance = variance * worth[there]
    if not (variance > 0.0).all():
        return None
    apart = figure - centre
    factor = _mean_square(apart, variance)
    unit = 100.0 if outcome.kind == "binary" else 1.0
    if factor <= 1.0 + 2.0 * np.sqrt(2.0 / len(n)):
        return OwnSpread(factor, 0.0, within)
    by_chance = 1.0 - 1.0 / len(n)
    # the largest distance alone is no larger than chance makes it at the upper end
    between = optimize.brentq(
        lambda more: _mean_square(apart, variance + more) - by_chance,
        0.0,
        float((apart**2).max()) / by_chance,
    )
    return OwnSpread(factor, unit * float(np.sqrt(between)), within)


def _mean_square(apart: Floats, variance: Floats) -> float:
    """Of z-scores, the outermost tenths drawn in."""
    z = apart / np.sqrt(variance)
    low, high = np.quantile(z, [_OUTER, 1.0 - _OUTER])
    return float((np.clip(z, low, high) ** 2).mean())
