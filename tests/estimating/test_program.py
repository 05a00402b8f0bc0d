"""What a program's estimates say where the data do not bear some of them."""

from __future__ import annotations

import re

import pytest
from small_network import MONTH, NETWORK, RECORDS, write_network

from tasks.estimating import estimate_outcome, summarise
from tasks.estimating.one_outcome import OutcomeEstimates
from tasks.network import read_network
from tasks.records import Records
from tasks.screening import screen


@pytest.fixture(scope="module")
def estimates(tmp_path_factory: pytest.TempPathFactory) -> OutcomeEstimates:
    """Two pilot clinics; in one month after their start nobody there is vaccinated."""
    pilots = NETWORK.replace(
        re.search(r"starts = .*", NETWORK)[0],  # type: ignore[index]
        'starts = { "Clinic A" = "2023-06", "Clinic B" = "2023-06" }',
    )
    nobody = (
        "CASE WHEN i % 6 < 2 AND i % 11 = 8 THEN 0 ELSE "
        "CAST(hash(i * 7 + i % 6) % 100 < 30 + 2 * (i % 6) AS INTEGER) END AS vaccinated"
    )
    records = re.sub(r"CAST\(hash\(i \* 7.*AS vaccinated", nobody, RECORDS)
    assert records != RECORDS
    network = read_network(write_network(tmp_path_factory.mktemp("pilots"), records, pilots))
    usable = screen(Records.of(network), network, MONTH).usable
    return estimate_outcome(usable, network, "vaccinated", summarise(usable, network))


@pytest.mark.slow
def test_months_that_have_no_effect_of_their_own_leave_the_whole_effect(estimates: OutcomeEstimates) -> None:
    effects = estimates.effects
    whole = effects[(effects["term"] == "effect") & (effects["model"] == "mixed")]
    assert (whole["status"] == "ok").all()
    assert not effects["term"].str.startswith("month").any()
    assert estimates.outcome["status"] == "ok"
