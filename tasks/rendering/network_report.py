"""What the network's report is made of: one object per page or group of pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reports.wording import glossary, say
from reports.wording.writing import listed, period_name
from tasks.network.schema import PolicySection
from tasks.periods import PER_YEAR, Period
from tasks.release import STATUSES, Release
from tasks.rendering.charts.caterpillar import Caterpillar, caterpillar
from tasks.rendering.charts.effects_chart import (
    EffectAxis,
    EventStudy,
    effect_axes,
    event_study,
    tests_of,
    whole_effects,
)
from tasks.rendering.charts.funnel import Funnel, funnel
from tasks.rendering.charts.place import Overview, overview
from tasks.rendering.charts.rank_chart import RankChart, rank_chart
from tasks.rendering.charts.run_chart import RunChart, run_chart
from tasks.rendering.charts.shrinkage_chart import Shrinkage, shrinkage
from tasks.rendering.edition import Edition, Line, Outcome
from tasks.rendering.numbers import whole
from tasks.rendering.shown_figures import Effect, Figure, Finding
from tasks.rendering.templates import logo_address, render, unlinked
from tasks.rendering.words import (
    change_sentences,
    chart_words,
    figure_words,
    measure_words,
    program_sentences,
    sentences,
    standing,
)
from tasks.rendering.words.caveats import ICC_ALIKE, lasting_untold, regional_outcomes
from tasks.rendering.words.explained import explained
from tasks.rendering.words.group_words import GroupTable, group_tables
from tasks.rendering.words.region_words import RegionRow, region_rows
from tasks.rendering.words.run_words import lowered, part_periods, run_words
from tasks.rendering.words.two_models import where_models_differ

MONTHS_SIZE = (482.0, 102.0)
MOST_NAMED = 3
FIGURES = (
    *("mean", "typical", "sd_between", "region_share", "range_low", "range_high", "median_odds_ratio"),
    *("icc", "icc_region", "icc_clinic_in_region", "design_effect", "effective_sample_size"),
    *("own_design_effect", "count_dispersion", "overdispersion", "sd_within", "own_spread", "rankability"),
    *("discrimination", "calibration", "calibration_by_chance"),
    *("mundlak", "slope_within", "slope_between"),
)

_YEARS = 3
"""Years with records, and none between, from which they come once a year."""


@dataclass(frozen=True)
class Message:
    """One key message: what it is about, its sentences (each with a word before it, or none), who, the rest.

    A compact one is a single small paragraph.
    """

    about: str
    sentences: tuple[tuple[str, str], ...]
    named: tuple[tuple[str, str], ...] = ()
    rest: str = ""
    hint: str = ""
    facts: str = ""
    clinics: Overview | None = None
    clinics_words: str = ""
    compact: bool = False


@dataclass(frozen=True)
class OutcomePages:
    """One outcome's pages."""

    outcome: Outcome
    lead: tuple[tuple[str, ...], ...]
    definition: Sequence[tuple[str, str]]
    beside: Sequence[tuple[str, str]]
    clinics: Caterpillar
    caption: str
    withheld: Sequence[tuple[str, str]]
    withheld_before: str
    absent: tuple[Line, ...]
    funnel: Funnel
    funnel_words: str
    shrinkage: Shrinkage | None
    figures: Sequence[tuple[str, str, str]]
    groups: Sequence[GroupTable]
    regions: Sequence[RegionRow]
    ranks: RankChart | None
    months: RunChart | None
    months_words: str


@dataclass(frozen=True)
class ProgramPart:
    """One outcome's part of the program pages."""

    outcome: Outcome
    axes: tuple[EffectAxis, ...]
    told: tuple[Effect, ...]
    words: tuple[str, ...]
    tests: tuple[str, ...]
    averaged: bool
    by_cohort: bool
    study: EventStudy | None


@dataclass(frozen=True)
class QualityRow:
    """What one rule found over the network, and the clinics where most was found."""

    finding: Finding
    found: str
    clinics: str


def network_html(edition: Edition) -> str:
    """The network's report as HTML."""
    with edition.network.speaking():
        return render("templates/network.html.j2", **network_context(edition))


