"""The shrinkage picture: from every clinic's own figure to what it is once small numbers are allowed for."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.rendering.charts.caterpillar import logarithmic
from tasks.rendering.charts.scales import Tick, spanning
from tasks.rendering.edition import Outcome

WIDTH = 236.0
HEIGHT = 166.0
LEFT, RIGHT, TOP, BOTTOM = 34.0, 14.0, 6.0, 27.0
OWN_AT, FAIR_AT = 62.0, 208.0
_MOST_LINES = 100  # more would be a solid block


@dataclass(frozen=True, slots=True)
class Pull:
    """One clinic: where its own figure and its shrunken one stand, and w, the hold of its own records."""

    own: float
    fair: float
    weight: float


@dataclass(frozen=True)
class Shrinkage:
    """A slope chart with the comparator across.

    Attributes:
        pulls: the clinics drawn.
        clinics: how many there are; where that is more, those drawn are spread evenly over all own figures.
    """

    pulls: tuple[Pull, ...]
    clinics: int
    comparator: float | None
    ticks: tuple[Tick, ...]
    own_at: float = OWN_AT
    fair_at: float = FAIR_AT
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = RIGHT
    top: float = TOP
    bottom: float = BOTTOM

    @property
    def ends(self) -> tuple[tuple[float, float], ...]:
        """Places of the best estimates."""
        return tuple((self.fair_at, pull.fair) for pull in self.pulls)


def shrinkage(outcome: Outcome) -> Shrinkage | None:
    """The picture of all clinics with both figures to be seen; None when fewer than three have them."""
    pairs = [
        (line.raw.value, line.shrunken.value, line.shrunken.reliability)
        for line in outcome.lines
        if line.raw.value is not None and line.shrunken.value is not None
    ]
    if logarithmic(outcome):
        pairs = [pair for pair in pairs if pair[0] > 0 and pair[1] > 0]
    if len(pairs) < 3:
        return None
    y = spanning(
        [value for own, fair, _ in pairs for value in (own, fair)],
        HEIGHT - BOTTOM,
        TOP,
        include=[outcome.comparator_value],
        logarithmic=logarithmic(outcome),
        floor=0.0 if outcome.kind in ("binary", "count") else None,
        ceiling=100.0 if outcome.unit == "%" else None,
    )
    drawn = pairs
    if len(pairs) > _MOST_LINES:
        by_own = sorted(pairs, key=lambda pair: pair[:2])
        drawn = [by_own[round(i * (len(pairs) - 1) / (_MOST_LINES - 1))] for i in range(_MOST_LINES)]
    return Shrinkage(
        pulls=tuple(Pull(y(own), y(fair), 0.5 if weight is None else weight) for own, fair, weight in drawn),
        clinics=len(pairs),
        comparator=None if outcome.comparator_value is None else y(outcome.comparator_value),
        ticks=y.ticks(5, "%" if outcome.unit == "%" else ""),
    )
