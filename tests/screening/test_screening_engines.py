"""The same records in a DuckDB file, a Parquet file and a real PostgreSQL are screened alike."""

from __future__ import annotations

import datetime
import math
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
import sqlalchemy as sa

from tasks.errors import SourceError
from tasks.network.drafting.draft_text import save_draft
from tasks.network.drafting.guessing import guess
from tasks.network.schema import Network
from tasks.records import Records
from tasks.records.questions.aggregates import aggregate
from tasks.records.questions.clinics_and_months import counted_by_month
from tasks.records.questions.source_profile import SourceLook
from tasks.screening import Screened, check_network, screen
from tests.screening.tables import months_of, network, write_table

PASSWORD = "PGPASSWORD_FOR_TESTS"  # noqa: S105 - the variable's name
WHOLE = {
    "region": "North",
    "sbp": 120.0,
    "visits": 1,
    "months": 3.0,
    "age": 50.0,
    "sex": "female",
    "outreach": 0,
}
DIRT: list[dict[str, Any]] = [
    {"clinic": None},
    {"clinic": " "},
    {"date": None},
    {"date": "1850-01-01"},
    {"date": "2019-01-01"},
    {"date": "2024-05-01"},
    {"patient": 1},
    {"patient": 1},
    {"sbp": 3.0},
    {"sbp": math.nan},
    {"sbp": math.inf},
    {"visits": -4},
    {"months": 0.0},
    {"age": 138.0},
    {"sex": None, "vaccinated": None},
    {"region": "South"},
    {"clinic": "b", "region": None},
    {"outreach": None},
    {"patient": None},
    {"patient": None},
    {"clinic": "A\u00a0"},
    {"sex": " "},
]
OUTCOMES = {
    "vaccinated": {"label": "V", "kind": "binary", "direction": "higher", "adjusters": ["age", "sex"]},
    "sbp": {"label": "BP", "kind": "continuous", "direction": "lower", "minimum": 40},
    "visits": {"label": "E", "kind": "count", "direction": "lower", "exposure": "months", "minimum": 0},
}
SECTIONS = {
    "outcomes": OUTCOMES,
    "limits": {"age": {"maximum": 110}},
    "program": {"label": "P", "column": "outreach"},
    "network": {"name": "T", "time_zone": "America/New_York"},
    "window": {"months": 4},
}


def rows() -> list[dict[str, Any]]:
    """The same ones every time, whichever tests were run before."""
    clean = [*months_of("A", 60, 60, 60, 4), *months_of("B", 9, 9, 9, 9), *months_of("O'Hara", 1, 0, 1, 1)]
    usual = {"clinic": "A", "date": "2024-04-09", "patient": -1, "vaccinated": 1} | WHOLE
    dirty = [usual | {"patient": -2 - i} | each for i, each in enumerate(DIRT)]
    return [row | WHOLE | {"patient": 1_000 + i} for i, row in enumerate(clean)] + dirty


def result(described: Network) -> Screened:
    return screen(Records.of(described), described, "2024-04")


def usable(screened: Screened) -> pd.DataFrame:
    """Counts and sums of what is used, by clinic and month."""
    columns = ("vaccinated", "sbp", "visits", "months", "age", "program", "period")
    sums = ", ".join(
        f"COUNT({each}) AS n_{each}, CAST(SUM({each}) AS DOUBLE PRECISION) AS s_{each}" for each in columns
    )
    counted = aggregate(
        screened.usable,
        f"SELECT clinic, region, month, COUNT(*) AS n, COUNT(DISTINCT patient) AS p, {sums} "
        "FROM {records} GROUP BY clinic, region, month",
    )
    return counted.to_pandas().sort_values(["clinic", "month"], ignore_index=True)


def in_duckdb(directory: Path, written: list[dict[str, Any]] | None = None) -> Screened:
    write_table(directory / "records.duckdb", rows() if written is None else written)
    return result(network(directory, **SECTIONS))


def same(one: Screened, other: Screened) -> None:
    pd.testing.assert_frame_equal(one.quality, other.quality)
    pd.testing.assert_frame_equal(one.clinics, other.clinics)
    assert one.cut_off == other.cut_off
    pd.testing.assert_frame_equal(usable(one), usable(other), check_dtype=False, rtol=1e-12)


