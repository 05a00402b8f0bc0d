"""An effect over all clinics says where the records under the program lie, if they lie at few."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_network import MONTH, NETWORK, RECORDS, write_network

from reports.wording import say
from tasks.estimating import estimate_outcome, summarise
from tasks.estimating.program_reach import ProgramReach
from tasks.network import read_network
from tasks.records import Records
from tasks.screening import screen


def reach(records: list[float], under: list[float]) -> ProgramReach:
    found = ProgramReach.of(np.array(records), np.array(under))
    assert found is not None
    return found


def test_a_program_at_one_large_clinic_is_of_one_clinic_however_many_have_a_little() -> None:
    """A hospital's: 7,493 of 7,987 tests under it at one of 88 clinics, which has half of all tests."""
    few = [180.0, 74.0, 53.0, 18.0, 14.0, 13.0, 13.0] + [129.0 / 33] * 33
    found = reach([7500.0, 3413.0, *[57.6] * 80], [7493.0, *few, *[0.0] * 41])
    assert found.effective == pytest.approx(1.14, abs=0.01)
    assert found.beyond == pytest.approx(0.52, abs=0.01)
    assert found.condition == "one_clinic"


def test_a_few_clinics_with_as_much_each_are_few() -> None:
    found = reach([100.0] * 10, [50.0, 50.0, 50.0, *[0.0] * 7])
    assert (round(found.effective), found.largest) == (3, pytest.approx(1 / 3))
    assert found.condition == "few_clinics"


@pytest.mark.parametrize(
    ("records", "under"),
    [
        ([100.0] * 3, [50.0] * 3),  # all clinics of a small network
        ([9000.0, *[50.0] * 20], [4500.0, *[25.0] * 20]),  # one clinic is most of the population too
        ([100.0] * 12, [10.0 * k for k in range(12)]),  # a rollout, in which one clinic comes last
    ],
)
def test_a_program_at_clinics_at_large_needs_no_such_condition(
    records: list[float], under: list[float]
) -> None:
    assert reach(records, under).condition is None


def test_clinics_that_never_had_it_count_by_their_records() -> None:
    under = [50.0] * 8 + [0.0] * 4
    assert reach([100.0] * 12, under).condition == "never"
    assert reach([100.0] * 8 + [10.0] * 4, under).condition is None


def test_without_records_under_the_program_nothing_is_said() -> None:
    assert ProgramReach.of(np.array([5.0, 5.0]), np.zeros(2)) is None


def _effects(directory: Path, name: str, reached: str) -> pd.DataFrame:
    records = RECORDS.replace("AS sex\n", f"AS sex,\n    {reached} AS reached\n")
    program = '[program]\nlabel = "Outreach"\ncolumn = "reached"\n\n'
    described = re.sub(r"\[program\][^\[]*", program, NETWORK).replace(
        "age, sex\nFROM", "age, sex, reached\nFROM"
    )
    network = read_network(write_network(directory, records, described))
    usable = screen(Records.of(network), network, MONTH).usable
    effects = estimate_outcome(usable, network, name, summarise(usable, network)).effects
    return effects[(effects["status"] == "ok") & (effects["measure"] != "test")]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vaccinated", "sbp"])
def test_an_effect_over_all_clinics_has_the_condition_and_one_in_these_clinics_has_not(
    tmp_path: Path, name: str
) -> None:
    """Nine in ten of a clinic's records, and one in fifty elsewhere."""
    effects = _effects(tmp_path, name, "CAST(hash(i + 9) % 50 < CASE i % 6 WHEN 0 THEN 45 ELSE 1 END AS INT)")
    by_question = dict(list(effects.groupby("question")))
    told = say("effect_condition.one_clinic")
    assert "of one clinic: over all clinics" in told
    assert not re.search(r"\d", told)  # a share would bound the counts of the other clinics
    for question in ("policy", "patient"):
        assert by_question[question]["condition"].str.endswith(f" {told}").all()
        assert by_question[question]["words"].str.endswith(f" {told}").all()
    assert not by_question["these_clinics"]["condition"].str.contains("over all clinics").any()
    assert by_question["none"]["condition"].isna().all()


@pytest.mark.slow
def test_a_program_given_at_all_clinics_alike_has_not(tmp_path: Path) -> None:
    effects = _effects(tmp_path, "vaccinated", "CAST(hash(i + 9) % 3 AS INTEGER) // 2")
    assert not effects["words"].str.contains("over all clinics, this is").any()


@pytest.mark.slow
def test_a_rollout_to_four_of_six_clinics_says_so(tmp_path: Path) -> None:
    """Two of them late, so that they count for fewer than four; the others are taken to be alike."""
    network = read_network(write_network(tmp_path))
    usable = screen(Records.of(network), network, MONTH).usable
    effects = estimate_outcome(usable, network, "vaccinated", summarise(usable, network)).effects
    said = effects[(effects["status"] == "ok") & effects["condition"].notna()]
    whole = said[said["question"] != "none"]  # a test of the months reaches no clinic
    told = whole["condition"].str.endswith(say("effect_condition.few_clinics"))
    assert (told == (whole["question"] != "these_clinics")).all()
    assert told.any() and not told.all()
