"""The architecture as a picture, from the imports themselves: rooms in layers, each above what it imports.

    python tests/architecture_picture.py    # draws .github/architecture.svg anew

An arrow that follows from others (A → B → C, and A → C) is left out.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / ".github/architecture.svg"

_WIDTH, _HEIGHT, _GAP, _RISE = 142, 34, 18, 74
_MARGIN = 20

Arrows = Mapping[str, frozenset[str]]
"""Room → rooms it imports."""


def arrows() -> Arrows:
    """The rooms, and what each imports."""
    found: dict[str, set[str]] = {}
    for top in ("flows", "tasks", "sql", "reports"):
        for path in sorted((ROOT / top).rglob("*.py")):
            room = _room(".".join(path.relative_to(ROOT).with_suffix("").parts))
            if room is not None:
                found.setdefault(room, set()).update(_imported(path) - {room})
    return {room: frozenset(reached & found.keys()) for room, reached in found.items()}


def _room(module: str) -> str | None:
    parts = module.removesuffix(".__init__").split(".")
    if parts[0] not in ("flows", "tasks", "sql", "reports"):
        return None
    if parts[0] != "tasks":
        return parts[0]
    return f"tasks.{parts[1]}" if len(parts) > 1 else None


def _imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {room for room in map(_room, names) if room is not None}


def direct(known: Arrows) -> Arrows:
    """The arrows that do not follow from others."""

    def reached(room: str) -> frozenset[str]:
        return known[room].union(*(reached(each) for each in known[room]))

    return {
        room: frozenset(each for each in below if not any(each in reached(other) for other in below))
        for room, below in known.items()
    }


def layers(known: Arrows) -> list[list[str]]:
    """Rooms by the longest way down from them, the highest first."""

    def depth(room: str) -> int:
        return 1 + max((depth(each) for each in known[room]), default=-1)

    by_depth: dict[int, list[str]] = {}
    for room in sorted(known):
        by_depth.setdefault(depth(room), []).append(room)
    return [by_depth[each] for each in sorted(by_depth, reverse=True)]


def picture() -> str:
    """The picture as SVG."""
    known = arrows()
    rows = layers(known)
    widest = max(map(len, rows))
    width = 2 * _MARGIN + widest * _WIDTH + (widest - 1) * _GAP
    height = 2 * _MARGIN + len(rows) * _RISE - (_RISE - _HEIGHT)
    place = {}
    for y, row in enumerate(rows):
        left = (width - len(row) * _WIDTH - (len(row) - 1) * _GAP) / 2
        for x, room in enumerate(row):
            place[room] = (left + x * (_WIDTH + _GAP), _MARGIN + y * _RISE)
    lines = [
        f'<path d="M{place[room][0] + _WIDTH / 2:g} {place[room][1] + _HEIGHT:g} '
        f'L{place[below][0] + _WIDTH / 2:g} {place[below][1]:g}" marker-end="url(#head)"/>'
        for room, reached in sorted(direct(known).items())
        for below in sorted(reached)
    ]
    boxes = [
        f'<rect x="{x:g}" y="{y:g}" width="{_WIDTH}" height="{_HEIGHT}" rx="4"/>'
        f'<text x="{x + _WIDTH / 2:g}" y="{y + 22:g}">{escape(room.removeprefix("tasks."))}</text>'
        for room, (x, y) in sorted(place.items())
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img">',
            "<title>The rooms of clinicnet: each imports only rooms below it</title>",
            '<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" '
            'orient="auto"><path d="M0 0 L8 4 L0 8 z" style="fill:#99a"/></marker></defs>',
            "<style>rect{fill:#eef3f7;stroke:#345}path{stroke:#99a;fill:none}"
            "text{font:13px sans-serif;text-anchor:middle;fill:#123}</style>",
            f'<rect x="0" y="0" width="{width:g}" height="{height:g}" style="fill:#fff;stroke:none"/>',
            *lines,
            *boxes,
            "</svg>",
            "",
        ]
    )


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
