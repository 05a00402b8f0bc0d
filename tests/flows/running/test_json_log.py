"""The log as JSON: an object a line, every step's beginning and end, and how each run ended."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from golden.demo_feeds import undrawn
from small_network import MONTH, ONE_OUTCOME, Run, write_network

from flows.monthly_job import report_period

pytestmark = pytest.mark.slow


@pytest.fixture
def network(tmp_path: Path, without_server: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CLINICNET_LOG", "text")  # --log sets it, and the test's end takes it back
    return write_network(tmp_path / "network", network=ONE_OUTCOME)


def _events(said: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in said.splitlines()]


def test_a_run_is_told_from_its_beginning_to_its_outcome(network: Path, clinicnet_here: Run) -> None:
    ended = clinicnet_here("run", network, "--month", MONTH, "--log", "json")
    assert ended.returncode == 0, ended.stderr
    said = _events(ended.stderr)
    (record,) = (json.loads(each.read_text()) for each in (network.parent / "output/runs").glob("*.json"))
    assert {each["period"] for each in said if each["event"] != "to_look_at"} == {MONTH}
    assert [each["step"] for each in said if each["event"] == "step_begun"] == [
        step["name"] for step in record["steps"]
    ]
    told = [(each["step"], each["did"], each["seconds"]) for each in said if each["event"] == "step_ended"]
    assert told == [(step["name"], step["did"], step["seconds"]) for step in record["steps"]]
    assert said[0]["event"] == "run_begun"
    (outcome,) = (each for each in said if each["event"] == "run_ended")
    assert (outcome["level"], outcome["ended"]) == ("info", "published")
    assert outcome["release"] == (network.parent / "output/latest").resolve().name
    assert "Reports" in ended.stdout  # what a person asked for is as it was


def test_a_run_that_fails_says_why_and_in_which_step(
    network: Path, monkeypatch: pytest.MonkeyPatch, clinicnet_here: Run
) -> None:
    monkeypatch.setenv("CLINICNET_LOG", "json")
    (network.parent / "output").write_text("no directory")
    ended = clinicnet_here("run", network, "--month", MONTH)
    assert ended.returncode == 2
    *_, outcome, error = _events(ended.stderr)
    assert (outcome["level"], outcome["ended"]) == ("error", "failed")
    assert outcome["error"] == error["message"]
    assert "output" in str(error["message"])
    assert error["exit_code"] == 2


def test_a_bug_is_told_by_its_place_and_never_by_its_words(
    network: Path, monkeypatch: pytest.MonkeyPatch, clinicnet_here: Run
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("Xanthippe, born 1931")

    from tasks.publishing import Output

    monkeypatch.setattr(Output, "standing", broken)
    ended = clinicnet_here("run", network, "--month", MONTH, "--log", "json")
    assert ended.returncode == 1
    assert "Xanthippe" not in ended.stderr
    *_, outcome, error = _events(ended.stderr)
    assert outcome["ended"] == "stopped"
    assert "a bug in clinicnet" in str(error["message"])


@pytest.mark.before_release
def test_many_periods_are_runs_one_after_the_other(network: Path, clinicnet_here: Run) -> None:
    report_period(network, "2023-10", undrawn())
    ended = clinicnet_here("backfill", network, "2023-10", "2024-01", "--log", "json")
    assert ended.returncode == 2
    said = _events(ended.stderr)
    assert [(each["event"], each.get("period")) for each in said if "step" not in str(each["event"])] == [
        ("period_passed_over", "2023-10"),
        ("run_begun", "2023-11"),
        ("run_ended", "2023-11"),
        ("run_begun", "2023-12"),
        ("run_ended", "2023-12"),
        ("error", None),
    ]
    assert [each["ended"] for each in said if each["event"] == "run_ended"] == ["published", "failed"]
    steps = [each for each in said if each["event"] == "step_begun"]
    assert {each["period"] for each in steps} == {"2023-11", "2023-12"}


def test_a_log_of_another_kind_is_refused(network: Path, clinicnet_here: Run) -> None:
    assert clinicnet_here("run", network, "--month", MONTH, "--log", "xml").returncode == 2
