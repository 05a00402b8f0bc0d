"""What the methods page explains from the network's own numbers, each where it applies."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import TypeVar

from reports.wording import say
from reports.wording.writing import between, percent
from tasks.logistic_scale import attenuation_factor
from tasks.program_questions import SIGNIFICANT
from tasks.rendering.charts.effects_chart import WHOLE, whole_effects, write_effect
from tasks.rendering.charts.method_charts import (
    AverageCurve,
    RatioStrip,
    TwoSlopes,
    average_curve,
    predicted_over_expected,
    ratio_strip,
    two_slopes,
)
from tasks.rendering.edition import Edition, Outcome
from tasks.rendering.numbers import Notation, fixed, p_value
from tasks.rendering.shown_figures import Effect
from tasks.rendering.words.caveats import ICC_ALIKE
from tasks.rendering.words.program_sentences import cannot_be_told

Picture = TypeVar("Picture")

_HOW = {
    "trend": "own_trend",
    "trend-average": "own_trend_average",
    "cohorts": "cohorts",
    "average": "average",
    "effect": "same_each_month",
}
"""Of kinds of whole effects: a key of `program` in the wording."""


@dataclass(frozen=True)
class Explained:
    """A paragraph, with the picture of the first outcome that has one.

    Attributes:
        text: the paragraph.
        pictured: the label of the outcome in the picture; empty without one.
        curve: why odds ratios do not collapse.
        strip: predicted over expected.
        slopes: within and between clinics, with what its sentences name.
    """

    text: str
    pictured: str = ""
    curve: AverageCurve | None = None
    strip: RatioStrip | None = None
    slopes: TwoSlopes | None = None
    named: dict[str, str] = field(default_factory=dict)


def explained(edition: Edition) -> list[Explained]:
    """The questions, the ICC's two readings, within and between, odds ratios, REML, P/E: what applies."""
    curve, of_curve = _first(edition, average_curve)
    strip, of_strip = _first(edition, ratio_strip)
    slopes, of_slopes = _first(edition, two_slopes)
    paragraphs = [
        Explained(_questions(edition)),
        Explained(_of_each(edition, "explained.icc", _readings)),
        Explained(
            _of_each(edition, "explained.mundlak", _within_and_between),
            of_slopes,
            slopes=slopes,
            named=_slopes_in_words(edition, of_slopes),
        ),
        Explained(_of_each(edition, "explained.attenuation", _attenuation), of_curve, curve=curve),
        Explained(_of_each(edition, "explained.reml", _reml)),
        Explained(_of_each(edition, "explained.predicted", _predicted_over_expected), of_strip, strip=strip),
    ]
    return [each for each in paragraphs if each.text]


def _first(edition: Edition, drawn: Callable[[Outcome], Picture | None]) -> tuple[Picture | None, str]:
    """The picture of the first outcome that has one, rates before means, and its label."""
    rates_first = sorted(edition.estimated, key=lambda outcome: outcome.kind == "continuous")
    found = ((drawn(outcome), outcome.label) for outcome in rates_first)
    return next(((chart, label) for chart, label in found if chart is not None), (None, ""))


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
        if cannot_be_told(outcome):
            continue  # the records cannot tell its effect
        answers = _alike(outcome)
        if len(answers) > 1:
            told = [
                say(
                    f"explained.answer_{effect.question}",
                    measure=say(f"measure.{effect.measure}"),
                    value=write_effect(effect),
                )
                for effect in answers
            ]
            what = say("explained.of", label=outcome.label, what=f"{'; '.join(told)}.")
            return " ".join([say("explained.questions"), what, *_by_method(outcome, answers)])
    return ""


def _alike(outcome: Outcome) -> list[Effect]:
    """An answer to each question, all of one kind of effect, so that they differ by question.

    With a trend of early starters' own, say, and in the same months: of the kind that answers most questions,
    which need not be the one that leads.
    """
    kinds: dict[str, dict[str, Effect]] = {term: {} for term in WHOLE}
    for effect in whole_effects(outcome):
        if effect.model != "naive" and effect.question != "none":
            kinds[effect.term].setdefault(effect.question, effect)
    return list(max(kinds.values(), key=len).values())


