"""Rank intervals: how far up or down each clinic's place may be. Only where the verdict is to rank."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.rendering.charts.scales import Scale, Tick
from tasks.rendering.edition import Line, Outcome

WIDTH = 196.0
HEIGHT = 13.0
EDGE = 6.0


@dataclass(frozen=True, slots=True)
class RankStrip:
    """One clinic's row: its median place and the 95% interval of places, in points from the left."""

    line: Line
    median: float
    lower: float
    upper: float


@dataclass(frozen=True)
class RankChart:
    """The clinics that have a place, best first."""

    strips: tuple[RankStrip, ...]
    ticks: tuple[Tick, ...]
    n_ranked: int
    width: float = WIDTH
    height: float = HEIGHT


def rank_chart(outcome: Outcome) -> RankChart | None:
    """The rank intervals of an outcome, or None when its verdict is not to rank."""
    if outcome.verdict != "rank":
        return None
    placed = [
        line for line in outcome.lines if None not in (line.rank.median, line.rank.lower, line.rank.upper)
    ]
    if not placed:
        return None
    places = max(max(line.rank.n_ranked or 0, line.rank.upper or 0) for line in placed)
    n_ranked = round(places)
    scale = Scale(1.0, max(float(n_ranked), 2.0), EDGE, WIDTH - EDGE)
    placed.sort(key=lambda line: (line.rank.median or 0.0, line.rank.lower or 0.0, line.clinic))
    return RankChart(
        strips=tuple(
            RankStrip(
                line,
                scale(line.rank.median or 1.0),
                scale(line.rank.lower or 1.0),
                scale(line.rank.upper or 1.0),
            )
            for line in placed
        ),
        ticks=(
            Tick(scale(1.0), "1"),
            *(tick for tick in scale.ticks(5, whole=True) if tick.label not in ("0", "1")),
        ),
        n_ranked=n_ranked,
    )
