"""What one clinic's report is made of: two pages, or one that says why there are no figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.rendering import sentences
from tasks.rendering.edition import Clinic, Edition, Finding, Line, Outcome
from tasks.rendering.place import Place, place
from tasks.rendering.run_chart import RunChart, run_chart
from tasks.rendering.templates import render

CHART_SIZE = (236.0, 118.0)
CLINICS_LEAST = 2


@dataclass(frozen=True)
class Card:
    """One outcome on a clinic's first page."""

    outcome: Outcome
    line: Line
    reading: str
    place_words: str
    weight_words: str
    counts: str
    chart: Place | None


@dataclass(frozen=True)
class Months:
    """One outcome's run chart on a clinic's second page."""

    outcome: Outcome
    chart: RunChart | None
    words: str


def clinic_html(edition: Edition, clinic: Clinic) -> str:
    """A clinic's report as HTML."""
    shared = {
        "edition": edition,
        "release": edition.release,
        "clinic": clinic,
        "policy": sentences.policy_words(edition.release.policy),
    }
    if not clinic.reportable:
        return render(
            "templates/clinic_unreported.html.j2", **shared, why=sentences.why_unreported(edition, clinic)
        )
    return render(
        "templates/clinic.html.j2",
        **shared,
        in_short=sentences.clinic_in_short(edition, clinic),
        cards=[card(outcome, outcome.by_clinic[clinic.name]) for outcome in edition.outcomes],
        months=[months(outcome, outcome.by_clinic[clinic.name]) for outcome in edition.outcomes],
        to_do=sentences.clinic_to_do(edition, clinic),
        quality=[finding for finding in edition.quality_of(clinic.name) if _found(finding)],
        n_rules=len(edition.network_quality),
        beside=shared_beside(edition),
    )


def card(outcome: Outcome, line: Line) -> Card:
    """One outcome's figures for one clinic, and what they mean."""
    return Card(
        outcome=outcome,
        line=line,
        reading=sentences.clinic_reading(outcome, line),
        place_words=sentences.clinic_place(outcome, line),
        weight_words=sentences.clinic_weight(line),
        counts=sentences.clinic_counts(outcome, line),
        chart=place(outcome, line) if line.shown else None,
    )


def months(outcome: Outcome, line: Line) -> Months:
    """One outcome's months at one clinic."""
    chart = run_chart(outcome, line.months, *CHART_SIZE)
    return Months(outcome, chart, "" if chart is None else sentences.run_words(chart))


def shared_beside(edition: Edition) -> Sequence[tuple[Outcome, str, str]]:
    """Per outcome: what clinics are compared with, and what is adjusted for."""
    return [
        (outcome, sentences.comparator(outcome), sentences.adjusters(outcome))
        for outcome in edition.estimated
    ]


def _found(finding: Finding) -> bool:
    return finding.withheld or bool(finding.n_found)
