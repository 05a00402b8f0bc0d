"""What may leave the door is sums and counts by clinic and month; what only looks like it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_network import MONTH, write_network

from tasks.errors import SourceError
from tasks.estimating import estimate_outcome, summarise
from tasks.network import read_network
from tasks.records import Records
from tasks.records.questions import aggregates
from tasks.records.questions.aggregates import NotAggregateError, aggregate, refuse_all_but_aggregates
from tasks.screening import check_network, screen

pytestmark = pytest.mark.attack

IN_NAME_ONLY = [
    "SELECT patient, max(date) FROM {records} GROUP BY patient",
    "SELECT patient FROM {records}",
    "SELECT * FROM {records}",
    "SELECT *, count(*) OVER () FROM {records}",
    "SELECT DISTINCT patient FROM {records}",
    "SELECT DISTINCT clinic, date FROM {records}",
    "SELECT clinic, sum(sbp) FROM {records} GROUP BY clinic, patient",
    "SELECT clinic, count(*) FROM {records} GROUP BY clinic, date",
    "SELECT clinic, count(*) FROM {records} GROUP BY ALL",
    "SELECT clinic, name, count(*) FROM {records} GROUP BY clinic, name",
    "SELECT max(patient) FROM {records}",
    "SELECT sum(patient) FROM {records}",
    "SELECT clinic, max(sbp) FROM {records} GROUP BY clinic",
    "SELECT clinic, any_value(sbp) FROM {records} GROUP BY clinic",
    "SELECT clinic, first(sbp ORDER BY date) FROM {records} GROUP BY clinic",
    "SELECT clinic, list(sbp) FROM {records} GROUP BY clinic",
    "SELECT clinic, string_agg(name, ',') FROM {records} GROUP BY clinic",
    "SELECT clinic, mode(sbp) FROM {records} GROUP BY clinic",
    "SELECT clinic, median(sbp) FROM {records} GROUP BY clinic",
    "SELECT arg_max(name, date) FROM {records}",
    "SELECT histogram(sbp) FROM {records}",
    "SELECT clinic, sum(sbp) FROM {records} WHERE patient = 7 GROUP BY clinic",
    "SELECT clinic, sum(CASE WHEN patient = 7 THEN sbp END) FROM {records} GROUP BY clinic",
    "SELECT clinic, sum(sbp) FILTER (WHERE patient = 7) FROM {records} GROUP BY clinic",
    "SELECT clinic, sum(sbp) FROM {records} GROUP BY clinic HAVING max(patient) = 7",
    "SELECT clinic, (SELECT name FROM {records} LIMIT 1) FROM {records} GROUP BY clinic",
    "SELECT clinic, count(*) FROM {records} GROUP BY clinic UNION ALL SELECT name, 1 FROM {records}",
    "SELECT total FROM (SELECT patient, sum(sbp) AS total FROM {records} GROUP BY patient) AS each",
    "WITH each AS (SELECT patient, count(*) AS n FROM {records} GROUP BY patient) SELECT n FROM each",
    "SELECT a.clinic FROM {records} AS a JOIN (SELECT count(*) AS n FROM {records}) AS b ON true",
    "SELECT clinic FROM {records} ORDER BY count(*) OVER ()",
    "SELECT count(*) FROM {records}; SELECT * FROM {records}",
    "COPY (SELECT clinic FROM {records}) TO 'out.csv'",
    "SELECT row_number() OVER (ORDER BY sbp) FROM {records}",
    "SELECT clinic, unnest(list(sbp)) FROM {records} GROUP BY clinic",
    "SELECT clinic, count(*) FROM (SELECT patient AS clinic FROM {records}) AS disguised GROUP BY clinic",
    "SELECT max(date) FROM (SELECT patient AS date FROM {records}) AS disguised",
    "WITH r AS (SELECT name AS month FROM {records}) SELECT DISTINCT month FROM r",
    "SELECT sum(n) FROM (SELECT sbp AS n FROM {records} LIMIT 1 OFFSET 3) AS each",
    "SELECT avg(n) FROM (SELECT patient, sum(sbp) AS n FROM {records} GROUP BY patient LIMIT 1) AS each",
    "SELECT sum(sbp) FROM {records} TABLESAMPLE 1 ROWS",
    "SELECT sum(sbp) FROM (SELECT sbp FROM {records} QUALIFY row_number() OVER () = 1) AS each",
    "SELECT clinic, count(*) FROM {records} GROUP BY clinic FETCH FIRST 1 ROW ONLY",
    "SELECT sum(hash(name)) FROM {records}",
    "SELECT clinic, sum(n) FROM {records} JOIN (SELECT 3 AS patient) AS p USING (patient) GROUP BY clinic",
    "SELECT sum(sbp) FROM {records} SEMI JOIN (VALUES (3)) AS t(patient) USING (patient)",
    "not SQL at all (",
]

AGGREGATES = [
    "SELECT count(*) AS n FROM {records}",
    "SELECT clinic, region, count(DISTINCT patient) AS p FROM {records} GROUP BY clinic, region",
    "SELECT clinic, min(date) AS first, max(month) AS last FROM {records} GROUP BY clinic ORDER BY clinic",
    "SELECT DISTINCT clinic, month FROM {records}",
    "SELECT clinic, sum(CASE WHEN sbp IS NULL THEN 1 ELSE 0 END) AS missing FROM {records} GROUP BY clinic",
    "SELECT avg(n) AS mean FROM (SELECT patient, count(*) AS n FROM {records} GROUP BY patient) AS each",
    "SELECT clinic, n FROM (SELECT clinic, count(*) AS n FROM {records} GROUP BY clinic) AS counted",
    "SELECT count(patient) AS p FROM (SELECT CAST(NULL AS TEXT) AS patient FROM {records}) AS each",
    "SELECT EXTRACT(YEAR FROM date) AS y, count(*) AS n FROM {records} GROUP BY EXTRACT(YEAR FROM date)",
]


@pytest.mark.parametrize("sql", IN_NAME_ONLY)
def test_an_aggregate_in_name_only_is_refused(sql: str) -> None:
    with pytest.raises(NotAggregateError):
        refuse_all_but_aggregates(sql)


@pytest.mark.parametrize("sql", AGGREGATES)
def test_sums_and_counts_may_leave(sql: str) -> None:
    refuse_all_but_aggregates(sql)


def test_it_is_refused_before_the_database_is_opened(tmp_path: Path) -> None:
    nowhere = Records(str(tmp_path / "nowhere.duckdb"))
    with pytest.raises(NotAggregateError):
        aggregate(nowhere, IN_NAME_ONLY[0])
    with pytest.raises(SourceError):
        aggregate(nowhere, AGGREGATES[0])


@pytest.mark.slow
def test_nothing_that_a_month_asks_for_has_a_row_per_patient(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """3,000 records of 900 patients at six clinics in eleven months; no answer is longer than 66 rows."""
    answers: list[tuple[str, int, list[str]]] = []
    ask = aggregates.Records.connect

    def connect(records: Records) -> object:
        opened = ask(records)

        class Watched:
            def __enter__(self) -> object:
                self.connection = opened.__enter__()
                return self

            def __exit__(self, *error: object) -> object:
                return opened.__exit__(*error)

            def table(self, statement: object) -> object:
                table = self.connection.table(statement)
                answers.append((str(statement), table.num_rows, table.column_names))
                return table

            def __getattr__(self, name: str) -> object:
                return getattr(self.connection, name)

        return Watched()

    file = write_network(tmp_path)
    network = check_network(file)
    monkeypatch.setattr(aggregates.Records, "connect", connect)
    screened = screen(Records.of(network), network, MONTH)
    summary = summarise(screened.usable, network)
    asked = [each for each in answers if "WITH records" in each[0]]
    assert len(asked) > 8
    assert max(rows for _, rows, _ in asked) <= 66
    assert not {"patient", "record", "date"} & {name for _, _, names in asked for name in names}
    monkeypatch.undo()
    estimates = estimate_outcome(screened.usable, read_network(file), "vaccinated", summary)
    assert len(estimates.clinics) <= 3 * 6
