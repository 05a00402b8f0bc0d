from __future__ import annotations

import logging
import re
from importlib.resources import files
from pathlib import Path

import pytest

from tasks.network.schema import Network
from tasks.release import Release
from tasks.rendering.clinic_report import clinic_html
from tasks.rendering.document import write_pdf
from tasks.rendering.read_edition import read_edition

STYLES = files("reports") / "styles"
COLOURS = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", (STYLES / "report.css").read_text(encoding="utf-8")))


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_black_on_white_is_21_to_1() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)


@pytest.mark.parametrize("name", ["ink", "muted", "accent", "better", "worse", "same"])
@pytest.mark.parametrize("paper", ["#ffffff", "faint"])
def test_words_can_be_read_on_their_paper(name: str, paper: str) -> None:
    assert contrast(COLOURS[name], COLOURS.get(paper, paper)) >= 4.5


GRID_AND_PAPER = {"#e3e8ec", "#ffffff"}
"""What a chart is read without: its grid, and the paper inside a ring."""


def test_what_a_chart_says_can_be_seen() -> None:
    """3:1 for what is needed to understand a graphic (WCAG 2.2, 1.4.11)."""
    charts = [STYLES / "charts.css", *sorted((files("reports") / "charts").iterdir(), key=str)]
    drawn = {
        colour
        for chart in charts
        if chart.is_file()
        for colour in re.findall(r"(?:fill|stroke)[=:] ?\"?(#[0-9a-f]{6})", chart.read_text(encoding="utf-8"))
    }
    assert len(drawn - GRID_AND_PAPER) > 5
    assert {colour: contrast(colour, "#ffffff") >= 3.0 for colour in drawn - GRID_AND_PAPER} == dict.fromkeys(
        drawn - GRID_AND_PAPER, True
    )


def test_marks_have_the_colours_of_their_words() -> None:
    charts = (STYLES / "charts.css").read_text(encoding="utf-8")
    for name in ("better", "worse"):
        assert f".{name} {{ fill: {COLOURS[name]}" in charts


def test_a_finding_has_a_shape_of_its_own_in_every_chart() -> None:
    for chart in ("marks.svg.j2", "clinics.svg.j2"):
        text = (files("reports") / "charts" / chart).read_text(encoding="utf-8")
        shapes = [
            re.search(rf'tone (?:==|in) \(?"{tone}"[^%]*%}}\s*(<\w+[^>]*?d?=?"?[^>]*)', text)
            for tone in TONES
        ]
        bodies = [
            re.sub(r"#\w+|class=\"[^\"]*\"|fill=\"[^\"]*\"", "", each.group(1)) for each in shapes if each
        ]
        assert len(set(bodies)) == len(TONES), chart


TONES = ("better", "worse", "same", "higher", "lower")


@pytest.mark.slow
def test_laying_out_a_report_gives_no_warning(
    chop: tuple[Release, Network], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    edition = read_edition(*chop)
    clinic = next(each for each in edition.clinics if each.name == "behavioral hosp")
    with caplog.at_level(logging.WARNING, logger="weasyprint"):
        write_pdf(clinic_html(edition, clinic), tmp_path / "x.pdf")
    assert caplog.records == []
