"""Everything wrong with a network file is said at once, in sentences with their lines and the way out."""

from __future__ import annotations

import pickle
import tomllib
from pathlib import Path

import pytest

from reports.wording import languages
from tasks.errors import NetworkError
from tasks.network.problems import NetworkFileError
from tasks.network.reading import examine, read_network
from tasks.network.schema import WindowSection

GOOD = """\
[network]
name = "Three clinics"
time_zone = "Europe/Berlin"

[records]
source = "records.duckdb"
select = "SELECT * FROM visits"

[outcomes.vaccinated]
label = "Vaccinated"
kind = "binary"
direction = "higher"
adjusters = ["age", "ns(age, 3)"]

[outcomes.days]
label = "Days"
kind = "continuous"
column = "waiting_days"
direction = "lower"
minimum = 0
maximum = 400

[limits.age]
maximum = 110

[program]
label = "Outreach"
[program.starts]
"North Clinic" = "2023-05"

[window]
months = 6
"""


def write(directory: Path, text: str) -> Path:
    path = directory / "network.toml"
    path.write_text(text, "utf-8")
    return path


def wrong(directory: Path, text: str) -> list[str]:
    """The problems, each as it is printed."""
    with pytest.raises(NetworkFileError) as caught:
        read_network(write(directory, text))
    assert caught.value.exit_code == 2
    return [str(problem) for problem in caught.value.problems]


def test_a_good_file_is_read(tmp_path: Path) -> None:
    network = read_network(write(tmp_path, GOOD))
    assert network.directory == tmp_path.resolve()
    assert network.outcomes["vaccinated"].adjusters == ("age", "ns(age, 3)")
    assert network.column("days") == "waiting_days"
    assert network.column("vaccinated") == "vaccinated"
    assert network.policy.minimum_denominator == 25
    assert network.limits["age"].maximum == 110


