"""The monthly job without Prefect: the same bytes again, and the last good release whatever happens."""

from __future__ import annotations

import fcntl
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from drawn_here import drawn_here
from golden.demo_feeds import undrawn
from small_network import MONTH, NETWORK, ONE_OUTCOME, RECORDS, write_network

from flows.job_step import JobStep, Journal, UnexpectedError, guarded, plainly
from flows.monthly_job import planned, report_period
from flows.monthly_steps import DRAW, ESTIMATE, SCREEN, WRITE_FEED
from flows.period_reported import PeriodReported
from tasks.errors import NetworkError, PublishingError, SourceError
from tasks.network import read_network
from tasks.publishing import Output


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> PeriodReported:
    return report_period(write_network(tmp_path_factory.mktemp("small")), MONTH)


@pytest.fixture(scope="module")
def of_one_outcome(tmp_path_factory: pytest.TempPathFactory) -> PeriodReported:
    network = write_network(tmp_path_factory.mktemp("one-outcome"), network=ONE_OUTCOME)
    return report_period(network, MONTH, drawn_here())


@pytest.fixture
def published(of_one_outcome: PeriodReported, tmp_path: Path) -> Path:
    """A network file of its own whose month was reported before."""
    shutil.copytree(of_one_outcome.latest.parent.parent, tmp_path / "network", symlinks=True)
    return tmp_path / "network/network.toml"


def _bytes(directory: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(directory)): file.read_bytes() for file in directory.rglob("*") if file.is_file()
    }


@pytest.mark.slow
def test_a_month_gives_reports_a_feed_and_a_record(reported: PeriodReported) -> None:
    assert reported.latest.resolve() == reported.directory
    files = set(_bytes(reported.directory))
    assert {"reports/network.pdf", "feed/datapackage.json", "feed/clinic_estimates.parquet"} <= files
    assert len([file for file in files if file.startswith("reports/clinics/")]) == 6
    record = json.loads(reported.record.read_text())
    assert record["ended"] == "published"
    assert record["release_id"] == reported.release.id
    network = read_network(reported.latest.parent.parent / "network.toml")
    assert [step["name"] for step in record["steps"]] == ["Read the network file", *planned(network)]
    assert reported.not_estimated == {}


@pytest.mark.slow
def test_the_feed_is_read_from_duckdb_in_one_line(reported: PeriodReported) -> None:
    feed = reported.latest / "feed"
    found = duckdb.sql(
        f"SELECT DISTINCT outcome FROM '{feed}/clinic_estimates.parquet' ORDER BY 1"
    ).fetchall()
    assert found == [("emergencies",), ("sbp",), ("vaccinated",)]


@pytest.mark.slow
def test_the_same_month_again_is_the_same_byte_for_byte(
    published: Path, of_one_outcome: PeriodReported, tmp_path: Path
) -> None:
    """Feeds of every kind of outcome and of programs are held to the byte by tests/golden."""
    again = report_period(published, MONTH, drawn_here())
    assert again.unchanged
    assert again.directory.name == of_one_outcome.directory.name
    network = write_network(tmp_path / "elsewhere", network=ONE_OUTCOME)
    elsewhere = report_period(network, MONTH, undrawn())
    assert elsewhere.directory.name == of_one_outcome.directory.name
    assert _bytes(elsewhere.directory / "feed") == _bytes(of_one_outcome.directory / "feed")


@pytest.mark.before_release
@pytest.mark.slow
def test_an_earlier_month_run_again_after_a_later_one_is_the_same(tmp_path: Path) -> None:
    network = write_network(tmp_path, network=ONE_OUTCOME)
    months = (MONTH, "2023-10", MONTH, "2023-10", MONTH)
    _, first, later, again, once_more = (report_period(network, month, undrawn()) for month in months)
    assert _bytes(again.directory / "feed") == _bytes(first.directory / "feed")
    assert _bytes(once_more.directory / "feed") == _bytes(later.directory / "feed")


@pytest.mark.before_release
@pytest.mark.slow
def test_other_words_of_the_network_s_own_are_another_release(tmp_path: Path) -> None:
    network = write_network(tmp_path, network=f'{ONE_OUTCOME}\n[report]\nown_files = "house"\n')
    words = tmp_path / "house/wording/en.toml"
    words.parent.mkdir(parents=True)
    released = []
    for withheld in ("not told", "not shown here", "not told"):
        words.write_text(f'[status]\nsuppressed_primary = "{withheld}"\n', "utf-8")
        released.append(report_period(network, MONTH, undrawn()).directory.name)
    assert released[0] != released[1]
    assert released[0] == released[2]
    plain = report_period(write_network(tmp_path / "plain", network=ONE_OUTCOME), MONTH, undrawn())
    assert plain.directory.name not in released


