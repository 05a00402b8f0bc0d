"""Two months reported one after the other, with records that came late in between."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from drawn_here import drawn_here
from frictionless import validate
from golden.demo_feeds import undrawn
from pdf_text import text_of
from small_network import ONE_OUTCOME, RECORDS, write_network

from flows.monthly_job import report_period
from flows.period_reported import PeriodReported

pytestmark = pytest.mark.slow

FIRST, SECOND = "2023-10", "2023-11"
# three times the visits, so that no month of a clinic has a small number
MANY = RECORDS.replace("range(3000)", "range(9000)")

# twelve of clinic A's September visits were sent late, all vaccinated; clinic G has joined in November
LATE = """
INSERT INTO visits
SELECT 'Clinic A', 'North', 'late-' || i, DATE '2023-09-20', 1, 130.0, 1, 40, 'female' FROM range(12) AS n(i);
INSERT INTO visits
SELECT 'Clinic G', 'South', 'new-' || i, DATE '2023-11-10', i % 2, 130.0, 1, 40, 'male' FROM range(60) AS n(i)
"""


@dataclass(frozen=True)
class Months:
    """The network file, and what was reported of both months."""

    network: Path
    first: PeriodReported
    second: PeriodReported

    def rows(self, reported: PeriodReported, table: str) -> pd.DataFrame:
        return duckdb.sql(f"SELECT * FROM '{reported.directory}/feed/{table}.parquet'").df()


@pytest.fixture(scope="module")
def months(tmp_path_factory: pytest.TempPathFactory) -> Months:
    network = write_network(tmp_path_factory.mktemp("late"), MANY, ONE_OUTCOME)
    first = report_period(network, FIRST, drawn_here())
    with duckdb.connect(str(network.parent / "records.duckdb")) as connection:
        connection.execute(LATE)
    return Months(network, first, report_period(network, SECOND, drawn_here()))


def _bytes(directory: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(directory)): file.read_bytes() for file in directory.rglob("*") if file.is_file()
    }


def test_the_first_report_has_nothing_to_compare_with(months: Months) -> None:
    assert months.rows(months.first, "changes").empty
    text = text_of(months.first.directory / "reports/network.pdf")
    assert "no earlier report to compare with" in text
    assert "Since the report for" not in text
    assert "Since the report for" not in text_of(months.first.directory / "reports/clinics/clinic-a.pdf")


def test_the_feed_names_what_changed_and_with_which_numbers(months: Months) -> None:
    changes = months.rows(months.second, "changes")
    assert set(changes["since"]) == {FIRST}
    assert set(changes["since_release"]) == {months.first.release.id}
    restated = changes[changes["change"] == "restated"].set_index(["clinic", "month"])
    assert list(restated.index) == [("", "2023-09"), ("Clinic A", "2023-09")]
    series = [
        months.rows(each, "clinic_months").set_index(["clinic", "month"])
        for each in (months.first, months.second)
    ]
    for when, of_release in zip(("before", "after"), series, strict=True):
        for name in ("value", "numerator", "denominator"):
            assert list(restated[f"{name}_{when}"]) == list(of_release.loc[restated.index, name])
    assert list(restated["numerator_after"] - restated["numerator_before"]) == [12, 12]
    assert list(restated["denominator_after"] - restated["denominator_before"]) == [12, 12]
    new = changes[changes["clinic"] == "Clinic G"]
    assert list(zip(new["outcome"], new["change"], new["before"], strict=True)) == [
        ("", "clinic_new", "no_records"),
        ("vaccinated", "shown", "no_records"),
    ]
    estimates = [
        months.rows(each, "clinic_estimates").query("form == 'shrunken'").set_index("clinic")["comparison"]
        for each in (months.first, months.second)
    ]
    both = estimates[0].index
    moved = both[(estimates[0] != estimates[1].reindex(both)).to_numpy()]
    assert list(changes.loc[changes["change"] == "comparison", "clinic"]) == sorted(moved)
    assert validate(str(months.second.directory / "feed/datapackage.json")).valid


def test_the_reports_say_it(months: Months) -> None:
    reports = months.second.directory / "reports"
    network = text_of(reports / "network.pdf")
    assert "Since the report for October 2023" in network
    assert "Clinic G" in network.split("Since the report for October 2023")[1]
    assert "1 month of the network and 1 month of 1 clinic restated" in network
    assert "since the report for October 2023: " in network
    changes = months.rows(months.second, "changes").set_index(["clinic", "change"])
    row = changes.loc[("Clinic A", "restated")]
    own = text_of(reports / "clinics/clinic-a.pdf")
    assert f"Vaccinated, September 2023: from {row['value_before']:.1f}% to {row['value_after']:.1f}%" in own
    assert "your clinic has records in the reported months; it had none before" in text_of(
        reports / "clinics/clinic-g.pdf"
    )
    assert "Your clinic stands as it did in the report for October 2023;" in text_of(
        reports / "clinics/clinic-c.pdf"
    )


@pytest.mark.before_release
def test_both_months_run_again_are_the_same_bytes(months: Months) -> None:
    again = report_period(months.network, SECOND, undrawn())
    assert again.release.id == months.second.release.id
    feed = _bytes(months.second.directory / "feed")
    assert _bytes(again.directory / "feed") == feed
    # October from the records of today is another October, published after November was: nothing to November
    restated = report_period(months.network, FIRST, undrawn())
    assert restated.release.id != months.first.release.id
    assert months.rows(restated, "changes").empty
    once_more = report_period(months.network, SECOND, undrawn())
    assert once_more.release.id == months.second.release.id
    assert _bytes(once_more.directory / "feed") == feed
