"""Climbing a log-likelihood: to its top, or no further than its own slopes say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.models.numerics.ascent import climb

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Point:
    """A point of a function of one variable."""

    parameters: Floats
    value: float
    gradient: Floats
    hessian: Floats


def test_a_parabola_is_climbed_in_one_step() -> None:
    def parabola(at: Floats, _: Point | None) -> Point:
        x = float(at[0])
        return Point(at, -((x - 3.0) ** 2), np.array([-2.0 * (x - 3.0)]), np.array([[-2.0]]))

    found = climb(parabola, np.zeros(1))
    assert found.converged
    assert found.iterations == 1
    assert found.top.parameters[0] == 3.0


def test_a_climb_whose_slopes_are_not_those_of_its_values_ends_soon() -> None:
    """As with too few quadrature nodes: each step is halved some thirty times before it does no harm."""

    def misled(at: Floats, _: Point | None) -> Point:
        return Point(at, 1e-9 * float(at[0]), np.array([1.0]), np.array([[-1.0]]))

    found = climb(misled, np.zeros(1))
    assert not found.converged
    assert not found.capped
    assert found.evaluations < 300  # 100 steps of some 30 before


def test_a_climb_at_a_top_that_rounding_hides_does_not_look_for_it() -> None:
    """The value is rounded by more than a step so near the top could gain: shorter steps cannot be judged."""
    evaluated = 0

    def rounded(at: Floats, _: Point | None) -> Point:
        nonlocal evaluated
        evaluated += 1
        x = float(at[0])
        noise = 1e-6 if evaluated == 1 else 0.0
        return Point(at, -0.5 * x**2 - 22_153.0 + noise, np.array([-x]), np.array([[-1.0]]))

    found = climb(rounded, np.array([9e-6]))
    assert found.converged
    assert evaluated <= 6
    assert found.top.parameters[0] == 9e-6
