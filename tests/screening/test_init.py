"""What `init` writes, from a source's own columns or by asking, passes `check`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb
import pytest
import tomlkit

from tasks.demo import make_demo
from tasks.errors import NetworkError, SourceError
from tasks.network.draft import Draft, identifier, save_draft
from tasks.network.guessing import guess, likeliest_table
from tasks.network.interview import Interview, Prompt, interview
from tasks.records.questions.source_profile import SourceLook
from tasks.screening import check_network
from tests.screening.tables import months_of, write_table


@pytest.fixture(scope="module")
def chop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_demo("chop", tmp_path_factory.mktemp("chop")).parent


@pytest.fixture(scope="module")
def state48(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = make_demo("state48", tmp_path_factory.mktemp("state48")).parent
    with duckdb.connect(str(directory / "state48.duckdb")) as connection:
        joined = "visits JOIN patients USING (patient) JOIN clinics USING (clinic)"
        connection.execute(f'CREATE VIEW "All visits" AS FROM {joined}')
    return directory


def guessed(directory: Path, source: str, table: str) -> Draft:
    return guess(SourceLook(source, directory).profile(table), "Guessed")


def test_chop_is_guessed_and_passes(chop: Path) -> None:
    draft = guessed(chop, "chop.duckdb", "tests")
    assert draft.roles == {
        "clinic": "clinic_name",
        "patient": "subject_id",
        "record": "test",
        "date": "test_date",
    }
    assert [each.column for each in draft.outcomes] == [
        "ct_result",
        "orderset",
        "col_rec_tat",
        "rec_ver_tat",
        None,
    ]
    assert draft.program == "drive_thru_ind"
    assert set(draft.adjusters) == {"age", "gender"}
    save_draft(draft, chop / "init.toml")
    network = check_network(chop / "init.toml")
    assert network.outcomes["orderset"].kind == "binary"
    assert network.outcomes["rec_ver_tat"].kind == "continuous"
    assert network.limits["age"].maximum == 110
    assert "name" not in (network.records.select or "").replace("clinic_name", "")


@pytest.mark.slow
def test_state48_is_guessed_and_passes(state48: Path) -> None:
    look = SourceLook("state48.duckdb", state48)
    tables = look.tables()
    assert set(tables) == {"All visits", "clinic_truth", "clinics", "patients", "truth", "visits"}
    assert likeliest_table(look.columns(tables)) == "All visits"
    draft = guessed(state48, "state48.duckdb", "All visits")
    assert draft.roles == {
        "clinic": "clinic",
        "region": "region",
        "patient": "patient",
        "record": "visit",
        "date": "visit_date",
    }
    assert {each.column: (each.kind, each.direction, each.exposure) for each in draft.outcomes} == {
        "screening_score": ("continuous", "higher", None),
        "vaccinated": ("binary", "higher", None),
        "systolic": ("continuous", "lower", None),
        "emergency_visits": ("count", "lower", "months_at_risk"),
        None: ("count", "neither", None),
    }
    save_draft(draft, state48 / "init.toml")
    assert check_network(state48 / "init.toml").outcomes["emergency_visits"].exposure == "months_at_risk"


def test_odd_names_become_names_that_pass(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "odd.duckdb")) as connection:
        connection.execute("""
            CREATE TABLE "the order" AS
            SELECT 'W' || (i % 3) AS "Ward name", i AS "Patient No",
                   DATE '2024-01-01' + i::INTEGER AS "Visit date",
                   20.0 + i % 50 / 2 AS "Age (years)", i % 2 = 0 AS "Vaccinated?", i / 7.0 AS "month",
                   i / 3.0 AS "3rd BP [mmHg]", i % 2 AS "on Program", i / 9.0 AS "age years",
                   'Jane ' || i AS "Full name"
            FROM range(60) AS r (i)
        """)
    draft = guessed(tmp_path, "odd.duckdb", "the order")
    assert draft.roles == {"clinic": "Ward name", "patient": "Patient No", "date": "Visit date"}
    save_draft(draft, tmp_path / "network.toml")
    network = check_network(tmp_path / "network.toml")
    assert set(network.outcomes) == {"vaccinated", "column_3rd_bp_mmhg", "records"}
    assert set(network.limits) == {"age_years", "age_years_2"}
    assert network.program is not None
    assert network.program.column == "on_program"


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_file_is_guessed_and_passes(tmp_path: Path, ending: str) -> None:
    records = months_of("A", 9, 9) + months_of("B", 9, 9)
    rows = [row | {"age": 40.0 + row["patient"] % 9} for row in records]
    write_table(tmp_path / "t.duckdb", rows)
    with duckdb.connect(str(tmp_path / "t.duckdb"), read_only=True) as connection:
        connection.execute(f"COPY visits_table TO '{tmp_path}/visits.{ending}'")
    look = SourceLook(f"visits.{ending}", tmp_path)
    assert look.tables() == ("records",)
    save_draft(guess(look.profile("records")), tmp_path / "network.toml")
    assert list(check_network(tmp_path / "network.toml").outcomes) == ["vaccinated", "records"]


def talk(questions: Interview, answers: Mapping[str, str | list[str]]) -> tuple[Draft, list[Prompt]]:
    """Answer each question by the first key that its text holds; without one, take the default."""
    asked: list[Prompt] = []
    left = {key: list(value) if isinstance(value, list) else [value] for key, value in answers.items()}
    question = next(questions)
    while len(asked) < 100:
        asked.append(question)
        mine = next((key for key in left if key in question.text and left[key]), None)
        try:
            question = questions.send(left[mine].pop(0) if mine is not None else "")
        except StopIteration as end:
            return end.value, asked
    raise AssertionError(f"asked again and again: {question}")


def look_in(directory: Path) -> Callable[[str, str | None], SourceLook]:
    return lambda source, password_env: SourceLook(source, directory, password_env)


def test_taking_every_proposal_gives_a_network_that_passes(chop: Path, tmp_path: Path) -> None:
    draft, asked = talk(interview(look_in(chop), ["chop.duckdb"]), {"called": "Philadelphia"})
    save_draft(draft, chop / "asked.toml")
    network = check_network(chop / "asked.toml")
    assert network.network.name == "Philadelphia"
    assert set(network.outcomes) == {"ct_result", "orderset", "col_rec_tat", "rec_ver_tat", "records"}
    assert not any(question.problem for question in asked)


def test_answers_are_obeyed(state48: Path) -> None:
    answers: dict[str, str | list[str]] = {
        "Which table": "All visits",
        "region?": "none",
        "outcomes?": "systolic, vaccinated",
        "read 'systolic'": 'Blood pressure "(mmHg)"',
        "better for 'vaccinated'": "neither",
        "adjusted for": "age",
        "time zone": "America/Chicago",
    }
    draft, _ = talk(interview(look_in(state48), ["state48.duckdb"]), answers)
    save_draft(draft, state48 / "asked.toml")
    network = check_network(state48 / "asked.toml")
    assert list(network.outcomes) == ["systolic", "vaccinated", "records"]
    assert network.outcomes["systolic"].label == 'Blood pressure "(mmHg)"'
    assert network.outcomes["vaccinated"].direction == "neither"
    assert network.outcomes["systolic"].adjusters == ("age",)
    assert network.network.time_zone == "America/Chicago"
    assert "region" not in (network.records.select or "")


def test_an_answer_that_cannot_be_used_is_asked_again(chop: Path) -> None:
    answers: dict[str, str | list[str]] = {
        "Where are the records": ["", "postgresql://me:hunter2@db/x", "no.duckdb", "chop.duckdb"],
        "holds the clinic": ["clinic", "clinic_name"],
        "outcomes?": ["orderset, agee", "orderset"],
        "time zone": ["Berlin", "Europe/Berlin"],
    }
    draft, asked = talk(interview(look_in(chop)), answers)
    said = [question.problem for question in asked if question.problem]
    assert said[0] == "an answer is needed"
    assert "holds a password" in str(said[1])
    assert "hunter2" not in "".join(map(str, said))
    assert str(said[2]).startswith(f"there is no file {chop / 'no.duckdb'}")
    assert said[3] == "'clinic' is none of them; did you mean 'clinic_name'?"
    assert str(said[4]).startswith("'agee' is none of them")
    assert str(said[5]).startswith("there is no time zone 'Berlin'")
    assert draft.roles["clinic"] == "clinic_name"


def test_a_table_without_dates_is_refused(tmp_path: Path) -> None:
    write_table(tmp_path / "t.duckdb", [{"clinic": "A", "sbp": 120.0}, {"clinic": "B", "sbp": 130.0}])
    with pytest.raises(SourceError, match="no column left that could hold the date") as caught:
        talk(interview(look_in(tmp_path), ["t.duckdb"]), {"holds the clinic": "clinic"})
    assert "view" in str(caught.value.hint)


def test_a_network_file_is_not_written_over(chop: Path, tmp_path: Path) -> None:
    draft = guessed(chop, "chop.duckdb", "tests")
    path = tmp_path / "deep" / "network.toml"
    save_draft(draft, path)
    with pytest.raises(NetworkError, match="is there already"):
        save_draft(draft, path)
    save_draft(draft, path, overwrite=True)
    assert tomlkit.parse(path.read_text())["network"]


def test_names_for_columns() -> None:
    assert [identifier(text) for text in ("Age", "3rd", "Ct result (cycles)", "北京", "__x")] == [
        "age",
        "column_3rd",
        "ct_result_cycles",
        "column",
        "x",
    ]
