"""What groups records for `init`, and what only looks so: kinds, groups of a quantity, sites of a tumour."""

from __future__ import annotations

from pathlib import Path

from tests.screening.drafts import Column, drafted, outcome


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
