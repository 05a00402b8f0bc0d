"""The deployments on a real server with a real worker: scheduled, run, asked; nothing pretended."""

from __future__ import annotations

import json
import re
import urllib.error
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from golden.demo_feeds import undrawn
from prefect_server import PrefectServer, until
from small_network import MONTH, NETWORK, ONE_OUTCOME, RECORDS, Run, write_network

from flows.monthly_job import report_period
from flows.on_prefect.in_prefect import retry_delays
from tasks.publishing import Output, held_releases, recorded_runs

MONTHLY, AD_HOC, DECIDE = (f"{flow}/chop-covid-19-testing" for flow in ("monthly-report", "ask", "decide"))
pytestmark = [pytest.mark.live, pytest.mark.slow]


def _deployment(server: PrefectServer, name: str) -> dict[str, Any]:
    found: dict[str, Any] = server.ask(f"deployments/name/{name}")
    return found


def _run(server: PrefectServer, name: str, due: datetime | None = None, **parameters: str) -> dict[str, Any]:
    """Let one run of a deployment happen, due at a time of our choosing, and wait for its end."""
    body: dict[str, Any] = {"parameters": parameters}
    if due is not None:
        body["state"] = {"type": "SCHEDULED", "state_details": {"scheduled_time": due.isoformat()}}
    made = server.ask(f"deployments/{_deployment(server, name)['id']}/create_flow_run", body)
    return server.finished(made["id"])


def test_a_scheduled_run_appears_for_the_3rd_of_the_month(deployed: PrefectServer) -> None:
    """The scheduler of a server on the wrong SQLAlchemy looks healthy and never schedules anything."""
    monthly = _deployment(deployed, MONTHLY)
    runs = until(
        lambda: deployed.ask(
            "flow_runs/filter",
            {
                "flow_runs": {
                    "deployment_id": {"any_": [monthly["id"]]},
                    "state": {"type": {"any_": ["SCHEDULED"]}},
                }
            },
        ),
        90.0,
        "a Scheduled run",
    )
    for run in runs:
        due = datetime.fromisoformat(run["expected_start_time"]).astimezone(ZoneInfo("America/New_York"))
        assert (due.day, due.hour, due.minute) == (3, 6, 0)


@pytest.mark.before_release
def test_a_run_reports_the_month_before_it_was_due(worker: PrefectServer, tmp_path: Path) -> None:
    served = NETWORK + '[output]\nurl = "https://reports.example/six"\n'
    small = write_network(tmp_path, network=served)
    due = datetime(2023, 12, 3, 11, tzinfo=UTC)
    run = _run(worker, MONTHLY, due=due, network=str(small))
    assert run["state_type"] == "COMPLETED", worker.logs(run["id"])
    package = json.loads((tmp_path / "output/latest/feed/datapackage.json").read_text())
    assert package["release"]["period"] == MONTH
    of_this_run = {"flow_runs": {"id": {"any_": [run["id"]]}}, "sort": "EXPECTED_START_TIME_ASC"}
    tasks = worker.ask("task_runs/filter", of_this_run)
    _are_names_that_people_recognise([task["name"] for task in tasks])
    artifacts = worker.ask("artifacts/filter", {"flow_runs": {"id": {"any_": [run["id"]]}}})
    assert {each["key"] for each in artifacts} == {"quality", "network-figures", "program-effects", "release"}
    page = next(each["data"] for each in artifacts if each["key"] == "release")
    assert run["name"] == f"Six clinics {MONTH}"
    release = (tmp_path / "output/latest").resolve()
    assert f"(https://reports.example/six/releases/{release.name}/reports/network.pdf)" in page
    assert (release / "reports/network.pdf").read_bytes().startswith(b"%PDF")


def _are_names_that_people_recognise(names: list[str]) -> None:
    assert names[:4] == [
        "Read the network file",
        "Look at the output directory",
        "Screen the records",
        "Add up clinics and periods",
    ]
    assert "Estimate: Systolic blood pressure" in names
    assert names[-9:] == [
        "Read what was published",
        "Decide what to withhold",
        "Model shown clinics alone",
        "Rank the clinics that are shown",
        "Withhold small numbers",
        "Compare with the last release",
        "Draw the reports",
        "Write the feed",
        "Make the release current",
    ]


def test_an_ad_hoc_run_answers_a_question(worker: PrefectServer) -> None:
    formula = "positive ~ age + drive_thru + (1 | clinic)"
    run = _run(worker, AD_HOC, formula=formula)
    assert run["state_type"] == "COMPLETED", worker.logs(run["id"])
    (answer,) = worker.ask("artifacts/filter", {"flow_runs": {"id": {"any_": [run["id"]]}}})
    assert answer["key"] == "answer"
    assert "drive_thru" in answer["data"]
    assert "Estimand: conditional" in answer["data"]


