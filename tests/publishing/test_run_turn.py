"""One run of a network at a time: on this machine by the system's lock, on others by a heart that beats."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tasks.errors import PublishingError
from tasks.publishing import run_turn
from tasks.publishing.run_turn import Holder, turn

ROOT = Path(__file__).parents[2]
HOLD = """
import sys
from pathlib import Path
from tasks.publishing.run_turn import turn
with turn(Path(sys.argv[1]), wait=True, waits=lambda _: None):
    print("has it", flush=True)
    sys.stdin.read()
"""


@contextmanager
def _another(directory: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has the turn until its input ends."""
    command = [sys.executable, "-c", HOLD, str(directory)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "has it\n"
        yield process


def _end(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(60) == 0


def _elsewhere(directory: Path, beat_ago: float) -> None:
    """A run on another machine, of which no lock is seen here."""
    file = directory / ".turn"
    file.write_text(json.dumps({"machine": "elsewhere", "process": 7, "since": "2026-11-30T01:00:00+00:00"}))
    os.utime(file, (time.time() - beat_ago,) * 2)


@pytest.mark.slow
def test_a_second_run_is_refused_with_whose_turn_it_is(tmp_path: Path) -> None:
    with _another(tmp_path) as process:
        told = rf"another run of this network is at work \(process {process.pid} on .*, since 20"
        with (
            pytest.raises(PublishingError, match=told) as refused,
            turn(tmp_path, wait=False, waits=lambda _: None),
        ):
            pass
        assert 'second_run = "wait"' in str(refused.value.hint)
        _end(process)
    with turn(tmp_path, wait=False, waits=lambda _: None):
        assert (tmp_path / ".turn").exists()
    assert not (tmp_path / ".turn").exists()


@pytest.mark.slow
def test_a_second_run_waits_for_the_first_and_is_told_once(tmp_path: Path) -> None:
    waited_for: list[Holder | None] = []
    with _another(tmp_path) as process:

        def waits(holder: Holder | None) -> None:
            waited_for.append(holder)
            _end(process)

        with turn(tmp_path, wait=True, waits=waits):
            assert process.returncode == 0
        (holder,) = waited_for
        assert holder is not None
        assert holder.process == process.pid


@pytest.mark.faults
@pytest.mark.slow
def test_the_turn_of_a_run_that_was_killed_is_free_at_once(tmp_path: Path) -> None:
    with _another(tmp_path) as process:
        process.kill()
        process.wait(60)
        assert (tmp_path / ".turn").exists()
        with turn(tmp_path, wait=False, waits=lambda _: None):
            said = json.loads((tmp_path / ".turn").read_text())
            assert said["process"] == os.getpid()


def test_a_run_on_another_machine_has_the_turn_while_its_heart_beats(tmp_path: Path) -> None:
    _elsewhere(tmp_path, beat_ago=5.0)
    with (
        pytest.raises(PublishingError, match="process 7 on elsewhere, since 2026-11-30T01:00:00"),
        turn(tmp_path, wait=False, waits=lambda _: None),
    ):
        pass
    _elsewhere(tmp_path, beat_ago=run_turn.STOPPED + 5.0)
    with turn(tmp_path, wait=False, waits=lambda _: None):
        assert json.loads((tmp_path / ".turn").read_text())["process"] == os.getpid()
    assert [each.name for each in tmp_path.iterdir()] == [".turn.lock"]


def test_a_heart_beats_while_the_turn_lasts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_turn, "BEAT", 0.05)
    with turn(tmp_path, wait=False, waits=lambda _: None):
        file = tmp_path / ".turn"
        os.utime(file, (0.0, 0.0))
        begun = time.monotonic()
        while file.stat().st_mtime == 0.0:
            assert time.monotonic() - begun < 10.0
            time.sleep(0.01)


def test_what_says_nothing_of_a_holder_holds_nobody_up(tmp_path: Path) -> None:
    (tmp_path / ".turn").write_text("half of a li")
    with turn(tmp_path, wait=False, waits=lambda _: None):
        assert json.loads((tmp_path / ".turn").read_text())["process"] == os.getpid()
