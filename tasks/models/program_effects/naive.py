"""The naive before/after comparison, shown so that its difference from the models can be seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tasks.models.fit import Floats
from tasks.models.program_effects.rollout import Rollout


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums of the outcome by clinic and period.

    Attributes:
        rows: (K, T) rows (trials of a binomial outcome).
        exposure: (K, T) time at risk of counts; rows otherwise.
        total: (K, T) Σ y.
        squares: (K, T) Σ y² about `about`, which `total` is not taken off.
        about: the point squares are taken about.
    """

    rows: Floats
    exposure: Floats
    total: Floats
    squares: Floats
    about: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """After against before, in clinics that the program reached.

    Attributes:
        estimate: the difference, or the logarithm of the ratio.
        se: its standard error if rows were independent.
        n_records: rows before and after.
        n_clinics: clinics that the program reached.
    """

    estimate: float
    se: float
    n_records: int
    n_clinics: int


def before_after(totals: Totals, rollout: Rollout, family: str) -> Mapping[str, Comparison]:
    """Measure → rows after the start compared with rows before it; empty where there are none of either."""
    after = rollout.since >= 0.0
    reached = np.broadcast_to(rollout.ever[:, None], after.shape)
    sides = [reached & ~after, reached & after]
    n0, n1 = (float(totals.rows[side].sum()) for side in sides)
    if n0 == 0.0 or n1 == 0.0:
        return {}
    y0, y1 = (float(totals.total[side].sum()) for side in sides)
    counts = (round(n0 + n1), int(rollout.ever.sum()))
    if family == "gaussian":
        mean0, mean1 = y0 / n0, y1 / n1
        spread = [
            float(totals.squares[side].sum()) / n - (mean - totals.about) ** 2
            for side, n, mean in zip(sides, (n0, n1), (mean0, mean1), strict=True)
        ]
        se = np.sqrt(spread[0] / max(n0 - 1.0, 1.0) + spread[1] / max(n1 - 1.0, 1.0))
        return {"difference": Comparison(mean1 - mean0, float(se), *counts)}
    if family == "poisson":
        e0, e1 = (float(totals.exposure[side].sum()) for side in sides)
        if y0 == 0.0 or y1 == 0.0:
            return {}
        ratio = np.log(y1 / e1) - np.log(y0 / e0)
        return {"rate_ratio": Comparison(float(ratio), float(np.sqrt(1.0 / y0 + 1.0 / y1)), *counts)}
    p0, p1 = y0 / n0, y1 / n1
    difference = Comparison(p1 - p0, float(np.sqrt(p0 * (1 - p0) / n0 + p1 * (1 - p1) / n1)), *counts)
    cells = np.array([y0, n0 - y0, y1, n1 - y1])
    if cells.min() == 0.0:
        return {"risk_difference": difference}
    odds = float(np.log(cells[2] / cells[3]) - np.log(cells[0] / cells[1]))
    return {
        "odds_ratio": Comparison(odds, float(np.sqrt((1.0 / cells).sum())), *counts),
        "risk_difference": difference,
    }
