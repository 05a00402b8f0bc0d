"""Puts the tables in results/ into this folder's README, each between its own two marks.

    python tests/benchmarks/into_readme.py

A table stands between `<!-- table: NAME -->` and `<!-- end -->`; the text around it is the README's own.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.machine import RESULTS

README = Path(__file__).parent / "README.md"
_TABLE = re.compile(r"(<!-- table: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def filled(readme: str) -> str:
    """The README's text with every table as it stands in results/."""

    def table(match: re.Match[str]) -> str:
        made = (RESULTS / f"{match[2]}.md").read_text(encoding="utf-8")
        return f"{match[1]}\n{made.strip()}\n\n{match[4]}"

    return _TABLE.sub(table, readme)


def tables(readme: str) -> tuple[str, ...]:
    """Names of the tables that the README has a place for."""
    return tuple(match[2] for match in _TABLE.finditer(readme))


def main() -> None:
    """Fill the README in."""
    README.write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
