"""What may leave the door is sums and counts by clinic and month; what only looks like it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_network import MONTH, ONE_OUTCOME, write_network

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
    "SELECT 1 FROM {records}",
    "SELECT NULL AS name FROM {records} ORDER BY name",
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
    # other names for columns
    "SELECT month, count(*) FROM {records} AS r(month) GROUP BY month",
    "SELECT min(day) FROM {records} AS r(day)",
    "SELECT clinic, sum(b) FROM {records} AS r(clinic, b) GROUP BY clinic",
    "SELECT month, count(*) FROM (SELECT name FROM {records}) AS r(month) GROUP BY month",
    "WITH r(month) AS (SELECT name FROM {records}) SELECT month, count(*) FROM r GROUP BY month",
    "SELECT month, count(*) FROM {records} AS month GROUP BY month",
    "WITH month AS (SELECT name FROM {records}) SELECT month, count(*) FROM month GROUP BY month",
    "SELECT clinic, sum(sbp) FROM {records} AS r WHERE CAST(r AS VARCHAR) LIKE '%7%' GROUP BY clinic",
    "SELECT clinic, sum(sbp) FROM {records} AS r WHERE r = (7, 120) GROUP BY clinic",
    # queries that stand for values
    "SELECT n, (SELECT string_agg(name, ',') FROM {records}) FROM (SELECT count(*) AS n FROM {records}) AS t",
    "SELECT n, (SELECT max(name) FROM {records}) FROM (SELECT count(*) AS n FROM {records}) AS t",
    "SELECT n FROM (SELECT count(*) AS n FROM {records}) AS t WHERE (SELECT max(sbp) FROM {records}) > 120",
    "SELECT n FROM (SELECT count(*) AS n FROM {records}) AS t ORDER BY (SELECT max(sbp) FROM {records})",
    "SELECT count(*) FROM {records} HAVING 'Jane' IN (SELECT name FROM {records})",
    "SELECT count(*) FROM {records} WHERE EXISTS (SELECT name FROM {records} WHERE name = 'Jane')",
    "SELECT count(*) FROM {records} WHERE sbp >= ALL (SELECT sbp FROM {records})",
    "SELECT sum((SELECT max(sbp) FROM {records})) FROM {records}",
    "SELECT clinic, count(*) FROM {records} GROUP BY clinic, (SELECT max(name) FROM {records})",
    "SELECT ARRAY(SELECT name FROM {records})",
    "VALUES ((SELECT max(name) FROM {records}))",
    "SELECT n FROM (VALUES ((SELECT max(name) FROM {records}))) AS t (n)",
    "SELECT x FROM (SELECT count(*) AS n FROM {records}) AS t, LATERAL (SELECT name AS x FROM {records})",
    # stars
    "SELECT max(COLUMNS('name')) FROM {records}",
    "SELECT sum(COLUMNS(*)) FROM {records}",
    "SELECT COLUMNS('name') FROM {records}",
    "SELECT *COLUMNS('name') FROM {records}",
    "SELECT count(*), * EXCLUDE (clinic) FROM {records}",
    "SELECT sum(x) FROM (SELECT * REPLACE (7 AS patient) FROM {records}) AS t",
    "SELECT count(*) FROM (SELECT * RENAME (name AS month) FROM {records}) AS t GROUP BY month",
    "SELECT r.* FROM {records} AS r",
    "SELECT month, count(*) FROM (SELECT r.* FROM {records} AS r) AS t GROUP BY month",
    "SELECT max(*) FROM {records}",
    "FROM {records}",
    "TABLE {records}",
    "SUMMARIZE {records}",
    "DESCRIBE {records}",
    "PIVOT {records} ON clinic USING sum(sbp) GROUP BY patient",
    # single rows
    "SELECT DISTINCT ON (patient) clinic FROM {records}",
    "SELECT DISTINCT ON (clinic) clinic, month FROM {records}",
    "SELECT sum(sbp) FROM (SELECT DISTINCT ON (clinic) sbp FROM {records}) AS t",
    "SELECT sum(y) FROM (SELECT y, row_number() OVER (ORDER BY y) AS n FROM {records}) AS t WHERE n = 1",
    "SELECT sum(sbp) FROM (SELECT sbp, count(*) OVER (ORDER BY y) AS rn FROM {records}) AS t WHERE rn = 1",
    "SELECT sum(sbp) FROM (SELECT max(sbp) OVER (PARTITION BY clinic) AS sbp FROM {records}) AS t",
    "SELECT sum(n) FROM (SELECT patient, count(*) AS n, sum(count(*)) OVER (ORDER BY patient) AS up "
    "FROM {records} GROUP BY patient) AS t WHERE up < 10",
    "SELECT clinic, count(*), max(sum(sbp)) OVER (PARTITION BY clinic) FROM {records} GROUP BY clinic",
    "SELECT sum(m) FROM (SELECT max(sbp) AS m FROM {records}) AS t",
    "SELECT sum(m) FROM (SELECT patient, max(sbp) AS m FROM {records} GROUP BY patient) AS t",
    "SELECT max(n) FROM (SELECT patient, sum(sbp) AS n FROM {records} GROUP BY patient) AS t",
    "SELECT max(CASE WHEN name = 'Jane' THEN date END) FROM {records}",
    "SELECT EXTRACT(EPOCH FROM date) AS s, count(*) FROM {records} GROUP BY EXTRACT(EPOCH FROM date)",
    "SELECT EXTRACT(DAY FROM date) AS d, count(*) FROM {records} GROUP BY EXTRACT(DAY FROM date)",
    "SELECT clinic, count(*) FROM {records} GROUP BY ROLLUP (clinic, patient)",
    "SELECT count(*) FROM {records} GROUP BY GROUPING SETS ((patient), ())",
    "SELECT name, count(*) FROM {records} GROUP BY 1",
    # patients by another spelling
    "SELECT clinic, sum(sbp) FROM {records} WHERE Patient = 7 GROUP BY clinic",
    'SELECT clinic, sum(sbp) FROM {records} WHERE "PATIENT" = 7 GROUP BY clinic',
    'SELECT clinic, sum(sbp) FROM {records} AS r WHERE R."Record" = 7 GROUP BY clinic',
    "SELECT clinic, sum(Patient) FROM {records} GROUP BY clinic",
    "SELECT sum(n) FROM {records} JOIN (SELECT 3 AS Patient) AS p USING (PATIENT)",
    # patients by another name
    "SELECT sum(sbp) FROM (SELECT patient AS p, sbp FROM {records}) AS t WHERE p = 7",
    "SELECT sum(sbp) FROM (SELECT sbp FROM (SELECT patient AS p, sbp FROM {records}) AS t WHERE T.P = 7)",
    "SELECT sum(sbp) FROM (SELECT patient AS p, sbp FROM {records} WHERE p = 7) AS t",
    "WITH t AS (SELECT CAST(patient AS VARCHAR) AS p, sbp FROM {records}), u AS (SELECT p AS q, sbp FROM t) "
    "SELECT sum(CASE WHEN q = '7' THEN sbp END) FROM u",
    "SELECT sum(p) FROM (SELECT patient AS p FROM {records}) AS t",
    "SELECT max(p) FROM (SELECT patient AS p FROM {records}) AS t",
    "SELECT sum(sbp) FROM (SELECT *, patient AS p FROM {records}) AS t WHERE p = 7",
    "SELECT sum(sbp) FROM (SELECT * FROM {records}) AS t WHERE patient = 7",
    "SELECT sum(s) FROM (SELECT patient AS p, sum(sbp) AS s FROM {records} GROUP BY p HAVING p = 7) AS t",
    "SELECT count(p) FROM (SELECT patient AS p FROM {records} UNION ALL SELECT record FROM {records}) AS t "
    "WHERE p = 7",
    "SELECT sum(n) FROM (SELECT p, count(*) AS n FROM (SELECT patient AS p FROM {records} UNION ALL "
    "SELECT 7) AS t GROUP BY p) AS u WHERE n > 1",
    "SELECT count(*) FROM (SELECT patient FROM {records} EXCEPT SELECT 7) AS t",
    "SELECT count(*) FROM (SELECT patient FROM {records} INTERSECT SELECT 7) AS t",
    # patients told apart by what is made of their numbers
    "SELECT count(CASE WHEN patient = 7 THEN 1 END) FROM {records}",
    "SELECT count(CASE patient WHEN 7 THEN 1 END) FROM {records}",
    "SELECT count(nullif(patient, 7)) FROM {records}",
    "SELECT sum(sbp) FROM {records} WHERE nullif(patient, 7) IS NULL",
    "SELECT sum(sbp) FROM {records} WHERE patient / 7 = 1",
    "SELECT sum(sbp / (patient - 7)) FROM {records}",
    "SELECT sum(sbp * abs(patient)) FROM {records}",
    "SELECT sum(length(patient)) FROM {records}",
    "SELECT count(DISTINCT CAST(patient AS BOOLEAN)) FROM {records}",
    "SELECT count(DISTINCT trim(patient, '0123456')) FROM {records}",
    "SELECT count(DISTINCT coalesce(patient, 7)) FROM {records}",
    "SELECT count(CASE WHEN patient <= 7 THEN patient END) FROM {records}",
    "SELECT count(DISTINCT CASE WHEN sbp > 0 THEN patient ELSE 7 END) FROM {records}",
    "SELECT sum(sbp) FROM {records} WHERE patient IN (7, 8)",
    "SELECT sum(sbp) FROM {records} WHERE patient BETWEEN 7 AND 7",
    "SELECT sum(sbp) FROM {records} WHERE patient LIKE '7'",
    "SELECT sum(sbp) FROM {records} WHERE patient IS NOT DISTINCT FROM 7",
    "SELECT sum(sbp) FROM {records} WHERE (patient = 7) IS TRUE",
    "SELECT sum(sbp) FROM {records} WHERE patient",
    "SELECT sum(sbp ORDER BY patient) FROM {records}",
    "SELECT sum(sbp) FROM {records} JOIN (SELECT 7 AS p) AS t ON patient = p",
    "SELECT sum(sbp) FROM {records} JOIN (SELECT length(x) AS patient FROM {records}) AS t USING (patient)",
    "SELECT sum(sbp) FROM (SELECT patient AS p, sbp FROM {records}) AS t JOIN (SELECT 7 AS p) AS u USING (p)",
    "SELECT sum(sbp) FROM {records} NATURAL JOIN (SELECT 7 AS p) AS t",
    "SELECT sum(sbp) FROM {records} ASOF JOIN {records} AS t USING (clinic, patient)",
    "SELECT sum(sbp) FROM {records} POSITIONAL JOIN {records} AS t",
    "SELECT sum(sbp) FROM {records}, {records} AS t WHERE sbp = 7",
    "SELECT sum(n) FROM {records} CROSS JOIN LATERAL generate_series(1, patient) AS t (n)",
    "SELECT count(*) FROM {records} CROSS JOIN LATERAL generate_series(1, 2) AS t (month) GROUP BY month",
    # other tables than the records
    "SELECT count(*) FROM read_csv('/etc/passwd')",
    "SELECT count(*) FROM '/etc/passwd'",
    "SELECT count(*) FROM read_text('/etc/passwd')",
    "SELECT count(*) FROM glob('*')",
    "SELECT count(*) FROM pg_user",
    "SELECT count(*) FROM information_schema.tables",
    "SELECT count(*) FROM main.records",
    "SELECT count(*) FROM {records}, pg_user",
    "SELECT count(*) FROM range(10)",
    "SELECT count(*) FROM unnest([1, 2])",
    "SELECT count(*) FROM duckdb_settings()",
    "SELECT count(*) FROM query('SELECT 1')",
    "SELECT count(*) FROM (WITH t AS (SELECT 1 AS n) SELECT n FROM t) AS u JOIN t USING (n)",
    "WITH records AS (SELECT clinic FROM pg_user) SELECT clinic, count(*) FROM {records} GROUP BY clinic",
    "SELECT getenv('HOME')",
    "SELECT current_setting('is_superuser')",
    "SELECT pg_sleep(10)",
    # what is no question, or more than one
    "INSERT INTO t SELECT count(*) FROM {records}",
    "CREATE TABLE t AS SELECT count(*) AS n FROM {records}",
    "SELECT count(*) AS n INTO t FROM {records}",
    "DELETE FROM {records}",
    "EXPLAIN SELECT count(*) FROM {records}",
    "SET threads = 1",
    "ATTACH 'other.duckdb'",
    "INSTALL httpfs",
    "PRAGMA database_list",
    "CALL pragma_version()",
    "WITH t AS (DELETE FROM r RETURNING name) SELECT count(*) AS n FROM {records}",
    "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t",
    "SELECT count(*) FROM {records} FOR UPDATE",
    "SELECT count(*) FROM {records};;SELECT name FROM {records}",
    "SELECT count(*) FROM {records}; -- SELECT\nSELECT name FROM {records}",
    "SELECT count(*) FROM {records} -- WHERE clinic = 'A'",
    "SELECT count(*) /* of all */ FROM {records}",
    "SELECT count(*) /* /* */ , max(name) /* */ */ FROM {records}",
    "SELECT count(*) /*! , max(name) */ FROM {records}",
    "SELECT E'\\', max(name), '' FROM {records}",
    "SELECT $$a$$ FROM {records}",
    "SELECT count(*) FROM {records} WHERE clinic = $1",
    "",
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
    "SELECT Clinic, count(*) AS n FROM {records} AS R WHERE r.SBP > 120 GROUP BY CLINIC",
    "SELECT clinic, sum(sbp) AS s FROM {records} WHERE clinic = 'A -- B /* */ \\' GROUP BY clinic",
    "SELECT count(DISTINCT p) AS n FROM (SELECT CASE WHEN sbp > 0 THEN patient END AS p FROM {records}) AS t",
    "SELECT sum(sbp) AS s FROM (SELECT patient AS p, sbp FROM {records}) AS t WHERE p IS NULL",
    "SELECT count(patient) AS n FROM (SELECT NULLIF(TRIM(CAST(patient AS VARCHAR), ' '), '') AS patient "
    "FROM {records}) AS t",
    "SELECT clinic, sum(a * b) AS s FROM (SELECT clinic, patient, sum(sbp) AS a FROM {records} "
    "GROUP BY clinic, patient) AS t JOIN (SELECT clinic, patient, sum(y) AS b FROM {records} "
    "GROUP BY clinic, patient) AS u USING (clinic, patient) GROUP BY clinic",
    "SELECT rule, count(*) AS n FROM (SELECT CASE WHEN sbp > 120 THEN 'high' END AS rule FROM {records}) "
    "AS t GROUP BY rule",
    "SELECT clinic, n FROM (SELECT clinic, n, max(n) OVER (PARTITION BY clinic) AS most FROM (SELECT clinic, "
    "month, count(*) AS n FROM {records} GROUP BY clinic, month) AS t) AS u WHERE n = most",
    "SELECT clinic, min(CASE WHEN program = 1 THEN date END) AS began FROM {records} GROUP BY clinic",
    "SELECT count(*) AS n FROM {records} AS r CROSS JOIN LATERAL generate_series(1, weight) AS copies (nth)",
    "SELECT clinic, sum(sbp) AS s FROM {records} GROUP BY clinic ORDER BY s",
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
@pytest.mark.parametrize("name", ["numbered", "unnumbered", "every_record", "kept", "patients", "other"])
def test_a_column_may_be_called_like_a_table_that_questions_once_named(tmp_path: Path, name: str) -> None:
    """A table's name as a value is all of its columns; an outcome of that name was taken for that."""
    select = f'vaccinated AS "{name}", sbp, emergencies, age, sex'
    described = ONE_OUTCOME.replace("vaccinated, sbp, emergencies, age, sex", select)
    described = described.replace("[outcomes.vaccinated]", f'[outcomes.vaccinated]\ncolumn = "{name}"')
    network = check_network(write_network(tmp_path, network=described))
    screened = screen(Records.of(network), network, MONTH)
    assert summarise(screened.usable, network).by_clinic("vaccinated")["n"].sum() > 2000


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
