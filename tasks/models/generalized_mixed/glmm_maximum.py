"""Where a generalized linear mixed model's likelihood is highest, and what is read off there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.models.generalized_mixed.quadrature import LikelihoodEvaluation
from tasks.models.numerics.ascent import Climb

Floats = NDArray[np.float64]

LikelihoodClimb = Climb[LikelihoodEvaluation]

SD_CAP = 100.0
"""SD on the scale of the linear predictor at which a variance is said to diverge."""

PLAUSIBLE_SD = 5.0
"""SD beyond which another maximum of Laplace's approximation is taken for spurious."""

SEVERAL_STARTS = 20_000
"""Cells up to which a maximum on the boundary is looked past from other starts."""

MANY_CELLS = 120_000
"""Cells from which a climb begins on a sample of them."""


@dataclass(frozen=True)
class Maximum:
    """Where the likelihood is highest, and everything that is read off there. Columns are centred.

    Attributes:
        parameters: (θ, β[, log size]).
        value: the log-likelihood.
        covariance: inverse of the joint observed information; zero for variances held at zero or the cap.
        effects: per factor, (n, d) conditional modes.
        conditional: per factor, (n, d, d) their covariance given the parameters.
        slopes: per factor, (p, n, d) derivatives of the modes in β.
        posterior: posterior mean and SD of a scalar effect by level; None for Laplace with many rows.
        next_order: what the next order of the expansion would add to Laplace's approximation (scalar effect).
        nodes: quadrature nodes of the likelihood that was maximised.
        path: (nodes, log-likelihood) for each number of nodes tried.
        iterations: Newton steps in all.
        decrement: squared distance to the maximum in standard errors, by the last gradient.
        converged: whether the gradient test was met at a negative definite Hessian.
        held: (θ,) which variance parameters are on the boundary.
        capped: whether a variance diverged and was stopped.
    """

    parameters: Floats
    value: float
    covariance: Floats
    effects: tuple[Floats, ...]
    conditional: tuple[Floats, ...]
    slopes: tuple[Floats, ...]
    posterior: tuple[Floats, Floats] | None
    next_order: float
    nodes: int
    path: tuple[tuple[int, float], ...]
    iterations: int
    decrement: float
    converged: bool
    held: NDArray[np.bool_]
    capped: bool


def inverse_information(hessian: Floats, held: NDArray[np.bool_]) -> Floats:
    """Inverse of −hessian over the parameters that are free; zero for those that are held."""
    free = np.ones(hessian.shape[0], dtype=bool)
    free[: held.size] = ~held
    information = -hessian[np.ix_(free, free)]
    scale = np.sqrt(np.maximum(np.abs(np.diag(information)), 1e-300))
    values, vectors = np.linalg.eigh(information / np.outer(scale, scale))
    covariance = np.zeros_like(hessian)
    if values.min(initial=1.0) <= 1e-14:  # not a maximum: there is no covariance
        covariance[np.ix_(free, free)] = np.nan
    else:
        covariance[np.ix_(free, free)] = (vectors / values) @ vectors.T / np.outer(scale, scale)
    return covariance
