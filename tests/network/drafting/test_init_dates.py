"""What `init` makes of dates as tables write them, and of tables without any."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd
import pytest
import sqlglot

from tasks.network.drafting.draft import Assumption
from tasks.network.drafting.draft_dates import date_sql
from tasks.network.drafting.profile import Writing
from tasks.records.sources.records import Records
from tasks.screening import screen
from tests.network.drafting.drafts import (
    Column,
    checked,
    clinic,
    day,
    drafted,
    drafted_from_sqlite,
    outcome,
    selected,
)

pytestmark = pytest.mark.before_release


@pytest.mark.slow
def test_without_dates_all_records_count_as_this_months(tmp_path: Path) -> None:
    draft = drafted(tmp_path, clinic=clinic, outcome=outcome)
    assert draft.undated == date(2026, 11, 1)
    assert [each.column for each in draft.outcomes] == ["outcome"]
    assert set(selected(tmp_path, draft)["date"]) == {date(2026, 11, 1)}
    assert checked(tmp_path, draft).window.months == 1
    assert draft.assumptions == (
        Assumption("date", "no column of dates was found, so all records count as this month's"),
    )


@pytest.mark.slow
def test_sqlite_s_tables_without_dates_count_as_this_months(tmp_path: Path) -> None:
    draft = drafted_from_sqlite(tmp_path, clinic=clinic, patient=lambda i: f"P{i % 30}", outcome=outcome)
    rows = selected(tmp_path, draft)
    assert set(pd.to_datetime(rows["date"])) == {pd.Timestamp("2026-11-01")}
    assert rows["record"].is_unique


@pytest.mark.slow
def test_sqlite_s_missing_parts_make_no_date(tmp_path: Path) -> None:
    parts: dict[str, Column] = {
        "year": lambda i: None if i == 7 else 1990.0 + i % 3,
        "month": lambda i: 1 + i % 12,
    }
    draft = drafted_from_sqlite(tmp_path, clinic=clinic, outcome=outcome, **parts)
    days = selected(tmp_path, draft)["date"]
    assert str(days[1])[:10] == "1991-02-01"
    assert [i for i, day in enumerate(days) if pd.isna(day)] == [7]


@pytest.mark.slow
def test_without_days_equal_rows_of_a_patient_are_different_records(tmp_path: Path) -> None:
    draft = drafted(tmp_path, clinic=clinic, patient=lambda i: f"P{i % 30}", outcome=lambda i: i % 30 % 2)
    network = checked(tmp_path, draft)
    quality = screen(Records.of(network), network, "2026-11").quality
    (copies,) = quality.loc[(quality["rule"] == "duplicates") & (quality["clinic"] == ""), "n_found"]
    assert copies == 0


@pytest.mark.slow
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
        ({"year": lambda i: 90 + i % 3}, "1991-01-01"),
        ({"yronset": lambda i: 90 + i % 3}, "1991-01-01"),
        ({"s020": lambda i: 1990 + i % 3}, "1991-01-01"),
        ({"yr": lambda i: 90 + i % 3, "month": lambda i: 1 + i % 12}, "1991-02-01"),
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


WRITTEN: list[tuple[Column, str]] = [
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
    (lambda i: f"{('Jan', 'Feb', 'Mar')[i % 3]}-2024", "2024-02-01"),
    (lambda i: f"{('JAN', 'FEB', 'MAR')[i % 3]} 2024", "2024-02-01"),
    (lambda i: f"{('Jan', 'Feb', 'Mar')[i % 3]}-23", "2023-02-01"),  # Excel's months
    (lambda i: f"{('jan', 'feb', 'mrz')[i % 3]}.23", "2023-02-01"),
    (lambda i: f"{('Januar', 'Februar', 'März')[i % 3]} 2023", "2023-02-01"),
    (lambda i: f"{('janv.', 'févr.', 'MARS')[i % 3]}-23", "2023-02-01"),
    (lambda i: f"{('ENERO', 'FEBRERO', 'marzo')[i % 3]} de 2023", "2023-02-01"),
    (lambda i: f"{('out', 'dez', 'set')[i % 3]}/98", "1998-12-01"),
    (lambda i: f"{('juillet', 'JUIN', 'Août')[i % 3]} 2023", "2023-06-01"),
    (lambda i: f"2024-{1 + i % 12:02}", "2024-02-01"),
    (lambda i: f"2024/{1 + i % 12:02}", "2024-02-01"),
    (lambda i: f"2024-Q{1 + i % 4}", "2024-04-01"),
    (lambda i: f"2024 q{1 + i % 4}", "2024-04-01"),
    (lambda i: f"2024Q{1 + i % 4}", "2024-04-01"),
    (lambda i: f"{('January', 'February', 'March')[i % 3]} 2024", "2024-02-01"),
    (lambda i: f"Q{1 + i % 4} 2024", "2024-04-01"),
    (lambda i: f"q{1 + i % 4}-2024", "2024-04-01"),
    (lambda i: f"Q{1 + i % 4}/2024", "2024-04-01"),
    (lambda i: f"2024{1 + i % 12:02}", "2024-02-01"),
    (lambda i: 202401 + i % 12, "2024-02-01"),
    (lambda i: 202401.0 + i % 12, "2024-02-01"),
    (lambda i: 20240301 + i % 28, "2024-03-02"),
    (lambda i: 45352 + i % 28, "2024-03-02"),  # what Excel has for 2024-03-01, and so on
    (lambda i: 45352.4 + i % 28, "2024-03-02"),  # and with a time of day
]
"""How a column writes dates, and the day of its second row."""


@pytest.mark.slow
@pytest.mark.parametrize(("written", "day"), WRITTEN)
def test_dates_are_read_as_they_are_written(tmp_path: Path, written: Column, day: str) -> None:
    draft = drafted(tmp_path, clinic=clinic, outcome=outcome, visit_date=written)
    assert draft.roles["date"] == "visit_date"
    days = pd.to_datetime(selected(tmp_path, draft)["date"], utc=True)
    assert str(days[1].date()) == day
    assert days.notna().all()


@pytest.mark.slow
@pytest.mark.parametrize(("written", "day"), WRITTEN)
def test_sqlite_s_text_becomes_the_same_days(tmp_path: Path, written: Column, day: str) -> None:
    draft = drafted_from_sqlite(tmp_path, clinic=clinic, outcome=outcome, visit_date=written)
    days = pd.to_datetime(selected(tmp_path, draft)["date"], utc=True)
    assert str(days[1].date()) == day
    assert days.notna().all()


SERVERS: dict[str, list[tuple[Writing, object]]] = {
    "day": [("day", "2024-03-02"), ("time", "2024-03-02 10:15:00")],
    "marks": [
        ("day.month.year", "2.3.2024 10:15"),
        ("day/month/year", "02/03/2024"),
        ("day-month-year", "2-3-2024"),
    ],
    "month first": [("month/day/year", "03/02/2024"), ("month-day-year", "3-2-2024 1:00 PM")],
    "year first": [("year/month/day", "2024/03/02"), ("digits", 20240302), ("spreadsheet", 45353.4)],
    "periods": [("month digits", 202403), ("quarter-year", "Q1 2024"), ("year-quarter", "2024-Q1")],
    "months": [("mon year", "March 2024"), ("mon yy", "mrz.24"), ("year-month", "2024/03")],
    "named": [("day mon year", "02-Mar-2024"), ("day mon year", "2 mar 2024"), ("day mon yy", "02MAR24")],
}


@pytest.mark.parametrize("written", SERVERS.values(), ids=SERVERS)
@pytest.mark.parametrize(("server", "grammar"), [("mysql", "mysql"), ("mariadb", "mysql"), ("mssql", "tsql")])
def test_servers_that_we_do_not_run_make_the_same_days(
    server: str, grammar: str, written: list[tuple[Writing, object]]
) -> None:
    """Their SQL, said in DuckDB's by a translator that knows their formats and styles."""
    for writing, value in written:
        theirs = f"SELECT CAST({date_sql('seen', writing, f'{server}://db/x')} AS DATE) FROM t"
        (ours,) = sqlglot.transpile(theirs, read=grammar, write="duckdb")
        with duckdb.connect() as connection:
            connection.execute("CREATE TABLE t AS SELECT ? AS seen", [value])
            first = {"Q1 2024": 1, "2024-Q1": 1}.get(str(value), 3)
            whole = writing in (
                "month digits",
                "quarter-year",
                "year-quarter",
                "mon year",
                "mon yy",
                "year-month",
            )
            day = date(2024, first, 1) if whole else date(2024, 3, 2)
            assert connection.execute(ours).fetchall() == [(day,)], theirs


