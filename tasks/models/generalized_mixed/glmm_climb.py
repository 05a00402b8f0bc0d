"""The maximum of a generalized linear mixed model's likelihood: start, climb, boundary, number of nodes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tasks.models.generalized_mixed import starting
from tasks.models.generalized_mixed.glmm_cells import ArrangedCells
from tasks.models.generalized_mixed.laplace import GroupedLikelihood, Point
from tasks.models.generalized_mixed.quadrature import Evaluation, ScalarLikelihood
from tasks.models.numerics.ascent import TOLERANCE, Climb, climb, newton_step

Floats = NDArray[np.float64]

LADDER = (1, 5, 9, 15, 25, 35, 51, 75, 101, 151, 201)
"""Numbers of nodes tried in turn where the analyst leaves the choice open."""

SD_CAP = 100.0
"""SD on the scale of the linear predictor at which a variance is said to diverge."""

_SETTLED = 1e-8
_LOOSE = 1e-10  # decrement that is enough to compare log-likelihoods by
_LAPLACE_TRUSTED = 2.0
_PLAUSIBLE = 5.0  # SD beyond which another maximum of Laplace's approximation is taken for spurious
_NEAR = 1e-4  # decrement at which an approximate Hessian has done its work
_WORKING_STEPS = 30
_CHORDS = 6
_OTHER_STARTS = (0.1, 0.7, 2.0, 5.0)
_OTHER_FACTORS = (0.2, 4.0)
_LOOKS = 8  # steps after which a start that is not yet higher is left
_MANY_STARTS = 20_000
_NEAR_ZERO = 1.0
_THIN_ABOVE = 120_000
_THIN_TO = 40_000
_POSTERIOR_NODES = 61


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


def start_values(cells: ArrangedCells) -> Floats:
    """(θ, β[, log size]) to begin from: no random effects, then a rough SD for each."""
    if cells.offset.size > _THIN_ABOVE:
        return start_values(cells.thinned(cells.offset.size // _THIN_TO))
    outcome = cells.outcome
    plain = replace(outcome, family="poisson") if outcome.has_size else outcome
    beta = starting.without_effects(cells.x, cells.offset, plain)
    eta = cells.offset + beta @ cells.x
    theta: list[float] = []
    shared = np.sqrt(1.0 / len(cells.terms))
    for term in cells.terms:
        levels = len(cells.levels[term.factor])
        diagonal = np.zeros((term.size, term.size))
        for i, column in enumerate(term.columns):
            z = cells.z[column]
            diagonal[i, i] = shared * starting.effect_sd(z, eta, plain, cells.level_of(term.factor), levels)
        theta += list(diagonal.T[np.triu_indices(term.size)])
    size = [starting.log_size(plain, eta)] if outcome.has_size else []
    return np.concatenate([theta, beta, size])


def maximise_sized(cells: ArrangedCells, poisson: Maximum, nodes: int | None) -> Maximum | None:
    """The maximum of a negative binomial's likelihood, from the Poisson model's; None where that is higher.

    Where the likelihood falls as 1/size leaves zero, the Poisson model is the maximum: the counts vary no
    more than it allows.

    Args:
        cells: arranged for the negative binomial.
        poisson: the maximum of the Poisson model of the same cells.
        nodes: as `maximise`.
    """
    nearly = np.log(1e6 * (1.0 + cells.outcome.counts[0].max()))
    at = np.concatenate((poisson.parameters, [nearly]))
    likelihood = cells.scalar(poisson.nodes) if cells.is_scalar else cells.grouped()
    if likelihood.evaluate(at, 1).gradient[-1] >= 0.0:
        return None
    at[-1] = start_values(cells)[-1]
    return maximise(cells, at, nodes)


def maximise(cells: ArrangedCells, start: Floats, nodes: int | None) -> Maximum:
    """The maximum of the Laplace likelihood or of the quadrature likelihood with so many nodes.

    Args:
        cells: arranged cells.
        start: where to begin, e.g. `start_values(cells)`.
        nodes: 1 for Laplace, k for k nodes, None for as many as it takes.
    """
    if not cells.is_scalar:
        return _maximise_grouped(cells, start)
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
            break
    if found.converged:
        found = _climb_scalar(cells, likelihood, found.top.parameters, found.top, first=found.top)
    found = _best_start(cells, likelihood, start, found)
    return _finish_scalar(likelihood, found, tuple(path), steps + found.iterations)


def is_settled(path: tuple[tuple[int, float], ...]) -> bool:
    """Whether the last rise in the number of nodes left the log-likelihood as it was."""
    change = abs(path[-1][1] - path[-2][1]) if len(path) > 1 else np.inf
    return bool(change <= _SETTLED * max(1.0, 1e-2 * abs(path[-1][1])))


def _climb_scalar(
    cells: ArrangedCells,
    likelihood: ScalarLikelihood,
    start: Floats,
    near: Evaluation | None,
    tolerance: float = TOLERANCE,
    first: Evaluation | None = None,
) -> Climb:
    many = likelihood.offset.size > _THIN_ABOVE
    if near is None and many and not likelihood.outcome.has_size:
        sample = cells.thinned(likelihood.offset.size // _THIN_TO)
        thin = sample.scalar(1)
        start = climb(
            lambda v, e: thin.evaluate(v, 2, e), start, iterations=20, tolerance=1e-4
        ).top.parameters

    def objective(parameters: Floats, here: Evaluation | None) -> Evaluation:
        if many and here is not None and _is_at_hand(here):
            gradient = likelihood.evaluate(parameters, 1, here)
            return replace(gradient, hessian=here.hessian, next_order=here.next_order)
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


def _is_at_hand(here: Evaluation) -> bool:
    """Whether the top is so near that the Hessian there is this one, to far more digits than an SE needs."""
    _, decrement, definite = newton_step(here, np.ones(here.parameters.size, dtype=bool))
    return definite and decrement <= _LOOSE


def _at_zero(likelihood: ScalarLikelihood, found: Climb) -> Climb:
    """The maximum with σ = 0; converged if it is one of the whole likelihood."""
    at, free = found.top.parameters.copy(), np.ones(found.top.parameters.size, dtype=bool)
    at[0], free[0] = 0.0, False
    zero = climb(lambda v, e: likelihood.evaluate(v, 2, e), at, free=free, near=found.top)
    is_maximum = zero.converged and bool(zero.top.hessian[0, 0] <= 0.0)
    return replace(zero, converged=is_maximum, iterations=found.iterations + zero.iterations)


def _best_start(cells: ArrangedCells, likelihood: ScalarLikelihood, start: Floats, found: Climb) -> Climb:
    """The highest of several maxima, which small data can have: at zero and inside.

    Laplace's approximation can rise for ever towards huge SDs where the likelihood itself does not: then a
    maximum inside, if any, is the answer.
    """
    spurious = found.capped and likelihood.nodes == 1
    if likelihood.offset.size > _MANY_STARTS or (found.capped and not spurious):
        return found
    if found.top.parameters[0] != 0.0 and not spurious:
        small = abs(float(found.top.parameters[0])) < _NEAR_ZERO
        zero = _at_zero(likelihood, found) if small else found
        return zero if zero.converged and zero.top.value > found.top.value else found
    for sd in _OTHER_STARTS:
        other = _climb_scalar(cells, likelihood, np.concatenate(([sd], start[1:])), None)
        implausible = likelihood.nodes == 1 and abs(float(other.top.parameters[0])) > _PLAUSIBLE
        if not other.converged or implausible:
            continue
        if spurious or other.top.value > found.top.value + 1e-9 * (1.0 + abs(found.top.value)):
            found, spurious = other, False
    return found


def _finish_scalar(
    likelihood: ScalarLikelihood, found: Climb, path: tuple[tuple[int, float], ...], iterations: int
) -> Maximum:
    top = found.top
    parameters = top.parameters.copy()
    sign = -1.0 if parameters[0] < 0.0 else 1.0
    held = np.array([parameters[0] == 0.0 or found.capped])
    hessian = top.hessian.copy()
    hessian[0, 1:] *= sign
    hessian[1:, 0] *= sign
    parameters[0] *= sign
    sigma, p = parameters[0], likelihood.x.shape[0]
    posterior = None
    if likelihood.nodes > 1 or likelihood.offset.size <= _THIN_ABOVE:
        enough = _POSTERIOR_NODES if likelihood.offset.size <= _THIN_ABOVE else likelihood.nodes
        mean, sd = likelihood.posterior(top.parameters, max(enough, likelihood.nodes), top)
        posterior = (top.parameters[0] * mean, sigma * sd)
    return Maximum(
        parameters=parameters,
        value=top.value,
        covariance=_inverse_information(hessian, held),
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


def _maximise_grouped(cells: ArrangedCells, start: Floats) -> Maximum:
    likelihood = cells.grouped()
    arrangement = likelihood.arrangement
    q = likelihood.n_theta

    def working(parameters: Floats, here: Evaluation | None) -> Evaluation:
        return likelihood.evaluate(parameters, 2, here)

    def largest_sd(parameters: Floats) -> float:
        triangles = zip(arrangement.terms, arrangement.split(parameters[:q]), strict=True)
        return max(float(np.sqrt((term.triangle(part) ** 2).sum(axis=1)).max()) for term, part in triangles)

    def beyond(parameters: Floats) -> bool:
        return largest_sd(parameters) > SD_CAP

    if likelihood.offset.size > _THIN_ABOVE and not likelihood.outcome.has_size:
        thin = cells.thinned(likelihood.offset.size // _THIN_TO).grouped()
        start = climb(
            lambda v, e: thin.evaluate(v, 2, e), start, iterations=20, tolerance=_NEAR
        ).top.parameters

    def search(begin: Floats) -> tuple[Climb, NDArray[np.bool_]]:
        found = climb(working, begin, beyond=beyond, iterations=_WORKING_STEPS, tolerance=_NEAR)
        if not found.converged and not found.capped:
            more = climb(likelihood.evaluate_exactly, found.top.parameters, near=found.top, beyond=beyond)
            found = replace(more, iterations=found.iterations + more.iterations)
        if not found.capped:
            return _to_boundary(likelihood, found)
        free = np.ones(begin.size, dtype=bool)
        free[:q] = False
        again = climb(working, found.top.parameters, free=free, near=found.top, tolerance=_NEAR)
        return replace(again, capped=True, iterations=found.iterations + again.iterations), free

    found, free = search(start)
    if likelihood.offset.size <= _MANY_STARTS and (found.capped or not free.all()):
        # as for a scalar effect: another maximum inside, or away from Laplace's rise to huge SDs
        for factor in _OTHER_FACTORS:
            begin = np.concatenate((factor * start[:q], start[q:]))
            look = climb(working, begin, beyond=beyond, iterations=_LOOKS, tolerance=_NEAR)
            higher = found.capped or look.top.value > found.top.value + _NEAR
            if not higher or largest_sd(look.top.parameters) > _PLAUSIBLE:
                continue
            other, its = search(look.top.parameters)
            if not other.capped and (found.capped or other.top.value > found.top.value + _NEAR):
                found, free = other, its
    iterations = found.iterations
    top, decrement, definite, steps = _polish(likelihood, found.top, free)
    hessian, iterations = top.hessian, iterations + steps
    held = ~free[:q]
    signs = np.ones(top.parameters.size)
    signs[:q] = arrangement.column_signs(top.parameters[:q])
    point = Point(likelihood, top.parameters, top)
    posterior = point.factor.posterior()
    return Maximum(
        parameters=signs * top.parameters,
        value=top.value,
        covariance=_inverse_information(hessian * np.outer(signs, signs), held),
        effects=tuple(point.effects),
        conditional=posterior.covariance,
        slopes=tuple(
            np.moveaxis(each, -1, 0) for each in arrangement.unstack(point.coefficient_information()[1].T)
        ),
        posterior=None,
        next_order=0.0,
        nodes=1,
        path=((1, top.value),),
        iterations=iterations,
        decrement=decrement,
        converged=decrement <= 1e-10 and definite and not found.capped,
        held=held,
        capped=found.capped,
    )


def _to_boundary(likelihood: GroupedLikelihood, found: Climb) -> tuple[Climb, NDArray[np.bool_]]:
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
    likelihood: GroupedLikelihood, near: Evaluation, free: NDArray[np.bool_]
) -> tuple[Evaluation, float, bool, int]:
    """The top with its exact Hessian, its Newton decrement, whether it is a maximum, and the steps taken.

    Near the top one exact Hessian serves several steps; where it does not, every step has its own.
    """
    top = replace(near, hessian=likelihood.exact_hessian(near))
    steps = 0
    for _ in range(_CHORDS):
        move, decrement, definite = newton_step(top, free)
        if not definite or decrement <= TOLERANCE:
            break
        trial = likelihood.evaluate(top.parameters + move, 1, top)
        if not trial.value >= top.value - 1e-9 * (1.0 + abs(top.value)):
            break
        top = replace(trial, hessian=top.hessian, mode_slopes=top.mode_slopes)
        steps += 1
    if definite and decrement <= TOLERANCE and steps == 0:
        return top, decrement, True, 0
    last = climb(likelihood.evaluate_exactly, top.parameters, free=free, near=top)
    return last.top, last.decrement, last.converged, steps + last.iterations


def _inverse_information(hessian: Floats, held: NDArray[np.bool_]) -> Floats:
    """Inverse of −hessian over the parameters that are free; zero for those that are held."""
    free = np.ones(hessian.shape[0], dtype=bool)
    free[: held.size] = ~held
    information = -hessian[np.ix_(free, free)]
    scale = np.sqrt(np.maximum(np.abs(np.diag(information)), 1e-300))
    values, vectors = np.linalg.eigh(_scaled(information))
    covariance = np.zeros_like(hessian)
    if values.min(initial=1.0) <= 1e-14:  # not a maximum: there is no covariance
        covariance[np.ix_(free, free)] = np.nan
    else:
        covariance[np.ix_(free, free)] = (vectors / values) @ vectors.T / np.outer(scale, scale)
    return covariance


def _scaled(matrix: Floats) -> Floats:
    scale = np.sqrt(np.maximum(np.abs(np.diag(matrix)), 1e-300))
    return np.asarray(matrix / np.outer(scale, scale))
