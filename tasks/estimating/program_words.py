"""A program effect as a sentence that says which question it answers."""

from __future__ import annotations

from reports.wording import say
from reports.wording.notation import Notation, as_change, as_published, effect_notation
from reports.wording.writing import decimal
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
    *,
    before: bool = False,
) -> str:
    """One estimate in words, from the figures that are published.

    Args:
        label: the outcome as people read it.
        question: a key of `tasks.program_questions.QUESTIONS`, or `whole_clinics` where no clinic has both.
        measure: difference, risk_difference, ratio, odds_ratio, risk_ratio or rate_ratio.
        unit: unit of a difference.
        value, lower, upper: the estimate and its 95% interval, in the measure's unit.
        when: of which months it is, where not of all since the start alike.
        before: whether those are before the start, where a difference is no effect.
    """
    measure, value, lower, upper, notation = _as_worded(measure, value, lower, upper)
    when = say("effect.when", when=when) if when else ""
    # odds do not average over patients as means and risks do: a marginal model's odds ratio stays conditional
    # on what it adjusts for (Neuhaus, Kalbfleisch & Hauck 1991, Int Stat Rev 59:25)
    whole_clinics = question == "whole_clinics"
    odds_of_all = (question, measure) == ("policy", "odds_ratio")
    compared = say("effect_compared.policy_odds" if odds_of_all else f"effect_compared.{question}")
    no_effect = before or question in ("whole_clinics", "none")
    start = _size(label, measure, unit, value, notation)
    if lower != lower or upper != upper:
        return say("effect.without_interval", start=start, when=when, compared=compared)
    if _doubtful(measure, lower, upper):
        whole = say(
            "effect.none",
            label=label,
            sign=say("effect.no_sign_whole" if no_effect else "effect.no_sign"),
            between=_between(measure, unit, lower, upper, notation),
            when=when,
            compared=compared,
            estimate=_estimate(measure, value, notation),
        )
    else:
        interval = _interval(measure, lower, upper, notation)
        whole = say("effect.whole", start=start, when=when, compared=compared, interval=interval)
    return f"{whole} {say('effect.whole_clinics')}" if whole_clinics else whole


def narrower(
    measure: str, unit: str, value: float, lower: float, upper: float, *, one_start: bool = False
) -> str:
    """What an effect and its interval would be if early and late starters had changed alike without it.

    Both, since the estimate is another too: an interval by itself would be read as the first estimate's.

    Args:
        measure, unit: of the effect.
        value, lower, upper: the effect without one and its 95% interval, in the measure's unit.
        one_start: whether all clinics with the program started together, so that none did early.
    """
    measure, value, lower, upper, notation = _as_worded(measure, value, lower, upper)
    start = _size(
        say("effect.no_trend_one" if one_start else "effect.no_trend"), measure, unit, value, notation
    )
    return say("effect.narrower", start=start, interval=_interval(measure, lower, upper, notation))


_NO_SIGN = 0.5
"""From this p on a number would read as proof: a test of many periods hardly ever has one between."""


def test_sentence(term: str, p: float) -> str:
    """What a test says: `change` (with the months since the start), `before` (the start), or `context`."""
    said = "yes" if p < SIGNIFICANT else "no"
    if p < 0.001:
        written = say("effect_test.p_least")
    else:
        written = say("effect_test.p_most") if p >= _NO_SIGN else say("effect_test.p", p=decimal(p, 3))
    return say(f"effect_test.{term}_{said}", p=written)


def _as_worded(
    measure: str, value: float, lower: float, upper: float
) -> tuple[str, float, float, float, Notation]:
    """An effect in the measure that its sentence has, from the figures that are published.

    A ratio of means or rates that is not far from 1 is told as a change in per cent; odds and risks are not,
    since per cent of a percentage would be taken for percentage points.
    """
    value, lower, upper = (as_published(each) for each in (value, lower, upper))
    known = lower == lower and upper == upper
    change = as_change(measure, value, lower if known else None, upper if known else None)
    if change is not None:
        value, lower, upper = (100.0 * (each - 1.0) for each in (value, lower, upper))
        return f"{measure}_change", value, lower, upper, change
    ratio = measure in RATIOS
    notation = effect_notation(value, lower if known else None, upper if known else None, ratio=ratio)
    return measure, value, lower, upper, notation


def _size(label: str, measure: str, unit: str, value: float, notation: Notation) -> str:
    """How large an effect is, after what it is on: "Vaccinated: 9.8 percentage points higher"."""
    # a difference of percentages is in percentage points, as one of risks is
    worded = "risk_difference" if (measure, unit) == ("difference", "%") else measure
    written = notation.number(value if measure in RATIOS else abs(value))
    if (worded, written) == ("risk_difference", "1"):
        worded = "risk_difference_one"
    higher = say("effect.higher" if value >= 0 else "effect.lower")
    start = say(f"effect.{worded}", label=label, value=written, unit=unit, higher=higher)
    return " ".join(start.split())


def _between(measure: str, unit: str, lower: float, upper: float, notation: Notation) -> str:
    """Where an effect lies that may be none: "4 percentage points lower and 17 higher"."""
    ends = [each if measure in RATIOS else abs(each) for each in (lower, upper)]
    written = {
        name: notation.limit(each, lower, upper) for name, each in zip(("lower", "upper"), ends, strict=True)
    }
    worded = "risk_difference" if (measure, unit) == ("difference", "%") else measure
    sides = {"below": say("effect.lower"), "above": say("effect.higher")}
    return " ".join(say(f"effect_between.{worded}", unit=unit, **written, **sides).split())


def _estimate(measure: str, value: float, notation: Notation) -> str:
    """An estimate beside where it may lie: its side, or a ratio as it is."""
    if measure in RATIOS:
        return notation.number(value)
    higher = say("effect.higher" if value >= 0.0 else "effect.lower")
    return say("effect.estimate", value=notation.number(abs(value)), higher=higher)


def _interval(measure: str, lower: float, upper: float, notation: Notation) -> str:
    """An effect's interval beside its size, which says the side."""
    if measure not in RATIOS and upper <= 0.0:  # lower by so much: the sign is in the word
        lower, upper = abs(upper), abs(lower)
    if _doubtful(measure, lower, upper):
        return say("effect.interval_doubtful", ends=_ends(measure, lower, upper, notation))
    return say("effect.interval", ends=notation.range(lower, upper))


def _ends(measure: str, lower: float, upper: float, notation: Notation) -> str:
    """An interval's ends, of a difference with the side that each is on: "0.6 lower to 0.5 higher"."""
    if measure in RATIOS or lower >= 0.0:
        ends = notation.range(lower, upper)
    elif upper <= 0.0:
        ends = notation.range(abs(upper), abs(lower))
    else:
        written = {
            end: notation.limit(abs(value), lower, upper)
            for end, value in (("lower", lower), ("upper", upper))
        }
        sides = {"below": say("effect.lower"), "above": say("effect.higher")}
        return say("effect.either_side", **written, **sides)
    if measure in RATIOS:
        return ends
    return say("effect.one_side", ends=ends, side=say("effect.higher" if lower >= 0.0 else "effect.lower"))


def _doubtful(measure: str, lower: float, upper: float) -> bool:
    nothing = 1.0 if measure in RATIOS else 0.0
    return lower <= nothing <= upper
