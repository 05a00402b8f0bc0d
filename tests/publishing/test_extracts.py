"""A page about one clinic reads one file: every row about it, as the tables have it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rendering.releases import chop_like

from tasks.publishing.feed import write_feed
from tasks.release import TABLES, Release


def _rows(directory: Path, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((directory / f"{name}.json").read_text())
    return rows


@pytest.mark.slow
def test_a_clinic_s_file_has_every_row_about_it_and_no_other(release: Release, tmp_path: Path) -> None:
    write_feed(release, tmp_path)
    clinics = {row["clinic"]: row["slug"] for row in _rows(tmp_path, "clinics")}
    assert {file.stem for file in (tmp_path / "clinics").iterdir()} == set(clinics.values())
    for clinic, slug in clinics.items():
        told = json.loads((tmp_path / f"clinics/{slug}.json").read_text())
        assert told["release"] == release.id
        for table in TABLES:
            about = [row for row in _rows(tmp_path, table.name) if row.get("clinic") == clinic]
            assert told["tables"].get(table.name, []) == about, table.name


@pytest.mark.slow
def test_an_outcome_s_file_has_all_but_its_clinics_months(tmp_path: Path) -> None:
    write_feed(chop_like()[0], tmp_path)
    for row in _rows(tmp_path, "outcomes"):
        told = json.loads((tmp_path / f"outcomes/{row['outcome']}.json").read_text())["tables"]
        assert told["outcomes"] == [row]
        indicators = _rows(tmp_path, "indicators")
        assert told.get("indicators", []) == [
            each for each in indicators if each["outcome"] == row["outcome"]
        ]
        assert {month["clinic"] for month in told.get("clinic_months", [])} <= {""}
    whole = (tmp_path / "clinic_months.json").stat().st_size
    files = [file.stat().st_size for file in (tmp_path / "clinics").iterdir()]
    assert max(files) < 0.1 * whole + 60_000  # kilobytes, not the table


def test_the_package_and_the_catalogue_say_where_they_are(release: Release, tmp_path: Path) -> None:
    write_feed(release, tmp_path)
    package = json.loads((tmp_path / "datapackage.json").read_text())
    slug = _rows(tmp_path, "clinics")[0]["slug"]
    assert (tmp_path / package["extracts"]["clinic"].format(slug=slug)).is_file()
    assert (tmp_path / package["extracts"]["outcome"].format(outcome="positive")).is_file()
