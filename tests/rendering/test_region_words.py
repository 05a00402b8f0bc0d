"""What is said of a region's typical clinic, on an outcome's pages and on the region's own."""

from __future__ import annotations

import dataclasses

import pytest
from rendering.test_charts import binary

from tasks.rendering.edition import Outcome
from tasks.rendering.shown_figures import RegionEstimate
from tasks.rendering.words.region_words import region_rows, typical_of_region

NORTH = RegionEstimate("North", 5, 8, 61.24, 58.3, 64.1, "better")


def _outcome(*regions: RegionEstimate) -> Outcome:
    return dataclasses.replace(binary([(5, 10)]), regions=regions)


@pytest.mark.parametrize(
    ("comparison", "against", "said"),
    [
        ("better", "better", ", better than the network’s."),
        ("worse", "worse", ", worse than the network’s."),
        ("no_different", "not told apart", ", not told apart from the network’s."),
        ("placed", "", "."),
    ],
)
def test_a_region_is_told_with_its_interval_and_how_it_compares(
    comparison: str, against: str, said: str
) -> None:
    outcome = _outcome(dataclasses.replace(NORTH, comparison=comparison))
    (row,) = region_rows(outcome)
    assert (row.region, row.clinics, row.against) == ("North", "5 of 8", against)
    assert row.typical == "61.2% (58.3 to 64.1)"
    assert typical_of_region(outcome, "North") == f"The typical clinic: {row.typical}{said}"


def test_nothing_is_said_of_a_region_that_is_not_told() -> None:
    hidden = dataclasses.replace(NORTH, value=None, lower=None, upper=None, comparison="not_compared")
    assert region_rows(_outcome(hidden)) == ()
    assert typical_of_region(_outcome(hidden), "North") == ""
    assert typical_of_region(_outcome(), "North") == ""
