"""What `init` makes of tables that nobody prepared: one small table for every kind of trouble."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from tasks.errors import ClinicnetError
from tasks.network.draft import Draft
from tasks.network.draft_text import save_draft, write_draft
from tasks.network.guessing import guess
from tasks.network.schema import Network
from tasks.records.questions.source_profile import SourceLook
from tasks.records.sources.records import Records
from tasks.screening import check_network, screen

TODAY = date(2026, 11, 17)
Column = Callable[[int], Any]


def drafted(directory: Path, n: int = 120, **columns: Column) -> Draft:
    """The draft for a table of `n` rows, each column a function of the row's number."""
    frame = pd.DataFrame({name: [value(i) for i in range(n)] for name, value in columns.items()})
    with duckdb.connect(str(directory / "r.duckdb")) as connection:
        connection.register("frame", frame)
        connection.execute("CREATE TABLE records AS SELECT * FROM frame")
    look = SourceLook("r.duckdb", directory)
    return guess(look.profile("records"), look=look, today=TODAY)


def checked(directory: Path, draft: Draft) -> Network:
    save_draft(draft, directory / "network.toml", overwrite=True)
    return check_network(directory / "network.toml")


def selected(directory: Path, draft: Draft) -> pd.DataFrame:
    """What the draft's SELECT returns."""
    network = checked(directory, draft)
    with Records.of(network).connect() as connection:
        frame: pd.DataFrame = connection.table(str(network.records.select)).to_pandas()
    return frame


def clinic(i: int) -> str:
    return f"Clinic {i % 5}"


def outcome(i: int) -> int:
    return int(i % 3 == 0)


def test_without_dates_all_records_count_as_this_months(tmp_path: Path) -> None:
    draft = drafted(tmp_path, clinic=clinic, outcome=outcome)
    assert draft.undated == date(2026, 11, 1)
    assert [each.column for each in draft.outcomes] == ["outcome"]
    assert set(selected(tmp_path, draft)["date"]) == {date(2026, 11, 1)}
    assert checked(tmp_path, draft).window.months == 1
    assert draft.assumptions == ("no column of dates was found, so all records count as this month's",)


def test_without_days_equal_rows_of_a_patient_are_different_records(tmp_path: Path) -> None:
    draft = drafted(tmp_path, clinic=clinic, patient=lambda i: f"P{i % 30}", outcome=lambda i: i % 30 % 2)
    network = checked(tmp_path, draft)
    quality = screen(Records.of(network), network, "2026-11").quality
    (copies,) = quality.loc[(quality["rule"] == "duplicates") & (quality["clinic"] == ""), "n_found"]
    assert copies == 0


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"year": lambda i: 1990 + i % 3}, "1991-01-01"),
        ({"year": lambda i: 1990 + i % 3, "month": lambda i: 1 + i % 12}, "1991-02-01"),
        (
            {"year": lambda i: 1990 + i % 3, "month": lambda i: 1 + i % 12, "day": lambda i: 1 + i % 28},
            "1991-02-02",
        ),
        ({"visit_year": lambda i: 1990 + i % 3}, "1991-01-01"),
    ],
)
def test_years_months_and_days_apart_make_dates(
    tmp_path: Path, columns: Mapping[str, Column], expected: str
) -> None:
    draft = drafted(tmp_path, clinic=clinic, outcome=outcome, **columns)
    assert draft.date_parts == tuple(columns)
    assert str(selected(tmp_path, draft)["date"][1])[:10] == expected
    assert draft.undated is None
    by_months = len(columns) > 1
    assert (draft.outcomes[-1].column is None) is by_months  # records a month: of years, all are of January
    assert checked(tmp_path, draft).window.months == (12 if by_months else 60)


