"""Whether a figure reaches its target, as far as its interval tells."""

from __future__ import annotations

from typing import Literal

Reach = Literal["met", "missed", "open"]
"""Met or missed where the whole interval lies on one side of the target; open where it holds the target."""


def reach(target: float, direction: str, lower: float | None, upper: float | None) -> Reach | None:
    """How a figure stands to its target; None without an interval, or where neither direction is better.

    Args:
        target: in the figure's unit; reached by what equals it.
        direction: which is better: higher, lower or neither.
        lower, upper: ends of the figure's 95% interval.
    """
    if lower is None or upper is None or direction not in ("higher", "lower"):
        return None
    above, below = lower >= target, upper <= target
    if above and below:
        return "met"
    if not above and not below:
        return "open"
    return "met" if above == (direction == "higher") else "missed"