def test_a_byte_order_mark_is_no_part_of_the_file_and_moves_no_line(tmp_path: Path) -> None:
    marked = write(tmp_path, "\ufeff" + GOOD)
    assert marked.read_bytes().startswith(b"\xef\xbb\xbf")
    assert set(read_network(marked).outcomes) == set(read_network(write(tmp_path, GOOD)).outcomes)
    plain = wrong(tmp_path, GOOD.replace("binary", "yes-no"))
    assert wrong(tmp_path, "\ufeff" + GOOD.replace("binary", "yes-no")) == plain


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            'kind = "binary"',
            'kind = "binry"',
            "line 11: [outcomes.vaccinated] kind = 'binry' is not one of continuous, binary, count; did you "
            "mean 'binary'?",
        ),
        (
            "adjusters =",
            "adjuster =",
            "line 13: [outcomes.vaccinated] unknown key 'adjuster'; did you mean 'adjusters'?",
        ),
        (
            "[window]",
            "[windows]",
            "line 31: unknown table 'windows'; did you mean 'window'?",
        ),
        (
            '"2023-05"',
            '"2023-5"',
            "line 29: [program] North Clinic = '2023-5' is not a month; write it as \"2024-05\", "
            "or give the day of the start",
        ),
        (
            '"2023-05"',
            '"2023-13"',
            "line 29: [program] North Clinic = '2023-13' is not a month; write it as \"2024-05\", "
            "or give the day of the start",
        ),
        (
            '"2023-05"',
            "2023-05-01",
            "line 29: [program] North Clinic must be text in quotes, and is a date or time",
        ),
        (
            "months = 6",
            'months = "6"',
            "line 32: [window] months must be a whole number, and is text",
        ),
        (
            "months = 6",
            "months = 0",
            "line 32: [window] months must be at least 1, and is 0",
        ),
        (
            "months = 6",
            "months = true",
            "line 32: [window] months must be a whole number, and is true or false",
        ),
        (
            'label = "Days"\n',
            "",
            "line 15: [outcomes.days] label is missing (as people read it)",
        ),
        (
            '"Europe/Berlin"',
            '"Europe/Berln"',
            "line 3: [network] there is no time zone 'Europe/Berln'; did you mean 'Europe/Berlin' or "
            "'Europe/Dublin' or 'Europe/Belfast'?",
        ),
        (
            'time_zone = "Europe/Berlin"',
            'language = "xx"',
            "line 3: [network] there is no wording in language 'xx'; "
            f"choose from {', '.join(map(repr, languages()))}",
        ),
        (
            '"Europe/Berlin"',
            '"Mars"',
            "line 3: [network] there is no time zone 'Mars'; give an IANA name such as 'America/New_York'",
        ),
        (
            '["age", "ns(age, 3)"]',
            '["age", 3]',
            "line 13: [outcomes.vaccinated] adjusters, value 2, must be text in quotes, and is a whole "
            "number",
        ),
        (
            '["age", "ns(age, 3)"]',
            '"age"',
            'line 13: [outcomes.vaccinated] adjusters must be a list such as ["age"], and is text',
        ),
        (
            '["age", "ns(age, 3)"]',
            '["age", "age"]',
            "line 13: [outcomes.vaccinated] adjusters names 'age' twice",
        ),
        (
            '["age", "ns(age, 3)"]',
            '["vaccinated"]',
            "line 13: [outcomes.vaccinated] the outcome is adjusted for itself ('vaccinated'); leave it out "
            "of adjusters",
        ),
        (
            '["age", "ns(age, 3)"]',
            '["program"]',
            "line 13: [outcomes.vaccinated] the program is in every model already; leave it out of adjusters",
        ),
        (
            "maximum = 400",
            "maximum = 0",
            "line 20: [outcomes.days] minimum (0) is not below maximum (0)",
        ),
        (
            "maximum = 400",
            "maximum = inf",
            "line 21: [outcomes.days] maximum must be a finite number, and is a decimal number",
        ),
        (
            "maximum = 400",
            'exposure = "x"',
            "line 21: [outcomes.days] exposure is for count outcomes, and this one is continuous; leave it "
            "out",
        ),
        (
            "maximum = 400",
            'per = "clinic-month"',
            'line 21: [outcomes.days] per = "clinic-month" counts records, and this outcome is continuous; '
            'make it kind = "count", or leave per out',
        ),
        (
            "maximum = 400",
            'family = "poisson"',
            "line 21: [outcomes.days] family is for count outcomes, and this one is continuous; leave it out",
        ),
        (
            'kind = "binary"',
            'kind = "ordinal"',
            "line 11: [outcomes.vaccinated] kind = 'ordinal' is not one of continuous, binary, count: write "
            "a binary outcome for each threshold in the SELECT, such as pain >= 3",
        ),
        (
            'kind = "binary"',
            'kind = "Categorical"',
            "line 11: [outcomes.vaccinated] kind = 'Categorical' is not one of continuous, binary, count: "
            "write a binary outcome for each category in the SELECT, such as reason = 'fall'",
        ),
        (
            'kind = "binary"',
            'kind = "time_to event"',
            "line 11: [outcomes.vaccinated] kind = 'time_to event' is not one of continuous, binary, count: "
            "write a binary outcome for whether it happened within a number of days, such as seen within 30 "
            "days, of records that were followed that long",
        ),
        (
            'kind = "binary"',
            'kind = "zero-inflated"',
            "line 11: [outcomes.vaccinated] kind = 'zero-inflated' is not one of continuous, binary, "
            'count: take kind = "count" with family = "negative-binomial", and beside it a binary outcome '
            "for whether there were any, such as visits > 0",
        ),
        (
            'kind = "binary"',
            'kind = "count"\nfamily = "negative binomial"',
            "line 12: [outcomes.vaccinated] family = 'negative binomial' is not one of poisson, "
            "negative-binomial; did you mean 'negative-binomial'?",
        ),
        (
            'direction = "higher"',
            'direction = "higher"\nscale = "log"',
            'line 13: [outcomes.vaccinated] scale = "log" is for continuous outcomes, and this one is '
            "binary; leave it out",
        ),
        (
            'direction = "higher"',
            'direction = "higher"\npatient_slopes = true',
            "line 13: [outcomes.vaccinated] patient_slopes is for continuous outcomes, and this one is "
            "binary; leave it out",
        ),
        (
            'direction = "higher"',
            'direction = "higher"\nminimum = 0',
            "line 13: [outcomes.vaccinated] a binary outcome is 0 or 1 and needs no minimum; leave it out",
        ),
        (
            'kind = "binary"',
            'kind = "count"\nper = "clinic-month"\ncolumn = "n"',
            'line 13: [outcomes.vaccinated] per = "clinic-month" counts records and reads no column; leave '
            "column out",
        ),
        (
            '"waiting_days"',
            '"date"',
            "line 18: [outcomes.days] column 'date' has a meaning of its own in the contract; name it "
            "otherwise in the SELECT",
        ),
        (
            '"waiting_days"',
            '"waiting days"',
            "line 18: [outcomes.days] column = 'waiting days' is not a column's name; use letters, digits "
            "and underscores",
        ),
        (
            "[outcomes.days]",
            '[outcomes."my days"]',
            "line 15: [outcomes.my days] 'my days' cannot be the name of a column; use letters, digits and "
            "underscores, beginning with a letter or underscore",
        ),
        (
            "[limits.age]\nmaximum = 110",
            "[limits.age]",
            "line 23: [limits.age] neither minimum nor maximum is given; give one, or leave the table out",
        ),
        (
            "[limits.age]\nmaximum = 110",
            "[limits.waiting_days]\nmaximum = 9",
            "line 23: [limits.waiting_days] column 'waiting_days' has its limits in [outcomes.days]; keep "
            "one of the two",
        ),
        (
            'label = "Outreach"',
            'label = "Outreach"\ncolumn = "out"',
            "line 29: [program] column and starts are both given; keep one of them",
        ),
        (
            '[program.starts]\n"North Clinic" = "2023-05"\n',
            "",
            "line 26: [program] neither column nor starts is given; name a 0/1 column, "
            "or each clinic's start",
        ),
        (
            'select = "SELECT * FROM visits"',
            'select = "SELECT 1"\nselect_file = "network.toml"',
            "line 8: [records] select and select_file are both given; keep one of them",
        ),
        (
            'select = "SELECT * FROM visits"',
            'select_file = "visits.sql"',
            "line 7: [records] there is no file 'visits.sql' beside the network file; give its path from "
            "there",
        ),
        (
            '"records.duckdb"',
            '" "',
            "line 6: [records] source is empty; give a DuckDB, Parquet or CSV file, or a database URL",
        ),
        (
            '"records.duckdb"',
            '"postgresql://db/${}"',
            "line 6: [records] source has a ${ that names no environment variable; write ${NAME}",
        ),
        (
            '"records.duckdb"',
            '"records.duckdb"\npassword_env = "X"',
            "line 7: [records] password_env is for a database URL, and source is a file; leave it out",
        ),
        (
            "months = 6",
            'months = 6\n[output]\ndirectory = "."',
            'line 34: [output] directory must be one that holds nothing else; leave it out for "output"',
        ),
        (
            "months = 6",
            'months = 6\n[output]\nmode = "rw-r--r--"',
            'line 34: [output] mode = \'rw-r--r--\' is not as chmod writes it; write "0644" or "0640"',
        ),
        (
            "months = 6",
            'months = 6\n[output]\nmode = "0666"',
            "line 34: [output] mode = '0666' lets everybody change what was published; write \"0644\"",
        ),
        (
            "months = 6",
            'months = 6\n[output]\nmode = "0755"',
            "line 34: [output] mode = '0755' makes files executable; "
            "directories are entered by whoever may read",
        ),
        (
            "months = 6",
            'months = 6\n[output]\nmode = "0444"',
            "line 34: [output] mode = '0444' does not let the user who reports read and write; begin with 06",
        ),
        (
            "months = 6",
            'months = 6\n[output]\nurl = "reports.example"',
            "line 34: [output] url = 'reports.example' is no web address; "
            "write it as https://reports.example/network",
        ),
        (
            "months = 6",
            'months = 6\n[schedule]\ncron = "monthly"',
            "line 34: [schedule] cron = 'monthly' is not a schedule; "
            'write it as cron does: "0 6 3 * *" is the 3rd, at 6:00',
        ),
        (
            "months = 6",
            'months = 6\n[schedule]\ncron = "0 6 31 2 *"',
            "line 34: [schedule] cron = '0 6 31 2 *' is not a schedule; "
            'write it as cron does: "0 6 3 * *" is the 3rd, at 6:00',
        ),
        (
            "months = 6",
            "months = 6\n[schedule.complete]\nwait_hours = 24",
            "line 33: [schedule.complete] nothing says when records are complete; give select or "
            "share_of_last, or leave the table out",
        ),
        (
            "months = 6",
            "months = 6\n[schedule.complete]\nshare_of_last = 80",
            "line 34: [schedule.complete] share_of_last must be at most 1.0, and is 80",
        ),
        (
            "months = 6",
            'months = 6\n[schedule.complete]\nshare_of_last = 0.8\nat_deadline = "wait"',
            "line 35: [schedule.complete] at_deadline = 'wait' is not one of report, hold",
        ),
        (
            "months = 6",
            'period = "quarter"\nmonths = 6',
            "line 33: [window] months is for a network that reports by month, and this one reports by "
            "quarter; say quarters = 8",
        ),
        (
            "months = 6",
            'period = "fortnight"',
            "line 32: [window] period = 'fortnight' is not one of month, quarter, week",
        ),
        (
            "months = 6",
            'period = "week"\n[outcomes.n]\nlabel = "N"\nkind = "count"\ndirection = "neither"\n'
            'per = "clinic-month"',
            'line 37: [outcomes.n] per = "clinic-month" counts by month, and the network reports by week; '
            'write per = "clinic-week"',
        ),
        (
            "maximum = 400",
            "maximum = 400\n[outcomes.days.about]\nreviewed = 2026-05-01\nnext_review = 2026-05-01",
            "line 24: [outcomes.days.about] next_review (2026-05-01) is not after reviewed (2026-05-01); "
            "mend one of them",
        ),
        (
            "maximum = 400",
            'maximum = 400\n[outcomes.days.about]\nreviewed = "May 2026"',
            "line 23: [outcomes.days.about] reviewed must be a day such as 2026-05-01, without quotes, "
            "and is text",
        ),
        (
            'direction = "higher"',
            'direction = "neither"\ntarget = 80',
            "line 13: [outcomes.vaccinated] target is for outcomes that are judged, and this one is not: "
            "neither direction is better; leave it out",
        ),
        (
            'direction = "higher"',
            'direction = "higher"\ntarget = 180',
            "line 13: [outcomes.vaccinated] target is in per cent for a binary outcome, from 0 to 100",
        ),
        (
            "maximum = 400",
            'maximum = 400\nscale = "log"\ntarget = 0',
            "line 23: [outcomes.days] target must be above 0, since logarithms are taken",
        ),
        (
            "maximum = 400",
            "maximum = 400\nminimum_denominator = 0",
            "line 22: [outcomes.days] minimum_denominator must be at least 1, and is 0",
        ),
        (
            "months = 6",
            "months = 6\n[groups.age]",
            "line 33: [groups.age] give values or bands, and one of them alone",
        ),
        (
            "months = 6",
            "months = 6\n[groups.age]\nbands = [65, 18]",
            "line 34: [groups.age] bands do not rise; put the smaller number first",
        ),
        (
            "months = 6",
            'months = 6\n[groups.sex]\nvalues = ["f", "m", "f"]',
            "line 34: [groups.sex] values has one of them twice; leave one out",
        ),
        (
            "months = 6",
            'months = 6\n[groups.sex]\nvalues = ["f", "other"]',
            "line 34: [groups.sex] values has 'other', which stands for all other records; call it something "
            "else",
        ),
        (
            "months = 6",
            'months = 6\n[groups.sex]\nvalues = ["f", "m"]\nnames = ["Women"]',
            "line 35: [groups.sex] names has 1 for 2 values; give each value one",
        ),
        (
            "months = 6",
            f"months = 6\n[groups.age]\nbands = {list(range(12))}",
            "line 33: [groups.age] there are more than 12 groups; make fewer and larger ones",
        ),
        (
            "months = 6",
            'months = 6\n[mirror]\nparts = ["feed"]',
            'line 33: [mirror] names no target; write targets = ["s3://bucket/folder"], or leave the table '
            "out",
        ),
        (
            "months = 6",
            'months = 6\n[mirror]\ntargets = ["a"]\nparts = []',
            'line 35: [mirror] parts is empty; leave it out for all, or write parts = ["feed"]',
        ),
        (
            "months = 6",
            'months = 6\n[mirror]\ntargets = ["a"]\nparts = ["page", "feed"]',
            "line 35: [mirror] the page links to feed and reports; name all three, or leave out page",
        ),
        (
            "months = 6",
            'months = 6\n[mirror]\ntargets = ["a", "."]',
            "line 34: [mirror] targets, value 2, is no folder of its own; name one that holds nothing else",
        ),
        (
            "months = 6",
            'months = 6\n[mirror]\ntargets = ["https://reports.example/north"]',
            "line 34: [mirror] targets, value 1, cannot be written to over HTTP; write a folder or "
            "s3://bucket/folder",
        ),
        (
            "months = 6",
            'months = 6\n[mirror]\ntargets = ["a", "a"]',
            "line 34: [mirror] targets, value 2, stands there twice",
        ),
        (
            "months = 6",
            'months = 6\n[mirror]\ntargets = ["s3://${1}/a"]',
            "line 34: [mirror] targets, value 1, has a ${ that names no environment variable; write ${NAME}",
        ),
    ],
)
def test_one_thing_wrong_is_said_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    assert wrong(tmp_path, GOOD.replace(old, new)) == [said]