@pytest.mark.slow
def test_an_own_template_that_cannot_be_filled_is_no_bug_of_ours(tmp_path: Path) -> None:
    network = write_network(tmp_path, network=f'{ONE_OUTCOME}\n[report]\nown_files = "house"\n')
    template = tmp_path / "house/templates/clinic.html.j2"
    template.parent.mkdir(parents=True)
    template.write_text("{{ nothing }}", "utf-8")
    with pytest.raises(NetworkError, match="own templates could not be filled: UndefinedError: 'nothing'"):
        report_period(network, MONTH, Journal(plainly))
    assert not (tmp_path / "output/latest").exists()


@pytest.mark.before_release
@pytest.mark.slow
def test_rows_in_another_order_are_the_same_release(reported: PeriodReported, tmp_path: Path) -> None:
    shuffled = RECORDS + "; CREATE TABLE other AS SELECT * FROM visits ORDER BY hash(patient || visit_date)"
    network = write_network(tmp_path, shuffled, NETWORK.replace("FROM visits", "FROM other"))
    assert _rows(report_period(network, MONTH, undrawn())) == _rows(reported)


def _rows(reported: PeriodReported) -> dict[str, list[bytes]]:
    """The feed's rows without the release's id, which stands for the network file as well."""
    files = sorted((reported.directory / "feed").glob("*.csv"))
    return {each.name: [line.split(b",", 1)[1] for line in each.read_bytes().splitlines()] for each in files}


@pytest.mark.slow
def test_an_outcome_that_cannot_be_estimated_does_not_stop_the_others(tmp_path: Path) -> None:
    never = RECORDS + "; UPDATE visits SET vaccinated = 0"
    reported = report_period(write_network(tmp_path, never), MONTH, undrawn())
    assert list(reported.not_estimated) == ["vaccinated"]
    assert reported.not_estimated["vaccinated"]
    steps = json.loads(reported.record.read_text())["steps"]
    (did,) = [step["did"] for step in steps if step["name"] == "Estimate: Vaccinated"]
    assert did.startswith("not estimated: ")
    assert "{" not in did  # words, not their code
    outcomes = reported.release["outcomes"].set_index("outcome")
    assert outcomes.loc["sbp", "status"] == "ok"
    assert outcomes.loc["vaccinated", "status"] == "not_estimable"


def _failing(step: JobStep[..., Any], failure: Callable[[], None]) -> Journal:
    """A journal in which something happens right before a step is done; nothing is drawn."""

    def runner(asked: JobStep[..., Any]) -> Callable[..., Any]:
        if asked.name == DRAW.name != step.name:
            return lambda *_: ()

        def run(*args: Any) -> Any:
            failure()
            return asked.run(*args)

        done = JobStep(asked.name, run, asked.did)
        return guarded(done if asked.name == step.name else asked)

    return Journal(runner)


@pytest.mark.slow
@pytest.mark.parametrize(
    "step", [SCREEN, ESTIMATE, DRAW, WRITE_FEED], ids=lambda step: step.name.replace(" ", "-")
)
def test_a_run_that_fails_leaves_the_last_good_release(step: JobStep[..., Any], published: Path) -> None:
    output = Output(published.parent / "output")
    good = output.current()
    assert good is not None
    before = _bytes(good)

    def fail() -> None:
        raise RuntimeError("patient-7 is in this message")

    with pytest.raises(UnexpectedError) as caught:
        report_period(published, "2023-10", _failing(step, fail))
    assert "patient-7" not in str(caught.value)
    assert output.current() == good
    assert _bytes(good) == before
    assert [each.name for each in good.parent.iterdir()] == [good.name]
    assert list((output.directory / ".staging").iterdir()) == []
    record = json.loads(max(output.runs.glob("*-failed-*.json")).read_text())
    assert step.name in record["error"]
    assert "patient-7" not in json.dumps(record)


@pytest.mark.slow
def test_records_that_are_replaced_half_way_are_read_as_they_were(
    of_one_outcome: PeriodReported, tmp_path: Path
) -> None:
    network = write_network(tmp_path / "network", network=ONE_OUTCOME)
    changed = write_network(tmp_path / "changed", RECORDS + "; UPDATE visits SET vaccinated = 1 - vaccinated")

    def replace() -> None:
        shutil.copy(changed.parent / "records.duckdb", network.parent / "new.duckdb")
        (network.parent / "new.duckdb").replace(network.parent / "records.duckdb")

    again = report_period(network, MONTH, _failing(ESTIMATE, replace))
    assert _bytes(again.directory / "feed") == _bytes(of_one_outcome.directory / "feed")