@pytest.mark.before_release
def test_a_held_release_is_approved_or_refused_by_a_form(worker: PrefectServer, tmp_path: Path) -> None:
    small = write_network(tmp_path, network=NETWORK + '[release]\napproval = "required"\n')
    output = Output(tmp_path / "output")
    who = {"network": str(small), "by": "A. Lovelace", "because": "two clinics moved"}
    report_period(small, "2023-10", undrawn())
    refused = _run(worker, DECIDE, decision="refuse", **who)
    assert refused["state_type"] == "COMPLETED", worker.logs(refused["id"])
    assert refused["name"] == "refuse as A. Lovelace says"
    assert not held_releases(output)
    assert not (tmp_path / "output/latest").exists()
    report_period(small, MONTH, undrawn())
    approved = _run(worker, DECIDE, decision="approve", release=MONTH, **who)
    assert approved["state_type"] == "COMPLETED", worker.logs(approved["id"])
    assert (tmp_path / "output/latest").resolve().name.startswith(MONTH)
    decided = [run for run in recorded_runs(output.runs, output.abandoned()) if run.by is not None]
    assert {(run.ended, run.by, run.because) for run in decided} == {
        ("refused", "A. Lovelace", "two clinics moved"),
        ("approved", "A. Lovelace", "two clinics moved"),
    }
    (artifact,) = worker.ask("artifacts/filter", {"flow_runs": {"id": {"any_": [approved["id"]]}}})
    assert artifact["key"] == "decision"
    assert str(tmp_path / "output/releases" / MONTH) in artifact["data"]
    nothing = _run(worker, DECIDE, decision="approve", **who)
    assert nothing["state_type"] == "FAILED"
    assert "no release is held" in nothing["state"]["message"]


@pytest.mark.parametrize(
    ("deployment", "parameters", "said"),
    [
        (MONTHLY, {"month": "2020-13"}, "'month'"),
        (MONTHLY, {"month": "May"}, "'month'"),
        (MONTHLY, {"moth": "2020-05"}, "moth"),
        (AD_HOC, {"formula": ""}, "'formula'"),
        (AD_HOC, {"formula": "  "}, "'formula'"),
        (AD_HOC, {}, "'formula' is a required property"),
        (AD_HOC, {"formula": "positive ~ age", "modl": "gee"}, "modl"),
        (AD_HOC, {"formula": "positive ~ age", "model": "geee"}, "'model'"),
        (DECIDE, {"decision": "approve", "by": " ", "because": "seen"}, "'by'"),
        (DECIDE, {"decision": "refuse", "by": "A. Lovelace"}, "'because' is a required property"),
        (DECIDE, {"decision": "publish", "by": "A. Lovelace", "because": "seen"}, "'decision'"),
    ],
    ids=str,
)
def test_the_form_refuses_what_the_flow_would(
    deployment: str, parameters: dict[str, str], said: str, deployed: PrefectServer
) -> None:
    """An unknown parameter and an empty formula were accepted, and the run crashed."""
    known = _deployment(deployed, deployment)
    with pytest.raises(urllib.error.HTTPError) as refused:
        deployed.ask(f"deployments/{known['id']}/create_flow_run", {"parameters": parameters})
    assert refused.value.code == 409
    assert said in refused.value.read().decode()


