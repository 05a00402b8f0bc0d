"""Those under `[notify]` are told of a release, a failure and a missed period: each once, by real servers."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from golden.demo_feeds import undrawn
from notifying.conftest import PASSWORD, MailServer, Webhook
from small_network import ONE_OUTCOME, RECORDS, Run, write_network

from flows.commands.notify import tell_missed
from flows.commands.status import status_of
from flows.monthly_job import report_period
from flows.telling import releases_untold
from tasks.errors import RecordsError, SourceError
from tasks.notifying import Notice, Outbox

pytestmark = pytest.mark.slow

MANY = RECORDS.replace("range(3000)", "range(9000)")
LATE = """
INSERT INTO visits
SELECT 'Clinic A', 'North', 'late-' || i, DATE '2023-09-20', 1, 130.0, 1, 40, 'female' FROM range(120) AS n(i)
"""


def _network(directory: Path, *urls: str, **more: str) -> Path:
    listed = ", ".join(f'"{url}"' for url in urls)
    said = "".join(f"{key} = {value}\n" for key, value in more.items())
    text = ONE_OUTCOME + f"[notify]\nurls = [{listed}]\n{said}"
    return write_network(directory / "network", MANY, text)


def test_a_release_is_told_once_with_what_changed_and_where_it_is(
    tmp_path: Path, mail_server: MailServer, webhook: Webhook
) -> None:
    file = _network(tmp_path, mail_server.url, webhook.url)
    file.write_text(file.read_text() + '[output]\nurl = "https://reports.example/six"\n')
    report_period(file, "2023-10", undrawn())
    report_period(file, "2023-10", undrawn())  # the same once more is no event
    with duckdb.connect(str(file.parent / "records.duckdb")) as connection:
        connection.execute(LATE)
    restated = report_period(file, "2023-10", undrawn())
    report_period(file, "2023-11", undrawn())
    with releases_untold():  # as of many periods one after the other
        report_period(file, "2023-09", undrawn())
    titles = [
        "Six clinics: 2023-10 is reported",
        "Six clinics: 2023-10 is restated",
        "Six clinics: 2023-11 is reported",
    ]
    assert webhook.titles == titles
    assert [each.splitlines()[0] for each in mail_server.texts()] == titles
    assert mail_server.encrypted == [True] * 3
    assert mail_server.mails[0]["to"] == "team@clinics.example"
    place = f"https://reports.example/six/releases/{restated.directory.name}/reports/network.pdf"
    assert place in mail_server.texts()[1]
    first, second, third = (each["message"].split("\n\n") for each in webhook.took)
    assert first[1] == "There is no earlier release to compare it with."
    assert second == [
        "Records of 2023-01 to 2023-10, with dates up to 2023-10-06.",
        "Compared otherwise than in the edition before: 6 clinics "
        "(Clinic A, Clinic B, Clinic C, Clinic D, Clinic E and Clinic F). "
        "Restated by late or corrected records: 1 month.",
        f"The report: {place}",
    ]
    assert third[1] == "It says nothing otherwise than the release of 2023-10."
    assert [each["type"] for each in webhook.took] == ["success"] * 3
    for kept in (file.parent / "output/notices").iterdir():
        assert PASSWORD not in kept.read_text()
        assert "127.0.0.1" not in kept.read_text()


def test_a_release_that_is_held_is_told_with_why_and_as_released_once_approved(
    tmp_path: Path, webhook: Webhook, clinicnet_here: Run
) -> None:
    file = _network(tmp_path, webhook.url)
    file.write_text(file.read_text() + '[release]\napproval = "required"\n')
    held = report_period(file, "2023-10", undrawn())
    report_period(file, "2023-10", undrawn())  # the same once more waits as before
    assert webhook.titles == ["Six clinics: 2023-10 is held"]
    why, what = webhook.took[0]["message"].split("\n\n")
    assert why.startswith(
        "It is prepared, and waits for a person: the network file asks for a person's approval"
    )
    assert f"It is in {held.directory}. To publish it: clinicnet approve {held.directory.name}" in what
    done = clinicnet_here("approve", "--network", str(file), "--by", "A. Lovelace")
    assert done.returncode == 0, done.stderr
    assert webhook.titles[1:] == ["Six clinics: 2023-10 is reported"]
    assert str(file.parent / f"output/releases/{held.directory.name}") in webhook.took[1]["message"]


def test_a_failure_is_told_with_its_way_out_and_again_only_after_the_period_was_reported(
    tmp_path: Path, webhook: Webhook
) -> None:
    file = _network(tmp_path, webhook.url)
    for _ in range(2):
        with pytest.raises(RecordsError):
            report_period(file, "2024-05", undrawn())
    (told,) = webhook.took
    assert told["title"] == "Six clinics: 2024-05 could not be reported"
    assert told["message"] == (
        "The run ended: there are no usable records in 2024-05. The last good release stays current.\n\n"
        "The way out: these months have records: 2023-01 to 2023-11."
    )
    assert told["type"] == "failure"
    with duckdb.connect(str(file.parent / "records.duckdb")) as records:
        records.execute("UPDATE visits SET visit_date = DATE '2024-05-05' WHERE month(visit_date) = 11")
    report_period(file, "2024-05", undrawn())
    with duckdb.connect(str(file.parent / "records.duckdb")) as records:
        records.execute("DELETE FROM visits WHERE year(visit_date) = 2024")
    with pytest.raises(RecordsError):
        report_period(file, "2024-05", undrawn())
    assert webhook.titles[1:] == ["Six clinics: 2024-05 is reported", told["title"]]


def test_a_database_that_is_away_is_told_by_the_command_line_too(
    tmp_path: Path, webhook: Webhook, clinicnet_here: Run
) -> None:
    file = _network(tmp_path, webhook.url)
    (file.parent / "records.duckdb").unlink()
    for _ in range(2):
        assert clinicnet_here("run", file, "--month", "2023-11").returncode == 2
    assert clinicnet_here("run", file, "--month", "November").returncode == 2  # a slip of the person's
    assert webhook.titles == ["Six clinics: 2023-11 could not be reported"]
    assert "records.duckdb" in webhook.took[0]["message"]


def test_a_missed_period_is_told_once(tmp_path: Path, webhook: Webhook, clinicnet_here: Run) -> None:
    file = _network(tmp_path, webhook.url)
    status = status_of(file, datetime(2024, 1, 10, tzinfo=UTC))
    for _ in range(2):
        tell_missed(status)
    (told,) = webhook.took
    assert told["title"] == "Six clinics: 2023-12 was due and is not reported"
    assert "It was due on 2024-01-03 06:00 (America/New_York)." in told["message"]
    assert told["type"] == "warning"
    for _ in range(2):
        assert clinicnet_here("status", file, "--notify").returncode == 3
    assert len(webhook.took) == 2


def test_what_did_not_arrive_is_sent_later_and_only_to_whom_it_did_not(
    tmp_path: Path, mail_server: MailServer, webhook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    file = _network(tmp_path, mail_server.url, webhook.url)
    webhook.refuses = True
    reported = report_period(file, "2023-10", undrawn())
    assert reported.is_latest
    assert (len(mail_server.mails), webhook.took) == (1, [])
    assert [record.getMessage() for record in caplog.records if record.name == "clinicnet"] == [
        "not told: Six clinics: 2023-10 is reported, to address 2 (json); clinicnet notify tries again"
    ]
    webhook.refuses = False
    report_period(file, "2023-11", undrawn())
    assert webhook.titles == [f"Six clinics: 2023-{month} is reported" for month in (10, 11)]
    assert len(mail_server.mails) == 2


def test_two_at_once_send_a_notice_once(tmp_path: Path) -> None:
    box = Outbox(tmp_path / "notices")
    notice = Notice("failed", "failed-2024-05-1", "title", "body")
    sent: list[str] = []
    together = threading.Barrier(4)

    def tell() -> None:
        together.wait()
        box.put(notice, ["json://a", "json://b"])
        box.deliver(["json://a", "json://b"], lambda _, url: bool(sent.append(url) or True))

    threads = [threading.Thread(target=tell) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(sent) == ["json://a", "json://b"]


_KILLED = """
import os, signal, sys
from pathlib import Path
from tasks.notifying import Notice, Outbox