def test_everything_wrong_is_said_at_once_in_the_order_of_the_lines(tmp_path: Path) -> None:
    text = (
        GOOD.replace('name = "Three clinics"', 'nam = "Three clinics"')
        .replace('kind = "binary"', 'kind = "yes"')
        .replace("maximum = 400", "maximum = -1")
        .replace('"2023-05"', '"May"')
        .replace("months = 6", "month = 6")
    )
    said = wrong(tmp_path, text)
    assert [each.split(":")[0] for each in said] == [
        "line 1",
        "line 2",
        "line 11",
        "line 20",
        "line 29",
        "line 32",
    ]
    with pytest.raises(NetworkFileError) as caught:
        read_network(tmp_path / "network.toml")
    assert caught.value.message.startswith(
        "network.toml has 6 problems:\n  line 1: [network] name is missing"
    )
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own bytes
    assert (again.message, again.problems) == (caught.value.message, caught.value.problems)


def test_one_problem_is_one_sentence_with_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(NetworkFileError) as caught:
        read_network(write(tmp_path, GOOD.replace("months = 6", "month = 6")))
    assert str(caught.value) == "network.toml line 32: [window] unknown key 'month'; did you mean 'months'?"


SECRET = "hunter2"  # noqa: S105 - planted, to see that it is not repeated


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('"records.duckdb"', f'"postgresql://me:{SECRET}@db/clinic"', 6),
        ('"records.duckdb"', f'"postgresql://me:{SECRET}/:p@w@db/clinic"', 6),
        ('"records.duckdb"', f'"postgresql://db/clinic?user=me&password={SECRET}"', 6),
        ('"records.duckdb"', f'"postgresql://me@db/clinic"\npassword = "{SECRET}"', 7),
        ('"records.duckdb"', f'"postgresql://me@db/clinic"\ndb_token = "{SECRET}"', 7),
        ('"records.duckdb"', f'"postgresql://me@db/clinic"\npassword_env = "{SECRET}!"', 7),
        ("months = 6", f'months = 6\n[vault]\nsecret = "{SECRET}"', 33),
        ("months = 6", f'months = 6\n[mirror]\ntargets = ["sftp://me:{SECRET}@host/north"]', 34),
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(
    tmp_path: Path, old: str, new: str, line: int
) -> None:
    said = wrong(tmp_path, GOOD.replace(old, new))
    assert any(each.startswith(f"line {line}: ") for each in said)
    assert SECRET not in "".join(said)
    assert any("password" in each or "secret" in each for each in said)


