"""Numbers as people read them: few digits, the same digits for the same quantity, never a bare null."""

from __future__ import annotations

from reports.wording.notation import NO_BREAK as NO_BREAK
from reports.wording.notation import Notation as Notation
from reports.wording.notation import clamp, exponent
from reports.wording.notation import fixed as fixed
from reports.wording.writing import decimal


def significant(value: float, digits: int = 3) -> str:
    """`value` to about that many significant digits, at most four decimals.

    >>> significant(0.20449), significant(95.7), significant(12345.6)
    ('0.204', '95.7', '12,346')
    """
    return fixed(value, clamp(digits - 1 - exponent(value), 0, 4))


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
    if p >= 0.995:
        return f"p > {decimal(0.99, 2)}"
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