def test_every_kind_of_dirt_is_found(tmp_path: Path) -> None:
    quality = in_duckdb(tmp_path).quality
    network_wide = quality[quality["clinic"] == ""].set_index("rule")["n_found"]
    expected = {
        "clinic_missing": 2,
        "date_missing": 1,
        "date_impossible": 1,
        "date_before_window": 1,
        "date_after_month": 1,
        "duplicates": 1,
        "vaccinated_missing": 1,
        "age_above_maximum": 1,
        "sex_missing": 2,
        "sbp_not_finite": 2,
        "sbp_below_minimum": 1,
        "visits_below_minimum": 1,
        "visits_without_exposure": 1,
        "outreach_missing": 1,
        "patient_missing": 2,
        "region_differs": 1,
        "clinic_spelling": 37,
        "months_without_records": 1,
        "volume_drop": 1,
    }
    assert network_wide[network_wide > 0].to_dict() == expected


@pytest.mark.slow
def test_parquet_is_screened_as_duckdb_is(tmp_path: Path) -> None:
    one = in_duckdb(tmp_path)
    with duckdb.connect(str(tmp_path / "records.duckdb"), read_only=True) as connection:
        connection.execute(f"COPY visits_table TO '{tmp_path}/records.parquet'")
    same(one, result(network(tmp_path, **SECTIONS, records={"source": "records.parquet"})))


def in_sqlite(directory: Path, written: list[dict[str, Any]]) -> str:
    """URL of an SQLite file with the rows; its dates are text, its true and false 1 and 0."""
    names = list(written[0])
    with sqlite3.connect(directory / "records.sqlite") as connection:
        connection.execute(f"CREATE TABLE visits_table ({', '.join(names)})")
        values = [[row[name] for name in names] for row in written]
        connection.executemany(f"INSERT INTO visits_table VALUES ({', '.join('?' * len(names))})", values)
    return f"sqlite:///{directory / 'records.sqlite'}"


@pytest.mark.slow
def test_a_database_that_speaks_other_sql_is_screened_as_duckdb_is(tmp_path: Path) -> None:
    written = [row for row in rows() if row["sbp"] == row["sbp"]]  # SQLite has no NaN
    source = {"source": in_sqlite(tmp_path, written), "select": "SELECT * FROM visits_table"}
    screened = result(network(tmp_path, **SECTIONS, records=source))
    same(in_duckdb(tmp_path, written), screened)


def _half_past_midnight(ending: str, day: int, month: int) -> str:
    """Half past midnight in Zurich in winter, an hour ahead of UTC, as a text with that ending."""
    local = datetime.datetime(2024, month, day, 0, 30)
    hours = {"Z": -1, "+00:00": -1, " UTC": -1, "-05:00": -6, "+01:00": 0, "+0100": 0, "": 0}[ending]
    return (local + datetime.timedelta(hours=hours)).isoformat() + ending


@pytest.mark.parametrize("ending", ["Z", "+00:00", " UTC", "-05:00", "+01:00", "+0100", ""])
def test_text_that_is_a_point_in_time_belongs_to_the_networks_own_day(tmp_path: Path, ending: str) -> None:
    """The first of each month in Zurich, whatever zone the text was written in."""
    written = [
        {
            "clinic": clinic,
            "patient": 10 * month + day,
            "date": _half_past_midnight(ending, day, month),
            "vaccinated": 1,
        }
        for clinic in "AB"
        for month in (1, 2, 3)
        for day in (1, 2)
    ]
    source = {"source": in_sqlite(tmp_path, written), "select": "SELECT * FROM visits_table"}
    zurich = {"name": "T", "time_zone": "Europe/Zurich"}
    screened = screen_of(tmp_path, {"records": source, "network": zurich, "window": {"months": 3}})
    months = counted_by_month(screened.usable)
    assert months["n"].tolist() == [2, 2, 2, 2, 2, 2]
    assert screened.cut_off == "2024-03-02"


