"""What groups records for `init`, and what only looks so: kinds, groups of a quantity, sites of a tumour."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.network.drafting.draft import Assumption
from tests.network.drafting.drafts import Column, drafted, outcome


def test_a_kind_of_school_beside_the_numbers_of_schools_is_no_clinic(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path,
        school1=lambda i: ["rural", "urban", "suburban"][i % 3],
        schoolid1=lambda i: i % 9,
        score=lambda i: i * 7 % 50,
    )
    assert draft.roles["clinic"] == "schoolid1"


def test_a_quantity_is_no_place_because_it_has_groups(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path,
        volume=lambda i: i % 8 * 10,
        contrast=lambda i: ["none", "some"][i % 8 > 0],
        died=outcome,
    )
    assert "clinic" not in draft.roles


@pytest.mark.slow
def test_the_site_of_a_tumour_is_left_to_a_person(tmp_path: Path) -> None:
    columns: dict[str, Column] = {"site": lambda i: ["colon", "rectum"][i % 2], "died": outcome}
    draft = drafted(tmp_path, stage=lambda i: i % 4, **columns)
    assert "clinic" not in draft.roles
    assert draft.missing[0].candidates == ("site",)
    (tmp_path / "other").mkdir()
    assert drafted(tmp_path / "other", **columns).roles["clinic"] == "site"


def test_what_numbers_something_in_a_clinic_is_no_outcome(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path,
        location=lambda i: f"L{i % 8}",
        brood=lambda i: 500 + i % 8 * 10 + i // 8 % 3,
        ticks=lambda i: i * 7 % 31,
    )
    assert [each.column for each in draft.outcomes] == ["ticks"]


def test_a_group_by_its_whole_name_may_have_few_records(tmp_path: Path) -> None:
    draft = drafted(tmp_path, n=72, group=lambda i: i % 8, y=lambda i: i * 7 % 31 / 4)
    assert draft.roles["clinic"] == "group"


def test_occupations_are_no_places(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path,
        n=400,
        occ10=lambda i: i * 7 % 20,
        prestg10=lambda i: (i * 7 % 20) ** 2 % 23,
        died=outcome,
    )
    assert "clinic" not in draft.roles


def test_names_beside_their_numbers_are_offered_and_not_taken(tmp_path: Path) -> None:
    """They can be patients' names."""
    draft = drafted(
        tmp_path,
        cname=lambda i: f"Place {i % 6}",
        cnum=lambda i: i % 6,
        dname=lambda i: f"Part {i % 18}",
        dnum=lambda i: i % 18,
        value=lambda i: i * 7 % 50 / 3,
    )
    assert "clinic" not in draft.roles
    assert draft.missing[0].candidates == ("cname", "dname")


@pytest.mark.slow
def test_a_name_that_both_sexes_have_with_all_else_is_offered(tmp_path: Path) -> None:
    columns: dict[str, Column] = {
        "lat": lambda i: i // 2 / 7,
        "lon": lambda i: i // 2 / 9,
        "rain": lambda i: i // 2 % 50,
        "deaths": lambda i: i * 7 % 50,
    }
    of_places = drafted(tmp_path, name=lambda i: f"N{i // 2}", sex=lambda i: "MF"[i % 2], **columns)
    assert of_places.missing[0].candidates == ("name",)
    assert not {"lat", "lon"} & {each.column for each in of_places.outcomes}
    (tmp_path / "other").mkdir()
    of_people = drafted(
        tmp_path / "other", name=lambda i: f"N{i // 2}", sex=lambda i: "MF"[i // 2 % 2], **columns
    )
    assert "name" not in of_people.missing[0].candidates


@pytest.mark.slow
def test_fewer_schools_than_areas_are_kinds_as_likely_and_said(tmp_path: Path) -> None:
    state: Column = lambda i: f"State {i % 8}"  # noqa: E731
    kinds = drafted(tmp_path, school=lambda i: ["low", "middle", "high"][i // 8 % 3], state=state, y=outcome)
    assert kinds.roles["clinic"] == "state"
    said = "column 'state' is taken for the clinic; 'school' could be meant too"
    assert Assumption("clinic", said) in kinds.assumptions
    (tmp_path / "other").mkdir()
    schools = drafted(tmp_path / "other", school=lambda i: f"School {i % 24}", state=state, y=outcome)
    assert schools.roles["clinic"] == "school"


@pytest.mark.slow
def test_few_words_in_a_long_name_are_no_places(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path,
        job_req_school=lambda i: ["none", "some", "college"][i % 3],
        job_city=lambda i: ["Chicago", "Boston"][i // 3 % 2],
        hired=outcome,
    )
    assert draft.roles["clinic"] == "job_city"


def test_a_state_of_four_numbers_is_that_of_health_as_likely_and_asked_about(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path, patient=lambda i: i // 4, state=lambda i: 1 + i % 4, years=lambda i: i % 4 + i / 900
    )
    assert not {"clinic", "region"} & draft.roles.keys()
    assert draft.missing[0].candidates == ("state",)


def test_first_and_second_are_no_two_places(tmp_path: Path) -> None:
    draft = drafted(tmp_path, litter=lambda i: 1 + i % 2, growth=lambda i: i * 7 % 50 / 3)
    assert "clinic" not in draft.roles
    assert draft.missing[0].candidates == ("litter",)


def test_an_area_is_the_column_called_so_and_not_what_it_has_or_was(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path,
        region=lambda i: f"Region {i % 6}",
        reg16=lambda i: f"Region {i // 6 % 7}",
        regionmb=lambda i: 150 + i % 30,
        died=outcome,
    )
    assert draft.roles["clinic"] == "region"


def test_what_is_called_a_code_and_comes_again_is_offered(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path, dcode=lambda i: 1000 + i // 3, bcode=lambda i: 5 * i, score=lambda i: i * 7 % 50
    )
    assert "clinic" not in draft.roles
    assert draft.missing[0].candidates == ("dcode",)
