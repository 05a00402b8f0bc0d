"""Each clinic gets its own report with a letter: once for a release, by a real mail server or in a folder."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import duckdb
import pytest
from drawn_here import drawn_here
from golden.demo_feeds import undrawn
from notifying.conftest import PASSWORD, MailServer
from pdf_text import text_of
from small_network import ONE_OUTCOME, RECORDS, Run, write_network

from flows.monthly_job import report_period
from flows.telling import releases_untold

pytestmark = pytest.mark.slow

FIRST, SECOND = "2023-10", "2023-11"
FEW = "; DELETE FROM visits WHERE clinic = 'Clinic F' AND hash(patient) % 200 > 0"


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of which two months are published, and nothing is delivered."""
    records = RECORDS.replace("range(3000)", "range(9000)") + FEW
    file = write_network(tmp_path_factory.mktemp("delivered") / "network", records, ONE_OUTCOME)
    for month in (FIRST, SECOND):
        report_period(file, month, drawn_here())
    return file


def _network(reported: Path, directory: Path, delivery: str) -> Path:
    shutil.copytree(reported.parent, directory / "network", symlinks=True)
    file = directory / "network/network.toml"
    file.write_text(f"{file.read_text()}\n[delivery]\n{delivery}", encoding="utf-8")
    return file


def _addressed(server: MailServer, *clinics: str) -> str:
    lines = (
        f'"Clinic {each}" = "{server.url.replace("to=team", f"to={each.lower()}")}"\n' for each in clinics
    )
    return "[delivery.clinics]\n" + "".join(lines)


def _pdf(mail: EmailMessage) -> tuple[str | None, bytes]:
    (attached,) = mail.iter_attachments()
    return attached.get_filename(), attached.get_payload(decode=True)  # type: ignore[return-value]


def _words(text: str) -> str:
    return " ".join(text.replace("’", "'").split())


def test_each_clinic_gets_its_own_report_by_mail_and_nobody_anything_twice(
    reported: Path, tmp_path: Path, mail_server: MailServer, clinicnet_here: Run
) -> None:
    file = _network(reported, tmp_path, _addressed(mail_server, "A", "B", "F"))
    latest = file.parent / "output/latest"
    for _ in range(2):
        ended = clinicnet_here("deliver", file)
        assert ended.returncode == 0, ended.stderr
    assert [mail["to"] for mail in mail_server.mails] == [f"{each}@clinics.example" for each in "abf"]
    assert mail_server.encrypted == [True] * 3
    for mail, slug in zip(mail_server.mails, ("clinic-a", "clinic-b", "clinic-f"), strict=True):
        name, pdf = _pdf(mail)
        assert name == f"{slug}-{latest.resolve().name}.pdf"
        assert pdf == (latest / f"reports/clinics/{slug}.pdf").read_bytes()
    lines = ended.stdout.splitlines()
    assert lines[0] == f"Release {latest.resolve().name}"
    assert lines[1].startswith("Clinic A  mail to a@clinics.example  delivered 20")
    assert lines[3] == "Clinic C  no address"
    assert PASSWORD not in ended.stdout
    for kept in (file.parent / "output/deliveries").rglob("*.json"):
        assert PASSWORD not in kept.read_text()
        assert "clinics.example" not in kept.read_text()


def test_a_letter_says_nothing_that_the_clinic_s_own_report_does_not(
    reported: Path, tmp_path: Path, clinicnet_here: Run
) -> None:
    file = _network(reported, tmp_path, 'folder = "letters"\n')
    assert clinicnet_here("deliver", file).returncode == 0
    release = (file.parent / "output/latest").resolve()
    for letter in sorted((file.parent / "letters").glob("clinic-*/*.txt")):
        slug = letter.parent.name
        assert letter.stem == f"{slug}-{release.name}"
        report = letter.with_suffix(".pdf")
        assert report.read_bytes() == (release / f"reports/clinics/{slug}.pdf").read_bytes()
        title, enclosed, *said = letter.read_text().strip().split("\n\n")
        name = f"Clinic {slug[-1].upper()}"
        assert title == f"Six clinics: {name}, November 2023"
        assert name in enclosed
        others = {f"Clinic {each}" for each in "ABCDEF"} - {name}
        assert not any(other in letter.read_text() for other in others)
        text = _words(text_of(report))
        for paragraph in said:
            if paragraph.startswith("Vaccinated: best estimate "):
                figures, _, standing = paragraph.removeprefix("Vaccinated: best estimate ").partition("), ")
                value, _, ends = figures.partition(" (")
                assert value in text
                assert all(end.rstrip("%") in text for end in ends.split(" to "))
                assert standing.rstrip(".") in text
            else:
                assert _words(paragraph.removeprefix("Vaccinated: ")) in text
    assert len(list((file.parent / "letters").iterdir())) == 6
    assert not list((file.parent / "letters").rglob("*.part"))


