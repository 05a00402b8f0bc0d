"""`clinicnet run` reads the network file once and screens once, before Prefect is started."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from small_network import MONTH, ONE_OUTCOME, RECORDS, Run, write_network

import tasks.network.reading
import tasks.screening.checking
import tasks.screening.screening
from flows.commands import command_line, run
from flows.job_step import DoneBefore, Journal
from flows.monthly_job import report_network
from flows.monthly_steps import DRAW, READ, SCREEN


def here(file: Path, month: str, progress: object, before: dict[str, DoneBefore], **_: object) -> object:
    """The job as the flow does it, without a server."""
    journal = Journal(done_before=before)
    before[DRAW.shown] = DoneBefore((), 0.0)
    return report_network(journal.do(READ, file), file, month, journal)


@pytest.mark.slow
def test_what_is_to_be_looked_at_is_said_by_a_run_that_nobody_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "in_prefect", here)
    restarting = RECORDS.replace("'patient-' || (i % 900)", "i // 6 % 90")
    command_line._report(write_network(tmp_path, restarting, ONE_OUTCOME), MONTH)
    said = capsys.readouterr()
    assert "every patient number occurs in all 6 clinics" in said.err
    assert said.err.startswith("Look at this: line ")
    assert "Look at this" not in said.out


@pytest.mark.slow
def test_the_file_is_read_once_and_the_records_are_screened_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: Counter[str] = Counter()
    for module, name in ((tasks.network.reading, "examine"), (tasks.screening.screening, "_screen")):
        function = getattr(module, name)
        monkeypatch.setattr(
            module, name, lambda *each, _name=name, _of=function: (counted.update([_name]), _of(*each))[1]
        )
    monkeypatch.setattr(tasks.screening.checking, "examine", tasks.network.reading.examine)

    monkeypatch.setattr(run, "in_prefect", here)
    reported = run.run_here(write_network(tmp_path, network=ONE_OUTCOME), MONTH, debug=False)
    assert counted == {"examine": 1, "_screen": 1}
    assert [step for step in (READ.shown, SCREEN.shown) if step in reported.record.read_text()] == [
        READ.shown,
        SCREEN.shown,
    ]


@pytest.mark.parametrize(
    "command", [["run", "--month", MONTH], ["check"], ["schedule"]], ids=lambda command: command[0]
)
@pytest.mark.parametrize("variable", ["HOME", "PREFECT_HOME"])
def test_a_home_that_cannot_be_written_is_said_at_once(
    command: tuple[str, ...],
    variable: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    clinicnet_here: Run,
) -> None:
    """Prefect waited for its server for a minute and a half, and said that it could not start it."""
    monkeypatch.delenv("PREFECT_HOME", raising=False)
    monkeypatch.setenv(variable, "/dev/null/nowhere")
    ended = clinicnet_here(*command, write_network(tmp_path / "network"))
    assert ended.returncode == 2
    where = "/dev/null/nowhere/.prefect" if variable == "HOME" else "/dev/null/nowhere"
    assert ended.stderr.splitlines() == [  # and nothing was done before
        f"clinicnet: Prefect keeps its files in {where}, which cannot be written: not a directory",
        "HINT: name a directory that this user can write in the environment: PREFECT_HOME=/var/tmp/prefect",
    ]


def test_a_release_that_cannot_be_read_is_said_before_anything_runs(
    tmp_path: Path, clinicnet_here: Run
) -> None:
    """It was found after everything was estimated."""
    network = write_network(tmp_path / "network")
    damaged = tmp_path / "network/output/releases/2023-10-3fa9c1d2e801"
    (damaged / "feed").mkdir(parents=True)
    (damaged / "feed/datapackage.json").write_text('{"release": {')
    for command in (["run", "--month", MONTH], ["check"]):
        ended = clinicnet_here(*command, network)
        assert ended.returncode == 2
        assert ended.stderr.splitlines() == [
            f"clinicnet: the release in {damaged} cannot be read, so a new one cannot be compared with it",
            "HINT: restore its feed from a copy, or move that directory away if it was never published",
        ]


def test_check_names_everything_that_a_run_would_stumble_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clinicnet_here: Run
) -> None:
    monkeypatch.setenv("PREFECT_HOME", "/dev/null/nowhere")
    network = write_network(tmp_path / "network")
    (tmp_path / "network/output").write_text("a file")
    first, *reasons = clinicnet_here("check", network).stderr.splitlines()
    assert first == "clinicnet: a run would fail:"
    assert [reason.partition(";")[0].strip() for reason in reasons] == [
        f"the release could not be written to {tmp_path}/network/output: not a directory",
        "Prefect keeps its files in /dev/null/nowhere, which cannot be written: not a directory",
    ]
