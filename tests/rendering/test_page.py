"""The page says what the PDFs say, and needs nothing but its own folder."""

from __future__ import annotations

import dataclasses
import html
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from reports.wording import say
from tasks.network.schema import Network
from tasks.release import Release, Since
from tasks.rendering import render_release
from tasks.rendering.clinic_report import clinic_html
from tasks.rendering.edition import Edition
from tasks.rendering.network_report import network_html
from tasks.rendering.page import CONTENT_POLICY, write_clinic_page, write_network_pages
from tasks.rendering.read_edition import read_edition
from tasks.rendering.region_pages import region_pages
from tasks.rendering.shown_figures import Change, Estimate

pytestmark = pytest.mark.slow

_VOID = {"meta", "link", "br", "col", "img", "input", "hr", "path", "circle", "rect"}


class Outline(HTMLParser):
    """What a page is made of."""

    def __init__(self, page: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.page = page
        self.links: list[str] = []
        self.resources: list[str] = []
        self.scripts: list[str] = []
        self.headings: list[int] = []
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.pictures: list[str] = []
        self.ids: list[str] = []
        self._open: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))
        assert not self._open, f"{page.name} leaves {self._open} open"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        self.attributes |= set(found)
        if found.get("id"):
            self.ids.append(str(found["id"]))
        if tag == "a":
            self.links.append(str(found["href"]))
        if tag == "link":
            self.resources.append(str(found["href"]))
        if tag == "script":
            self.scripts.append(str(found.get("src") or ""))
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "svg" and found.get("role") == "img":
            self.pictures.append("")
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            assert self._open.pop() == tag, f"{self.page.name}: </{tag}>"

    def handle_data(self, data: str) -> None:
        if self._open[-2:] == ["svg", "title"]:
            self.pictures[-1] = data


@pytest.fixture(scope="module")
def pages(chop: tuple[Release, Network], tmp_path_factory: pytest.TempPathFactory) -> list[Outline]:
    edition = read_edition(*chop)
    folder = tmp_path_factory.mktemp("release") / "page"
    write_network_pages(edition, folder)
    for clinic in edition.clinics:
        write_clinic_page(edition, clinic, folder)
    return [Outline(each) for each in sorted(folder.rglob("*.html"))]


def test_every_link_leads_to_a_page_of_the_folder_or_to_a_report(pages: list[Outline]) -> None:
    folder = next(each.page.parent for each in pages if each.page.name == "index.html")
    known = {each.page for each in pages}
    for each in pages:
        assert each.links
        for link in each.links:
            parts = urlsplit(link)
            assert not parts.scheme
            assert not parts.netloc
            if not parts.path:
                assert parts.fragment in each.ids
                continue
            target = (each.page.parent / unquote(parts.path)).resolve()
            reported = target.is_relative_to(folder.parent / "reports") and target.suffix == ".pdf"
            data = target.is_relative_to(folder.parent / "feed") and target.suffix == ".json"
            assert target in known or reported or data, f"{each.page.name}: {link}"
        assert [(each.page.parent / it).resolve() for it in each.resources] == [folder / "style.css"]


def test_nothing_is_asked_for_that_the_policy_forbids(pages: list[Outline]) -> None:
    folder = next(each.page.parent for each in pages if each.page.name == "index.html")
    for each in pages:
        text = each.page.read_text(encoding="utf-8")
        assert f'Content-Security-Policy" content="{CONTENT_POLICY}"' in html.unescape(text)
        assert not {"style", "iframe", "object", "img", "form"} & set(each.tags)
        assert [src and (each.page.parent / src).resolve() for src in each.scripts] == [folder / "script.js"]
        assert "style" not in each.attributes
        assert not [name for name in each.attributes if name.startswith("on")]
    style = (folder / "style.css").read_text(encoding="utf-8")
    assert "url(" not in style
    assert "@import" not in style


def test_it_can_be_read_aloud(pages: list[Outline]) -> None:
    """Headings leave out no level, one heads the page, landmarks are there, and charts have words."""
    for each in pages:
        assert each.headings[0] == 1
        assert all(
            after - before <= 1 for before, after in zip(each.headings, each.headings[1:], strict=False)
        )
        assert {"main", "nav", "header", "footer"} <= set(each.tags)
        assert each.tags.count("main") == 1
        assert all(each.pictures)
        assert len(set(each.ids)) == len(each.ids)


def test_it_says_what_the_pdf_says(chop_edition: Edition, pages: list[Outline]) -> None:
    said = {each.page.stem: _words(each.page.read_text(encoding="utf-8")) for each in pages}
    clinics = {clinic.slug for clinic in chop_edition.clinics}
    every = " ".join(text for name, text in said.items() if name not in clinics)
    parts = re.findall(r"<p[ >].*?</p>|<td.*?</td>|<dd.*?</dd>", network_html(chop_edition), re.DOTALL)
    told = [_words(part) for part in parts]
    assert len(told) > 500
    assert not [each for each in told if each not in every]
    for clinic in chop_edition.clinics[:6]:
        own = [
            _words(part)
            for part in re.findall(r"<p[ >].*?</p>", clinic_html(chop_edition, clinic), re.DOTALL)
        ]
        assert own
        assert not [each for each in own if each not in said[clinic.slug]]


def _words(text: str) -> str:
    bare = re.sub(r"<style>.*?</style>|<[^>]*>", " ", text, flags=re.DOTALL)
    return " ".join(html.unescape(bare).split())


