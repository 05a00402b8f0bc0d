"""How much wider than chance the clinics' own figures spread: what a funnel's limits are made of.

Of all clinics with records, whichever may be shown; unadjusted, about the figure of all records.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.network.schema import OutcomeSection

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
    """

    overdispersion: float
    between: float


def own_spread(moments: pd.DataFrame, outcome: OutcomeSection, worth: Floats) -> OwnSpread | None:
    """The spread of own figures; None with fewer than 10 clinics, or where nothing varies.

    Args:
        moments: one row a clinic: `n`, `mean`, `squares`, `total`, `exposure`.
        outcome: the outcome's section of the network file.
        worth: (n,) how many times a clinic's records count less for being alike, 1 or more.

    Source: Spiegelhalter (2005), Stat Med 24:1185, §4 (winsorised z-scores; the additive model, by
    DerSimonian & Laird's estimator).
    """
    there = moments["n"].to_numpy(dtype=float) > 0
    n, total, exposure, mean, squares = (
        moments[each].to_numpy(dtype=float)[there] for each in ("n", "total", "exposure", "mean", "squares")
    )
    if len(n) < FEWEST:
        return None
    if outcome.kind == "continuous":
        centre, figure = float((n * mean).sum() / n.sum()), mean
        more = float(n.sum()) - len(n)
        variance = (float(squares.sum()) / more if more > 0 else 0.0) / n
    else:
        size = n if outcome.kind == "binary" else exposure
        centre, figure = float(total.sum() / size.sum()), total / size
        variance = centre * (1.0 - centre if outcome.kind == "binary" else 1.0) / size
    variance = variance * worth[there]
    if not (variance > 0.0).all():
        return None
    z = (figure - centre) / np.sqrt(variance)
    low, high = np.quantile(z, [_OUTER, 1.0 - _OUTER])
    factor = float((np.clip(z, low, high) ** 2).mean())
    unit = 100.0 if outcome.kind == "binary" else 1.0
    if factor <= 1.0 + 2.0 * np.sqrt(2.0 / len(n)):
        return OwnSpread(factor, 0.0)
    weight = 1.0 / variance
    left = float(weight.sum() - (weight**2).sum() / weight.sum())
    between = max((len(n) * factor - (len(n) - 1.0)) / left, 0.0)
    return OwnSpread(factor, unit * float(np.sqrt(between)))
