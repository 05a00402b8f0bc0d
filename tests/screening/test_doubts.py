"""`check` doubts numbers that seem to begin anew in each clinic or region, and refuses nothing."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tasks.screening import check_network, doubts
from tests.screening.tables import months_of, write_table

FILE = """\
[network]
name = "Numbers"

[records]
source = "records.duckdb"
select = "SELECT * FROM visits_table"

[outcomes.vaccinated]
label = "Vaccinated"
kind = "binary"
direction = "higher"
"""


def doubted(directory: Path, rows: list[dict[str, Any]], clinics: str = "", **declared: str) -> list[str]:
    write_table(directory / "records.duckdb", rows)
    lines = "".join(f'{key} = "{value}"\n' for key, value in declared.items())
    file = directory / "network.toml"
    described = FILE.replace("[records]\n", f"[records]\n{lines}")
    file.write_text(f"{described}\n[clinics]\n{clinics}\n" if clinics else described, "utf-8")
    check_network(file)
    return [str(each) for each in doubts(file)]


def _numbered_in_each(clinics: str, *counts: int) -> list[dict[str, Any]]:
    """Clinics whose patients are numbered from 1, so many in each."""
    return [
        row | {"patient": i + 1}
        for clinic, count in zip(clinics, counts, strict=True)
        for i, row in enumerate(months_of(clinic, count))
    ]


def test_every_patient_in_every_clinic(tmp_path: Path) -> None:
    rows = _numbered_in_each("ABCD", 20, 20, 20, 20)
    (said,) = doubted(tmp_path, rows)
    assert said == (
        "line 4: [records] every patient number occurs in all 4 clinics; if numbers restart in each clinic, "
        'write patient_within = "clinic" under [records]'
    )
    assert doubted(tmp_path, rows, patient_within="clinic") == []


def test_patients_who_are_called_clinics(tmp_path: Path) -> None:
    """40 hospital numbers of three records each, as of patients, beside two of fifty."""
    rows = [row for i in range(40) for row in months_of(f"H{i}", 3)]
    large = [row for clinic in "AB" for row in months_of(clinic, 50)]
    (said,) = doubted(tmp_path, rows + large)
    assert said == (
        "line 4: [records] there are 42 clinics, and half of them have fewer than 5 records; if the column "
        "that the SELECT calls clinic holds patients or visits, name the one that holds clinics"
    )
    assert doubted(tmp_path, rows[: 3 * 20] + large) == []


def test_clinics_of_different_sizes(tmp_path: Path) -> None:
    """Numbers 1 to 10, 20, 25 and 28: 83 pairs of 28 numbers, so each is in 2.96 clinics on average."""
    (said,) = doubted(tmp_path, _numbered_in_each("ABCD", 10, 20, 25, 28))
    assert "a patient number occurs in 3.0 of the 4 clinics on average" in said


def test_patients_who_go_to_a_second_clinic_are_no_doubt(tmp_path: Path) -> None:
    rows = [*months_of("A", 20), *months_of("B", 20), *months_of("C", 20)]
    seen_twice = [row | {"clinic": "C"} for row in rows[:12]]
    assert doubted(tmp_path, [*rows, *seen_twice]) == []


def test_clinics_split_between_regions(tmp_path: Path) -> None:
    rows = [
        row
        for region in ("North", "South")
        for clinic in "123"
        for row in months_of(clinic, 10, region=region)
    ]
    (said,) = doubted(tmp_path, rows)
    assert said == (
        "line 4: [records] 3 of 3 clinics have records in several regions (clinic '1': 50% in North, 50% in "
        "South); if clinics are numbered within regions, which makes 6 of 3, write clinic_within = "
        '"region" under [records]'
    )
    assert doubted(tmp_path, rows, clinic_within="region") == []


@pytest.mark.parametrize(("strays", "said"), [(1, 0), (8, 1)])
def test_one_clinic_split_between_regions(tmp_path: Path, strays: int, said: int) -> None:
    rows = [*months_of("A", 20, region="North"), *months_of("B", 20, region="South")]
    rows += months_of("A", strays, region="South")
    assert len(doubted(tmp_path, rows)) == said


@pytest.mark.slow
def test_what_was_assumed_of_a_csv_file(tmp_path: Path) -> None:
    lines = [f"Köln {i % 3};{i};{i % 28 + 1}.01.2024;{i % 2},0" for i in range(60)]
    text = "\r\n".join(["clinic;patient;date;vaccinated", *lines, "", "60 Zeilen"])
    (tmp_path / "records.csv").write_bytes(text.encode("cp1252"))
    file = tmp_path / "network.toml"
    file.write_bytes(
        b"\xef\xbb\xbf"
        + FILE.replace("records.duckdb", "records.csv").replace("visits_table", "records").encode()
    )
    check_network(file)
    assert [str(each) for each in doubts(file)] == [
        "line 5: [records] records.csv is not UTF-8, and is read as Windows-1252, as Excel in Western Europe "
        "writes it",
        "line 5: [records] records.csv lines 62 to 63, after the table, are left out",
        "line 5: [records] column 'vaccinated' has decimal commas: 12,5 is twelve and a half",
    ]


def test_records_that_come_by_the_quarter_where_months_are_reported(tmp_path: Path) -> None:
    days = [f"{year}-{day}" for year in (2022, 2023) for day in ("03-31", "06-30", "09-30", "12-31")]
    rows = [
        {"clinic": clinic, "patient": 10 * number + each, "date": day, "vaccinated": each % 2}
        for number, clinic in enumerate("AB")
        for each, day in enumerate(days)
    ]
    write_table(tmp_path / "records.duckdb", rows)
    file = tmp_path / "network.toml"
    file.write_text(FILE + "\n[window]\nmonths = 24\n", "utf-8")
    check_network(file)
    assert [str(each) for each in doubts(file)] == [
        "line 13: [window] all records of a quarter are dated in one month of it (8 months in all), and this "
        'network reports by month; if they come by the quarter, write period = "quarter"'
    ]
    file.write_text(FILE + '\n[window]\nperiod = "quarter"\n', "utf-8")
    assert doubts(file) == ()


def test_a_measure_whose_review_is_overdue_is_said_with_its_line(tmp_path: Path) -> None:
    write_table(tmp_path / "records.duckdb", [*months_of("A", 20), *months_of("B", 20)])
    file = tmp_path / "network.toml"
    file.write_text(f"{FILE}[outcomes.vaccinated.about]\nnext_review = 2026-03-01\n", "utf-8")
    check_network(file)
    said = (
        "line 13: [outcomes.vaccinated] the definition was due for review on 2026-03-01; review it, and set "
        "reviewed and next_review anew"
    )
    assert [str(each) for each in doubts(file, date(2026, 3, 1))] == [said]
    assert doubts(file, date(2026, 2, 28)) == ()


def test_records_that_equal_another_may_be_records_of_their_own(tmp_path: Path) -> None:
    rows = [row for clinic in "ABC" for row in months_of(clinic, 20, 20)]
    assert doubted(tmp_path, [*rows, *rows[:2]]) == []  # 2 of 122: slips happen
    (said,) = doubted(tmp_path, [*rows, *rows[:12]])
    assert said == (
        "line 4: [records] 12 of the 132 records up to 2024-02-20 equal another in every column that is "
        "used, and are set aside as copies; if they are records of their own, return a column `record` that "
        "numbers them"
    )
    numbered = [row | {"record": i} for i, row in enumerate([*rows, *rows[:12]])]
    assert doubted(tmp_path, numbered) == []
    assert doubted(tmp_path, [*numbered, *numbered[:12]]) == []  # these are copies


def test_clinics_whose_names_differ_in_capitals_alone(tmp_path: Path) -> None:
    rows = [row for clinic in ("Menomonie", "MENOMONIE", "Durand") for row in months_of(clinic, 20, 20)]
    (said,) = doubted(tmp_path, rows)
    assert said == (
        "line 4: [records] 'MENOMONIE', 'Menomonie' look like the same name written twice; if they are, "
        "write one of them in the SELECT"
    )
    renamed = 'renamed = { "MENOMONIE" = "Menomonie" }'
    assert doubted(tmp_path, rows, clinics=renamed) == []
    of_region = [row | {"region": "DURAND"} for row in rows if row["clinic"] != "MENOMONIE"]
    assert doubted(tmp_path, of_region) == []


def test_a_patient_of_each_clinic_is_the_clinic_again(tmp_path: Path) -> None:
    rows = [row | {"patient": ord(clinic)} for clinic in "ABC" for row in months_of(clinic, 2, 2)]
    (said,) = doubted(tmp_path, [row | {"record": i} for i, row in enumerate(rows)])
    assert said.startswith("line 4: [records] every clinic has one patient, and every patient one clinic")


@pytest.mark.parametrize(
    ("costs", "times", "way_out"),
    [
        ([1.0] * 9 + [200.0], 2.9, 'write scale = "log"'),
        ([0.0] * 9 + [200.0], 3.0, "report how often it is 0 as an outcome of its own"),
        ([10.0**16] * 9 + [2 * 10.0**18], 2.9, 'write scale = "log"'),
        ([100.0] * 9 + [200.0], None, None),
        ([-1.0] * 9 + [200.0], None, None),
    ],
)
def test_a_mean_of_skewed_values(
    tmp_path: Path, costs: list[float], times: float | None, way_out: str | None
) -> None:
    """The interval of a clinic's mean reached from -68,041 to 235,340 people."""
    rows = [
        row | {"cost": costs[i % 10]} for clinic in "ABC" for i, row in enumerate(months_of(clinic, 20, 20))
    ]
    write_table(tmp_path / "records.duckdb", rows, cost="DECIMAL(22, 1)")
    file = tmp_path / "network.toml"
    cost = '\n[outcomes.cost]\nlabel = "Cost"\nkind = "continuous"\ndirection = "lower"\n'
    file.write_text(FILE + cost, "utf-8")
    check_network(file)
    said = [str(each) for each in doubts(file)]
    assert len(said) == (way_out is not None)
    if way_out is not None:
        assert said[0].startswith(
            f"line 13: [outcomes.cost] no value is below 0, and the SD is {times} times the mean"
        )
        assert way_out in said[0]


def test_records_of_one_date(tmp_path: Path) -> None:
    (said,) = doubted(
        tmp_path, [row | {"date": "2024-01-31"} for clinic in "ABC" for row in months_of(clinic, 30)]
    )
    assert said == (
        "line 4: [records] every record has the same date, so all count in one report, and none shows a "
        "course over time"
    )
