"""Scales: where a value stands on a chart, and which round values are written along it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reports.wording import say
from tasks.rendering.numbers import fixed

_LETTER = 4.1
"""Width of a letter of a label with the room around it, in a chart's units."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled place on an axis."""

    at: float
    label: str


@dataclass(frozen=True)
class Scale:
    """A linear or logarithmic map from [low, high] in the value's unit to [start, end] on the page.

    Attributes:
        low: smallest value on the axis.
        high: largest value on the axis.
        start: place of `low`, in the chart's units.
        end: place of `high`; smaller than `start` for an upward axis.
        logarithmic: equal ratios take equal space; needs low > 0.
    """

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.logarithmic and self.low <= 0):
            raise ValueError(
                f"a scale needs low < high (and low > 0 for logarithms), got {self.low} and {self.high}"
            )

    def __call__(self, value: float) -> float:
        """Where `value` stands, to a hundredth; values outside the axis stand at its ends."""
        held = min(max(value, self.low), self.high)
        if self.logarithmic:
            part = math.log(held / self.low) / math.log(self.high / self.low)
        else:
            part = (held - self.low) / (self.high - self.low)
        return round(self.start + part * (self.end - self.start), 2)

    def holds(self, value: float) -> bool:
        """Whether the value is on the axis."""
        return self.low <= value <= self.high

    def ticks(self, about: int = 5, unit: str = "", *, whole: bool = False) -> tuple[Tick, ...]:
        """Round values along the axis, about that many, written with the decimals their step needs.

        `whole` keeps to whole numbers: for axes that count things.
        """
        if self.logarithmic:
            return self._logarithmic_ticks(about, unit)
        step = _step(self.low, self.high, about)
        if whole:
            step = max(1.0, float(round(step)))
        values, decimals = _multiples(self.low, self.high, step), _decimals(step)
        return tuple(Tick(self(value), _with_unit(fixed(value, decimals), unit)) for value in values)

    def _logarithmic_ticks(self, about: int, unit: str) -> tuple[Tick, ...]:
        """The most of round numbers that are not too many and whose labels stand clear of each other."""
        found: tuple[Tick, ...] = ()
        for values in _log_steps(self.low, self.high, about):
            if found and len(values) < 2:
                break  # labels that touch say more than one alone
            found = tuple(Tick(self(value), _with_unit(_plain(value), unit)) for value in values)
            if len(values) <= about + 1 and self._are_clear(found):
                break
        return found

    def _are_clear(self, ticks: tuple[Tick, ...]) -> bool:
        """Whether labels beside each other are apart; those of an upward axis stand one above the other."""
        if self.end < self.start:
            return True
        widths = [_LETTER * len(tick.label) for tick in ticks]
        return all(
            after.at - tick.at >= 0.5 * (width + following)
            for tick, after, width, following in zip(ticks, ticks[1:], widths, widths[1:], strict=False)
        )


def spanning(
    values: Iterable[float | None],
    start: float,
    end: float,
    *,
    logarithmic: bool = False,
    include: Iterable[float | None] = (),
    floor: float | None = None,
    ceiling: float | None = None,
    margin: float = 0.04,
) -> Scale:
    """A scale that holds all the values and places to include, with a margin, within floor and ceiling."""
    known = [value for value in (*values, *include) if value is not None and math.isfinite(value)]
    if logarithmic:
        known = [value for value in known if value > 0]
    if not known:
        known = [1.0, 2.0] if logarithmic else [0.0, 1.0]
    low, high = min(known), max(known)
    if logarithmic:
        room = margin * math.log(high / low) if high > low else math.log(1.5)
        return Scale(low / math.exp(room), high * math.exp(room), start, end, logarithmic=True)
    room = margin * (high - low) if high > low else abs(low) * 0.1 or 1.0
    low, high = low - room, high + room
    if floor is not None and floor <= min(known):
        low = max(low, floor)
    if ceiling is not None and ceiling >= max(known):
        high = min(high, ceiling)
    return Scale(low, high, start, end)


def within_reach(values: Iterable[float | None], place: float | None) -> float | None:
    """`place`, unless an axis that holds it beside the values would give them less than half its length."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    if place is None or not known:
        return place
    low, high = min(known), max(known)
    beyond = max(low - place, place - high)
    return place if beyond <= (high - low or math.inf) else None


def quantile(values: Iterable[float], share: float) -> float:
    """The value with that share of the values below it (linear between neighbours)."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def _step(low: float, high: float, about: int) -> float:
    """The step of 1, 2 or 5 times a power of ten whose number of ticks on the axis is nearest `about`."""
    power = math.floor(math.log10((high - low) / max(about, 1)))
    candidates = [factor * 10.0**exponent for exponent in (power, power + 1) for factor in (1, 2, 5)]
    return min(candidates, key=lambda step: abs(len(_multiples(low, high, step)) - about))


def _multiples(low: float, high: float, step: float) -> list[float]:
    """Multiples of `step` from low to high, without the last-bit error of the product."""
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(index * step, _decimals(step)) + 0.0 for index in range(first, last + 1)]


def _log_steps(low: float, high: float, about: int) -> Iterator[list[float]]:
    """Round numbers at about equal ratios, ever fewer: of each power of ten, then of every second, …

    On a short axis, equal steps.
    """
    if high / low < 3:
        yield [value for value in _multiples(low, high, _step(low, high, about)) if value > 0]
        return
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    denser = [((1, 1.5, 2, 3, 4, 5, 6, 8), 1), ((1, 2, 3, 5), 1), ((1, 2, 5), 1), ((1, 3), 1)]
    for factors, stride in [*denser, *(((1,), stride) for stride in range(1, last - first + 1))]:
        powers = [power for power in range(first, last + 1) if power % stride == 0]
        steps = [factor * 10.0**power for power in powers for factor in factors]
        yield [step for step in steps if low * (1 - 1e-9) <= step <= high * (1 + 1e-9)]


def _decimals(step: float) -> int:
    return max(0, -math.floor(math.log10(step) + 1e-9))


def _with_unit(number: str, unit: str) -> str:
    return say("number.percent", number=number) if unit == "%" else f"{number}{unit}"


def _plain(value: float) -> str:
    """The shortest way to write a round number: 0.00001, 0.5, 1, 1.05, 20, 1,000."""
    most = max(4, -math.floor(math.log10(value)))
    fewest = next((n for n in range(most) if math.isclose(round(value, n), value, rel_tol=1e-9)), most)
    return fixed(value, fewest)
