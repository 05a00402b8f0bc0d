"""PDFs that a screen reader can read: each condition that a program can see, and texts that tell findings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, NumberObject, TextStringObject
from rendering.matterhorn import failures
from rendering.releases import only
from weasyprint import HTML

from tasks.network.schema import Network
from tasks.release import Release
from tasks.rendering import Rendered
from tasks.rendering.clinic_report import clinic_html
from tasks.rendering.document import write_pdf
from tasks.rendering.edition import Edition
from tasks.rendering.network_report import network_html
from tasks.rendering.read_edition import read_edition
from tasks.rendering.words import chart_words


@pytest.mark.slow
def test_no_report_fails_a_condition_that_a_program_can_see(few: Rendered) -> None:
    assert {path.name: failures(path) for path in few} == {path.name: [] for path in few}


@pytest.mark.slow
def test_nor_does_one_with_a_program_regions_and_ranks(
    state48: tuple[Release, Network], state48_edition: Edition, tmp_path: Path
) -> None:
    file = tmp_path / "network.pdf"
    few = [each.name for each in state48_edition.clinics[:6]]
    write_pdf(network_html(read_edition(only(state48[0], few, ["screening", "visits"]), state48[1])), file)
    assert failures(file) == []


@pytest.mark.slow
def test_the_look_finds_what_is_wrong(few: Rendered, tmp_path: Path) -> None:
    """Each mistake by itself, made in a report that has none."""
    report = few.clinics["specialty clinic 45"]
    untagged = tmp_path / "untagged.pdf"
    HTML(string="<html><head><title>t</title></head><body><h2>Two</h2><p>x</p></body></html>").write_pdf(
        untagged
    )
    assert {"01-002: not marked as tagged", "01-005: no structure"} <= set(failures(untagged))
    for mistake, found in _MISTAKES.items():
        reader = PdfReader(report)
        writer = PdfWriter(clone_from=reader)
        _MAKE[mistake](writer)
        file = tmp_path / "wrong.pdf"
        with file.open("wb") as wrong:
            writer.write(wrong)
        assert any(each.startswith(found) for each in failures(file)), mistake


def _elements(writer: PdfWriter, kind: str) -> Iterator[DictionaryObject]:
    for each in writer._objects:  # every object, wherever it stands
        if isinstance(each, DictionaryObject) and each.get("/S") == kind:
            yield each


def _heading(writer: PdfWriter) -> None:
    next(_elements(writer, "/H2"))[NameObject("/S")] = NameObject("/H4")


def _language(writer: PdfWriter) -> None:
    del writer.root_object["/Lang"]


def _paragraph_in_a_list(writer: PdfWriter) -> None:
    next(_elements(writer, "/P"))[NameObject("/S")] = NameObject("/TR")


def _lost(writer: PdfWriter) -> None:
    next(_elements(writer, "/P"))[NameObject("/K")] = ArrayObject()


def _figure(writer: PdfWriter) -> None:
    paragraph = next(_elements(writer, "/P"))
    paragraph[NameObject("/S")] = NameObject("/Figure")
    box = ArrayObject(NumberObject(each) for each in (10, 10, 9000, 20))
    paragraph[NameObject("/A")] = DictionaryObject({NameObject("/BBox"): box})


def _script(writer: PdfWriter) -> None:
    writer.root_object[NameObject("/OpenAction")] = TextStringObject("go")


_MAKE = {
    "heading": _heading,
    "language": _language,
    "row": _paragraph_in_a_list,
    "lost": _lost,
    "figure": _figure,
    "script": _script,
}
_MISTAKES = {
    "heading": "14-003",
    "language": "11-006",
    "row": "09-00x",
    "lost": "01-006",
    "figure": "13-004",
    "script": "29-001",
}


def test_every_chart_is_read_as_a_finding_from_the_numbers_that_are_drawn(chop_edition: Edition) -> None:
    outcome = next(each for each in chop_edition.outcomes if each.name == "hours")
    values = sorted(line.shrunken.value for line in outcome.lines if line.shrunken.value is not None)
    told = chart_words.overview(outcome)
    assert told.startswith(f"Best estimates of {len(values)} clinics: {outcome.notation.number(values[0])}")
    line = next(each for each in outcome.lines if each.shrunken.value is not None)
    lower = sum(value < line.shrunken.value for value in values)
    assert f"{lower} of them lie lower" in chart_words.place(outcome, line)


def test_the_side_of_an_interval_is_its_own(chop_edition: Edition) -> None:
    outcome = next(each for each in chop_edition.outcomes if each.name == "hours")
    assert outcome.comparator_value is not None
    sides = set()
    for line in outcome.lines:
        best = line.shrunken
        if best.lower is None or best.upper is None:
            continue
        above, below = best.lower > outcome.comparator_value, best.upper < outcome.comparator_value
        side = "above" if above else "below" if below else "includes"
        sides.add(side)
        assert side in chart_words.strip(outcome, line)
    assert sides == {"above", "below", "includes"}


def test_no_two_charts_of_a_page_say_the_same(state48_edition: Edition) -> None:
    clinic = next(each for each in state48_edition.clinics if each.reportable)
    html = clinic_html(state48_edition, clinic)
    texts = [text for text in re.findall(r"<title>(.*?)</title>", html)[1:] if not text.endswith(":")]
    assert len(texts) == len(set(texts)) > 2
