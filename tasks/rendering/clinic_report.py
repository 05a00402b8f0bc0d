"""What one clinic's report is made of: two pages, or one that says why there are no figures."""

from __future__ import annotations

from dataclasses import dataclass

from reports.wording import say, speaking
from tasks.rendering import change_sentences, clinic_sentences, sentences
from tasks.rendering.edition import Clinic, Edition, Finding, Line, Outcome
from tasks.rendering.place import Place, place
from tasks.rendering.run_chart import RunChart, run_chart
from tasks.rendering.run_words import run_words
from tasks.rendering.templates import render

CHART_SIZE = (236.0, 86.0)
MOST_FINDINGS = 4


@dataclass(frozen=True)
class Card:
    """One outcome on a clinic's first page."""

    outcome: Outcome
    line: Line
    reading: str
    place_words: str
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
    """What stands beside one outcome's comparison: the network's value, adjusters, how many, the verdict."""

    outcome: Outcome
    value: str
    adjusters: str
    compared: str
    verdict: str


def clinic_html(edition: Edition, clinic: Clinic) -> str:
    """A clinic's report as HTML."""
    with speaking(edition.network.network.language, edition.network.window.period):
        return _clinic_html(edition, clinic)


def _clinic_html(edition: Edition, clinic: Clinic) -> str:
    shared = {
        "edition": edition,
        "release": edition.release,
        "clinic": clinic,
        "policy": sentences.policy_words(edition.release.policy),
        "changed": change_sentences.of_clinic(edition, clinic),
    }
    if not clinic.reportable:
        return render(
            "templates/clinic_unreported.html.j2",
            **shared,
            why=clinic_sentences.why_unreported(edition, clinic),
            when=clinic_sentences.when_reported(edition, clinic),
            last_shown=clinic_sentences.last_shown(edition, clinic),
        )
    found = sorted(filter(_found, edition.quality_of(clinic.name)), key=lambda each: -(each.n_found or 0))
    charts = [months(outcome, outcome.by_clinic[clinic.name]) for outcome in edition.outcomes]
    return render(
        "templates/clinic.html.j2",
        **shared,
        in_short=clinic_sentences.in_short(edition, clinic),
        cards=[card(outcome, outcome.by_clinic[clinic.name]) for outcome in edition.outcomes],
        months=charts,
        no_months=[each.outcome.label for each in charts if each.chart is None],
        to_do=clinic_sentences.to_do(edition, clinic),
        quality=found[:MOST_FINDINGS],
        more_quality=len(found[MOST_FINDINGS:]),
        beside=print_rows(edition),
        comparator="; ".join(dict.fromkeys(outcome.comparator for outcome in edition.estimated)),
    )


def card(outcome: Outcome, line: Line) -> Card:
    """One outcome's figures for one clinic, and what they mean."""
    return Card(
        outcome=outcome,
        line=line,
        reading=clinic_sentences.reading(outcome, line),
        place_words=clinic_sentences.place_words(outcome, line),
        weight_words=clinic_sentences.weight(line),
        counts=clinic_sentences.counts(outcome, line),
        comparator_range=sentences.comparator_range(outcome),
        chart=place(outcome, line) if line.shown else None,
    )


def months(outcome: Outcome, line: Line) -> Months:
    """One outcome's months at one clinic."""
    chart = run_chart(outcome, line.months, *CHART_SIZE)
    return Months(outcome, chart, "" if chart is None else run_words(chart))


def print_rows(edition: Edition) -> list[FinePrint]:
    """Per outcome, what must stand beside a comparison."""
    return [
        FinePrint(
            outcome=outcome,
            value=""
            if outcome.comparator_value is None
            else outcome.notation.prose(outcome.comparator_value),
            adjusters=sentences.adjusters(outcome),
            compared=sentences.compared(outcome),
            verdict=_verdict(outcome),
        )
        for outcome in edition.estimated
    ]


def _verdict(outcome: Outcome) -> str:
    """The verdict, and why where it is against ranking; the network's report says why clinics are ranked."""
    short = say(f"verdict.{outcome.verdict or 'none'}")
    return short if outcome.verdict in ("rank", "grade") else outcome.verdict_reason or short


def _found(finding: Finding) -> bool:
    return finding.withheld or bool(finding.n_found)
