"""What the network's report is made of: one object per page or group of pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.release import STATUSES
from tasks.rendering import sentences
from tasks.rendering.caterpillar import Caterpillar, caterpillar
from tasks.rendering.edition import Edition, Finding, Line, Outcome
from tasks.rendering.effects_chart import EffectAxis, EventStudy, effect_axes, event_study
from tasks.rendering.funnel import Funnel, funnel
from tasks.rendering.numbers import counted, listed
from tasks.rendering.rank_chart import RankChart, rank_chart
from tasks.rendering.run_chart import RunChart, run_chart
from tasks.rendering.shrinkage import Shrinkage, shrinkage
from tasks.rendering.templates import render
from tasks.rendering.wording import wording

MONTHS_SIZE = (482.0, 150.0)
LONGEST_LIST = 12


@dataclass(frozen=True)
class Message:
    """One key message: what it is about, and its sentences."""

    about: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Glance:
    """One outcome's row on the first page."""

    outcome: Outcome
    average: str
    between: str
    verdict: str
    stand_out: str
    program: str


@dataclass(frozen=True)
class OutcomePages:
    """One outcome's pages."""

    outcome: Outcome
    lead: tuple[str, ...]
    beside: Sequence[tuple[str, str]]
    clinics: Caterpillar
    withheld: tuple[str, ...]
    absent: tuple[Line, ...]
    funnel: Funnel
    funnel_words: str
    shrinkage: Shrinkage | None
    ranks: RankChart | None
    grades: Sequence[tuple[str, tuple[str, ...]]]
    months: RunChart | None
    months_words: str


@dataclass(frozen=True)
class ProgramPart:
    """One outcome's part of the program pages."""

    outcome: Outcome
    axes: tuple[EffectAxis, ...]
    words: tuple[str, ...]
    study: EventStudy | None


@dataclass(frozen=True)
class QualityRow:
    """One rule over the network, and the clinics where most was found."""

    finding: Finding
    share: str
    clinics: str


def network_html(edition: Edition) -> str:
    """The network's report as HTML."""
    return render(
        "templates/network.html.j2",
        edition=edition,
        release=edition.release,
        messages=key_messages(edition),
        glances=[glance(edition, outcome) for outcome in edition.outcomes],
        pages=[outcome_pages(edition, outcome) for outcome in edition.outcomes],
        program=[program_part(outcome) for outcome in edition.outcomes] if edition.network.program else [],
        quality=quality_rows(edition),
        statuses=STATUSES,
        glossary=wording().glossary,
        policy=sentences.policy_words(edition.release.policy),
        network_figure=sentences.network_figure,
        versions=listed([f"{name} {version}" for name, version in sorted(edition.release.versions.items())]),
    )


def key_messages(edition: Edition) -> list[Message]:
    """What the first page says: each outcome, the program, the records."""
    messages = [Message(outcome.label, _standing(outcome)) for outcome in edition.outcomes]
    if edition.network.program is not None:
        effects = [
            f"{outcome.label}: {said}"
            for outcome in edition.estimated
            if (said := sentences.program_message(outcome))
        ]
        if effects:
            messages.append(Message(edition.network.program.label, tuple(effects)))
    messages.append(Message(sentences.say("quality.title"), (sentences.quality_message(edition),)))
    return messages


def glance(edition: Edition, outcome: Outcome) -> Glance:
    """One outcome's row on the first page."""
    if not outcome.estimated:
        none = sentences.say("tone.absent")
        return Glance(outcome, none, none, none, none, none)
    icc = outcome.figures.get("icc")
    standing = [
        f"{outcome.counted(tone)} {sentences.say(f'tone.{tone}')}"
        for tone in ("better", "worse", "higher", "lower")
        if outcome.counted(tone)
    ]
    none = sentences.say("glance.none")
    return Glance(
        outcome=outcome,
        average=none
        if outcome.comparator_value is None
        else outcome.notation.prose(outcome.comparator_value),
        between=sentences.network_figure(icc) if icc else none,
        verdict=sentences.say(f"verdict.{outcome.verdict or 'none'}"),
        stand_out=", ".join(standing) or none,
        program=_policy_effect(outcome) or none,
    )


def outcome_pages(edition: Edition, outcome: Outcome) -> OutcomePages:
    """One outcome's pages; where it could not be estimated, they say why."""
    plot = funnel(outcome)
    chart = run_chart(outcome, outcome.months, *MONTHS_SIZE)
    said = (
        sentences.average(outcome),
        sentences.differences(outcome),
        sentences.intraclass(outcome),
        sentences.design_effect(outcome),
        outcome.verdict_reason,
    )
    return OutcomePages(
        outcome=outcome,
        lead=tuple(each for each in said if each)
        if outcome.estimated
        else (sentences.not_estimable(outcome),),
        beside=sentences.beside(edition, outcome),
        clinics=caterpillar(outcome),
        withheld=tuple(line.clinic for line in outcome.lines if not line.shown and line.tone == "withheld"),
        absent=tuple(line for line in outcome.lines if not line.shown and line.tone == "absent"),
        funnel=plot,
        funnel_words=sentences.funnel_words(outcome, plot),
        shrinkage=shrinkage(outcome),
        ranks=rank_chart(outcome),
        grades=_grades(outcome),
        months=chart,
        months_words="" if chart is None else sentences.run_words(chart),
    )


def program_part(outcome: Outcome) -> ProgramPart:
    """The program's effect on one outcome."""
    whole = [effect for effect in outcome.effects if effect.months_since is None and effect.value is not None]
    told = {effect.question: effect.words for effect in reversed(whole)}
    words = tuple(told[question] for question in ("policy", "patient") if question in told)
    return ProgramPart(outcome, effect_axes(outcome), words, event_study(outcome))


def quality_rows(edition: Edition) -> list[QualityRow]:
    """What every rule found; clinics are named by share, and only where their count may be seen."""
    rows = []
    for finding in edition.network_quality:
        found = [
            each
            for each in edition.quality
            if each.rule == finding.rule and each.clinic and each.n_found and each.n_checked
        ]
        found.sort(key=lambda each: (-(each.n_found or 0), each.clinic))
        rows.append(
            QualityRow(
                finding=finding,
                share=_share(finding),
                clinics=listed(
                    [f"{each.clinic} ({counted(each.n_found or 0, 'record')})" for each in found[:3]]
                ),
            )
        )
    return rows


def _standing(outcome: Outcome) -> tuple[str, ...]:
    if not outcome.estimated:
        return (sentences.not_estimable(outcome),)
    said = (sentences.average(outcome), sentences.differences(outcome))
    return tuple(each for each in said if each)


def _policy_effect(outcome: Outcome) -> str:
    for axis in effect_axes(outcome):
        for strip in axis.strips:
            if strip.effect.question == "policy" and strip.at is not None:
                unit = f" {strip.effect.unit}" if strip.effect.unit else ""
                return f"{sentences.say(f'measure.{strip.effect.measure}')} {strip.written}{unit}"
    return ""


def _grades(outcome: Outcome) -> list[tuple[str, tuple[str, ...]]]:
    if outcome.verdict != "grade":
        return []
    by_grade = {
        grade: tuple(line.clinic for line in outcome.lines if line.rank.grade == grade)
        for grade in ("above", "typical", "below")
    }
    return list(by_grade.items())


def _share(finding: Finding) -> str:
    if finding.n_found is None or not finding.n_checked:
        return ""
    return f"{100 * finding.n_found / finding.n_checked:.1f}%"