@pytest.mark.parametrize(
    ("written", "day"),
    [
        (lambda i: f"2024-03-{1 + i % 28:02}", "2024-03-02"),
        (lambda i: f"2024-03-{1 + i % 28:02} 10:15:00", "2024-03-02"),
        (lambda i: f"2024-03-{1 + i % 28:02}T10:15:00Z", "2024-03-02"),
        (lambda i: f"2024-03-{1 + i % 28:02}T23:15:00.25-05:00", "2024-03-03"),
        (lambda i: f"2024-03-{1 + i % 28:02} 10:15:00+01", "2024-03-02"),
        (lambda i: f"{1 + i % 28:02}.03.2024", "2024-03-02"),
        (lambda i: f"{1 + i % 28}.3.2024 10:15", "2024-03-02"),
        (lambda i: f"{1 + i % 28}/3/2024", "2024-03-02"),
        (lambda i: f"03/{1 + i % 28:02}/2024", "2024-03-02"),
        (lambda i: f"3-{1 + i % 28}-2024", "2024-03-02"),
        (lambda i: f"2024/03/{1 + i % 28:02}", "2024-03-02"),
        (lambda i: f"202403{1 + i % 28:02}", "2024-03-02"),
        (lambda i: f"{1 + i % 28}-Mar-2024", "2024-03-02"),
        (lambda i: f"{1 + i % 28:02} mar 2024", "2024-03-02"),
        (lambda i: f"{1 + i % 28:02}MAR2024", "2024-03-02"),  # SAS
        (lambda i: f"{1 + i % 28:02}-Mar-24", "2024-03-02"),  # Excel
        (lambda i: f"2024-{1 + i % 12:02}", "2024-02-01"),
        (lambda i: f"2024/{1 + i % 12:02}", "2024-02-01"),
        (lambda i: f"2024-Q{1 + i % 4}", "2024-04-01"),
        (lambda i: f"2024 q{1 + i % 4}", "2024-04-01"),
        (lambda i: f"2024Q{1 + i % 4}", "2024-04-01"),
        (lambda i: 20240301 + i % 28, "2024-03-02"),
        (lambda i: 45352 + i % 28, "2024-03-02"),  # what Excel has for 2024-03-01, and so on
    ],
)
def test_dates_are_read_as_they_are_written(tmp_path: Path, written: Column, day: str) -> None:
    draft = drafted(tmp_path, clinic=clinic, outcome=outcome, visit_date=written)
    assert draft.roles["date"] == "visit_date"
    days = pd.to_datetime(selected(tmp_path, draft)["date"], utc=True)
    assert str(days[1].date()) == day
    assert days.notna().all()


def test_a_slip_in_a_hundred_dates_does_not_cost_the_others(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path, clinic=clinic, outcome=outcome, seen=lambda i: "soon" if i == 7 else f"{1 + i % 28}.3.2024"
    )
    assert selected(tmp_path, draft)["date"].isna().sum() == 1


def test_dates_that_do_not_tell_day_from_month_are_said_to(tmp_path: Path) -> None:
    draft = drafted(tmp_path, clinic=clinic, outcome=outcome, date=lambda i: f"{1 + i % 12:02}/03/2024")
    assert draft.writing == "day/month/year"
    assert "no value tells" in draft.assumptions[0]


def test_numbers_of_eight_digits_are_dates_only_if_they_are_called_so(tmp_path: Path) -> None:
    draft = drafted(tmp_path, clinic=clinic, outcome=outcome, serial=lambda i: 20240301 + i % 28)
    assert draft.undated is not None


def test_a_day_number_is_no_date(tmp_path: Path) -> None:
    draft = drafted(tmp_path, clinic=clinic, outcome=outcome, trial_day=lambda i: i % 90)
    assert draft.undated is not None
    assert draft.assumptions[0].startswith(
        "column 'trial_day' counts time from a start that it does not tell"
    )
    assert "DATE '2024-01-01' + trial_day" in draft.assumptions[0]


PLACES = (
    *("provnum", "prov", "district", "comm", "herd", "school_id", "village", "practice", "ward", "unit"),
    *("Centre", "centerId", "site", "site_id", "facility", "hospital", "hosp", "Krankenhaus", "Schule"),
    *("Gemeinde", "station", "hôpital", "commune", "établissement", "escuela", "aldea", "escola", "unidade"),
)


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
    ],
)
def test_words_that_hold_a_clinics_by_chance_name_none(tmp_path: Path, name: str) -> None:
    draft = drafted(tmp_path, **{name: lambda i: i % 4 if name != "urban_area" else i % 2, "y": outcome})
    assert "clinic" not in draft.roles


