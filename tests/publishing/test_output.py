"""A reader of `latest` sees a whole release, before, during and after a run, whatever happens to the run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tasks.errors import PublishingError
from tasks.publishing import Output, Staging, recorded_runs

pytestmark = pytest.mark.faults


def _fill(staging: Staging, text: str) -> None:
    staging.feed.mkdir()
    staging.reports.mkdir()
    (staging.feed / "a.csv").write_text(text)
    (staging.reports / "network.pdf").write_text(text)


def _publish(output: Output, name: str, text: str) -> Path:
    with output.staging() as staging:
        _fill(staging, text)
        return output.publish(staging, name, beside=None).directory


def test_publishing_moves_latest_and_keeps_what_was_published(tmp_path: Path) -> None:
    output = Output(tmp_path / "output")
    assert output.current() is None
    first = _publish(output, "2020-04-a", "april")
    second = _publish(output, "2020-05-b", "may")
    assert output.current() == second
    assert (tmp_path / "output/latest/feed/a.csv").read_text() == "may"
    assert (first / "feed/a.csv").read_text() == "april"
    assert output.latest.readlink() == Path("releases/2020-05-b")  # relative: the directory can be moved
    assert list((tmp_path / "output/.staging").glob("*")) == []


def _rights(*paths: Path) -> list[str]:
    return [f"{path.stat().st_mode & 0o7777:o}" for path in paths]


def test_whoever_may_read_can_whatever_the_umask(tmp_path: Path) -> None:
    """A dashboard's user could not read what a user with umask 077 had published."""
    before = os.umask(0o077)
    try:
        private = Output(tmp_path / "output")
        first = _publish(private, "2020-04-a", "april")
        assert _rights(first, first / "feed/a.csv") == ["700", "600"]
        shown = Output(tmp_path / "output", rights=0o640)
        (tmp_path / "output").chmod(0o2700)  # what is made in it belongs to its group
        second = _publish(shown, "2020-05-b", "may")
        assert _publish(shown, "2020-04-a", "april") == first
    finally:
        os.umask(before)
    assert _rights(tmp_path / "output", tmp_path / "output/releases") == ["2750", "750"]
    for release in (first, second):
        below = (release, release / "feed", release / "reports")
        assert _rights(*below) == ["750", "750", "750"]
        assert _rights(release / "feed/a.csv", release / "reports/network.pdf") == ["640", "640"]
    assert _rights(tmp_path / "output/.staging") == ["700"]


def test_the_same_files_are_the_same_release(tmp_path: Path) -> None:
    output = Output(tmp_path)
    first = _publish(output, "2020-04-a", "april")
    _publish(output, "2020-05-b", "may")
    with output.staging() as staging:
        _fill(staging, "april")
        again = output.publish(staging, "2020-04-a", beside=None)
    assert again.unchanged
    assert again.directory == first
    assert not again.is_latest  # May was reported since


def test_a_published_release_is_never_overwritten(tmp_path: Path) -> None:
    output = Output(tmp_path)
    first = _publish(output, "2020-04-a", "april")
    assert _publish(output, "2020-04-a", "april, drawn anew") == tmp_path / "releases/2020-04-a.2"
    assert _publish(output, "2020-04-a", "april, once more") == tmp_path / "releases/2020-04-a.3"
    assert _publish(output, "2020-04-a", "april, drawn anew") == tmp_path / "releases/2020-04-a.2"
    assert (first / "feed/a.csv").read_text() == "april"


def test_a_failure_while_preparing_leaves_nothing(tmp_path: Path) -> None:
    output = Output(tmp_path)
    good = _publish(output, "2020-04-a", "april")
    with pytest.raises(ZeroDivisionError), output.staging() as staging:
        _fill(staging, "half")
        raise ZeroDivisionError
    assert output.current() == good
    assert list((tmp_path / ".staging").glob("*")) == []
    assert [each.name for each in (tmp_path / "releases").iterdir()] == ["2020-04-a"]


@pytest.mark.slow
def test_readers_never_see_a_half_release(tmp_path: Path) -> None:
    output = Output(tmp_path)
    _publish(output, "2020-00", "0")
    seen: list[tuple[str, str]] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            whole = output.current()
            assert whole is not None
            seen.append(((whole / "feed/a.csv").read_text(), (whole / "reports/network.pdf").read_text()))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(1, 60):
        _publish(output, f"2020-{number}", str(number))
    done.set()
    reader.join()
    assert all(one == other for one, other in seen)
    assert [int(one) for one, _ in seen] == sorted(int(one) for one, _ in seen)


_PUBLISH_FOR_EVER = """
import itertools, sys
from pathlib import Path
from tasks.publishing import Output

output = Output(Path(sys.argv[1]))
for number in itertools.count(int(sys.argv[2])):
    with output.staging() as staging:
        for part in (staging.feed, staging.reports):
            part.mkdir()
            for file in range(20):
                (part / f"{file}.csv").write_text(f"{number}\\n" * 50)
        output.publish(staging, f"release-{number}", beside=None)
    if number == int(sys.argv[2]):
        print("publishing", flush=True)
"""


