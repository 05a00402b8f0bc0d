"""Clinics one under another, each with its own figure and its shrunken one, and their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.rendering.charts.scales import Scale, Tick, quantile, spanning, within_reach
from tasks.rendering.edition import Line, Outcome
from tasks.rendering.shown_figures import Estimate

WIDTH = 112.0
HEIGHT = 13.0
EDGE = 5.0


@dataclass(frozen=True, slots=True)
class Whisker:
    """An interval on the chart; cut where it leaves the axis."""

    start: float
    end: float
    cut_low: bool
    cut_high: bool


@dataclass(frozen=True, slots=True)
class Strip:
    """One clinic's row: places in points from the left, None where there is nothing to draw; `group` is the
    grade that begins with this row."""

    line: Line
    group: str | None
    raw: float | None
    raw_interval: Whisker | None
    shrunken: float | None
    shrunken_interval: Whisker | None


@dataclass(frozen=True)
class Caterpillar:
    """The rows of an outcome that may be seen, on one axis, and the order they stand in."""

    strips: tuple[Strip, ...]
    ticks: tuple[Tick, ...]
    comparator: float | None
    order: str
    target: float | None = None
    width: float = WIDTH
    height: float = HEIGHT


def caterpillar(outcome: Outcome) -> Caterpillar:
    """The rows of an outcome; the order obeys the verdict: by place, by grade, or by number of records."""
    scale = value_scale(outcome, EDGE, WIDTH - EDGE)
    order, lines = ordered(outcome)
    return Caterpillar(
        strips=_strips(lines, scale, grouped=order == "grade"),
        ticks=scale.ticks(4, "%" if outcome.unit == "%" else ""),
        comparator=None if outcome.comparator_value is None else scale(outcome.comparator_value),
        order=order,
        target=target_on(outcome, scale),
    )


def target_on(outcome: Outcome, scale: Scale) -> float | None:
    """Where the outcome's target stands on the scale; None without one, or where it lies beyond."""
    return None if outcome.target is None or not scale.holds(outcome.target) else scale(outcome.target)


def value_scale(outcome: Outcome, start: float, end: float, lines: Sequence[Line] | None = None) -> Scale:
    """An axis for the outcome's values: all shrunken intervals, and the middle of the raw values; what lies
    beyond is drawn cut off at the edge, so that one tiny clinic does not flatten the rest."""
    chosen = [line for line in (outcome.lines if lines is None else lines) if line.shown]
    shrunken = [
        end for line in chosen for end in (line.shrunken.lower, line.shrunken.upper, line.shrunken.value)
    ]
    raw = [line.raw.value for line in chosen if line.raw.value is not None]
    if len(raw) > 8:
        low, high = quantile(raw, 0.04), quantile(raw, 0.96)
        raw = [value for value in raw if low <= value <= high]
    positive = outcome.kind in ("binary", "count")
    return spanning(
        [*shrunken, *raw],
        start,
        end,
        include=[outcome.comparator_value, within_reach([*shrunken, *raw], outcome.target)],
        logarithmic=logarithmic(outcome),
        floor=0.0 if positive else None,
        ceiling=100.0 if outcome.unit == "%" else None,
    )


def ordered(outcome: Outcome) -> tuple[str, tuple[Line, ...]]:
    """What the order is (rank, grade, records, name or own) and the lines to show in it.

    Where the verdict is not to rank, the order of the rows must not rank either: most records first.
    """
    shown = [line for line in outcome.lines if line.shown]
    if not outcome.estimated:
        return "own", tuple(sorted(shown, key=lambda line: (-(line.size or 0.0), line.clinic)))

    def size(line: Line) -> tuple[float, str]:
        return (-(line.size or 0.0), line.clinic)

    if outcome.verdict == "rank":
        last = float("inf")
        shown.sort(key=lambda line: (last if line.rank.median is None else line.rank.median, *size(line)))
        return "rank", tuple(shown)
    if outcome.verdict == "grade":
        places = {"above": 0, "typical": 1, "below": 2}
        shown.sort(key=lambda line: (places.get(line.rank.grade or "", 3), *size(line)))
        return "grade", tuple(shown)
    order = "records" if any(line.size for line in shown) else "name"
    return order, tuple(sorted(shown, key=size))


def whisker(estimate: Estimate, scale: Scale) -> Whisker | None:
    """The estimate's interval on the scale, or None."""
    if estimate.lower is None or estimate.upper is None:
        return None
    return Whisker(
        start=scale(estimate.lower),
        end=scale(estimate.upper),
        cut_low=estimate.lower < scale.low,
        cut_high=estimate.upper > scale.high,
    )


def logarithmic(outcome: Outcome) -> bool:
    """Whether equal ratios take equal space: outcomes analysed so, and rates over orders of magnitude."""
    if outcome.logarithmic or outcome.kind != "count":
        return outcome.logarithmic
    shown = [line.shrunken.value for line in outcome.lines if line.shrunken.value is not None]
    return bool(shown) and min(shown) > 0 and max(shown) > 20 * min(shown)


def _strips(lines: Sequence[Line], scale: Scale, *, grouped: bool) -> tuple[Strip, ...]:
    """Rows; where they are grouped, the first of each grade names it."""
    strips, last = [], None
    for line in lines:
        grade = line.rank.grade or "none"
        strips.append(_strip(line, scale, grade if grouped and grade != last else None))
        last = grade
    return tuple(strips)


def _strip(line: Line, scale: Scale, group: str | None) -> Strip:
    raw, shrunken = line.raw, line.shrunken
    return Strip(
        line=line,
        group=group,
        raw=scale(raw.value) if raw.value is not None and scale.holds(raw.value) else None,
        raw_interval=whisker(raw, scale),
        shrunken=None if shrunken.value is None else scale(shrunken.value),
        shrunken_interval=whisker(shrunken, scale),
    )