def test_the_only_column_that_groups_is_taken_and_said(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path, equipage=lambda i: f"L{i % 8}", race=lambda i: "abcdefg"[i % 7], outcome=outcome
    )
    assert draft.roles["clinic"] == "equipage"
    assert draft.assumptions[0].startswith("column 'equipage' holds the clinic: no column is called like one")
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


def test_letters_for_dead_and_alive_are_an_outcome_where_the_name_says_so(tmp_path: Path) -> None:
    letters = {"status": lambda i: "AD"[i % 3 == 0], "arm": lambda i: "AD"[i % 2]}
    draft = drafted(tmp_path, clinic=clinic, **letters)
    died = selected(tmp_path, draft)["status"]
    assert list(died[:4]) == [1, 0, 0, 1]
    assert [(each.column, each.direction) for each in draft.outcomes] == [("status", "lower")]


def test_a_number_of_many_values_called_death_tells_when_and_is_no_outcome(tmp_path: Path) -> None:
    draft = drafted(tmp_path, clinic=clinic, death=lambda i: 10_000 + 3 * i // 2, score=lambda i: i / 7)
    assert [each.column for each in draft.outcomes] == ["score"]


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
        equipage=lambda i: i % 8,
        lits=lambda i: i % 8 // 2 * 20,
        durée=lambda i: i // 2 % 9,
        died=outcome,
    )
    assert draft.roles["clinic"] == "equipage"
    assert "the only one within which others are the same" in draft.assumptions[0]
    assert [each.column for each in draft.outcomes] == ["died", "durée"]


def test_a_school_class_is_a_clinics_place_only_if_it_has_many_values(tmp_path: Path) -> None:
    many = drafted(tmp_path, **{"class": lambda i: i % 9, "score": lambda i: i / 7})
    assert many.roles["clinic"] == "class"
    (tmp_path / "r.duckdb").unlink()
    few = drafted(tmp_path, **{"class": lambda i: i % 3, "score": lambda i: i / 7})
    assert "clinic" not in few.roles


def test_without_a_likely_outcome_what_could_be_one_is_said(tmp_path: Path) -> None:
    draft = drafted(tmp_path, clinic=clinic, mode=lambda i: ["modern", "traditional"][i % 3 == 0])
    assert draft.missing[0].candidates == ("mode",)
    assert "'mode' hold two values" in write_draft(draft).replace("\n# ", " ")
    assert checked(tmp_path, draft)


