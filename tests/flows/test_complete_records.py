"""A period's records that are not all there: waited for, then reported with a word, or held."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from drawn_here import drawn_here
from golden.demo_feeds import undrawn
from pdf_text import pages_of
from small_network import ONE_OUTCOME, RECORDS, Run, write_network

from flows import complete_records
from flows.commands.status import status_of
from flows.job_step import Journal
from flows.monthly_job import report_period
from flows.period_reported import PeriodReported
from flows.telling import told_of
from tasks.errors import SourceError
from tasks.network import read_network
from tasks.notifying import Outbox
from tasks.publishing import Output, kept_releases

pytestmark = pytest.mark.slow

MONTH = "2023-10"
LOADS = "; CREATE TABLE loads AS SELECT '2023-09' AS month"
DONE = 'select = "SELECT count(*) > 0 FROM loads WHERE month = :period"\n'
NOTIFY = '[notify]\nurls = ["json://127.0.0.1:1/nobody"]\n'
WHY = "the network's own check did not find the records of October 2023 complete"


def _network(directory: Path, asked: str, more: str = "") -> Path:
    text = f"{ONE_OUTCOME}\n[schedule.complete]\n{asked}\n{more}"
    return write_network(directory / "network", RECORDS.replace("range(3000)", "range(9000)") + LOADS, text)


def _load(file: Path, month: str = MONTH) -> None:
    with duckdb.connect(str(file.parent / "records.duckdb")) as connection:
        connection.execute("INSERT INTO loads VALUES (?)", [month])


def _told(file: Path) -> list[str]:
    """The notices that wait for an address where nobody is, in the order they were made."""
    addresses = read_network(file).notify.urls
    return [each.notice.body for each in Outbox(file.parent / "output/notices").waiting(addresses)]


def _unwatched(hours_ago: float = 0.0) -> Journal:
    """Of a run on a server, which was due so long ago."""
    journal = undrawn()
    journal.due = datetime.now(UTC) - timedelta(hours=hours_ago)
    return journal


def test_a_run_on_a_server_waits_until_they_are_there_and_reads_them_as_they_are_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _network(tmp_path, DONE)

    def looks_again() -> Iterator[float]:
        yield 0.1  # the run has looked at once, and looks again
        with duckdb.connect(str(file.parent / "records.duckdb")) as connection:
            connection.execute("DELETE FROM visits WHERE clinic = 'Clinic F'")
        _load(file)
        yield 0.1

    monkeypatch.setattr(complete_records, "_pauses", looks_again)
    reported = report_period(file, MONTH, _unwatched())
    assert reported.release.incomplete is None
    assert len(reported.release["clinics"]) == 5  # what came while it waited was read
    steps = json.loads(reported.record.read_text())["steps"]
    looks = [step for step in steps if step["name"] == "See whether the records are complete"]
    assert [each["did"] for each in looks] == ["complete"]


@pytest.mark.before_release
def test_another_period_is_reported_while_a_run_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse = '[output]\nsecond_run = "refuse"\n'
    file = _network(tmp_path, DONE, refuse)
    meanwhile: list[PeriodReported] = []

    def looks_again() -> Iterator[float]:
        meanwhile.append(report_period(file, "2023-09", undrawn()))
        _load(file)
        yield 0.1

    monkeypatch.setattr(complete_records, "_pauses", looks_again)
    waited = report_period(file, MONTH, _unwatched())
    assert [each.is_latest for each in meanwhile] == [True]
    assert waited.is_latest
    standing = Output(file.parent / "output").standing()
    assert [name[:7] for name in standing] == ["2023-09", MONTH]


@pytest.mark.before_release
def test_after_the_deadline_it_reports_what_there_is_and_says_so_everywhere(
    tmp_path: Path, clinicnet_here: Run
) -> None:
    file = _network(tmp_path, DONE + "wait_hours = 2", NOTIFY)
    journal = drawn_here()
    journal.due = datetime.now(UTC) - timedelta(hours=2, seconds=-3)  # three seconds are left
    began = time.monotonic()
    reported = report_period(file, MONTH, journal)
    assert time.monotonic() - began > 3.0
    said = f"Reported before its records were complete: {WHY}."
    first_page = pages_of(reported.directory / "reports/network.pdf")[0]
    assert said in first_page.replace("’", "'")
    manager = pages_of(reported.directory / "reports/clinics/clinic-a.pdf")
    assert said in manager[0].replace("’", "'")
    assert len(manager) == 2
    page = (reported.directory / "page/index.html").read_text()
    assert said in " ".join(page.replace("&#39;", "'").replace("’", "'").split())
    assert said in _told(file)[0]
    output = file.parent / "output"
    package = json.loads((reported.directory / "feed/datapackage.json").read_text())
    assert package["release"]["incomplete"] == WHY
    (release,) = json.loads((output / "releases.json").read_text())["releases"]
    assert release["incomplete"] == WHY
    (kept,) = kept_releases(Output(output))
    assert said in told_of(kept, read_network(file), Output(output)).body  # as it is told again
    shown = clinicnet_here("releases", "show", MONTH, "--network", file)
    assert f"Early     records not complete: {WHY}" in shown.stdout

    _load(file)  # and the same records, complete now, are another edition, which does not say so
    again = report_period(file, MONTH, undrawn())
    assert again.directory != reported.directory
    assert again.is_latest
    package = json.loads((again.directory / "feed/datapackage.json").read_text())
    assert "incomplete" not in package["release"]
    assert _told(file)[1].startswith("Records of 2023-01 to 2023-10, with dates up to 2023-10-06.\n")


@pytest.mark.before_release
def test_after_the_deadline_it_is_held_where_the_network_wants_that(tmp_path: Path) -> None:
    file = _network(tmp_path, DONE + 'wait_hours = 1\nat_deadline = "hold"', NOTIFY)
    reported = report_period(file, MONTH, _unwatched(hours_ago=1.0))
    assert reported.held == (WHY,)
    assert not reported.latest.exists()
    assert WHY in _told(file)[0]
    _load(file)
    assert report_period(file, MONTH, _unwatched()).held == ()


@pytest.mark.before_release
def test_at_a_terminal_it_does_not_wait(tmp_path: Path, clinicnet: Run) -> None:
    file = _network(tmp_path, DONE)
    began = time.monotonic()
    ended = clinicnet("run", file, "--month", MONTH)
    assert ended.returncode == 0, ended.stderr
    assert f"Early    records not complete: {WHY}" in ended.stdout
    assert time.monotonic() - began < 300.0  # of 48 hours


def test_a_period_with_too_few_beside_the_one_before_is_not_complete(tmp_path: Path) -> None:
    file = _network(tmp_path, "share_of_last = 0.8")
    assert report_period(file, MONTH, undrawn()).release.incomplete is None
    with duckdb.connect(str(file.parent / "records.duckdb")) as connection:
        connection.execute("DELETE FROM visits WHERE month(visit_date) = 11 AND hash(patient) % 2 = 0")
    reported = report_period(file, "2023-11", undrawn())
    assert reported.release.incomplete == "November 2023 had under 80% of the records of October 2023"


def test_a_select_that_cannot_be_asked_ends_the_run_and_is_found_by_check(
    tmp_path: Path, clinicnet_here: Run
) -> None:
    file = _network(tmp_path, 'select = "SELECT count(*) > 0 FROM load WHERE month = :period"')
    with pytest.raises(SourceError, match=r"\[schedule.complete\] select: there is no table 'load'"):
        report_period(file, MONTH, undrawn())
    ended = clinicnet_here("check", file)
    assert ended.returncode == 2
    line = (
        file.read_text().splitlines().index('select = "SELECT count(*) > 0 FROM load WHERE month = :period"')
    )
    assert f"line {line + 1}: [schedule.complete] select: there is no table 'load'" in ended.stderr


def test_a_period_is_not_missed_while_its_run_may_wait(tmp_path: Path) -> None:
    file = _network(tmp_path, DONE + "wait_hours = 24")
    due = datetime(2023, 12, 3, 11, tzinfo=UTC)  # 6:00 in New York
    for hours, missed in ((26.9, []), (27.1, ["2023-11"])):
        status = status_of(file, due + timedelta(hours=hours))
        assert [each.period for each in status.missed if each.period == "2023-11"] == missed
