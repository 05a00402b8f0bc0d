"""The program's effect: every estimate on the axis of its measure, and by months since the start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.wording import say
from reports.wording.notation import as_published, effect_notation
from tasks.program_questions import QUESTIONS
from tasks.rendering.charts.caterpillar import Whisker
from tasks.rendering.charts.scales import Scale, Tick, spanning
from tasks.rendering.edition import Outcome
from tasks.rendering.shown_figures import Effect

WIDTH = 150.0
HEIGHT = 18.0
EDGE = 6.0
WHOLE = ("trend", "trend-average", "cohorts", "average", "effect")
"""Of whole effects those that pages show, what needs least first."""
TEST = "test"
MODELS = ("mixed", "gee", "within", "naive")
MEASURES = ("risk_difference", "difference", "ratio", "rate_ratio", "risk_ratio", "odds_ratio")
STUDY_LEFT, STUDY_RIGHT, STUDY_TOP, STUDY_BOTTOM = 40.0, 8.0, 8.0, 30.0


@dataclass(frozen=True, slots=True)
class EffectStrip:
    """One estimate's row; `at` is None where there is no estimate."""

    effect: Effect
    at: float | None
    interval: Whisker | None
    written: str
    tone: str


@dataclass(frozen=True)
class EffectAxis:
    """Estimates of one kind of measure (ratios, or differences in one unit); `null` is no effect."""

    ratio: bool
    unit: str
    strips: tuple[EffectStrip, ...]
    ticks: tuple[Tick, ...]
    null: float
    width: float = WIDTH
    height: float = HEIGHT


@dataclass(frozen=True, slots=True)
class StudyPoint:
    """The effect so many months from the start.

    Attributes:
        alone: whether every clinic has the program by then.
        shared: whether other months have the same effect, for want of events.
    """

    x: float
    y: float
    low: float | None
    high: float | None
    band_low: float | None
    band_high: float | None
    before: bool
    alone: bool
    shared: bool


@dataclass(frozen=True)
class EventStudy:
    """Effects by months since the start."""

    points: tuple[StudyPoint, ...]
    null: float
    start: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    ratio: bool
    unit: str
    model: str
    width: float
    height: float
    left: float = STUDY_LEFT
    right: float = STUDY_RIGHT
    top: float = STUDY_TOP
    bottom: float = STUDY_BOTTOM


def effect_axes(outcome: Outcome) -> tuple[EffectAxis, ...]:
    """The whole effects of an outcome, differences first, each measure on its own axis."""
    whole = [effect for effect in outcome.effects if effect.term in WHOLE and effect.measure != TEST]
    kinds: dict[tuple[bool, str], list[Effect]] = {}
    for effect in sorted(whole, key=_order):
        kinds.setdefault((effect.ratio, effect.unit), []).append(effect)
    return tuple(
        _axis(outcome, ratio, unit, effects)
        for (ratio, unit), effects in sorted(kinds.items(), key=lambda kind: kind[0])
    )


def whole_effects(outcome: Outcome) -> list[Effect]:
    """The effects of the program as one: by question, what takes least to be alike first."""
    return sorted(
        (effect for effect in outcome.effects if effect.term in WHOLE and effect.value is not None),
        key=lambda effect: (
            _order(effect)[0],
            WHOLE.index(effect.term),
            MEASURES.index(effect.measure) if effect.measure in MEASURES else 9,
            _order(effect)[1],
        ),
    )


def tests_of(outcome: Outcome) -> dict[str, Effect]:
    """Tests about the months since the start, by what they ask: change, before."""
    return {effect.term: effect for effect in outcome.effects if effect.measure == TEST}


def write_effect(effect: Effect) -> str:
    """The effect with its interval: "1.32 (1.02 to 1.62)", "4.1 (2.2 to 6.0)"."""
    if effect.value is None:
        return ""
    value = as_published(effect.value)
    lower, upper = (None if end is None else as_published(end) for end in (effect.lower, effect.upper))
    return effect_notation(value, lower, upper, ratio=effect.ratio).full(value, lower, upper)


