"""Years of releases that once told a small count, each by a way of its own; none does now."""

import functools
from dataclasses import replace

import pytest

from tasks.disclosing import POLICIES
from tests.benchmarks.attacked import published
from tests.benchmarks.attacked_networks import Case, case
from tests.disclosing.attacker import Attacker
from tests.disclosing.networks import Tables

pytestmark = pytest.mark.attack


@functools.cache
def year(kind: str, policy: str, releases: int, number: int = 0) -> tuple[Case, list[Tables]]:
    """A network and its first releases."""
    network = case(kind, number, POLICIES[policy], 12)
    network = replace(network, editions=network.editions[:releases])
    return network, published(network)


@pytest.mark.before_release
@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "policy", "releases", "number"),
    [
        # once nothing of a clinic was small any more, its label said so, of months that earlier sums held
        ("any network", "suppress-1-4", 7, 0),
        # the share of all records, to three digits, told the total of 42 events that rounding hides
        ("clinics that open and close", "nhs-7-round-5", 4, 0),
        # labels of the release before were read as if it had been published under the policy of today
        ("policy changed between releases", "nhs-7-round-5", 6, 0),
        # windows of months that had left, each overlapping the next, told July by way of January
        ("three clinics", "suppress-1-4", 11, 2),
        # counts that were rounded were taken for restated, and for exact: 6 was left as 6 or 7
        ("outcomes that add up", "nhs-7-round-5", 5, 2),
        # of a month that one policy rounded and another did not, the rounded number was taken for the count
        ("policy changed between releases", "nhs-7-round-5", 12, 2),
        # shares of 99.5% and 99.7% of rounded counts told that of a month all, or all but one, had the event
        ("prevalence of 99%", "nhs-7-round-5", 7, 5),
    ],
)
def test_a_year_that_once_told_a_small_count(kind: str, policy: str, releases: int, number: int) -> None:
    network, released = year(kind, policy, releases, number)
    found = Attacker(network.editions, released, network.knowledge).found()
    assert len(found) > 10
    assert not [each for each in found if each.recovered or each.narrowed]


@pytest.mark.slow
def test_a_month_once_labelled_small_is_not_called_a_companion_later() -> None:
    network, released = year("any network", "suppress-1-4", 7)
    months = released[-1]["clinic_months"]
    series = months[(months["clinic"] == "clinic 05") & (months["outcome"] == "positive")]
    assert network.editions[6].counts["positive"][5].tolist() == [10, 7, 5, 6]  # and not few without
    assert set(series["status"]) <= {"suppressed_primary", "ok"}
    assert "suppressed_primary" in set(series["status"])
