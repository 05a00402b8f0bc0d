"""Rows of a published table: those that agree with given values, a page at a time, as the feed has them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks.publishing.feed import csv_bytes
from tasks.publishing.spreadsheets import Cell


@dataclass(frozen=True, slots=True)
class RowsFound:
    """A page of a table.

    Attributes:
        total: rows that agree, on all pages.
        columns: of the table, in order.
        rows: those of the page, in the table's order.
    """

    total: int
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]

    def as_csv(self) -> bytes:
        """As the table's own CSV has them."""
        return csv_bytes(self.columns, self.rows)

    def as_json(self) -> list[str]:
        """Each as the table's own JSON has it."""
        return [
            json.dumps(
                dict(zip(self.columns, row, strict=True)),
                ensure_ascii=False,
                separators=(",", ":"),
                allow_nan=False,
            )
            for row in self.rows
        ]


def published_rows(parquet: Path, where: Mapping[str, str], limit: int, offset: int) -> RowsFound:
    """Rows of a published table.

    Args:
        parquet: the table's file.
        where: column of text → what it holds in the rows that are wanted.
        limit: most rows of a page.
        offset: rows that agree and come before it.

    Raises:
        KeyError: the table has no such column: it is of a release by an earlier version.
    """
    table = pq.ParquetFile(parquet).read()
    for column, value in where.items():
        table = table.filter(pc.equal(table.column(column), value))
    cells = [column.to_pylist() for column in table.slice(offset, limit).columns]
    rows = [tuple(map(_plain, row)) for row in zip(*cells, strict=True)]
    return RowsFound(len(table), tuple(table.column_names), rows)


def _plain(cell: Cell | date) -> Cell:
    return cell.isoformat() if isinstance(cell, date) else cell
