"""A network that reports by quarter and one that reports by ISO week, over two periods each."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from drawn_here import drawn_here
from frictionless import validate
from golden.demo_feeds import undrawn
from pdf_text import text_of
from small_network import NETWORK, RECORDS, write_network

from flows.monthly_job import report_period
from flows.period_reported import PeriodReported
from tasks.errors import PublishingError
from tasks.network import read_network
from tasks.publishing import Output, earlier_releases
from tasks.release import CODED, FROM_MASKED

pytestmark = pytest.mark.slow

DATE = "DATE '2023-01-05' + CAST(30.4 * (i % 11) AS INTEGER)"
STARTS = re.search(r"starts = .*", NETWORK)[0]  # type: ignore[index]
VOLUME = """
[outcomes.volume]
label = "Visits"
kind = "count"
direction = "neither"
per = "clinic-{kind}"
"""

GROUPS = '[groups.sex]\nvalues = ["female", "male"]\n[groups.age]\nbands = [40, 60]\n'


@dataclass(frozen=True)
class Way:
    """One way of reporting.

    Attributes:
        kind: quarter or week.
        language: of the reports.
        date: SQL for the i-th record's date, each clinic having some in each period.
        starts: of the program, one of them on a day within a period.
        first, second: the periods reported.
        late: a day in the period before the first, from which records come after the first report.
        names: what the reports call the second period and the first.
    """

    kind: str
    language: str
    date: str
    starts: str
    first: str
    second: str
    late: str
    names: tuple[str, str]

    def network(self) -> str:
        """The network file."""
        described = NETWORK.replace('name = "Six', f'language = "{self.language}"\nname = "Six')
        described = described.replace(STARTS, f"starts = {{ {self.starts} }}")
        window = f'\n[window]\nperiod = "{self.kind}"\n{self.kind}s = 6\n'
        return described + window + VOLUME.format(kind=self.kind) + GROUPS


WAYS = (
    Way(
        "quarter",
        "en",
        "DATE '2022-07-03' + CAST(91.3 * ((i // 6) % 6) + hash(i) % 80 AS INTEGER)",
        '"Clinic A" = "2022-Q4", "Clinic B" = "2022-Q4", "Clinic C" = "2023-05-15", "Clinic D" = "2023-07"',
        "2023-Q3",
        "2023-Q4",
        "2023-05-20",
        ("4th quarter 2023", "3rd quarter 2023"),
    ),
    Way(
        "week",
        "es",
        "DATE '2020-12-07' + CAST(7 * ((i // 6) % 6) + hash(i) % 7 AS INTEGER)",
        '"Clinic A" = "2020-W51", "Clinic B" = "2020-W51", "Clinic C" = "2020-12-24", '
        '"Clinic D" = "2020-W53"',
        "2021-W01",
        "2021-W02",
        "2021-01-01",  # a Friday, in the 53rd week of 2020
        ("semana 2 de 2021", "semana 1 de 2021"),
    ),
)


@dataclass(frozen=True)
class Periods:
    """What was reported of two periods, one after the other."""

    way: Way
    network: Path
    first: PeriodReported
    second: PeriodReported

    def rows(self, table: str) -> pd.DataFrame:
        """A table of the second feed."""
        return duckdb.sql(f"SELECT * FROM '{self.second.directory}/feed/{table}.parquet'").df()

    def pages(self, report: str = "**/*") -> str:
        """The text of the second period's PDFs, its white space single."""
        files = sorted((self.second.directory / "reports").glob(f"{report}.pdf"))
        return " ".join(_text(file) for file in files)


_text = functools.cache(text_of)


def _ways() -> Iterator[Any]:
    for way in WAYS:
        yield pytest.param(
            way, id=way.kind, marks=() if way.kind == "quarter" else pytest.mark.before_release
        )


@pytest.fixture(scope="module", params=list(_ways()))
def periods(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Periods]:
    way: Way = request.param
    records = RECORDS.replace(DATE, way.date).replace("range(3000)", "range(9000)")
    assert way.date in records
    network = write_network(tmp_path_factory.mktemp(way.kind), records, way.network())
    first = report_period(network, way.first, undrawn())
    with duckdb.connect(str(network.parent / "records.duckdb")) as connection:
        connection.execute(
            "INSERT INTO visits SELECT 'Clinic A', 'North', 'late-' || i, "
            f"DATE '{way.late}', 1, 130.0, 1, 40, 'female' FROM range(12) AS numbers(i)"
        )
    yield Periods(way, network, first, report_period(network, way.second, drawn_here()))


def test_a_release_is_of_its_period(periods: Periods) -> None:
    release = periods.second.release
    assert release.period == periods.way.second
    assert periods.second.directory.name == f"{periods.way.second}-{release.id}"
    labels = {"quarter": ["2022-Q3", "2023-Q4"], "week": ["2020-W50", "2021-W02"]}[periods.way.kind]
    assert list(release.window) == labels
    months = periods.rows("clinic_months")
    assert (months["month"].min(), months["month"].max(), months["month"].nunique()) == (*labels, 6)
    assert periods.second.not_estimated == {}