def test_deploying_again_keeps_one_schedule_and_another_s_is_refused(
    deployed: PrefectServer,
    network: Path,
    tmp_path: Path,
    clinicnet_here: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", deployed.api)
    monkeypatch.setenv("PREFECT_HOME", str(deployed.home))
    again = clinicnet_here("deploy", network, "--pool", "clinics", "--cron", "30 7 5 * *")
    assert "is reported at '30 7 5 * *' (America/New_York)" in again.stderr
    (schedule,) = _deployment(deployed, MONTHLY)["schedules"]
    assert (schedule["schedule"]["cron"], schedule["active"]) == ("30 7 5 * *", True)
    assert clinicnet_here("deploy", network, "--pool", "clinics").returncode == 0
    (schedule,) = _deployment(deployed, MONTHLY)["schedules"]
    assert schedule["schedule"]["cron"] == "0 6 3 * *"
    other = tmp_path / "network.toml"
    other.write_text(network.read_text())
    refused = clinicnet_here("deploy", other, "--pool", "clinics")
    assert refused.returncode == 2
    assert f"is of another network file: {network}" in refused.stderr
    nowhere = clinicnet_here("deploy", network, "--pool", "clinic")
    assert nowhere.returncode == 2
    assert nowhere.stderr.splitlines()[0] == "clinicnet: there is no work pool 'clinic' on this server"


@pytest.mark.before_release
def test_what_is_wrong_is_a_sentence_in_the_log_and_is_not_tried_again(worker: PrefectServer) -> None:
    run = _run(worker, MONTHLY, month="2031-01")
    assert run["state_type"] == "FAILED"
    assert "2031-01" in run["state"]["message"]
    assert run["run_count"] == 1


@pytest.mark.before_release
def test_a_run_waits_for_a_database_that_is_away(worker: PrefectServer, tmp_path: Path) -> None:
    restarting = RECORDS.replace("'patient-' || (i % 900)", "i // 6 % 90")  # which check would doubt
    network = write_network(tmp_path, restarting, ONE_OUTCOME.replace("Six clinics", "Six at night"))
    worker.clinicnet("deploy", str(network), "--pool", "clinics")
    night = _deployment(worker, "monthly-report/six-at-night")

    def waiting() -> list[dict[str, Any]]:
        tasks = worker.ask("task_runs/filter", {"flow_runs": {"id": {"any_": [made["id"]]}}})
        return [task for task in tasks if task["state_name"] in {"AwaitingRetry", "Retrying"}]

    with duckdb.connect(str(tmp_path / "records.duckdb")):  # and nobody else may read it
        made = worker.ask(f"deployments/{night['id']}/create_flow_run", {"parameters": {"month": MONTH}})
        (step,) = until(waiting, 90.0, "a step that waits")
    assert sum(step["empirical_policy"]["retry_delay"]) == 6 * 3600
    run = worker.finished(made["id"])
    assert run["state_type"] == "COMPLETED"
    assert (tmp_path / "output" / "latest").exists()
    said = f"Things to look at in the network file or the records: 1. To see them: clinicnet check {network}"
    until(lambda: said in worker.logs(made["id"]), 30.0, "the log of the run")
    assert "patient number" not in worker.logs(made["id"])  # what check says is not for a server's log


@pytest.mark.before_release
def test_a_run_waits_until_its_records_are_complete(worker: PrefectServer, tmp_path: Path) -> None:
    asked = "\n[schedule.complete]\nselect = 'SELECT count(*) > 0 FROM loads WHERE month = :period'\n"
    described = ONE_OUTCOME.replace("Six clinics", "Six late") + asked
    network = write_network(tmp_path, f"{RECORDS}; CREATE TABLE loads (month TEXT)", described)
    worker.clinicnet("deploy", str(network), "--pool", "clinics")
    late = _deployment(worker, "monthly-report/six-late")
    made = worker.ask(f"deployments/{late['id']}/create_flow_run", {"parameters": {"month": MONTH}})

    def looks() -> list[dict[str, Any]]:
        tasks = worker.ask("task_runs/filter", {"flow_runs": {"id": {"any_": [made["id"]]}}})
        named = [each for each in tasks if each["name"] == "See whether the records are complete"]
        return [each for each in named if each["state_name"] == "Completed"]

    until(looks, 90.0, "a look at the records")
    with duckdb.connect(str(tmp_path / "records.duckdb")) as connection:  # nobody holds it meanwhile
        connection.execute("INSERT INTO loads VALUES (?)", [MONTH])
    run = worker.finished(made["id"])
    assert run["state_type"] == "COMPLETED"
    assert len(looks()) > 1
    package = json.loads((tmp_path / "output/latest/feed/datapackage.json").read_text())
    assert "incomplete" not in package["release"]


def test_it_asks_soon_at_first_and_then_every_quarter_of_an_hour() -> None:
    hours = retry_delays(6 * 3600.0)
    assert hours[:7] == [2.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0]
    assert set(hours[7:-1]) == {900.0}
    assert sum(hours) == 6 * 3600.0
    assert retry_delays(0.0) == []
    assert retry_delays(9.0) == [2.0, 7.0]
    assert len(retry_delays(168 * 3600.0)) <= 50  # more Prefect does not allow


def test_the_server_holds_nothing_of_a_patient(worker: PrefectServer, network: Path) -> None:
    """Every name that the records have, searched for in all that the server and the worker wrote."""
    import coolname
    import prefect

    with duckdb.connect(str(network.parent / "chop.duckdb"), read_only=True) as records:
        listed = records.execute(
            "SELECT fake_first_name FROM tests UNION SELECT fake_last_name FROM tests"
        ).fetchall()
    names = {row[0] for row in listed if row[0] is not None}
    # a word of Prefect's own texts, which stand in its database, says nothing of a patient
    own_texts = (Path(prefect.__file__).parent / "server/collection_blocks_data.json").read_text().lower()
    # nor does a word out of which Prefect makes up names for runs ("tan-squirrel")
    own_words = {
        word
        for words in (Path(coolname.__file__).parent / "data").glob("*.txt")
        for word in words.read_text().lower().split()
    }
    names = {name for name in names if len(name) > 5 and name not in own_texts and name not in own_words}
    assert len(names) > 10
    whole_words = rb"(?<![a-z])(" + b"|".join(re.escape(name.encode()) for name in names) + rb")(?![a-z])"
    for file in worker.home.rglob("*"):
        try:
            written = file.read_bytes() if file.is_file() else b""
        except FileNotFoundError:  # the running server's own temporary files come and go
            continue
        assert re.findall(whole_words, written.lower()) == [], file
