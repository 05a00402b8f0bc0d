"""What people decide: a held release is approved or turned down, and one that stands is taken back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import pytest
from golden.demo_feeds import undrawn
from small_network import ONE_OUTCOME, RECORDS, Run, write_network

from flows.commands.run import where_it_is
from flows.monthly_job import report_period
from tasks.errors import PublishingError
from tasks.publishing import Output, earlier_releases, held_releases, latest_before, recorded_runs

pytestmark = pytest.mark.slow

RULES = """
[release.hold_when]
volume_below = 0.5
"""
NOVEMBER_LOST = """
DELETE FROM visits
WHERE visit_date >= DATE '2023-11-01' AND CAST(regexp_extract(patient, '[0-9]+') AS INTEGER) % 4 > 0
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """October is published, and November, of which a quarter came, waits."""
    file = write_network(tmp_path_factory.mktemp("held"), RECORDS, ONE_OUTCOME + RULES)
    october = report_period(file, "2023-10", undrawn())
    assert october.held == ()
    with duckdb.connect(str(file.parent / "records.duckdb")) as connection:
        connection.execute(NOVEMBER_LOST)
    november = report_period(file, "2023-11", undrawn())
    assert november.directory == file.parent / "output/held" / november.directory.name
    return file


@pytest.fixture
def network(prepared: Path, tmp_path: Path) -> Path:
    shutil.copytree(prepared.parent, tmp_path / "network", symlinks=True)
    return tmp_path / "network" / prepared.name


def held_of(file: Path) -> str:
    (held,) = held_releases(Output(file.parent / "output"))
    return held.name


def test_what_is_held_is_not_seen_by_who_reads_releases(network: Path, clinicnet_here: Run) -> None:
    output = network.parent / "output"
    assert [each.name[:7] for each in (output / "releases").iterdir()] == ["2023-10"]
    assert (output / "latest").resolve().name.startswith("2023-10")
    assert "2023-11" not in (output / "releases.json").read_text(encoding="utf-8")
    assert (output / "held" / held_of(network) / "feed/datapackage.json").is_file()
    listed = clinicnet_here("releases", str(network))
    assert listed.stdout.startswith(f"held      {held_of(network)}, since ")
    assert "November 2023 has " in listed.stdout
    said = json.loads(clinicnet_here("status", str(network), "--json").stdout)
    assert [each["release"] for each in said["held"]] == [held_of(network)]
    assert said["latest"]["period"] == "2023-10"
    assert "2023-11" not in {each["period"] for each in said["missed"]}


def test_who_approves_a_release_is_no_part_of_it(network: Path) -> None:
    name = held_of(network)
    network.write_text(network.read_text(encoding="utf-8").replace(RULES, ""), encoding="utf-8")
    reported = report_period(network, "2023-11", undrawn())
    assert reported.directory == network.parent / "output/releases" / name


def test_an_approved_release_is_current_and_says_who_approved_it(network: Path, clinicnet_here: Run) -> None:
    name = held_of(network)
    args = ("--network", str(network), "--by", "A. Lovelace", "--because", "half of the clinics moved")
    done = clinicnet_here("approve", *args)
    assert done.returncode == 0, done.stderr
    output = network.parent / "output"
    assert (output / "latest").resolve() == output / "releases" / name
    assert json.loads((output / "releases.json").read_text(encoding="utf-8"))["latest"] == name
    assert list((output / "held").iterdir()) == []
    shown = clinicnet_here("releases", "show", name, "--network", str(network)).stdout
    assert "approved by A. Lovelace: half of the clinics moved" in shown
    again = clinicnet_here("approve", *args)
    assert again.returncode == 2
    assert "no release is held" in again.stderr
    # the same records once more are the release that stands, and wait for nobody
    rerun = report_period(network, "2023-11", undrawn())
    assert (rerun.held, rerun.unchanged, rerun.directory.name) == ((), True, name)


def test_a_refused_release_goes_and_latest_stays(network: Path, clinicnet_here: Run) -> None:
    done = clinicnet_here(
        "refuse", "--network", str(network), "--by", "A. Lovelace", "--because", "broken file"
    )
    assert done.returncode == 0, done.stderr
    output = network.parent / "output"
    assert list((output / "held").iterdir()) == []
    assert (output / "latest").resolve().name.startswith("2023-10")
    last = recorded_runs(output / "runs")[-1]
    assert (last.ended, last.by, last.because) == ("refused", "A. Lovelace", "broken file")


def test_what_was_held_beside_other_releases_than_there_are_is_made_anew(
    network: Path, clinicnet_here: Run
) -> None:
    report_period(network, "2023-09", undrawn())  # published meanwhile: the two were never held together
    done = clinicnet_here("approve", "--network", str(network), "--by", "A. Lovelace")
    assert done.returncode == 2
    assert "might tell small numbers" in done.stderr
    name = held_of(network)
    assert (network.parent / "output/held" / name).is_dir()
    report_period(network, "2023-11", undrawn())
    assert clinicnet_here("approve", "--network", str(network), "--by", "A. Lovelace").returncode == 0