def test_every_period_has_its_records(periods: Periods) -> None:
    """1,500 records a period: 250 of each clinic, and the twelve that came late."""
    counted = periods.rows("clinic_months")
    volume = counted[(counted["outcome"] == "volume") & (counted["clinic"] != "")]
    late = (volume["clinic"] == "Clinic A") & (
        volume["month"] == {"quarter": "2023-Q2", "week": "2020-W53"}[periods.way.kind]
    )
    assert late.sum() == 1
    assert set(volume[~late]["numerator"]) == {250}
    assert set(volume[late]["numerator"]) == {262}


def test_the_second_release_says_what_was_restated_since_the_first(periods: Periods) -> None:
    changes = periods.rows("changes")
    restated = changes[(changes["change"] == "restated") & (changes["outcome"] == "volume")]
    assert set(changes["since"]) == {periods.way.first}
    late = {"quarter": "2023-Q2", "week": "2020-W53"}[periods.way.kind]
    assert set(zip(restated["clinic"], restated["month"], strict=True)) == {("Clinic A", late), ("", late)}


def test_reports_name_the_period_and_the_one_before(periods: Periods) -> None:
    text = periods.pages()
    second, first = periods.way.names
    assert second in text
    since = {"en": f"Since the report for {first}", "es": f"Desde el informe de la {first}"}
    assert since[periods.way.language].lower() in text.lower()


def test_the_network_s_report_says_that_a_program_started_within_a_period(periods: Periods) -> None:
    said = {"en": "started within their quarter 0", "es": "empezaron dentro de su semana 0"}
    assert said[periods.way.language] in periods.pages("network")


# a month is a word of these reports in no sense but that of a period; dates have their months' names
OF_MONTHS = re.compile(r"(?i)\b(months?|monthly|mes|meses|mensual(es)?)\b")


def test_no_report_speaks_of_months(periods: Periods) -> None:
    text = periods.pages()
    assert len(text) > 10_000
    assert [text[max(0, found.start() - 40) : found.end() + 20] for found in OF_MONTHS.finditer(text)] == []


NAMES = re.compile(
    r"clinic[-_ ]months|month -?\d\d|(first|last)_month|months_since_start|months_without_records"
)
"""Names that a dashboard depends on: tables, columns, rules and terms are called alike in every network."""


def test_no_sentence_of_the_feed_speaks_of_months(periods: Periods) -> None:
    package = json.loads((periods.second.directory / "feed/datapackage.json").read_text(encoding="utf-8"))
    said = [resource["description"] for resource in package["resources"]]
    fields = [field for each in package["resources"] for field in each.get("schema", {}).get("fields", [])]
    said += [field["description"] for field in fields]
    for table, rows in periods.second.release.tables.items():
        assert len(rows) or table in {each.name for each in FROM_MASKED}
        sentences = [name for name in rows.columns if not name.endswith(CODED)]  # codes are the same in all
        words = [rows[name] for name in sentences if rows[name].dtype == "string"]
        said += [str(cell) for column in words for cell in column.dropna().unique()]
    assert len(said) > 300
    assert [each for each in said if OF_MONTHS.search(NAMES.sub("", each))] == []


def test_the_feed_is_a_valid_data_package(periods: Periods) -> None:
    report = validate(str(periods.second.directory / "feed/datapackage.json"))
    assert report.valid, report.flatten(["message"])


def test_effects_are_counted_in_periods_from_the_one_of_the_start(periods: Periods) -> None:
    effects = periods.rows("program_effects")
    since = effects[(effects["outcome"] == "sbp") & (effects["term"].str.startswith("month"))]
    # the first clinics start in the second of six periods
    assert sorted(since["months_since_start"]) == [0, 1, 2, 3, 4]
    assert (effects["status"] == "ok").all()


@pytest.mark.before_release
def test_a_period_run_again_is_the_same_release(periods: Periods) -> None:
    again = report_period(periods.network, periods.way.second, undrawn())
    assert again.release.id == periods.second.release.id
    feed, feed_before = again.directory / "feed", periods.second.directory / "feed"
    files, before = (
        {file.relative_to(root): file.read_bytes() for file in root.rglob("*") if file.is_file()}
        for root in (feed, feed_before)
    )
    assert files == before


def test_a_release_of_another_kind_of_period_is_refused(periods: Periods) -> None:
    output = Output(periods.network.parent / read_network(periods.network).output.directory)
    with pytest.raises(
        PublishingError, match=f"is of a {periods.way.kind}, and the new one would be of a month"
    ):
        earlier_releases(output, ("2022-12", "2023-11"))
