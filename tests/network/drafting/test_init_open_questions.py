"""`init --from` at a terminal: only what a table's columns leave open is asked."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.network.drafting.draft import Draft
from tasks.network.drafting.draft_text import write_draft
from tasks.network.drafting.guessing import guess
from tasks.network.drafting.interview import open_questions
from tasks.network.drafting.prompts import Prompt, split_answers
from tasks.records.questions.source_profile import SourceLook
from tests.network.drafting.drafts import Column, clinic, day, drafted, outcome, talk


def answered(
    directory: Path, answers: dict[str, str | list[str]], **columns: Column
) -> tuple[Draft, list[Prompt]]:
    """The draft after the open questions, and those that were asked."""
    drafted(directory, **columns)
    look = SourceLook("r.duckdb", directory)
    profile = look.profile("records")
    return talk(open_questions(profile, guess(profile, look=look), look), answers)


def test_columns_that_leave_no_doubt_are_not_asked_about(tmp_path: Path) -> None:
    columns: dict[str, Column] = {
        "clinic": clinic,
        "visit_date": day,
        "patient": lambda i: f"P{i % 50}",
        "visit_id": lambda i: f"V{i}",
        "died": outcome,
    }
    drawn = drafted(tmp_path, **columns)
    assert drawn.assumptions == ()
    look = SourceLook("r.duckdb", tmp_path)
    profile = look.profile("records")
    with pytest.raises(StopIteration) as ended:
        next(open_questions(profile, drawn, look))
    assert write_draft(ended.value.value) == write_draft(drawn)


def test_only_what_is_taken_for_granted_is_asked(tmp_path: Path) -> None:
    draft, asked = answered(
        tmp_path,
        {"tells patients apart": "none"},
        clinic=clinic,
        visit_date=day,
        price=lambda i: 1000 + i,
        lab=lambda i: i * 7 % 50 / 3,
    )
    assert [each.text.partition("?")[0] for each in asked] == [
        "Which column tells patients apart",
        "Which column numbers the records",
        "Which columns are outcomes",
        "Which is better for 'lab'",
    ]
    assert asked[1].reasons == ("column 'price' numbers the records: no two of them share one",)
    assert asked[2].reasons == ("nothing says that 'lab' is an outcome: leave it out if it is none",)
    assert draft.assumptions == ()
    assert "Assumed" not in write_draft(draft)


def test_an_answer_takes_the_place_of_a_guess(tmp_path: Path) -> None:
    draft, asked = answered(
        tmp_path,
        {"numbers the records": "none", "are outcomes": "price", "better for 'price'": "lower"},
        clinic=clinic,
        visit_date=day,
        price=lambda i: 1000 + i,
        lab=lambda i: i * 7 % 50 / 3,
    )
    assert "record" not in draft.roles
    assert [(each.column, each.direction) for each in draft.outcomes] == [
        ("price", "lower"),
        (None, "neither"),
    ]
    assert not any(each.problem for each in asked)


def test_back_passes_over_what_was_not_asked(tmp_path: Path) -> None:
    draft, asked = answered(
        tmp_path,
        {"tells patients apart": ["lab", "none"], "numbers the records": ["back", "none"]},
        clinic=clinic,
        visit_date=day,
        price=lambda i: 1000 + i,
        lab=lambda i: i * 7 % 50 / 3,
    )
    assert [each.text.partition("?")[0] for each in asked][:4] == [
        "Which column tells patients apart",
        "Which column numbers the records",
        "Which column tells patients apart",
        "Which column numbers the records",
    ]
    assert "patient" not in draft.roles


def test_back_at_the_first_open_question_asks_it_again(tmp_path: Path) -> None:
    _, asked = answered(
        tmp_path, {"tells patients apart": ["back", "none"]}, clinic=clinic, visit_date=day, died=outcome
    )
    assert [each.text for each in asked].count("Which column tells patients apart? (or none)") == 2


def test_a_column_of_frequencies_is_asked_about_and_never_an_outcome(tmp_path: Path) -> None:
    columns: dict[str, Column] = {"clinic": clinic, "died": outcome, "freq": lambda i: 1 + i % 9}
    kept, asked = answered(tmp_path, {}, **columns)
    assert kept.weight == "freq"
    assert any("'freq' say how many identical records" in each.text for each in asked)
    (tmp_path / "own").mkdir()
    refused, _ = answered(tmp_path / "own", {"identical records": "no"}, **columns)
    assert refused.weight is None
    assert "weight =" not in write_draft(refused)
    assert 'weight = "freq"' in write_draft(kept)


def test_a_bare_count_beside_words_can_be_a_frequency(tmp_path: Path) -> None:
    """A table of lakes, sexes and foods with a count of each was drafted with the count for its outcome."""
    columns: dict[str, Column] = {
        "lake": lambda i: f"L{i % 4}",
        "food": lambda i: ("fish", "bird", "other", "reptile")[i // 4 % 4],
        "count": lambda i: i % 13,
    }
    answers: dict[str, str | list[str]] = {
        "holds the clinic": "lake",
        "identical records": "yes",
        "are outcomes": "food",
        "count as 1": "fish",
    }
    draft, asked = answered(tmp_path, answers, **columns)
    assert draft.weight == "count"
    assert [each.column for each in draft.outcomes] == ["food"]
    (of_count,) = [each for each in asked if "identical records" in each.text]
    assert of_count.default == "no"
    (tmp_path / "own").mkdir()
    kept, _ = answered(tmp_path / "own", {"holds the clinic": "lake"}, **columns)
    assert kept.weight is None
    assert "count" in [each.column for each in kept.outcomes]


@pytest.mark.parametrize(("answer", "kind"), [("1", "binary"), ("2", "binary"), ("none", "continuous")])
def test_ones_and_twos_are_asked_about(tmp_path: Path, answer: str, kind: str) -> None:
    """A survey's 1 is yes and 2 no, R's status 1 is alive and 2 dead; chosen, they were amounts."""
    draft, asked = answered(
        tmp_path,
        {"are outcomes": "qn8", "holds 1 and 2": answer},
        clinic=clinic,
        visit_date=day,
        qn8=lambda i: 1 + i % 2,
    )
    assert sum("holds 1 and 2" in each.text for each in asked) == 1
    assert draft.outcomes[0].kind == kind
    coded = f"CASE qn8 WHEN {answer} THEN 1" in write_draft(draft)
    assert coded == (answer != "none")


def test_a_bare_number_that_comes_again_is_asked_about(tmp_path: Path) -> None:
    """It numbered pairs of twins, and was taken for the patient's without a word."""
    _, asked = answered(
        tmp_path, {}, clinic=clinic, visit_date=day, id=lambda i: i // 2, died=outcome, sex=lambda i: i % 2
    )
    (of_patients,) = [each for each in asked if "tells patients apart" in each.text]
    assert of_patients.reasons == ("column 'id' tells patients apart: it is a number that comes again",)