def has_one_date(release: Release) -> bool:
    """Whether all records have the same date, as those of a table without dates."""
    return release.first_date is not None and release.first_date[:10] == release.cut_off[:10]


def next_period(edition: Edition) -> str | None:
    """The period reported next: of next year where records come once a year; None where all have one date."""
    release = edition.release
    if has_one_date(release):
        return None
    now = Period.of_label(release.period)
    seen = {month.month for each in edition.outcomes for month in each.months if month.status != "no_records"}
    apart = {abs(now.ordinal - Period.of_label(each).ordinal) for each in seen}
    a_year = PER_YEAR[now.kind]
    yearly = len(apart) >= _YEARS and all(each % a_year == 0 for each in apart)
    return str(now + (a_year if yearly else 1))


def network_context(edition: Edition) -> dict[str, Any]:
    """What the network's templates are filled with, in the language spoken."""
    program = [program_part(each) for each in program_outcomes(edition)]
    return {
        "base": "templates/page.html.j2",
        "link_to": unlinked,
        "logo": logo_address(edition),
        "edition": edition,
        "release": edition.release,
        "messages": key_messages(edition),
        "next_period": next_period(edition),
        "one_date": has_one_date(edition.release),
        "pages": [outcome_pages(edition, outcome) for outcome in edition.drawn],
        "unestimated": [
            (outcome, sentences.not_estimable(outcome))
            for outcome in edition.outcomes
            if outcome not in edition.drawn
        ],
        "without_report": without_report(edition),
        "program": program,
        "program_volumes": listed([each.label for each in edition.outcomes if each.monthly]),
        "program_conditions": program_sentences.conditions(
            (part.outcome, effect) for part in program for effect in part.told
        ),
        "quality": quality_rows(edition),
        "not_found": [finding.description for finding in edition.network_quality if finding.n_found == 0],
        "statuses": [
            (status, say(f"meaning.{status}"))
            for status in STATUSES
            if status not in ("ok", "suppressed_secondary")
        ],
        "own_minimums": own_minimums(edition),
        "is_first": edition.since is None,
        "overlapping": any(standing.overlapping(each) for each in edition.estimated if each.judged),
        "adjusts": sentences.adjusts(edition),
        "lasting_untold": lasting_untold(edition),
        "regional": regional_outcomes(edition),
        "explained": explained(edition),
        "glossary": glossary(),
        "policy": sentences.policy_words(edition.release.policy),
        "program_none": program_sentences.program_none,
        "short_reading": standing.short_reading,
        "versions": listed([" ".join(each) for each in sorted(edition.release.versions.items())]),
    }


def key_messages(edition: Edition) -> list[Message]:
    """What the first page says: each outcome, what changed, the program, the records."""
    messages = [outcome_message(edition, outcome) for outcome in edition.outcomes]
    if edition.since is not None:
        about = say("changes.since", month=period_name(edition.since))
        messages.append(Message(about, tuple(change_sentences.since(edition)), compact=True))
    if edition.network.program is not None:
        effects = [(each.label, program_sentences.program_message(each)) for each in edition.estimated]
        told = tuple((label, sentence) for label, sentence in effects if sentence)
        answered = ((each, program_sentences.program_answers(each)) for each in edition.estimated)
        led = [(each, answers[0]) for each, answers in answered if answers]
        hidden = [each.label for each in program_outcomes(edition) if program_sentences.is_hidden(each)]
        hidden = [label for label in hidden if label not in {about for about, _ in told}]
        if hidden and not told:
            hidden_words = say("message.program_hidden", outcomes=listed(hidden))
            both = f"{hidden_words} {say('message.program_included')}"
            messages.append(Message(edition.network.program.label, (("", both),)))
        elif told:
            once = program_sentences.conditions(led)
            once += program_sentences.on_plain_comparisons(edition.estimated)
            once += [say("message.program_hidden", outcomes=listed(hidden))] if hidden else []
            once += [say("message.program_included")]
            short = [("", line) for line in program_sentences.in_short(edition.estimated)]
            meaning, sentences_told = program_sentences.said_once([sentence for _, sentence in told])
            short += [("", meaning)] if meaning else []
            told = tuple((label, each) for (label, _), each in zip(told, sentences_told, strict=True))
            said = (*short, *told, *((("", " ".join(once)),) if once else ()))
            messages.append(Message(edition.network.program.label, said))
    records = _joined(sentences.incomplete(edition), sentences.quality_message(edition))
    quality = (("", records),)
    return [*messages, Message(say("quality.title"), quality, compact=True)]


