"""CSV as spreadsheets in Europe write it: read as it is meant, with what was assumed, or refused by line."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from tasks.errors import SourceError
from tasks.records import Records

TABLE = """\
Praxis;Datum;Größe;Geimpft
Köln;31.01.2024;12,5;Ja
Köln;2.2.2024;1.013,25;Nein
Zürich „Mitte“;03.02.2024;7;Ja
"""
READ = [
    ("Köln", "2024-01-31", 12.5, "Ja"),
    ("Köln", "2024-02-02", 1013.25, "Nein"),
    ("Zürich „Mitte“", "2024-02-03", 7.0, "Ja"),
]
COMMAS = "column 'Größe' has decimal commas: 12,5 is twelve and a half"


def written(directory: Path, content: bytes, name: str = "records.csv") -> Records:
    (directory / name).write_bytes(content)
    return Records(name, directory=str(directory))


def rows(records: Records) -> list[tuple[Any, ...]]:
    with records.connect() as connection:
        table = connection.table(f"SELECT * FROM ({records.query}) AS r")
    return [
        tuple(str(value) if hasattr(value, "isoformat") else value for value in row.values())
        for row in table.to_pylist()
    ]


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", []),
        ("utf-8-sig", []),
        (
            "cp1252",
            ["records.csv is not UTF-8, and is read as Windows-1252, as Excel in Western Europe writes it"],
        ),
        ("utf-16", ["records.csv is not UTF-8, and is read as UTF-16"]),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_every_encoding_and_line_ending(tmp_path: Path, encoding: str, ending: str, said: list[str]) -> None:
    records = written(tmp_path, TABLE.replace("\n", ending).encode(encoding))
    assert rows(records) == READ
    assert list(records.assumptions()) == [*said, COMMAS]


def test_excels_separator_line_and_a_packed_file(tmp_path: Path) -> None:
    text = "sep=;\r\n" + TABLE.replace("\n", "\r\n")
    assert rows(written(tmp_path, text.encode("cp1252"))) == READ
    assert rows(written(tmp_path, gzip.compress(text.encode("cp1252")), "records.csv.gz")) == READ


@pytest.mark.parametrize(
    ("footer", "said"),
    [
        (";;;\nSumme: 3 Zeilen\n", "records.csv lines 5 to 6, after the table, are left out"),
        ("\nSumme: 3 Zeilen", "records.csv lines 5 to 6, after the table, are left out"),
        ("Summe: 3 Zeilen\n", "records.csv line 5, after the table, is left out"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_a_footer_is_no_record(tmp_path: Path, footer: str, said: str, encoding: str) -> None:
    records = written(tmp_path, (TABLE + footer).encode(encoding))
    assert rows(records) == READ
    assert said in records.assumptions()


def test_nothing_is_assumed_of_a_plain_file(tmp_path: Path) -> None:
    records = written(tmp_path, b"clinic,date,sbp\nA,2024-01-31,12.5\nB,2024-02-02,13\n")
    assert rows(records) == [("A", "2024-01-31", 12.5), ("B", "2024-02-02", 13.0)]
    assert records.assumptions() == ()


@pytest.mark.parametrize(
    ("dates", "read", "said"),
    [
        (
            ["22.01.24", "3.4.24"],
            ["2024-01-22", "2024-04-03"],
            "day first; years 69 to 99 are those of the last",
        ),
        (
            ["22.01.2024 14:05", "03.04.2024 00:10"],
            ["2024-01-22 14:05:00", "2024-04-03 00:10:00"],
            "day first",
        ),
        (["01/02/2024", "03/04/2024"], ["2024-02-01", "2024-04-03"], "day first; no value tells"),
        (["01/22/2024", "03/04/2024"], ["2024-01-22", "2024-03-04"], None),
        (["01.02.2024", "03.04.2024"], ["2024-02-01", "2024-04-03"], None),
        (["1/22/24", "3/4/24"], ["2024-01-22", "2024-03-04"], "month first; years 69"),
        (["Jan-23", "Feb-23"], ["2023-01-01", "2023-02-01"], "as months, each its first day; years 69"),
        (["jan.23", "dez.23"], ["2023-01-01", "2023-12-01"], "as months, each its first day; years 69"),
        (["Okt 98", "Mai 01"], ["1998-10-01", "2001-05-01"], "as months, each its first day; years 69"),
        (["Januar 2023", "März 2023"], ["2023-01-01", "2023-03-01"], "as months, each its first day"),
        (["févr.-23", "AOÛT-24"], ["2023-02-01", "2024-08-01"], "as months"),
        (["enero de 2023", "Dic. 2024"], ["2023-01-01", "2024-12-01"], "as months"),
        (["out/23", "set’23"], ["2023-10-01", "2023-09-01"], "as months"),
        (["juin 2023", "juil. 2023"], ["2023-06-01", "2023-07-01"], "as months"),
        (["Jan-01", "Jan-15"], ["Jan-01", "Jan-15"], None),
        (["23-Jan", "24-Jan"], ["23-Jan", "24-Jan"], None),
        (["Jui 2023", "Mar 2023"], ["Jui 2023", "Mar 2023"], None),
        (["31.02.2024", "03.04.2024"], ["31.02.2024", "03.04.2024"], None),
        (["32.13.2024", "3.4.2024"], ["32.13.2024", "3.4.2024"], None),
    ],
)
def test_dates_as_people_write_them(
    tmp_path: Path, dates: list[str], read: list[str], said: str | None
) -> None:
    records = written(tmp_path, ("p;d\n" + "".join(f"A;{each}\n" for each in dates)).encode())
    assert [row[1] for row in rows(records)] == read
    assumed = " ".join(records.assumptions())
    assert (said in assumed) if said else not assumed


@pytest.mark.parametrize("values", [["1,234", "5,678"], ["12,5", "much"], ["A,1", "B,2"]])
def test_text_with_commas_stays_text(tmp_path: Path, values: list[str]) -> None:
    """Between commas as separators, 1,234 may be a thousand; and a word makes no number."""
    delimiter = "," if values[0] == "1,234" else ";"
    lines = "".join(f'A{delimiter}"{each}"\n' for each in values)
    records = written(tmp_path, f"p{delimiter}v\n{lines}".encode())
    assert [row[1] for row in rows(records)] == values
    assert records.assumptions() == ()


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_files_of_one_pattern_are_read_by_their_columns_names(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "m1.csv").write_text("clinic;sbp;size\nKöln;1,5;2\n", encoding)
    (tmp_path / "m2.csv").write_text("size;clinic;sbp\n3;Zürich;2,5\n", encoding)
    records = Records("m*.csv", "SELECT clinic, sbp, size FROM records", directory=str(tmp_path))
    assert rows(records) == [("Köln", 1.5, 2), ("Zürich", 2.5, 3)]


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_a_file_that_lacks_a_column_is_named(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "m1.csv").write_text("clinic,région,sbp\nKöln,N,1\n", encoding)
    (tmp_path / "m2.csv").write_text("clinic,sbp\nKöln,1\n", encoding)
    with pytest.raises(SourceError, match=r"^m2\.csv lacks the column 'région' that m1\.csv"):
        rows(Records("m*.csv", directory=str(tmp_path)))


def test_a_parquet_file_that_lacks_a_column_is_named(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"clinic": ["A"], "region": ["N"]}), tmp_path / "m1.parquet")
    pq.write_table(pa.table({"clinic": ["A"]}), tmp_path / "m2.parquet")
    with pytest.raises(SourceError, match=r"^m2\.parquet lacks the column 'region' that m1\.parquet"):
        rows(Records("m*.parquet", directory=str(tmp_path)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b,c\n1,2,3\n1,2,3\n4,5\n1,2,3\n", "records.csv line 4 has 2 fields where the header has 3"),
        ("a,b,c\n1,2,3\n1,2,3,4\n" + "1,2,3\n" * 9, "records.csv line 3 has 4 fields where the header has 3"),
        (
            "a;b;c\n" + "1;2;3\n" * 9 + "1\n" + "1;2;3\n" * 9,
            "records.csv line 11 has 1 field where the header has 3",
        ),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_a_line_that_fits_no_table_is_named(tmp_path: Path, text: str, said: str, encoding: str) -> None:
    accent = "é" if encoding == "cp1252" else ""
    records = written(tmp_path, (text.replace("b", f"b{accent}", 1)).encode(encoding))
    with pytest.raises(SourceError) as caught:
        rows(records)
    assert caught.value.message == said
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("Bericht für März\n", "records.csv line 1, above the table, is left out"),
        (
            "Bericht, Stand 31.03.2024, Haus A, Süd\n\n",
            "records.csv lines 1 to 2, above the table, are left out",
        ),
        ("Bericht;Süd\n;\n\n", "records.csv lines 1 to 3, above the table, are left out"),
    ],
)
def test_a_title_is_no_header(tmp_path: Path, title: str, said: str, encoding: str) -> None:
    records = written(tmp_path, (title + TABLE).encode(encoding))
    assert rows(records) == READ
    assert said in records.assumptions()


def test_lines_that_end_as_macintoshes_wrote_them(tmp_path: Path) -> None:
    assert rows(written(tmp_path, TABLE.replace("\n", "\r").encode())) == READ


def test_a_field_of_any_length(tmp_path: Path) -> None:
    records = written(tmp_path, (TABLE + "K" * 200_000 + ";4.2.2024;8;Nein\n").encode())
    assert [len(clinic) for clinic, *_ in rows(records)][-1] == 200_000


@pytest.mark.parametrize("mark", ["", ".", " ", "\u00a0", "\u202f", "'", "’"])
def test_what_stands_between_thousands(tmp_path: Path, mark: str) -> None:
    records = written(tmp_path, f"k;x\na;12{mark}345,5\na;7\n".encode())
    assert [x for _, x in rows(records)] == [12345.5, 7.0]


def test_a_dot_before_three_digits_beside_decimal_commas(tmp_path: Path) -> None:
    records = written(tmp_path, b"x;y;z\n1,5;1.200;0.125\n2;950;0.250\n")
    assert rows(records) == [(1.5, 1200.0, 0.125), (2.0, 950.0, 0.25)]
    said = "column 'y' has dots between thousands, since others have decimal commas: 1.200 is 1200"
    assert said in records.assumptions()


def test_three_digits_after_every_dot_may_be_thousands(tmp_path: Path) -> None:
    records = written(tmp_path, b"x;y\na;1.200\nb;2.150\n")
    assert [y for _, y in rows(records)] == [1.2, 2.15]
    said = "column 'y' has three digits after every dot, read as decimals: 1.200 is 1.2, and not 1200"
    assert records.assumptions() == (said,)


@pytest.mark.parametrize(
    ("others", "said"),
    [
        (["k.A."], "1 of its 5 values is no number, the first in line 6 of records.csv"),
        (["-", "", "#NV"], "2 of its 6 values are no number, the first in line 6 of records.csv"),
    ],
)
@pytest.mark.parametrize("number", ["12,5", "12.5", "12"])
def test_what_keeps_a_column_from_being_numbers_is_found(
    tmp_path: Path, others: list[str], said: str, number: str
) -> None:
    values = [number] * 4 + others
    records = written(
        tmp_path, "".join(f"{each}\n" for each in ["k;x", *(f"a;{x}" for x in values)]).encode()
    )
    (sentence,) = records.nearly_read()
    assert sentence.startswith(f"column 'x' is read as text: {said}")


@pytest.mark.parametrize(
    ("months", "said"),
    [
        (["Jan-23", "Feb-23", "jui-23"], "1 of its 3 values is no month with its year, the first in line 4"),
        (
            ["Jan 2023", "-", "", "Feb 2023", "Mar 2023"],
            "1 of its 4 values is no month with its year, the fir",
        ),
        (["Jan-01", "Jan-15", "Feb-01"], "numbers that can be days as well as years, the first in line 2"),
        (["", "23-Jan", "1-feb"], "numbers that can be days as well as years, the first in line 3"),
        (["Jan-2023", "15-Feb", "16-Feb"], "numbers that can be days as well as years, the first in line 3"),
    ],
)
def test_what_keeps_a_column_from_being_months_is_found(tmp_path: Path, months: list[str], said: str) -> None:
    content = "".join(["clinic,month\n", *(f"A,{month}\n" for month in months)])
    (sentence,) = written(tmp_path, content.encode()).nearly_read()
    assert sentence.startswith("column 'month' is read as text: ")
    assert said in sentence


def test_text_is_not_nearly_numbers(tmp_path: Path) -> None:
    assert written(tmp_path, b"k;x\na;12\na;b\nb;c\n").nearly_read() == ()
