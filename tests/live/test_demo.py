"""The README's path: the demo, its PDFs, its feed from DuckDB in one line; and the same again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from readme import blocks

pytestmark = [pytest.mark.live, pytest.mark.slow]

Ended = subprocess.CompletedProcess[str]
Demo = Callable[[], Ended]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clone")


@pytest.fixture(scope="module")
def demo(place: Path) -> Demo:
    """Run `clinicnet demo` in a directory of its own; gives what it said."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment["PREFECT_HOME"] = str(place / "prefect")

    def run() -> Ended:
        return subprocess.run(
            [sys.executable, "-m", "flows", "demo"],
            cwd=place,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=600,
        )

    return run


@pytest.fixture(scope="module")
def first(demo: Demo) -> Ended:
    return demo()


def test_it_ends_by_saying_where_everything_is(first: Ended, place: Path) -> None:
    assert first.returncode == 0, first.stderr
    where = [line.split(maxsplit=1)[-1].strip() for line in first.stdout.splitlines()]
    assert len(where) == 5
    assert all((place / each).exists() for each in where), where
    assert "Draw the reports" in first.stderr
    assert "prefect" not in first.stdout.lower()


def test_the_feed_is_read_by_the_readme_s_line(
    first: Ended, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    (line,) = blocks("sql")
    rows = duckdb.sql(line).fetchall()
    assert len(rows) == 88
    assert {row[-1] for row in rows} <= {
        "ok",
        "low_reliability",
        "suppressed_primary",
        "suppressed_secondary",
    }


def test_a_clinic_finds_its_report_by_its_name(first: Ended, place: Path) -> None:
    reports = place / "demo/chop/output/latest/reports"
    assert (reports / "clinics/emergency-dept.pdf").read_bytes().startswith(b"%PDF")
    assert len(list((reports / "clinics").iterdir())) == 88


def test_again_it_is_the_same_release(first: Ended, demo: Demo, place: Path) -> None:
    before = {file: file.read_bytes() for file in (place / "demo/chop/output/latest/feed").iterdir()}
    ended = demo()
    assert ended.returncode == 0, ended.stderr
    assert "(the same as before)" in ended.stdout
    assert {file: file.read_bytes() for file in before} == before
