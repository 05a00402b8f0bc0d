from __future__ import annotations

import dataclasses
from pathlib import Path

import pypdf
import pytest
from pdf_text import pages_of, text_of
from rendering.conftest import FEW, OUTCOMES
from rendering.releases import only
from weasyprint.urls import FatalURLFetchingError

from tasks.network.schema import Network
from tasks.release import Release
from tasks.rendering import Rendered, RenderingFailedError, render_release
from tasks.rendering.document import write_pdf

TWO = FEW[1:3]


@pytest.mark.slow
def test_there_is_a_pdf_for_the_network_and_one_for_every_clinic(few: Rendered) -> None:
    assert few.network.name == "network.pdf"
    assert {path.name for path in few.clinics.values()} == {
        "clinical-lab.pdf",
        "behavioral-hosp.pdf",
        "inpatient-ward-t.pdf",
        "specialty-clinic-45.pdf",
    }
    assert list(few) == list(few.paths)
    assert len(few) == 5
    assert all(path.read_bytes().startswith(b"%PDF-") for path in few)


@pytest.mark.slow
def test_a_clinic_with_figures_gets_two_pages_and_one_without_gets_one(few: Rendered) -> None:
    pages = {name: len(pypdf.PdfReader(path).pages) for name, path in few.clinics.items()}
    assert pages == {
        "clinical lab": 2,
        "behavioral hosp": 2,
        "inpatient ward t": 2,
        "specialty clinic 45": 1,
    }


@pytest.mark.slow
def test_the_same_release_gives_the_same_bytes_whoever_renders_it(
    few: Rendered, chop: tuple[Release, Network], tmp_path: Path
) -> None:
    release, network = chop
    told: list[tuple[int, int]] = []
    again = render_release(
        only(release, FEW, OUTCOMES),
        network,
        tmp_path,
        workers=2,
        progress=lambda done, of: told.append((done, of)),
    )
    assert told == [(done, 5) for done in range(1, 6)]
    for first, second in zip(few, again, strict=True):
        assert first.read_bytes() == second.read_bytes()


@pytest.mark.slow
def test_one_failing_clinic_does_not_cost_the_others_theirs(
    chop: tuple[Release, Network], tmp_path: Path
) -> None:
    release, network = chop
    (tmp_path / "reports" / "clinics" / "behavioral-hosp.pdf").mkdir(
        parents=True
    )  # the file cannot be written there
    with pytest.raises(RenderingFailedError, match="behavioral hosp") as failure:
        render_release(only(release, TWO, OUTCOMES), network, tmp_path, workers=1)
    assert set(failure.value.failures) == {"behavioral hosp"}
    assert (tmp_path / "reports" / "network.pdf").is_file()
    assert (tmp_path / "reports" / "clinics" / "inpatient-ward-t.pdf").is_file()


def test_two_clinics_with_one_file_name_are_refused(chop: tuple[Release, Network], tmp_path: Path) -> None:
    release, network = chop
    clinics = only(release, TWO, OUTCOMES)["clinics"].assign(slug="same")
    twins = dataclasses.replace(
        only(release, TWO, OUTCOMES), tables={**only(release, TWO, OUTCOMES).tables, "clinics": clinics}
    )
    with pytest.raises(ValueError, match=r"same\.pdf"):
        render_release(twins, network, tmp_path)


class TestDocument:
    def test_it_says_what_it_is_and_in_which_language(self, few: Rendered) -> None:
        reader = pypdf.PdfReader(few.network)
        root = reader.trailer["/Root"]
        assert root["/Lang"] == "en"
        assert root["/MarkInfo"]["/Marked"].value
        assert reader.metadata is not None
        assert reader.metadata.title == "Children’s hospital test clinics: Network report, May 2020"
        assert "pdfuaid:part" in reader.xmp_metadata.rdf_root.toxml()  # type: ignore[union-attr]

    def test_its_date_is_the_cut_off_and_not_the_clock(self, few: Rendered) -> None:
        for path in few:
            raw = pypdf.PdfReader(path).metadata
            assert raw is not None
            assert str(raw["/CreationDate"]).startswith("D:20200521")

    def test_bookmarks_lead_to_every_outcome(self, few: Rendered) -> None:
        reader = pypdf.PdfReader(few.network)
        titles = {item.title for item in reader.outline if not isinstance(item, list)}
        assert {
            "Network report, May 2020",
            "Positive tests",
            "Data quality",
            "How these figures are made",
        } <= titles

    @pytest.mark.slow
    def test_every_page_says_release_cut_off_policy_and_number(self, few: Rendered) -> None:
        for path in few:
            pages = pages_of(path)
            for number, text in enumerate(pages, start=1):
                assert "Release 3f9c27d1a0b4 · records up to 21 May 2020" in text
                assert f"Page {number} of {len(pages)}" in text
                assert "Counts from 1 to 10" in text

    def test_fonts_are_inside(self, few: Rendered) -> None:
        page = pypdf.PdfReader(few.clinics["clinical lab"]).pages[0]
        fonts = page["/Resources"]["/Font"]  # type: ignore[index]
        names = set()
        for font in fonts.values():
            descendant = font.get_object()["/DescendantFonts"][0].get_object()
            assert descendant["/FontDescriptor"].keys() & {"/FontFile", "/FontFile2", "/FontFile3"}
            names.add(str(descendant["/BaseFont"]).split("+")[-1])
        assert all("Clinicnet" in name for name in names)

    @pytest.mark.parametrize("address", ["http://127.0.0.1:9/x.png", "file:///etc/hostname"])
    def test_nothing_outside_the_document_is_opened(self, address: str, tmp_path: Path) -> None:
        html = f'<html lang="en"><title>t</title><img alt="" src="{address}"></html>'
        with pytest.raises(FatalURLFetchingError, match="Error fetching"):
            write_pdf(html, tmp_path / "x.pdf")
        assert not (tmp_path / "x.pdf").exists()


def test_the_withheld_clinic_is_told_why(few: Rendered) -> None:
    text = text_of(few.clinics["specialty clinic 45"])
    assert "too few records, or too few patients, in this period for any figure to be shown" in text
    assert "compared with others once it rests on at least 25 records" in text
