"""Sums that follow from releases too old to be held against, worked by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tasks.disclosing import POLICIES
from tasks.disclosing.chains import told_by_chains
from tasks.disclosing.count_columns import Shown

pytestmark = pytest.mark.attack

POLICY = POLICIES["suppress-1-10"]
JANUARY, FEBRUARY, MARCH, APRIL, MAY, JUNE = (f"2024-{month:02d}" for month in range(1, 7))


def shown(window: float, *months: str, total: float = np.nan, **of_months: float) -> Shown:
    """One clinic's window in a release of these months; months that it shows by name."""
    release = Shown.of_windows(months, np.array([window]), POLICY)
    counts = np.array([[of_months.get(month.replace("-", "_"), np.nan) for month in months]])
    return replace(release, total=total, months=counts)


NEAR = shown(99.0, MARCH, APRIL, MAY, JUNE)


def test_two_windows_tell_what_lies_between_their_ends() -> None:
    # 47 by February and 100 by April: March and April have 53
    beyond = [shown(47.0, JANUARY, FEBRUARY), shown(100.0, JANUARY, FEBRUARY, MARCH, APRIL)]
    (sums,) = told_by_chains([NEAR], beyond)
    assert sums.names == (MARCH, APRIL)
    assert sums.window.tolist() == [53.0]
    assert np.isnan(sums.total)
    assert not sums.is_release


def test_of_the_network_as_of_a_clinic() -> None:
    beyond = [
        shown(np.nan, JANUARY, FEBRUARY, total=470.0),
        shown(np.nan, JANUARY, FEBRUARY, MARCH, APRIL, total=1000.0),
    ]
    (sums,) = told_by_chains([NEAR], beyond)
    assert (sums.names, sums.total) == ((MARCH, APRIL), 530.0)
    assert np.isnan(sums.window).all()


def test_a_month_that_was_shown_is_a_step_too() -> None:
    # 100 by April less 70 by March, which January's 30, February's 17 and March's 23 are
    beyond = [
        shown(30.0, JANUARY),
        shown(np.nan, JANUARY, FEBRUARY, MARCH, **{"2024_02": 17.0, "2024_03": 23.0}),
        shown(100.0, JANUARY, FEBRUARY, MARCH, APRIL),
    ]
    told = {each.names: each.window[0] for each in told_by_chains([NEAR], beyond)}
    assert told == {(MARCH,): 23.0, (APRIL,): 30.0}


def test_what_those_held_against_tell_themselves_is_not_added() -> None:
    beyond = [shown(47.0, JANUARY, FEBRUARY), shown(100.0, JANUARY, FEBRUARY, MARCH, APRIL)]
    assert told_by_chains([NEAR, shown(53.0, MARCH, APRIL)], beyond) == []


def test_a_number_that_was_stated_anew_connects_nothing_else() -> None:
    beyond = [
        shown(47.0, JANUARY, FEBRUARY),
        shown(48.0, JANUARY, FEBRUARY),
        shown(100.0, JANUARY, FEBRUARY, MARCH, APRIL),
    ]
    (sums,) = told_by_chains([NEAR], beyond)
    assert sums.window.tolist() == [53.0]


def test_rounded_windows_and_no_windows_tell_nothing() -> None:
    rounds = POLICIES["nhs-7-round-5"]
    beyond = [shown(45.0, JANUARY, FEBRUARY), shown(100.0, JANUARY, FEBRUARY, MARCH, APRIL)]
    assert told_by_chains([NEAR], [replace(each, policy=rounds) for each in beyond]) == []
    assert told_by_chains([NEAR], []) == []
    assert told_by_chains([], beyond) == []
