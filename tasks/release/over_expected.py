"""A clinic's own figure over what its own patients would have at the typical clinic."""

from __future__ import annotations


def over_expected(figure: float | None, expected: float | None) -> float | None:
    """Observed over expected, of figures as published; None without one, or where nothing is expected.

    Args:
        figure: the clinic's own figure, or an end of its interval, in the outcome's unit.
        expected: what the same patients would have elsewhere, in the same unit.
    """
    if figure is None or expected is None or expected <= 0.0:
        return None
    return figure / expected
