"""What the methods page explains from the network's own numbers, each where it applies."""

from __future__ import annotations

import math
from collections.abc import Callable

from reports.wording import say
from reports.wording.writing import between, percent
from tasks.program_questions import SIGNIFICANT
from tasks.rendering.edition import Edition, Effect, Outcome
from tasks.rendering.effects_chart import whole_effects, write_effect
from tasks.rendering.numbers import Notation, fixed, p_value

_CLOSEST = 16.0 * math.sqrt(3.0) / (15.0 * math.pi)
"""c, the scale at which a normal distribution function is closest to the logistic one."""


def explained(edition: Edition) -> list[str]:
    """Paragraphs: the questions, the ICC's two readings, within and between, odds ratios, REML, P/E."""
    paragraphs = [
        _questions(edition),
        _of_each(edition, "explained.icc", _readings),
        _of_each(edition, "explained.mundlak", _within_and_between),
        _of_each(edition, "explained.attenuation", _attenuation),
        _of_each(edition, "explained.reml", _reml),
        _of_each(edition, "explained.predicted", _predicted_over_expected),
    ]
    return [each for each in paragraphs if each]


def _of_each(edition: Edition, key: str, told: Callable[[Outcome], str]) -> str:
    """A paragraph's first sentences, and what they come to on each outcome that they apply to."""
    found = [
        say("explained.of", label=outcome.label, what=what)
        for outcome in edition.estimated
        if (what := told(outcome))
    ]
    return f"{say(key)} {' '.join(found)}" if found else ""


def _questions(edition: Edition) -> str:
    """Which estimate answers which question, with the first outcome's own where it has several."""
    if edition.network.program is None:
        return ""
    for outcome in edition.estimated:
        answers: dict[str, Effect] = {}
        for effect in whole_effects(outcome):
            if effect.model != "naive" and effect.value is not None:
                answers.setdefault(effect.question, effect)
        if len(answers) > 1:
            told = [
                say(
                    "explained.answer",
                    question=say(f"question.{question}"),
                    measure=say(f"measure.{effect.measure}"),
                    value=write_effect(effect),
                )
                for question, effect in answers.items()
            ]
            what = say("explained.of", label=outcome.label, what=f"{'; '.join(told)}.")
            return f"{say('explained.questions')} {what}"
    return ""


def _readings(outcome: Outcome) -> str:
    icc = outcome.figures.get("icc")
    if icc is None or icc.value is None:
        return ""
    value = Notation.of([(icc.value, icc.lower, icc.upper)], "").number(icc.value)
    key = "explained.icc_monthly" if outcome.monthly else "explained.icc_records"
    return say(key, share=percent(100.0 * icc.value, 0 if icc.value >= 0.01 else 2), value=value)


def _within_and_between(outcome: Outcome) -> str:
    test = outcome.figures.get("mundlak")
    if test is None or test.value is None:
        return ""
    key = "differ" if test.value < SIGNIFICANT else "agree"
    return say(f"explained.mundlak_{key}", p=p_value(test.value))


def _attenuation(outcome: Outcome) -> str:
    sd = outcome.figures.get("sd_between")
    if outcome.kind != "binary" or sd is None or sd.value is None:
        return ""
    return say("explained.factor", factor=fixed(1.0 / math.sqrt(1.0 + (_CLOSEST * sd.value) ** 2), 2))


def _reml(outcome: Outcome) -> str:
    if outcome.kind != "continuous" or not outcome.n_clinics or outcome.n_clinics < 2:
        return ""
    return say("explained.smaller", share=percent(100.0 / outcome.n_clinics, 1), clinics=outcome.n_clinics)


def _predicted_over_expected(outcome: Outcome) -> str:
    typical = outcome.comparator_value
    values = [line.shrunken.value for line in outcome.lines if line.shrunken.value is not None]
    if not typical or typical <= 0.0 or not values or min(values) <= 0.0 or outcome.monthly:
        return ""
    return say(
        "explained.range", range=between(fixed(min(values) / typical, 2), fixed(max(values) / typical, 2))
    )
