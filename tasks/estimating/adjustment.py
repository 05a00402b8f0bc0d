"""How well the adjustment for patients predicts: does it tell them apart, and are its predictions right?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, special

from tasks.estimating.outcome_formulas import OutcomeFormulas
from tasks.models import GlmmFit, LmmFit
from tasks.records import Cells, Design, Moments, Records, moments_for
from tasks.records.moments import INTERCEPT

Floats = NDArray[np.float64]

_TENTHS = 10
_FEWEST_EVENTS = 100
_NOTHING_LEFT = 1e-12  # of a column's squared length: what does not vary within clinics


@dataclass(frozen=True, slots=True)
class Adjustment:
    """How the ranking model's adjusters predict the records.

    Attributes:
        discrimination: of binary outcomes, the probability that of two records of which one has the outcome
            the adjusters give that one the higher risk (the c-statistic; 0.5 is no better than a coin); of
            continuous ones the share of the variance within clinics that they explain by themselves.
        calibration: of binary and count outcomes, the largest difference between observed and expected
            events, over those expected, where records are parted by risk into tenths of the expected events;
            NaN of continuous ones, and with fewer than 100 events.
        by_chance: what that difference stays under in 95 of 100 samples where every prediction is right.
    """

    discrimination: float
    calibration: float
    by_chance: float


def adjustment(question: OutcomeFormulas, records: Records, fit: LmmFit | GlmmFit) -> Adjustment | None:
    """How well the adjusters of a ranking model predict; None where the fit does not remember its data.

    Args:
        question: the ranking model's formulas.
        records: what it was fitted to.
        fit: the ranking model.

    Raises:
        SourceError: the database went away.

    Sources: Hanley & McNeil (1982), Radiology 143:29; Steyerberg et al. (2010), Epidemiology 21:128.
    """
    if isinstance(fit, LmmFit):
        design, moments = moments_for(question.ranking_fixed, records, groups="clinic")
        return Adjustment(explained_within(design, moments), float("nan"), float("nan"))
    if fit.data is None or len(fit.varcomp) != 1:
        return None
    return _of_cells(*fit.cells(), fit)


def explained_within(design: Design, moments: Moments) -> float:
    """The share of the variance within clinics that the fixed columns explain, whatever else a model has.

    That of the regression on them within clinics, less what columns explain by chance (adjusted R²): a
    ranking model's residual variance is also less by its patients' effects, and with weights is another.

    Args:
        design: the ranking model's fixed columns.
        moments: theirs and the outcome's, by clinic.
    """
    products, n = moments.products, moments.n
    sums = products[:, 0, 1:]
    within = (products[:, 1:, 1:] - sums[:, :, None] * sums[:, None, :] / n[:, None, None]).sum(axis=0)
    columns = moments.position(*(name for name in design.fixed if name != INTERCEPT)) - 1
    left = np.diag(within)[columns] > _NOTHING_LEFT * np.diag(products.sum(axis=0))[1:][columns]
    columns = columns[left]
    outcome = float(within[-1, -1])
    if not (outcome > 0.0 and len(columns)):
        return 0.0
    scale = np.sqrt(np.diag(within)[columns])
    gram, moved = within[np.ix_(columns, columns)] / np.outer(scale, scale), within[columns, -1] / scale
    solved, _, rank, _ = np.linalg.lstsq(gram, moved, rcond=_NOTHING_LEFT)
    free = moments.n_obs - len(moments.levels[0])
    if free <= rank:
        return 0.0
    unexplained = (1.0 - float(moved @ solved) / outcome) * free / (free - rank)
    return float(np.clip(1.0 - unexplained, 0.0, 1.0))


def _of_cells(design: Design, cells: Cells, fit: GlmmFit) -> Adjustment:
    fixed = cells.fixed @ fit.coef.loc[list(design.fixed)].to_numpy()
    effects = fit.ranef[cells.factors[0]]["estimate"].reindex(pd.Index(cells.levels[0])).to_numpy()
    at_clinic = fixed + cells.offset + effects[cells.codes[:, 0]]
    if fit.family == "binomial":
        expected, size = cells.trials * special.expit(at_clinic), cells.trials
        discrimination = concordance(fixed, cells.total, cells.trials - cells.total)
    else:
        expected, size = cells.weight * np.exp(at_clinic), cells.weight
        discrimination = float("nan")
    with np.errstate(divide="ignore", invalid="ignore"):
        risk = np.where(size > 0.0, expected / size, 0.0)
    variance = expected * (1.0 - risk) if fit.family == "binomial" else expected
    found = miscalibration(risk, cells.total, expected, variance)
    return Adjustment(discrimination, *found)


def concordance(score: Floats, events: Floats, others: Floats) -> float:
    """The probability that a record with an event has a higher score than one without; equal ones count half.

    Args:
        score: (N,) of each cell.
        events, others: (N,) its records with and without an event.
    """
    _, tied = np.unique(np.round(score, 12), return_inverse=True)
    with_event, without = np.bincount(tied, events), np.bincount(tied, others)
    below = np.cumsum(without) - without
    pairs = float(events.sum()) * float(others.sum())
    return float((with_event * (below + 0.5 * without)).sum()) / pairs if pairs > 0.0 else 0.5


def miscalibration(risk: Floats, events: Floats, expected: Floats, variance: Floats) -> tuple[float, float]:
    """The largest |observed − expected|/expected over ten parts of the records by risk; NaN under 100 events.

    Beside it, what chance alone keeps it under in 95 of 100 samples: the largest of ten is far from 0 where
    events are few, however right the predictions are.

    The parts have as many expected events each: parts of as many records would leave a few events, and so
    mere chance, to the lowest of a rare outcome. Records of one risk that lie on a border are shared out
    between its sides, so that no figure hangs on the last digit of a risk.

    Args:
        risk: (N,) of each cell's records.
        events, expected: (N,) its events, and those expected.
        variance: (N,) of its events, given the risk.
    """
    if expected.sum() < _FEWEST_EVENTS:
        return float("nan"), float("nan")
    _, level = np.unique(np.round(risk, 12), return_inverse=True)
    upto, seen_upto, varied_upto = (
        np.append(0.0, np.cumsum(np.bincount(level, each))) for each in (expected, events, variance)
    )
    foreseen = float(upto[-1]) / _TENTHS
    borders = foreseen * np.arange(_TENTHS + 1)
    seen = np.diff(np.interp(borders, upto, seen_upto))
    sd = np.sqrt(np.diff(np.interp(borders, upto, varied_upto))) / foreseen
    return float(np.abs(seen / foreseen - 1.0).max()), largest_by_chance(sd)


def largest_by_chance(sd: Floats) -> float:
    """What the largest of independent normal errors about 0 stays under, in size, in 95 of 100 samples.

    Args:
        sd: (K,) their standard deviations.
    """
    sd = sd[sd > 0.0]
    if not len(sd):
        return 0.0
    ends = -special.ndtri(0.025) * sd.max(), -special.ndtri(0.025 / len(sd)) * sd.max()

    def held(reach: float) -> float:
        return float(np.log1p(-2.0 * special.ndtr(-reach / sd)).sum()) - math.log(0.95)

    return float(optimize.brentq(held, 0.5 * ends[0], 1.01 * ends[1], xtol=1e-12))
