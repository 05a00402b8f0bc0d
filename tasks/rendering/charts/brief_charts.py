"""A brief's charts: its coefficients on one axis, and people's own lines as bands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.rendering.brief import BandedLines, Coefficient, Coefficients, written
from tasks.rendering.charts.caterpillar import Whisker
from tasks.rendering.charts.scales import Scale, Tick, spanning

STRIP_WIDTH, STRIP_HEIGHT, EDGE = 150.0, 16.0, 6.0
LINES_WIDTH, LINES_HEIGHT = 300.0, 130.0
LEFT, RIGHT, TOP, BOTTOM = 40.0, 10.0, 8.0, 30.0
_FARTHEST = 20.0
"""Ratios beyond this, or its inverse, stand at the end of the axis."""


@dataclass(frozen=True)
class CoefficientStrip:
    """A coefficient's row: where it and its interval stand, in points from the left."""

    coefficient: Coefficient
    at: float
    interval: Whisker
    written: str
    side: str


@dataclass(frozen=True)
class CoefficientAxis:
    """The rows of all coefficients on one axis; `null` is no effect."""

    strips: tuple[CoefficientStrip, ...]
    ticks: tuple[Tick, ...]
    null: float
    width: float = STRIP_WIDTH
    height: float = STRIP_HEIGHT


@dataclass(frozen=True)
class LinesChart:
    """The average line and bands of people's lines, as drawn."""

    mean: tuple[tuple[float, float], ...]
    bands: tuple[tuple[str, tuple[tuple[float, float], ...]], ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    width: float = LINES_WIDTH
    height: float = LINES_HEIGHT
    left: float = LEFT
    right: float = RIGHT
    top: float = TOP
    bottom: float = BOTTOM


def coefficient_axis(coefficients: Coefficients) -> CoefficientAxis | None:
    """The coefficients on one axis; None where there is none that can be drawn."""
    if not coefficients.each:
        return None
    null = 1.0 if coefficients.ratio else 0.0
    ends = [end for each in coefficients.each for end in (each.value, each.lower, each.upper)]
    if coefficients.ratio:
        ends = [min(max(end, 1.0 / _FARTHEST), _FARTHEST) for end in ends]
    scale = spanning(ends, EDGE, STRIP_WIDTH - EDGE, include=[null], logarithmic=coefficients.ratio)
    return CoefficientAxis(
        strips=tuple(_strip(each, scale, null) for each in coefficients.each),
        ticks=scale.ticks(4),
        null=scale(null),
    )


def _strip(coefficient: Coefficient, scale: Scale, null: float) -> CoefficientStrip:
    low, high = coefficient.lower, coefficient.upper
    return CoefficientStrip(
        coefficient=coefficient,
        at=scale(coefficient.value),
        interval=Whisker(scale(low), scale(high), low < scale.low, high > scale.high),
        written=written(coefficient),
        side="none" if low <= null <= high else "above" if low > null else "below",
    )


def lines_chart(lines: BandedLines) -> LinesChart:
    """The average line and the bands around it."""
    ends = [*lines.mean, *(end for _, low, high in lines.bands for end in (*low, *high))]
    x = Scale(min(lines.at), max(lines.at), LEFT, LINES_WIDTH - RIGHT)
    y = spanning(ends, LINES_HEIGHT - BOTTOM, TOP)

    def line(values: Sequence[float]) -> tuple[tuple[float, float], ...]:
        return tuple((x(time), y(value)) for time, value in zip(lines.at, values, strict=True))

    return LinesChart(
        mean=line(lines.mean),
        bands=tuple((share, (*line(low), *reversed(line(high)))) for share, low, high in lines.bands),
        x_ticks=x.ticks(5),
        y_ticks=y.ticks(4),
    )
