"""The feed: every release table as Parquet, CSV and JSON, with the data package that describes them.

The same release gives the same bytes: rows in the order of the table's key, numbers rounded to the
release's significant digits, and nothing that depends on when or where it ran.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from reports.own_files import NOTHING_OWN, OwnFiles
from reports.wording import ENGLISH, say, speaking
from tasks import periods
from tasks.publishing.data_package import data_package
from tasks.publishing.dictionary import feed_tables
from tasks.publishing.extracts import JsonRows, write_extracts
from tasks.publishing.measure_reports import write_measure_reports
from tasks.publishing.spreadsheets import FOLDER, Cell, spreadsheet
from tasks.release import TABLES, Column, Kind, Release, Table, conform, plain_values, rounded


def write_feed(
    release: Release,
    directory: Path,
    language: str = ENGLISH,
    own: OwnFiles = NOTHING_OWN,
    *,
    spreadsheets: bool = False,
) -> list[Path]:
    """Write the feed of `release` into `directory`, and return the files, the data package first.

    Args:
        release: what is published.
        directory: where it goes; made if it is not there.
        language: what the feed is described in.
        own: the network's own files, whose words go before ours.
        spreadsheets: whether each table is written once more for spreadsheets.

    Raises:
        ValueError: a table does not conform to its description, or the release was not disclosed.
    """
    if release.policy is None:
        raise ValueError("a release is published only after the disclosure policy was applied")
    with speaking(language, periods.Period.of_label(release.period).kind, own):
        return _written(release, directory, spreadsheets=spreadsheets)


def _written(release: Release, directory: Path, *, spreadsheets: bool) -> list[Path]:
    directory.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    tables, lines = feed_tables(), dict[str, JsonRows]()
    for table, plain in zip(tables, TABLES, strict=True):
        rows = rounded(conform(plain, release[plain.name]))
        rows.insert(0, "release", release.id)
        rows.insert(1, "period", release.period)
        rows = conform(table, rows)
        stem = directory / table.name
        stem.with_suffix(".parquet").write_bytes(_parquet(table, rows))
        stem.with_suffix(".csv").write_bytes(_csv(table, rows))
        lines[table.name] = _json_rows(table, rows)
        stem.with_suffix(".json").write_text("[\n" + ",\n".join(lines[table.name].lines) + "\n]\n", "utf-8")
        files += [stem.with_suffix(suffix) for suffix in (".parquet", ".csv", ".json")]
        if spreadsheets:
            files.append(_for_spreadsheets(table, rows, directory))
    files += write_extracts(release, lines, directory)
    files += write_measure_reports(release, directory)
    package = directory / "datapackage.json"
    text = json.dumps(data_package(release, tables, directory), ensure_ascii=False, indent=2)
    package.write_text(text + "\n", encoding="utf-8")
    return [package, *files]


_ARROW: dict[Kind, pa.DataType] = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
}


def _parquet(table: Table, rows: pd.DataFrame) -> bytes:
    fields = [
        pa.field(
            column.name,
            _ARROW[column.kind],
            nullable=not column.required,
            metadata={"description": column.description},
        )
        for column in table.columns
    ]
    schema = pa.schema(fields, metadata={"description": say("feed.row", row=table.row)})
    arrays = [_array(column, rows[column.name]) for column in table.columns]
    buffer = io.BytesIO()
    pq.write_table(
        pa.Table.from_arrays(arrays, schema=schema),
        buffer,
        compression="zstd",
        version="2.6",
        use_dictionary=True,
        write_statistics=True,
    )
    return buffer.getvalue()


def _array(column: Column, cells: pd.Series) -> pa.Array:
    if column.kind == "date":
        return pa.array(_plain(cells), type=pa.string()).cast(pa.date32())
    return pa.array(_plain(cells), type=_ARROW[column.kind])


def _csv(table: Table, rows: pd.DataFrame) -> bytes:
    return csv_bytes([column.name for column in table.columns], _rows(table, rows))


def csv_bytes(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """Rows as the feed's CSV has them, below their columns' names."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_text(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8")


def _for_spreadsheets(table: Table, rows: pd.DataFrame, directory: Path) -> Path:
    path = directory / FOLDER / f"{table.name}.csv"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(spreadsheet([column.name for column in table.columns], _rows(table, rows)))
    return path


def _json_rows(table: Table, rows: pd.DataFrame) -> JsonRows:
    names = [column.name for column in table.columns]
    lines = [
        json.dumps(
            dict(zip(names, row, strict=True)), ensure_ascii=False, separators=(",", ":"), allow_nan=False
        )
        for row in _rows(table, rows)
    ]
    clinics, outcomes = (
        rows[name].fillna("").astype(str).tolist() if name in names else None
        for name in ("clinic", "outcome")
    )
    return JsonRows(lines, clinics, outcomes)


def _rows(table: Table, rows: pd.DataFrame) -> Iterator[tuple[Cell, ...]]:
    return zip(*(_plain(rows[column.name]) for column in table.columns), strict=True)


def _plain(cells: pd.Series) -> list[Cell]:
    """Python's own values, None for missing; an infinite number has no place in a feed."""
    plain: list[Cell] = plain_values(cells)
    for cell in plain:
        if isinstance(cell, float) and not math.isfinite(cell):
            raise ValueError(f"column {cells.name} holds an infinite number, which no feed can carry")
    return plain


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return str(cell)
