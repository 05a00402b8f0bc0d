"""Minimising a smooth function of a few parameters: Newton steps inside a trust region.

Conn, Gould & Toint (2000) *Trust-Region Methods*, algorithm 6.1.1 with the subproblem solved exactly from
the eigenvalues of the Hessian (Moré & Sorensen 1983), so that indefinite Hessians and saddle points (a
variance that starts at zero) need no special case. It stops on the gradient, measured by what a Newton step
would still gain: ½ g'H⁻¹g.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from tasks.models.numerics.second_order import SecondOrder

Floats = NDArray[np.float64]


E = TypeVar("E", bound=SecondOrder)


@dataclass(frozen=True)
class Minimum(Generic[E]):
    """Where the search ended.

    Attributes:
        at: (m,) the parameters.
        found: the function there.
        iterations: steps tried.
        evaluations: places looked at.
        gain: what a further Newton step would still gain, in units of the function.
        converged: whether that is negligible.
    """

    at: Floats
    found: E
    iterations: int
    evaluations: int
    gain: float
    converged: bool


def minimise(
    function: Callable[[Floats], E],
    start: Floats,
    *,
    radius: float = 1.0,
    tolerance: float = 1e-9,
    limit: int = 200,
) -> Minimum[E]:
    """The minimum near `start`; parameters should be of order one.

    Args:
        function: the function with its derivatives, at any place.
        start: (m,) where to begin; the function must be finite there.
        radius: first bound on the length of a step.
        tolerance: gain of a Newton step, in units of the function, that is not worth another check: the
            step is still taken, which squares the error.
        limit: steps.
    """
    at, here = start, function(start)
    evaluations = 1
    gain = float("inf")
    for iteration in range(limit):
        values, vectors = np.linalg.eigh(here.hessian)
        slope = vectors.T @ here.gradient
        gain = _newton_gain(values, slope)
        if gain <= max(tolerance, 1e-18 * abs(here.value)) and _nearly_positive(values):
            polished = at + vectors @ _newton_step(values, slope)
            there = function(polished)
            evaluations += 1
            if np.isfinite(there.value) and there.value <= here.value + 1e-10 * (1.0 + abs(here.value)):
                at, here = polished, there
            return Minimum(at, here, iteration, evaluations, gain, True)
        step, expected = _step(values, slope, radius)
        move = vectors @ step
        there = function(at + move)
        evaluations += 1
        actual = here.value - there.value
        ratio = actual / expected if np.isfinite(there.value) else -1.0
        length = float(np.linalg.norm(move))
        if ratio < 0.25:
            radius = 0.25 * length
        elif ratio > 0.75 and length > 0.9 * radius:
            radius = 3.0 * radius
        # where the expected gain is within rounding of the value, the ratio is noise and the step is Newton's
        blind = expected < 1e-12 * (1.0 + abs(here.value)) and np.isfinite(there.value)
        if ratio > 1e-4 or blind:
            at, here = at + move, there
        elif length < 1e-12 * (1.0 + float(np.linalg.norm(at))):
            return Minimum(at, here, iteration, evaluations, gain, gain <= 1e-6)
    return Minimum(at, here, limit, evaluations, gain, gain <= 1e-6)


def _flat(values: Floats) -> NDArray[np.bool_]:
    """Directions in which the function does not curve: nothing to gain, nothing to step."""
    return np.asarray(np.abs(values) <= 1e-11 * max(float(np.abs(values).max()), 1e-300))


def _nearly_positive(values: Floats) -> bool:
    return bool(values.min() >= -1e-7 * max(float(values.max()), 1e-300))


def _newton_gain(values: Floats, slope: Floats) -> float:
    steep = ~_flat(values)
    return float(0.5 * np.sum(slope[steep] ** 2 / np.abs(values[steep]))) if steep.any() else 0.0


def _newton_step(values: Floats, slope: Floats) -> Floats:
    steep = ~_flat(values)
    step = np.zeros_like(slope)
    step[steep] = -slope[steep] / np.abs(values[steep])
    return step


def _step(values: Floats, slope: Floats, radius: float) -> tuple[Floats, float]:
    """The best step of at most `radius` in the quadratic model, and what the model expects of it."""
    if values[0] > 1e-11 * values[-1]:
        step = -slope / values
        if np.linalg.norm(step) <= radius:
            return step, _expected(values, slope, step)
    low = max(0.0, -float(values[0]))
    size = max(float(np.abs(values).max()), 1e-300)
    # without slope along the lowest curvature, the step goes there as far as the radius allows
    lowest = values + low <= 1e-12 * size
    if float(np.abs(slope[lowest]).max(initial=0.0)) <= 1e-12 * radius * size:
        step = np.where(lowest, 0.0, -slope / np.where(lowest, 1.0, values + low))
        short = radius**2 - float(step @ step)
        if short >= 0.0:
            if values[0] < 0.0:
                step[0] += np.sqrt(short)
            return step, _expected(values, slope, step)
    # shift the eigenvalues until the step has the length of the radius
    high = low + float(np.linalg.norm(slope)) / radius
    for _ in range(80):
        shift = 0.5 * (low + high)
        reach = np.abs(slope / np.maximum(values + shift, 1e-300))
        if reach.max() > radius or np.linalg.norm(reach) > radius:
            low = shift
        else:
            high = shift
        if high - low <= 1e-10 * high:
            break
    step = -slope / np.maximum(values + high, 1e-300)
    return step, _expected(values, slope, step)


def _expected(values: Floats, slope: Floats, step: Floats) -> float:
    return float(-(slope @ step) - 0.5 * values @ step**2)