def outcome_message(edition: Edition, outcome: Outcome) -> Message:
    """What the first page says about one outcome."""
    direction = say("direction.volume" if outcome.monthly else f"direction.{outcome.direction}")
    if not outcome.estimated:
        return Message(outcome.label, (("", sentences.not_estimable(outcome)),), hint=direction)
    named = tuple(standing.named(edition, outcome))
    average = sentences.average(outcome) or ""
    rest = _joined(
        standing.on_first_page(outcome),
        lowered(edition.release) if outcome.monthly else "",
        measure_words.target_of_network(outcome),
        sentences.regional(outcome),
    )
    facts = [say(f"verdict.{outcome.verdict or 'none'}")]
    icc = outcome.figures.get("icc")
    if icc is not None and icc.value is not None:
        label = say("message.icc_unadjusted") if outcome.adjusts_for_patients else icc.label
        if outcome.clustered_in_part:
            label = say("message.icc_label_shown", label=label)
        fact = f"{label}: {figure_words.network_figure(outcome, icc)}"
        part = "icc_alike_some" if sentences.told_apart(outcome) else "icc_alike_brief"
        doubtful = ICC_ALIKE in icc.how and not outcome.undivided
        facts.append(say(f"message.{part}", icc=fact) if doubtful else fact)
    shown = any(line.shrunken.shown for line in outcome.lines)
    return Message(
        about=outcome.label,
        sentences=(("", average if named else " ".join(filter(None, (average, rest)))),),
        named=named,
        rest=rest if named else "",
        hint=direction,
        facts=" · ".join(facts),
        clinics=overview(outcome) if shown else None,
        clinics_words=chart_words.overview(outcome) if shown else "",
    )


def outcome_pages(edition: Edition, outcome: Outcome) -> OutcomePages:
    """One outcome's pages; what could not be estimated is left out of them, and they say why."""
    plot = funnel(outcome)
    chart = run_chart(outcome, outcome.months, *MONTHS_SIZE)
    counted = [outcome.label] if outcome.monthly else []
    said: tuple[tuple[str | None, ...], ...] = (
        (
            sentences.average(outcome),
            standing.differences(outcome),
            standing.outlying(outcome),
            sentences.regional(outcome),
        ),
        (sentences.intraclass(outcome), sentences.design_effect(outcome, edition.people_who_come_again)),
        (outcome.verdict_reason,),
        (measure_words.target_of_network(outcome),),
        (standing.latest_changes(outcome),),
    )
    if not outcome.estimated:
        said = ((sentences.not_estimable(outcome),),)
    clinics = caterpillar(outcome)
    return OutcomePages(
        outcome=outcome,
        lead=tuple(tuple(filter(None, paragraph)) for paragraph in said if any(paragraph)),
        definition=measure_words.definition(outcome),
        beside=sentences.beside(edition, outcome),
        clinics=clinics,
        caption=_joined(
            sentences.caterpillar_words(outcome), measure_words.target_line(outcome, clinics.target)
        ),
        withheld=sentences.withheld(outcome),
        withheld_before=sentences.withheld_before(outcome),
        absent=tuple(line for line in outcome.lines if not line.shown and line.tone == "absent"),
        funnel=plot,
        funnel_words=_joined(
            sentences.funnel_words(outcome, plot),
            measure_words.target_line(outcome, plot.target) if plot.drawn else "",
        ),
        shrinkage=shrinkage(outcome),
        figures=figure_rows(outcome),
        groups=group_tables(outcome),
        regions=region_rows(outcome),
        ranks=rank_chart(outcome),
        months=chart,
        months_words=""
        if chart is None
        else _joined(
            run_words(chart),
            measure_words.target_line(outcome, chart.target),
            part_periods(edition.release, counted),
        ),
    )


