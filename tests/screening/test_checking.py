"""`check` says everything that is wrong with a network at once: the file, the source and the records."""

from __future__ import annotations

import re
import sqlite3
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tasks.demo import make_demo
from tasks.network import NetworkFileError
from tasks.network.schema import CONTRACT_COLUMNS, DERIVED_COLUMNS
from tasks.screening import check_network
from tests.screening.tables import months_of, write_table

ROWS: list[dict[str, Any]] = [
    row
    | {
        "age": 50.0,
        "sex": "female",
        "visits": 1,
        "months": 2.0,
        "outreach": 0,
        "sbp": 120.0,
        "jane_doe": "Jane Doe",
    }
    for row in [*months_of("North", 2, 2), *months_of("South", 2, 2)]
]
FILE = """\
[network]
name = "Two clinics"

[records]
source = "records.duckdb"
select = '''
SELECT * FROM visits_table
'''

[outcomes.vaccinated]
label = "Vaccinated"
kind = "binary"
direction = "higher"
adjusters = ["age", "C(sex)"]

[outcomes.emergency]
label = "Emergency visits"
kind = "count"
column = "visits"
direction = "lower"
exposure = "months"

[limits.age]
maximum = 110

[program]
label = "Outreach"
column = "outreach"
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    write_table(tmp_path / "records.duckdb", ROWS, jane_doe="VARCHAR")
    return tmp_path


def problems(directory: Path, text: str = FILE) -> list[str]:
    path = directory / "network.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(NetworkFileError) as caught:
        check_network(path)
    assert caught.value.exit_code == 2
    return [str(problem) for problem in caught.value.problems]


def test_nothing_wrong(directory: Path) -> None:
    (directory / "network.toml").write_text(FILE)
    assert set(check_network(directory / "network.toml").outcomes) == {"vaccinated", "emergency"}


@pytest.mark.parametrize("name", ["chop", "state48"])
def test_nothing_is_wrong_with_the_demos(tmp_path: Path, name: str) -> None:
    assert check_network(make_demo(name, tmp_path)).outcomes  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            '"records.duckdb"',
            '"recods.duckdb"',
            "line 5: [records] there is no file {directory}/recods.duckdb; relative names start at the "
            "network file",
        ),
        (
            "visits_table",
            "visit_table",
            "line 6: [records] there is no table 'visit_table' in records.duckdb; did you mean "
            "'visits_table'?",
        ),
        (
            "SELECT * FROM",
            "SELEC * FROM",
            "line 6: [records] the SELECT on records.duckdb is not valid SQL near '*'",
        ),
        (
            "SELECT *",
            "SELECT clinik, *",
            "line 6: [records] the SELECT names a column 'clinik' that is not there in records.duckdb; "
            "did you mean 'clinic'?",
        ),
        (
            "SELECT *",
            "SELECT * EXCLUDE (date)",
            "line 6: [records] the SELECT returns no column 'date'; there is 'age', 'clinic', 'jane_doe',"
            " 'months', 'outreach', 'patient', 'sbp', 'sex', 'vaccinated', 'visits'",
        ),
        (
            "SELECT *",
            "SELECT * REPLACE (CAST(date AS VARCHAR) AS date)",
            "line 6: [records] column 'date' holds text; make it a date in the SELECT, for example "
            "CAST(… AS DATE) AS date, or TRY_STRPTIME(…, '%d/%m/%Y') AS date",
        ),
        (
            "SELECT *",
            "SELECT * REPLACE (20240101 AS date)",
            "line 6: [records] column 'date' holds numbers; make it a date in the SELECT, for example "
            "CAST(… AS DATE) AS date, or TRY_STRPTIME(…, '%d/%m/%Y') AS date",
        ),
        (
            "SELECT *",
            "SELECT * REPLACE (NULL AS clinic)",
            "line 6: [records] column 'clinic' is empty in all 8 records; name the column that holds the "
            "clinic",
        ),
        (
            "SELECT *",
            "SELECT * REPLACE (' ' AS clinic)",
            "line 6: [records] column 'clinic' is empty in all 8 records; name the column that holds the "
            "clinic",
        ),
        (
            "FROM visits_table",
            "FROM visits_table WHERE clinic = 'North'",
            "line 6: [records] every record with a clinic is from the same one; comparing needs at least two",
        ),
        (
            "FROM visits_table",
            "FROM visits_table WHERE FALSE",
            "line 6: [records] the SELECT returns no records; look at its WHERE and at the source",
        ),
        (
            '"C(sex)"',
            '"C(sexx)"',
            "line 14: [outcomes.vaccinated] the SELECT returns no column 'sexx'; did you mean 'sex'?",
        ),
        (
            '"C(sex)"',
            '"1 | sex"',
            "line 14: [outcomes.vaccinated] adjuster '1 | sex': a term has no '~' and no '|'; give "
            'columns, or terms such as "ns(age, 3)"',
        ),
        (
            'column = "visits"',
            'column = "visit"',
            "line 19: [outcomes.emergency] the SELECT returns no column 'visit'; did you mean 'visits'?",
        ),
        (
            'exposure = "months"',
            'exposure = "month"',
            "line 21: [outcomes.emergency] column 'month' has a meaning of its own in the contract; name "
            "it otherwise in the SELECT",
        ),
        (
            'exposure = "months"',
            'exposure = "sex"',
            "line 21: [outcomes.emergency] column 'sex' holds text and must be numbers; make it so in the"
            " SELECT",
        ),
        (
            "[limits.age]",
            "[groups.postcode]\nbands = [18]\n[limits.age]",
            "line 23: [groups.postcode] the SELECT returns no column 'postcode'; there is 'age', 'clinic', "
            "'date', 'jane_doe', 'months', 'outreach', 'patient', 'sbp', 'sex', 'vaccinated', 'visits'",
        ),
        (
            "[limits.age]",
            "[groups.sex]\nbands = [18]\n[limits.age]",
            "line 23: [groups.sex] column 'sex' holds text, and bands are of numbers; give values in their "
            "place",
        ),
        (
            "[limits.age]",
            "[groups.sex]\nvalues = [1, 2]\n[limits.age]",
            "line 23: [groups.sex] column 'sex' holds text, and values are not all written so; write them as "
            "text in quotes",
        ),
        (
            "[limits.age]",
            '[groups.visits]\nvalues = ["1"]\n[limits.age]',
            "line 23: [groups.visits] column 'visits' holds numbers, and values are not all written so; "
            "write them as whole numbers without quotes",
        ),
        (
            "[limits.age]",
            "[limits.sbp]",
            "line 23: [limits.sbp] no outcome, adjuster or program uses column 'sbp'; there is 'age', "
            "'months', 'outreach', 'sex', 'vaccinated', 'visits'",
        ),
        (
            "[outcomes.vaccinated]",
            "[outcomes.sex]",
            "line 10: [outcomes.sex] column 'sex' holds text and must be 0 and 1; make it so in the "
            "SELECT, for example CASE … WHEN 'yes' THEN 1 WHEN 'no' THEN 0 END",
        ),
        (
            "SELECT *",
            "SELECT * REPLACE (CASE WHEN clinic = 'North' THEN 2 ELSE vaccinated END AS vaccinated)",
            "line 10: [outcomes.vaccinated] the outcome is declared binary, and column 'vaccinated' holds"
            " something other than 0 and 1 in 4 records; make those 0, 1 or NULL in the SELECT, or "
            "declare another kind",
        ),
        (
            "SELECT *",
            "SELECT * REPLACE (-visits AS visits)",
            "line 19: [outcomes.emergency] the outcome is declared a count, and column 'visits' is "
            "negative in 8 records; mend the SELECT, or declare minimum = 0 to have them blanked and "
            "counted",
        ),
        (
            "SELECT *",
            "SELECT * REPLACE (visits + 0.5 AS visits)",
            "line 19: [outcomes.emergency] the outcome is declared a count, and column 'visits' is no "
            'whole number in 8 records; round it in the SELECT, or declare kind = "continuous"',
        ),
        (
            "SELECT *",
            "SELECT * REPLACE (3 AS outreach)",
            "line 28: [program] the program's column 'outreach' holds something other than 0 and 1 in 8 "
            "records; make those 0, 1 or NULL in the SELECT",
        ),
        (
            'column = "outreach"',
            '[program.starts]\nNorth = "2024-02"\nSouht = "2024-02"',
            "line 30: [program] no record is of a clinic 'Souht'; did you mean 'South'?",
        ),
    ],
)
def test_one_thing_wrong_is_said_with_its_line(directory: Path, old: str, new: str, said: str) -> None:
    assert old in FILE
    assert problems(directory, FILE.replace(old, new)) == [said.format(directory=directory)]


@pytest.mark.parametrize(
    ("column", "line", "table"),
    [("date", 6, "records"), ("vaccinated", 10, "outcomes.vaccinated"), ("age", 14, "outcomes.vaccinated"),
     ("months", 21, "outcomes.emergency"), ("outreach", 28, "program")],
)  # fmt: skip
def test_a_column_without_a_value_is_said(directory: Path, column: str, line: int, table: str) -> None:
    unread = "; does the SELECT read dates as the column writes them?" if column == "date" else ""
    emptied = f"SELECT * REPLACE (CASE WHEN FALSE THEN {column} END AS {column})"
    assert problems(directory, FILE.replace("SELECT *", emptied)) == [
        f"line {line}: [{table}] column {column!r} is empty in all 8 records{unread}"
    ]


def test_an_sqlite_file_that_is_not_there_is_not_made(directory: Path) -> None:
    (said,) = problems(directory, FILE.replace("records.duckdb", f"sqlite:///{directory}/nowhere.sqlite"))
    assert said.startswith(f"line 5: [records] there is no file {directory}/nowhere.sqlite; after sqlite:///")
    assert not (directory / "nowhere.sqlite").exists()


@pytest.mark.slow
def test_a_bad_date_far_down_a_csv_file_can_be_mended_in_the_select(directory: Path) -> None:
    lines = [f"{1 + i % 28:02d}/04/2024,{'AB'[i % 2]},{i % 2}" for i in range(30_000)]
    lines[25_000] = "31/02/2024,A,1"
    (directory / "records.csv").write_text("\n".join(["date,clinic,vaccinated", *lines]), encoding="utf-8")
    outcomes = '[outcomes.vaccinated]\nlabel = "V"\nkind = "binary"\ndirection = "higher"\n'
    start = '[network]\nname = "N"\n[records]\nsource = "records.csv"\nselect = """\nSELECT '
    told = problems(directory, f'{start}* FROM records"""\n{outcomes}')
    assert ["column 'date' holds text" in each for each in told] == [True]
    mended = "* REPLACE (TRY_STRPTIME(date, '%d/%m/%Y') AS date)"
    (directory / "network.toml").write_text(f'{start}{mended} FROM records"""\n{outcomes}', "utf-8")
    assert list(check_network(directory / "network.toml").outcomes) == ["vaccinated"]