@pytest.mark.slow
def test_files_that_are_written_half_way_end_the_run(published: Path) -> None:
    output = Output(published.parent / "output")
    good = output.current()
    records = published.parent / "records.parquet"

    def write() -> None:
        with duckdb.connect(str(published.parent / "records.duckdb")) as source:
            source.execute("UPDATE visits SET vaccinated = 1 - vaccinated")
            source.execute(f"COPY visits TO '{records}'")

    write()
    published.write_text(
        published.read_text().replace("records.duckdb", records.name).replace("FROM visits", "FROM records")
    )
    with pytest.raises(SourceError, match=r"records\.parquet was written while a run read it"):
        report_period(published, "2023-10", _failing(ESTIMATE, write))
    assert output.current() == good


@pytest.mark.slow
@pytest.mark.faults
def test_a_full_disk_is_said_and_leaves_the_last_good_release(published: Path) -> None:
    output = Output(published.parent / "output")
    good = output.current()

    def fill() -> None:
        (staging,) = output.directory.glob(".staging/*/")
        (staging / "feed").mkdir()
        (staging / "feed/quality.csv").symlink_to("/dev/full")

    with pytest.raises(PublishingError, match="no space left on device"):
        report_period(published, "2023-10", _failing(WRITE_FEED, fill))
    assert output.current() == good
    assert list((output.directory / ".staging").iterdir()) == []
    (failed,) = output.runs.glob("*-failed-*.json")
    assert json.loads(failed.read_text())["error"].endswith("the last good release is as it was")


_RUN = """
import sys
from pathlib import Path
from flows.monthly_job import report_period

report_period(Path(sys.argv[1]), sys.argv[2])
"""


def _is_free(lock: Path) -> bool:
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@pytest.mark.slow
@pytest.mark.faults
def test_kill_9_while_preparing_leaves_the_last_good_release(published: Path) -> None:
    output = Output(published.parent / "output")
    good = output.current()
    assert good is not None
    before = _bytes(good)
    process = subprocess.Popen([sys.executable, "-c", _RUN, str(published), "2023-10"])
    staging = output.directory / ".staging"
    end = time.monotonic() + 120
    while not list(staging.glob("*/reports/*")) and time.monotonic() < end:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert list(staging.glob("*/reports")), "it was killed while it was drawing"
    assert output.current() == good
    assert _bytes(good) == before
    # a child that was just being made may outlive its parent by a moment, and holds the lock while it does
    while not all(_is_free(lock) for lock in staging.glob("*.lock")) and time.monotonic() < end:
        time.sleep(0.05)
    after = report_period(published, "2023-10", undrawn())
    assert after.directory.is_dir() and after.directory != good
    assert not after.is_latest and after.latest.resolve() == good  # an earlier month does not take it back
    assert list(staging.iterdir()) == []
    (killed,) = output.runs.glob("*-2023-10-killed-*.json")
    said = json.loads(killed.read_text())
    assert (said["ended"], said["step"]) == ("killed", "Draw the reports")
    assert said["error"] == "killed in the step 'Draw the reports'; the last good release is as it was"
    assert [step["name"] for step in said["steps"]][:3] == [
        "Read the network file",
        "Look at the output directory",
        "Screen the records",
    ]
    assert not list(output.runs.glob("*running*"))


@pytest.mark.slow
def test_a_second_run_is_refused_where_the_network_file_says_so(tmp_path: Path) -> None:
    network = write_network(tmp_path, network=ONE_OUTCOME + '\n[output]\nsecond_run = "refuse"\n')

    def meanwhile(step: JobStep[..., Any]) -> Callable[..., Any]:
        """While clinics are estimated, the same network is reported once more."""
        if step.name != ESTIMATE.name:
            return plainly(step)
        return lambda *_: report_period(network, MONTH, undrawn())

    with pytest.raises(PublishingError, match="another run of this network is at work"):
        report_period(network, MONTH, Journal(meanwhile))
    records = [json.loads(each.read_text()) for each in (tmp_path / "output/runs").glob("*.json")]
    assert len(records) == 2
    assert all("another run of this network is at work" in str(each) for each in records)
    assert report_period(network, MONTH, undrawn()).is_latest
