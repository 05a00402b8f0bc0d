"""Numbers as people read them: few digits, the same digits for the same quantity, never a bare null.

A value with its interval is written "12.3% (10.1 to 14.9)". How many decimals an outcome gets is decided
once, from its values and the width of their intervals, so that every page writes it alike.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from reports.wording import say
from reports.wording.writing import between, decimal

NO_BREAK = "\u00a0"


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


def significant(value: float, digits: int = 3) -> str:
    """`value` to about that many significant digits, at most four decimals.

    >>> significant(0.20449), significant(95.7), significant(12345.6)
    ('0.204', '95.7', '12,346')
    """
    return fixed(value, _clamp(digits - 1 - _exponent(value), 0, 4))


def whole(value: float) -> str:
    """A count: no decimals unless the number itself has them."""
    return fixed(value, 0 if float(value).is_integer() else 1)


def p_value(p: float) -> str:
    """A p-value with its sign: "p = 0.03", "p < 0.001".

    >>> p_value(0.0312), p_value(0.00002)
    ('p = 0.03', 'p < 0.001')
    """
    if p < 0.001:
        return f"p < {decimal(0.001, 3)}"
    return f"p = {decimal(p, 3 if p < 0.01 else 2)}"


def share(part: float) -> str:
    """A probability or a weight with two decimals, never rounded to certainty.

    >>> share(0.874), share(1.0), share(0.0)
    ('0.87', '>0.99', '<0.01')
    """
    if part >= 0.995:
        return f">{decimal(0.99, 2)}"
    return f"<{decimal(0.01, 2)}" if part < 0.005 else fixed(part, 2)


def in_hundred(part: float) -> str:
    """A share as so many of a hundred, never rounded to none or all.

    >>> in_hundred(0.874), in_hundred(0.9999), in_hundred(0.001)
    ('87', '>99', '<1')
    """
    if part >= 0.995:
        return f">{decimal(99, 0)}"
    return f"<{decimal(1, 0)}" if part < 0.005 else fixed(100.0 * part, 0)


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
        if not values:
            return cls(unit, 1)
        wanted = 2 - _exponent(median(values))
        if halves:
            width = _exponent(sorted(halves)[len(halves) // 4])
            wanted = max(min(wanted, 1 - width), -width)
        if unit == "%":
            return cls(unit, 1 if median(values) >= 1 else 2)
        return cls(unit, _clamp(wanted, 0, max(3, 1 - _exponent(median(values)))))

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
        return f"{self.number(value)}{NO_BREAK}{self.unit}"

    def range(self, lower: float, upper: float) -> str:
        """An interval: "10.1 to 14.9"."""
        decimals = self._decimals(lower, upper)
        return between(fixed(lower, decimals), fixed(upper, decimals))

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

    def _decimals(self, *values: float) -> int:
        """Fewer decimals for a value much larger than the others of its kind: four digits say enough."""
        return min(self.decimals, max(0, 3 - max(_exponent(value) for value in values)))


def _exponent(value: float) -> int:
    return math.floor(math.log10(abs(value))) if value and math.isfinite(value) else 0


def _clamp(value: int, low: int, high: int) -> int:
    return max(low, min(high, value))
