"""Which columns `init` takes for the clinic, its region and the patient."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.errors import ClinicnetError
from tasks.network.drafting.draft import Draft
from tasks.network.drafting.draft_text import write_draft
from tests.network.drafting.drafts import Column, checked, clinic, drafted, outcome, selected

pytestmark = pytest.mark.before_release

PLACES = (
    *("provnum", "prov", "district", "comm", "herd", "school_id", "village", "practice", "ward", "unit"),
    *("Centre", "centerId", "site", "site_id", "facility", "hospital", "hosp", "Krankenhaus", "Schule"),
    *("Gemeinde", "station", "hôpital", "commune", "établissement", "escuela", "aldea", "escola", "unidade"),
    *("villnum", "schoolid", "org_nm", "distid", "Laboratoire", "teacher_code", "precinct", "country"),
    *("school_name", "Nom du village", "county_name", "business_name"),
)


@pytest.mark.slow
@pytest.mark.parametrize("name", PLACES)
def test_clinics_are_known_by_words_of_many_fields(tmp_path: Path, name: str) -> None:
    columns: dict[str, Column] = {
        "children": lambda i: ["0", "1", "2", "3+"][i % 4],
        "ord": lambda i: f"0{i % 7}",
        name: lambda i: 100 + i % 5,
        "patient": lambda i: i,
        "outcome": outcome,
    }
    draft = drafted(tmp_path, **columns)
    assert draft.roles["clinic"] == name
    assert draft.roles["patient"] == "patient"
    assert [each.column for each in draft.outcomes] == ["outcome"]
    assert checked(tmp_path, draft)


@pytest.mark.parametrize(
    "name",
    [
        "clinical_stage",
        "surgery_size",
        "hospital_type",
        "prostate",
        "composite",
        "award",
        "status",
        "urban_area",
        "hospital_visits",
        "schooltype",
        "teachers",
        "teacher_salary",
        "laboratory_result",
        "nr_clinics",
        "NumberofLocations",
        "hospital_phone",
    ],
)
def test_words_that_hold_a_clinics_by_chance_name_none(tmp_path: Path, name: str) -> None:
    draft = drafted(tmp_path, **{name: lambda i: i % 4 if name != "urban_area" else i % 2, "y": outcome})
    assert "clinic" not in draft.roles


@pytest.mark.slow
def test_the_only_column_that_groups_is_taken_and_said(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path, n=240, equipage=lambda i: f"L{i % 14}", race=lambda i: "abcdefg"[i % 7], outcome=outcome
    )
    assert draft.roles["clinic"] == "equipage"
    assert draft.assumptions[0].sentence.startswith(
        "column 'equipage' holds the clinic: no column is called like one"
    )
    assert checked(tmp_path, draft)


def test_of_two_columns_of_areas_the_one_by_name_is_taken_before_its_number(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path, statefip=lambda i: i % 7, state=lambda i: f"State {i % 7}", score=lambda i: i / 7
    )
    assert draft.roles["clinic"] == "state"


@pytest.mark.parametrize("name", ["location", "sch", "LIEU", "physician"])
def test_what_else_records_are_grouped_by_takes_the_clinics_place(tmp_path: Path, name: str) -> None:
    draft = drafted(tmp_path, **{name: lambda i: i % 7, "score": lambda i: i / 7})
    assert draft.roles["clinic"] == name


@pytest.mark.parametrize("values", [lambda i: f"by {i % 8}", lambda i: i % 8])
def test_a_few_groups_without_a_telling_name_are_left_to_a_person(tmp_path: Path, values: Column) -> None:
    draft = drafted(tmp_path, manner=values, kind=lambda i: ["a", "b"][i % 8 in (1, 4, 6)], died=outcome)
    assert "clinic" not in draft.roles
    assert draft.missing[0].candidates == ("manner",)


def test_levels_of_a_scale_are_no_clinics_and_what_is_missing_is_marked(tmp_path: Path) -> None:
    draft = drafted(tmp_path, children=lambda i: ["0", "1", "2", "3+"][i % 4], outcome=outcome)
    assert "clinic" not in draft.roles
    assert draft.missing[0].sentence.startswith("no column of clinics was found")
    assert "# TO DO: no column of clinics was found" in write_draft(draft)
    with pytest.raises(ClinicnetError, match="name the column that holds the clinic"):
        checked(tmp_path, draft)


def test_a_number_that_others_depend_on_is_taken_for_the_clinic_and_said(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path,
        n=240,
        equipage=lambda i: i % 14,
        lits=lambda i: i % 14 * 3 % 14 // 2 * 20,
        durée=lambda i: i % 14 * 5 % 14 + i // 14 % 5,
        died=outcome,
    )
    assert draft.roles["clinic"] == "equipage"
    assert "the only one within which others are the same" in draft.assumptions[0].sentence
    assert [each.column for each in draft.outcomes] == ["died", "durée"]


def numbered_places(directory: Path, **more: Column) -> Draft:
    """Scores of people in 20 places that a number without a telling name stands for, in no order."""
    place: Column = lambda i: 7 * i % 20 + 1  # noqa: E731
    level = {i % 20 + 1: (i * i * 37 + i * 11) % 23 for i in range(20)}
    columns: dict[str, Column] = {
        "xdkn": place,
        "score": lambda i: level[place(i)] + (i * 31 % 17) / 3,
        "other": lambda i: -level[place(i)] + (i * 29 % 13) / 3,
        "died": outcome,
    }
    return drafted(directory, n=400, **columns, **more)


def test_numbers_in_no_order_are_those_of_places_and_measure_nothing(tmp_path: Path) -> None:
    draft = numbered_places(tmp_path)
    assert draft.roles["clinic"] == "xdkn"
    assert (
        "averages of other columns differ between its numbers, in no order" in draft.assumptions[0].sentence
    )
    assert {each.column for each in draft.outcomes} >= {"score", "died"}
    assert checked(tmp_path, draft)


def test_what_else_could_be_the_clinic_is_said_in_the_file(tmp_path: Path) -> None:
    draft = drafted(tmp_path, school=lambda i: i % 8, teacher_code=lambda i: i % 16, score=lambda i: i / 7)
    assert draft.roles["clinic"] == "school"
    assert "# Assumed: column 'school' is taken for the clinic; 'teacher_code' could be meant too" in (
        write_draft(draft)
    )


def test_a_measurement_is_no_place_however_many_values_it_has(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path, n=600, dose=lambda i: i % 20, level=lambda i: i % 20 + (i * 31 % 17) / 2, died=outcome
    )
    assert "clinic" not in draft.roles
    assert {each.column for each in draft.outcomes} >= {"died"}


@pytest.mark.parametrize("name", ["yschool", "lengthService", "xage"])
def test_a_quantity_is_no_place_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    """Averages lie on a line, and its groups are the same within it."""
    draft = drafted(
        tmp_path,
        n=600,
        **{name: lambda i: 8 + i % 16, "grown": lambda i: ["no", "yes"][i % 16 > 7]},
        score=lambda i: i % 16 + (i * 31 % 17) / 2,
        died=outcome,
    )
    assert "clinic" not in draft.roles


def test_a_first_and_a_second_provider_are_no_two_places(tmp_path: Path) -> None:
    draft = drafted(tmp_path, provider_second=lambda i: 1 + i % 2, died=outcome)
    assert "clinic" not in draft.roles


def test_diagnoses_are_no_places(tmp_path: Path) -> None:
    draft = drafted(tmp_path, DiagID=lambda i: f"Group {i % 8}", died=outcome)
    assert "clinic" not in draft.roles


def test_a_hospitals_number_of_nearly_each_record_is_a_patients(tmp_path: Path) -> None:
    draft = drafted(tmp_path, hospitalID=lambda i: 530_000 + i * 17 % 113, pulse=lambda i: 60 + i % 30)
    assert draft.roles["patient"] == "hospitalID"
    assert "clinic" not in draft.roles


def test_a_school_class_is_a_clinics_place_only_if_it_has_many_values(tmp_path: Path) -> None:
    many = drafted(tmp_path, **{"class": lambda i: i % 9, "score": lambda i: i / 7})
    assert many.roles["clinic"] == "class"
    (tmp_path / "r.duckdb").unlink()
    few = drafted(tmp_path, **{"class": lambda i: i % 3, "score": lambda i: i / 7})
    assert "clinic" not in few.roles


def test_of_two_columns_that_group_none_is_taken(tmp_path: Path) -> None:
    draft = drafted(tmp_path, equipage=lambda i: f"L{i % 8}", equipe=lambda i: f"E{i % 7}", outcome=outcome)
    assert "clinic" not in draft.roles
    assert draft.missing[0].candidates == ("equipage", "equipe")


def test_what_numbers_other_levels_is_no_outcome(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path,
        n=400,
        region=lambda i: i % 2 + 1,
        district=lambda i: i % 8 + 1,
        hospital=lambda i: i % 8 * 10 + i // 8 % 2,
        mom=lambda i: i // 2,
        kid=lambda i: i * 3,
        household_id=lambda i: i // 3,
        outcome=outcome,
    )
    assert draft.roles["clinic"] == "hospital"
    assert draft.roles["patient"] == "kid"
    assert [each.column for each in draft.outcomes] == ["outcome"]
    assert draft.undrafted == ()


@pytest.mark.slow
def test_a_kind_of_place_is_no_place_while_there_are_areas(tmp_path: Path) -> None:
    kinds: dict[str, Column] = {
        "community": lambda i: ["Urban", "Suburban", "Rural"][i % 3],
        "Location.of.the.event": lambda i: f"Place {i % 8}",
        "score": lambda i: i / 7,
    }
    draft = drafted(tmp_path, **kinds, county=lambda i: f"County {i % 7}")
    assert draft.roles["clinic"] == "county"
    (tmp_path / "r.duckdb").unlink()
    alone = drafted(tmp_path, community=kinds["community"], score=kinds["score"])
    assert alone.roles["clinic"] == "community"


@pytest.mark.slow
def test_those_who_give_care_or_judge_come_before_where(tmp_path: Path) -> None:
    columns: dict[str, Column] = {"location": lambda i: f"L{i % 7}", "judge": lambda i: f"J{i % 8}"}
    draft = drafted(tmp_path, **columns, decision=lambda i: ["yes", "no"][i % 3 > 0], rate=lambda i: i / 7)
    assert draft.roles["clinic"] == "judge"
    assert draft.outcomes[0].column == "decision"


def test_a_site_of_two_is_a_network_of_two_and_said(tmp_path: Path) -> None:
    draft = drafted(tmp_path, SITE=lambda i: i % 2, hospital=lambda i: i // 2 % 2, score=lambda i: i / 7)
    assert draft.roles["clinic"] == "SITE"
    assert draft.assumptions[0].sentence == "column 'SITE' holds two clinics, 0 and 1, rather than no and yes"
    assert set(selected(tmp_path, draft)["clinic"]) == {0, 1}


def test_a_laboratory_is_a_clinics_place_where_its_name_is_all_that_is_said(tmp_path: Path) -> None:
    draft = drafted(tmp_path, lab=lambda i: f"L{i % 6}", Spc=lambda i: f"S{i % 7}", conc=lambda i: i / 7)
    assert draft.roles["clinic"] == "lab"


def test_animals_of_a_herd_are_its_patients(tmp_path: Path) -> None:
    draft = drafted(tmp_path, Herd=lambda i: i % 5, Pig=lambda i: 4600 + i % 40, Feed=lambda i: i / 7)
    assert draft.roles["patient"] == "Pig"
    assert [each.column for each in draft.outcomes] == ["Feed"]


def test_how_many_is_no_number_of_anything(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path,
        clinic=clinic,
        nrAdvE=lambda i: i % 11,
        no_patient=lambda i: i // 2,
        n_patients=lambda i: 40 + i % 7,
        visit_number=lambda i: i,
    )
    assert draft.roles["patient"] == "no_patient"
    assert [(each.column, each.kind) for each in draft.outcomes] == [("nrAdvE", "count")]


def test_students_are_how_many_and_nobodys_number(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path,
        clinic=clinic,
        students=lambda i: 40 + i // 2,
        allstudents=lambda i: 2 * i,
        score=lambda i: i / 7,
    )
    assert "patient" not in draft.roles


def test_the_name_of_a_person_is_no_clinic(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path, patient_name=lambda i: f"P{i % 9}", birth_country=lambda i: i % 7, score=outcome
    )
    assert "clinic" not in draft.roles


def test_a_number_called_hospital_that_is_mostly_0_counts_stays(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path,
        hospital=lambda i: (0, 0, 0, 1, 0, 2, 0, 0, 3, 0, 4, 5, 6, 7)[i % 14],
        region=lambda i: "NESW"[i % 4],
        visits=lambda i: i % 9,
    )
    assert draft.roles["clinic"] == "region"
    assert {"hospital", "visits"} <= {each.column for each in draft.outcomes}


def test_numbers_with_fractions_name_no_clinic_but_where_the_column_is_called_so(tmp_path: Path) -> None:
    columns: dict[str, Column] = {"org.partner": lambda i: i % 9 / 4, "score": lambda i: i % 50}
    draft = drafted(tmp_path, **columns, clusterid=lambda i: i % 8)
    assert draft.roles["clinic"] == "clusterid"
    (tmp_path / "coded").mkdir()
    draft = drafted(tmp_path / "coded", hospital=lambda i: 2.4 + i % 6, score=lambda i: i % 50)
    assert draft.roles["clinic"] == "hospital"


def test_a_column_that_numbers_something_in_one_word_is_no_outcome(tmp_path: Path) -> None:
    columns: dict[str, Column] = {"final.clusterid": lambda i: i % 30, "score": lambda i: i % 50}
    draft = drafted(tmp_path, clinic=clinic, **columns)
    assert [each.column for each in draft.outcomes] == ["score"]


@pytest.mark.parametrize(
    "name", ["prontuario", "num_prontuário", "Expediente", "NHC", "IPP", "codice_paziente"]
)
def test_a_medical_records_number_is_the_patient_and_no_outcome(tmp_path: Path, name: str) -> None:
    columns: dict[str, Column] = {name: lambda i: 100_000 + i * 7 % 40, "score": lambda i: i % 50}
    draft = drafted(tmp_path, clinic=clinic, **columns)
    assert draft.roles["patient"] == name
    assert [each.column for each in draft.outcomes] == ["score"]


def test_pupils_numbered_anew_in_each_class_are_patients_within_it(tmp_path: Path) -> None:
    """Twelve classes of 8 to 19 pupils: 162 of them, of 19 different numbers."""
    pupils = [(room, pupil) for room in range(12) for pupil in range(1, 9 + room)]
    draft = drafted(
        tmp_path,
        n=len(pupils),
        school=lambda i: f"School {pupils[i][0]}",
        pupil=lambda i: pupils[i][1],
        score=lambda i: i * 7 % 50,
    )
    assert draft.roles["patient"] == "pupil"
    assert draft.patient_within
    network = checked(tmp_path, draft)
    assert network.records.patient_within == "clinic"


def test_patients_seen_in_every_clinic_are_not_numbered_anew(tmp_path: Path) -> None:
    draft = drafted(tmp_path, clinic=clinic, patient=lambda i: i // 5, outcome=outcome)
    assert draft.roles["patient"] == "patient"
    assert not draft.patient_within


@pytest.mark.slow
def test_a_number_shared_by_women_and_men_numbers_groups(tmp_path: Path) -> None:
    draft = drafted(tmp_path, id=lambda i: i // 10, sex=lambda i: "fm"[i % 2], score=lambda i: i % 50)
    assert draft.roles["clinic"] == "id"
    assert "patient" not in draft.roles
    assert "people of both sexes" in draft.assumptions[0].sentence
    (tmp_path / "own").mkdir()
    own = drafted(
        tmp_path / "own", id=lambda i: i // 10, sex=lambda i: "fm"[i // 10 % 2], score=lambda i: i % 50
    )
    assert not any("people of both sexes" in each.sentence for each in own.assumptions)


@pytest.mark.parametrize("name", ["married", "employed", "wage", "verheiratet"])
def test_years_that_grown_ups_went_to_school_are_no_school(tmp_path: Path, name: str) -> None:
    draft = drafted(
        tmp_path,
        school=lambda i: 6 + i % 13,
        region=lambda i: "NESW"[i % 4],
        score=lambda i: i % 50,
        **{name: lambda i: i % 2},
    )
    assert draft.roles["clinic"] == "region"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ethnicity", "distrust_govt", "capacity"])
def test_words_that_end_as_places_do_name_none(tmp_path: Path, name: str) -> None:
    draft = drafted(tmp_path, **{name: lambda i: "abc"[i % 3]}, reg=lambda i: "NESW"[i % 4], score=outcome)
    assert draft.roles["clinic"] == "reg"
    assert "region" not in draft.roles


@pytest.mark.parametrize("name", ["grp", "GRPID", "company", "Gruppe"])
def test_groups_of_many_are_clinics_where_nothing_else_is(tmp_path: Path, name: str) -> None:
    draft = drafted(tmp_path, **{name: lambda i: i % 8}, score=lambda i: i * 7 % 50)
    assert draft.roles["clinic"] == name


@pytest.mark.slow
def test_respondents_numbers_are_no_responses(tmp_path: Path) -> None:
    draft = drafted(tmp_path, n=240, clinic=clinic, resp=lambda i: i // 3, score=lambda i: i * 7 % 50)
    assert [each.column for each in draft.outcomes] == ["score"]
    (tmp_path / "few").mkdir()
    few = drafted(tmp_path / "few", clinic=clinic, resp=lambda i: i % 9)
    assert [each.column for each in few.outcomes] == ["resp"]


@pytest.mark.parametrize("name", ["surveyid", "uid", "caseid", "sub"])
def test_a_number_of_each_rows_own_is_the_records(tmp_path: Path, name: str) -> None:
    draft = drafted(tmp_path, clinic=clinic, **{name: lambda i: 1_000 + i}, score=lambda i: i % 50)
    assert name in (draft.roles.get("record"), draft.roles.get("patient"))
    assert [each.column for each in draft.outcomes] == ["score"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["Hospital No", "Hosp No", "hospital number", "HospitalNumber", "hosp_num", "Hospital Unit No."]
)
@pytest.mark.parametrize("repeats", [1, 3])
def test_a_hospital_number_is_the_patients_and_never_the_clinic(
    tmp_path: Path, name: str, repeats: int
) -> None:
    draft = drafted(tmp_path, ward=clinic, y=outcome, **{name: lambda i: 70_000 + i // repeats})
    assert draft.roles["clinic"] == "ward"
    assert draft.roles["patient"] == name
    assert checked(tmp_path, draft)
    alone = drafted_elsewhere(tmp_path, y=outcome, **{name: lambda i: 70_000 + i % 6})
    assert "clinic" not in alone.roles


@pytest.mark.slow
def test_redcaps_data_access_group_is_the_clinic(tmp_path: Path) -> None:
    columns: dict[str, Column] = {
        "record_id": lambda i: i + 1,
        "redcap_event_name": lambda i: ["baseline_arm_1", "month_6_arm_1"][i % 2],
        "redcap_data_access_group": lambda i: f"site_{i % 5}",
        "group": lambda i: i % 7,
        "ward_type": lambda i: "AB"[i % 2],
        "visit_date": lambda i: f"2024-03-{1 + i % 28:02}",
        "y": outcome,
    }
    draft = drafted(tmp_path, **columns)
    assert draft.roles["clinic"] == "redcap_data_access_group"
    assert checked(tmp_path, draft)


def drafted_elsewhere(directory: Path, **columns: Column) -> Draft:
    """The draft of another table, in a directory of its own."""
    other = directory / "other"
    other.mkdir()
    return drafted(other, **columns)


def test_numbers_that_every_clinic_has_for_people_of_both_sexes_begin_anew(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path,
        clinic=lambda i: 101 + i % 5,
        patient=lambda i: 1 + i // 5,
        sex=lambda i: "fm"[i % 2],
        outcome=outcome,
    )
    assert draft.roles["patient"] == "patient"
    assert draft.patient_within
    assert "people of both sexes have the same one" in draft.assumptions[0].sentence
    assert checked(tmp_path, draft).records.patient_within == "clinic"


def test_a_number_that_comes_again_with_one_sex_only_is_a_person(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path,
        site=lambda i: f"S{i % 7}",
        zper=lambda i: 125_000 + i // 3,
        female=lambda i: i // 3 % 2,
        cost=lambda i: (i * 37) % 101,
    )
    assert draft.roles["patient"] == "zper"
    assert "comes again with one sex only" in draft.assumptions[0].sentence
    assert "zper" not in [each.column for each in draft.outcomes]


def test_few_patients_with_very_many_rows(tmp_path: Path) -> None:
    """Each of 12 patients is in one clinic, and has 60 rows."""
    draft = drafted(
        tmp_path,
        n=720,
        site=lambda i: f"S{i % 12 % 3}",
        usubjid=lambda i: f"01-{i % 12:03}",
        value=lambda i: 0.5 * (i % 77),
    )
    assert draft.roles["clinic"] == "site"
    assert draft.roles["patient"] == "usubjid"


@pytest.mark.parametrize("name", ["subject", "nr"])
def test_few_people_are_known_by_a_whole_name(tmp_path: Path, name: str) -> None:
    n = 12 if name == "subject" else 90
    draft = drafted(tmp_path, n=720, **{name: lambda i: 10 + i % n}, odour=lambda i: i * 7 % 50 / 3)
    assert draft.roles["patient"] == name
    assert "clinic" not in draft.roles
