"""A release made once more comes out byte for byte, or it is said what differs; what stands stays."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import duckdb
import pytest
from drawn_here import drawn_here
from small_network import MONTH, ONE_OUTCOME, Run, write_network

from flows.commands.rebuild import rebuild_release
from flows.monthly_job import report_period

pytestmark = pytest.mark.slow
BEFORE = "2023-10"


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two months of a small network."""
    file = write_network(tmp_path_factory.mktemp("network"), network=ONE_OUTCOME)
    for month in (BEFORE, MONTH):
        report_period(file, month, drawn_here())
    return file


def _standing(network: Path) -> dict[str, bytes]:
    output = network.parent / "output"
    return {str(each.relative_to(output)): each.read_bytes() for each in output.rglob("*") if each.is_file()}


@pytest.mark.before_release
def test_from_the_same_records_every_file_is_the_same(network: Path) -> None:
    before = _standing(network)
    for month in (BEFORE, MONTH):
        rebuilt = rebuild_release(network, month, drawn_here())
        assert rebuilt.same, rebuilt.lines
        (line,) = rebuilt.lines
        assert line.startswith(f"{month}-")
        assert line.endswith("files are the same, byte for byte")
    assert _standing(network) == before


@pytest.mark.before_release
def test_late_records_are_said_to_be_the_reason(tmp_path: Path, clinicnet_here: Run) -> None:
    file = write_network(tmp_path, network=ONE_OUTCOME)
    report_period(file, MONTH, drawn_here())
    with duckdb.connect(str(tmp_path / "records.duckdb")) as connection:
        connection.execute("DELETE FROM visits WHERE age = 44 AND clinic = 'Clinic A'")
    before = _standing(file)
    said = clinicnet_here("releases", "rebuild", MONTH, "--network", file)
    assert said.returncode == 3
    assert "files differ; it stands as it was" in said.stdout
    assert "Records   other numbers of records for vaccinated" in said.stdout
    assert "clinic_estimates" in next(line for line in said.stdout.splitlines() if line.startswith("Tables"))
    assert _standing(file) == before


@pytest.mark.before_release
def test_another_version_is_said_to_be_the_reason(network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.commands import rebuild

    prepared = rebuild.prepared

    def by_another(*arguments: object) -> object:
        release, beside = prepared(*arguments)  # type: ignore[arg-type]
        (arguments[3].path / "reports/network.pdf").write_bytes(b"another")  # type: ignore[attr-defined]
        return dataclasses.replace(release, versions={**release.versions, "scipy": "9.9"}), beside

    monkeypatch.setattr(rebuild, "prepared", by_another)
    rebuilt = rebuild_release(network, MONTH, drawn_here())
    assert not rebuilt.same
    assert any("scipy" in line and "9.9 now" in line for line in rebuilt.lines)
    assert any(line == "Files     reports/network.pdf" for line in rebuilt.lines)
