"""What one clinic's report is made of: two pages, or one that says why there are no figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reports.wording import say
from reports.wording.writing import listed
from tasks.rendering.charts.place import Place, place
from tasks.rendering.charts.run_chart import RunChart, run_chart
from tasks.rendering.edition import Clinic, Edition, Line, Outcome
from tasks.rendering.shown_figures import Finding
from tasks.rendering.templates import logo_address, render
from tasks.rendering.words import change_sentences, clinic_sentences, measure_words, sentences, standing
from tasks.rendering.words.caveats import lasting_untold, regional_outcomes
from tasks.rendering.words.latest_words import latest_words
from tasks.rendering.words.run_words import part_periods, run_words

CHART_SIZE = (236.0, 86.0)
LOW_CHART_SIZE = (236.0, 70.0)
"""Of three charts and more, beside which everything else must have room."""
MOST_FINDINGS = 4
ALL_AT_LENGTH = 4
"""So many outcomes are told at length on the first page; of more, the rest are rows of a table."""
MOST_CHARTS = 4
VERY_MANY = 12
"""Of more outcomes than this, names take so much room that half as many charts are left."""
MOST_NAMED = 3
"""So many outcomes that are compared alike are named; more are all the others."""
_FIRST = ("worse", "better", "placed", "same", "uncompared", "own", "withheld", "absent")
"""Which outcomes a manager should see at length, the first kind first."""


@dataclass(frozen=True)
class Card:
    """One outcome on a clinic's first page."""

    outcome: Outcome
    line: Line
    reading: str
    expected_words: str
    latest_words: str
    place_words: str
    target_words: str
    adjusted_words: str
    weight_words: str
    counts: str
    comparator_range: str
    chart: Place | None


@dataclass(frozen=True)
class Months:
    """One outcome's run chart on a clinic's second page."""

    outcome: Outcome
    chart: RunChart | None
    words: str


@dataclass(frozen=True)
class FinePrint:
    """What stands beside the comparison of one outcome, or of several that are compared alike."""

    outcomes: str
    adjusters: str
    compared: str
    verdict: str


def clinic_html(edition: Edition, clinic: Clinic) -> str:
    """A clinic's report as HTML."""
    with edition.network.speaking():
        template, context = clinic_context(edition, clinic)
        return render(template, **context)


def clinic_context(edition: Edition, clinic: Clinic) -> tuple[str, dict[str, Any]]:
    """A clinic's template and what it is filled with, in the language spoken."""
    shared = {
        "base": "templates/page.html.j2",
        "edition": edition,
        "logo": logo_address(edition),
        "release": edition.release,
        "clinic": clinic,
        "policy": sentences.policy_words(edition.release.policy),
        "changed": change_sentences.of_clinic(edition, clinic),
    }
    if not clinic.reportable:
        return "templates/clinic_unreported.html.j2", dict(
            **shared,
            why=clinic_sentences.why_unreported(edition, clinic),
            when=clinic_sentences.when_reported(edition, clinic),
            last_shown=clinic_sentences.last_shown(edition, clinic),
        )
    found = sorted(filter(_found, edition.quality_of(clinic.name)), key=lambda each: -(each.n_found or 0))
    at_length, in_rows = told_at_length(edition, clinic)
    size = LOW_CHART_SIZE if len(edition.outcomes) > 2 else CHART_SIZE
    charts = [months(outcome, outcome.by_clinic[clinic.name], size) for outcome in edition.outcomes]
    drawn = most_telling(charts, at_length)
    lines = [outcome.by_clinic[clinic.name] for outcome in edition.outcomes]
    return "templates/clinic.html.j2", dict(
        **shared,
        in_short=clinic_sentences.in_short(edition, clinic),
        cards=[card(outcome, outcome.by_clinic[clinic.name]) for outcome in at_length],
        rows_of_table=[(outcome, outcome.by_clinic[clinic.name]) for outcome in in_rows],
        months=drawn,
        no_months=[each.outcome.label for each in charts if each.chart is None],
        part_periods=part_periods(edition.release, [each.label for each in edition.outcomes if each.monthly]),
        more_months=len([each for each in charts if each.chart is not None]) - len(drawn),
        latest=any(line.latest for line in lines),
        short_reading=standing.short_reading,
        to_do=clinic_sentences.to_do(
            edition, clinic, records=bool(found), months=[each.outcome.label for each in drawn]
        ),
        quality=found[:MOST_FINDINGS],
        more_quality=len(found[MOST_FINDINGS:]),
        beside=print_rows(edition),
        adjusted=any(outcome.adjusts_for_patients for outcome in edition.estimated),
        lasting_untold=lasting_untold(edition),
        regional=regional_outcomes(edition),
        program=any(outcome.effects for outcome in edition.outcomes),
        comparator="; ".join(dict.fromkeys(outcome.comparator for outcome in edition.estimated)),
    )


