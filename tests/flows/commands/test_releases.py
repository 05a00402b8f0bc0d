"""What stands in an output directory: listed, shown, compared, and whether anything is missing."""

from __future__ import annotations

import json
import re
import shutil
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from golden.demo_feeds import undrawn
from served_page import asked, served_page
from small_network import ONE_OUTCOME, RECORDS, Run, write_network

from flows.commands.status import Status, status_of
from flows.monthly_job import report_period
from tasks.publishing import RunRecord, write_run_record

MANY = RECORDS.replace("range(3000)", "range(9000)")  # so that no month of a clinic has a small number
LATE = """
INSERT INTO visits
SELECT 'Clinic A', 'North', 'late-' || i, DATE '2023-09-20', 1, 130.0, 1, 40, 'female' FROM range(120) AS n(i)
"""


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """October, October again with late records, and November."""
    file = write_network(tmp_path_factory.mktemp("releases"), MANY, ONE_OUTCOME)
    report_period(file, "2023-10", undrawn())
    with duckdb.connect(str(file.parent / "records.duckdb")) as connection:
        connection.execute(LATE)
    for month in ("2023-10", "2023-11"):
        report_period(file, month, undrawn())
    return file


@pytest.mark.slow
def test_releases_are_listed_by_period_and_edition(network: Path, clinicnet_here: Run) -> None:
    said = clinicnet_here("releases", network).stdout
    assert said == clinicnet_here("releases", "list", network).stdout
    first, *lines = (re.split(r"\s{2,}", line) for line in said.splitlines())
    assert first == ["period", "release", "published", "edition", "clinics shown", "size"]
    assert [line[0] for line in lines] == ["2023-10", "2023-10", "2023-11"]
    assert {line[1] for line in lines} == {each.name for each in network.parent.glob("output/releases/*")}
    assert ["1 of 2" in line for line in said.splitlines()[1:]] == [True, False, False]
    assert [line[-1] for line in lines][::2] == ["restated since", "latest"]
    assert all("6 of 6" in " ".join(line) for line in lines)


@pytest.mark.slow
def test_a_release_is_shown(network: Path, clinicnet_here: Run) -> None:
    said = clinicnet_here("releases", "show", "2023-11", "-n", network).stdout
    assert "of Six clinics (latest leads to it)" in said
    assert "Records   2023-01 to 2023-11, with dates up to 2023-11-05" in said
    assert re.search(r"^Run       \d{4}-\d\d-\d\d \d\d:\d\d, published in \d+ s$", said, re.M)
    assert "Outcome   Vaccinated: We do not rank clinics on this (6 too uncertain to compare)" in said


@pytest.mark.slow
def test_what_changed_between_two_editions_is_said_with_the_reason(
    network: Path, clinicnet_here: Run
) -> None:
    names = {
        "restated" if "restated since" in line else line[:7]: line.split()[1]
        for line in clinicnet_here("releases", network).stdout.splitlines()[1:]
    }
    said = clinicnet_here("releases", "diff", names["restated"], names["2023-10"], "-n", network).stdout
    assert "Outcome   Vaccinated: We rank clinics on this → We do not rank clinics on this" in said
    assert "6 clinics changed category:" in said
    of_a, of_b = said.split("  Clinic A, Vaccinated: ")[1].split("  Clinic B, Vaccinated: ")
    assert of_a.startswith("worse → too uncertain to compare\n    best estimate ")
    assert "why: late or corrected records in 2023-09 (31 of 136 → 151 of 256); now below our minimum" in of_a
    assert "why: its own months are the same, so it is what it is compared with that changed" in of_b
    later = clinicnet_here("releases", "diff", names["2023-10"], "2023-11", "-n", network).stdout
    assert "Window    2023-01 to 2023-10 → 2023-01 to 2023-11" in later
    assert later.endswith("No clinic changed category.\n")


@pytest.mark.slow
def test_a_release_that_is_meant_by_two_names_is_a_sentence(network: Path, clinicnet_here: Run) -> None:
    ended = clinicnet_here("releases", "diff", "2023-10", "2023-11", "-n", network)
    assert ended.returncode == 2
    assert ended.stderr.startswith("clinicnet: there are 2 releases called 2023-10 in ")
    assert clinicnet_here("releases", "show", "2019", "-n", network).stderr.startswith(
        "clinicnet: there is no release called 2019 in "
    )


def test_nothing_is_published_yet(network_file: Path, clinicnet_here: Run) -> None:
    ended = clinicnet_here("releases", network_file)
    assert (ended.returncode, ended.stdout[:24]) == (0, "Nothing is published in ")
    assert not (network_file.parent / "output").exists()


def _missed(status: Status) -> list[str]:
    return [each.period for each in status.missed]


@pytest.mark.slow
def test_a_month_that_was_due_and_is_not_there_is_missed(network: Path) -> None:
    due = datetime(2024, 1, 3, 11, tzinfo=UTC)  # 6:00 in New York
    before, soon_after, late = (
        status_of(network, due + timedelta(hours=hours)) for hours in (-1.0, 2.0, 4.0)
    )
    assert [_missed(each) for each in (before, soon_after, late)] == [[], [], ["2023-12"]]
    assert (before.next.period, soon_after.next.period) == ("2023-12", "2024-01")
    assert before.next.at == due
    assert before.latest is not None
    assert before.latest.period == "2023-11"