def test_a_dry_run_lists_who_gets_what_and_brings_nothing(
    reported: Path, tmp_path: Path, mail_server: MailServer, clinicnet_here: Run
) -> None:
    file = _network(reported, tmp_path, 'folder = "letters"\n' + _addressed(mail_server, "A"))
    ended = clinicnet_here("deliver", file, "--dry-run", "--release", FIRST)
    assert ended.returncode == 0, ended.stderr
    assert f"Release {FIRST}-" in ended.stdout
    assert "Clinic A  mail to a@clinics.example  to be delivered" in ended.stdout
    assert f"Clinic B  the folder {file.parent / 'letters/clinic-b'}  to be delivered" in ended.stdout
    assert "To: Clinic A, mail to a@clinics.example\nSubject: Six clinics: Clinic A, Oct" in ended.stdout
    assert PASSWORD not in ended.stdout + ended.stderr
    assert ended.stdout.count("is not in this release") == 0
    file.write_text(file.read_text() + '"Clinic Z" = "z"\n')
    assert "\nClinic Z  is not in this release\n" in clinicnet_here("deliver", file, "--dry-run").stdout
    assert mail_server.mails == []
    assert not (file.parent / "letters").exists()
    assert not (file.parent / "output/deliveries").exists()


@pytest.mark.faults
def test_after_kill_9_the_rest_is_delivered_and_nothing_twice(
    reported: Path, tmp_path: Path, mail_server: MailServer, clinicnet_here: Run, monkeypatch: Any
) -> None:
    file = _network(reported, tmp_path, _addressed(mail_server, *"ABCDEF"))
    take, running = mail_server.handle_DATA, []

    async def handle(server: Any, session: Any, envelope: Any) -> str:
        if len(mail_server.mails) == 2 and running:
            os.kill(running.pop().pid, signal.SIGKILL)
            return "451 not taken"
        return await take(server, session, envelope)

    monkeypatch.setattr(mail_server, "handle_DATA", handle)
    process = subprocess.Popen(
        [sys.executable, "-m", "flows", "deliver", str(file)], stdout=subprocess.DEVNULL
    )
    running.append(process)
    assert process.wait(timeout=120) == -signal.SIGKILL
    assert len(mail_server.mails) == 2
    ended = clinicnet_here("deliver", file)
    assert ended.returncode == 0, ended.stderr
    assert sorted(str(mail["to"]) for mail in mail_server.mails) == [
        f"{each}@clinics.example" for each in "abcdef"
    ]


def test_what_an_address_does_not_take_is_said_and_tried_again_at_the_one_that_is_put_right(
    reported: Path, tmp_path: Path, mail_server: MailServer, clinicnet_here: Run
) -> None:
    (tmp_path / "in the way").write_text("a file")
    addresses = _addressed(mail_server, "A") + f'"Clinic B" = "{tmp_path}/in the way/b"\n'
    file = _network(reported, tmp_path, addresses)
    ended = clinicnet_here("deliver", file)
    assert ended.returncode == 2
    assert "clinicnet: no report reached Clinic B; the other clinics have theirs" in ended.stderr
    assert len(mail_server.mails) == 1
    file.write_text(file.read_text().replace(f"{tmp_path}/in the way/b", f"file://{tmp_path}/there/b"))
    ended = clinicnet_here("deliver", file)
    assert ended.returncode == 0, ended.stderr
    assert len(list((tmp_path / "there/b").iterdir())) == 2
    assert len(mail_server.mails) == 1


