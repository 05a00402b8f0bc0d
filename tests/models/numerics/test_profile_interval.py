"""Ends of profile intervals, of profiles whose ends are known."""

from __future__ import annotations

import math

import pytest
from scipy import stats

from tasks.models.numerics.profile_interval import (
    allowed_fall,
    end_before,
    end_by_doubling,
    end_by_steps,
    root,
)


def parabola(best: float) -> object:
    """The excess of a normal log-likelihood with standard error 1: it ends 1.96 from the best value."""
    limit = 0.5 * float(stats.chi2.ppf(0.95, 1))
    return lambda value: limit - 0.5 * (value - best) ** 2


HALF = float(stats.norm.ppf(0.975))


def test_a_root_between_two_signs() -> None:
    assert root(lambda x: math.cos(x), 0.0, 3.0) == pytest.approx(math.pi / 2, rel=1e-14)


@pytest.mark.parametrize(("best", "lower"), [(5.0, 5.0 - HALF), (1.0, 0.0), (0.0, 0.0)])
def test_a_bound_that_the_likelihood_has_not_fallen_at_is_the_end(best: float, lower: float) -> None:
    assert end_before(0.0, parabola(best), best) == pytest.approx(lower, abs=1e-12)


def test_a_bound_that_cannot_be_computed_is_called_by_its_limit() -> None:
    assert end_before(0.999, parabola(0.5), 0.5, limit=1.0) == 1.0
    assert end_before(9.0, parabola(0.5), 0.5, limit=10.0) == pytest.approx(0.5 + HALF, rel=1e-12)


def test_an_upper_end_without_a_bound() -> None:
    end = end_by_doubling(parabola(3.0), 3.0, 3.5, 100.0, precision=1e-12)
    assert end == pytest.approx(3.0 + HALF, rel=1e-10)
    assert end_by_doubling(lambda _: 1.0, 3.0, 3.5, 100.0, precision=1e-12) == math.inf


@pytest.mark.parametrize("step", [0.01, 1.0, 50.0])
def test_ends_in_steps_whatever_the_first(step: float) -> None:
    lower = end_by_steps(parabola(-2.0), -2.0, -math.inf, step, upward=False)
    upper = end_by_steps(parabola(-2.0), -2.0, math.inf, step, upward=True)
    assert (lower, upper) == pytest.approx((-2.0 - HALF, -2.0 + HALF), rel=1e-8)


def test_steps_end_at_a_bound() -> None:
    assert end_by_steps(parabola(1.0), 1.0, 0.0, 0.3, upward=False) == 0.0
    assert end_by_steps(parabola(1.0), 1.0, 1.0, 0.3, upward=True) == 1.0
    assert end_by_steps(lambda _: 1.0, 1.0, math.inf, 0.3, upward=True) == math.inf


def test_few_clinics_allow_a_larger_fall() -> None:
    assert allowed_fall(0.95, 8) == pytest.approx(2.796, abs=1e-3)
    assert allowed_fall(0.95, 10**7) == pytest.approx(0.5 * 3.841459, rel=1e-5)
