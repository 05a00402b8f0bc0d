"""`clinicnet schedule` on one machine: a server of its own, a scheduled month, a question, a clean end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prefect_server import PrefectServer, until
from small_network import MONTH, ONE_OUTCOME, Run, write_network

pytestmark = [pytest.mark.live, pytest.mark.slow]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def _scheduled(
    tmp_path: Path, network: Path, home: Path, ended_by: signal.Signals
) -> Iterator[tuple[PrefectServer, dict[str, str]]]:
    """`clinicnet schedule` with a server of its own; ended by a signal, without a trace."""
    port = _free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")} | {
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_API_PORT": str(port),
    }
    log = tmp_path / "log"
    with log.open("wb") as written, (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "flows", "schedule", str(network), "--cron", "0 6 3 * *", "--log", "json"],
            env=environment,
            stdout=said,
            stderr=written,
            stdin=subprocess.DEVNULL,
        )
    server = PrefectServer(f"http://127.0.0.1:{port}/api", home, environment)
    try:
        until(lambda: server.answers, 120.0, "the server it starts")
        yield server, environment
    finally:
        process.send_signal(ended_by)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
    assert process.returncode in (0, 128 + ended_by), log.read_text()
    assert not server.answers, "its server ends with it"
    assert "Traceback" not in (tmp_path / "said").read_text()


def _report_of_november(server: PrefectServer) -> str:
    """The scheduled run that was due on 3 December 2023, begun now; its id."""
    monthly = until(lambda: _deployment(server, "monthly-report/six-clinics"), 60.0, "its report")
    assert [each["schedule"]["timezone"] for each in monthly["schedules"]] == ["America/New_York"]
    due = datetime(2023, 12, 3, 11, tzinfo=UTC).isoformat()
    state = {"type": "SCHEDULED", "state_details": {"scheduled_time": due}}
    made = server.ask(f"deployments/{monthly['id']}/create_flow_run", {"state": state})
    run: str = made["id"]
    return run


@pytest.mark.faults
def test_it_serves_the_month_and_questions_and_ends_when_told(
    tmp_path: Path, new_prefect_home: Callable[[Path], Path]
) -> None:
    network = write_network(tmp_path / "network", network=ONE_OUTCOME)
    home = new_prefect_home(tmp_path / "prefect")
    with _scheduled(tmp_path, network, home, signal.SIGINT) as (server, environment):
        run = server.finished(_report_of_november(server))
        assert run["state_type"] == "COMPLETED", server.logs(run["id"])
        assert (tmp_path / "network/output/latest").resolve().name.startswith("2023-11-")
        ad_hoc = until(lambda: _deployment(server, "ask/six-clinics"), 60.0, "its questions")
        asked = {"parameters": {"formula": "vaccinated ~ age + (1 | clinic)", "network": str(network)}}
        made = server.ask(f"deployments/{ad_hoc['id']}/create_flow_run", asked)
        assert server.finished(made["id"])["state_type"] == "COMPLETED"
        _assert_another_is_refused(tmp_path, environment, server)
    _assert_logged_as_json(tmp_path / "log")


@pytest.mark.before_release
@pytest.mark.faults
def test_it_ends_when_told_while_a_report_waits_for_its_records(
    tmp_path: Path, new_prefect_home: Callable[[Path], Path], clinicnet_here: Run
) -> None:
    asked = "\n[schedule.complete]\nselect = 'SELECT false'\n"
    network = write_network(tmp_path / "network", network=ONE_OUTCOME + asked)
    home = new_prefect_home(tmp_path / "prefect")
    with _scheduled(tmp_path, network, home, signal.SIGTERM) as (server, _):
        monthly = until(lambda: _deployment(server, "monthly-report/six-clinics"), 60.0, "its report")
        asked_now = {"parameters": {"month": "2023-11"}}
        run = server.ask(f"deployments/{monthly['id']}/create_flow_run", asked_now)["id"]

        def looks() -> list[dict[str, Any]]:
            tasks = server.ask("task_runs/filter", {"flow_runs": {"id": {"any_": [run]}}})
            named = [each for each in tasks if each["name"] == "See whether the records are complete"]
            return [each for each in named if each["state_name"] == "Completed"]

        until(looks, 90.0, "a look at the records")
    output = network.parent / "output"
    assert not (output / "latest").exists()
    ended = clinicnet_here("run", network, "--month", "2023-11")  # by somebody who looks: once, and goes on
    assert ended.returncode == 0, ended.stderr
    assert (output / "latest").resolve().name.startswith("2023-11-")


def _assert_logged_as_json(log: Path) -> None:
    """Every line is an object; the scheduled run is there from its beginning to its outcome."""
    said = [json.loads(line) for line in log.read_text().splitlines()]
    assert said[0]["event"] == "said"
    (outcome,) = (each for each in said if each["event"] == "run_ended")
    assert (outcome["period"], outcome["ended"]) == ("2023-11", "published")
    begun, ended = (
        [each["step"] for each in said if each["event"] == event] for event in ("step_begun", "step_ended")
    )
    assert begun == ended
    assert "Make the release current" in ended


def _assert_another_is_refused(tmp_path: Path, environment: dict[str, str], server: PrefectServer) -> None:
    """Another network file of that name took the deployment over: the first was never reported again."""
    other = write_network(tmp_path / "other", network=ONE_OUTCOME)
    ended = subprocess.run(
        [sys.executable, "-m", "flows", "schedule", str(other)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 2, ended.stderr
    first = tmp_path / "network/network.toml"
    assert (
        f"the deployment 'monthly-report/six-clinics' on this server is of another network file: {first}"
        in ended.stderr
    )
    kept = _deployment(server, "monthly-report/six-clinics")
    assert kept is not None and kept["parameters"]["network"] == str(first) and not kept["paused"]


def _deployment(server: PrefectServer, name: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = server.ask(f"deployments/name/{name}")
    except OSError:  # not there yet
        return None
    return found


def test_a_schedule_that_is_none_is_said(tmp_path: Path, clinicnet_here: Run) -> None:
    ended = clinicnet_here("schedule", write_network(tmp_path / "network"), "--cron", "every month")
    assert ended.returncode == 2
    assert ended.stderr.startswith("clinicnet: 'every month' is not a schedule\nHINT: ")


@pytest.mark.parametrize("command", [["schedule"], ["run", "--month", MONTH]], ids=lambda command: command[0])
def test_a_server_that_does_not_answer_is_said(command: list[str], tmp_path: Path, clinicnet: Run) -> None:
    nowhere = "http://127.0.0.1:1/api"
    network = write_network(tmp_path / "network", network=ONE_OUTCOME)
    ended = clinicnet(*command, network, PREFECT_API_URL=nowhere)
    assert ended.returncode == 2, ended.stderr
    assert f"clinicnet: Prefect's server at {nowhere} does not answer" in ended.stderr.splitlines()
    assert "Traceback" not in ended.stderr


def test_a_run_that_may_have_no_server_is_said(tmp_path: Path, clinicnet: Run) -> None:
    network = write_network(tmp_path / "network", network=ONE_OUTCOME)
    ended = clinicnet("run", network, "--month", MONTH, PREFECT_SERVER_ALLOW_EPHEMERAL_MODE="false")
    assert ended.returncode == 2, ended.stderr
    assert "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE forbids a temporary one\nHINT: name one" in ended.stderr