@pytest.mark.before_release
def test_a_month_that_is_published_is_delivered_and_one_that_is_held_is_once_it_is_approved(
    tmp_path: Path, clinicnet_here: Run
) -> None:
    records = RECORDS.replace("range(3000)", "range(9000)")
    file = write_network(tmp_path / "network", records, f'{ONE_OUTCOME}\n[delivery]\nfolder = "letters"\n')
    letters = file.parent / "letters/clinic-a"
    with releases_untold():
        report_period(file, "2023-09", undrawn())
    assert not letters.exists()
    first = report_period(file, FIRST, drawn_here())
    report_period(file, FIRST, drawn_here())
    assert {each.stem for each in letters.iterdir()} == {f"clinic-a-{first.directory.name}"}
    report_period(
        file, "2023-08", drawn_here()
    )  # of an earlier month: latest stays, and nobody is written to
    assert len(list(letters.iterdir())) == 2
    file.write_text(file.read_text() + '[release]\napproval = "required"\n')
    held = report_period(file, SECOND, drawn_here())
    assert held.held
    assert len(list(letters.iterdir())) == 2
    ended = clinicnet_here("approve", "--network", file, "--by", "A. Lovelace")
    assert "Reports   6 of 6 delivered" in ended.stdout
    assert len(list(letters.iterdir())) == 4
    ended = clinicnet_here("withdraw", SECOND, "-n", file, "--by", "A. Lovelace", "--because", "wrong")
    assert ended.returncode == 0, ended.stderr
    ended = clinicnet_here("deliver", file, "--release", SECOND)
    assert ended.returncode == 2
    assert "is withdrawn, and no clinic gets it" in ended.stderr


@pytest.mark.parametrize(
    ("delivery", "command", "said"),
    [
        ("", "deliver", "line 18: [delivery] "),
        ('when = "asked"', "check", "[delivery] says of no clinic where its report goes"),
        ('[delivery.clinics]\n"Clinic A" = "mailto://me:secret@host"', "check", "Clinic A holds a password"),
        (
            '[delivery.clinics]\n"Clinic A" = "mailto://${NOWHERE}"',
            "check",
            "names the variable NOWHERE, which",
        ),
        ('[delivery.clinics]\n"Clinic A" = "syslog://"', "check", "the address of 'Clinic A' takes no files"),
        (
            '[delivery.clinics]\n"Clinic A" = "nonsense://a"',
            "check",
            "'Clinic A' is none that can be sent to",
        ),
        (
            '[delivery.clinics]\n"Clinic Z" = "z"',
            "check",
            "[delivery] no record is of a clinic 'Clinic Z'; did you mean",
        ),
    ],
)
def test_what_cannot_be_delivered_is_a_sentence(
    delivery: str, command: str, said: str, reported: Path, tmp_path: Path, clinicnet_here: Run
) -> None:
    file = _network(reported, tmp_path, delivery)
    if not delivery:
        file.write_text(file.read_text().replace("[delivery]\n", ""))
        said = "clinicnet: the network file says of no clinic where its report goes"
    ended = clinicnet_here(command, file)
    assert ended.returncode == 2, ended.stdout
    assert said in ended.stderr
    assert "secret" not in ended.stderr
    assert not (file.parent / "output/deliveries").exists()


@pytest.mark.before_release
def test_a_restated_month_is_another_release_and_goes_out_again(
    reported: Path, tmp_path: Path, clinicnet_here: Run
) -> None:
    file = _network(reported, tmp_path, 'folder = "letters"\n')
    assert clinicnet_here("deliver", file).returncode == 0
    with duckdb.connect(str(file.parent / "records.duckdb")) as connection:
        connection.execute("UPDATE visits SET vaccinated = 1 WHERE hash(patient) % 4 = 0")
    again = report_period(file, SECOND, drawn_here())
    arrived = {each.stem for each in (file.parent / "letters/clinic-a").iterdir()}
    assert len(arrived) == 2
    assert f"clinic-a-{again.directory.name}" in arrived
