"""What `init` writes, from a source's own columns or by asking, passes `check`."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
import tomlkit

from tasks.demo import make_demo
from tasks.errors import NetworkError
from tasks.network.drafting.draft import Draft
from tasks.network.drafting.draft_text import identifier, save_draft, write_draft
from tasks.network.drafting.guessing import guess, likeliest_table
from tasks.network.drafting.interview import interview
from tasks.records.questions.source_profile import SourceLook
from tasks.screening import check_network, doubts
from tests.network.drafting.drafts import look_in, talk
from tests.screening.tables import months_of, write_table

pytestmark = pytest.mark.before_release


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


@pytest.mark.slow
def test_chop_is_guessed_and_passes(chop: Path) -> None:
    draft = guessed(chop, "chop.duckdb", "tests")
    assert draft.roles == {
        "clinic": "clinic_name",
        "patient": "subject_id",
        "record": "test",
        "date": "test_date",
    }
    assert [each.column for each in draft.outcomes] == [
        "result",
        "ct_result",
        "col_rec_tat",
        "rec_ver_tat",
        None,
    ]
    assert draft.undrafted == ("orderset",)
    assert draft.program == "drive_thru_ind"
    assert set(draft.adjusters) == {"age", "gender"}
    save_draft(draft, chop / "init.toml")
    network = check_network(chop / "init.toml")
    assert network.outcomes["result"].kind == "binary"
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_columns_that_none_is_taken_of_are_the_first_to_choose_from(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "t.duckdb")) as connection:
        connection.execute("""
            CREATE TABLE t AS SELECT 'u' || i % 90 AS code, 'E' || i % 7 AS equipe, 'L' || i % 8 AS equipage,
                DATE '2024-01-01' + CAST(i % 90 AS INTEGER) AS seen, i % 2 AS died
            FROM range(180) AS numbers(i)
        """)
    questions = interview(look_in(tmp_path), ["t.duckdb"])
    question = next(questions)
    while "holds the clinic" not in question.text:
        question = questions.send("")
    assert set(question.choices[:2]) == {"equipe", "equipage"}
    assert question.default is None


@pytest.mark.slow
def test_taking_every_proposal_gives_a_network_that_passes(chop: Path, tmp_path: Path) -> None:
    draft, asked = talk(interview(look_in(chop), ["chop.duckdb"]), {"called": "Philadelphia"})
    save_draft(draft, chop / "asked.toml")
    network = check_network(chop / "asked.toml")
    assert network.network.name == "Philadelphia"
    assert set(network.outcomes) == {"result", "ct_result", "col_rec_tat", "rec_ver_tat", "records"}
    assert not any(question.problem for question in asked)


@pytest.mark.slow
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


@pytest.mark.slow
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


def _undated(directory: Path, column: str) -> None:
    with duckdb.connect(str(directory / "t.duckdb")) as connection:
        connection.execute(
            f"CREATE TABLE t AS SELECT 'K' || i % 6 AS clinic, {column}, 120.0 + i % 37 AS sbp "
            "FROM range(240) AS numbers(i)"
        )


@pytest.mark.slow
def test_a_table_without_dates_is_drafted_as_it_is_without_questions(tmp_path: Path) -> None:
    """The question of the date had no way out: of twenty public files sixteen ended there."""
    _undated(tmp_path, "'p' || i % 80 AS person")
    draft, asked = talk(interview(look_in(tmp_path), ["t.duckdb"]), {"tells patients apart": "person"})
    (of_date,) = [each for each in asked if "holds the date" in each.text]
    assert (of_date.default, of_date.choices[-1]) == ("none", "none")
    assert "date" not in draft.roles
    assert draft.undated is not None
    assert draft.rows_numbered  # equal rows of a person are records of their own
    save_draft(draft, tmp_path / "asked.toml")
    assert set(check_network(tmp_path / "asked.toml").outcomes) == {"sbp"}


@pytest.mark.slow
def test_an_outcome_in_words_is_chosen_by_its_words(tmp_path: Path) -> None:
    """Of twenty public files three had their outcome in words that nobody but a person knows."""
    words = "CASE i % 4 WHEN 0 THEN 'fulltime' WHEN 1 THEN ' parttime' WHEN 2 THEN 'not.work' END AS partic"
    _undated(tmp_path, words)
    answers: dict[str, str | list[str]] = {
        "Which columns are outcomes?": "partic",
        "'partic' holds words": [",", "Fulltime, parttime", "fulltime, parttime"],
    }
    draft, asked = talk(interview(look_in(tmp_path), ["t.duckdb"]), answers)
    assert [each.problem for each in asked if each.problem] == [
        "no row has '' in 'partic'; capitals count",
        "no row has 'Fulltime' in 'partic'; capitals count",
    ]
    assert not any("What kind" in each.text for each in asked)
    save_draft(draft, tmp_path / "asked.toml")
    network = check_network(tmp_path / "asked.toml")
    assert network.outcomes["partic"].kind == "binary"
    with duckdb.connect(str(tmp_path / "t.duckdb")) as connection:
        counted = connection.execute(
            f"SELECT partic, COUNT(*) FROM ({network.records.select}) GROUP BY ALL ORDER BY partic"
        ).fetchall()
    assert counted == [(0, 60), (1, 120), (None, 60)]


@pytest.mark.slow
def test_one_word_may_hold_a_comma(tmp_path: Path) -> None:
    _undated(tmp_path, "CASE i % 3 WHEN 0 THEN 'Hacking, Theft' WHEN 1 THEN 'Theft' ELSE 'Loss' END AS kind")
    answers = {"Which columns are outcomes?": "kind", "'kind' holds words": "Hacking, Theft"}
    draft, asked = talk(interview(look_in(tmp_path), ["t.duckdb"]), answers)
    assert not any(each.problem for each in asked)
    assert "1: Hacking, Theft, 0: any other word" in write_draft(draft)


@pytest.mark.slow
def test_a_word_may_end_as_the_file_s_own_text_does(tmp_path: Path) -> None:
    """SQL doubles the quote of Pa', and three in a row end TOML's text."""
    _undated(tmp_path, "CASE i % 3 WHEN 0 THEN 'Pa''' ELSE 'N\\K' END AS kind")
    answers = {"Which columns are outcomes?": "kind", "'kind' holds words": "Pa'"}
    draft, _ = talk(interview(look_in(tmp_path), ["t.duckdb"]), answers)
    save_draft(draft, tmp_path / "asked.toml")
    select = check_network(tmp_path / "asked.toml").records.select
    with duckdb.connect(str(tmp_path / "t.duckdb")) as connection:
        assert connection.execute(f"SELECT SUM(kind), COUNT(kind) FROM ({select})").fetchone() == (80, 240)


@pytest.mark.slow
def test_a_count_is_asked_what_it_is_counted_of(tmp_path: Path) -> None:
    """Deaths in states of half a million and of 39 million people were compared as they were."""
    _undated(tmp_path, "CAST(i % 9 AS INTEGER) AS deaths, 1000 + i AS people")
    answers = {"Which columns are outcomes?": "deaths", "'deaths' is counted of": "people"}
    draft, asked = talk(interview(look_in(tmp_path), ["t.duckdb"]), answers)
    assert draft.outcomes[0].exposure == "people"
    (of_count,) = [each for each in asked if "counted of" in each.text]
    assert of_count.choices[-1] == "none"


@pytest.mark.slow
def test_back_goes_to_the_question_before_and_not_through_answers_that_were_refused(tmp_path: Path) -> None:
    _undated(tmp_path, "'p' || i % 80 AS person")
    answers: dict[str, str | list[str]] = {
        "Where are the records": ["postgresql://nobody@127.0.0.1:9/none", "t.duckdb"],
        "Which environment variable": ["none"],
        "holds the clinic": ["nowhere", "nothing", "clinic", "clinic"],
        "holds the date": ["back", "none"],
        "called": ["First", "Second"],
    }
    draft, asked = talk(interview(look_in(tmp_path)), answers)
    assert [each.text.split("?")[0] for each in asked][4:10] == [
        "Which column holds the clinic",
        "Which column holds the clinic",
        "Which column holds the clinic",
        "Which column holds the date of the record",
        "Which column holds the clinic",
        "Which column holds the date of the record",
    ]
    assert draft.name == "First"


@pytest.mark.slow
def test_what_makes_a_proposal_likely_is_said_with_it(tmp_path: Path) -> None:
    _undated(
        tmp_path,
        "CAST(2010 + i % 8 AS INTEGER) AS year, CASE i % 2 WHEN 0 THEN 'placebo' ELSE 'drug' END arm",
    )
    _, asked = talk(interview(look_in(tmp_path), ["t.duckdb"]), {})
    reasons = {each.text.split("?")[0]: each.reasons for each in asked if each.reasons}
    assert reasons["Which column holds the date of the record"][0].startswith("dates are made of 'year'")


@pytest.mark.slow
def test_years_are_offered_as_the_date_that_they_make(tmp_path: Path) -> None:
    _undated(tmp_path, "CAST(2010 + i % 8 AS INTEGER) AS year")
    draft, asked = talk(interview(look_in(tmp_path), ["t.duckdb"]), {})
    (of_date,) = [each for each in asked if "holds the date" in each.text]
    assert of_date.default == "year"
    assert (draft.date_parts, draft.undated) == (("year",), None)
    later = asked[asked.index(of_date) + 1 :]
    assert not any("year" in each.choices for each in later)
    save_draft(draft, tmp_path / "asked.toml")
    check_network(tmp_path / "asked.toml")


@pytest.mark.slow
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


LANGUAGES = {
    "German": ("Klinik", "Patientennummer", "Besuchsdatum", "Geschlecht", "Alter", "Geimpft", "Ja", "Nein"),
    "French": ("Hôpital", "N° patient", "Date de visite", "Sexe", "Âge", "Vacciné", "Oui", "Non"),
    "Spanish": ("Clínica", "Número de paciente", "Fecha", "Sexo", "Edad", "Vacunado", "Sí", "No"),
    "Portuguese": (
        "Unidade",
        "Código do paciente",
        "Data da consulta",
        "Sexo",
        "Idade",
        "Vacinado",
        "Sim",
        "Não",
    ),
    "English": ("Clinic", "Patient number", "Visit date", "Sex", "Age", "Vaccinated", "Yes", "No"),
}


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_names_in_five_languages_are_guessed_and_pass(tmp_path: Path, language: str) -> None:
    clinic, patient, date, sex, age, vaccinated, yes, no = LANGUAGES[language]
    with duckdb.connect(str(tmp_path / "r.duckdb")) as connection:
        connection.execute(f"""
            CREATE TABLE records AS
            SELECT 'K' || (i % 5) AS "{clinic}", 10000 + i % 450 AS "{patient}",
                   DATE '2024-01-01' + (i % 300)::INTEGER AS "{date}",
                   CASE i % 2 WHEN 0 THEN 'm' ELSE 'f' END AS "{sex}",
                   20 + i % 60 AS "{age}", CASE i % 3 WHEN 0 THEN '{yes}' ELSE '{no}' END AS "{vaccinated}",
                   120 + i % 37 / 3.0 AS "RR"
            FROM range(900) AS r (i)
        """)
    draft = guessed(tmp_path, "r.duckdb", "records")
    assert draft.roles == {"clinic": clinic, "patient": patient, "date": date}
    assert [each.column for each in draft.outcomes] == [vaccinated, "RR", None]
    assert draft.outcomes[0].kind == "binary"
    assert set(draft.adjusters) == {sex, age}
    save_draft(draft, tmp_path / "network.toml")
    assert check_network(tmp_path / "network.toml").outcomes
    assert doubts(tmp_path / "network.toml") == ()


def test_a_patients_number_as_an_outcome_is_doubted(tmp_path: Path) -> None:
    write_table(tmp_path / "records.duckdb", months_of("A", 9) + months_of("B", 9))
    file = tmp_path / "network.toml"
    select = "SELECT *, patient AS patient_id FROM visits_table"
    file.write_text(
        f'[network]\nname = "N"\n[records]\nsource = "records.duckdb"\nselect = "{select}"\n'
        '[outcomes.patient_id]\nlabel = "P"\nkind = "continuous"\ndirection = "lower"\n'
    )
    check_network(file)
    (said,) = doubts(file)
    assert str(said).startswith(
        "line 6: [outcomes.patient_id] column 'patient_id' is called like a patient's number"
    )


@pytest.mark.slow
def test_a_file_of_very_many_columns_has_a_draft_that_is_read(tmp_path: Path) -> None:
    measured = ", ".join(f"i % {7 + j} / 3.0 AS lab_{j}" for j in range(171))
    with duckdb.connect(str(tmp_path / "r.duckdb")) as connection:
        connection.execute(
            "CREATE TABLE records AS "
            "SELECT 'K' || (i % 5) AS clinic, DATE '2024-01-01' + (i % 90)::INTEGER AS date, "
            f"i % 2 AS died, {measured} FROM range(400) AS r (i)"
        )
    draft = guessed(tmp_path, "r.duckdb", "records")
    assert len(draft.outcomes) == 7
    assert draft.outcomes[-1].column is None
    assert "died" in [each.column for each in draft.outcomes]
    save_draft(draft, tmp_path / "network.toml")
    text = (tmp_path / "network.toml").read_text()
    assert "# 166 more columns could be outcomes: lab_" in text
    assert len(text.splitlines()) < 130
    assert len(check_network(tmp_path / "network.toml").outcomes) == 7


@pytest.mark.slow
def test_the_table_with_rows_is_proposed_not_the_one_with_sums(tmp_path: Path) -> None:
    columns = "'K' || (i % 5) AS clinic, DATE '2024-01-01' + (i % 90)::INTEGER AS date, i AS patients"
    with duckdb.connect(str(tmp_path / "r.duckdb")) as connection:
        connection.execute(
            f"CREATE TABLE a_sums AS SELECT {columns}, 1 AS x, 2 AS y, 3 AS z FROM range(50) AS r (i)"
        )
        connection.execute(f"CREATE TABLE b_rows AS SELECT {columns} FROM range(4000) AS r (i)")
        connection.execute(f"CREATE TABLE c_empty AS SELECT {columns}, 1 AS region FROM range(0) AS r (i)")
    look = SourceLook("r.duckdb", tmp_path)
    assert likeliest_table(look.columns(look.tables()), look.rows(look.tables())) == "b_rows"


@pytest.mark.slow
def test_a_question_can_be_gone_back_to(chop: Path) -> None:
    answers: dict[str, str | list[str]] = {
        "holds the clinic": ["age", "clinic_name"],
        "date of the record": ["back", ""],
        "time zone": ["back", "Europe/Paris"],
        "adjusted for": ["age", "gender"],
    }
    draft, asked = talk(interview(look_in(chop), ["chop.duckdb"]), answers)
    assert draft.roles["clinic"] == "clinic_name"
    assert draft.adjusters == ("gender",)
    assert draft.time_zone == "Europe/Paris"
    assert [each.text for each in asked].count("Which column holds the clinic?") == 2


def _dated(dates: list[str]) -> list[dict[str, object]]:
    return [
        {"clinic": clinic, "patient": 100 * number + each, "date": date, "vaccinated": each % 2}
        for number, clinic in enumerate("ABC")
        for each, date in enumerate(dates)
    ]


QUARTER_ENDS = [f"{year}-{day}" for year in (2022, 2023) for day in ("03-31", "06-30", "09-30", "12-31")]
MONDAYS = [(1, 1), (1, 8), (1, 15), (1, 22), (1, 29), (2, 5), (2, 12), (2, 19), (2, 26), (3, 4)]
RHYTHMS: dict[str, tuple[list[str], str]] = {
    "quarter ends": (QUARTER_ENDS, "quarter"),
    "some days of one month in each quarter": ([*QUARTER_ENDS, "2022-03-01", "2023-12-24"], "quarter"),
    "first of each month": ([f"2023-{month:02d}-01" for month in range(1, 11)], "month"),
    "every Monday": ([f"2024-{month:02d}-{day:02d}" for month, day in MONDAYS], "week"),
    "any day": ([f"2024-01-{day:02d}" for day in range(2, 30)], "month"),
    "twice a year": ([f"{year}-{day}" for year in (2020, 2021, 2022) for day in ("03-01", "09-01")], "month"),
}


@pytest.mark.slow
@pytest.mark.parametrize("rhythm", RHYTHMS)
def test_a_draft_reports_by_what_the_records_come_by(tmp_path: Path, rhythm: str) -> None:
    dates, period = RHYTHMS[rhythm]
    write_table(tmp_path / "records.duckdb", _dated(dates))
    draft = guessed(tmp_path, "records.duckdb", "visits_table")
    save_draft(draft, tmp_path / "network.toml")
    network = check_network(tmp_path / "network.toml")
    assert network.window.period == period
    counting = network.outcomes["records"]
    assert (counting.per, counting.label) == (f"clinic-{period}", f"Records a {period}")
    assert doubts(tmp_path / "network.toml") == ()
