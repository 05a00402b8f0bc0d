"""Recognisable values in every text column of a source, searched for in everything that the system wrote."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pdf_text import text_of
from small_network import MONTH, NETWORK, RECORDS, write_network

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.attack]

CANARY = "Xanthippe"
_PLANTED = """;
ALTER TABLE visits ADD COLUMN first_name VARCHAR;
ALTER TABLE visits ADD COLUMN diagnosis VARCHAR;
ALTER TABLE visits ADD COLUMN note VARCHAR;
UPDATE visits SET
    patient = 'Xanthippe-p-' || patient,
    first_name = 'Xanthippe-n-' || patient,
    diagnosis = 'Xanthippe-d-' || patient,
    note = 'Xanthippe-t, aged ' || age
"""
_FAILING = {
    "a text where a number belongs": NETWORK.replace("sbp, emergencies", "note AS sbp, emergencies"),
    "a cast that fails on a value": NETWORK.replace(
        "sbp, emergencies", "CAST(note AS DOUBLE) AS sbp, emergencies"
    ),
    "a date that is none": NETWORK.replace("visit_date AS date", "CAST(note AS DATE) AS date"),
    "an outcome that is text": NETWORK.replace("date, vaccinated", "date, first_name AS vaccinated"),
}


def _run(network: Path, home: Path, log: str) -> subprocess.CompletedProcess[bytes]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return subprocess.run(
        [sys.executable, "-m", "flows", "run", str(network), "--month", MONTH],
        env=environment | {"PREFECT_HOME": str(home), "CLINICNET_LOG": log},
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=300,
    )


def _written(*directories: Path) -> dict[str, bytes]:
    return {
        str(file): file.read_bytes() for each in directories for file in each.rglob("*") if file.is_file()
    }


def _holding(written: dict[str, bytes]) -> list[str]:
    return [name for name, content in written.items() if CANARY.lower().encode() in content.lower()]


def _searchable(written: dict[str, bytes]) -> dict[str, bytes]:
    """What was written, with the text of PDFs beside their compressed bytes."""
    texts = {f"text of {name}": text_of(Path(name)).encode() for name in written if name.endswith(".pdf")}
    return written | texts


@pytest.mark.parametrize("log", ["text", pytest.param("json", marks=pytest.mark.before_release)])
def test_a_run_that_is_well_writes_nothing_of_a_patient(
    log: str, tmp_path: Path, new_prefect_home: Callable[[Path], Path]
) -> None:
    new_prefect_home(tmp_path / "prefect")
    network = write_network(tmp_path / "network", RECORDS + _PLANTED)
    ended = _run(network, tmp_path / "prefect", log)
    assert ended.returncode == 0, ended.stderr
    written = _written(tmp_path / "network/output", tmp_path / "prefect")
    assert any(name.endswith("prefect.db") for name in written)
    assert any(name.endswith("network.pdf") for name in written)
    assert _holding(_searchable(written) | {"stdout": ended.stdout, "stderr": ended.stderr}) == []


@pytest.mark.before_release
def test_a_run_that_fails_writes_nothing_of_a_patient(
    tmp_path: Path, new_prefect_home: Callable[[Path], Path]
) -> None:
    new_prefect_home(tmp_path / "prefect")
    for number, (case, file) in enumerate(_FAILING.items()):
        network = write_network(tmp_path / f"network-{number}", RECORDS + _PLANTED, file)
        ended = _run(network, tmp_path / "prefect", ("text", "json")[number % 2])
        assert ended.returncode == 2, (case, ended.stderr)
        written = _written(network.parent / "output", tmp_path / "prefect")
        assert _holding(written | {"stdout": ended.stdout, "stderr": ended.stderr}) == [], case


_WITHOUT_THE_FIRST_CHECK = """
import sys
from flows.on_prefect.monthly import monthly_report

for network in sys.argv[2:]:
    try:
        monthly_report(network, sys.argv[1])
    except Exception:
        continue
    raise SystemExit(f"{network} was reported")
"""


def test_a_flow_that_fails_leaves_nothing_of_a_patient_in_prefect(
    tmp_path: Path, new_prefect_home: Callable[[Path], Path]
) -> None:
    """A deployment's run has no command line before it: the errors come up inside Prefect's tasks."""
    networks = [
        str(write_network(tmp_path / f"network-{number}", RECORDS + _PLANTED, file))
        for number, file in enumerate(_FAILING.values())
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    ended = subprocess.run(
        [sys.executable, "-c", _WITHOUT_THE_FIRST_CHECK, MONTH, *networks],
        env=environment
        | {
            "PREFECT_HOME": str(new_prefect_home(tmp_path / "prefect")),
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
            "PREFECT_LOGGING_LEVEL": "DEBUG",
        },
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    said = {"stdout": ended.stdout, "stderr": ended.stderr}
    assert b"Screen the records" in ended.stdout + ended.stderr
    outputs = [Path(network).parent / "output" for network in networks]
    assert _holding(_written(tmp_path / "prefect", *outputs) | said) == []
