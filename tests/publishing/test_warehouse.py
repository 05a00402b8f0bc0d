"""The feed's tables in a real PostgreSQL, and in SQLite: filled in one transaction, again and again alike."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from golden.demo_feeds import undrawn
from small_network import MONTH, ONE_OUTCOME, Run, write_network
from sqlalchemy.engine import URL, make_url

from flows.monthly_job import report_period
from flows.release_decisions import restore_release, withdraw_release
from flows.warehouse_filling import address, fill
from tasks.errors import NetworkError, PublishingError
from tasks.network import read_network
from tasks.publishing import Output
from tasks.publishing.warehouse import fill_warehouse
from tasks.release import TABLES

BEFORE = "2023-10"


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two months of a small network."""
    network = write_network(tmp_path_factory.mktemp("reported"), network=ONE_OUTCOME)
    for month in (BEFORE, MONTH):
        report_period(network, month, undrawn())
    return network


@pytest.fixture
def sqlite(tmp_path: Path) -> URL:
    return make_url(f"sqlite:///{tmp_path / 'warehouse.db'}")


@pytest.fixture
def postgres(postgresql: object) -> Iterator[URL]:
    url = make_url(postgresql.admin_url)  # type: ignore[attr-defined]
    yield url
    with sa.create_engine(url).begin() as connection:
        connection.execute(sa.text("DROP SCHEMA IF EXISTS clinicnet CASCADE"))


def _output(network: Path) -> Output:
    return Output(network.parent / "output")


def _read(url: URL, name: str, schema: str | None = None) -> pd.DataFrame:
    place = name if schema is None else f"{schema}.{name}"
    with sa.create_engine(url).connect() as connection:
        return pd.read_sql(sa.text(f"SELECT * FROM {place}"), connection)


def _held_to_the_feed(network: Path, url: URL, schema: str | None) -> None:
    releases = sorted((network.parent / "output/releases").iterdir())
    for table in TABLES:
        feeds = [pd.read_parquet(each / f"feed/{table.name}.parquet") for each in releases]
        there = _read(url, table.name, schema)
        assert len(there) == sum(map(len, feeds)), table.name
        latest = _read(url, f"latest_{table.name}", schema)
        key = ["release", *table.key]
        mine = feeds[-1].sort_values(key).reset_index(drop=True)
        theirs = latest.sort_values(key).reset_index(drop=True)[list(mine.columns)]
        for column in mine.columns:
            same = (mine[column] == theirs[column]) | (mine[column].isna() & theirs[column].isna())
            assert same.all(), (table.name, column)


@pytest.mark.slow
def test_sqlite_holds_every_release_s_rows(reported: Path, sqlite: URL) -> None:
    filled = fill_warehouse(_output(reported), sqlite, None)
    assert (filled.added, filled.removed, filled.standing) == (2, 0, 2)
    _held_to_the_feed(reported, sqlite, None)
    again = fill_warehouse(_output(reported), sqlite, None)
    assert (again.added, again.removed, again.standing) == (0, 0, 2)
    _held_to_the_feed(reported, sqlite, None)
    current = _read(sqlite, "current_clinic_estimates")
    assert set(current["period"]) == {BEFORE, MONTH}


@pytest.mark.live
@pytest.mark.slow
def test_postgresql_does_and_rights_on_views_stay(reported: Path, postgres: URL) -> None:
    fill_warehouse(_output(reported), postgres, "clinicnet")
    with sa.create_engine(postgres).begin() as connection:
        connection.execute(sa.text("GRANT SELECT ON clinicnet.latest_indicators TO PUBLIC"))
        connection.execute(sa.text("ALTER TABLE clinicnet.indicators DROP COLUMN target CASCADE"))
    fill_warehouse(_output(reported), postgres, "clinicnet")  # a version before had no such column
    with sa.create_engine(postgres).begin() as connection:
        connection.execute(sa.text("GRANT SELECT ON clinicnet.latest_indicators TO PUBLIC"))
    fill_warehouse(_output(reported), postgres, "clinicnet")
    with sa.create_engine(postgres).connect() as connection:
        granted = connection.execute(
            sa.text(
                "SELECT count(*) FROM information_schema.role_table_grants "
                "WHERE table_name = 'latest_indicators' AND grantee = 'PUBLIC'"
            )
        ).scalar_one()
    assert granted == 1
    _held_to_the_feed(reported, postgres, "clinicnet")


