"""Where one clinic stands among the others on one outcome: a strip of dots with the clinic's own marked."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from tasks.rendering.charts.caterpillar import Whisker, target_on, value_scale, whisker
from tasks.rendering.charts.scales import Tick
from tasks.rendering.edition import Line, Outcome

WIDTH = 226.0
HEIGHT = 50.0
EDGE = 8.0
BASE = 25.0


@dataclass(frozen=True)
class Overview:
    """All clinics' shrunken values as dots, piled up where they meet.

    Attributes:
        dots: where they are; `each` says how many clinics a dot stands for, at most.
        clinics: how many clinics they are.
    """

    dots: tuple[tuple[float, float], ...]
    each: int
    clinics: int
    comparator: float | None
    ticks: tuple[Tick, ...]
    width: float
    height: float
    base: float
    target: float | None = None


@dataclass(frozen=True)
class Place:
    """The other clinics' shrunken values as dots, this one's with its interval, its raw value as a ring.

    Attributes:
        others: where the dots are; `each` says how many clinics a dot stands for, at most.
        clinics: how many other clinics they are.
    """

    others: tuple[tuple[float, float], ...]
    each: int
    clinics: int
    own: float | None
    own_interval: Whisker | None
    raw: float | None
    tone: str
    comparator: float | None
    ticks: tuple[Tick, ...]
    target: float | None = None
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
    dots, each = _stacked(others, BASE - 3.2, size=3.2, rows=7)
    return Place(
        others=dots,
        each=each,
        clinics=len(others),
        own=None if shrunken.value is None else scale(shrunken.value),
        own_interval=whisker(shrunken, scale),
        raw=scale(raw.value) if raw.value is not None and scale.holds(raw.value) else None,
        tone=line.tone,
        comparator=None if outcome.comparator_value is None else scale(outcome.comparator_value),
        ticks=scale.ticks(4, "%" if outcome.unit == "%" else ""),
        target=target_on(outcome, scale),
    )


def overview(outcome: Outcome, width: float = 92.0, height: float = 38.0) -> Overview:
    """All clinics of an outcome on one small strip."""
    base = height - 11.0
    scale = value_scale(outcome, EDGE, width - EDGE)
    values = [line.shrunken.value for line in outcome.lines if line.shrunken.value is not None]
    dots, each = _stacked([scale(value) for value in values], base - 2.8, size=3.0, rows=8)
    return Overview(
        dots=dots,
        each=each,
        clinics=len(values),
        comparator=None if outcome.comparator_value is None else scale(outcome.comparator_value),
        ticks=scale.ticks(3, "%" if outcome.unit == "%" else ""),
        width=width,
        height=height,
        base=base,
        target=target_on(outcome, scale),
    )


def _stacked(
    places: list[float], lowest: float, size: float, rows: int
) -> tuple[tuple[tuple[float, float], ...], int]:
    """Dots side by side along the strip, piled up where they would cover each other.

    Where a pile would be higher than `rows`, every dot stands for several clinics, at most as many as are
    returned beside the dots: the piles keep their proportions.
    """
    piles = Counter(round(at / size) for at in places)
    each = -(-max(piles.values(), default=1) // rows)
    dots = tuple(
        (round(column * size, 2), round(lowest - height * size, 2))
        for column in sorted(piles)
        for height in range(-(-piles[column] // each))
    )
    return dots, each
