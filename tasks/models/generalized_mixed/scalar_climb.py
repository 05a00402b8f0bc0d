"""The maximum for one scalar random effect: start, boundary at zero, other maxima, number of nodes."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tasks.models.generalized_mixed.glmm_cells import ArrangedCells
from tasks.models.generalized_mixed.glmm_maximum import (
    MANY_CELLS,
    PLAUSIBLE_SD,
    SD_CAP,
    SEVERAL_STARTS,
    LikelihoodClimb,
    Maximum,
    inverse_information,
)
from tasks.models.generalized_mixed.quadrature import (
    ClusterLikelihood,
    LikelihoodEvaluation,
    ScalarLikelihood,
)
from tasks.models.numerics.ascent import TOLERANCE, climb

Floats = NDArray[np.float64]

LADDER = (1, 5, 9, 15, 25, 35, 51, 75, 101, 151, 201)
"""Numbers of nodes tried in turn where the analyst leaves the choice open."""

_SETTLED = 1e-8
_LOOSE = 1e-10  # decrement that is enough to compare log-likelihoods by
_LAPLACE_TRUSTED = 2.0
_OTHER_STARTS = (0.1, 0.7, 2.0, 5.0)
_NEAR_ZERO = 1.0
_POSTERIOR_NODES = 61


class ScalarModel(Protocol):
    """A model of one scalar random effect by one group, whether its cells are in memory or come in blocks."""

    def scalar(self, nodes: int) -> ClusterLikelihood:
        """Its quadrature likelihood."""
        ...

    def sampled(self) -> ArrangedCells:
        """Some of many cells, spread evenly: enough to begin a climb from."""
        ...

    def some_clusters(self, rows: int) -> ScalarLikelihood:
        """Laplace's likelihood of clusters from all over the data that have about so many rows."""
        ...


def maximise_scalar(cells: ScalarModel, start: Floats, nodes: int | None) -> Maximum:
    """The maximum of the likelihood with so many nodes, or with as many as it takes (None)."""
    if nodes is not None:
        likelihood = cells.scalar(nodes)
        found = _best_start(cells, likelihood, start, _climb_scalar(cells, likelihood, start, None))
        return _finish_scalar(likelihood, found, ((nodes, found.top.value),), found.iterations)
    likelihood = cells.scalar(LADDER[0])
    found = _climb_scalar(cells, likelihood, start, None, _LOOSE)
    steps, path = found.iterations, [(LADDER[0], found.top.value)]
    for count in LADDER[1:]:
        likelihood = cells.scalar(count)
        before = found.top
        # Laplace's maximum may be spurious where it has a huge SD: then quadrature begins afresh
        far = count == LADDER[1] and abs(float(before.parameters[0])) > _LAPLACE_TRUSTED
        found = _climb_scalar(
            cells, likelihood, start if far else before.parameters, None if far else before, _LOOSE
        )
        steps += found.iterations
        path.append((count, found.top.value))
        if is_settled(tuple(path)) or (found.capped and count > LADDER[2]):
            # settled at a lower top than another start finds: that one has to settle as well
            best = _best_start(cells, likelihood, start, found)
            if best.top.value <= found.top.value + _SETTLED:
                break
            found, path[-1] = best, (count, best.top.value)
    if found.converged:
        found = _climb_scalar(cells, likelihood, found.top.parameters, found.top, first=found.top)
    found = _best_start(cells, likelihood, start, found)
    return _finish_scalar(likelihood, found, tuple(path), steps + found.iterations)


def is_settled(path: tuple[tuple[int, float], ...]) -> bool:
    """Whether the last rise in the number of nodes left the log-likelihood as it was."""
    change = abs(path[-1][1] - path[-2][1]) if len(path) > 1 else np.inf
    return bool(change <= _SETTLED * max(1.0, 1e-2 * abs(path[-1][1])))


