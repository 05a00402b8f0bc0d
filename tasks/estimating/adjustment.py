"""How well the adjustment for patients predicts: does it tell them apart, and are its predictions right?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from tasks.models import GlmmFit, LmmFit
from tasks.records import Cells, Design

Floats = NDArray[np.float64]

_TENTHS = 10
_FEWEST_EVENTS = 100


@dataclass(frozen=True, slots=True)
class Adjustment:
    """How the ranking model's adjusters predict the records.

    Attributes:
        discrimination: of binary outcomes, the probability that of two records of which one has the outcome
            the adjusters give that one the higher risk (the c-statistic; 0.5 is no better than a coin); of
            continuous ones the share of the variance within clinics that they explain.
        calibration: of binary and count outcomes, the largest difference between observed and expected
            events, over those expected, where records are parted by risk into tenths of the expected events;
            NaN of continuous ones, and with fewer than 100 events.
    """

    discrimination: float
    calibration: float


def adjustment(fit: LmmFit | GlmmFit, variance_within: float) -> Adjustment | None:
    """How well the adjusters of a ranking model predict; None where the fit does not remember its data.

    Args:
        fit: the ranking model.
        variance_within: of a continuous outcome within clinics, with nothing adjusted for.

    Sources: Hanley & McNeil (1982), Radiology 143:29; Steyerberg et al. (2010), Epidemiology 21:128.
    """
    if isinstance(fit, LmmFit):
        explained = 1.0 - fit.sigma2 / variance_within if variance_within > 0.0 else 0.0
        return Adjustment(max(explained, 0.0), float("nan"))
    if fit.data is None or len(fit.varcomp) != 1:
        return None
    return _of_cells(*fit.cells(), fit)


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
    return Adjustment(discrimination, miscalibration(risk, cells.total, expected))


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


def miscalibration(risk: Floats, events: Floats, expected: Floats) -> float:
    """The largest |observed − expected|/expected over ten parts of the records by risk; NaN under 100 events.

    The parts have as many expected events each: parts of as many records would leave a few events, and so
    mere chance, to the lowest of a rare outcome. Records of one risk that lie on a border are shared out
    between its sides, so that no figure hangs on the last digit of a risk.

    Args:
        risk: (N,) of each cell's records.
        events, expected: (N,) its events, and those expected.
    """
    if expected.sum() < _FEWEST_EVENTS:
        return float("nan")
    _, level = np.unique(np.round(risk, 12), return_inverse=True)
    upto, seen_upto = (np.append(0.0, np.cumsum(np.bincount(level, each))) for each in (expected, events))
    foreseen = float(upto[-1]) / _TENTHS
    seen = np.diff(np.interp(foreseen * np.arange(_TENTHS + 1), upto, seen_upto))
    return float(np.abs(seen / foreseen - 1.0).max())
