"""Where each key of a TOML file stands, so that a problem can be said with its line.

Works on text that `tomllib` has accepted, so it need not judge the syntax, only follow it.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from typing import Any

Path = tuple[str | int, ...]


def key_lines(text: str) -> dict[Path, int]:
    """Line, counted from 1, on which each key or table of a valid TOML text is first written.

    Keys are paths such as `("outcomes", "positive", "kind")`; the n-th table of an array of tables, and
    the n-th value of an array, have `n` (from 0) in their path.

    Args:
        text: TOML that `tomllib.loads` accepts.
    """
    walk = _Walk(text.replace("\r\n", "\n"))
    walk.document()
    return walk.lines


def line_of(lines: dict[Path, int], path: Path) -> int | None:
    """The line of the longest beginning of `path` that is written in the file; None if none of it is."""
    for end in range(len(path), 0, -1):
        if path[:end] in lines:
            return lines[path[:end]]
    return None


@dataclass
class _Walk:
    text: str
    at: int = 0
    lines: dict[Path, int] = field(default_factory=dict)
    arrays: dict[Path, int] = field(default_factory=dict)

    def document(self) -> None:
        table: Path = ()
        while self._skip_blank():
            line = self._line()
            if self.text.startswith("[[", self.at):
                self.at += 2
                name = self._resolve(self._key())
                self.at = self.text.index("]]", self.at) + 2
                self.arrays[name] = self.arrays.get(name, -1) + 1
                self._note(name, line)
                table = (*name, self.arrays[name])
                self.lines[table] = line
            elif self.text[self.at] == "[":
                self.at += 1
                table = self._resolve(self._key())
                self.at = self.text.index("]", self.at) + 1
                self._note(table, line)
            else:
                self._pair(table)

    def _pair(self, table: Path) -> None:
        line = self._line()
        path = (*table, *self._key())
        self._note(path, line)
        self.at = self.text.index("=", self.at) + 1
        self._value(path)

    def _value(self, path: Path) -> None:
        self._skip_blank()
        opening = self.text[self.at]
        if opening == "[":
            self.at += 1
            index = 0
            while self._skip_blank(commas=True) and self.text[self.at] != "]":
                self.lines[(*path, index)] = self._line()
                self._value((*path, index))
                index += 1
            self.at += 1
        elif opening == "{":
            self.at += 1
            while self._skip_blank(commas=True) and self.text[self.at] != "}":
                self._pair(path)
            self.at += 1
        elif opening in "\"'":
            self._string()
        else:
            while self.at < len(self.text) and self.text[self.at] not in ",]}#\n":
                self.at += 1

    def _key(self) -> Path:
        parts: list[str] = []
        while True:
            self._skip_blank()
            start = self.at
            if self.text[self.at] in "\"'":
                self._string()
            else:
                while self.text[self.at] not in " \t=].":
                    self.at += 1
            written = self.text[start : self.at]
            parts.append(_unquoted(written))
            while self.text[self.at] in " \t":
                self.at += 1
            if self.text[self.at] != ".":
                return tuple(parts)
            self.at += 1

    def _string(self) -> None:
        """Move past the string that begins here, in any of TOML's four ways of writing one."""
        quote = self.text[self.at]
        fence = quote * 3 if self.text.startswith(quote * 3, self.at) else quote
        self.at += len(fence)
        while not self.text.startswith(fence, self.at):
            self.at += 2 if quote == '"' and self.text[self.at] == "\\" else 1
        self.at += len(fence)
        if len(fence) == 3:  # up to two quotes may stand before the closing three
            while self.at < len(self.text) and self.text[self.at] == quote:
                self.at += 1

    def _skip_blank(self, *, commas: bool = False) -> bool:
        """Move past spaces, line ends and comments; whether anything follows."""
        blank = " \t\n," if commas else " \t\n"
        while self.at < len(self.text):
            if self.text[self.at] == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            elif self.text[self.at] in blank:
                self.at += 1
            else:
                return True
        return False

    def _line(self) -> int:
        return self.text.count("\n", 0, self.at) + 1

    def _resolve(self, name: Path) -> Path:
        """A header's name with the index of the table it belongs to in each array of tables on its way."""
        resolved: Path = ()
        for i, part in enumerate(name):
            resolved = (*resolved, part)
            if i + 1 < len(name) and resolved in self.arrays:
                resolved = (*resolved, self.arrays[resolved])
        return resolved

    def _note(self, path: Path, line: int) -> None:
        for end in range(1, len(path) + 1):
            self.lines.setdefault(path[:end], line)


def _unquoted(written: str) -> str:
    if written[0] in "\"'":
        value: Any = tomllib.loads(f"key = {written}")["key"]
        return str(value)
    return written
