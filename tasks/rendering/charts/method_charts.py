"""The small pictures of the methods page, from the network's own numbers.

Why odds ratios do not collapse: each clinic's risk follows a steep curve, and the average of curves that lie
side by side is a flatter one. How an adjuster's slope among patients of one clinic can differ from that among
clinics' averages. And best estimates over the typical clinic's figure, which others publish as
predicted over expected.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist, fmean

from tasks.program_questions import SIGNIFICANT
from tasks.rendering.charts.scales import Scale, Tick, spanning
from tasks.rendering.edition import Outcome

WIDTH, HEIGHT = 236.0, 118.0
LEFT, RIGHT, TOP, BOTTOM = 34.0, 10.0, 6.0, 30.0
STRIP_HEIGHT = 40.0
EDGE = 10.0

_SHARES = (0.025, 0.25, 0.75, 0.975)  # of clinics that lie below the curves drawn beside the typical clinic's
_NODES = [NormalDist().inv_cdf((each + 0.5) / 400) for each in range(400)]
_FARTHEST = 30.0  # odds, to either side
_CLINICS, _ARM, _REACH = (-2.0, -1.0, 0.0, 1.0, 2.0), 0.7, 3.0  # in units of the adjuster
_STEPS = 60


@dataclass(frozen=True)
class AverageCurve:
    """Risks of clinics by how the odds of all are multiplied, and their average.

    Attributes:
        clinics: curves of clinics at some places of the network's distribution.
        typical: the typical clinic's.
        average: the population's.
    """

    clinics: tuple[tuple[tuple[float, float], ...], ...]
    typical: tuple[tuple[float, float], ...]
    average: tuple[tuple[float, float], ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = RIGHT
    top: float = TOP
    bottom: float = BOTTOM


@dataclass(frozen=True)
class TwoSlopes:
    """An adjuster's slopes among clinics' averages, and about each of some imagined clinics.

    Attributes:
        between: the line through the clinics' averages.
        clinics: a line for the patients of each clinic.
        dots: the clinics' averages.
        steepness: steeper, flatter or against: the line between clinics, beside those within.
        key: where the key stands, in the corner that the line leaves free.
    """

    between: tuple[tuple[float, float], ...]
    clinics: tuple[tuple[tuple[float, float], ...], ...]
    dots: tuple[tuple[float, float], ...]
    steepness: str
    key: float
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = RIGHT
    top: float = TOP
    bottom: float = BOTTOM


@dataclass(frozen=True)
class RatioStrip:
    """Clinics' best estimates over the typical clinic's figure, from the lowest to the highest."""

    dots: tuple[tuple[float, float], ...]
    one: float
    ticks: tuple[Tick, ...]
    width: float = WIDTH
    height: float = STRIP_HEIGHT
    base: float = STRIP_HEIGHT - 12.0


def average_curve(outcome: Outcome) -> AverageCurve | None:
    """The picture of a binary outcome whose clinics' spread is known; None of others."""
    sd = outcome.figures.get("sd_between")
    typical = outcome.comparator_value
    if outcome.kind != "binary" or sd is None or not sd.value or typical is None or not 0.0 < typical < 100.0:
        return None
    level, spread = math.log(typical / (100.0 - typical)), sd.value
    x = Scale(1.0 / _FARTHEST, _FARTHEST, LEFT, WIDTH - RIGHT, logarithmic=True)
    y = Scale(0.0, 100.0, HEIGHT - BOTTOM, TOP)
    odds = [_FARTHEST ** (2.0 * step / _STEPS - 1.0) for step in range(_STEPS + 1)]

    def curve(effects: list[float]) -> tuple[tuple[float, float], ...]:
        return tuple((x(each), y(100.0 * mean_risk(level + math.log(each), effects))) for each in odds)

    return AverageCurve(
        clinics=tuple(curve([spread * NormalDist().inv_cdf(share)]) for share in _SHARES),
        typical=curve([0.0]),
        average=curve([spread * node for node in _NODES]),
        x_ticks=tuple(Tick(x(each), f"{each:g}") for each in (0.1, 0.3, 1, 3, 10)),
        y_ticks=y.ticks(5, "%"),
    )


def mean_risk(level: float, effects: list[float]) -> float:
    """The risk at log odds `level`, averaged over clinics with these effects."""
    return fmean(1.0 / (1.0 + math.exp(-(level + effect))) for effect in effects)


def two_slopes(outcome: Outcome) -> TwoSlopes | None:
    """The picture of an outcome whose adjuster has both slopes, and they differ by Mundlak's test."""
    test, *slopes = (outcome.figures.get(name) for name in ("mundlak", "slope_within", "slope_between"))
    values = [each.value for each in slopes if each is not None and each.value is not None]
    if test is None or test.value is None or test.value >= SIGNIFICANT or len(values) < 2:
        return None
    within, between = values
    steepest = max(abs(within), abs(between))
    if steepest == 0.0:
        return None
    x = Scale(-_REACH, _REACH, LEFT, WIDTH - RIGHT)
    y = Scale(-_REACH, _REACH, HEIGHT - BOTTOM, TOP)

    def at(place: float, clinic: float, slope: float) -> tuple[float, float]:
        return x(place), y((between * clinic + slope * (place - clinic)) / steepest)

    against = within * between < 0.0
    steepness = "against" if against else "steeper" if abs(between) > abs(within) else "flatter"
    return TwoSlopes(
        between=(at(_CLINICS[0] - _ARM, 0.0, between), at(_CLINICS[-1] + _ARM, 0.0, between)),
        clinics=tuple(
            (at(clinic - _ARM, clinic, within), at(clinic + _ARM, clinic, within)) for clinic in _CLINICS
        ),
        dots=tuple(at(clinic, clinic, within) for clinic in _CLINICS),
        steepness=steepness,
        key=TOP + 9.0 if between >= 0.0 else HEIGHT - BOTTOM - 18.0,
    )


def ratio_strip(outcome: Outcome) -> RatioStrip | None:
    """The picture of the clinics shown; None where no ratio can be taken, or of fewer than three."""
    ratios = predicted_over_expected(outcome)
    if len(ratios) < 3:
        return None
    x = spanning(ratios, EDGE, WIDTH - EDGE, include=[1.0], logarithmic=True)
    base = STRIP_HEIGHT - 12.0
    height = Scale(0.0, float(len(ratios) - 1), base - 4.0, 4.0)
    return RatioStrip(
        dots=tuple((x(ratio), height(float(place))) for place, ratio in enumerate(ratios)),
        one=x(1.0),
        ticks=x.ticks(5),
    )


def predicted_over_expected(outcome: Outcome) -> list[float]:
    """Of the clinics shown, in order; none where a ratio of them is not above 0."""
    ratios = sorted(line.shrunken.pe for line in outcome.lines if line.shrunken.pe is not None)
    return ratios if ratios and ratios[0] > 0.0 else []
