"""Control limits worked out by hand, as arithmetic."""

import numpy as np
import pytest

from tasks.estimating.control_limits import limits_of_proportions, limits_of_rates, limits_of_values


def test_limits_of_individual_values() -> None:
    values = np.array([10.0, 12.0, 11.0, 13.0])
    limits = limits_of_values(values)
    moving_range = (2 + 1 + 2) / 3
    assert limits.centre == pytest.approx(np.full(4, 46 / 4))
    assert limits.upper == pytest.approx(np.full(4, 46 / 4 + 3 * moving_range / 1.128))
    assert limits.lower == pytest.approx(np.full(4, 46 / 4 - 3 * moving_range / 1.128))
    assert limits.kind == "trial"


def test_the_first_twelve_points_fix_the_limits() -> None:
    steady = np.array([5.0, 6.0] * 6)
    later = np.concatenate([steady, [50.0, 60.0]])
    assert limits_of_values(later).kind == "fixed"
    assert limits_of_values(later).centre[0] == limits_of_values(steady).centre[0] == 5.5


def test_two_points_have_no_limits() -> None:
    limits = limits_of_values(np.array([1.0, 2.0]))
    assert limits.kind == ""
    assert np.isnan(limits.centre).all()


def test_months_without_a_value_are_passed_over() -> None:
    with_gap = limits_of_values(np.array([10.0, np.nan, 12.0, 11.0, 13.0]))
    assert with_gap.centre[0] == 11.5
    assert with_gap.upper[0] == pytest.approx(11.5 + 3 * (5 / 3) / 1.128)


def test_proportions_allow_for_varying_sizes_and_for_more_than_sampling() -> None:
    events, sizes = np.array([10.0, 30.0, 24.0]), np.array([100.0, 200.0, 120.0])
    limits = limits_of_proportions(events, sizes)
    p = 64 / 420
    sd = np.sqrt(p * (1 - p) / sizes)
    z = (events / sizes - p) / sd
    spread = (abs(z[1] - z[0]) + abs(z[2] - z[1])) / 2 / 1.128
    assert limits.centre == pytest.approx(np.full(3, p))
    assert limits.upper == pytest.approx(p + 3 * sd * spread)
    assert limits.lower == pytest.approx(np.maximum(p - 3 * sd * spread, 0))


def test_rates_have_no_upper_bound_and_proportions_have() -> None:
    events, sizes = np.array([90.0, 60.0, 99.0]), np.array([100.0, 100.0, 100.0])
    assert (limits_of_proportions(events, sizes).upper <= 1).all()
    assert (limits_of_rates(3 * events, sizes).upper > 1).all()


@pytest.mark.parametrize("events", [[0.0, 0.0, 0.0], [5.0, 5.0, 5.0]])
def test_what_never_varies_has_no_limits(events: list[float]) -> None:
    assert limits_of_proportions(np.array(events), np.full(3, 5.0)).kind == ""
