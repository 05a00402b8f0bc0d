"""Records at the ends of years are screened into the same quarters and weeks whatever database holds them."""

from __future__ import annotations

import datetime
import sqlite3
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa

from tasks.errors import RecordsError
from tasks.network.schema import Network
from tasks.periods import Kind
from tasks.records import Records
from tasks.records.questions.aggregates import aggregate
from tasks.records.questions.clinics_and_months import periods_with_records
from tasks.screening import Screened, screen
from tests.screening.tables import network, write_table

PASSWORD = "PGPASSWORD_FOR_TESTS"  # noqa: S105 - the variable's name
# 2020 had 53 weeks: its last began on Monday, 28 December. Monday, 30 December 2024 began the first of 2025.
DATES = {
    "2020-12-27": ("2020-Q4", "2020-W52"),
    "2020-12-28": ("2020-Q4", "2020-W53"),
    "2021-01-03": ("2021-Q1", "2020-W53"),
    "2021-01-04": ("2021-Q1", "2021-W01"),
    "2024-09-30": ("2024-Q3", "2024-W40"),
    "2024-10-01": ("2024-Q4", "2024-W40"),
    "2024-12-29": ("2024-Q4", "2024-W52"),
    "2024-12-30": ("2024-Q4", "2025-W01"),
    "2025-01-01": ("2025-Q1", "2025-W01"),
    "2025-01-05": ("2025-Q1", "2025-W01"),
}
LAST: dict[Kind, str] = {"month": "2025-01", "quarter": "2025-Q1", "week": "2025-W01"}
WINDOW: dict[Kind, dict[str, Any]] = {
    "month": {"months": 60},
    "quarter": {"period": "quarter", "quarters": 20},
    "week": {"period": "week", "weeks": 240},
}


def rows() -> list[dict[str, Any]]:
    return [
        {"clinic": clinic, "patient": number, "date": date, "vaccinated": number % 2}
        for clinic in "AB"
        for number, date in enumerate(DATES)
    ]


def labels(screened: Screened) -> list[tuple[str, int, int]]:
    """Period, its place in the window and records of clinic A."""
    counted = aggregate(
        screened.usable,
        "SELECT clinic, month, period, COUNT(*) AS n FROM {records} GROUP BY clinic, month, period",
    ).to_pylist()
    return sorted((row["month"], row["period"], row["n"]) for row in counted if row["clinic"] == "A")


def expected(kind: Kind) -> list[tuple[str, int, int]]:
    """The same by hand, from the table above."""
    own = [
        date[:7] if kind == "month" else quarter if kind == "quarter" else week
        for date, (quarter, week) in DATES.items()
    ]
    first: dict[Kind, int] = {"month": 2020 * 12 + 1, "quarter": 2020 * 4 + 1, "week": 0}
    monday = datetime.date(2024, 12, 30) - datetime.timedelta(weeks=239)

    def place(label: str) -> int:
        year, within = int(label[:4]), label[5:]
        if kind == "week":
            return (datetime.date.fromisocalendar(year, int(within[1:]), 1) - monday).days // 7
        per_year = 12 if kind == "month" else 4
        return year * per_year + int(within.strip("Q")) - 1 - first[kind]

    return sorted((label, place(label), own.count(label)) for label in set(own))


def sources(directory: Path) -> dict[str, dict[str, Any]]:
    """The rows in a DuckDB file, a CSV file and an SQLite database."""
    write_table(directory / "records.duckdb", rows())
    with duckdb.connect(str(directory / "records.duckdb"), read_only=True) as connection:
        connection.execute(f"COPY visits_table TO '{directory}/records.csv'")
    with sqlite3.connect(directory / "records.sqlite") as connection:
        connection.execute("CREATE TABLE visits_table (clinic, patient, date, vaccinated)")
        values = [tuple(row.values()) for row in rows()]
        connection.executemany("INSERT INTO visits_table VALUES (?, ?, ?, ?)", values)
    select = "SELECT * FROM visits_table"
    return {
        "duckdb": {"source": "records.duckdb", "select": select},
        "csv": {"source": "records.csv"},
        "sqlite": {"source": f"sqlite:///{directory / 'records.sqlite'}", "select": select},
    }


def screened(described: Network) -> Screened:
    return screen(Records.of(described), described, LAST[described.window.period])


@pytest.mark.slow
@pytest.mark.parametrize("kind", LAST)
@pytest.mark.parametrize("source", ["duckdb", "csv", "sqlite"])
def test_records_are_in_the_periods_of_the_calendar(tmp_path: Path, source: str, kind: Kind) -> None:
    described = network(tmp_path, records=sources(tmp_path)[source], window=WINDOW[kind])
    assert labels(screened(described)) == expected(kind)


