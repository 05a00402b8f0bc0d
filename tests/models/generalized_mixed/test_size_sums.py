"""Sums below a count, against the terms added exactly."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from tasks.models.generalized_mixed.size_sums import (
    SUMMED,
    Floats,
    sum_of_curvatures,
    sum_of_logs,
    sum_of_slopes,
)

COUNTS = np.array([0.0, 1.0, 17.0, SUMMED, SUMMED + 1.0, 5_000.0, 90_000.0])


@pytest.mark.parametrize("size", [1e-6, 0.2, 3.0, 4e3, 1e7, 1e12])
@pytest.mark.parametrize(
    ("summed", "term"),
    [
        (sum_of_logs, lambda i, k: math.log1p(i / k)),
        (sum_of_slopes, lambda i, k: -i / (k + i)),
        (sum_of_curvatures, lambda i, k: i * k / (k + i) ** 2),
    ],
)
def test_are_the_terms_added_exactly(
    size: float, summed: Callable[[Floats, float], Floats], term: Callable[[float, float], float]
) -> None:
    """To what rounding takes from the count itself, once for each of a few operations."""
    exact = [math.fsum(term(float(i), size) for i in range(int(y))) for y in COUNTS]
    assert summed(COUNTS, size) == pytest.approx(exact, rel=3e-14, abs=1e-15 * COUNTS[-1])