@pytest.mark.parametrize("password", ["", ":${DB_PASSWORD}"])
def test_a_url_with_its_password_elsewhere_is_accepted(tmp_path: Path, password: str) -> None:
    text = GOOD.replace('"records.duckdb"', f'"postgresql+psycopg://me{password}@db:5432/clinic"')
    assert read_network(write(tmp_path, text)).records.is_url


def test_two_secrets_do_not_hide_another_mistake_in_the_table(tmp_path: Path) -> None:
    said = wrong(
        tmp_path,
        GOOD.replace(
            '"records.duckdb"', f'"mysql://me:{SECRET}@db/x"\npassword = "{SECRET}"\nselect_file = "b.sql"'
        ),
    )
    assert [each.split(":")[0] for each in said] == ["line 6", "line 7", "line 8"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[network]\nname = \n", "network.toml line 2: not valid TOML: invalid value"),
        ("[network\n", "network.toml line 1: not valid TOML: expected ']' at the end of a table declaration"),
        ('[network]\nname = """x\n', "network.toml line 2: not valid TOML: unterminated string"),
        ("[a]\n[a]\n", "network.toml line 2: not valid TOML: cannot declare ('a',) twice"),
    ],
)
def test_text_that_is_not_toml_is_said_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(NetworkFileError) as caught:
        read_network(write(tmp_path, text))
    assert caught.value.message == said


