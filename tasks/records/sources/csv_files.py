"""CSV as spreadsheets write it: which characters it is in, what separates its fields, where its table ends.

What DuckDB reads as it stands is left alone. A file in another encoding than UTF-8, with Excel's `sep=` line
or with a footer is rewritten in memory; what was assumed is said, and a line that fits no table is named.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import IO

from tasks.errors import SourceError

csv.field_size_limit(1 << 30)  # a field may be as long as a file that fits into memory
_CHUNK = 1 << 20
_TAIL = 1 << 16
_LONGEST_TITLE = 9  # lines
_LONGEST_FOOTER = 12  # lines; a longer one is no footer but another table
_DELIMITERS = ";\t|,"
_ENCODINGS = {"cp1252": "Windows-1252, as Excel in Western Europe writes it", "utf-16": "UTF-16"}


@dataclass(frozen=True, slots=True)
class CsvFile:
    """One CSV file.

    Attributes:
        path: where it is.
        encoding: of its text.
        delimiter: what separates its fields.
        columns: its header's names.
        before: lines before the header.
        titles: those of them that say what the table is, and not what separates its fields.
        footer: lines after the table.
        lines: lines in all, where there is a footer.
    """

    path: Path
    encoding: str
    delimiter: str
    columns: tuple[str, ...]
    before: int = 0
    titles: int = 0
    footer: int = 0
    lines: int = 0

    @property
    def is_plain(self) -> bool:
        """Whether DuckDB reads it as it stands."""
        return self.encoding == "utf-8" and not self.before and not self.footer

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What was taken for granted to read it, in sentences."""
        said = []
        if self.encoding in _ENCODINGS:
            said.append(f"{self.path.name} is not UTF-8, and is read as {_ENCODINGS[self.encoding]}")
        if self.titles:
            lines = "line 1" if self.titles == 1 else f"lines 1 to {self.titles}"
            left = "is" if self.titles == 1 else "are"
            said.append(f"{self.path.name} {lines}, above the table, {left} left out")
        if self.footer == 1:
            said.append(f"{self.path.name} line {self.lines:,}, after the table, is left out")
        elif self.footer:
            first = self.lines - self.footer + 1
            said.append(f"{self.path.name} lines {first:,} to {self.lines:,}, after the table, are left out")
        return tuple(said)

    def rewritten(self) -> bytes:
        """The table alone, in UTF-8."""
        with _opened(self.path) as file:
            text = file.read().decode(self.encoding)
        lines = list(io.StringIO(text, newline=""))
        return "".join(lines[self.before : len(lines) - self.footer]).encode()

    def require_table(self) -> None:
        """See that every line has the header's fields.

        Raises:
            SourceError: one has not; says its number.
        """
        for line, row in self._rows():
            if row and len(row) != len(self.columns) and line > self.before:
                raise wrong_fields(self.path.name, line, len(row), len(self.columns))

    def first_line(self, column: str, is_meant: Callable[[str], bool]) -> int | None:
        """The number of the first line after the header whose value in a column is meant."""
        names = [each.strip() for each in self.columns]
        if column.strip() not in names:
            return None
        place = names.index(column.strip())
        for line, row in self._rows():
            if line > self.before + 1 and len(row) > place and is_meant(row[place]):
                return line
        return None

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """The file's rows with the numbers of the lines that they end in."""
        with _opened(self.path) as file:
            rows = csv.reader(io.TextIOWrapper(file, self.encoding, newline=""), delimiter=self.delimiter)
            for row in rows:
                yield rows.line_num, row


def wrong_fields(name: str, line: int, found: int, expected: int) -> SourceError:
    """The error for a line that has more or fewer fields than the header."""
    fields = "1 field" if found == 1 else f"{found} fields"
    return SourceError(
        f"{name} line {line:,} has {fields} where the header has {expected}",
        hint="mend that line, or delete it if it is no record; text with a separator in it must stand in "
        "quotation marks",
    )


def csv_files(path: Path) -> tuple[CsvFile, ...]:
    """What each of the CSV files that a path or pattern means is written in.

    Raises:
        SourceError: a file lacks a column that another has, or its text is in no encoding that is known.
    """
    files = tuple(csv_file(each) for each in matching(path))
    first = files[0]
    for other in files[1:]:
        for full, lacking in ((first, other), (other, first)):
            for column in full.columns:
                if column not in lacking.columns:
                    raise column_lacks(column, lacking.path.name, full.path.name)
    return files


