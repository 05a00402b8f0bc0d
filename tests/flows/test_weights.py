"""Rows that stand for several records are those records, wherever they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa
from golden.demo_feeds import undrawn
from small_network import MONTH, NETWORK, RECORDS, write_network

from flows.monthly_job import report_period
from flows.period_reported import PeriodReported
from tasks.errors import SourceError

COLUMNS = "clinic, region, date_trunc('month', visit_date)::DATE AS date, vaccinated, emergencies, age, sex"
ROWS = f"""; CREATE TABLE every AS SELECT {COLUMNS} FROM visits;
UPDATE every SET age = 10 * (age // 10);
CREATE TABLE counted AS SELECT *, COUNT(*) AS n FROM every GROUP BY ALL
"""
_SELECT = NETWORK[NETWORK.index("select =") : NETWORK.index("[outcomes.vaccinated]")]
_PRESSURE = NETWORK[NETWORK.index("[outcomes.sbp]") : NETWORK.index("[outcomes.emergencies]")]
LISTED = NETWORK.replace(_PRESSURE, "").replace(_SELECT, 'select = "SELECT * FROM every"\n\n')
COUNTED = LISTED.replace('FROM every"', 'FROM counted"\nweight = "n"')


def _rows(reported: PeriodReported) -> dict[str, list[bytes]]:
    """The feed's rows without the release's id, which stands for the network file as well."""
    files = sorted((reported.directory / "feed").glob("*.csv"))
    return {each.name: [line.split(b",", 1)[1] for line in each.read_bytes().splitlines()] for each in files}


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[bytes]]:
    network = write_network(tmp_path_factory.mktemp("listed"), RECORDS + ROWS, LISTED)
    return _rows(report_period(network, MONTH, undrawn()))


@pytest.mark.slow
def test_counted_rows_give_the_feed_of_listed_ones(listed: dict[str, list[bytes]], tmp_path: Path) -> None:
    network = write_network(tmp_path, RECORDS + ROWS, COUNTED)
    with duckdb.connect(str(tmp_path / "records.duckdb"), read_only=True) as connection:
        ((rows, records),) = connection.sql("SELECT COUNT(*), SUM(n) FROM counted").fetchall()
    assert rows < records == 3000
    assert _rows(report_period(network, MONTH, undrawn())) == listed


@pytest.mark.before_release
@pytest.mark.live
@pytest.mark.slow
def test_postgresql_counts_them_as_well(
    listed: dict[str, list[bytes]], tmp_path: Path, postgresql: Any, postgresql_url: str
) -> None:
    write_network(tmp_path, RECORDS + ROWS)
    with duckdb.connect(str(tmp_path / "records.duckdb"), read_only=True) as connection:
        counted = connection.sql("SELECT * FROM counted").df()
    engine = sa.create_engine(postgresql.admin_url)
    counted.to_sql("counted", engine, index=False, if_exists="replace", dtype={"date": sa.Date()})
    try:
        source = f'source = "{postgresql_url}"\npassword_env = "PGPASSWORD_FOR_TESTS"'
        (tmp_path / "network.toml").write_text(COUNTED.replace('source = "records.duckdb"', source))
        found = _rows(report_period(tmp_path / "network.toml", MONTH, undrawn()))
    finally:
        with engine.begin() as connection:
            connection.execute(sa.text("DROP TABLE counted"))
        engine.dispose()
    assert found.keys() == listed.keys()
    for name in ("clinics.csv", "clinic_months.csv", "quality.csv"):
        assert found[name] == listed[name]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("UPDATE counted SET n = NULL WHERE rowid < 3", "is empty, negative or no whole number in 3 records"),
        ("ALTER TABLE counted ALTER n TYPE DOUBLE; UPDATE counted SET n = n + 0.5", "no whole number in"),
        ("UPDATE counted SET n = 2000000 WHERE rowid = 0", "is over 1,000,000 in 1 record"),
        ("ALTER TABLE counted ADD COLUMN patient INTEGER", "is of no one patient"),
        ("ALTER TABLE counted RENAME n TO weight", "returns no column 'n'"),
        ("ALTER TABLE counted ALTER n TYPE VARCHAR", "holds text and must be whole numbers"),
    ],
)
def test_what_is_no_weight_is_said(change: str, sentence: str, tmp_path: Path) -> None:
    network = write_network(tmp_path, f"{RECORDS}{ROWS}; {change}", COUNTED)
    with pytest.raises(SourceError, match=sentence):
        report_period(network, MONTH, undrawn())