def test_an_empty_file_says_what_is_missing(tmp_path: Path) -> None:
    assert wrong(tmp_path, "") == [
        "the table [network] is missing",
        "the table [records] is missing",
        "the table [outcomes] is missing, with at least one outcome",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("network = 3", "line 1: network must be a table, and is a whole number"),
        ("outcomes = []", "line 1: outcomes must be a table, and is a list"),
        ("[outcomes]", "line 1: no outcome is described; add a table such as [outcomes.vaccinated]"),
        ("[outcomes]\nx = 'count'", "line 2: x must be a table, and is text"),
        ("[limits]\nage = 3", "line 2: age must be a table, and is a whole number"),
    ],
)
def test_a_value_where_a_table_belongs(tmp_path: Path, text: str, said: str) -> None:
    assert said in wrong(tmp_path, text)


def test_no_file_and_not_a_text_file(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="there is no network file") as caught:
        read_network(tmp_path / "network.toml")
    assert caught.value.hint == "write one with `clinicnet init`, or give its path"
    (tmp_path / "network.toml").write_bytes(b"[network]\nname = '\xff'\n")
    with pytest.raises(NetworkError, match="line 2: not UTF-8"):
        read_network(tmp_path / "network.toml")
    with pytest.raises(NetworkError, match="cannot be read"):
        read_network(tmp_path)


