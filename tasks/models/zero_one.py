"""The error for a 0/1 outcome that has other values, worded once for every estimator."""

from __future__ import annotations

from tasks.errors import EstimationError


def not_zero_one(response: str, needs: str, place: str, hint: str) -> EstimationError:
    """The error that says which outcome it is and where to look; the values are not shown.

    Args:
        response: the outcome.
        needs: what needs it to be 0 or 1.
        place: where the rows are, as `tasks.records.clinic_names` words it; empty where that cannot be said.
        hint: the way out.
    """
    look = f": look{place}" if place else ""
    return EstimationError(
        f"the outcome {response} is not 0 or 1 in every row, as {needs} needs{look}", hint=hint
    )