def study_effects(outcome: Outcome) -> list[Effect]:
    """The effects by months since the start, of the first model that gives them; empty where none does."""
    by_model: dict[tuple[str, str], list[Effect]] = {}
    for effect in outcome.effects:
        if effect.months_since_start is not None and effect.value is not None:
            by_model.setdefault((effect.model, effect.measure), []).append(effect)
    if not by_model:
        return []
    key = min(by_model, key=lambda each: (MODELS.index(each[0]) if each[0] in MODELS else 9, each[1]))
    return sorted(by_model[key], key=lambda effect: effect.months_since_start or 0)


def event_study(outcome: Outcome, width: float = 300.0, height: float = 118.0) -> EventStudy | None:
    """The effects by months since the start; None where there are not two of them."""
    effects = study_effects(outcome)
    if len(effects) < 2:
        return None
    months = [effect.months_since_start or 0 for effect in effects]
    ratio = effects[0].ratio
    x = Scale(min(months) - 0.5, max(months) + 0.5, STUDY_LEFT, width - STUDY_RIGHT)
    null = 1.0 if ratio else 0.0
    y = spanning(
        [
            end
            for effect in effects
            for end in (effect.value, effect.lower, effect.upper, effect.band_lower, effect.band_upper)
        ],
        height - STUDY_BOTTOM,
        STUDY_TOP,
        include=[null],
        logarithmic=ratio,
    )
    return EventStudy(
        points=tuple(
            StudyPoint(
                x=x(effect.months_since_start or 0),
                y=y(effect.value),
                low=None if effect.lower is None else y(effect.lower),
                high=None if effect.upper is None else y(effect.upper),
                band_low=None if effect.band_lower is None else y(effect.band_lower),
                band_high=None if effect.band_upper is None else y(effect.band_upper),
                before=(effect.months_since_start or 0) < 0,
                alone=say("why.alone") in (effect.reason or ""),
                shared=effect.reason not in (None, say("why.alone")),
            )
            for effect in effects
            if effect.value is not None
        ),
        null=y(null),
        start=x(-0.5) if min(months) < 0 else x(min(months) - 0.5),
        x_ticks=x.ticks(8, whole=True),
        y_ticks=y.ticks(4),
        ratio=ratio,
        unit=effects[0].unit,
        model=effects[0].model,
        width=width,
        height=height,
    )


def _axis(outcome: Outcome, ratio: bool, unit: str, effects: Sequence[Effect]) -> EffectAxis:
    null = 1.0 if ratio else 0.0
    scale = spanning(
        [end for effect in effects for end in (effect.value, effect.lower, effect.upper)],
        EDGE,
        WIDTH - EDGE,
        include=[null],
        logarithmic=ratio,
    )
    return EffectAxis(
        ratio=ratio,
        unit=unit,
        strips=tuple(_strip(outcome, effect, scale) for effect in effects),
        ticks=scale.ticks(4),
        null=scale(null),
    )


def _strip(outcome: Outcome, effect: Effect, scale: Scale) -> EffectStrip:
    low, high = effect.lower, effect.upper
    interval = None if low is None or high is None else Whisker(scale(low), scale(high), False, False)
    return EffectStrip(
        effect=effect,
        at=None if effect.value is None else scale(effect.value),
        interval=interval,
        written=write_effect(effect),
        tone=_tone(outcome, effect),
    )


def _tone(outcome: Outcome, effect: Effect) -> str:
    """better or worse where the interval excludes no effect; the naive figure is never given a verdict."""
    null = 1.0 if effect.ratio else 0.0
    if effect.model == "naive" or effect.lower is None or effect.upper is None:
        return "uncompared"
    if effect.lower <= null <= effect.upper:
        return "same"
    above = effect.lower > null
    if outcome.direction == "neither":
        return "higher" if above else "lower"
    return "better" if above == (outcome.direction == "higher") else "worse"


def _order(effect: Effect) -> tuple[int, int, str, int]:
    questions: list[str] = list(QUESTIONS)
    question = questions.index(effect.question) if effect.question in questions else len(questions)
    model = MODELS.index(effect.model) if effect.model in MODELS else len(MODELS)
    return question, model, effect.measure, WHOLE.index(effect.term)
