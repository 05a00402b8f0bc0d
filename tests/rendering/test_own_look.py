"""Reports with the network's own words, templates, styles, paper and logo."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2.exceptions import SecurityError
from pdf_text import text_of
from pypdf import PdfReader
from rendering.conftest import FEW, OUTCOMES, page_text
from rendering.matterhorn import failures
from rendering.releases import chop_like, only

from tasks.network.appearance import ReportSection
from tasks.network.schema import Network
from tasks.release import Release
from tasks.rendering.attached_tables import tables_of
from tasks.rendering.clinic_report import clinic_html
from tasks.rendering.document import Look, write_pdf
from tasks.rendering.network_report import network_html
from tasks.rendering.page import write_clinic_page, write_network_pages
from tasks.rendering.read_edition import read_edition

LOGO = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'


def _network(directory: Path, files: dict[str, str], **report: object) -> tuple[Release, Network]:
    """A release of few clinics, and a network with files of its own in `directory`/house."""
    release, network = chop_like()
    for name, text in files.items():
        path = directory / "house" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    look = ReportSection.model_validate({"own_files": "house"} | report)
    return only(release, FEW, OUTCOMES), network.model_copy(update={"report": look, "directory": directory})


@pytest.mark.slow
def test_own_words_go_before_ours_and_the_rest_stay(tmp_path: Path) -> None:
    release, network = _network(tmp_path, {"wording/en.toml": '[clinic]\nin_short = "In three lines"\n'})
    edition = read_edition(release, network)
    clinic = next(each for each in edition.clinics if each.reportable)
    text = page_text(clinic_html(edition, clinic))
    assert "In three lines" in text
    assert "What this means" not in text
    assert "What to do" in text
    plain = page_text(clinic_html(read_edition(*chop_like()), clinic))
    assert "What this means" in plain  # another network in the same process has ours


@pytest.mark.slow
def test_own_templates_and_styles_go_before_ours(tmp_path: Path) -> None:
    own = {
        "templates/network/unestimated.html.j2": "<p>Ours, {{ release.period|period }}</p>",
        "styles/screen.css": "p { color: teal }",
    }
    release, network = _network(tmp_path, own, accent="#7a1f3d")
    edition = read_edition(release, network)
    assert "Ours, May 2020" in page_text(network_html(edition))
    write_network_pages(edition, tmp_path / "page")
    styles = (tmp_path / "page/style.css").read_text()
    assert "p { color: teal }" in styles
    assert ":root { --accent: #7a1f3d }" in styles


@pytest.mark.parametrize(
    "template", ["{{ say.__globals__ }}", "{{ ''.__class__.__mro__[1].__subclasses__() }}"]
)
def test_an_own_template_reaches_nothing_but_what_it_is_given(tmp_path: Path, template: str) -> None:
    release, network = _network(tmp_path, {"templates/clinic_unreported.html.j2": template})
    edition = read_edition(release, network)
    withheld = next(each for each in edition.clinics if not each.reportable)
    with pytest.raises(SecurityError):
        clinic_html(edition, withheld)


@pytest.mark.slow
def test_a_letter_has_the_room_of_an_a4_page_and_the_logo_on_its_first(tmp_path: Path) -> None:
    (tmp_path / "logo.svg").write_text(LOGO)
    release, network = _network(tmp_path, {}, paper="Letter", logo="logo.svg", own_files=None)
    edition = read_edition(release, network)
    clinic = next(each for each in edition.clinics if each.reportable)
    file = tmp_path / "clinic.pdf"
    write_pdf(clinic_html(edition, clinic), file, Look.of(network))
    pages = PdfReader(file).pages
    assert [tuple(map(float, page.mediabox[2:])) for page in pages] == [(612.0, 792.0)] * 2
    assert failures(file) == []  # the logo has a text: the network's name
    write_clinic_page(edition, clinic, tmp_path / "page")
    write_network_pages(edition, tmp_path / "page")
    html = (tmp_path / "page/clinics" / f"{clinic.slug}.html").read_text()
    assert '<img class="logo" src="../logo.svg" alt="Children’s hospital test clinics">' in html
    assert (tmp_path / "page/logo.svg").read_text() == LOGO


@pytest.mark.slow
def test_a_pdf_carries_the_release_s_tables_if_asked_to(tmp_path: Path) -> None:
    release, network = _network(tmp_path, {}, attach_tables=True, own_files=None)
    edition = read_edition(release, network)
    html = clinic_html(edition, next(each for each in edition.clinics if each.reportable))
    for name in ("one.pdf", "two.pdf"):
        write_pdf(html, tmp_path / name, Look.of(network), tables_of(edition))
    assert (tmp_path / "one.pdf").read_bytes() == (tmp_path / "two.pdf").read_bytes()
    reader = PdfReader(tmp_path / "one.pdf")
    assert {"clinics.csv", "indicators.csv", "measures.csv"} <= set(reader.attachments)
    assert reader.attachments["clinics.csv"][0].decode() == release["clinics"].to_csv(index=False)
    assert "pdfaid:part" in reader.xmp_metadata.rdf_root.toxml()  # type: ignore[union-attr]
    assert "Clinic report" in text_of(tmp_path / "one.pdf")
    assert tables_of(read_edition(*chop_like())) == []
