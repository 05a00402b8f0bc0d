"""Where one clinic stands among the others on one outcome: a strip of dots with the clinic's own marked."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.rendering.caterpillar import Whisker, value_scale, whisker
from tasks.rendering.edition import Line, Outcome
from tasks.rendering.scales import Tick

WIDTH = 226.0
HEIGHT = 50.0
EDGE = 8.0
BASE = 25.0


@dataclass(frozen=True)
class Overview:
    """All clinics' shrunken values as dots, piled up where they meet."""

    dots: tuple[tuple[float, float], ...]
    comparator: float | None
    ticks: tuple[Tick, ...]
    width: float
    height: float
    base: float


@dataclass(frozen=True)
class Place:
    """The other clinics' shrunken values as dots, this one's with its interval, its raw value as a ring."""

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
        others=_stacked(others, BASE - 3.2, size=3.2, most=6),
        own=None if shrunken.value is None else scale(shrunken.value),
        own_interval=whisker(shrunken, scale),
        raw=scale(raw.value) if raw.value is not None and scale.holds(raw.value) else None,
        tone=line.tone,
        comparator=None if outcome.comparator_value is None else scale(outcome.comparator_value),
        ticks=scale.ticks(4, "%" if outcome.unit == "%" else ""),
    )


def overview(outcome: Outcome, width: float = 92.0, height: float = 38.0) -> Overview:
    """All clinics of an outcome on one small strip."""
    base = height - 11.0
    scale = value_scale(outcome, EDGE, width - EDGE)
    values = [line.shrunken.value for line in outcome.lines if line.shrunken.value is not None]
    return Overview(
        dots=_stacked([scale(value) for value in values], base - 2.8, size=3.0, most=7),
        comparator=None if outcome.comparator_value is None else scale(outcome.comparator_value),
        ticks=scale.ticks(3, "%" if outcome.unit == "%" else ""),
        width=width,
        height=height,
        base=base,
    )


def _stacked(
    places: list[float], lowest: float, size: float = 3.6, most: int = 7
) -> tuple[tuple[float, float], ...]:
    """Dots side by side along the strip, piled up where they would cover each other."""
    piles: dict[int, int] = {}
    dots = []
    for at in sorted(places):
        column = round(at / size)
        height = min(piles.get(column, 0), most)
        piles[column] = height + 1
        dots.append((round(column * size, 2), round(lowest - height * size, 2)))
    return tuple(dots)
