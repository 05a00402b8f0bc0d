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
    assert "may not result from care" in asked[2].reasons[0]
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
