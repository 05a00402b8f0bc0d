"""The maximum of Laplace's likelihood for several random effects: start, boundary, other maxima."""

from __future__ import annotations

from dataclasses import replace

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
from tasks.models.generalized_mixed.laplace import GroupedLikelihood
from tasks.models.generalized_mixed.laplace_point import LaplacePoint
from tasks.models.generalized_mixed.quadrature import LikelihoodEvaluation
from tasks.models.numerics.ascent import TOLERANCE, climb, newton_step

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_NEAR = 1e-4  # decrement at which an approximate Hessian has done its work
_WORKING_STEPS = 30
_CHORDS = 6
_OTHER_FACTORS = (0.2, 4.0)
_LOOKS = 8  # steps after which a start that is not yet higher is left


def maximise_grouped(cells: ArrangedCells, start: Floats) -> Maximum:
    """The maximum of Laplace's likelihood, whatever the random effects."""
    likelihood = cells.grouped()
    if likelihood.offset.size > MANY_CELLS and not likelihood.outcome.has_size:
        start = _climb_working(cells.sampled().grouped(), start, iterations=20).top.parameters
    found, free = _search(likelihood, start)
    if likelihood.offset.size <= SEVERAL_STARTS and (found.capped or not free.all()):
        found, free = _best_of_other_starts(likelihood, start, found, free)
    return _read_off(likelihood, found, free)


def _climb_working(
    likelihood: GroupedLikelihood,
    start: Floats,
    *,
    iterations: int = 100,
    capped: bool = False,
    free: Flags | None = None,
    near: LikelihoodEvaluation | None = None,
) -> LikelihoodClimb:
    """A climb by the working Hessian, as far as that is good for; `capped`: stopped at diverging SDs."""
    return climb(
        lambda parameters, here: likelihood.evaluate(parameters, 2, here),
        start,
        free=free,
        near=near,
        beyond=(lambda parameters: _largest_sd(likelihood, parameters) > SD_CAP) if capped else None,
        iterations=iterations,
        tolerance=_NEAR,
    )


def _largest_sd(likelihood: GroupedLikelihood, parameters: Floats) -> float:
    """The largest SD that an effect has on the scale of the linear predictor."""
    arrangement = likelihood.arrangement
    triangles = zip(arrangement.terms, arrangement.split(parameters[: likelihood.n_theta]), strict=True)
    return max(float(np.sqrt((term.triangle(part) ** 2).sum(axis=1)).max()) for term, part in triangles)


def _search(likelihood: GroupedLikelihood, begin: Floats) -> tuple[LikelihoodClimb, Flags]:
    """The maximum that a climb from here ends at, and which parameters are free there.

    Where the working Hessian does not get there the exact one goes on; a maximum near the boundary is tried
    on it, and where a variance diverges the coefficients are found with the variances held.
    """
    found = _climb_working(likelihood, begin, iterations=_WORKING_STEPS, capped=True)
    if not found.converged and not found.capped:
        more = climb(
            likelihood.evaluate_exactly,
            found.top.parameters,
            near=found.top,
            beyond=lambda parameters: _largest_sd(likelihood, parameters) > SD_CAP,
        )
        found = replace(more, iterations=found.iterations + more.iterations)
    if not found.capped:
        return _to_boundary(likelihood, found)
    free = np.ones(begin.size, dtype=bool)
    free[: likelihood.n_theta] = False
    again = _climb_working(likelihood, found.top.parameters, free=free, near=found.top)
    return replace(again, capped=True, iterations=found.iterations + again.iterations), free


def _best_of_other_starts(
    likelihood: GroupedLikelihood, start: Floats, found: LikelihoodClimb, free: Flags
) -> tuple[LikelihoodClimb, Flags]:
    """Another maximum inside, or away from Laplace's rise to huge SDs, where there is a higher one."""
    q = likelihood.n_theta
    for factor in _OTHER_FACTORS:
        begin = np.concatenate((factor * start[:q], start[q:]))
        look = _climb_working(likelihood, begin, iterations=_LOOKS, capped=True)
        higher = found.capped or look.top.value > found.top.value + _NEAR
        if not higher or _largest_sd(likelihood, look.top.parameters) > PLAUSIBLE_SD:
            continue
        other, its = _search(likelihood, look.top.parameters)
        if not other.capped and (found.capped or other.top.value > found.top.value + _NEAR):
            found, free = other, its
    return found, free


def _read_off(likelihood: GroupedLikelihood, found: LikelihoodClimb, free: Flags) -> Maximum:
    """The maximum polished by its exact Hessian, and everything that is read off there."""
    arrangement, q = likelihood.arrangement, likelihood.n_theta
    top, decrement, definite, steps = _polish(likelihood, found.top, free)
    held = ~free[:q]
    signs = np.ones(top.parameters.size)
    signs[:q] = arrangement.column_signs(top.parameters[:q])
    point = LaplacePoint(likelihood, top.parameters, top)
    return Maximum(
        parameters=signs * top.parameters,
        value=top.value,
        covariance=inverse_information(top.hessian * np.outer(signs, signs), held),
        effects=tuple(point.effects),
        conditional=point.factor.posterior().covariance,
        slopes=tuple(
            np.moveaxis(each, -1, 0) for each in arrangement.unstack(point.coefficient_information()[1].T)
        ),
        posterior=None,
        next_order=0.0,
        nodes=1,
        path=((1, top.value),),
        iterations=found.iterations + steps,
        decrement=decrement,
        converged=decrement <= 1e-10 and definite and not found.capped,
        held=held,
        capped=found.capped,
    )


def _to_boundary(likelihood: GroupedLikelihood, found: LikelihoodClimb) -> tuple[LikelihoodClimb, Flags]:
    """Tries zero for every diagonal entry of Λ that is nearly zero, and keeps it where nothing is lost."""
    arrangement, q = likelihood.arrangement, likelihood.n_theta
    everything = np.ones(found.top.parameters.size, dtype=bool)
    theta, held = arrangement.on_boundary(found.top.parameters[:q])
    if not held.any():
        return found, everything
    at, free = found.top.parameters.copy(), everything.copy()
    at[:q] = theta
    free[:q] = ~held
    zero = climb(lambda v, e: likelihood.evaluate(v, 2, e), at, free=free, near=found.top)
    if zero.top.value >= found.top.value - 1e-9 * (1.0 + abs(found.top.value)):
        return zero, free
    return found, everything


def _polish(
    likelihood: GroupedLikelihood, near: LikelihoodEvaluation, free: Flags
) -> tuple[LikelihoodEvaluation, float, bool, int]:
    """The top with its exact Hessian, its Newton decrement, whether it is a maximum, and the steps taken.

    Near the top the working Hessian serves several steps; then every step has its own, exact one.
    """
    top, steps = near, 0
    for _ in range(_CHORDS):
        move, decrement, definite = newton_step(top, free)
        if not definite or decrement <= TOLERANCE:
            break
        trial = likelihood.evaluate(top.parameters + move, 1, top)
        if not trial.value >= top.value - 1e-9 * (1.0 + abs(top.value)):
            break
        top = replace(trial, hessian=top.hessian, mode_slopes=top.mode_slopes)
        steps += 1
    last = climb(likelihood.evaluate_exactly, top.parameters, free=free, near=top)
    return last.top, last.decrement, last.converged, steps + last.iterations