def figure_rows(outcome: Outcome) -> list[tuple[str, str, str]]:
    """The outcome's network figures as (label, value, method); the two ends of a range are one row."""
    ends = [outcome.figures.get(name) for name in ("range_low", "range_high")]
    rows = []
    for figure in sorted(outcome.figures.values(), key=_figure_order):
        if outcome.no_spread and (figure in ends or figure.figure in ("sd_between", "median_odds_ratio")):
            if figure.figure == "sd_between":
                rows.append((figure.label, say("message.no_spread"), figure.method))
            continue
        if figure.figure == "own_spread" and figure.value == 0.0:
            continue  # the overdispersion says that none is shown, which is not that there is none
        written = figure_words.network_figure(outcome, figure)
        if None in ends or figure not in ends:
            rows.append((figure.label, written, figure.method))
        elif figure is ends[0] and ends[1] is not None:
            both = figure_words.network_range(outcome, figure, ends[1])
            rows.append((say("message.range"), both, figure.method))
    return rows


def program_outcomes(edition: Edition) -> list[Outcome]:
    """The outcomes that the program can bear on: counts of records by month have no records under it."""
    if edition.network.program is None:
        return []
    return [each for each in edition.outcomes if each.effects or not each.estimated]


def program_part(outcome: Outcome) -> ProgramPart:
    """The program's effect on one outcome."""
    first: dict[str, Effect] = {}
    for effect in whole_effects(outcome):
        first.setdefault(effect.question, effect)
    told = tuple(first[question] for question in ("policy", "patient") if question in first)
    apart = where_models_differ(outcome)
    return ProgramPart(
        outcome=outcome,
        axes=effect_axes(outcome),
        told=told,
        words=(
            *program_sentences.cannot_be_told(outcome),
            *(program_sentences.informative(outcome, effect) for effect in told),
            *([apart] if apart else []),
        ),
        tests=()
        if program_sentences.cannot_be_told(outcome)
        else tuple(test.words for test in tests_of(outcome).values()),
        averaged=any(effect.term == "average" for effect in outcome.effects),
        by_cohort=any(effect.term in ("trend", "cohorts") for effect in told),
        study=event_study(outcome),
    )


def own_minimums(edition: Edition) -> list[tuple[str, PolicySection]]:
    """The outcomes with minimum numbers of their own, by their labels."""
    network = edition.network
    each = [(outcome.label, network.policy_for(outcome.name)) for outcome in edition.outcomes]
    return [(label, policy) for label, policy in each if policy != network.policy]


def without_report(edition: Edition) -> list[tuple[str, tuple[str, ...]]]:
    """Why clinics have no figures → their names."""
    found: dict[str, list[str]] = {}
    for clinic in edition.clinics:
        if not clinic.reportable:
            lines = [outcome.by_clinic[clinic.name] for outcome in edition.outcomes]
            withheld = clinic.reason is None and any(line.tone == "withheld" for line in lines)
            why = say("status.suppressed_primary") if withheld else sentences.short_reason(clinic)
            found.setdefault(why, []).append(clinic.name)
    return [(reason, tuple(names)) for reason, names in found.items()]


def quality_rows(edition: Edition) -> list[QualityRow]:
    """What was found; clinics are named only where their count may be seen."""
    rows = []
    for finding in edition.network_quality:
        if finding.n_found == 0:
            continue
        at = [each for each in edition.quality if each.rule == finding.rule and each.clinic and each.n_found]
        at.sort(key=lambda each: (-(each.n_found or 0), each.clinic))
        named = [f"{each.clinic} ({whole(each.n_found or 0)})" for each in at[:MOST_NAMED]]
        rows.append(QualityRow(finding, sentences.found(finding), listed(named)))
    return rows


def _joined(*said: str | None) -> str:
    return " ".join(filter(None, said))


def _figure_order(figure: Figure) -> tuple[int, str]:
    return (FIGURES.index(figure.figure) if figure.figure in FIGURES else len(FIGURES), figure.figure)
