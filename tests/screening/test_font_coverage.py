"""Names in any script are drawn, and one that cannot be is refused before any work, never left blank."""

from __future__ import annotations

from pathlib import Path

import pypdf
import pytest

from reports.fonts.drawable import MORE_FONTS, code_points, undrawable
from tasks.errors import RecordsError
from tasks.network import read_network
from tasks.network.problems import NetworkFileError
from tasks.records import Records
from tasks.rendering.document import write_pdf
from tasks.screening import check_network, screen
from tests.screening.tables import months_of, write_table

OWN = [
    "Поликлиника № 12",
    "Κέντρο Υγείας",
    "Ärztehaus Köln",
    "Đa khoa",
    "عيادة النور",
    "מרפאה",
    "O’Brien's & Sons <C>",
]
OTHERS = [
    "서울 제일의원",
    "दिल्ली स्वास्थ्य केंद्र",
    "คลินิกกรุงเทพ",
    "🏥 Harbour",
    "北京朝阳诊所",
    "さくら診療所",
    "ক্লিনিক",
]
PRIVATE = "\U000f8f3a"
"""Of a private plane: no font of scripts has it, and no font of symbols that somebody installed."""

FILE = """\
[network]
name = "Letters"

[records]
source = "records.duckdb"
select = "SELECT * FROM visits_table"

[outcomes.vaccinated]
label = "Vaccinated"
kind = "binary"
direction = "higher"
"""


def _network(directory: Path, clinic: str, text: str = FILE) -> Path:
    rows = [*months_of("A", 20), *months_of("B", 20), *months_of(clinic, 20)]
    write_table(directory / "records.duckdb", rows)
    file = directory / "network.toml"
    file.write_text(text, "utf-8")
    return file


@pytest.mark.parametrize("name", OWN)
def test_the_reports_own_fonts_are_enough_for_these(name: str) -> None:
    assert undrawable(name) == ""


@pytest.mark.parametrize("name", OTHERS)
def test_a_name_in_any_script_is_in_the_pdf(name: str, tmp_path: Path) -> None:
    if undrawable("서क🏥"):
        pytest.skip(f"needs fonts: {MORE_FONTS}")
    assert undrawable(name) == ""
    file = tmp_path / "name.pdf"
    write_pdf(f"<html lang='en'><head><title>t</title></head><body><p>{name}</p></body></html>", file)
    (page,) = pypdf.PdfReader(file).pages
    assert name.replace(" ", "") in page.extract_text().replace(" ", "").replace("\n", "")
    fonts = page["/Resources"]["/Font"]  # type: ignore[index]
    assert any("Clinicnet" not in font.get_object()["/BaseFont"] for font in fonts.values())


def test_letters_without_ink_need_no_font() -> None:
    assert undrawable("a\u200db\u00a0c\ufe0f\u2028") == ""
    assert undrawable(f"a{PRIVATE}b{PRIVATE}") == PRIVATE
    assert code_points(PRIVATE + "\U0001f3e5") == "U+F8F3A, U+1F3E5"


def test_a_name_that_cannot_be_drawn_is_said_by_check_and_stops_a_run(tmp_path: Path) -> None:
    file = _network(tmp_path, f"Ward {PRIVATE}")
    with pytest.raises(NetworkFileError) as said:
        check_network(file)
    assert "has letters that no font of this machine can draw (U+F8F3A)" in str(said.value)
    assert MORE_FONTS in str(said.value)
    assert "[clinics] renamed" in str(said.value)
    network = read_network(file)
    with pytest.raises(RecordsError, match="no font of this machine can draw"):
        screen(Records.of(network), network, "2024-01")


def test_a_name_of_today_that_can_be_drawn_is_the_way_out(tmp_path: Path) -> None:
    check_network(
        _network(
            tmp_path, f"Ward {PRIVATE}", f'{FILE}\n[clinics]\nrenamed = {{ "Ward {PRIVATE}" = "Ward 7" }}\n'
        )
    )


def test_so_it_is_with_a_label(tmp_path: Path) -> None:
    file = _network(tmp_path, "C", FILE.replace('"Vaccinated"', f'"Vaccinated {PRIVATE}"'))
    with pytest.raises(NetworkFileError, match=r"line 9.*label has letters that no font"):
        check_network(file)