def test_text_of_which_some_has_a_zone_is_refused(tmp_path: Path) -> None:
    written = [
        {"clinic": "AB"[i % 2], "date": f"2024-03-0{i + 1}T00:30:00{'Z' * (i % 2)}", "vaccinated": 1}
        for i in range(4)
    ]
    source = {"source": in_sqlite(tmp_path, written), "select": "SELECT * FROM visits_table"}
    with pytest.raises(SourceError, match="has a time zone in 2 of 4 records and none in the others"):
        screen_of(tmp_path, {"records": source})


def screen_of(directory: Path, sections: dict[str, Any]) -> Screened:
    described = network(directory, **sections)
    return screen(Records.of(described), described, "2024-03")


@pytest.mark.slow
def test_a_network_file_guessed_from_sqlite_passes(tmp_path: Path) -> None:
    look = SourceLook(in_sqlite(tmp_path, rows()), tmp_path)
    assert look.tables() == ("visits_table",)
    profile = look.profile("visits_table")
    assert profile.n_rows == len(rows())
    save_draft(guess(profile), tmp_path / "network.toml")
    assert set(check_network(tmp_path / "network.toml").outcomes) == {
        "vaccinated",
        "visits",
        "sbp",
        "records",
    }


@pytest.fixture
def loaded(postgresql: Any, postgresql_url: str) -> str:
    """URL of a PostgreSQL database that holds the rows."""
    types = {
        "clinic": sa.Text(),
        "region": sa.Text(),
        "patient": sa.Integer(),
        "date": sa.Date(),
        "vaccinated": sa.Boolean(),
        "sbp": sa.Float(53),
        "visits": sa.Integer(),
        "months": sa.Numeric(),
        "age": sa.REAL(),
        "sex": sa.Text(),
        "outreach": sa.SmallInteger(),
    }
    table = sa.Table("visits_table", sa.MetaData(), *(sa.Column(name, kind) for name, kind in types.items()))
    engine = sa.create_engine(postgresql.admin_url)
    with engine.begin() as connection:
        table.drop(connection, checkfirst=True)
        table.create(connection)
        connection.execute(table.insert(), [_typed(row) for row in rows()])
    engine.dispose()
    return postgresql_url


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    date, vaccinated = row["date"], row["vaccinated"]
    return row | {
        "date": None if date is None else datetime.date.fromisoformat(date),
        "vaccinated": None if vaccinated is None else bool(vaccinated),
    }


@pytest.mark.live
def test_postgresql_is_screened_as_duckdb_is(tmp_path: Path, loaded: str) -> None:
    source = {"source": loaded, "password_env": PASSWORD, "select": "SELECT * FROM visits_table"}
    same(in_duckdb(tmp_path), result(network(tmp_path, **SECTIONS, records=source)))


@pytest.mark.live
def test_a_network_file_guessed_from_postgresql_passes(tmp_path: Path, loaded: str) -> None:
    look = SourceLook(loaded, tmp_path, PASSWORD)
    assert "visits_table" in look.tables()
    profile = look.profile("visits_table")
    write_table(tmp_path / "records.duckdb", rows(), vaccinated="BOOLEAN")
    local = SourceLook("records.duckdb", tmp_path).profile("visits_table")
    assert profile.n_rows == local.n_rows
    assert [(each.name, each.kind, each.n_missing, each.n_distinct) for each in profile.columns] == [
        (name, local.column(name).kind, local.column(name).n_missing, local.column(name).n_distinct)
        for name in profile.names
    ]
    beside = SourceLook("records.duckdb", tmp_path)
    for column in ("clinic", "patient"):
        expected = beside.unlike_a_line(beside.profile("visits_table"), column)
        assert expected
        assert look.unlike_a_line(profile, column) == pytest.approx(expected, rel=1e-6)
        assert look.same_within(profile, column) == beside.same_within(local, column)
    save_draft(replace(guess(profile), password_env=PASSWORD), tmp_path / "network.toml")
    outcomes = check_network(tmp_path / "network.toml").outcomes
    # one number of visits is negative: no count
    assert {name: outcome.kind for name, outcome in outcomes.items()} == {
        "vaccinated": "binary",
        "visits": "continuous",
        "sbp": "continuous",
        "records": "count",
    }
