"""Months of one outcome with their centre line and limits, as the release gives them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.wording.writing import period_short
from tasks.rendering.charts.caterpillar import target_on
from tasks.rendering.charts.scales import Tick, spanning, within_reach
from tasks.rendering.edition import Outcome
from tasks.rendering.shown_figures import Month

LEFT = 34.0
RIGHT = 6.0
TOP = 8.0
BOTTOM = 24.0
_SHARE_SHOWN = 0.1


@dataclass(frozen=True, slots=True)
class Point:
    """One month and its value.

    `tone` is better, worse, higher or lower beyond a limit, same within; `signal` the rule.
    """

    x: float
    y: float
    tone: str
    month: str
    value: float
    signal: str = ""


@dataclass(frozen=True)
class RunChart:
    """A drawn run chart; `missing` are periods without a value that may be seen, with their status."""

    points: tuple[Point, ...]
    lines: tuple[tuple[tuple[float, float], ...], ...]
    centre: tuple[tuple[float, float], ...]
    lower: tuple[tuple[float, float], ...]
    upper: tuple[tuple[float, float], ...]
    missing: tuple[tuple[float, str], ...]
    months: tuple[Tick, ...]
    years: tuple[Tick, ...]
    ticks: tuple[Tick, ...]
    trial: bool
    has_limits: bool
    beyond: tuple[Point, ...]
    false_alarms: float | None
    n_points: int
    n_missing: int
    target: float | None
    width: float
    height: float
    left: float = LEFT
    right: float = RIGHT
    top: float = TOP
    bottom: float = BOTTOM

    def of_signal(self, signal: str) -> tuple[Point, ...]:
        """The months that are of a shift, or of a trend."""
        return tuple(point for point in self.points if point.signal == signal)

    @property
    def stretches(self) -> tuple[tuple[tuple[float, float], ...], ...]:
        """The lines through each shift and each trend."""
        runs: list[list[Point]] = []
        for before, point in zip((None, *self.points), self.points, strict=False):
            if point.signal not in ("shift", "trend"):
                continue
            if before is None or before.signal != point.signal or not runs:
                runs.append([])
            runs[-1].append(point)
        return tuple(tuple((point.x, point.y) for point in run) for run in runs)

    @property
    def ordinary(self) -> tuple[tuple[float, float], ...]:
        """Places of the months within the limits."""
        return tuple((point.x, point.y) for point in self.points if point.tone == "same")


def _around(values: Sequence[float]) -> tuple[float, float]:
    """A tenth to either side of the middle value: without limits nothing else says what is much."""
    middle = (min(values) + max(values)) / 2.0
    return middle - abs(middle) * _SHARE_SHOWN, middle + abs(middle) * _SHARE_SHOWN


def run_chart(outcome: Outcome, months: Sequence[Month], width: float, height: float) -> RunChart | None:
    """The months on a chart of that size in points, or None when no month may be seen."""
    seen = [month for month in months if month.value is not None]
    if not seen:
        return None
    ends = (end for month in seen for end in (month.lower_limit, month.upper_limit))
    limits = [end for end in ends if end is not None]
    positive = outcome.kind in ("binary", "count")
    levels = [end for month in seen for end in (month.value, month.centre)]
    around = limits or _around([month.value for month in seen if month.value is not None])
    y = spanning(
        levels,
        height - BOTTOM,
        TOP,
        include=[*around, within_reach([*levels, *around], outcome.target)],
        floor=0.0 if positive else None,
        ceiling=100.0 if outcome.unit == "%" else None,
        logarithmic=False,
        margin=0.08,
    )
    step = (width - LEFT - RIGHT) / len(months)
    at = {month.month: round(LEFT + (index + 0.5) * step, 2) for index, month in enumerate(months)}
    points = tuple(
        Point(
            at[month.month],
            y(month.value),
            _tone(outcome, month),
            month.month,
            month.value,
            month.signal or "",
        )
        for month in seen
        if month.value is not None
    )
    every = max(1, -(-len(months) // max(1, int((width - LEFT - RIGHT) // 26))))
    labelled = [month for index, month in enumerate(months) if index % every == 0]
    return RunChart(
        points=points,
        lines=_runs([(at[month.month], None if month.value is None else y(month.value)) for month in months]),
        centre=_level([(at[m.month], None if m.centre is None else y(m.centre)) for m in months], step),
        lower=_level(
            [(at[m.month], None if m.lower_limit is None else y(m.lower_limit)) for m in months], step
        ),
        upper=_level(
            [(at[m.month], None if m.upper_limit is None else y(m.upper_limit)) for m in months], step
        ),
        missing=tuple((at[month.month], month.status) for month in months if month.value is None),
        months=tuple(Tick(at[month.month], period_short(month.month)) for month in labelled),
        years=_years(months, at),
        ticks=y.ticks(4, "%" if outcome.unit == "%" else ""),
        trial=any(month.limits == "trial" for month in seen),
        has_limits=any(month.upper_limit is not None for month in seen),
        beyond=tuple(point for point in points if point.tone != "same"),
        false_alarms=next((each.false_alarms for each in seen if each.false_alarms is not None), None),
        n_points=len(seen),
        n_missing=len(months) - len(seen),
        target=target_on(outcome, y),
        width=width,
        height=height,
    )


def _tone(outcome: Outcome, month: Month) -> str:
    """Within the limits a month is common cause; beyond one, the outcome's direction says what it is."""
    if month.value is None or month.centre is None or month.signal != "beyond":
        return "same"
    if month.value > month.centre:
        return {"higher": "better", "lower": "worse"}.get(outcome.direction, "higher")
    return {"higher": "worse", "lower": "better"}.get(outcome.direction, "lower")


def _runs(places: list[tuple[float, float | None]]) -> tuple[tuple[tuple[float, float], ...], ...]:
    """Unbroken stretches: the line is not drawn across a month that is not seen."""
    runs: list[list[tuple[float, float]]] = [[]]
    for x, y in places:
        if y is None:
            runs.append([])
        else:
            runs[-1].append((x, y))
    return tuple(tuple(run) for run in runs if len(run) > 1)


def _level(places: list[tuple[float, float | None]], step: float) -> tuple[tuple[float, float], ...]:
    """A stepped line, level across each month (limits of unequal denominators move with the month)."""
    corners: list[tuple[float, float]] = []
    for x, y in places:
        if y is not None:
            corners += [(round(x - step / 2, 2), y), (round(x + step / 2, 2), y)]
    return tuple(corners)


def _years(months: Sequence[Month], at: dict[str, float]) -> tuple[Tick, ...]:
    found: dict[str, float] = {}
    for month in months:
        found.setdefault(month.month[:4], at[month.month])
    return tuple(Tick(x, year) for year, x in found.items())
