"""A program effect as a sentence that says which question it answers."""

from __future__ import annotations

import math

from reports.wording import say
from reports.wording.writing import between, decimal
from tasks.program_questions import SIGNIFICANT

RATIOS = ("ratio", "odds_ratio", "risk_ratio", "rate_ratio")


def months_in_words(since: int) -> str:
    """When, from a clinic's start: "in the month of the start", "3 months after the start"."""
    if since == 0:
        return say("effect_when.start")
    side = "after" if since > 0 else "before"
    return say(f"effect_when.{side}_{'one' if abs(since) == 1 else 'many'}", count=abs(since))


def sentence(
    label: str,
    question: str,
    measure: str,
    unit: str,
    value: float,
    lower: float,
    upper: float,
    when: str = "",
) -> str:
    """One estimate in words.

    Args:
        label: the outcome as people read it.
        question: a key of `tasks.program_questions.QUESTIONS`, or `whole_clinics` where no clinic has both.
        measure: difference, risk_difference, ratio, odds_ratio, risk_ratio or rate_ratio.
        unit: unit of a difference.
        value, lower, upper: the estimate and its 95% interval, in the measure's unit.
        when: of which months it is, where not of all since the start alike.
    """
    # a difference of percentages is in percentage points, as one of risks is
    worded = "risk_difference" if (measure, unit) == ("difference", "%") else measure
    start = say(
        f"effect.{worded}",
        label=label,
        value=_figure(value if measure in RATIOS else abs(value)),
        unit=unit,
        higher=say("effect.higher" if value >= 0 else "effect.lower"),
    )
    when = say("effect.when", when=when) if when else ""
    # odds do not average over patients as means and risks do: a marginal model's odds ratio stays conditional
    # on what it adjusts for (Neuhaus, Kalbfleisch & Hauck 1991, Int Stat Rev 59:25)
    odds_of_all = (question, measure) == ("policy", "odds_ratio")
    compared = say("effect_compared.policy_odds" if odds_of_all else f"effect_compared.{question}")
    if not (lower == lower and upper == upper):
        return say("effect.without_interval", start=start, when=when, compared=compared)
    if measure not in RATIOS and upper <= 0.0:  # lower by so much: the sign is in the word
        lower, upper = abs(upper), abs(lower)
    if _doubtful(measure, lower, upper):
        interval = say("effect.interval_doubtful", ends=_ends(measure, lower, upper))
    else:  # which side is said already
        interval = say("effect.interval", ends=between(_figure(lower), _figure(upper)))
    start = " ".join(start.split())
    whole = say("effect.whole", start=start, when=when, compared=compared, interval=interval)
    return f"{whole} {say('effect.whole_clinics')}" if question == "whole_clinics" else whole


def condition(measure: str, ends: tuple[float, float] | None) -> str:
    """Under which condition an effect is the program's, and what is known without it.

    Args:
        measure: of the effect.
        ends: its 95% interval where early starters may have a trend of their own; None where that cannot
            be had.
    """
    if ends is None:
        return say("effect.condition")
    return say("effect.condition_without", ends=_ends(measure, *ends))


def test_sentence(term: str, p: float) -> str:
    """What a test says: `change` (with the months since the start), `before` (the start), or `context`."""
    said = "yes" if p < SIGNIFICANT else "no"
    written = say("effect_test.p_least") if p < 0.001 else say("effect_test.p", p=decimal(p, 3))
    return say(f"effect_test.{term}_{said}", p=written)


def _figure(value: float) -> str:
    """Three digits that count, for a sentence."""
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    return decimal(value, min(digits, 6))


def _ends(measure: str, lower: float, upper: float) -> str:
    """An interval's ends, of a difference with the side that each is on: "0.6 lower to 0.5 higher"."""
    written = (_figure(abs(lower)), _figure(abs(upper)))
    if measure in RATIOS:
        return between(*written)
    if lower < 0.0 < upper:
        sides = {"below": say("effect.lower"), "above": say("effect.higher")}
        return say("effect.either_side", lower=written[0], upper=written[1], **sides)
    ends = between(*written) if lower >= 0.0 else between(*reversed(written))
    return say("effect.one_side", ends=ends, side=say("effect.higher" if lower >= 0.0 else "effect.lower"))


def _doubtful(measure: str, lower: float, upper: float) -> bool:
    nothing = 1.0 if measure in RATIOS else 0.0
    return lower <= nothing <= upper
