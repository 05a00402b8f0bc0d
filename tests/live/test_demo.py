"""The README's path: the demo, its PDFs, its feed from DuckDB in one line; and the same again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pdf_text import pages_of
from pypdf import PdfReader
from readme import blocks

from flows.commands.run import where_it_is
from flows.job_step import JobStep, Journal, plainly
from flows.monthly_job import report_period
from flows.monthly_steps import DRAW
from tasks.demo import DEMO_MONTHS, make_demo
from tasks.publishing import Staging

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.before_release]

Ended = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clone")


@pytest.fixture(scope="module")
def first(place: Path) -> Ended:
    """What `clinicnet demo` said in a directory of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return subprocess.run(
        [sys.executable, "-m", "flows", "demo"],
        cwd=place,
        env=environment | {"PREFECT_HOME": str(place / "prefect")},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=600,
    )


def test_it_ends_by_saying_where_everything_is(first: Ended, place: Path) -> None:
    assert first.returncode == 0, first.stderr
    where = [line.split(maxsplit=1)[-1].strip() for line in first.stdout.splitlines()]
    assert len(where) == 6
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


def test_a_clinic_s_report_has_two_pages_at_most(first: Ended, place: Path) -> None:
    files = (place / "demo/chop/output/latest/reports/clinics").iterdir()
    assert {file.name: pages for file in files if (pages := len(PdfReader(file).pages)) > 2} == {}


def test_the_network_s_report_keeps_its_headings_beside_its_charts(first: Ended, place: Path) -> None:
    # two charts that did not fit below the figures were alone on a page, without what they are called
    texts = pages_of(place / "demo/chop/output/latest/reports/network.pdf")
    charts = [text for text in texts if "Each line is a clinic." in text]
    assert len(charts) == 3
    assert all("Own figures against the number of records" in text for text in charts)


@pytest.mark.before_release
def test_again_it_is_the_same_release(first: Ended, place: Path) -> None:
    """Its PDFs are drawn alike by tests/rendering; here those of the first time are taken."""
    there = (place / "demo/chop/output/latest").resolve()
    network_file = make_demo("chop", place / "demo/chop")
    assert network_file == place / "demo/chop/network.toml"
    again = report_period(network_file, DEMO_MONTHS["chop"], _as_drawn(there))
    assert again.directory == there
    assert any("(the same as before)" in line for line in where_it_is(again))


def _as_drawn(release: Path) -> Journal:
    """Plain calls; what is drawn is a release's, so that its files are the same if its feed is."""

    def copied(*given: Any) -> list[Path]:
        (staging,) = (each for each in given if isinstance(each, Staging))
        return [shutil.copytree(release / drawn, staging.path / drawn) for drawn in ("reports", "page")]

    def runner(step: JobStep[..., Any]) -> Callable[..., Any]:
        return copied if step.name == DRAW.name else plainly(step)

    return Journal(runner)
