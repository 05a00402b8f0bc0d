"""What a reader reads: every number is the release's, what is withheld is said so, names are only names."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from pdf_text import text_of
from rendering.conftest import FEW, OUTCOMES, page_text
from rendering.read_back import unread
from rendering.releases import only, with_clinic_names

from reports.wording.writing import listed
from tasks.network.schema import Network
from tasks.release import Release
from tasks.rendering import Rendered, render_release
from tasks.rendering.clinic_report import clinic_html
from tasks.rendering.edition import Edition
from tasks.rendering.network_report import network_html, without_report
from tasks.rendering.read_edition import read_edition

NUMBER = re.compile(r"(?<![\w.,<>])[−]?\d[\d,]*(?:\.\d+)?")  # "<0.1" and ">0.99" are bounds, not values


def numbers_in(text: str) -> Iterator[tuple[str, float, float]]:
    """Each written number, its value, and half a unit of its last digit."""
    for token in NUMBER.findall(text):
        bare = token.rstrip(",").replace(",", "").replace("−", "-")
        decimals = len(bare.partition(".")[2])
        yield token, float(bare), 0.5 * 10.0**-decimals * (1 + 1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("network_name", ["chop", "state48"])
def test_every_number_a_clinic_reads_is_the_release_s(
    network_name: str, request: pytest.FixtureRequest
) -> None:
    release, network = request.getfixturevalue(network_name)
    edition = read_edition(release, network)
    clinics = [clinic for clinic in edition.clinics if clinic.reportable][::4]
    assert len(clinics) >= 10
    for clinic in clinics:
        wrong, rest = unread(clinic_html(edition, clinic), release, network, clinic.name)
        assert not wrong, clinic.name
        assert not re.findall(r".{0,40}\d.{0,40}", rest), clinic.name


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "inpatient ward b",
        pytest.param("inpatient ward r", marks=pytest.mark.before_release),
        pytest.param("specialty clinic 3", marks=pytest.mark.before_release),
    ],
)
def test_no_number_could_be_another_unnoticed(chop: tuple[Release, Network], name: str) -> None:
    """Each number of a page is made one more in its last digit, one at a time: every one is noticed."""
    release, network = chop
    edition = read_edition(release, network)
    html = re.sub(
        r"<(svg|style|title)\b.*?</\1>",
        " ",
        clinic_html(edition, next(each for each in edition.clinics if each.name == name)),
        flags=re.DOTALL,
    )
    numbers = [
        found
        for text in re.finditer(r">[^<]*\d[^<]*<", html)
        for found in re.compile(r"\d(?!\w|[.,]\d)").finditer(html, text.start(), text.end())
    ]
    assert len(numbers) > 40
    for found in numbers:
        other = str((int(found[0]) + 1) % 10)
        changed = f"{html[: found.start()]}{other}{html[found.end() :]}"
        wrong, rest = unread(changed, release, network, name)
        assert wrong or re.search(r"\d", rest), html[found.start() - 60 : found.end() + 20]


@pytest.mark.slow
def test_every_figure_in_the_networks_rows_is_its_clinics(chop: tuple[Release, Network]) -> None:
    release, network = chop
    html = network_html(read_edition(release, network))
    estimates = release["clinic_estimates"].set_index(["outcome", "clinic", "form"])
    names = {" ".join(name.split()): name for name in release["clinics"]["clinic"]}
    checked = 0
    for outcome in network.outcomes:
        label = network.outcomes[outcome].label
        section = html.split(f"<h1>{label}</h1>")[1].split("<h1")[0]
        for row in re.findall(r'<tr><th scope="row" class="name">.*?</tr>', section, re.DOTALL):
            cells = [page_text(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)]
            clinic = names[cells[0]]
            for cell, form in ((cells[2], "raw"), (cells[4], "shrunken")):
                if (outcome, clinic, form) not in estimates.index:
                    assert cell == "could not be estimated"
                    continue
                truth = estimates.loc[(outcome, clinic, form), ["value", "lower", "upper"]]
                written = list(numbers_in(cell))
                assert len(written) == 3, cell
                for (_, value, half), exact in zip(written, truth, strict=True):
                    assert value == pytest.approx(float(exact), abs=half)
                    checked += 1
    assert checked > 400


@pytest.mark.slow
def test_the_pdf_says_what_the_page_says(few: Rendered, chop: tuple[Release, Network]) -> None:
    release, network = chop
    edition = read_edition(only(release, FEW, OUTCOMES), network)
    clinic = next(each for each in edition.clinics if each.name == "behavioral hosp")
    outcome = next(each for each in edition.outcomes if each.name == "hours")
    line = outcome.by_clinic["behavioral hosp"]
    text = text_of(few.clinics["behavioral hosp"])
    for estimate in (line.raw, line.shrunken):
        assert estimate.value is not None
        assert outcome.notation.cell(estimate.value) in text
        assert f"({outcome.notation.range(estimate.lower or 0.0, estimate.upper or 0.0)})" in text
    assert f"{clinic.n_records} records of {clinic.n_patients} patients" in text
    assert "Better than the typical clinic on Time from receipt to result." in text


@pytest.mark.slow
@pytest.mark.parametrize("network_name", ["chop", "state48"])
def test_what_is_withheld_is_said_in_words(network_name: str, request: pytest.FixtureRequest) -> None:
    edition = read_edition(*request.getfixturevalue(network_name))
    for clinic in edition.clinics:
        withheld = [
            outcome for outcome in edition.outcomes if outcome.by_clinic[clinic.name].tone == "withheld"
        ]
        if clinic.reportable and withheld:
            text = page_text(clinic_html(edition, clinic))
            names = listed([outcome.label for outcome in withheld])
            assert f"Not shown, to protect patients: {names}." in text
    network = page_text(network_html(edition))
    for outcome in edition.drawn:
        count = outcome.counted("withheld")
        assert f"Not shown, to protect patients ({count} clinics)" in network


def test_no_cell_is_blank(state48_edition: Edition) -> None:
    html = network_html(state48_edition)
    bare = re.sub(r'<td class="chart">.*?</td>', "<td>chart</td>", html, flags=re.DOTALL)
    cells = [page_text(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", bare, flags=re.DOTALL)]
    assert len(cells) > 1000
    blank = [index for index, cell in enumerate(cells) if not cell]
    assert blank == []


HOSTILE = {
    "clinical lab": "<script>alert(1)</script>",
    "behavioral hosp": "{{ 7 * 7 }}{% raw %}",
    "inpatient ward t": '"><svg onload=x> & </title>',
    "specialty clinic 45": "Very" + "long" * 60,
    "nicu": "مستشفى الأطفال 12",
    "picu": "Kinder-Übergrößenträger-Ambulanz für Säuglinge und Kleinkinder am Universitätsklinikum 7",
    "laboratory": "Clinic 🏥 ünïcode",
    "gol": "בית חולים לילדים",
}


@pytest.fixture(scope="module")
def hostile(
    chop: tuple[Release, Network], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Edition, Rendered]:
    release, network = chop
    renamed = with_clinic_names(only(release, list(HOSTILE), OUTCOMES), HOSTILE)
    directory: Path = tmp_path_factory.mktemp("hostile")
    return read_edition(renamed, network), render_release(renamed, network, directory, workers=1)


@pytest.mark.slow
def test_names_are_escaped_everywhere(hostile: tuple[Edition, Rendered]) -> None:
    edition, _ = hostile
    pages = [network_html(edition), *(clinic_html(edition, clinic) for clinic in edition.clinics)]
    for page in pages:
        assert "<script" not in page
        assert "onload=x>" not in page
        tags = {tag.lower() for tag in re.findall(r"<([A-Za-z][\w-]*)", page)}
        assert tags <= ALLOWED_TAGS, tags - ALLOWED_TAGS
    for name in HOSTILE.values():
        assert name in unescape(pages[0])


@pytest.mark.slow
def test_names_are_drawn_as_they_are(hostile: tuple[Edition, Rendered]) -> None:
    _, rendered = hostile
    for key in ("clinical lab", "behavioral hosp", "inpatient ward t", "picu"):
        assert HOSTILE[key] in text_of(rendered.clinics[HOSTILE[key]])
    assert "49" not in text_of(rendered.clinics[HOSTILE["behavioral hosp"]]).split("What this means")[0]
    for key in ("nicu", "gol"):
        letters = set(HOSTILE[key]) - set(" 12")
        assert letters <= set(text_of(rendered.clinics[HOSTILE[key]])), key


@pytest.mark.slow
def test_a_name_without_spaces_stays_on_the_page(hostile: tuple[Edition, Rendered]) -> None:
    _, rendered = hostile
    long = HOSTILE["specialty clinic 45"]
    text = text_of(rendered.clinics[long]).replace(" ", "")
    assert long in text


ALLOWED_TAGS = {
    *("html", "head", "meta", "title", "body", "div", "section", "header", "p", "h1", "h2", "h3", "ul", "li"),
    *("dl", "dt", "dd", "table", "colgroup", "col", "thead", "tbody", "tr", "th", "td"),
    *("span", "strong", "bdi", "br", "svg", "style", "path", "circle", "rect", "text"),
}


def test_a_clinic_whose_figures_are_all_withheld_is_listed_with_the_reason(chop_edition: Edition) -> None:
    """Its own status is well where its records may be counted, and its figures may not be shown."""
    withheld = next(
        clinic.name
        for clinic in chop_edition.clinics
        if any(outcome.by_clinic[clinic.name].tone == "withheld" for outcome in chop_edition.outcomes)
    )
    clinics = tuple(
        dataclasses.replace(each, reportable=False, status="ok", reason=None)
        if each.name == withheld
        else each
        for each in chop_edition.clinics
    )
    listed_now = dict(without_report(dataclasses.replace(chop_edition, clinics=clinics)))
    assert withheld in listed_now["not shown, to protect patients"]
    assert "no reason was given" not in listed_now