def test_what_is_sound_is_left_for_checking_against_the_records(tmp_path: Path) -> None:
    text = (
        GOOD.replace('kind = "binary"', 'kind = "yes"').replace('"2023-05"', '"May"').replace("nam", "name")
    )
    reading = examine(write(tmp_path, text.replace('"Europe/Berlin"', '"Mars"').replace("namee", "name")))
    assert reading.network is None
    assert reading.sound is not None
    assert list(reading.sound.outcomes) == ["days"]
    assert reading.sound.program is None
    assert reading.sound.limits["age"].maximum == 110
    assert examine(write(tmp_path, GOOD.replace('"records.duckdb"', "3"))).sound is None


@pytest.mark.parametrize(
    ("period", "start", "example"),
    [("quarter", "2023-Q5", "2024-Q2"), ("week", "2021-W53", "2024-W05"), ("month", "May", "2024-05")],
)
def test_a_start_that_is_no_period_is_said_in_the_network_s_own(
    tmp_path: Path, period: str, start: str, example: str
) -> None:
    written = GOOD.replace("months = 6", f'period = "{period}"').replace('"2023-05"', f'"{start}"')
    assert wrong(tmp_path, written) == [
        f'line 29: [program] North Clinic = {start!r} is not a {period}; write it as "{example}", '
        "or give the day of the start"
    ]


@pytest.mark.parametrize("start", ["2023-05", "2023-Q2", "2023-W20", "2023-05-15"])
def test_a_start_is_a_period_of_any_kind_or_a_day(tmp_path: Path, start: str) -> None:
    file = tmp_path / "network.toml"
    file.write_text(GOOD.replace('"2023-05"', f'"{start}"'), "utf-8")
    program = read_network(file).program
    assert program is not None
    assert program.starts == {"North Clinic": start}


@pytest.mark.parametrize(
    ("said", "ends", "window"),
    [
        ("", "2024-02", ("2023-03", "2024-02", 12)),
        ('period = "month"\nmonths = 2', "2024-01", ("2023-12", "2024-01", 2)),
        ('period = "quarter"', "2024-Q1", ("2022-Q2", "2024-Q1", 8)),
        ('period = "quarter"\nquarters = 3', "2024-Q1", ("2023-Q3", "2024-Q1", 3)),
        ('period = "week"', "2025-W01", ("2024-W28", "2025-W01", 26)),
        ('period = "week"\nweeks = 2', "2021-W01", ("2020-W53", "2021-W01", 2)),
    ],
)
def test_a_window_ends_with_the_reported_period(said: str, ends: str, window: tuple[str, str, int]) -> None:
    section = WindowSection.model_validate(tomllib.loads(said))
    periods = section.ending_with(ends)
    assert (periods[0], periods[-1], len(periods)) == window


def test_an_outcome_has_minimum_numbers_of_its_own_or_the_network_s(tmp_path: Path) -> None:
    text = GOOD.replace("maximum = 400", "maximum = 400\nminimum_denominator = 60")
    network = read_network(write(tmp_path, text))
    own, shared = network.policy_for("days"), network.policy_for("vaccinated")
    assert (own.minimum_denominator, own.minimum_count) == (60, network.policy.minimum_count)
    assert shared == network.policy
    assert network.policy_for("an outcome of an earlier release") == network.policy
