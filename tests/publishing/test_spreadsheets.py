"""CSV that a spreadsheet opens as it is meant: no formula runs, no month becomes a day, no name a number."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd
import pytest

from reports.wording import speaking
from tasks.publishing.feed import write_feed
from tasks.publishing.spreadsheets import spreadsheet
from tasks.release import TABLES, Release


def _cells(written: bytes, delimiter: str = ",") -> list[list[str]]:
    assert written.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(written.decode("utf-8-sig"), newline=""), delimiter=delimiter))


@pytest.mark.parametrize(
    "name",
    [
        '=HYPERLINK("http://x","y")',
        "+1",
        "-2+3",
        "@SUM(A1)",
        "\tx",
        "007",
        "1.5",
        "2020-05",
        "2024-Q2",
        "2024-W05",
        "12/03",
        "1E5",
        "3 May",
        "10-12",
        "50%",
    ],
)
def test_what_a_spreadsheet_would_compute_or_change_is_shown_as_it_stands(name: str) -> None:
    ((header,), (cell,)) = _cells(spreadsheet(["clinic"], [[name]]))
    assert header == "clinic"
    assert cell == '="' + name.replace('"', '""') + '"'


@pytest.mark.parametrize("name", ["Ward 1", "Çelik & Söhne", "1st Avenue", "North-South", "a=b", ""])
def test_other_texts_stay(name: str) -> None:
    assert _cells(spreadsheet(["clinic"], [[name]]))[1:] == [[name]]


def test_numbers_are_written_as_the_language_s_spreadsheets_read_them() -> None:
    row = [1.5, 12, True, None, "x"]
    assert _cells(spreadsheet(list("abcde"), [row]))[1] == ["1.5", "12", "TRUE", "", "x"]
    with speaking("es"):
        assert _cells(spreadsheet(list("abcde"), [row]), ";")[1] == ["1,5", "12", "TRUE", "", "x"]


@pytest.mark.slow
def test_the_feed_has_them_if_asked_and_they_hold_the_same_rows(release: Release, tmp_path: Path) -> None:
    write_feed(release, tmp_path / "without")
    assert not (tmp_path / "without/spreadsheet").exists()
    write_feed(release, tmp_path, spreadsheets=True)
    for table in TABLES:
        plain = pd.read_csv(tmp_path / f"{table.name}.csv", dtype=str, keep_default_na=False)
        told = pd.read_csv(
            tmp_path / f"spreadsheet/{table.name}.csv", dtype=str, keep_default_na=False, encoding="utf-8-sig"
        )
        shown = told.apply(lambda cells: cells.str.replace(r'^="(.*)"$', r"\1", regex=True))
        shown = shown.replace({"TRUE": "true", "FALSE": "false"})
        pd.testing.assert_frame_equal(shown, plain)
