"""Sums over the counts below a count that a negative binomial's constant and its derivatives are made of.

Term by term while counts are small. A count of 500,000 has as many terms and their rounding; beyond some
thousands the sum is a difference of log-gamma functions (or their derivatives) by Stirling's series, whose
next term is under 1e-18 there. In log(1 + y/k) as it is arranged, what rounding loses is in proportion to
the count, however large the size k is.

Source: Abramowitz & Stegun (1964), 6.1.41, 6.3.18 and 6.4.12.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SUMMED = 4_096
"""Counts up to which terms are added one by one."""


def sum_of_logs(values: Floats, size: float) -> Floats:
    """(V,) Σ log(1 + i/k) over i = 0 … y − 1: log Γ(y + k)/Γ(k) less y log k.

    Args:
        values: (V,) counts y.
        size: k.
    """

    def beyond(y: Floats) -> Floats:
        x, z = y + size, SUMMED + size
        logs = (x - 0.5) * np.log1p(y / size) - (z - 0.5) * np.log1p(SUMMED / size) - (y - SUMMED)
        return np.asarray(logs + (1.0 / x - 1.0 / z) / 12.0 - (x**-3.0 - z**-3.0) / 360.0)

    return _summed(values, lambda i: np.log1p(i / size), beyond)


def sum_of_slopes(values: Floats, size: float) -> Floats:
    """(V,) the derivative of `sum_of_logs` in log k: −Σ i/(k + i)."""

    def beyond(y: Floats) -> Floats:
        return np.asarray(size * _digamma_rise(y, size) - (y - SUMMED))

    return _summed(values, lambda i: -i / (size + i), beyond)


def sum_of_curvatures(values: Floats, size: float) -> Floats:
    """(V,) the second derivative of `sum_of_logs` in log k: Σ i k/(k + i)²."""

    def beyond(y: Floats) -> Floats:
        x, z = y + size, SUMMED + size
        # trigamma at x less at z
        rise = (
            -(y - SUMMED) / (x * z)
            - (y - SUMMED) * (x + z) / (2.0 * x**2 * z**2)
            + (x**-3.0 - z**-3.0) / 6.0
            - (x**-5.0 - z**-5.0) / 30.0
        )
        return np.asarray(size * (_digamma_rise(y, size) + size * rise))

    return _summed(values, lambda i: i * size / (size + i) ** 2, beyond)


def _summed(values: Floats, term: Callable[[Floats], Floats], beyond: Callable[[Floats], Floats]) -> Floats:
    few = np.minimum(values, SUMMED)
    upto = np.concatenate(([0.0], np.cumsum(term(np.arange(few.max(initial=0.0))))))
    total = upto[few.astype(np.int64)]
    many = values > SUMMED
    if many.any():
        total[many] += beyond(values[many])
    return np.asarray(total)


def _digamma_rise(y: Floats, size: float) -> Floats:
    """Digamma at y + k less at `SUMMED` + k."""
    x, z, more = y + size, SUMMED + size, y - SUMMED
    even = more * (x + z) / (x**2 * z**2)  # 1/z² − 1/x²
    return np.asarray(np.log1p(more / z) + more / (2.0 * x * z) + even / 12.0 + (x**-4.0 - z**-4.0) / 120.0)