def test_what_is_adjusted_for_is_asked_unless_it_is_age_and_sex(tmp_path: Path) -> None:
    plain: dict[str, Column] = {"clinic": clinic, "visit_date": day, "died": outcome}
    _, asked = answered(tmp_path, {}, **plain, age=lambda i: 20 + i % 60, sex=lambda i: "MF"[i % 2])
    assert not any("adjusted for" in each.text for each in asked)
    (tmp_path / "own").mkdir()
    _, asked = answered(tmp_path / "own", {}, **plain, base_pain=lambda i: i % 11, pain=lambda i: i % 9)
    (of_adjusters,) = [each for each in asked if "adjusted for" in each.text]
    assert of_adjusters.default == "base_pain"


def test_where_no_clinic_is_found_the_question_says_so(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no column of clinics was found; it could be"):
        answered(
            tmp_path,
            {},
            code=lambda i: f"u{i % 90}",
            equipe=lambda i: f"E{i % 7}",
            equipage=lambda i: f"L{i % 8}",
            visit_date=day,
            died=outcome,
        )


def test_a_column_whose_name_has_commas_is_one_answer() -> None:
    choices = ("cost, in dollars", "cost", "age", "none")
    assert split_answers("age,cost, in dollars", choices) == ["age", "cost, in dollars"]
    assert split_answers("cost,age,", choices) == ["cost", "age"]
    assert split_answers("cost, in euros", choices) == ["cost", "in euros"]


@pytest.mark.slow
@pytest.mark.parametrize(("option", "asks"), [([], True), (["--no-ask"], False)])
def test_at_a_terminal_what_is_open_is_asked_and_without_one_nothing(
    tmp_path: Path, option: list[str], asks: bool
) -> None:
    drafted(tmp_path, clinic=clinic, visit_date=day, died=outcome)
    command = [sys.executable, "-m", "flows", "init", "network.toml", "--from", "r.duckdb", *option]
    terminal, end = pty.openpty()
    with subprocess.Popen(command, cwd=tmp_path, stdin=end, stdout=subprocess.PIPE, text=True) as asking:
        os.write(terminal, b"none\n" * 3)
        said = asking.communicate(timeout=120)[0]
    assert asking.returncode == 0
    assert ("Which column tells patients apart? (or none)" in said) == asks
    (tmp_path / "network.toml").unlink()
    piped = subprocess.run(
        command, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    )
    assert "tells patients apart" not in piped.stdout
    os.close(terminal)
    os.close(end)