def test_a_release_that_is_made_again_replaces_the_one_that_waits(network: Path) -> None:
    (before,) = held_releases(Output(network.parent / "output"))
    report_period(network, "2023-11", undrawn())
    (same,) = held_releases(Output(network.parent / "output"))
    assert same == before
    with duckdb.connect(str(network.parent / "records.duckdb")) as connection:
        connection.execute("DELETE FROM visits WHERE clinic = 'Clinic F' AND visit_date < DATE '2023-02-01'")
    report_period(network, "2023-11", undrawn())
    (other,) = held_releases(Output(network.parent / "output"))
    assert other.name != before.name
    assert len(list((network.parent / "output/held").iterdir())) == 2  # it, and why


def test_a_reason_that_cannot_be_read_is_named(network: Path, clinicnet_here: Run) -> None:
    (network.parent / f"output/held/{held_of(network)}.json").write_text("{", encoding="utf-8")
    with pytest.raises(PublishingError, match="does not say why a release is held"):
        held_releases(Output(network.parent / "output"))
    assert clinicnet_here("status", str(network)).returncode == 2


def test_every_release_waits_where_the_network_asks_for_approval(tmp_path: Path) -> None:
    file = write_network(tmp_path, RECORDS, ONE_OUTCOME + '\n[release]\napproval = "required"\n')
    reported = report_period(file, "2023-11", undrawn())
    assert reported.held == ("the network file asks for a person's approval of every release",)
    assert not reported.latest.exists()


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """October and November, both published."""
    file = write_network(tmp_path_factory.mktemp("two"), RECORDS, ONE_OUTCOME)
    for month in ("2023-10", "2023-11"):
        report_period(file, month, undrawn())
    return file


def test_a_withdrawn_release_stands_and_nothing_leads_to_it(
    two: Path, tmp_path: Path, clinicnet_here: Run
) -> None:
    shutil.copytree(two.parent, tmp_path / "network", symlinks=True)
    file = tmp_path / "network" / two.name
    output = Output(file.parent / "output")
    october, november = sorted(each.name for each in (output.directory / "releases").iterdir())

    def catalogue() -> dict[str, object]:
        said = json.loads((output.directory / "releases.json").read_text(encoding="utf-8"))
        gone = {each["name"]: each["withdrawn"] and each["withdrawn"]["because"] for each in said["releases"]}
        return {"latest": said["latest"], **gone}

    def decide(command: str, release: str, *because: str) -> str:
        who = ("--network", str(file), "--by", "A. Lovelace")
        done = clinicnet_here(command, release, *who, *because)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "latest leads to 2023-10" in decide("withdraw", "2023-11", "--because", "wrong denominators")
    assert (output.directory / "latest").resolve().name == october
    assert catalogue() == {"latest": october, october: None, november: "wrong denominators"}
    assert (output.directory / "releases" / november / "feed/clinics.csv").is_file()
    assert "withdrawn: wrong denominators" in clinicnet_here("releases", str(file)).stdout
    shown = clinicnet_here("releases", "show", "2023-11", "--network", str(file)).stdout
    assert "withdrawn by A. Lovelace on " in shown
    again = report_period(file, "2023-11", undrawn())  # the same records are the same withdrawn release
    assert (again.directory.name, again.unchanged, again.is_latest) == (november, True, False)
    assert f"{november} (the same as before; withdrawn: latest is as it was" in "\n".join(where_it_is(again))
    december = earlier_releases(output, ("2023-01", "2023-12"))
    assert [each.withdrawn for each in december] == [False, True]  # held against both
    compared = latest_before(december, "2023-12", "suppress-1-10")
    assert compared is not None
    assert compared.since.period == "2023-10"  # and compared with what stands
    assert "latest leads to nothing" in decide("withdraw", "2023-10", "--because", "wrong, too")
    assert not (output.directory / "latest").exists()
    assert catalogue()["latest"] is None
    assert "Latest    nothing: what was published is withdrawn" in clinicnet_here("status", str(file)).stdout
    assert "latest leads to 2023-11" in decide("restore", "2023-11")
    assert catalogue() == {"latest": november, october: "wrong, too", november: None}
    told = clinicnet_here("releases", "show", "2023-11", "--network", str(file)).stdout
    decisions = [line.split(", ", 1)[1] for line in told.splitlines() if line.startswith("Decided")]
    assert [each.partition(" by ")[0] for each in decisions][-2:] == ["withdrawn", "restored"]
    refused = clinicnet_here("restore", "2023-11", "--network", str(file), "--by", "A. Lovelace")
    assert (refused.returncode, "is not withdrawn" in refused.stderr) == (2, True)