def test_of_two_treatments_the_one_that_is_called_so_is_the_program(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path,
        clinic=clinic,
        drug=lambda i: ["Yes", "No"][i % 2],
        treatment=lambda i: ["TAU", "BtheB"][i // 2 % 2],
        score=lambda i: i / 7,
    )
    assert draft.program == "treatment"


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


@pytest.mark.parametrize(
    ("name", "words", "direction"),
    [
        ("status", ("good", "poor"), "higher"),
        ("status", ("Dead", "Alive"), "lower"),
        ("result", ("POS", "NEG"), "neither"),
        ("outcome", ("positive", "negative"), "neither"),
        ("use", ("Y", "N"), "neither"),
        ("died", ("ja", "nein"), "lower"),
        ("y", ("y", "n"), "neither"),
        ("état", ("décédé", "vivant"), "lower"),
        ("resultado", ("bueno", "malo"), "higher"),
        ("outcome", (2, 1), "neither"),
    ],
)
def test_two_words_become_1_and_0(
    tmp_path: Path, name: str, words: tuple[str | int, str | int], direction: str
) -> None:
    draft = drafted(tmp_path, **{"clinic": clinic, name: lambda i: words[0] if i % 3 == 0 else words[1]})
    (drawn,) = draft.outcomes
    assert (drawn.column, drawn.kind, drawn.direction) == (name, "binary", direction)
    values = selected(tmp_path, draft).drop(columns=["clinic", "date"]).iloc[:, 0]
    assert list(values) == [outcome(i) for i in range(120)]


def test_a_third_word_for_not_known_is_missing(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path, clinic=clinic, result=lambda i: ["positive", "negative", "invalid", "Negative "][i % 4]
    )
    values = selected(tmp_path, draft)["result"]
    assert [None if pd.isna(each) else int(each) for each in values[:4]] == [1, 0, None, 0]
    assert "-- 1: positive, 0: negative; anything else is missing" in write_draft(draft)


def test_outcomes_by_name_come_before_what_people_are(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path,
        clinic=clinic,
        white=lambda i: i % 2,
        married=lambda i: ["Yes", "No"][i % 2],
        income=lambda i: i / 7,
        type1=lambda i: i % 2,
        los=lambda i: i % 40,
        died=outcome,
        lab=lambda i: i / 3,
        lab_squared=lambda i: i * i / 9,
        steroids=lambda i: i % 2,
    )
    assert [each.column for each in draft.outcomes] == ["los", "died", "lab"]
    assert "# 6 more columns could be outcomes: white, married, income, type1, lab_squared, steroids" in (
        write_draft(draft)
    )


def test_a_draft_has_six_outcomes_at_most(tmp_path: Path) -> None:
    labs: dict[str, Column] = {f"lab_{j}": (lambda i, j=j: i % (7 + j) / 3) for j in range(20)}
    draft = drafted(tmp_path, clinic=clinic, **labs, score=lambda i: i / 9)
    assert len(draft.outcomes) == 6
    assert "score" in [each.column for each in draft.outcomes]
    assert len(draft.undrafted) == 15


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("treat", ("A", "P")),
        ("treatment", ("treatment", "placebo")),
        ("trt", ("rIFN-g", "placebo")),
        ("arm", ("New drug", "Usual care")),
        ("group", ("Intervention", "Control")),
        ("Gruppe", ("Schulung", "Kontrolle")),
        ("intervention", (1, 0)),
        ("drug", ("yes", "no")),
    ],
)
def test_a_treatment_is_the_program_and_no_outcome(
    tmp_path: Path, name: str, words: tuple[str | int, str | int]
) -> None:
    draft = drafted(
        tmp_path,
        **{"clinic": clinic, name: lambda i: words[0] if i % 3 == 0 else words[1], "score": lambda i: i / 7},
    )
    assert draft.program == name
    assert [each.column for each in draft.outcomes] == ["score"]
    program = checked(tmp_path, draft).program
    assert program is not None
    assert list(selected(tmp_path, draft)[str(program.column)]) == [outcome(i) for i in range(120)]


def test_a_treatment_of_three_arms_is_adjusted_for(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path, clinic=clinic, trt=lambda i: ["placebo", "drug", "drug+"][i % 3], y=lambda i: i % 2
    )
    assert draft.program is None
    assert draft.adjusters == ("trt",)


def test_the_first_value_of_an_outcome_is_adjusted_for(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path, clinic=clinic, baseline=lambda i: i % 2, pain_baseline=lambda i: i / 9, pain=lambda i: i / 7
    )
    assert draft.adjusters == ("baseline", "pain_baseline")
    assert [each.column for each in draft.outcomes] == ["pain"]


def test_events_of_so_many_are_a_count_with_an_exposure(tmp_path: Path) -> None:
    draft = drafted(tmp_path, herd=lambda i: i % 15, incidence=lambda i: i % 9, size=lambda i: 10 + i % 20)
    (drawn,) = draft.outcomes
    assert (drawn.column, drawn.kind, drawn.exposure) == ("incidence", "count", "size")
    assert any(
        each.startswith("rows are sums: 'incidence' counts events of 'size'") for each in draft.assumptions
    )
    assert checked(tmp_path, draft).outcomes["incidence"].exposure == "size"


