"""Ctrl-C and SIGTERM end a run within seconds, say so, leave a record, and leave no process behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from prefect_server import until
from small_network import MONTH, ONE_OUTCOME, RECORDS, write_network

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.faults]

WITHIN = 15.0
"""Seconds; on a quiet machine it takes about one."""


def _left(home: Path) -> list[str]:
    """Processes that were started with this home of Prefect's."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(home).encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


@pytest.mark.before_release
def test_a_run_that_is_stopped_says_so_in_a_json_log(tmp_path: Path, prefect_home: Path) -> None:
    network = write_network(tmp_path / "network", network=ONE_OUTCOME)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    with subprocess.Popen(
        [sys.executable, "-m", "flows", "run", str(network), "--month", MONTH, "--log", "json"],
        env=environment | {"PREFECT_HOME": str(prefect_home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        assert run.stderr is not None
        said: list[dict[str, object]] = []
        for line in run.stderr:
            said.append(json.loads(line))
            if (said[-1]["event"], said[-1].get("step")) == ("step_begun", "Draw the reports"):
                run.send_signal(signal.SIGTERM)
    assert run.returncode == 143
    (outcome,) = (each for each in said if each["event"] == "run_ended")
    assert (outcome["ended"], outcome["error"]) == ("stopped", "stopped by the system (SIGTERM)")
    assert (outcome["period"], outcome["step"]) == (MONTH, "Draw the reports")
    assert said[-1]["message"] == "Stopped by the system (SIGTERM); the last good release is as it was."


@pytest.mark.parametrize(
    ("told", "whole_group", "said"),
    [
        (signal.SIGINT, True, "Stopped by Ctrl-C; the last good release is as it was."),
        (signal.SIGTERM, False, "Stopped by the system (SIGTERM); the last good release is as it was."),
    ],
)
@pytest.mark.parametrize(
    "after",
    [
        "Add up clinics and periods",
        pytest.param("Compare with the last release", marks=pytest.mark.before_release),
    ],
)
def test_a_run_that_is_stopped_ends(
    told: signal.Signals, whole_group: bool, said: str, after: str, tmp_path: Path, prefect_home: Path
) -> None:
    # of more than eight documents processes draw, which have to end as well
    network = write_network(tmp_path / "network", RECORDS.replace("i % 6", "i % 10"), ONE_OUTCOME)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    log = tmp_path / "log"
    with log.open("wb") as written:
        run = subprocess.Popen(
            [sys.executable, "-m", "flows", "run", str(network), "--month", MONTH],
            env=environment | {"PREFECT_HOME": str(prefect_home)},
            stdout=written,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + 120.0
    while after not in log.read_text() and run.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    assert run.poll() is None, log.read_text()
    began = time.monotonic()
    if whole_group:
        os.killpg(run.pid, told)
    else:
        run.send_signal(told)
    assert run.wait(timeout=60.0) == 128 + told, log.read_text()
    assert time.monotonic() - began < WITHIN
    assert said in log.read_text()
    # what keeps its processes' semaphores ends once they have ended
    until(lambda: not _left(prefect_home), WITHIN, "all that it started to end")
    output = tmp_path / "network" / "output"
    (record,) = (json.loads(each.read_text()) for each in (output / "runs").glob("*.json"))
    assert record["ended"] == "stopped"
    done = [step["name"] for step in record["steps"]]
    assert after in done  # and perhaps the step behind it, done before the signal came
    shown = log.read_text()
    assert sorted(done, key=shown.index) == done
    assert not (output / "latest").exists()
    assert not [each for each in (output / ".staging").iterdir() if each.is_dir()]
