"""The generalized linear model without random effects: maximum likelihood as if rows were independent.

Mixed models begin from it, and so do estimating equations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.models.generalized_mixed.families import CellOutcome
from tasks.models.numerics.chunked_products import chunked_product

Floats = NDArray[np.float64]

_STEPS = 60


@dataclass(frozen=True, slots=True)
class IndependenceFit:
    """Coefficients good to some four digits, as a start needs.

    Attributes:
        coefficients: (p,) of the columns; under separation merely large.
        settled: whether the likelihood stopped rising within the steps that are taken.
    """

    coefficients: Floats
    settled: bool


def independence_fit(x: Floats, offset: Floats, outcome: CellOutcome) -> IndependenceFit:
    """Coefficients of the generalized linear model: Newton's method with halved steps.

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
    weighted = x * outcome.n * (share * (1.0 - share) if outcome.family == "binomial" else share)
    beta = _solved(chunked_product(weighted, x), weighted @ (eta - offset))
    value = outcome.density(offset + beta @ x).sum()
    flat = np.zeros(x.shape[0])
    if not np.isfinite(value) or value < outcome.density(offset).sum():
        beta, value = flat, outcome.density(offset).sum()
    for _ in range(_STEPS):
        first, second = outcome.slopes(offset + beta @ x)
        score, information = x @ first, chunked_product(x * -second, x)
        step = _solved(information, score)
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
    else:
        return IndependenceFit(np.asarray(beta), settled=False)
    return IndependenceFit(np.asarray(beta), settled=True)


def _solved(information: Floats, score: Floats) -> Floats:
    """The shortest step of all that solve the equations, in columns of unit length."""
    scale = np.sqrt(np.maximum(np.diag(information), 1e-300))
    step = np.linalg.lstsq(information / np.outer(scale, scale), score / scale, rcond=1e-13)[0]
    return np.asarray(step / scale)
