"""Clinics that open, close, are renamed or merge: what the network file may say of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_network import NETWORK, write_network

from tasks.network import read_network
from tasks.network.problems import NetworkFileError
from tasks.screening.checking import check_network


def written(directory: Path, clinics: str) -> Path:
    return write_network(directory / "network", network=f"{NETWORK}\n{clinics}")


def test_names_lead_to_the_name_of_today(tmp_path: Path) -> None:
    clinics = read_network(
        written(tmp_path, '[clinics]\nrenamed = { "A" = "B", "B" = "C", "D" = "C" }\n')
    ).clinics
    assert clinics.now == {"A": "C", "B": "C", "D": "C"}


def test_dates_are_periods_of_the_networks_kind(tmp_path: Path) -> None:
    text = '[clinics."Clinic F"]\nopened = "2023-03"\nclosed = "2023-Q3"\n'
    dates = read_network(written(tmp_path, text)).clinics.dated["Clinic F"]
    assert (dates.open_from("month"), dates.open_until("month")) == ("2023-03", "2023-09")
    assert (dates.open_from("quarter"), dates.open_until("week")) == ("2023-Q1", "2023-W39")


@pytest.mark.parametrize(
    ("clinics", "said"),
    [
        ('[clinics]\nrenamed = { "A" = "B", "B" = "A" }', "leads back to where it began ('A' → 'B' → 'A')"),
        ('[clinics]\nrenamed = { "A" = "A" }', "leads back to where it began"),
        (
            '[clinics."A"]\nopened = "2023-05"\nclosed = "2023-04"',
            "closed (2023-04) is before opened (2023-05)",
        ),
        ('[clinics."A"]', "neither opened nor closed is given"),
        ('[clinics."A"]\nopend = "2023-05"', "unknown key 'opend'; did you mean 'opened'?"),
        ('[clinics."A"]\nopened = "May"', "opened = 'May' is not a month"),
        (
            '[clinics]\nrenamed = { "A" = "B" }\n[clinics."A"]\nopened = "2023-05"',
            "clinic 'A' is renamed to 'B'; give its dates under that name",
        ),
    ],
)
def test_what_cannot_be_is_said_with_its_line(tmp_path: Path, clinics: str, said: str) -> None:
    with pytest.raises(NetworkFileError) as refused:
        read_network(written(tmp_path, clinics))
    assert said in str(refused.value)
    assert "line " in str(refused.value)


@pytest.mark.parametrize(
    ("clinics", "said"),
    [
        ('[clinics]\nrenamed = { "Clinik A" = "Ash" }', "no record is of a clinic 'Clinik A' or 'Ash'"),
        ('[clinics."Clinic Z"]\nopened = "2023-05"', "no record is of a clinic 'Clinic Z'"),
    ],
)
def test_check_refuses_clinics_that_no_record_is_of(tmp_path: Path, clinics: str, said: str) -> None:
    with pytest.raises(NetworkFileError) as refused:
        check_network(written(tmp_path, clinics))
    assert said in str(refused.value)
    assert "did you mean" in str(refused.value)


def test_a_name_that_only_earlier_records_had_is_taken(tmp_path: Path) -> None:
    """The source says the new name by now; the old one is in earlier releases."""
    check_network(written(tmp_path, '[clinics]\nrenamed = { "Old A" = "Clinic A" }'))
