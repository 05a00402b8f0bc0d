"""`[report]`: what cannot be a logo, a colour or a file of the network's own is said with the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.own_files import OwnFiles, replaceable
from tasks.network.appearance import MOST_BYTES, contrast_on_white
from tasks.network.own_words import wrong_with
from tasks.network.problems import NetworkFileError
from tasks.network.reading import read_network

FILE = """\
[network]
name = "Three clinics"

[records]
source = "records.duckdb"
select = "SELECT * FROM visits"

[outcomes.days]
label = "Days"
kind = "continuous"
direction = "lower"

[report]
"""
PIXEL = b"\x89PNG\r\n\x1a\n"


def _wrong(directory: Path, line: str) -> str:
    file = directory / "network.toml"
    file.write_text(FILE + line, "utf-8")
    with pytest.raises(NetworkFileError) as said:
        read_network(file)
    (problem,) = said.value.problems
    return str(problem)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('logo = "logo.gif"', "logo = 'logo.gif' is no picture that is drawn; give an .svg, .png or .jpg"),
        (
            'logo = "none.svg"',
            "there is no file 'none.svg' beside the network file; give its path from there",
        ),
        (
            'logo = "text.png"',
            "logo 'text.png' is no PNG inside; give a file that is what its name says",
        ),
        (
            'logo = "large.png"',
            "logo 'large.png' has 500,008 bytes, and every report carries it; give one of at most 500,000",
        ),
        ('accent = "navy"', "accent = 'navy' is no colour; write it as #16324f"),
        (
            'accent = "#ffcc00"',
            "accent = '#ffcc00' has a contrast of 1.5 on white, and headings need 4.5; take a darker one",
        ),
        ('paper = "A5"', "paper = 'A5' is not one of A4, Letter"),
        (
            'own_files = "none"',
            "there is no folder 'none' beside the network file; give its path from there",
        ),
    ],
)
def test_what_cannot_be_is_said_with_its_line(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "text.png").write_text("not a picture")
    (tmp_path / "large.png").write_bytes(PIXEL + bytes(MOST_BYTES))
    assert _wrong(tmp_path, line) == f"line 14: [report] {said}"


def test_the_contrast_is_wcag_s() -> None:
    assert contrast_on_white("#ffffff") == pytest.approx(1.0)
    assert contrast_on_white("#000000") == pytest.approx(21.0)
    assert contrast_on_white("#767676") == pytest.approx(4.54, abs=0.005)  # the lightest grey that passes AA


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "templates/clinik.html.j2",
            "",
            "templates/clinik.html.j2 goes before no file of clinicnet's; did you mean "
            "'templates/clinic.html.j2'",
        ),
        ("templates/clinic.html.j2", "a\n{% if x %}", "templates/clinic.html.j2 line 2 is no template"),
        ("wording/en.toml", "[clinic\n", "wording/en.toml is not valid TOML"),
        (
            "wording/en.toml",
            '[clinic]\nown = "Yours {nope}"',
            "wording/en.toml, clinic.own: nothing fills {nope}; the places are: none",
        ),
        (
            "wording/en.toml",
            '[clinic]\nregion = "In {place}"',
            "wording/en.toml, clinic.region: nothing fills {place}; the places are: {region}",
        ),
        (
            "wording/en.toml",
            '[clinic]\nown = "Yours {"',
            "wording/en.toml, clinic.own: a brace opens or closes nothing; write {{ and }} for braces",
        ),
        (
            "wording/en.toml",
            '[clinic]\nmine = "x"',
            "wording/en.toml has a sentence 'clinic.mine' that nothing says",
        ),
        (
            "wording/en.toml",
            '[[glossary]]\nterm = "x"\nmeans = "y"',
            "wording/en.toml has a table 'glossary', which stays as it is; leave it out",
        ),
    ],
)
def test_own_files_that_nothing_can_be_made_of_are_named(name: str, text: str, said: str) -> None:
    (found,) = wrong_with(OwnFiles(((name, text),)))
    assert found.startswith(said)


def test_own_files_that_are_right_have_nothing_wrong() -> None:
    words = '[clinic]\nown = "Yours"\nregion = "In {region}, each {period}"'
    assert list(wrong_with(OwnFiles((("wording/en.toml", words), ("styles/report.css", "p {}"))))) == []


def test_a_folder_is_read_once_and_hidden_files_are_none(tmp_path: Path) -> None:
    (tmp_path / "house/styles").mkdir(parents=True)
    (tmp_path / "house/styles/report.css").write_text("p {}")
    (tmp_path / "house/.DS_Store").write_bytes(b"\x00\xff")
    (tmp_path / "network.toml").write_text(FILE + 'own_files = "house"', "utf-8")
    network = read_network(tmp_path / "network.toml")
    (tmp_path / "house/styles/report.css").write_text("p { color: red }")
    assert network.own_files.found == (("styles/report.css", "p {}"),)


def test_what_may_be_replaced_is_there() -> None:
    names = replaceable()
    assert {"wording/en.toml", "templates/clinic.html.j2", "charts/plots.svg.j2", "styles/report.css"} <= {
        *names
    }
    assert "wording/feed/es.toml" not in names