def test_a_column_of_frequencies_is_the_weight(tmp_path: Path) -> None:
    draft = drafted(tmp_path, clinic=clinic, died=lambda i: i // 6 % 2, freq=lambda i: 1 + i % 40)
    assert draft.weight == "freq"
    assert [each.column for each in draft.outcomes] == ["died"]
    assert checked(tmp_path, draft).records.weight == "freq"


@pytest.mark.parametrize(
    ("age", "limited"),
    [
        (lambda i: i % 90, True),
        (lambda i: -14 + i % 30, False),  # centred
        (lambda i: 138 if i == 5 else i % 90, True),  # one slip is no reason against limits, but one for them
        (lambda i: 200 + i % 600, False),  # in months
    ],
)
def test_limits_are_declared_where_nearly_all_values_keep_to_them(
    tmp_path: Path, age: Column, limited: bool
) -> None:
    draft = drafted(tmp_path, clinic=clinic, outcome=outcome, age=age)
    assert ("age" in checked(tmp_path, draft).limits) is limited


def test_an_age_group_is_an_adjuster_without_limits(tmp_path: Path) -> None:
    draft = drafted(tmp_path, clinic=clinic, died=outcome, age75=lambda i: i % 2, female=lambda i: i // 2 % 2)
    assert draft.adjusters == ("age75", "female")
    assert draft.limits == {}


def test_what_is_the_same_for_all_of_a_clinic_is_no_outcome_of_its_patients(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path,
        clinic=clinic,
        beds=lambda i: 50.5 * (i % 5),
        staff_score=lambda i: 1.5 * (i % 5 % 3),
        pain=lambda i: i / 7,
    )
    assert [each.column for each in draft.outcomes] == ["pain"]
    assert draft.undrafted == ()


def test_values_that_bear_their_code_become_1_and_0(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path,
        site=lambda i: f"{i % 4 + 1}_Town",
        rx=lambda i: "1_drug" if i % 3 == 0 else "0_placebo",
        outcome=lambda i: "1_yes" if i % 3 == 0 else "0_no",
    )
    assert draft.program == "rx"
    values = selected(tmp_path, draft)
    assert list(values["outcome"]) == list(values["rx"]) == [outcome(i) for i in range(120)]


def test_the_last_value_is_the_outcome_and_the_first_is_adjusted_for(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path,
        clinic=clinic,
        langPRET=lambda i: i % 30,
        langPOST=lambda i: i % 31,
        predicted=lambda i: i / 3,
    )
    assert draft.adjusters == ("langPRET",)
    assert draft.outcomes[0].column == "langPOST"
    assert draft.outcomes[0].kind == "continuous"


def test_of_many_first_values_none_is_adjusted_for_unasked(tmp_path: Path) -> None:
    first: dict[str, Column] = {f"baseline_{j}": (lambda i, j=j: i % (5 + j)) for j in range(9)}
    draft = drafted(tmp_path, clinic=clinic, pain=lambda i: i / 7, **first)
    assert draft.adjusters == ()
    assert [each.column for each in draft.outcomes] == ["pain"]


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("grade", lambda i: 1 + i % 6, "continuous"),
        ("score", lambda i: i % 21, "continuous"),
        ("calories", lambda i: 200 + 50 * (i % 37), "continuous"),
        ("relapses", lambda i: i % 4, "count"),
        ("visits", lambda i: i % 4, "count"),
        ("los", lambda i: 1 + i % 40, "count"),
        ("deaths", lambda i: 3 * i % 113, "count"),
    ],
)
def test_kinds_of_whole_numbers(tmp_path: Path, name: str, values: Column, kind: str) -> None:
    draft = drafted(tmp_path, **{"clinic": clinic, name: values})
    assert [(each.column, each.kind) for each in draft.outcomes] == [(name, kind)]
    assert checked(tmp_path, draft)


def test_words_that_say_outcome_only_alone(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path,
        clinic=clinic,
        use_of_tobacco=lambda i: ["Yes", "No"][i % 2],
        hiv_status=lambda i: ["Yes", "No"][i // 2 % 2],
        risk=lambda i: i / 9,
        ivstart=lambda i: i * 2 % 171,
        died=outcome,
    )
    assert [each.column for each in draft.outcomes] == ["died"]
