"""Control limits worked out by hand, as arithmetic; signals, and how often chance alone gives one."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal, stats

from tasks.estimating.control_limits import individual, limits, proportions, rates
from tasks.estimating.run_signals import autocorrelations, calibration, shifts, trends

Floats = NDArray[np.float64]


def test_limits_of_individual_values() -> None:
    found = limits(individual(np.array([10.0, 12.0, 11.0, 13.0])))
    half = calibration(4, 0).width * (2 + 1 + 2) / 3 / 1.128
    assert found.centre == pytest.approx(np.full(4, 46 / 4))
    assert found.upper == pytest.approx(np.full(4, 46 / 4 + half))
    assert found.lower == pytest.approx(np.full(4, 46 / 4 - half))
    assert found.kind == "trial"


def test_the_first_twelve_points_fix_the_limits() -> None:
    steady = np.array([5.0, 6.0] * 6)
    later = limits(individual(np.concatenate([steady, [50.0, 60.0]])))
    assert later.kind == "fixed"
    assert later.centre[0] == limits(individual(steady)).centre[0] == 5.5
    assert later.signals.tolist() == [""] * 12 + ["beyond"] * 2


def test_two_points_have_no_limits() -> None:
    found = limits(individual(np.array([1.0, 2.0])))
    assert found.kind == ""
    assert np.isnan(found.centre).all()


def test_months_without_a_value_are_passed_over() -> None:
    found = limits(individual(np.array([10.0, np.nan, 12.0, 11.0, 13.0])))
    assert found.centre[0] == 11.5
    assert found.upper[0] == pytest.approx(11.5 + calibration(4, 0).width * (5 / 3) / 1.128)


def test_proportions_allow_for_varying_sizes_and_for_more_than_sampling() -> None:
    events, sizes = np.array([10.0, 30.0, 24.0]), np.array([100.0, 200.0, 120.0])
    found = limits(proportions(events, sizes))
    p = 64 / 420
    sd = np.sqrt(p * (1 - p) / sizes)
    z = (events / sizes - p) / sd
    spread = (abs(z[1] - z[0]) + abs(z[2] - z[1])) / 2 / 1.128
    half = calibration(3, 0).width * sd * spread
    assert found.centre == pytest.approx(np.full(3, p))
    assert found.upper == pytest.approx(p + half)
    assert found.lower == pytest.approx(np.maximum(p - half, 0))


def test_rates_have_no_upper_bound_and_proportions_have() -> None:
    events, sizes = np.array([90.0, 60.0, 99.0]), np.array([100.0, 100.0, 100.0])
    assert (limits(proportions(events, sizes)).upper <= 1).all()
    assert (limits(rates(3 * events, sizes)).upper > 1).all()


@pytest.mark.parametrize("events", [[0.0, 0.0, 0.0], [5.0, 5.0, 5.0]])
def test_what_never_varies_has_no_limits(events: list[float]) -> None:
    assert limits(proportions(np.array(events), np.full(3, 5.0))).kind == ""


def test_eight_in_a_row_on_one_side_are_a_shift() -> None:
    apart = np.array([-1.0, *[1.0] * 8, -1.0, *[1.0] * 7])
    assert shifts(apart).tolist() == [False, *[True] * 8, *[False] * 8]
    # a point on the line itself ends a run
    assert not shifts(np.array([1.0] * 4 + [0.0] + [1.0] * 4)).any()


def test_six_in_a_row_that_rise_are_a_trend() -> None:
    values = np.array([3.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 5.0, 5.0])
    assert trends(values).tolist() == [False, *[True] * 6, False, False]
    assert not trends(np.array([1.0, 2.0, 3.0, 4.0, 5.0, 5.0, 6.0])).any()


def series(charts: int, points: int, rho: float, seed: int) -> Floats:
    """Normal values of variance 1 whose successive ones have correlation rho; nothing ever changes."""
    noise = np.random.default_rng(seed).standard_normal((charts, points))
    noise[:, 1:] *= np.sqrt(1 - rho**2)
    return np.asarray(signal.lfilter([1.0], [1.0, -rho], noise, axis=1))


@pytest.mark.parametrize("rho", [0.0, 0.5])
@pytest.mark.parametrize("points", [12, 24])
def test_limits_are_passed_as_rarely_as_three_known_standard_deviations(points: int, rho: float) -> None:
    """3.2% of chart-years; with the usual width 8% at 24 points, and 30% at an autocorrelation of 0.5."""
    values = series(600, points, rho, 71)
    alike = [tenths for i in range(0, 600, 20) for tenths in autocorrelations(list(values[i : i + 20]))]
    found = [limits(individual(each), tenths) for each, tenths in zip(values, alike, strict=True)]
    beyond = np.mean([(each.signals == "beyond").any() for each in found])
    a_year = 1 - (1 - beyond) ** (12 / points)
    assert a_year < 1 - (1 - 0.0027) ** 12 + 2 * np.sqrt(0.032 / 600)
    # what is printed beside the chart is what happens
    any_signal = np.mean([(each.signals != "").any() for each in found])
    said = np.mean([each.a_year(points, 12) for each in found])
    assert said == pytest.approx(1 - (1 - any_signal) ** (12 / points), abs=0.05)


def test_the_width_of_known_limits_is_three() -> None:
    """With 12 points the limits still come from the values they judge; by hand P(|z| > 3) is 0.0027."""
    assert 2 * stats.norm.sf(3) == pytest.approx(0.0027, abs=1e-5)
    assert calibration(12, 0).width < calibration(24, 0).width < calibration(24, 5).width


def test_an_autocorrelation_is_found_and_few_points_borrow_it() -> None:
    values = list(series(60, 24, 0.6, 72))
    found = autocorrelations([*values, np.array([1.0, 2.0, np.nan])])
    assert 5 <= np.mean(found) <= 7
    assert 5 <= found[-1] <= 7
    assert np.mean(autocorrelations(list(series(60, 24, 0.0, 73)))) < 1


def test_events_that_begin_after_the_baseline_leave_no_limits() -> None:
    """Twelve months without an event say nothing about how many there might be."""
    chart = rates(np.array([0.0] * 12 + [3.0, 4.0]), np.full(14, 10.0))
    assert limits(chart).kind == ""
    assert autocorrelations([chart.standardised]) == [0]


def test_a_trend_is_no_likeness() -> None:
    """A steady rise is a change: limits that widened for it would hide it."""
    rising = [each + 0.3 * np.arange(24) for each in series(40, 24, 0.0, 74)]
    assert np.mean(autocorrelations(rising)) < 1