@pytest.mark.slow
def test_a_slip_in_a_hundred_dates_does_not_cost_the_others(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path, clinic=clinic, outcome=outcome, seen=lambda i: "soon" if i == 7 else f"{1 + i % 28}.3.2024"
    )
    assert selected(tmp_path, draft)["date"].isna().sum() == 1


@pytest.mark.slow
def test_dates_that_do_not_tell_day_from_month_are_said_to(tmp_path: Path) -> None:
    draft = drafted(tmp_path, clinic=clinic, outcome=outcome, date=lambda i: f"{1 + i % 12:02}/03/2024")
    assert draft.writing == "day/month/year"
    assert "no value tells" in draft.assumptions[0].sentence


@pytest.mark.slow
def test_numbers_of_eight_digits_are_dates_only_if_they_are_called_so(tmp_path: Path) -> None:
    draft = drafted(tmp_path, clinic=clinic, outcome=outcome, serial=lambda i: 20240301 + i % 28)
    assert draft.undated is not None


def test_a_day_number_is_no_date(tmp_path: Path) -> None:
    draft = drafted(tmp_path, clinic=clinic, outcome=outcome, trial_day=lambda i: i % 90)
    assert draft.undated is not None
    assert draft.assumptions[0].sentence.startswith(
        "column 'trial_day' counts time from a start that it does not tell"
    )
    assert "DATE '2024-01-01' + trial_day" in draft.assumptions[0].sentence