def send(notice, url):
    if url == "json://b":
        os.kill(os.getpid(), signal.SIGKILL)
    Path(sys.argv[1], "sent").write_text(url)
    return True

box = Outbox(Path(sys.argv[1], "notices"))
box.put(Notice("failed", "failed-2024-05-1", "title", "body"), ["json://a", "json://b"])
box.deliver(["json://a", "json://b"], send)
"""


@pytest.mark.faults
def test_what_a_kill_left_over_is_sent_by_the_next_and_nothing_twice(tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path)], check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert (tmp_path / "sent").read_text() == "json://a"
    half = tmp_path / "notices" / "failed-2024-05-1.4711.tmp"  # a kill in the midst of writing leaves one
    half.write_text('{"made": "20', encoding="utf-8")
    sent: list[str] = []
    left = Outbox(tmp_path / "notices").deliver(
        ["json://a", "json://b"], lambda _, url: bool(sent.append(url) or True)
    )
    assert (sent, left) == (["json://b"], [])
    assert not half.exists()


def test_a_dry_run_shows_what_would_go_out_and_sends_nothing(
    tmp_path: Path, webhook: Webhook, clinicnet_here: Run
) -> None:
    file = _network(tmp_path, webhook.url, on='["failed", "missed"]')
    reported = report_period(file, "2023-11", undrawn())
    said = clinicnet_here("notify", file, "--dry-run").stdout
    assert "To: address 1 (json)\nSubject: Six clinics: 20" in said
    assert " was due and is not reported" in said
    assert "The latest release is told as:\n\nSubject: Six clinics: 2023-11 is reported" in said
    assert str(reported.directory / "reports/network.pdf") in said
    assert webhook.took == []
    assert not (file.parent / "output/notices").exists()
    assert clinicnet_here("notify", file).returncode == 0
    assert len(webhook.took) == 1
    assert "Nothing is to be sent." in clinicnet_here("notify", file, "--dry-run").stdout


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mailto://nowhere", "[notify] urls: address 1 (mailto) is none that can be sent to"),
        (
            "${TEAM_CHANNEL}",
            "[notify] urls: address 1 (from a variable) names the variable TEAM_CHANNEL, which",
        ),
        ("json://me:secret@host", "line 20: [notify] urls, value 1, holds a password; take it out"),
    ],
)
def test_an_address_that_cannot_be_used_is_said_by_check(
    url: str, said: str, tmp_path: Path, clinicnet_here: Run
) -> None:
    ended = clinicnet_here("check", _network(tmp_path, url))
    assert ended.returncode == 2
    assert said in ended.stderr


def test_nobody_to_tell_is_a_sentence(tmp_path: Path, clinicnet_here: Run) -> None:
    ended = clinicnet_here("notify", write_network(tmp_path / "network"))
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[0] == "clinicnet: network.toml names nobody who is told"


def test_a_notice_is_in_the_network_s_language(tmp_path: Path, webhook: Webhook) -> None:
    file = _network(tmp_path, webhook.url)
    file.write_text(file.read_text().replace("[network]", '[network]\nlanguage = "es"'))
    (file.parent / "records.duckdb").unlink()
    with pytest.raises(SourceError):
        report_period(file, "2023-11", undrawn())
    assert webhook.titles == ["Six clinics: no se pudo publicar 2023-11"]
