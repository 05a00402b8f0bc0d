"""Funnel plot: each clinic's own figure against its number of records, with the limits chance would give.

Overdispersion is how much wider than chance the clinics spread: the mean of the squared z-scores, the
outermost tenths drawn in (winsorised). What they differ by beyond chance is a variance that adds to that of
sampling, after Spiegelhalter (2005), Statistics in Medicine 24:1185, section 4. Sampling's own is larger
where records of one patient, or of one month, are alike: by the middle clinic's design effect, since a line
is drawn for all. Where limits are so wide that hardly any difference could show, the plot is not drawn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tasks.rendering.charts.caterpillar import target_on
from tasks.rendering.charts.scales import Scale, Tick, spanning, within_reach
from tasks.rendering.edition import Line, Outcome

WIDTH = 236.0
HEIGHT = 166.0
LEFT, RIGHT, TOP, BOTTOM = 34.0, 10.0, 6.0, 27.0
ALERT, ALARM = 1.959964, 3.090232
FEWEST = 10
UNINFORMATIVE = 10.0


@dataclass(frozen=True, slots=True)
class Dot:
    """One clinic, its own figure, and `beyond`: none, alert or alarm; the tone says on which side it lies."""

    x: float
    y: float
    clinic: str
    beyond: str
    tone: str
    value: float


@dataclass(frozen=True)
class Funnel:
    """A funnel, or the reason why none is drawn (`why_not`: few, no_size, uninformative, unknown)."""

    why_not: str | None
    overdispersion: float | None
    design_effect: float = 1.0
    widened: bool = False
    dots: tuple[Dot, ...] = ()
    overall: float = 0.0
    target: float | None = None
    alert: tuple[tuple[tuple[float, float], ...], ...] = ()
    alarm: tuple[tuple[tuple[float, float], ...], ...] = ()
    x_ticks: tuple[Tick, ...] = ()
    y_ticks: tuple[Tick, ...] = ()
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = RIGHT
    top: float = TOP
    bottom: float = BOTTOM

    @property
    def drawn(self) -> bool:
        """Whether there is a funnel to draw."""
        return self.why_not is None

    @property
    def ordinary(self) -> tuple[tuple[float, float], ...]:
        """Places of the clinics within the limits."""
        return tuple((dot.x, dot.y) for dot in self.dots if dot.tone == "same")

    @property
    def alarmed(self) -> tuple[str, ...]:
        """Clinics beyond the 99.8% limits."""
        return tuple(dot.clinic for dot in self.dots if dot.beyond == "alarm")


@dataclass(frozen=True, slots=True)
class _Spread:
    """How far a clinic of n records lies from the overall one by chance and with others, as worked with."""

    overall: float
    variance: float
    logarithmic: bool
    between: float = 0.0

    def work(self, value: float) -> float:
        return math.log(value) if self.logarithmic else value

    def back(self, worked: float) -> float:
        return math.exp(worked) if self.logarithmic else worked

    def error(self, n: float) -> float:
        return math.sqrt(self.variance / n + self.between**2)


def funnel(outcome: Outcome) -> Funnel:
    """The funnel of the clinics whose own figure and number of records may be seen."""
    lines = [line for line in outcome.lines if line.raw.value is not None and line.raw.denominator]
    if outcome.logarithmic:
        lines = [line for line in lines if (line.raw.value or 0.0) > 0]
    if not lines and any(line.raw.shown for line in outcome.lines):
        return Funnel(why_not="no_size", overdispersion=None)
    if len(lines) < FEWEST:
        return Funnel(why_not="few", overdispersion=None)
    stated, between = (outcome.figures.get(each) for each in ("overdispersion", "own_spread"))
    if stated is None or stated.value is None or between is None or between.value is None:
        return Funnel(why_not="unknown", overdispersion=None)
    if stated.value > UNINFORMATIVE:
        return Funnel(why_not="uninformative", overdispersion=stated.value)
    spread = _spread(outcome)
    if spread is None:
        return Funnel(why_not="unknown", overdispersion=None)
    spread = replace(spread, between=between.value)
    design_effect = 1.0
    alike = outcome.figures.get("own_design_effect")
    if alike is not None and alike.value is not None:
        design_effect = alike.value
        spread = replace(spread, variance=design_effect * spread.variance)
    drawn = _draw(outcome, lines, spread, stated.value)
    return replace(drawn, design_effect=design_effect)


def _spread(outcome: Outcome) -> _Spread | None:
    # own figures stand about the figure of all records, not about the typical clinic with adjusted patients
    mean = outcome.figures.get("mean")
    overall = mean.value if mean is not None else None
    if overall is None:
        return None
    if outcome.kind == "binary":
        within = 0.0 < overall < 100.0
        return _Spread(overall, overall * (100.0 - overall), logarithmic=False) if within else None
    if outcome.kind == "count":
        return _Spread(overall, overall, logarithmic=False) if overall > 0 else None
    within_clinics = outcome.figures.get("sd_within")
    if within_clinics is None or not within_clinics.value:
        return None
    return _Spread(overall, within_clinics.value**2, outcome.logarithmic)


def _score(line: Line, spread: _Spread) -> float:
    value, n = line.raw.value or 0.0, line.raw.denominator or 1.0
    return (spread.work(value) - spread.work(spread.overall)) / spread.error(n)


def _draw(outcome: Outcome, lines: Sequence[Line], spread: _Spread, factor: float) -> Funnel:
    sizes = [line.raw.denominator or 1.0 for line in lines]
    x = spanning(sizes, LEFT, WIDTH - RIGHT, logarithmic=max(sizes) / min(sizes) > 15, margin=0.05)

    def limit(z: float, n: float) -> float:
        value = spread.back(spread.work(spread.overall) + z * spread.error(n))
        if outcome.kind in ("binary", "count"):
            value = max(value, 0.0)
        return min(value, 100.0) if outcome.kind == "binary" else value

    limits = [limit(sign * ALARM, x.low * 2) for sign in (-1.0, 1.0)]
    y = spanning(
        [line.raw.value for line in lines],
        HEIGHT - BOTTOM,
        TOP,
        include=[*limits, within_reach([*limits, *(line.raw.value for line in lines)], outcome.target)],
        logarithmic=outcome.logarithmic,
        floor=0.0 if outcome.kind in ("binary", "count") else None,
        ceiling=100.0 if outcome.unit == "%" else None,
        margin=0.06,
    )
    grid = _grid(x)
    return Funnel(
        why_not=None,
        overdispersion=factor,
        widened=spread.between > 0.0,
        dots=tuple(_dot(line, x, y, _score(line, spread)) for line in lines),
        overall=y(spread.overall),
        target=target_on(outcome, y),
        alert=tuple(_curve(x, y, [(n, limit(sign * ALERT, n)) for n in grid]) for sign in (-1, 1)),
        alarm=tuple(_curve(x, y, [(n, limit(sign * ALARM, n)) for n in grid]) for sign in (-1, 1)),
        x_ticks=x.ticks(4, whole=True),
        y_ticks=y.ticks(5, "%" if outcome.unit == "%" else ""),
    )


def _dot(line: Line, x: Scale, y: Scale, score: float) -> Dot:
    beyond = "alarm" if abs(score) > ALARM else "alert" if abs(score) > ALERT else "none"
    # own figures are not adjusted for patients: on which side they lie is no verdict
    tone = "same" if beyond == "none" else "higher" if score > 0 else "lower"
    value = line.raw.value or 0.0
    return Dot(x(line.raw.denominator or 1.0), y(value), line.clinic, beyond, tone, value)


def _curve(x: Scale, y: Scale, limits: list[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """The part of a limit that is on the chart: beyond it, a flat line would look like a limit."""
    return tuple((x(n), y(value)) for n, value in limits if y.holds(value))


def _grid(x: Scale, steps: int = 48) -> list[float]:
    if x.logarithmic:
        return [x.low * (x.high / x.low) ** (index / steps) for index in range(steps + 1)]
    return [x.low + (x.high - x.low) * index / steps for index in range(steps + 1)]
