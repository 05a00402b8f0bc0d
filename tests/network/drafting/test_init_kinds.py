"""Which columns `init` takes for outcomes, adjusters and the program, and of which kind."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tasks.network.drafting.draft import Assumption
from tasks.network.drafting.draft_text import write_draft
from tests.network.drafting.drafts import Column, checked, clinic, drafted, outcome, selected

pytestmark = pytest.mark.before_release


@pytest.mark.slow
def test_letters_for_dead_and_alive_are_an_outcome_where_the_name_says_so(tmp_path: Path) -> None:
    letters = {"status": lambda i: "AD"[i % 3 == 0], "arm": lambda i: "AD"[i % 2]}
    draft = drafted(tmp_path, clinic=clinic, **letters)
    died = selected(tmp_path, draft)["status"]
    assert list(died[:4]) == [1, 0, 0, 1]
    assert [(each.column, each.direction) for each in draft.outcomes] == [("status", "lower")]


def test_a_number_of_many_values_called_death_tells_when_and_is_no_outcome(tmp_path: Path) -> None:
    draft = drafted(tmp_path, clinic=clinic, death=lambda i: 10_000 + 3 * i // 2, score=lambda i: i / 7)
    assert [each.column for each in draft.outcomes] == ["score"]


@pytest.mark.slow
def test_without_a_likely_outcome_what_could_be_one_is_said(tmp_path: Path) -> None:
    draft = drafted(tmp_path, clinic=clinic, mode=lambda i: ["modern", "traditional"][i % 3 == 0])
    assert draft.missing[0].candidates == ("mode",)
    assert "'mode' holds two values" in write_draft(draft).replace("\n# ", " ")
    assert checked(tmp_path, draft)


@pytest.mark.slow
def test_of_two_treatments_the_one_that_is_called_so_is_the_program(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path,
        clinic=clinic,
        drug=lambda i: ["Yes", "No"][i % 2],
        treatment=lambda i: ["TAU", "BtheB"][i // 2 % 2],
        score=lambda i: i / 7,
    )
    assert draft.program == "treatment"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "words", "direction"),
    [
        ("status", ("good", "poor"), "higher"),
        ("status", ("Dead", "Alive"), "lower"),
        ("outcome", ("dead", "live"), "lower"),
        ("lowbirthweight", ("low", "not low"), "lower"),
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


@pytest.mark.slow
def test_a_third_word_for_not_known_is_missing(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path, clinic=clinic, result=lambda i: ["positive", "negative", "invalid", "Negative "][i % 4]
    )
    values = selected(tmp_path, draft)["result"]
    assert [None if pd.isna(each) else int(each) for each in values[:4]] == [1, 0, None, 0]
    assert "-- 1: positive, 0: negative; anything else is missing" in write_draft(draft)


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_draft_has_six_outcomes_at_most(tmp_path: Path) -> None:
    labs: dict[str, Column] = {f"lab_{j}": (lambda i, j=j: i % (7 + j) / 3) for j in range(20)}
    draft = drafted(tmp_path, clinic=clinic, **labs, score=lambda i: i / 9)
    assert len(draft.outcomes) == 6
    assert "score" in [each.column for each in draft.outcomes]
    assert len(draft.undrafted) == 15


@pytest.mark.slow
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


@pytest.mark.slow
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
        each.sentence.startswith("rows are sums: 'incidence' counts events of 'size'")
        for each in draft.assumptions
    )
    assert checked(tmp_path, draft).outcomes["incidence"].exposure == "size"


@pytest.mark.slow
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


@pytest.mark.slow
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
        ("attendances", lambda i: 20_000 + 373 * i % 9_001, "count"),
        ("Behandlungen", lambda i: 2_000 + 373 * i % 901, "count"),
    ],
)
def test_kinds_of_whole_numbers(tmp_path: Path, name: str, values: Column, kind: str) -> None:
    draft = drafted(tmp_path, **{"clinic": clinic, name: values})
    assert [(each.column, each.kind) for each in draft.outcomes] == [(name, kind)]
    assert checked(tmp_path, draft)


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_weight_that_changes_within_patients_is_measured_in_them(tmp_path: Path) -> None:
    others: dict[str, Column] = {"clinic": clinic, "patient": lambda i: i % 30, "feed": lambda i: i / 9}
    followed = drafted(tmp_path, **others, weight=lambda i: 40 + i / 7)
    assert [each.column for each in followed.outcomes] == ["feed", "weight"]
    (tmp_path / "r.duckdb").unlink()
    once = drafted(tmp_path, **others, weight=lambda i: 40 + i % 30 / 7)
    assert [each.column for each in once.outcomes] == ["feed"]


def test_a_time_at_risk_in_short_and_controls_in_short(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path,
        herd=lambda i: i % 15,
        group=lambda i: ["CTRL", "TREAT"][i % 2],
        trisk=lambda i: 1 + i / 7,
        y=lambda i: i // 15 % 5,
    )
    assert [(each.column, each.exposure) for each in draft.outcomes] == [("y", "trisk")]
    assert draft.program == "group"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("grade", lambda i: 7 + i % 2),  # a year at school
        ("agemonths", lambda i: 90 + i % 60),
        ("birthplace_year", lambda i: 1950 + i % 40),
        ("diag", lambda i: 8_000 + i),  # days since a start
        ("population", lambda i: 1_000 + i * 7 % 90),
        ("educyr", lambda i: 4 + i % 14),
        ("south", lambda i: i % 2),
        ("otherrace", lambda i: i % 2),
        ("mage", lambda i: 15 + i % 29),
        ("teacher_exp", lambda i: i % 23),
        ("cause", lambda i: i % 17),  # of death, by codes
        ("dose_mg", lambda i: i * 7 % 50 / 9),
        ("flc_decile", lambda i: 1 + i % 10),
        ("sample", lambda i: i * 7 % 113),
    ],
)
def test_what_people_are_and_when_is_not_drafted_beside_measurements(
    tmp_path: Path, name: str, values: Column
) -> None:
    draft = drafted(tmp_path, clinic=clinic, **{name: values}, bilirubin=lambda i: i * 7 % 50 / 3)
    assert [each.column for each in draft.outcomes] == ["bilirubin"]


@pytest.mark.parametrize(
    ("time", "event"),
    [("time_to_agvhd", "agvhd"), ("rel", "relstat"), ("days.until.gvhd", "gvhd"), ("os", "os_event")],
)
def test_what_a_time_waits_for_is_the_outcome_and_the_time_is_none(
    tmp_path: Path, time: str, event: str
) -> None:
    columns: dict[str, Column] = {time: lambda i: i * 7 % 101 / 3, event: outcome, "prior_chemo": outcome}
    draft = drafted(tmp_path, clinic=clinic, **columns, cd34_dose=lambda i: i * 7 % 50 / 3)
    assert draft.outcomes[0].column == event
    assert not {"prior_chemo", "cd34_dose"} & {each.column for each in draft.outcomes}


@pytest.mark.slow
def test_what_stays_the_same_at_each_visit_is_no_outcome_nor_is_when(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path,
        company=lambda i: f"C{i // 3 % 6}",
        subnum=lambda i: i // 3,
        rank=lambda i: i // 3 * 7 % 17,
        ready1=lambda i: i // 3 * 5 % 23 / 4,
        ready=lambda i: i * 11 % 29 / 4,
        time=lambda i: i % 3,
    )
    assert [each.column for each in draft.outcomes] == ["ready"]


@pytest.mark.slow
def test_of_visits_alone_no_outcome_is_made_and_the_one_by_name_is_asked_for(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path,
        clinic=clinic,
        patientID=lambda i: i // 4,
        outcome=lambda i: ["none or mild", "moderate or severe"][i % 3 > 0],
        visit=lambda i: 1 + i % 7,
    )
    assert [each.column for each in draft.outcomes] == [None]
    assert draft.missing[0].candidates == ("outcome",)


@pytest.mark.slow
def test_words_that_tell_how_it_went_make_an_outcome_whatever_it_is_called(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path, clinic=clinic, xst=lambda i: ["Alive", "Dead"][i % 3 == 0], nodes=lambda i: i * 7 % 50
    )
    assert (draft.outcomes[0].column, draft.outcomes[0].direction) == ("xst", "lower")


def test_an_outcome_by_name_in_words_that_nobody_knows_is_asked_for(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path, clinic=clinic, response=lambda i: ["part", "full"][i % 2], score=lambda i: i / 7
    )
    assert [each.column for each in draft.outcomes] == ["score"]
    assert "column 'response' is called like an outcome and is left out" in draft.assumptions[-1].sentence


@pytest.mark.slow
def test_answers_to_a_questionnaire_are_outcomes_where_nothing_else_is(tmp_path: Path) -> None:
    answers: dict[str, Column] = {f"qa{k}": lambda i, k=k: 1 + i // 5 * k % 4 for k in range(1, 10, 2)}  # type: ignore[misc]
    draft = drafted(tmp_path, clinic=clinic, **answers)
    assert [each.column for each in draft.outcomes] == [f"qa{k}" for k in range(1, 10, 2)]
    assert {each.kind for each in draft.outcomes} == {"continuous"}
    (tmp_path / "r.duckdb").unlink()
    scaled = drafted(tmp_path, clinic=clinic, **answers, lead=lambda i: i * 7 % 50 / 9)
    assert [each.column for each in scaled.outcomes] == ["lead"]


@pytest.mark.parametrize("name", ["hlth", "satisfaction", "Zufriedenheit", "self_rated_health"])
def test_what_people_rate_in_a_few_steps_is_an_outcome(tmp_path: Path, name: str) -> None:
    draft = drafted(
        tmp_path, clinic=clinic, **{name: lambda i: 1 + i // 5 % 5}, perweight=lambda i: i * 31 % 91
    )
    assert [(each.column, each.kind) for each in draft.outcomes] == [(name, "continuous")]


def test_levels_that_a_number_tells_apart_are_not_drafted(tmp_path: Path) -> None:
    years: dict[str, Column] = {
        f"y{year}": lambda i, year=year: int(i % 4 == year % 4) for year in (94, 96, 97)
    }  # type: ignore[misc]
    draft = drafted(tmp_path, clinic=clinic, **years, happy=lambda i: i % 2)
    assert [each.column for each in draft.outcomes] == ["happy"]


def test_columns_named_alike_are_outcomes_as_one_by_name_is(tmp_path: Path) -> None:
    marks: dict[str, Column] = {
        f"achv_{each}": lambda i, k=k: i // k % 2
        for k, each in enumerate(("math", "english", "hebrew"), 1)  # type: ignore[misc]
    }
    draft = drafted(tmp_path, clinic=clinic, **marks, immigrant=lambda i: i // 4 % 2)
    assert [each.column for each in draft.outcomes] == ["achv_math", "achv_english", "achv_hebrew"]


def test_a_weight_beside_sampling_units_is_no_outcome(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path, psu=lambda i: 100 + i % 8, weight=lambda i: 1 + i % 50 / 7, answer=lambda i: 1 + i // 8 % 2
    )
    assert draft.roles["clinic"] == "psu"
    assert [each.column for each in draft.outcomes] == [None]
    assert draft.missing[-1].candidates == ("answer",)


@pytest.mark.slow
def test_yes_and_no_has_a_place_beside_many_measurements(tmp_path: Path) -> None:
    many: dict[str, Column] = {f"factor_{k}": lambda i, k=k: i * k % 51 for k in "2345678" for k in [int(k)]}  # type: ignore[misc]
    draft = drafted(tmp_path, clinic=clinic, **many, voted=lambda i: i % 2)
    assert "voted" in [each.column for each in draft.outcomes]


@pytest.mark.slow
def test_codes_flags_and_sequences_are_no_outcomes(tmp_path: Path) -> None:
    """As clinical trials' files have them: a number for each word, who is counted, the study's day."""
    draft = drafted(
        tmp_path,
        clinic=clinic,
        param=lambda i: f"item {i % 8}",
        paramn=lambda i: 1 + i % 8,
        ady=lambda i: i % 90,
        qsseq=lambda i: i % 45,
        saffl=lambda i: "YN"[i % 2],
        ittfl=lambda i: "YN"[i % 3 == 0],
        efffl=lambda i: "YN"[i % 4 == 0],
        plan=lambda i: i % 12,
        aval=lambda i: i % 53,
    )
    assert [(each.column, each.kind) for each in draft.outcomes] == [("aval", "continuous")]


def test_what_nothing_tells_to_have_come_of_care_is_said(tmp_path: Path) -> None:
    draft = drafted(tmp_path, clinic=clinic, died=outcome, lab=lambda i: i * 7 % 50 / 3)
    assert {each.column for each in draft.outcomes} == {"died", "lab"}
    said = "nothing says that 'lab' is an outcome: leave it out if it is none"
    assert Assumption("outcomes", said) in draft.assumptions
    assert f"Assumed: {said}" in write_draft(draft).replace("\n# ", " ")


@pytest.mark.slow
def test_where_nothing_tells_the_first_and_the_last_have_a_place(tmp_path: Path) -> None:
    flags: dict[str, Column] = {f"q{c}": (lambda i, c=c: i // (c + 1) % 2) for c in range(9)}
    told = {name.replace("q", "abcdefghi"[int(name[1:])]): each for name, each in flags.items()}
    drawn = [each.column for each in drafted(tmp_path, clinic=clinic, **told).outcomes]
    assert len(drawn) == 6
    assert {"a0", "i8"} <= set(drawn)


@pytest.mark.parametrize(
    "name", ["meduc", "educat", "fathrace", "statepop", "hhexp", "nadults", "blbmi", "y1lag", "distance"]
)
def test_what_people_and_places_are_in_one_word_is_no_outcome(tmp_path: Path, name: str) -> None:
    values: Column = lambda i: i * 11 % 70 / 7  # noqa: E731
    draft = drafted(tmp_path, clinic=clinic, **{name: values}, lab=lambda i: i * 7 % 50 / 3)
    assert [each.column for each in draft.outcomes] == ["lab"]


def test_words_of_which_one_is_better_outweigh_a_name_of_what_people_are(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path, clinic=clinic, **{"class": lambda i: ["good", "bad"][i % 3 == 0]}, lab=lambda i: i / 3
    )
    assert draft.outcomes[0].column == "class"
    assert draft.outcomes[0].direction == "higher"


@pytest.mark.slow
def test_the_flag_of_a_death_is_an_outcome_among_flags_of_who_is_counted(tmp_path: Path) -> None:
    flags: dict[str, Column] = {each: lambda i: "YN"[i % 2] for each in ("saffl", "ittfl", "randfl", "dthfl")}
    draft = drafted(tmp_path, siteid=clinic, **flags)
    assert [each.column for each in draft.outcomes] == ["dthfl"]