def test_a_name_that_looks_like_markup_is_only_a_name(chop: tuple[Release, Network], tmp_path: Path) -> None:
    release, network = chop
    name = '<script>alert(1)</script> style="x"'
    tables = {
        table: frame.replace({"clinic": {str(release["clinics"]["clinic"].iloc[0]): name}})
        if "clinic" in frame
        else frame
        for table, frame in release.tables.items()
    }
    edition = read_edition(Release(**{**vars(release), "tables": tables}), network)
    write_network_pages(edition, tmp_path)
    outline = Outline(tmp_path / "clinics.html")
    assert outline.scripts == ["script.js"]
    assert _words(html.escape(name)) in _words(outline.page.read_text(encoding="utf-8"))


def test_an_outcome_without_figures_is_told_with_its_reason(chop_edition: Edition, tmp_path: Path) -> None:
    first, *others = chop_edition.outcomes
    nothing = dict.fromkeys(("raw", "adjusted", "shrunken"), Estimate(status="not_estimable"))
    lines = tuple(dataclasses.replace(line, **nothing) for line in first.lines)
    gone = dataclasses.replace(first, lines=lines, status="not_estimable", reason="nobody was asked")
    edition = dataclasses.replace(chop_edition, outcomes=(gone, *others))
    write_network_pages(edition, tmp_path)
    overview = _words((tmp_path / "index.html").read_text(encoding="utf-8"))
    told = overview.split("Outcomes without an estimate")[1]
    assert told.startswith(f" {first.label}. Could not be estimated: nobody was asked.")
    assert len(list(tmp_path.glob("outcome-*.html"))) == len(edition.drawn) == len(chop_edition.drawn) - 1


def test_a_release_has_both(chop: tuple[Release, Network], tmp_path: Path) -> None:
    from rendering.conftest import FEW, OUTCOMES, only

    release, network = chop
    rendered = render_release(only(release, FEW, OUTCOMES), network, tmp_path, workers=1)
    assert rendered.network == tmp_path / "reports/network.pdf"
    for pdf in rendered.clinics.values():
        assert (tmp_path / "page/clinics" / f"{pdf.stem}.html").exists()
    first = {each.name: each.read_bytes() for each in (tmp_path / "page").rglob("*") if each.is_file()}
    again = tmp_path / "again"
    render_release(only(release, FEW, OUTCOMES), network, again, workers=2)
    assert {each.name: each.read_bytes() for each in (again / "page").rglob("*") if each.is_file()} == first


def test_what_changed_stands_on_a_page_of_its_own_with_every_change(
    chop: tuple[Release, Network], tmp_path: Path
) -> None:
    edition = read_edition(*chop)
    assert edition.since is None
    changes = (
        Change("hours", "gol", "", "comparison", before="better", after="no_different"),
        Change("hours", "gol", "2020-04", "restated", value_before=3.0, value_after=3.5),
        Change("positive", "", "", "verdict", before="grade", after="rank"),
        Change("", "picu", "", "clinic_new"),
    )
    since = dataclasses.replace(edition.release, since=Since("0123456789ab", "2020-04"))
    write_network_pages(dataclasses.replace(edition, release=since, changes=changes), tmp_path)
    text = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", (tmp_path / "changes.html").read_text())).split())
    for said in (
        "Since the report for April 2020",
        "gol Time from receipt to result all months together from “better” to “not shown to differ”",
        "gol Time from receipt to result April 2020 from 3.00",
        "The network Positive tests all months together from “We grade clinics on this” to “We rank clinics",
        "picu all months together has records now; it had none before",
    ):
        assert said.replace("\u00a0", " ") in text.replace("\u00a0", " "), said
    write_network_pages(edition, tmp_path / "first")
    assert not (tmp_path / "first/changes.html").exists()


def test_a_region_s_page_holds_its_clinics_and_counts_them(
    state48: tuple[Release, Network], tmp_path: Path
) -> None:
    edition = read_edition(*state48)
    write_network_pages(edition, tmp_path)
    regions = region_pages(edition)
    assert [each.name for each in regions] == ["Coast", "Delta", "Highlands", "Lakes", "Metro", "Plains"]
    assert sum(len(each.clinics) for each in regions) == len(edition.clinics)
    overview = _words_on(tmp_path / "regions.html")
    for region in regions:
        told = _words_on(tmp_path / f"regions/{region.file}.html")
        assert all(clinic.name in told for clinic in region.clinics)
        for outcome, (words,) in region.standing:
            tones = [outcome.by_clinic[clinic.name].tone for clinic in region.clinics]
            for tone in set(tones):
                assert f"{tones.count(tone)} {say(f'tone_short.{tone}')}" in words
            assert words in overview
            assert words in told
    for page in [tmp_path / "regions.html", *(tmp_path / "regions").iterdir()]:
        for link in Outline(page).links:
            target = (page.parent / unquote(urlsplit(link).path)).resolve()
            inside = target.is_relative_to(tmp_path) and target.parent.name != "clinics"
            assert not inside or target.exists() or link.startswith("#"), link


def test_two_regions_that_are_written_alike_have_a_page_each(state48: tuple[Release, Network]) -> None:
    edition = read_edition(*state48)
    renamed = tuple(
        dataclasses.replace(each, region="Coast!" if each.region == "Delta" else each.region)
        for each in edition.clinics
    )
    files = [each.file for each in region_pages(dataclasses.replace(edition, clinics=renamed))]
    assert len(set(files)) == len(files) == 6
    assert "coast" in files


def test_a_network_without_regions_has_no_page_of_them(pages: list[Outline]) -> None:
    folder = next(each.page.parent for each in pages if each.page.name == "index.html")
    assert not (folder / "regions.html").exists()
    assert not any("regions" in link for each in pages for link in each.links)


def _words_on(page: Path) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.read_text())).split())
