"""Where a mixed-model climb begins: the model without random effects, and how far clusters are from it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tasks.models.generalized_mixed.families import CellOutcome
from tasks.models.generalized_mixed.glmm_cells import ArrangedCells
from tasks.models.generalized_mixed.glmm_maximum import MANY_CELLS
from tasks.models.generalized_mixed.independence_fit import independence_fit

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def start_values(cells: ArrangedCells) -> Floats:
    """(θ, β[, log size]) to begin from: no random effects, then a rough SD for each."""
    if cells.offset.size > MANY_CELLS:
        return start_values(cells.sampled())
    outcome = cells.outcome
    plain = replace(outcome, family="poisson") if outcome.has_size else outcome
    beta = independence_fit(cells.x, cells.offset, plain).coefficients
    eta = cells.offset + beta @ cells.x
    theta: list[float] = []
    shared = np.sqrt(1.0 / len(cells.terms))
    for term in cells.terms:
        levels = len(cells.levels[term.factor])
        diagonal = np.zeros((term.size, term.size))
        for i, column in enumerate(term.columns):
            z = cells.z[column]
            diagonal[i, i] = shared * _effect_sd(z, eta, plain, cells.level_of(term.factor), levels)
        theta += list(diagonal.T[np.triu_indices(term.size)])
    size = [_log_size(plain, eta)] if outcome.has_size else []
    return np.concatenate([theta, beta, size])


def _effect_sd(z: Floats | None, eta: Floats, outcome: CellOutcome, level: Integers, levels: int) -> float:
    """A rough SD of one random effect, from each level's score at the model without it.

    One Newton step from zero estimates a level's effect with variance 1/information; their spread beyond
    that is DerSimonian & Laird's (1986) estimate. Kept between 0.1 and 2.
    """
    first, second = outcome.slopes(eta)
    column = 1.0 if z is None else z
    score = np.bincount(level, weights=first * column, minlength=levels)
    information = np.bincount(level, weights=-second * column * column, minlength=levels)
    seen = information > 0.0
    score, information = score[seen], information[seen]
    total = information.sum()
    between = (score**2 / information).sum() - score.sum() ** 2 / total - (seen.sum() - 1)
    spread = total - (information**2).sum() / total
    variance = between / spread if spread > 0.0 else 0.0
    return float(np.clip(np.sqrt(max(variance, 0.0)), 0.1, 2.0))


def _log_size(outcome: CellOutcome, eta: Floats) -> float:
    """A rough log size of a negative binomial, by moments about the Poisson model's means."""
    mean = outcome.n * np.exp(eta)
    excess = float(((outcome.y - mean) ** 2 - mean).sum())
    ratio = float((mean**2).sum()) / max(excess, 1e-300)
    return float(np.log(np.clip(ratio, 0.05, 100.0)))