@pytest.mark.slow
def test_kill_9_at_any_moment_leaves_the_last_good_release(tmp_path: Path) -> None:
    output = Output(tmp_path)
    for attempt in range(12):
        process = subprocess.Popen(
            [sys.executable, "-c", _PUBLISH_FOR_EVER, str(tmp_path), str(1000 * (attempt + 1))],
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"publishing\n"
        time.sleep(0.011 * attempt)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        whole = output.current()
        assert whole is not None
        files = sorted(each for each in whole.rglob("*") if each.is_file())
        assert len(files) == 40
        assert len({each.read_text() for each in files}) == 1, "files of two releases in one"
        assert int(whole.name.removeprefix("release-")) >= 1000 * (attempt + 1)
    _publish(output, "after", "after")
    assert list((tmp_path / ".staging").glob("*")) == [], "the next run clears what killed runs left"
    assert list(tmp_path.glob(".latest-*")) == []


def test_a_running_neighbour_keeps_its_staging(tmp_path: Path) -> None:
    output = Output(tmp_path)
    with output.staging() as mine:
        (mine.path / "here").write_text("mine")
        _publish(output, "theirs", "theirs")
        assert (mine.path / "here").read_text() == "mine"


def test_a_real_directory_called_latest_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "latest/feed").mkdir(parents=True)
    with pytest.raises(PublishingError, match="as it was") as caught:
        _publish(Output(tmp_path), "2020-04-a", "april")
    assert "move that directory away" in str(caught.value)
    assert (tmp_path / "latest/feed").is_dir()
    assert list(tmp_path.glob(".latest-*")) == []


def test_a_file_in_the_way_is_said(tmp_path: Path) -> None:
    (tmp_path / "output").write_text("a file")
    with pytest.raises(PublishingError, match="could not be written to") as caught:
        _publish(Output(tmp_path / "output"), "2020-04-a", "april")
    assert caught.value.hint is not None


@pytest.mark.slow
def test_a_full_disk_leaves_the_last_good_release(tmp_path: Path) -> None:
    """A file-size limit stands in for the disk: the system refuses the write just as it would."""
    good = _publish(Output(tmp_path), "2020-04-a", "april")
    script = (
        "import resource, signal, sys\nfrom pathlib import Path\n"
        "from tasks.publishing import Output\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "output = Output(Path(sys.argv[1]))\n"
        "with output.staging() as staging:\n"
        "    (staging.path / 'big').write_bytes(b'0' * 5000)\n"
        "    output.publish(staging, '2020-05-b', beside=None)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, check=False)
    assert ended.returncode != 0
    assert Output(tmp_path).current() == good
    assert [each.name for each in (tmp_path / "releases").iterdir()] == ["2020-04-a"]


def test_an_earlier_period_does_not_take_latest_back(tmp_path: Path) -> None:
    output = Output(tmp_path)
    for name, leads_to in (
        ("2025-10-aaaaaaaaaaaa", "2025-10-aaaaaaaaaaaa"),
        ("2025-11-bbbbbbbbbbbb", "2025-11-bbbbbbbbbbbb"),
        ("2025-10-cccccccccccc", "2025-11-bbbbbbbbbbbb"),  # October again, with late records
        ("2025-11-dddddddddddd", "2025-11-dddddddddddd"),
    ):
        with output.staging() as staging:
            (staging.path / "a.csv").write_text(name)
            published = output.publish(staging, name, beside=None)
        assert published.directory.name == name
        assert output.latest.resolve().name == leads_to
        assert published.is_latest == (name == leads_to)


def test_weeks_of_a_year_follow_one_another(tmp_path: Path) -> None:
    output = Output(tmp_path)
    for name in ("2024-W52-aaaaaaaaaaaa", "2025-W01-bbbbbbbbbbbb", "2024-W52-cccccccccccc"):
        with output.staging() as staging:
            (staging.path / "a.csv").write_text(name)
            output.publish(staging, name, beside=None)
    assert output.latest.resolve().name == "2025-W01-bbbbbbbbbbbb"


_BEGIN_AND_WAIT = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from tasks.publishing import Output, RunRecord, write_run_record

output = Output(Path(sys.argv[1]))
with output.staging() as staging:
    now = datetime.now(UTC)
    begun = RunRecord("a network", "network.toml", "2024-05", now, now, "running", step="Draw the reports")
    write_run_record(begun, output.runs, staging.path.name)
    print("running", flush=True)
    time.sleep(60)
"""


@pytest.mark.slow
def test_a_killed_run_is_known_for_killed_before_another_has_cleared_its_place(tmp_path: Path) -> None:
    output = Output(tmp_path)

    def ended() -> list[tuple[str, str | None]]:
        return [(each.ended, each.error) for each in recorded_runs(output.runs, output.abandoned())]

    process = subprocess.Popen([sys.executable, "-c", _BEGIN_AND_WAIT, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"running\n"
    assert ended() == [("running", None)]
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    killed = "killed in the step 'Draw the reports'; the last good release is as it was"
    assert ended() == [("killed", killed)]
    assert len(list(output.runs.glob("*-running-*.json"))) == 1  # asking changed nothing
    _publish(output, "2024-06", "after")
    assert ended() == [("killed", killed)]
    assert not list(output.runs.glob("*-running-*.json"))
