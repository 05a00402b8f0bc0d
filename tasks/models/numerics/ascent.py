"""Newton's method for a log-likelihood, stopped by a gradient test, that keeps a record of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from tasks.models.numerics.second_order import SecondOrder, SecondOrderAt

Floats = NDArray[np.float64]

TOLERANCE = 1e-16
"""Newton decrement g'H⁻¹g at which the climb stops: the squared distance to the top, in standard errors."""

_LOOSE = 1e-10  # accepted where rounding lets the decrement fall no further
_CREEPING, _PATIENT = 1e-3, 5
"""Share of a Newton step, and how many steps shorter than that in turn: what climbs so gets nowhere."""
_HALVINGS = 40
_HALVINGS_AT_TOP = 4
"""The same within `_LOOSE` of the top, where a step's rise is less than the log-likelihood's rounding."""

P = TypeVar("P", bound=SecondOrderAt)


@dataclass(frozen=True, slots=True)
class Climb(Generic[P]):
    """Where a climb ended and how.

    Attributes:
        top: the last evaluation, Hessian included.
        iterations: Newton steps taken.
        evaluations: points at which the log-likelihood was evaluated.
        decrement: g'H⁻¹g at the top.
        converged: whether the decrement passed the test with a negative definite Hessian.
        capped: whether the climb was stopped because a variance parameter passed its cap.
        path: log-likelihood after each step.
    """

    top: P
    iterations: int
    evaluations: int
    decrement: float
    converged: bool
    capped: bool
    path: tuple[float, ...]


Objective = Callable[[Floats, P | None], P]


def climb(
    objective: Objective[P],
    start: Floats,
    *,
    free: NDArray[np.bool_] | None = None,
    near: P | None = None,
    first: P | None = None,
    beyond: Callable[[Floats], bool] | None = None,
    iterations: int = 100,
    tolerance: float = TOLERANCE,
) -> Climb[P]:
    """The maximum of a log-likelihood reached by modified Newton steps that never go down.

    Where the Hessian is not negative definite its eigenvalues are reflected (Gill, Murray & Wright 1981,
    §4.4.2), after scaling by its diagonal so that units do not matter; steps are halved until the
    log-likelihood rises (Armijo).

    Args:
        objective: evaluates value, gradient and Hessian at a point, given a near evaluation or None.
        start: where to begin.
        free: (q,) which parameters move; all by default.
        near: an evaluation whose modes are a good start.
        first: the evaluation at the start, where there is one already.
        beyond: says that a point is past the cap where a diverging variance is given up.
        iterations: the most steps to take.
        tolerance: the Newton decrement to reach.
    """
    moves = np.ones(start.size, dtype=bool) if free is None else free
    here = objective(start, near) if first is None else first
    path, evaluations, best = [here.value], 1, np.inf
    stalled = crept = 0
    for count in range(iterations + 1):
        step, decrement, definite = newton_step(here, moves)
        if definite and decrement <= tolerance:
            return Climb(here, count, evaluations, decrement, True, False, tuple(path))
        if beyond is not None and beyond(here.parameters):
            return Climb(here, count, evaluations, decrement, False, True, tuple(path))
        stalled = stalled + 1 if decrement > 0.25 * best else 0
        best = min(best, decrement)
        if decrement <= _LOOSE and stalled >= 3:
            return Climb(here, count, evaluations, decrement, definite, False, tuple(path))
        if count == iterations:
            break
        rise, length = float(here.gradient @ step), 1.0
        noise = 1e-13 * (1.0 + abs(here.value))
        for _ in range(_HALVINGS if decrement > _LOOSE else _HALVINGS_AT_TOP):
            trial = objective(here.parameters + length * step, here)
            evaluations += 1
            if np.isfinite(trial.value) and trial.value >= here.value + 1e-4 * length * rise - noise:
                here = trial
                break
            length *= 0.25 if not np.isfinite(trial.value) else 0.5
        else:
            return Climb(
                here, count, evaluations, decrement, definite and decrement <= _LOOSE, False, tuple(path)
            )
        path.append(here.value)
        crept = crept + 1 if length < _CREEPING else 0
        if crept >= _PATIENT:
            return Climb(here, count + 1, evaluations, decrement, False, False, tuple(path))
    return Climb(here, iterations, evaluations, decrement, False, False, tuple(path))


def newton_step(here: SecondOrder, moves: NDArray[np.bool_]) -> tuple[Floats, float, bool]:
    """The step, its decrement g'H⁻¹g, and whether the Hessian was negative definite."""
    information = -here.hessian[np.ix_(moves, moves)]
    gradient = here.gradient[moves]
    scale = np.sqrt(np.maximum(np.abs(np.diag(information)), 1e-300))
    values, vectors = np.linalg.eigh(information / np.outer(scale, scale))
    floor = 1e-12 * max(1.0, float(np.abs(values).max()))
    definite = bool(values.min() > floor)
    used = np.maximum(np.abs(values), floor if definite else 1e-3)
    along = vectors.T @ (gradient / scale)
    step = np.zeros(moves.size)
    step[moves] = (vectors @ (along / used)) / scale
    return step, float((along**2 / used).sum()), definite