def _climb_scalar(
    cells: ScalarModel,
    likelihood: ClusterLikelihood,
    start: Floats,
    near: LikelihoodEvaluation | None,
    tolerance: float = TOLERANCE,
    first: LikelihoodEvaluation | None = None,
) -> LikelihoodClimb:
    if near is None and likelihood.n_cells > MANY_CELLS and not likelihood.has_size:
        thin = cells.sampled().scalar(1)
        start = climb(
            lambda v, e: thin.evaluate(v, 2, e), start, iterations=20, tolerance=1e-4
        ).top.parameters

    def objective(parameters: Floats, here: LikelihoodEvaluation | None) -> LikelihoodEvaluation:
        return likelihood.evaluate(parameters, 2, here)

    def beyond(parameters: Floats) -> bool:
        return abs(float(parameters[0])) > SD_CAP

    found = climb(objective, start, near=near, first=first, beyond=beyond, tolerance=tolerance)
    free = np.ones(start.size, dtype=bool)
    free[0] = False
    if found.capped:
        at = found.top.parameters.copy()
        at[0] = SD_CAP
        again = climb(objective, at, free=free, near=found.top)
        return replace(again, converged=False, capped=True, iterations=found.iterations + again.iterations)
    # σ enters through σ² alone: near zero its derivative vanishes, and zero itself has to be tried
    if abs(found.top.parameters[0]) < 0.02:
        zero = _at_zero(likelihood, found)
        if zero.converged and zero.top.value >= found.top.value - 1e-9 * (1.0 + abs(found.top.value)):
            return zero
    return found


def _at_zero(likelihood: ClusterLikelihood, found: LikelihoodClimb) -> LikelihoodClimb:
    """The maximum with σ = 0; converged if it is one of the whole likelihood."""
    at, free = found.top.parameters.copy(), np.ones(found.top.parameters.size, dtype=bool)
    at[0], free[0] = 0.0, False
    zero = climb(lambda v, e: likelihood.evaluate(v, 2, e), at, free=free, near=found.top)
    is_maximum = zero.converged and bool(zero.top.hessian[0, 0] <= 0.0)
    return replace(zero, converged=is_maximum, iterations=found.iterations + zero.iterations)


def _best_start(
    cells: ScalarModel, likelihood: ClusterLikelihood, start: Floats, found: LikelihoodClimb
) -> LikelihoodClimb:
    """The highest of several maxima, which small data can have: at zero and inside.

    Laplace's approximation can rise for ever towards huge SDs where the likelihood itself does not: then a
    maximum inside, if any, is the answer.
    """
    spurious = found.capped and likelihood.nodes == 1
    if likelihood.n_cells > SEVERAL_STARTS or (found.capped and not spurious):
        return found
    if found.top.parameters[0] != 0.0 and not spurious:
        small = abs(float(found.top.parameters[0])) < _NEAR_ZERO
        zero = _at_zero(likelihood, found) if small else found
        return zero if zero.converged and zero.top.value > found.top.value else found
    for sd in _OTHER_STARTS:
        other = _climb_scalar(cells, likelihood, np.concatenate(([sd], start[1:])), None)
        implausible = likelihood.nodes == 1 and abs(float(other.top.parameters[0])) > PLAUSIBLE_SD
        if not other.converged or implausible:
            continue
        if spurious or other.top.value > found.top.value + 1e-9 * (1.0 + abs(found.top.value)):
            found, spurious = other, False
    return found


def _finish_scalar(
    likelihood: ClusterLikelihood,
    found: LikelihoodClimb,
    path: tuple[tuple[int, float], ...],
    iterations: int,
) -> Maximum:
    top = found.top
    parameters = top.parameters.copy()
    sign = -1.0 if parameters[0] < 0.0 else 1.0
    held = np.array([parameters[0] == 0.0 or found.capped])
    hessian = top.hessian.copy()
    hessian[0, 1:] *= sign
    hessian[1:, 0] *= sign
    parameters[0] *= sign
    sigma, p = parameters[0], likelihood.n_fixed
    posterior = None
    if likelihood.nodes > 1 or likelihood.n_cells <= MANY_CELLS:
        enough = _POSTERIOR_NODES if likelihood.n_cells <= MANY_CELLS else likelihood.nodes
        mean, sd = likelihood.posterior(top.parameters, max(enough, likelihood.nodes), top)
        posterior = (top.parameters[0] * mean, sigma * sd)
    return Maximum(
        parameters=parameters,
        value=top.value,
        covariance=inverse_information(hessian, held),
        effects=((top.parameters[0] * top.modes)[:, None],),
        conditional=((sigma**2 / top.precision)[:, None, None],),
        slopes=((top.parameters[0] * top.mode_slopes[1 : 1 + p])[:, :, None],),
        posterior=posterior,
        next_order=top.next_order,
        nodes=likelihood.nodes,
        path=path,
        iterations=iterations,
        decrement=found.decrement,
        converged=found.converged,
        held=held,
        capped=found.capped,
    )
