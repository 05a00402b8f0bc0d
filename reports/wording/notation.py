"""How the values of one quantity are written: the same digits in sentences, tables and charts.

A value with its interval is written "12.3% (10.1 to 14.9)". How many decimals a quantity gets is decided
once, from its values and the width of their intervals, so that every sentence and page writes it alike.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from reports.wording import say
from reports.wording.writing import between, decimal

NO_BREAK = "\u00a0"
PUBLISHED_DIGITS = 4
"""Significant digits of what a model says as it is published, and as a sentence about it is made from."""


def fixed(value: float, decimals: int) -> str:
    """`value` with that many decimals, thousands separated, a true minus sign.

    A number that is not zero is never written as zero: it becomes "<0.1" (">−0.1" below zero).

    >>> fixed(7500.4, 0), fixed(-2.345, 1), fixed(0.04, 1), fixed(0.0, 1)
    ('7,500', '−2.3', '<0.1', '0.0')
    """
    if value != 0 and float(f"{value:.{decimals}f}") == 0.0:
        smallest = 10.0**-decimals
        return f"<{decimal(smallest, decimals)}" if value > 0 else f">{decimal(-smallest, decimals)}"
    return decimal(value, decimals)


@dataclass(frozen=True, slots=True)
class Notation:
    """How the values of one quantity are written.

    Attributes:
        unit: unit of the values; empty for pure numbers; "%" is written after each number.
        decimals: decimals of every value and limit.
    """

    unit: str
    decimals: int

    @classmethod
    def of(cls, intervals: Iterable[tuple[float, float | None, float | None]], unit: str) -> Notation:
        """The notation that suits (value, lower, upper) triples: three significant digits, no more than
        the narrower intervals' half-width deserves (two of its digits), no fewer than its first; three
        decimals, and more only where two digits of the values need them.

        >>> Notation.of([(0.00042, None, None)], "").number(0.00042)
        '0.00042'
        """
        shown = list(intervals)
        values = [abs(value) for value, _, _ in shown if value]
        halves = [
            (high - low) / 2 for _, low, high in shown if low is not None and high is not None and high > low
        ]
        if not values:  # nothing but zeros, and what their intervals reach to
            values = [abs(each) for _, *ends in shown for each in ends if each]
        if not values:
            return cls(unit, 1)
        wanted = 2 - exponent(median(values))
        if halves:
            width = exponent(sorted(halves)[len(halves) // 4])
            wanted = max(min(wanted, 1 - width), -width)
        if unit == "%":
            return cls(unit, 1 if median(values) >= 1 else 2)
        return cls(unit, clamp(wanted, 0, max(3, 1 - exponent(median(values)))))

    def number(self, value: float) -> str:
        """The value without its unit."""
        return fixed(value, self._decimals(value))

    def cell(self, value: float) -> str:
        """The value as it stands in a table: per cent carries its sign, other units stand in the header."""
        number = self.number(value)
        return say("number.percent", number=number) if self.unit == "%" else number

    def prose(self, value: float) -> str:
        """The value with its unit, as in a sentence."""
        if not self.unit or self.unit == "%":
            return self.cell(value)
        number = self.number(value)
        # a unit is written as the network file has it, mostly in the plural: "1.0 hours", not "1 hours"
        return f"{fixed(value, 1) if number == '1' else number}{NO_BREAK}{self.unit}"

    def range(self, lower: float, upper: float) -> str:
        """An interval: "10.1 to 14.9"."""
        decimals = self._decimals(lower, upper)
        while (
            decimals < self.decimals + 2
            and lower != upper
            and fixed(lower, decimals) == fixed(upper, decimals)
        ):
            decimals += 1  # "130 to 130" says nothing of where it ends
        return between(fixed(lower, decimals), fixed(upper, decimals))

    def limit(self, value: float, lower: float, upper: float) -> str:
        """One end of an interval, with the decimals that both get."""
        return fixed(value, self._decimals(lower, upper))

    def prose_range(self, lower: float, upper: float) -> str:
        """Two values with their unit, which stands once: "5.8 to 15.3 days", "5.8% to 15.3%"."""
        if not self.unit or self.unit == "%":
            return between(self.cell(lower), self.cell(upper))
        return f"{between(self.number(lower), self.number(upper))}{NO_BREAK}{self.unit}"

    def full(self, value: float, lower: float | None, upper: float | None) -> str:
        """A value with its interval: "12.3% (10.1 to 14.9)"."""
        if lower is None or upper is None:
            return self.cell(value)
        return f"{self.cell(value)} ({self.range(lower, upper)})"

    def prose_full(self, value: float, lower: float | None, upper: float | None) -> str:
        """A value with its unit and interval: "12.3 days (10.1 to 14.9)"."""
        if lower is None or upper is None:
            return self.prose(value)
        return f"{self.prose(value)} ({self.range(lower, upper)})"

    def _decimals(self, *values: float) -> int:
        """Fewer decimals for a value much larger than the others of its kind: four digits say enough."""
        return min(self.decimals, max(0, 3 - max(exponent(value) for value in values)))


def effect_notation(value: float, lower: float | None, upper: float | None, *, ratio: bool) -> Notation:
    """How a program's effect and its interval are written; ratios with two decimals.

    >>> effect_notation(9.815, 7.875, 11.75, ratio=False).full(9.815, 7.875, 11.75)
    '9.8 (7.9 to 11.8)'
    """
    return Notation("", 2) if ratio else Notation.of([(value, lower, upper)], "")


def as_change(measure: str, value: float, lower: float | None, upper: float | None) -> Notation | None:
    """How a ratio is written that people read as a change in per cent; None where they should not.

    Of means and rates from half to twice as much: beyond that, per cent mislead. As many digits as the ratio
    itself is written with, and one more where its interval is narrower than three per cent.

    >>> as_change("rate_ratio", 0.9, 0.8, 1.01).number(10.0), as_change("odds_ratio", 0.9, 0.8, 1.01)
    ('10', None)
    """
    ends = [each for each in (value, lower, upper) if each is not None]
    if measure not in ("ratio", "rate_ratio") or not all(0.5 <= each <= 2.0 for each in ends):
        return None
    narrow = lower is not None and upper is not None and upper - lower < 0.03
    return Notation("", 1 if narrow else 0)


def as_published(value: float) -> float:
    """What a model says, with the digits that it is published with: a sentence and a table then agree."""
    return float(f"{value:.{PUBLISHED_DIGITS}g}")


def exponent(value: float) -> int:
    """The power of ten of the first significant digit; 0 of zero and infinity."""
    return math.floor(math.log10(abs(value))) if value and math.isfinite(value) else 0


def clamp(value: int, low: int, high: int) -> int:
    """The nearest number from `low` to `high`."""
    return max(low, min(high, value))