def test_dates_that_are_text_in_a_database_without_dates(directory: Path) -> None:
    with sqlite3.connect(directory / "records.sqlite") as connection:
        connection.execute("CREATE TABLE visits_table (clinic TEXT, date TEXT)")
        connection.execute("INSERT INTO visits_table VALUES ('A', '2024-04-03'), ('B', 'last Tuesday')")
    said = problems(directory, FILE.replace("records.duckdb", f"sqlite:///{directory}/records.sqlite"))
    assert said[0].startswith("line 6: [records] column 'date' holds text; make it a date")


def test_slopes_need_patients(directory: Path) -> None:
    text = FILE.replace("SELECT *", "SELECT * EXCLUDE (patient)") + (
        '[outcomes.sbp]\nlabel = "BP"\nkind = "continuous"\ndirection = "lower"\npatient_slopes = true\n'
    )
    assert problems(directory, text) == [
        "line 33: [outcomes.sbp] patient_slopes needs a column 'patient', and the SELECT returns none"
    ]


def test_the_file_and_the_records_are_checked_in_one_pass(directory: Path) -> None:
    text = (
        FILE.replace('kind = "binary"', 'kind = "binry"')
        .replace('"months"', '"moths"')
        .replace("[limits.age]", "[limit.age]")
        .replace("SELECT *", "SELECT * REPLACE (3 AS outreach)")
    )
    assert [each.split(" column")[0] for each in problems(directory, text)] == [
        "line 12: [outcomes.vaccinated] kind = 'binry' is not one of continuous, binary, count; "
        "did you mean 'binary'?",
        "line 21: [outcomes.emergency] the SELECT returns no",
        "line 23: unknown table 'limit'; did you mean 'limits'?",
        "line 28: [program] the program's",
    ]


