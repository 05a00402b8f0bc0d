"""The README's path: the demo, its PDFs, its feed from DuckDB in one line; and the same again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from golden.demo_feeds import undrawn
from pypdf import PdfReader
from readme import blocks

from flows.commands.run import where_it_is
from flows.monthly_job import report_period
from tasks.demo import DEMO_MONTHS, make_demo

pytestmark = [pytest.mark.live, pytest.mark.slow]

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
    pages = PdfReader(place / "demo/chop/output/latest/reports/network.pdf").pages
    texts = [" ".join(page.extract_text().split()) for page in pages]
    charts = [text for text in texts if "Each line is a clinic." in text]
    assert len(charts) == 3
    assert all("Own figures against the number of records" in text for text in charts)


def test_again_it_is_the_same_release(first: Ended, place: Path, tmp_path: Path) -> None:
    """Its PDFs are drawn alike by tests/rendering; here they are not drawn again."""
    network_file, month = make_demo("chop", tmp_path / "demo/chop"), DEMO_MONTHS["chop"]
    report_period(network_file, month, undrawn())
    assert make_demo("chop", tmp_path / "demo/chop") == network_file
    again = report_period(network_file, month, undrawn())
    assert any("(the same as before)" in line for line in where_it_is(again))
    before = {file.name: file.read_bytes() for file in (place / "demo/chop/output/latest/feed").iterdir()}
    assert {file.name: file.read_bytes() for file in (again.latest / "feed").iterdir()} == before