def _by_method(outcome: Outcome, answers: list[Effect]) -> list[str]:
    """What sets answers apart, or from the estimate that leads, beside the question."""
    said = []
    models = {effect.model for effect in answers}
    written = {(effect.measure, write_effect(effect).partition(" ")[0]) for effect in answers}
    if len(models) > 1 and len(written) > 1:
        said.append(say("explained.answers_models"))
    lead = whole_effects(outcome)[0]
    kinds = {effect.term: _HOW[effect.term] for effect in (answers[0], lead)}
    if len(kinds) > 1:
        how, lead_how = (say(f"program.{kind}") for kind in kinds.values())
        said.append(say("explained.answers_method", how=how, value=write_effect(lead), lead_how=lead_how))
    return said


def _readings(outcome: Outcome) -> str:
    icc = outcome.figures.get("icc")
    if icc is None or icc.value is None:
        return ""
    value = Notation.of([(icc.value, icc.lower, icc.upper)], "").number(icc.value)
    key = "explained.icc_monthly" if outcome.monthly else "explained.icc_records"
    said = say(key, share=percent(100.0 * icc.value, 0 if icc.value >= 0.01 else 2), value=value)
    return f"{said} {say('explained.icc_alike')}" if ICC_ALIKE in icc.how else said


def _within_and_between(outcome: Outcome) -> str:
    test = outcome.figures.get("mundlak")
    if test is None or test.value is None:
        return ""
    p = p_value(test.value)
    if test.value < SIGNIFICANT:
        return say("explained.mundlak_differ", p=p)
    alone = _alone(outcome)
    if alone is not None and alone < SIGNIFICANT:
        return say("explained.mundlak_one", p=p, own_p=p_value(alone), **_slopes(outcome))
    return say("explained.mundlak_agree", p=p)


def _alone(outcome: Outcome) -> float | None:
    """p of the difference between one adjuster's two slopes, which Mundlak's model keeps apart; None unknown.

    A joint test of all adjusters can miss what one of them shows.
    """
    slopes = [outcome.figures.get(f"slope_{which}") for which in ("within", "between")]
    values, errors = [], []
    for each in slopes:
        if each is None or each.value is None or each.lower is None or each.upper is None:
            return None
        values.append(each.value)
        errors.append((each.upper - each.lower) / (2.0 * NormalDist().inv_cdf(0.975)))
    error = math.hypot(*errors)
    return 2.0 * NormalDist().cdf(-abs(values[0] - values[1]) / error) if error > 0.0 else None


def _slopes_in_words(edition: Edition, label: str) -> dict[str, str]:
    """The adjuster in the picture, and its slopes with their unit."""
    outcome = next((each for each in edition.estimated if each.label == label), None)
    return {} if outcome is None else _slopes(outcome)


def _slopes(outcome: Outcome) -> dict[str, str]:
    within, between_clinics = (outcome.figures[f"slope_{which}"] for which in ("within", "between"))
    notation = Notation.of(
        [(each.value or 0.0, each.lower, each.upper) for each in (within, between_clinics)], within.unit
    )
    return {
        "column": within.column,
        "within": _signed(within.value, notation),
        "between": _signed(between_clinics.value, notation),
    }


def _signed(value: float | None, notation: Notation) -> str:
    return "" if value is None else f"{'+' if value > 0.0 else ''}{notation.prose(value)}"


def _attenuation(outcome: Outcome) -> str:
    sd = outcome.figures.get("sd_between")
    if outcome.kind != "binary" or sd is None or sd.value is None:
        return ""
    factor = say("explained.factor", factor=fixed(attenuation_factor(sd.value**2), 2))
    asked = {effect.question for effect in whole_effects(outcome) if effect.ratio}
    # of a program the reader finds both figures, which differ by more than averaging
    return f"{factor} {say('explained.factor_program')}" if {"policy", "patient"} <= asked else factor


def _reml(outcome: Outcome) -> str:
    if outcome.kind != "continuous" or not outcome.n_clinics or outcome.n_clinics < 2:
        return ""
    return say("explained.smaller", share=percent(100.0 / outcome.n_clinics, 1), clinics=outcome.n_clinics)


def _predicted_over_expected(outcome: Outcome) -> str:
    ratios = predicted_over_expected(outcome)
    if not ratios:
        return ""
    low, high = fixed(ratios[0], 2), fixed(ratios[-1], 2)
    if low == high:
        return say("explained.same", value=low)
    return say("explained.range", range=between(low, high))