PERIODS: list[tuple[str, Column, str]] = [
    ("Period", lambda i: 202401 + i % 12, "month"),
    ("yyyymm", lambda i: 202401 + i % 12, "month"),
    ("report_month", lambda i: f"2024{1 + i % 12:02}", "month"),
    ("Quarter", lambda i: f"Q{1 + i % 4} {2022 + i % 3}", "quarter"),
    ("Quarter", lambda i: f"{2022 + i % 3}-Q{1 + i % 4}", "quarter"),
    ("Quarter", lambda i: f"{2022 + i % 3}Q{1 + i % 4}", "quarter"),
    ("Month", lambda i: f"{('Jan', 'Feb', 'Mar', 'Apr')[i % 4]} {2022 + i % 3}", "month"),
]
"""A column's name, its values, and what its network reports by."""


@pytest.mark.slow
@pytest.mark.parametrize(("name", "written", "period"), PERIODS)
def test_periods_are_dates_and_the_file_passes_its_check(
    tmp_path: Path, name: str, written: Column, period: str
) -> None:
    draft = drafted(tmp_path, clinic=clinic, outcome=outcome, **{name: written})
    assert draft.roles["date"] == name
    assert draft.undated is None
    assert checked(tmp_path, draft).window.period == period
    assert selected(tmp_path, draft)["date"].notna().all()


def test_six_digits_are_a_month_only_if_they_are_called_so(tmp_path: Path) -> None:
    draft = drafted(tmp_path, outcome=outcome, clinic_code=lambda i: 202401 + i % 5)
    assert draft.undated is not None
    assert draft.roles["clinic"] == "clinic_code"


@pytest.mark.slow
def test_a_date_that_is_a_patient_s_own_is_no_record_s(tmp_path: Path) -> None:
    """The first treatment's date is the same at each visit; the visit's is not, whatever it is called."""
    draft = drafted(
        tmp_path,
        clinic=clinic,
        patient=lambda i: f"P{i % 30}",
        start_date=lambda i: day(i % 30),
        seen=day,
        outcome=outcome,
    )
    assert draft.roles["date"] == "seen"
    said = "column 'seen' is taken for the date of the record, and 'start_date' holds dates too"
    assert draft.assumptions == (Assumption("date", said),)


@pytest.mark.slow
def test_of_two_columns_called_dates_the_other_is_said(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path, clinic=clinic, diag_date=day, recurrence_date=lambda i: day(i + 3), outcome=outcome
    )
    assert len(draft.assumptions) == 1
    assert draft.assumptions[0].sentence.endswith("holds dates too")


@pytest.mark.slow
def test_months_beside_numbers_that_can_be_days_are_no_dates(tmp_path: Path) -> None:
    for i, written in enumerate((lambda i: f"Jan-{1 + i % 28:02}", lambda i: f"{1 + i % 28}-Feb")):
        (tmp_path / str(i)).mkdir()
        draft = drafted(tmp_path / str(i), clinic=clinic, outcome=outcome, seen=written)
        assert draft.undated is not None
        said = "column 'seen' names months beside numbers that can be days"
        assert draft.assumptions[0].sentence.startswith(said)


def test_dates_of_very_many_more_years_than_others_are_of_births(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path,
        clinic=clinic,
        bi=lambda i: pd.Timestamp(1920 + i % 60, 5, 1 + i % 28),
        dg=lambda i: pd.Timestamp(2001 + i % 8, 3, 1 + i % 28),
        outcome=outcome,
    )
    assert draft.roles["date"] == "dg"