@pytest.mark.live
@pytest.mark.slow
def test_a_reader_never_sees_half_of_it(reported: Path, postgres: URL) -> None:
    """While one fills it, and fails, others read what was there before."""
    fill_warehouse(_output(reported), postgres, "clinicnet")
    engine = sa.create_engine(postgres)
    seen: list[int] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            with engine.connect() as connection:
                seen.append(
                    connection.execute(sa.text("SELECT count(*) FROM clinicnet.indicators")).scalar_one()
                )

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for _ in range(3):
            with engine.begin() as connection:
                connection.execute(sa.text("DELETE FROM clinicnet.releases"))
                connection.execute(sa.text("DELETE FROM clinicnet.indicators"))
                connection.rollback()
            fill_warehouse(_output(reported), postgres, "clinicnet")
    finally:
        stop.set()
        watcher.join()
    assert len(set(seen)) == 1


@pytest.mark.slow
def test_a_withdrawn_release_s_rows_are_gone_and_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAREHOUSE", str(tmp_path / "warehouse.db"))
    text = f'{ONE_OUTCOME}\n[warehouse]\nurl = "sqlite:///${{WAREHOUSE}}"\n'
    network = write_network(tmp_path, network=text)
    url = address(read_network(network))
    reported = report_period(network, MONTH, undrawn())
    name = reported.directory.name
    assert set(_read(url, "indicators")["period"]) == {MONTH}  # the job filled it
    said = list(withdraw_release(network, name, "A. Lovelace", "denominators"))
    assert said[-1] == "Warehouse 0 releases, 0 of them new"
    assert _read(url, "indicators").empty
    assert list(_read(url, "releases")["withdrawn_because"]) == ["denominators"]
    list(restore_release(network, name, "A. Lovelace", None))
    assert set(_read(url, "indicators")["period"]) == {MONTH}
    assert list(_read(url, "releases")["withdrawn_because"]) == [None]


@pytest.mark.slow
def test_a_database_that_is_away_does_not_take_the_release_back(tmp_path: Path, clinicnet_here: Run) -> None:
    text = f'{ONE_OUTCOME}\n[warehouse]\nurl = "postgresql+psycopg://nobody@127.0.0.1:1/none"\n'
    network = write_network(tmp_path, network=text)
    reported = report_period(network, MONTH, undrawn())
    assert reported.directory.is_dir()
    assert '"did": "not filled: the warehouse postgresql+psycopg://nobody@127.0.0.1:1/none' in (
        reported.record.read_text()
    )
    with pytest.raises(PublishingError, match="was not filled, and holds what it held before"):
        fill(read_network(network), _output(network))
    said = clinicnet_here("check", network)
    assert said.returncode == 2
    assert "the warehouse postgresql+psycopg://nobody@127.0.0.1:1/none was not filled" in said.stderr


def test_a_password_is_in_no_sentence(tmp_path: Path) -> None:
    url = make_url("postgresql+psycopg://nobody:s3cret@127.0.0.1:1/none")
    with pytest.raises(PublishingError) as said:
        fill_warehouse(Output(tmp_path / "output"), url, None)
    assert "s3cret" not in str(said.value)
    assert "***" in str(said.value)


def test_what_is_missing_is_a_sentence(tmp_path: Path, clinicnet_here: Run) -> None:
    network = write_network(tmp_path, network=ONE_OUTCOME)
    said = clinicnet_here("fill", network)
    assert said.returncode == 2
    assert "the network file has no [warehouse] to fill" in said.stderr
    text = f'{ONE_OUTCOME}\n[warehouse]\nurl = "postgresql://reader@db/none"\npassword_env = "NOT_THERE"\n'
    with pytest.raises(NetworkError, match="needs the environment variable NOT_THERE, which is not set"):
        address(read_network(write_network(tmp_path / "other", network=text)))


@pytest.mark.live
@pytest.mark.slow
def test_every_query_of_the_dashboard_that_comes_along_is_answered(reported: Path, postgres: URL) -> None:
    """deploy/grafana/clinicnet.json, its variables filled as Grafana fills them."""
    fill_warehouse(_output(reported), postgres, "clinicnet")
    dashboard = json.loads((Path(__file__).parents[2] / "deploy/grafana/clinicnet.json").read_text())
    variables = [each for each in dashboard["templating"]["list"] if each["type"] == "query"]
    queries = {panel["title"]: panel["targets"][0]["rawSql"] for panel in dashboard["panels"]}
    assert len(queries) == len(dashboard["panels"])
    with sa.create_engine(postgres).connect() as connection:

        def asked(query: str) -> pd.DataFrame:
            with connection.begin():
                return pd.read_sql(sa.text(query.replace(":", r"\:")), connection)

        choices = {each["name"]: asked(each["query"]) for each in variables}
        assert list(choices["outcome"].columns) == ["__text", "__value"]
        filled = {"outcome": "vaccinated", "clinic": str(choices["clinic"]["clinic"][0])}
        for title, query in queries.items():
            for name, value in filled.items():
                query = query.replace(f"${name}", value)
            assert "$" not in query.replace("]{2}$'", ""), title
            rows = asked(query)
            assert len(rows) or title.startswith("What changed"), title
