"""Releases under the names that clinics have by now."""

from __future__ import annotations

import pandas as pd

from tasks.publishing.earlier import Earlier, Standing, latest_before
from tasks.publishing.names_of_today import under_names_of_today
from tasks.release import CLINIC_ESTIMATES, CLINIC_MONTHS, CLINICS, Since, conform


def published(*clinics: str) -> dict[str, pd.DataFrame]:
    """The tables of a release in which each clinic has as many records as its name has letters."""
    rows = pd.DataFrame({"clinic": clinics, "slug": [f"file-{each}" for each in clinics]})
    rows["n_records"], rows["reportable"], rows["status"] = rows["clinic"].str.len(), True, "ok"
    months = pd.DataFrame({"clinic": ["", *clinics], "outcome": "y", "month": "2024-01", "status": "ok"})
    return {
        CLINICS.name: conform(CLINICS, rows),
        CLINIC_ESTIMATES.name: CLINIC_ESTIMATES.empty(),
        CLINIC_MONTHS.name: conform(CLINIC_MONTHS, months),
    }


def sizes(tables: object) -> dict[str, int]:
    assert isinstance(tables, dict)
    frame = tables[CLINICS.name]
    return dict(zip(frame["clinic"], frame["n_records"], strict=True))


def test_a_renamed_clinic_has_one_past() -> None:
    (found,) = under_names_of_today(published("A", "BB"), {"A": "Ash", "Gone": "BB"})
    assert sizes(found) == {"Ash": 1, "BB": 2}
    assert found[CLINIC_MONTHS.name]["clinic"].tolist() == ["", "Ash", "BB"]


def test_a_merged_clinic_has_a_past_for_each_that_it_was_and_is_held_against_all() -> None:
    """Against one alone, the records of the others would be the difference."""
    found = under_names_of_today(published("A", "BB", "CCC", "D"), {"A": "BB", "CCC": "BB"})
    assert [sizes(each)["BB"] for each in found] == [2, 1, 3]
    assert all(set(sizes(each)) == {"BB", "D"} for each in found)


def test_what_changed_is_told_against_the_clinic_that_kept_the_name() -> None:
    release = Earlier(Since("id", "2024-01"), "none", published("A", "BB"))
    standing = Standing([release]).following({"A": "BB"})
    last = latest_before(standing.earlier, "2024-02", "none")
    assert last is not None
    assert sizes(dict(last.tables)) == {"BB": 2}
    assert standing.file_names()["BB"] == "file-BB"
