"""Where a mixed-model climb begins: the model without random effects, and how far clusters are from it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.models.generalized_mixed.families import CellOutcome
from tasks.models.numerics.chunked_products import chunked_product

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_STEPS = 60


def without_effects(x: Floats, offset: Floats, outcome: CellOutcome) -> Floats:
    """(p,) coefficients of the generalized linear model: Newton's method with halved steps.

    Good to some four digits, as a start needs; under separation the coefficients are merely large.

    Args:
        x: (p, N) columns.
        offset: (N,).
        outcome: the outcome of every cell.
    """
    share = (outcome.y + 0.5 * outcome.y.sum() / outcome.n.sum()) / (outcome.n + 0.5)
    if outcome.family == "binomial":
        share = (outcome.y + 0.5) / (outcome.n + 1.0)
        eta = np.log(share / (1.0 - share))
    else:
        eta = np.log(share)
    weight = np.sqrt(outcome.n * (share * (1.0 - share) if outcome.family == "binomial" else share))
    beta = np.linalg.lstsq((x * weight).T, (eta - offset) * weight, rcond=1e-10)[0]
    value = outcome.density(offset + beta @ x).sum()
    flat = np.zeros(x.shape[0])
    if not np.isfinite(value) or value < outcome.density(offset).sum():
        beta, value = flat, outcome.density(offset).sum()
    for _ in range(_STEPS):
        first, second = outcome.slopes(offset + beta @ x)
        score, information = x @ first, chunked_product(x * -second, x)
        scale = np.sqrt(np.maximum(np.diag(information), 1e-300))
        step = np.linalg.lstsq(information / np.outer(scale, scale), score / scale, rcond=1e-13)[0] / scale
        length = 1.0
        while length > 1e-6:
            trial = outcome.density(offset + (beta + length * step) @ x).sum()
            if trial >= value - 1e-12 * abs(value):
                break
            length *= 0.5
        else:
            break
        beta, value = beta + length * step, trial
        if score @ step < 1e-6:
            break
    return np.asarray(beta)


def effect_sd(z: Floats | None, eta: Floats, outcome: CellOutcome, level: Integers, levels: int) -> float:
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


def log_size(outcome: CellOutcome, eta: Floats) -> float:
    """A rough log size of a negative binomial, by moments about the Poisson model's means."""
    mean = outcome.n * np.exp(eta)
    excess = float(((outcome.y - mean) ** 2 - mean).sum())
    ratio = float((mean**2).sum()) / max(excess, 1e-300)
    return float(np.log(np.clip(ratio, 0.05, 100.0)))