def column_lacks(column: str, file: str, other: str) -> SourceError:
    """The error for a file of a pattern without a column that another has."""
    return SourceError(
        f"{file} lacks the column {column!r} that {other} has",
        hint="give both the same columns, or name only files that have",
    )


def matching(path: Path) -> list[Path]:
    """The file, or those that a pattern matches, in order of their names."""
    return sorted(path.parent.glob(path.name)) if any(each in path.name for each in "*?[") else [path]


def csv_file(path: Path) -> CsvFile:
    """What a CSV file is written in; looked at once as long as it does not change.

    Raises:
        SourceError: its text is in no encoding that is known.
    """
    stat = path.stat()
    return _looked_at(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=256)
def _looked_at(path: Path, modified: int, size: int) -> CsvFile:
    encoding = _encoding(path)
    with _opened(path) as file:
        text = io.TextIOWrapper(file, encoding, newline="")
        first = text.readline()
        told = first.lower().startswith("sep=")
        before = 1 if told else _titles([first, *islice(text, _LONGEST_TITLE + 2)])
        text.seek(0)
        header = next(islice(text, before, None), first)
    header = header.removeprefix("\ufeff").rstrip("\r\n")
    delimiter = first[4] if told and len(first.rstrip()) > 4 else _delimiter(header)
    columns = tuple(_fields(header, delimiter))
    footer = _footer(path, encoding, delimiter, len(columns)) if len(columns) > 1 else 0
    lines = sum(1 for _ in _lines(path, encoding)) if footer else 0
    titles = 0 if told else before
    return CsvFile(path, encoding, delimiter, columns, before, titles, footer, lines)


def _titles(lines: Sequence[str]) -> int:
    """How many of the first lines stand above a table: what it is called, or nothing.

    None, where the first line has as many fields as the next ones. A table is three lines of as many, two at
    least, and more than any line above it has, which a title with a comma or two has not.
    """
    if any(line.count('"') % 2 for line in lines):
        return 0  # a text of several lines
    delimiter = max(_DELIMITERS, key=lambda each: min(map(len, _all_fields(lines[-3:], each)), default=0))
    fields = [len(each) for each in _all_fields(lines, delimiter)]
    for first in range(min(len(fields) - 2, _LONGEST_TITLE + 1)):
        columns = fields[first]
        if columns > max([1, *fields[:first]]) and fields[first + 1] == fields[first + 2] == columns:
            return first
    return 0


def _all_fields(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    return [_fields(line.rstrip("\r\n"), delimiter) for line in lines]


def _opened(path: Path) -> IO[bytes]:
    return gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb")  # type: ignore[return-value]


def _encoding(path: Path) -> str:
    with _opened(path) as file:
        if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-16"
    for encoding in ("utf-8", "cp1252"):
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            with _opened(path) as file:
                while chunk := file.read(_CHUNK):
                    decoder.decode(chunk)
                decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        except (OSError, EOFError):
            break
        return encoding
    raise SourceError(
        f"{path.name} cannot be read as CSV", hint="check that the file is whole and what its ending says"
    )


def _lines(path: Path, encoding: str) -> Iterator[str]:
    with _opened(path) as file:
        yield from io.TextIOWrapper(file, encoding)


def _delimiter(header: str) -> str:
    """The separator that the header has most of, outside quotation marks."""
    outside = "".join(header.split('"')[::2])
    return max(_DELIMITERS, key=outside.count)


def _fields(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter), [])


def _footer(path: Path, encoding: str, delimiter: str, columns: int) -> int:
    """How many lines after the table hold a remark or nothing, such as a blank line and "Total: 900 rows"."""
    if encoding == "utf-16" or path.suffix.lower() == ".gz":
        last = list(_lines(path, encoding))[-_LONGEST_FOOTER - 1 :]
    else:
        with path.open("rb") as file:
            size = file.seek(0, io.SEEK_END)
            file.seek(max(0, size - _TAIL))
            tail = file.read().decode(encoding, errors="ignore")
        last = list(io.StringIO(tail, newline=""))[1 if size > _TAIL else 0 :][-_LONGEST_FOOTER - 1 :]
    remarks = 0
    for count, line in enumerate(reversed(last)):
        if line.count('"') % 2:
            return 0  # inside a text of several lines
        fields = _fields(line.rstrip("\r\n"), delimiter)
        filled = sum(bool(field.strip()) for field in fields)
        if filled > max(1, columns // 3) or (filled and len(fields) == columns):
            return count if remarks else 0
        remarks += bool(fields)
    return 0
