"""A network's name, records, limits, program and window: what a file may say of them, and what it may not."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from network.three_clinics import GOOD, wrong

from reports.wording import languages
from tasks.network.reading import read_network
from tasks.network.schema import WindowSection


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
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
            'period = "quarter"\nmonths = 6',
            "line 33: [window] months is for a network that reports by month, and this one reports by "
            "quarter; say quarters = 8",
        ),
        (
            "months = 6",
            'period = "fortnight"',
            "line 32: [window] period = 'fortnight' is not one of month, quarter, week",
        ),
    ],
)
def test_one_thing_wrong_is_said_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    assert wrong(tmp_path, GOOD.replace(old, new)) == [said]


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
