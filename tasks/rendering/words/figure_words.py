"""Figures about the whole network as they are written."""

from __future__ import annotations

from reports.wording import say
from reports.wording.writing import between
from tasks.rendering.edition import Outcome
from tasks.rendering.numbers import Notation, p_value
from tasks.rendering.shown_figures import Figure


def network_figure(outcome: Outcome, figure: Figure) -> str:
    """A network figure with its interval and unit; what is in the outcome's unit reads as its values do.

    A slope does not: it is in that unit per unit of an adjuster.
    """
    if figure.value is None:
        return say(f"status.{figure.status}")
    if figure.figure == "mundlak":
        return p_value(figure.value)
    a_slope = figure.figure.startswith("slope_")
    if figure.unit and figure.unit == outcome.unit and not a_slope:
        notation = outcome.notation
    elif figure.figure == "effective_sample_size":
        notation = Notation(figure.unit, 0)
    else:
        notation = Notation.of([(figure.value, figure.lower, figure.upper)], figure.unit)
    if figure.lower is None or figure.upper is None:
        return notation.prose(figure.value)
    return f"{notation.prose(figure.value)} ({notation.range(figure.lower, figure.upper)})"


def network_range(outcome: Outcome, low: Figure, high: Figure) -> str:
    """Two network figures as the ends of a range, their unit once."""
    if low.value is None and high.value is None:
        return network_figure(outcome, low)
    if low.value is None or high.value is None or low.unit != outcome.unit:
        return between(network_figure(outcome, low), network_figure(outcome, high))
    return outcome.notation.prose_range(low.value, high.value)
