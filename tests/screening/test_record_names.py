"""What clinics, regions and patients are called once screened, and what is said where names were doubtful."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import pytest

from tasks.errors import SourceError
from tasks.records.questions.record_names import look_alike
from tests.screening.tables import months_of
from tests.screening.test_screening import A, B, found, record, screened, usable

CURLY, NO_BREAK, NO_WIDTH = "\u2019", "\u00a0", "\u200b"
DECOMPOSED = unicodedata.normalize("NFD", "Clínica Sur")


def _walk_ins(n: int = 6, **values: Any) -> list[dict[str, Any]]:
    return [record("A", f"2024-03-{i // 2 + 1:02d}", patient=None) | values for i in range(n)]


def test_records_without_a_patient_are_kept_counted_and_noted(tmp_path: Path) -> None:
    result = screened(tmp_path, [*A, *B, *_walk_ins()])
    assert len(usable(result)) == 27
    assert found(result, "duplicates") == {"": (27, 0)}  # two on a day, alike in all that is known of them
    assert found(result, "patient_missing") == {"": (27, 6), "A": (18, 6)}
    people = result.clinics.set_index("clinic")["n_patients"]
    assert people.to_dict() == {"A": 18, "B": 9}


def test_a_blank_patient_is_no_patient(tmp_path: Path) -> None:
    rows = [row | {"patient": str(row["patient"])} for row in [*A, *B]]
    result = screened(tmp_path, [*rows, *_walk_ins(4), record(patient="  ")], types={"patient": "VARCHAR"})
    assert found(result, "patient_missing")["A"] == (17, 5)


def test_a_record_number_tells_copies_of_records_without_a_patient(tmp_path: Path) -> None:
    rows = [row | {"record": i} for i, row in enumerate([*A, *B])]
    result = screened(
        tmp_path,
        [*rows, *(row | {"record": 900 + i % 3} for i, row in enumerate(_walk_ins(6, date="2024-03-01")))],
    )
    assert found(result, "duplicates") == {"": (27, 3), "A": (18, 3)}
    assert len(usable(result)) == 24


def test_nothing_is_said_of_patients_where_all_have_a_number(tmp_path: Path) -> None:
    assert found(screened(tmp_path, A + B), "patient_missing") == {}


def test_numbers_that_restart_in_each_clinic(tmp_path: Path) -> None:
    """Patients 1 to 3 of A are not patients 1 to 3 of B: six people, where the numbers alone say three."""
    rows = [row | {"patient": i % 3} for clinic in (A, B) for i, row in enumerate(clinic)]
    declared = {
        "source": "records.duckdb",
        "select": "SELECT * FROM visits_table",
        "patient_within": "clinic",
    }
    result = screened(tmp_path, rows, records=declared)
    assert usable(result, "DISTINCT patient").shape == (6, 1)
    assert result.clinics["n_patients"].tolist() == [3, 3]


@pytest.mark.slow
def test_clinics_numbered_within_regions(tmp_path: Path) -> None:
    rows = [
        *months_of("1", 4, 4, 4, region="North"),
        *months_of("1", 3, 3, 3, region="South"),
        record("1", region=None),
    ]
    declared = {"source": "records.duckdb", "select": "SELECT * FROM visits_table", "clinic_within": "region"}
    program = {"label": "P", "starts": {"South: 1": "2024-02"}}
    result = screened(tmp_path, rows, records=declared, program=program)
    assert result.clinics[["clinic", "region", "n_records"]].values.tolist() == [
        ["North: 1", "North", 12],
        ["South: 1", "South", 9],
    ]
    assert usable(result)["program"].sum() == 6
    # without its region, nobody can say which clinic 1 it was
    assert found(result, "clinic_missing") == {"": (22, 1)}
    assert "the region that numbers it" in result.quality["description"].iloc[0]
    with pytest.raises(SourceError, match="no record is of a clinic '1'"):
        screened(tmp_path, rows, records=declared, program={"label": "P", "starts": {"1": "2024-02"}})


@pytest.mark.parametrize(("key", "column"), [("patient_within", "patient"), ("clinic_within", "region")])
def test_a_declaration_needs_its_column(tmp_path: Path, key: str, column: str) -> None:
    within = {"patient_within": "clinic", "clinic_within": "region"}[key]
    declared = {
        "source": "records.duckdb",
        "select": "SELECT clinic, date, vaccinated FROM visits_table",
        key: within,
    }
    with pytest.raises(SourceError, match=f"{key} needs a column '{column}', and the SELECT returns none"):
        screened(tmp_path, [*A, *B], records=declared)


@pytest.mark.parametrize("kind", ["DOUBLE", "REAL", "DECIMAL(6,2)", "INTEGER", "VARCHAR"])
def test_whole_clinic_numbers_are_written_plainly_whatever_holds_them(tmp_path: Path, kind: str) -> None:
    rows = [*months_of("1", 4, 4, 4), *months_of("2", 3, 3, 3), record(None)]
    program = {"label": "P", "starts": {"2": "2024-02"}}
    result = screened(tmp_path, rows, types={"clinic": kind, "region": kind}, program=program)
    assert result.clinics["clinic"].tolist() == ["1", "2"]


def test_a_clinic_that_is_not_a_number_is_missing(tmp_path: Path) -> None:
    rows = [*months_of("1", 4, 4, 4), *months_of("2.5", 3, 3, 3), record("NaN")]
    result = screened(tmp_path, rows, types={"clinic": "DOUBLE"})
    assert result.clinics["clinic"].tolist() == ["1", "2.5"]
    assert found(result, "clinic_missing") == {"": (22, 1)}


def test_canonically_equivalent_names_are_one_clinic_and_said_to_be(tmp_path: Path) -> None:
    """Unicode 15, §3.7, D70: composed and decomposed letters are the same text."""
    rows = [*months_of("Clínica Sur", 4, 4, 4), *months_of(DECOMPOSED, 2, 2, 2), *B]
    result = screened(tmp_path, rows)
    assert dict(zip(result.clinics["clinic"], result.clinics["n_records"], strict=True)) == {
        "B": 9,
        "Clínica Sur": 18,
    }
    assert found(result, "clinic_encoding") == {"": (27, 18), "Clínica Sur": (18, 18)}
    assert found(result, "clinic_spelling") == {"": (27, 0)}


def test_nothing_is_said_of_characters_where_each_name_is_written_in_one_way(tmp_path: Path) -> None:
    result = screened(tmp_path, [*months_of(DECOMPOSED, 2, 2, 2), *B])
    assert found(result, "clinic_encoding") == {}
    assert result.clinics["clinic"].tolist() == ["B", "Clínica Sur"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("St Mary's", f"St Mary{CURLY}s"),
        ("Ward 7", f"Ward{NO_BREAK}7"),
        ("Clinic One", f"Clinic{NO_WIDTH} One"),
        ("Ward 7", "ward-7"),
        ("Straße", "STRASSE"),
        ("Ward 7", "Ｗａｒｄ ７"),
    ],
)
def test_names_that_look_alike_stay_two_and_are_noted(tmp_path: Path, one: str, other: str) -> None:
    result = screened(tmp_path, [*months_of(one, 4, 4, 4), *months_of(other, 2, 2, 2), *B])
    assert found(result, "clinic_spelling") == {"": (27, 18), one: (12, 12), other: (6, 6)}


def test_names_that_differ_to_the_eye_are_not_noted() -> None:
    assert look_alike(["Ward 7", "Ward 8", "मुंबई", "मंबई", "สุขภาพ", "Clínica", "Clinica"]) == ()


def test_a_blank_adjuster_is_a_missing_one(tmp_path: Path) -> None:
    outcome = {"label": "V", "kind": "binary", "direction": "higher", "adjusters": ["sex"]}
    rows = [row | {"sex": ("female", "male ", "", "  ")[i % 4]} for i, row in enumerate([*A, *B])]
    result = screened(tmp_path, rows, outcomes={"vaccinated": outcome})
    assert found(result, "sex_missing")[""] == (21, 10)
    assert sorted(usable(result, "DISTINCT sex")["sex"].dropna()) == ["female", "male"]