def test_a_value_of_a_patient_is_never_said(directory: Path) -> None:
    text = FILE.replace("SELECT *", "SELECT * REPLACE (CAST(jane_doe AS INTEGER) AS vaccinated)")
    said = problems(directory, text)
    assert said == [
        "line 6: [records] a value in records.duckdb does not have the type the SELECT gives it; "
        "use a cast that tolerates bad values in the SELECT, such as TRY_CAST or a CASE"
    ]
    assert "Jane" not in "".join(said)


def test_a_select_in_its_own_file(directory: Path) -> None:
    (directory / "visits.sql").write_text("-- ours\nSELECT * EXCLUDE (age)\nFROM visits_table; -- the end\n")
    text = FILE.replace("select = '''\nSELECT * FROM visits_table\n'''", 'select_file = "visits.sql"')
    assert problems(directory, text) == [
        "line 12: [outcomes.vaccinated] the SELECT returns no column 'age'; there is 'clinic', 'date', "
        "'jane_doe', 'months', 'outreach', 'patient', 'sbp', 'sex', 'vaccinated', 'visits'"
    ]


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_files_need_no_select(directory: Path, ending: str) -> None:
    with duckdb.connect(str(directory / "records.duckdb"), read_only=True) as connection:
        connection.execute(f"COPY visits_table TO '{directory}/records.{ending}'")
    text = FILE.replace("select = '''\nSELECT * FROM visits_table\n'''\n", "")
    path = directory / "network.toml"
    path.write_text(text.replace("records.duckdb", f"records.{ending}"))
    assert check_network(path).records.select is None