def told_at_length(edition: Edition, clinic: Clinic) -> tuple[list[Outcome], list[Outcome]]:
    """The outcomes that the first page tells at length, and those that are rows of its table.

    Both together have room on one page: the more outcomes there are, the fewer are told at length.
    """
    outcomes = list(edition.outcomes)
    if len(outcomes) <= ALL_AT_LENGTH:
        return outcomes, []
    room = max(0, 4 - len(outcomes) // 5) if len(outcomes) < 18 else 0
    by_need = sorted(outcomes, key=lambda each: _FIRST.index(each.by_clinic[clinic.name].tone))
    first = by_need[:room]
    return [each for each in outcomes if each in first], [each for each in outcomes if each not in first]


def most_telling(charts: Sequence[Months], at_length: Sequence[Outcome]) -> list[Months]:
    """The run charts that have room: of outcomes told at length, then those with a signal, then others."""
    drawn = [each for each in charts if each.chart is not None]
    if len(charts) <= ALL_AT_LENGTH:
        return drawn

    def rank(each: Months) -> tuple[bool, bool]:
        signals = each.chart is not None and (each.chart.beyond or each.chart.of_signal("shift"))
        return each.outcome not in at_length, not signals

    room = MOST_CHARTS if len(charts) <= VERY_MANY else MOST_CHARTS // 2
    first = sorted(drawn, key=rank)[:room]
    return [each for each in drawn if each in first]


def card(outcome: Outcome, line: Line) -> Card:
    """One outcome's figures for one clinic, and what they mean."""
    return Card(
        outcome=outcome,
        line=line,
        reading=clinic_sentences.reading(outcome, line),
        expected_words=clinic_sentences.expected(outcome, line),
        latest_words=latest_words(outcome, line.latest),
        place_words=clinic_sentences.place_words(outcome, line),
        target_words=measure_words.target_of_clinic(outcome, line),
        adjusted_words=clinic_sentences.adjusted(outcome, line),
        weight_words=clinic_sentences.weight(outcome, line),
        counts=clinic_sentences.counts(outcome, line),
        comparator_range=sentences.comparator_range(outcome),
        chart=place(outcome, line) if line.shown else None,
    )


def months(outcome: Outcome, line: Line, size: tuple[float, float] = CHART_SIZE) -> Months:
    """One outcome's months at one clinic, in points wide and high."""
    chart = run_chart(outcome, line.months, *size)
    return Months(outcome, chart, "" if chart is None else run_words(chart))


def print_rows(edition: Edition) -> list[FinePrint]:
    """What must stand beside a comparison, once for outcomes that are compared alike."""
    alike: dict[tuple[str, str, str], list[Outcome]] = {}
    for outcome in edition.estimated:
        said = (sentences.adjusters(outcome), sentences.compared(outcome), _verdict(outcome))
        alike.setdefault(said, []).append(outcome)
    most = max(alike, key=lambda said: len(alike[said]), default=None)
    rows = [
        FinePrint(_names(edition, alike[said], others=len(alike) > 1 and said == most), *said)
        for said in alike
    ]
    return sorted(rows, key=lambda row: row.outcomes == say("clinic.compared_alike"))


def _names(edition: Edition, outcomes: Sequence[Outcome], *, others: bool) -> str:
    if 1 < len(outcomes) == len(edition.outcomes):
        return say("clinic.compared_all")
    if others and len(outcomes) > MOST_NAMED:
        return say("clinic.compared_alike")
    return listed([each.label for each in outcomes])


def _verdict(outcome: Outcome) -> str:
    """The verdict, and why where it is against ranking; the network's report says why clinics are ranked."""
    short = say(f"verdict.{outcome.verdict or 'none'}")
    return short if outcome.verdict in ("rank", "grade") else outcome.verdict_reason or short


def _found(finding: Finding) -> bool:
    return finding.withheld or bool(finding.n_found)
