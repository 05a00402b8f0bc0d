"""How many digits of a model's figures may be told: against surfaces, ways and fits had otherwise."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, special, stats

from tasks.disclosing import POLICIES
from tasks.disclosing.counts import Counts, counts_of, events_of
from tasks.disclosing.likelihood_surface import Surface
from tasks.disclosing.possible_events import PossibleEvents
from tasks.disclosing.refitting import MOST_MODEL_DIGITS, ClinicSurfaces, model_digits
from tasks.models import glmm

pytestmark = pytest.mark.attack

POLICY = POLICIES["suppress-1-10"]


def counts(sizes: list[int] | np.ndarray, events: list[int] | np.ndarray) -> tuple[Counts, np.ndarray]:
    """Events of a binary outcome in one window, and their sizes."""
    n, none, nothing = np.array(sizes, dtype=float), np.empty((len(sizes), 0)), np.empty(0)
    counted = counts_of(POLICY, np.array(events, dtype=float), none, nothing)
    return events_of(POLICY, counted, counts_of(POLICY, n, none, nothing)), n


def digits(sizes: list[int], events: list[int], withheld: list[int], **more: bool) -> int | None:
    counted, n = counts(sizes, events)
    return model_digits(POLICY, counted, n, np.isin(np.arange(len(n)), withheld), **more)


def test_tables_that_each_give_another_model_leave_no_digit() -> None:
    # A has 1 to 6 of 17 events, C the others; in another table typical clinic and spread are others
    assert digits([40, 45, 50, 55, 60], [4, 12, 13, 30, 25], [0, 2]) == 0


def test_tables_that_give_the_same_model_leave_all() -> None:
    # 3 and 8 of clinics of one size, or 8 and 3: 5 apart, half of 1 to 10 is 4.5
    assert digits([40, 40, 50, 55, 60], [3, 8, 13, 30, 25], [0, 1]) == MOST_MODEL_DIGITS
    # 5 and 6, or 6 and 5: 1 apart
    assert digits([40, 40, 50, 55, 60], [5, 6, 13, 30, 25], [0, 1]) == 0


def test_where_nothing_small_is_withheld_nothing_is_given_away() -> None:
    assert digits([40, 45, 50, 55, 60], [14, 12, 13, 30, 25], [0, 2]) is None
    assert digits([40, 45, 50, 55, 60], [4, 12, 13, 30, 25], []) is None


def test_nor_where_the_total_tells_it_anyway_but_a_withheld_total_does_not() -> None:
    # 84 less the others is 4: it is for companions to hide; where the total is withheld too, a model tells it
    assert digits([40, 45, 50, 55, 60], [4, 12, 13, 30, 25], [0]) is None
    assert digits([40, 45, 50, 55, 60], [4, 12, 13, 30, 25], [0], known_total=False) == 0


@pytest.mark.slow
@pytest.mark.parametrize("binary", [True, False])
def test_a_surface_is_the_integral_over_clinics_effects(binary: bool) -> None:
    surface = Surface.about(np.array([4.0, 12, 13, 30]), np.array([40.0, 45, 50, 55]), binary=binary)

    def likelihood(point: int) -> float:
        def height(effect: float) -> float:
            mean = np.exp(surface.average[point] + surface.sd[point] * effect)
            events = stats.binom(40, mean / (1 + mean)) if binary else stats.poisson(40 * mean)
            return float(events.pmf(7) * stats.norm.pdf(effect))

        return float(np.log(integrate.quad(height, -8, 8, points=[-2, 0, 2])[0]))

    found = surface.of(np.array([7]), 40.0)[0][[0, 7]]
    assert found == pytest.approx([likelihood(i) - likelihood(0) for i in (1, 8)], abs=1e-9)


def test_as_different_as_surfaces_are_the_figures_are() -> None:
    # a record with the event moves from one clinic to another: what the estimators make of it
    sizes, events = np.array([40.0, 45, 50, 55, 60, 80]), np.array([9.0, 12, 13, 30, 25, 20])

    def figures(of: np.ndarray) -> np.ndarray:
        data = pd.DataFrame({"clinic": list("ABCDEF"), "n": sizes, "y": of})
        fit = glmm("y ~ 1 + (1 | clinic)", data, trials="n")
        return np.array([special.expit(fit.coef.iloc[0]), fit.varcomp.sd("clinic").iloc[0]])

    surface = Surface.about(events, sizes, binary=True)
    moved = events + np.array([1.0, 0, -1, 0, 0, 0])
    changed = sum(
        surface.of(np.array([moved[i]]), sizes[i]) - surface.of(np.array([events[i]]), sizes[i])
        for i in (0, 2)
    )
    relative = np.abs(figures(moved) / figures(events) - 1.0).max() / np.abs(changed).max()
    assert 0.08 < relative < 1.6


def test_ways_that_are_estimated_are_there() -> None:
    # seven clinics with few events: 26,544 ways, which can still be counted
    rng = np.random.default_rng(1)
    sizes = rng.integers(20, 60, 12)
    events = np.minimum(rng.binomial(sizes, rng.beta(3, 9, 12)), 10)
    events[7:] = rng.integers(12, 15, 5)
    counted, n = counts(sizes, events)
    possible = PossibleEvents.of(POLICY, counted, n, np.arange(12) < 7)
    assert possible.ways is not None and len(possible.ways) == 26_544
    surfaces = ClinicSurfaces.of(
        Surface.about(events.astype(float), n, binary=True), possible, events.astype(float), n, finer=1.0
    )
    for epsilon in (1.0, 0.3):
        agreeing = surfaces.agreeing(possible.ways, epsilon)
        for i, estimated in enumerate(surfaces.ways_estimated(epsilon)):
            number = np.bincount(agreeing[:, i] - possible.lower[i], minlength=len(estimated))
            assert (10 * number[estimated >= 100.0] > estimated[estimated >= 100.0]).all()
            assert 500.0 * estimated.sum() > number.sum()
