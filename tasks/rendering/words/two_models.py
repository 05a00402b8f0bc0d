"""Where two models say what the program did to the whole population: in one measure, and whether they agree.

The mixed model tells a percentage's effect as a risk difference and a risk ratio, estimating equations as an
odds ratio. Figures in two measures look like one effect, and are of two models: what the first comes to in
the second's measure follows from its difference and ratio together, which only one pair of risks has.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from reports.wording import say
from reports.wording.notation import effect_notation
from tasks.rendering.charts.effects_chart import WHOLE, whole_effects
from tasks.rendering.edition import Outcome
from tasks.rendering.numbers import significant
from tasks.rendering.shown_figures import Effect

DIFFER = 0.5
"""Of the narrower interval's half-width: beyond it, estimates from the same records differ in size."""
_AVERAGES = {"average": "average", "effect": "same_each_month"}  # what both models are asked for in a rollout


@dataclass(frozen=True)
class TwoModels:
    """The effect on the population by the mixed model and by estimating equations, in one measure.

    Attributes:
        first, second: the models' names.
        measure: of both figures.
        figures: of both as they are written; of one that was worked out, about how much.
        differ: whether they differ in size.
    """

    first: str
    second: str
    measure: str
    figures: tuple[str, str]
    differ: bool


def two_models(lead: Effect, other: Effect, outcome: Outcome) -> TwoModels | None:
    """Two models' answers to one question in the second's measure; None where the first has none in it."""
    value, written = lead.value, _number(lead)
    if lead.measure != other.measure:
        implied = odds_ratio_of(lead, outcome) if other.measure == "odds_ratio" else None
        value, written = (
            implied,
            "" if implied is None else say("program.about", value=significant(implied, 2)),
        )
    if value is None or other.value is None:
        return None
    apart = abs(_scaled(value, other) - _scaled(other.value, other))
    halves = [half for each in (lead, other) if (half := _half_width(each, other)) is not None]
    return TwoModels(
        first=say(f"model.{lead.model}"),
        second=say(f"model.{other.model}"),
        measure=say(f"measure.{other.measure}"),
        figures=(written, _number(other)),
        differ=bool(halves) and apart > DIFFER * min(halves),
    )


def odds_ratio_of(effect: Effect, outcome: Outcome) -> float | None:
    """The odds ratio that an effect's risk difference and risk ratio come to; None where they tell none."""
    mine = (effect.model, effect.estimand, effect.term)
    found = {
        each.measure: each.value
        for each in outcome.effects
        if (each.model, each.estimand, each.term) == mine and each.value is not None
    }
    difference, ratio = found.get("risk_difference"), found.get("risk_ratio")
    if difference is None or ratio is None or ratio <= 0.0 or ratio == 1.0:
        return None
    without = difference / 100.0 / (ratio - 1.0)
    with_it = without * ratio
    if not (0.0 < without < 1.0 and 0.0 < with_it < 1.0):  # rounding's, where there is hardly an effect
        return None
    return ratio * (1.0 - without) / (1.0 - with_it)


def where_models_differ(outcome: Outcome) -> str:
    """That two models' answers for the whole population differ in size, and why that can be; or nothing.

    Of the first kind of effect that both models tell: of others one would differ from the other by method.
    """
    policy = [each for each in whole_effects(outcome) if each.question == "policy"]
    for term in WHOLE:
        of_term = {each.model: each for each in reversed(policy) if each.term == term}
        lead, other = of_term.get("mixed"), of_term.get("gee")
        if lead is None or other is None:
            continue
        both = two_models(lead, other, outcome)
        if both is None or not both.differ:
            return ""
        averaged = any(each.term == "average" for each in policy)
        how = f", {say(f'program.{_AVERAGES[term]}')}," if averaged and term in _AVERAGES else ""
        return say(
            "program.models_differ",
            how=how,
            measure=both.measure,
            first=both.first,
            first_figure=both.figures[0],
            second=both.second,
            second_figure=both.figures[1],
        )
    return ""


def _number(effect: Effect) -> str:
    if effect.value is None:
        return ""
    notation = effect_notation(effect.value, effect.lower, effect.upper, ratio=effect.ratio)
    return notation.number(effect.value)


def _scaled(value: float, other: Effect) -> float:
    return math.log(value) if other.ratio else value


def _half_width(effect: Effect, other: Effect) -> float | None:
    """Half an interval's width on the second's scale; None where it is on another."""
    if effect.lower is None or effect.upper is None or effect.measure != other.measure:
        return None
    if other.ratio and effect.lower <= 0.0:
        return None
    return (_scaled(effect.upper, other) - _scaled(effect.lower, other)) / 2.0
