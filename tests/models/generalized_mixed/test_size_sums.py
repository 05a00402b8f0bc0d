"""Sums below a count, against the terms added exactly."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from tasks.models.generalized_mixed.families import CellOutcome
from tasks.models.generalized_mixed.size_sums import (
    SUMMED,
    Floats,
    sum_of_curvatures,
    sum_of_logs,
    sum_of_slopes,
)
from tasks.records import cells_for

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


def test_rows_that_count_for_less_have_the_counts_that_they_had() -> None:
    """3/d over 1/d is not always 3: taken for 2, counts of falls gave a size of 2.34 for 1.80."""
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"clinic": np.repeat(np.arange(12), 40), "falls": rng.negative_binomial(2, 0.3, 480)})
    _, cells = cells_for("falls ~ 1 + (1 | clinic)", data, collapse=False)
    whole = CellOutcome.of(cells, "negative-binomial").with_log_size(0.6)
    for effect in (1.1, 1.7, 3.3, 4.9, 6.6, 7.1):
        deflated = cells.deflated(dict.fromkeys(cells.levels[0], effect))
        less = CellOutcome.of(deflated, "negative-binomial").with_log_size(0.6)
        slope, curvature = less.log_constant_slope(), less.log_constant_curvature()
        assert effect * slope == pytest.approx(whole.log_constant_slope(), rel=1e-12)
        assert effect * curvature == pytest.approx(whole.log_constant_curvature(), rel=1e-12)
