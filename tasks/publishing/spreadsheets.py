"""The tables as a spreadsheet opens them with two clicks, whatever a clinic is called.

A byte order mark says that they are UTF-8. Where the network's language writes decimals with a comma, fields
are parted by semicolons, as spreadsheets there expect. A text that would be taken for a formula, a number or
a date (2020-05 becomes a day in May) is written as ="…", which is shown as it stands and computes nothing
(OWASP, CSV Injection; https://owasp.org/www-community/attacks/CSV_Injection).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

from reports.wording.writing import decimal

FOLDER = "spreadsheet"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
_TAKEN_FOR_ANOTHER = re.compile(
    r"\s*[\d.,:/\s-]*\d[\d.,:/\s-]*%?\s*"  # numbers, times, days, ranges of numbers
    r"|\d+(\.\d+)?[eE]\d+"
    r"|\d{4}-[QW]\d+"
    r"|\d+[ -]?[A-Za-z]{3,9}"  # 3 May
)

Cell = str | int | float | bool | None


def spreadsheet(names: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """A table as CSV for spreadsheets, in the language spoken.

    Args:
        names: of the columns.
        rows: plain values, None for missing.
    """
    comma = "," in decimal(0.5, 1)
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";" if comma else ",", lineterminator="\r\n")
    writer.writerow(names)
    writer.writerows([_written(cell, comma=comma) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def _written(cell: Cell, *, comma: bool) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, (int, float)):
        return str(cell).replace(".", ",") if comma else str(cell)
    return _as_text(cell) if cell.startswith(_FORMULA) or _TAKEN_FOR_ANOTHER.fullmatch(cell) else cell


def _as_text(cell: str) -> str:
    escaped = cell.replace('"', '""')
    return f'="{escaped}"'
