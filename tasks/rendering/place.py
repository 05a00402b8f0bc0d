"""Where one clinic stands among the others on one outcome: a strip of dots with the clinic's own marked."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.rendering.caterpillar import Whisker, value_scale, whisker
from tasks.rendering.edition import Line, Outcome
from tasks.rendering.scales import Tick

WIDTH = 226.0
HEIGHT = 64.0
EDGE = 8.0
BASE = 38.0


@dataclass(frozen=True)
class Place:
    """The other clinics' shrunken values as dots (piled up where they meet), this one's with its interval."""

    others: tuple[tuple[float, float], ...]
    own: float | None
    own_interval: Whisker | None
    raw: float | None
    tone: str
    comparator: float | None
    ticks: tuple[Tick, ...]
    width: float = WIDTH
    height: float = HEIGHT
    base: float = BASE


def place(outcome: Outcome, line: Line) -> Place:
    """The clinic among the others of the network; `line` may be one with nothing to show."""
    scale = value_scale(outcome, EDGE, WIDTH - EDGE)
    others = [
        scale(each.shrunken.value)
        for each in outcome.lines
        if each.clinic != line.clinic and each.shrunken.value is not None
    ]
    shrunken, raw = line.shrunken, line.raw
    return Place(
        others=_stacked(others),
        own=None if shrunken.value is None else scale(shrunken.value),
        own_interval=whisker(shrunken, scale),
        raw=scale(raw.value) if raw.value is not None and scale.holds(raw.value) else None,
        tone=line.tone,
        comparator=None if outcome.comparator_value is None else scale(outcome.comparator_value),
        ticks=scale.ticks(4, "%" if outcome.unit == "%" else ""),
    )


def _stacked(places: list[float], size: float = 3.6, most: int = 7) -> tuple[tuple[float, float], ...]:
    """Dots side by side along the strip, piled up where they would cover each other."""
    piles: dict[int, int] = {}
    dots = []
    for at in sorted(places):
        column = round(at / size)
        height = min(piles.get(column, 0), most)
        piles[column] = height + 1
        dots.append((round(column * size, 2), round(BASE - 4.0 - height * size, 2)))
    return tuple(dots)