def test_a_database_that_is_no_database(directory: Path) -> None:
    (directory / "records.duckdb").write_text("not a database")
    (said,) = problems(directory)
    assert said.startswith("line 5: [records] ")
    assert "records.duckdb is not a DuckDB database" in said


def test_a_password_that_is_not_set(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOT_SET_ANYWHERE", raising=False)
    url = FILE.replace(
        '"records.duckdb"', '"postgresql://me@localhost:1/x"\npassword_env = "NOT_SET_ANYWHERE"'
    )
    (said,) = problems(directory, url)
    assert said == (
        "line 5: [records] the environment variable NOT_SET_ANYWHERE, for the database's password, is not set"
    )
    block = url.replace('password_env = "NOT_SET_ANYWHERE"', 'password_block = "clinics"')
    (said,) = problems(directory, block)
    assert said.startswith("line 6: [records] the password is in the Prefect block 'clinics'")


def test_the_contract_describes_every_column_the_schema_knows() -> None:
    text = resources.files("sql").joinpath("contract.sql").read_text("utf-8")
    described = re.findall(r"^--   (\w+) +(?:yes|no) ", text, re.MULTILINE)
    named = {"outcomes", "exposure", "weight", "adjusters", "groups", "program"}
    assert set(described) == {*CONTRACT_COLUMNS, *named}
    needed = re.findall(r"^--   (\w+) +yes ", text, re.MULTILINE)
    assert needed == ["clinic", "date", "outcomes"]
    assert all(name in text for name in DERIVED_COLUMNS)
