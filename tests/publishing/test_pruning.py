"""Old releases go by a rule; none goes that another is held against, and what went is not forgotten."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from golden.demo_feeds import undrawn
from small_network import ONE_OUTCOME, RECORDS, Run, write_network

from flows.commands.status import status_of
from flows.monthly_job import report_period
from tasks.errors import PublishingError
from tasks.publishing import Output, Retention

pytestmark = [pytest.mark.slow, pytest.mark.before_release]

MONTHS = [f"2023-{month:02d}" for month in range(2, 11)]  # February to October


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network whose estimates use two months, with nine months published."""
    records = RECORDS.replace("range(3000)", "range(12000)")
    text = f"{ONE_OUTCOME}\n[window]\nmonths = 2\n"
    file = write_network(tmp_path_factory.mktemp("pruned") / "network", records, text)
    for month in MONTHS:
        report_period(file, month, undrawn())
    return file


@pytest.fixture
def network(published: Path, tmp_path: Path) -> Path:
    shutil.copytree(published.parent, tmp_path / "network", symlinks=True)
    return tmp_path / "network/network.toml"


def _standing(network: Path) -> list[str]:
    return [name[:7] for name in Output(network.parent / "output").standing()]


def _first_run_in(network: Path, month: str) -> None:
    """As if the network had been reported since then: what was due before its first run is not missed."""
    first = min((network.parent / "output/runs").glob("*.json"))
    record = json.loads(first.read_text())
    first.write_text(json.dumps(record | {"started": f"{month}-01T06:00:00+00:00"}))


def _bytes(directory: Path) -> dict[str, bytes]:
    return {str(file.relative_to(directory)): file.read_bytes() for file in directory.rglob("*.*")}


@pytest.mark.parametrize(
    ("rule", "stay"),
    [
        (Retention(periods=1), [False, False, True]),
        (Retention(periods=2), [False, True, True]),
        (Retention(months=0), [False, False, True]),
        (Retention(months=3), [False, True, True]),
        (Retention(periods=1, months=6), [True, True, True]),
    ],
)
def test_what_either_number_keeps_stays(rule: Retention, stay: list[bool]) -> None:
    for reported in (["2023-04", "2023-07", "2023-10"], ["2023-Q2", "2023-Q3", "2023-Q4"]):
        assert [rule.keeps(each, reported) for each in reported] == stay


def test_what_goes_is_listed_first_and_the_next_month_comes_out_the_same(
    network: Path, published: Path, clinicnet_here: Run, tmp_path: Path
) -> None:
    latest = (network.parent / "output/latest").resolve()
    asked = ("releases", "prune", network, "--keep-periods", "1")
    said = clinicnet_here(*asked, "--dry-run").stdout.splitlines()
    assert _standing(network) == MONTHS
    # October's window is September and October, November's October and November. September's release shares
    # September with October's, August's shares August with September's, and July's shares nothing with both
    assert [line.partition("  ")[2] for line in said[:-1]] == [
        *["would go"] * 6,
        *["stays: shares periods with releases to come"] * 2,
        "stays: the latest",
    ]
    assert said[-1].startswith("6 of 9 releases would go, ")
    assert clinicnet_here(*asked).returncode == 0
    assert _standing(network) == MONTHS[-3:]
    assert (network.parent / "output/latest").resolve() == latest
    catalogue = json.loads((network.parent / "output/releases.json").read_text())
    assert [each["period"] for each in catalogue["releases"]] == MONTHS[:-4:-1]
    assert len(list((network.parent / "output/.staging").iterdir())) == 0
    _first_run_in(network, "2023-03")
    moment = datetime(2023, 11, 4, tzinfo=UTC)
    assert status_of(network, moment).missed == []  # what went was reported

    untouched = tmp_path / "untouched/network"
    shutil.copytree(published.parent, untouched, symlinks=True)
    for month in ("2023-10", "2023-11"):
        beside = report_period(untouched / "network.toml", month, undrawn())
        pruned = report_period(network, month, undrawn())
        assert pruned.directory.name == beside.directory.name
        assert _bytes(pruned.directory) == _bytes(beside.directory)
    assert clinicnet_here("releases", "prune", network, "--keep-months", "0").returncode == 0
    assert _standing(network) == ["2023-09", "2023-10", "2023-11"]


def test_a_month_that_must_be_held_against_what_went_is_refused(network: Path, clinicnet_here: Run) -> None:
    assert clinicnet_here("releases", "prune", network, "--keep-months", "0").returncode == 0
    for month in ("2023-07", "2023-08", "2023-09"):
        with pytest.raises(PublishingError, match=f"{month} cannot be reported: it shares periods with rel"):
            report_period(network, month, undrawn())
    longer = network.read_text().replace("months = 2", "months = 6")
    network.write_text(longer)
    with pytest.raises(PublishingError, match="2023-11 cannot be reported"):
        report_period(network, "2023-11", undrawn())
    assert _standing(network) == MONTHS[-3:]


_KILLED = """
import os, signal, sys
from pathlib import Path
from tasks.publishing import pruning
from flows.commands.prune import prune_releases

noted = pruning.note_pruned
def note(output, name, window):
    noted(output, name, window)
    if name.startswith("2023-04"):
        os.kill(os.getpid(), signal.SIGKILL)
pruning.note_pruned = note
list(prune_releases(Path(sys.argv[1]), 1, None, dry_run=False))
"""


@pytest.mark.faults
def test_after_kill_9_every_release_that_stands_is_whole_and_the_same_command_ends_it(
    network: Path, clinicnet_here: Run
) -> None:
    killed = subprocess.run([sys.executable, "-c", _KILLED, str(network)], check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert _standing(network) == MONTHS[2:]
    assert clinicnet_here("releases", network).returncode == 0
    ended = clinicnet_here("releases", "prune", network, "--keep-periods", "1")
    assert ended.returncode == 0, ended.stderr
    assert _standing(network) == MONTHS[-3:]
    assert list((network.parent / "output/.staging").iterdir()) == []
    assert len(list((network.parent / "output/pruned").glob("*.json"))) == 6


def test_no_rule_and_nothing_to_prune_are_said(network: Path, tmp_path: Path, clinicnet_here: Run) -> None:
    ended = clinicnet_here("releases", "prune", network)
    assert ended.returncode == 2
    assert "clinicnet: no rule says what is kept" in ended.stderr
    fresh = write_network(tmp_path / "fresh")
    ended = clinicnet_here("releases", "prune", fresh, "--keep-periods", "3")
    assert ended.stdout.splitlines() == ["0 of 0 releases gone, 0.0 MB"]
