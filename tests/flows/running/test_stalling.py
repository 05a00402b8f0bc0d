"""A run that makes no progress is given up with a sentence, whatever it waits for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from flows.running.progress import Silent
from flows.running.stalling import MINUTES, given_up_when_stalled
from tasks.errors import ClinicnetError

pytestmark = pytest.mark.faults

_WAITING = """
import os, signal, threading, time
os.environ["CLINICNET_STALLED_AFTER_MINUTES"] = "0.05"
from flows.running.progress import Silent
from flows.running.stalling import StalledError, given_up_when_stalled

try:
    with given_up_when_stalled(Silent(), patience=0.5) as progress:
        progress.begin("Draw the reports")
        for done in range(4):
            time.sleep(0.5)  # together longer than the limit, each less
            progress.within(done, 4)
        print("moved", flush=True)
        {wait}
except StalledError as error:
    print(error.message, flush=True)
"""


def _run(wait: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _WAITING.format(wait=wait)],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.slow
def test_a_step_that_stands_still_is_interrupted() -> None:
    ended = _run("threading.Lock().acquire() and threading.Event().wait()")
    assert ended.stdout.splitlines() == [
        "moved",
        "Draw the reports made no progress for 0.05 minutes and was given up; "
        "the last good release is as it was",
    ]
    assert ended.returncode == 0


@pytest.mark.before_release
@pytest.mark.slow
def test_a_step_that_waits_on_purpose_is_let_wait() -> None:
    """As a run does between two tries of a database that is away; afterwards the limit holds again."""
    ended = _run(
        "from flows.running.stalling import stand_still; stand_still(7); time.sleep(7); "
        "print('waited', flush=True); threading.Event().wait()"
    )
    assert ended.stdout.splitlines()[:2] == ["moved", "waited"]
    assert ended.stdout.splitlines()[2].startswith("Draw the reports made no progress for 0.05 minutes")


@pytest.mark.slow
def test_a_step_that_hears_nothing_is_ended_with_its_process() -> None:
    ended = _run("signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM}); time.sleep(600)")
    assert ended.stdout.splitlines() == ["moved"]
    assert "Draw the reports made no progress" in ended.stderr
    assert ended.returncode == 2


def test_a_limit_that_is_no_number_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MINUTES, "soon")
    with (
        pytest.raises(ClinicnetError, match="should be a number of minutes"),
        given_up_when_stalled(Silent()),
    ):
        pass