@pytest.fixture
def loaded(postgresql: Any, postgresql_url: str) -> str:
    """URL of a PostgreSQL database that holds the rows."""
    kinds = {"clinic": sa.Text(), "patient": sa.Integer(), "date": sa.Date(), "vaccinated": sa.Integer()}
    table = sa.Table("visits_table", sa.MetaData(), *(sa.Column(name, kind) for name, kind in kinds.items()))
    engine = sa.create_engine(postgresql.admin_url)
    with engine.begin() as connection:
        table.drop(connection, checkfirst=True)
        table.create(connection)
        dated = [row | {"date": datetime.date.fromisoformat(row["date"])} for row in rows()]
        connection.execute(table.insert(), dated)
    engine.dispose()
    return postgresql_url


@pytest.mark.live
@pytest.mark.parametrize("kind", LAST)
def test_postgresql_s_records_are_in_the_same_periods(tmp_path: Path, loaded: str, kind: Kind) -> None:
    source = {"source": loaded, "password_env": PASSWORD, "select": "SELECT * FROM visits_table"}
    described = network(tmp_path, records=source, window=WINDOW[kind])
    assert labels(screened(described)) == expected(kind)
    found = periods_with_records(Records.of(described), "SELECT * FROM {records} AS every", ["FALSE"], kind)
    assert sorted(found) == [label for label, _, _ in expected(kind)]


@pytest.mark.parametrize("kind", LAST)
@pytest.mark.parametrize("source", ["duckdb", "csv", "sqlite"])
def test_which_periods_have_records_is_asked_of_the_database(tmp_path: Path, source: str, kind: Kind) -> None:
    described = network(tmp_path, records=sources(tmp_path)[source], window=WINDOW[kind])
    typed = "SELECT CAST(date AS DATE) AS date FROM {records} AS every"
    found = periods_with_records(Records.of(described), typed, ["FALSE"], kind)
    assert sorted(found) == [label for label, _, _ in expected(kind)]


@pytest.mark.parametrize(
    ("kind", "asked", "hint"),
    [
        ("quarter", "2022-Q1", "these quarters have records: 2020-Q4 to 2021-Q1, 2024-Q3 to 2025-Q1"),
        (
            "week",
            "2021-W02",
            "these weeks have records: 2020-W52 to 2021-W01, 2024-W40, 2024-W52 to 2025-W01",
        ),
    ],
)
def test_a_period_without_records_is_answered_with_those_that_have(
    tmp_path: Path, kind: Kind, asked: str, hint: str
) -> None:
    described = network(tmp_path, records=sources(tmp_path)["duckdb"], window=WINDOW[kind])
    with pytest.raises(RecordsError, match=f"no usable records in {asked}") as caught:
        screen(Records.of(described), described, asked)
    assert caught.value.hint == hint


def test_one_clinic_in_a_window_of_one_period_is_said_once(tmp_path: Path) -> None:
    write_table(
        tmp_path / "records.duckdb", [row for row in rows() if row["clinic"] == "A" or row["date"] < "2021"]
    )
    described = network(tmp_path, window={"period": "quarter", "quarters": 1})
    with pytest.raises(RecordsError, match=r"^in 2025-Q1 only the clinic 'A' has usable records"):
        screened(described)


def test_clinics_and_missing_quarters_are_told_by_quarter(tmp_path: Path) -> None:
    """Of the five quarters from 2024-Q1 on, A has records in three, from the third on; all of those count."""
    described = network(
        tmp_path, records=sources(tmp_path)["duckdb"], window={"period": "quarter", "quarters": 5}
    )
    found = screened(described)
    assert found.window == ("2024-Q1", "2025-Q1")
    assert found.clinics[["first_month", "last_month"]].to_numpy().tolist() == [["2024-Q3", "2025-Q1"]] * 2
    rule = found.quality[found.quality["rule"] == "months_without_records"].iloc[0]
    assert (rule["n_checked"], rule["n_found"]) == (6, 0)
    assert rule["description"].startswith("a quarter without a record, from the clinic's first quarter")


@pytest.mark.parametrize(
    ("start", "under"),
    [
        ("2024-Q4", ["2024-10-01", "2024-12-29", "2024-12-30", "2025-01-01", "2025-01-05"]),
        ("2024-12", ["2024-12-29", "2024-12-30", "2025-01-01", "2025-01-05"]),
        ("2024-12-30", ["2024-12-30", "2025-01-01", "2025-01-05"]),
        ("2025-W01", ["2024-12-30", "2025-01-01", "2025-01-05"]),
    ],
)
def test_a_program_runs_from_the_first_day_of_its_start(tmp_path: Path, start: str, under: list[str]) -> None:
    described = network(
        tmp_path,
        records=sources(tmp_path)["duckdb"],
        window=WINDOW["quarter"],
        program={"label": "P", "starts": {"A": start}},
    )
    counted = aggregate(
        screened(described).usable,
        "SELECT clinic, SUM(program) AS n, MIN(CASE WHEN program = 1 THEN date END) AS began "
        "FROM {records} GROUP BY clinic ORDER BY clinic",
    ).to_pylist()
    assert [row["n"] for row in counted] == [len(under), 0]
    assert str(counted[0]["began"])[:10] == under[0]
