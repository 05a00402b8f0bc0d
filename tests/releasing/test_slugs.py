"""File names of clinics: of any script, bounded, and not moved by clinics that come later."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from tasks.network.schema import slug
from tasks.releasing.assembling import _slugs


def slugs(*names: str, earlier: Mapping[str, str] | None = None) -> dict[str, str]:
    return dict(zip(names, _slugs(pd.Series(names), earlier or {}), strict=True))


def test_every_script_has_latin_letters() -> None:
    names = ["Ärztehaus Köln", "Поликлиника", "Κέντρο Υγείας", "北京", "서울", "दिल्ली", "عيادة", "Đa khoa"]
    assert slugs(*names)["Ärztehaus Köln"] == "arztehaus-koln"
    assert slugs(*names)["Поликлиника"] == "poliklinika"
    assert all(each.isascii() and each and not each.startswith("unnamed") for each in slugs(*names).values())
    assert len(set(slugs(*names).values())) == len(names)


def test_names_without_a_letter_differ() -> None:
    found = slugs("🏥", "🏨")
    assert len(set(found.values())) == 2
    assert found == slugs("🏨", "🏥")


def test_names_written_alike_differ_and_later_ones_move_none() -> None:
    before = slugs("Ward 7", "ward-7", "Wärd 7")
    after = slugs("Ward 7", "ward-7", "ward 7", "Wärd 7", "Ward 6")
    assert before["Ward 7"] == "ward-7"
    assert len(set(after.values())) == 5
    assert {name: after[name] for name in before} == before


def test_a_long_name_is_bounded() -> None:
    assert len(slug("北京朝阳诊所" * 60)) <= 80


def test_a_clinic_keeps_its_file_name_when_one_comes_that_is_written_alike() -> None:
    first = slugs("Ward 7b", "Wärd 7")
    assert first["Wärd 7"] == "ward-7"
    second = slugs("Ward 7", "Ward 7b", "Wärd 7", earlier=first)
    assert {name: second[name] for name in first} == first
    assert second["Ward 7"].startswith("ward-7-")


def test_the_file_name_of_a_clinic_that_closed_is_not_given_to_another() -> None:
    found = slugs("Ward 7", earlier={"Wärd 7": "ward-7"})
    assert found["Ward 7"] != "ward-7"