def test_every_month_since_the_first_run_is_looked_for(network_file: Path, clinicnet_here: Run) -> None:
    began = datetime(2023, 12, 3, 11, tzinfo=UTC)
    runs = network_file.parent / "output/runs"
    write_run_record(
        RunRecord("Six clinics", str(network_file), "2023-11", began, began, "failed", error="no database"),
        runs,
    )
    status = status_of(network_file, datetime(2024, 3, 10, tzinfo=UTC))
    assert _missed(status) == ["2023-11", "2023-12", "2024-01", "2024-02"]
    said = "\n".join(status.lines())
    assert "Last run  2023-12-03 06:00: 2023-11, failed: no database" in said
    assert "MISSED    2023-12 was due on 2024-01-03 06:00 and is not reported" in said
    daily = status_of(network_file, datetime(2024, 3, 10, tzinfo=UTC), "0 6 * * *")
    assert _missed(daily) == _missed(status)
    assert daily.missed[-1].at == datetime(2024, 3, 1, 11, tzinfo=UTC)


@pytest.mark.slow
def test_a_probe_reads_the_exit_code_and_json(network: Path, clinicnet_here: Run) -> None:
    ended = clinicnet_here("status", network, "--json")
    said = json.loads(ended.stdout)
    assert (ended.returncode, said["ok"]) == (3, False)
    assert said["latest"]["period"] == said["last_success"]["period"] == "2023-11"
    assert len(said["missed"]) == 1
    assert clinicnet_here("status", network, "--cron", "often").returncode == 2


@pytest.fixture
def served(network: Path) -> Iterator[str]:
    """Where the network's releases are served, by the command itself."""
    with served_page(network) as address:
        yield address


def answered(address: str, path: str, **headers: str) -> tuple[int, bytes]:
    answer = asked(address, path, **headers)
    return answer.status, answer.content


@pytest.mark.slow
def test_published_files_are_served_and_no_others(network: Path, served: str) -> None:
    output = network.parent / "output"
    (output / "held/2023-12-x/page").mkdir(parents=True)
    (output / "held/2023-12-x/page/index.html").write_text("not approved yet")
    name = (output / "latest").resolve().name
    estimates = (output / "latest/feed/clinic_estimates.csv").read_bytes()
    assert answered(served, "/latest/feed/clinic_estimates.csv") == (200, estimates)
    assert answered(served, f"/releases/{name}/feed/clinic_estimates.csv") == (200, estimates)
    said = asked(served, "/latest/feed/clinic_estimates.csv").headers
    for known in ({"If_None_Match": said["etag"]}, {"If_Modified_Since": said["last-modified"]}):
        assert answered(served, "/latest/feed/clinic_estimates.csv", **known) == (304, b"")
    assert json.loads(answered(served, "/releases.json")[1])["latest"] == name
    assert answered(served, "/")[0] == 307
    assert answered(served, "/latest/feed/clinic_estimates.csv", Host="evil.example")[0] == 400
    inside = f"/releases/{name}"
    for path in (
        "/held/2023-12-x/page/index.html",
        f"{inside}/page/../../../held/2023-12-x/page/index.html",
        f"{inside}/feed/%2e%2e/%2e%2e/%2e%2e/held/2023-12-x/page/index.html",
        f"{inside}/feed/..%2f..%2f..%2f.withholding-key",
        f"{inside}/feed//etc/passwd",
        f"{inside}/feed/%00",
        f"{inside}/feed/{'x' * 300}",
        f"{inside}/feed/",
        "/.withholding-key",
        "/runs/",
        "/releases/../../network.toml",
        "/releases/../feed/x",
        "/network.toml",
    ):
        assert answered(served, path)[0] == 404, path
    shutil.rmtree(output / "held")


@pytest.mark.slow
def test_a_withdrawn_release_is_gone(network: Path, served: str, clinicnet_here: Run) -> None:
    first = min(each.name for each in (network.parent / "output/releases").iterdir())
    path = f"/releases/{first}/feed/clinics.csv"
    assert answered(served, path)[0] == 200
    clinicnet_here("withdraw", first, "--by", "Ann", "--because", "a test", "-n", network)
    assert answered(served, path) == (410, b"This release was withdrawn.")
    clinicnet_here("restore", first, "--by", "Ann", "-n", network)
    assert answered(served, path)[0] == 200


@pytest.mark.slow
def test_what_cannot_be_served_is_a_sentence(network: Path, tmp_path: Path, clinicnet_here: Run) -> None:
    nothing = clinicnet_here("page", "serve", write_network(tmp_path, MANY, ONE_OUTCOME))
    assert nothing.returncode == 2
    assert "nothing is published in" in nothing.stderr
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = clinicnet_here("page", "serve", network, "--port", str(port))
    assert refused.returncode == 2
    assert f"cannot listen at 127.0.0.1, port {port}: Address already in use" in refused.stderr
