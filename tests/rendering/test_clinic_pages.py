"""A clinic's report has two pages, however many outcomes there are: some at length, the others in a table."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pypdf
import pytest
from rendering.conftest import page_text
from rendering.simulation import Clinics, Shape, simulate_release

from reports.wording.notation import NO_BREAK
from tasks.network.schema import Network
from tasks.periods import Period
from tasks.release import LATEST_PERIODS
from tasks.releasing.latest_periods import latest_periods
from tasks.rendering.clinic_report import clinic_html, told_at_length
from tasks.rendering.document import write_pdf
from tasks.rendering.edition import Clinic, Edition, Outcome
from tasks.rendering.read_edition import read_edition
from tasks.rendering.shown_figures import Figure, Latest
from tasks.rendering.words.clinic_sentences import adjusted, counts, in_short, reading, to_do
from tasks.rendering.words.run_words import part_periods
from tasks.rendering.words.standing import short_reading

LABELS = (
    "Blood pressure controlled at the last visit of the year",
    "Days from referral to first appointment",
)


def many_outcomes(n: int) -> tuple[Edition, Clinic]:
    """Twelve clinics and so many outcomes of long names over two years; and the first clinic."""
    rng = np.random.default_rng(n)
    outcomes = {
        f"y{i}": {
            "label": f"{LABELS[i % 2]} ({i + 1})",
            "kind": ("binary", "continuous")[i % 2],
            "direction": "higher",
            "adjusters": ["age", "sex", "deprivation"],
            **({"unit": "days"} if i % 2 else {}),
        }
        for i in range(n)
    }
    network = Network.model_validate(
        {
            "network": {"name": "Many outcomes"},
            "records": {"source": "many.duckdb"},
            "outcomes": outcomes,
            "window": {"months": 24},
        }
    )
    clinics = Clinics([f"Clinic {i}" for i in range(12)], [None] * 12, np.full(12, 2400))
    verdict = "rank", "Rankability is 0.91."
    shapes = {
        f"y{i}": Shape(*((0.2, 0.5, 1.0) if i % 2 == 0 else (3.0, 0.2, 0.5)), *verdict) for i in range(n)
    }
    release = simulate_release(network, clinics, shapes, "2024-12", rng)
    months = sorted(set(release["clinic_months"]["month"]))
    latest = latest_periods(release.tables, months, "month")
    release = dataclasses.replace(release, tables={**release.tables, LATEST_PERIODS.name: latest})
    edition = read_edition(release, network)
    return edition, edition.clinics[0]


@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 3, 4, 5, 10, 25])
def test_it_has_two_pages(n: int, tmp_path: Path) -> None:
    edition, clinic = many_outcomes(n)
    html = clinic_html(edition, clinic)
    write_pdf(html, tmp_path / "clinic.pdf")
    assert len(pypdf.PdfReader(tmp_path / "clinic.pdf").pages) == 2
    said = page_text(html).replace("\xa0", " ")
    for outcome in edition.outcomes:
        best = outcome.by_clinic[clinic.name].shrunken
        assert outcome.label in said
        assert best.value is not None
        assert outcome.notation.cell(best.value) in said
    drawn = 4 if n <= 12 else 2
    for_feed = f"The months of {n - drawn} further outcomes are in the data feed." in said
    assert for_feed == (n > 4)
    for outcome in told_at_length(edition, clinic)[0]:
        latest = outcome.by_clinic[clinic.name].latest
        assert latest is not None
        then = outcome.notation.prose(latest.value_before).replace("\xa0", " ")
        assert f"against {then} in the 21 months shown before" in said


@pytest.mark.slow
def test_what_stands_out_is_told_at_length() -> None:
    edition, clinic = many_outcomes(10)
    tones = {each.name: each.by_clinic[clinic.name].tone for each in edition.outcomes}
    at_length, in_rows = told_at_length(edition, clinic)
    assert sorted(each.name for each in (*at_length, *in_rows)) == sorted(tones)
    assert list(tones.values()).count("worse") > 2
    assert [tones[each.name] for each in at_length] == ["worse", "worse"]
    assert told_at_length(many_outcomes(25)[0], clinic)[0] == []


@pytest.mark.slow
def test_nobody_is_sent_to_what_is_not_there() -> None:
    edition, clinic = many_outcomes(3)
    assert "Start with" in page_text(clinic_html(edition, clinic))
    bare = dataclasses.replace(
        edition,
        quality=(),
        outcomes=tuple(
            dataclasses.replace(
                outcome, lines=tuple(dataclasses.replace(line, months=()) for line in outcome.lines)
            )
            for outcome in edition.outcomes
        ),
    )
    for each, there in ((edition, True), (bare, False)):
        said = page_text(clinic_html(each, clinic))
        assert ("see “Your records”" in said) == there
        assert ("See whether it has always been so: “Month by month”" in said) == there


@pytest.mark.parametrize(("probability", "slight"), [(0.01, True), (0.87, False), (None, False)])
def test_who_differs_by_little_is_given_nothing_to_do(probability: float | None, slight: bool) -> None:
    edition, clinic = many_outcomes(3)

    def changed(outcome: Outcome) -> Outcome:
        lines = (
            dataclasses.replace(line, shrunken=dataclasses.replace(line.shrunken, p_important=probability))
            for line in outcome.lines
        )
        return dataclasses.replace(outcome, lines=tuple(lines))

    moved = dataclasses.replace(edition, outcomes=tuple(changed(each) for each in edition.outcomes))
    said = page_text(clinic_html(moved, clinic))
    assert ("by less than the network calls important" in said) == slight
    assert ("Start with" in said) != slight
    assert ("look there first" in said) != slight
    assert ("but probably by less than" in said) == slight


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("higher", "your latest months are better than those before. See whether that lasts."),
        ("lower", "your latest months are worse than those before. Ask what has changed."),
        ("no_clear_change", ""),
    ],
)
def test_who_is_changing_is_told_so_beside_the_window(change: str, said: str) -> None:
    """The window is of two years: who was worse then, and is better since spring, starts elsewhere."""
    edition, clinic = many_outcomes(1)
    (outcome,) = edition.outcomes
    line = outcome.by_clinic[clinic.name]
    worse = dataclasses.replace(line, shrunken=dataclasses.replace(line.shrunken, comparison="worse"))
    assert (worse.tone, outcome.direction) == ("worse", "higher")
    latest = Latest("2024-10", "2024-12", 3, 21, 66.2, 49.0, 17.2, 9.0, 25.4, change)
    lines = tuple(
        dataclasses.replace(worse, latest=latest) if each is line else each for each in outcome.lines
    )
    moved = dataclasses.replace(edition, outcomes=(dataclasses.replace(outcome, lines=lines),))
    told = [each for each in to_do(moved, clinic, records=False, months=()) if "your latest months" in each]
    assert told == ([f"On {outcome.label}, {said}"] if said else [])
    network = dataclasses.replace(moved.outcomes[0], latest=latest)  # the change is not the clinic's own
    alike = dataclasses.replace(moved, outcomes=(network,))
    assert not any("your latest months" in each for each in to_do(alike, clinic, records=False, months=()))


def test_a_clinic_of_clinics_that_are_not_shown_to_differ_is_not_told_to_wait_for_records() -> None:
    """He read "too uncertain" of 2,037 records that placed it within half a millimetre of all others."""
    edition, clinic = many_outcomes(1)
    (outcome,) = edition.outcomes
    unsure = dataclasses.replace(
        outcome.by_clinic[clinic.name].shrunken, comparison="not_compared", status="low_reliability"
    )
    lines = tuple(
        dataclasses.replace(line, shrunken=dataclasses.replace(unsure, why=("why.unreliable",)))
        for line in outcome.lines
    )
    undivided = dataclasses.replace(outcome, lines=lines)
    assert undivided.undivided
    moved = dataclasses.replace(edition, outcomes=(undivided,))
    assert ("uncompared", f"No clinic is told from the others on {outcome.label}.") in in_short(moved, clinic)
    verdict = " Your figure is shown without a verdict."
    for correlation, worth, said in (
        (0.0, 1.0, "No clinic is shown to differ from the others on this measure."),
        (0.007, 1.0, "Clinics may differ on this measure, but too little for their records to tell which."),
        (
            0.007,
            2.4,
            "Clinics’ figures on this measure differ by more than their numbers of records explain, but our "
            "model cannot tell lasting differences from passing ones.",
        ),
    ):
        told = {"icc": (0.015, correlation, 0.032), "own_design_effect": (worth,), "sd_between": (0.3,)}
        figures = {
            name: Figure(name, name, *(*ends, None, None)[:3], "", "", "ok", None)
            for name, ends in told.items()
        }
        assert reading(dataclasses.replace(undivided, figures=figures), lines[0]).startswith(said + verdict)
    assert to_do(moved, clinic, records=False, months=()) == ["Nothing this time."]
    of_few = dataclasses.replace(lines[0], shrunken=dataclasses.replace(unsure, why=("why.few_records",)))
    assert not dataclasses.replace(outcome, lines=(of_few, *lines[1:])).undivided


def test_a_clinic_that_opened_late_is_told_of_its_own_months() -> None:
    edition, clinic = many_outcomes(1)
    young = dataclasses.replace(clinic, first_month="2025-03", last_month="2025-05")
    (records,) = [said for tone, said in in_short(edition, young) if tone == "records" and "rests on" in said]
    assert records.endswith("March 2025 to May 2025.")


@pytest.mark.parametrize(("probability", "likely"), [(0.62, True), (0.5, False), (None, False)])
def test_who_probably_differs_by_what_matters_is_not_told_the_contrary(
    probability: float | None, likely: bool
) -> None:
    """He read "no different" and no more, in the box that a manager reads first."""
    edition, clinic = many_outcomes(1)
    (outcome,) = edition.outcomes
    line = outcome.by_clinic[clinic.name]
    best = dataclasses.replace(line.shrunken, comparison="no_different", p_important=probability)
    line = dataclasses.replace(line, shrunken=best)
    assert line.tone == "same"
    lines = tuple(line if each.clinic == clinic.name else each for each in outcome.lines)
    outcome = dataclasses.replace(outcome, important_difference=3.0, lines=lines)
    moved = dataclasses.replace(edition, outcomes=(outcome,))
    (first,) = [said for tone, said in in_short(moved, clinic) if tone == "same"]
    assert first.startswith("Not shown to differ from the typical clinic on ")
    more = "a difference of 3 percentage points or more"
    assert (f"but {more} is more likely than not" in first.replace(NO_BREAK, " ")) == likely
    whole = reading(outcome, line).replace(NO_BREAK, " ")
    assert (f"{more.capitalize()}, which the network calls important, is more likely" in whole) == likely
    assert short_reading(line) == ("not told apart, 0.62" if likely else "not told apart")


def test_what_lies_between_own_figure_and_best_estimate_is_told_where_it_differs() -> None:
    edition, clinic = many_outcomes(1)
    (outcome,) = edition.outcomes
    line = outcome.by_clinic[clinic.name]
    assert line.raw.value is not None
    for value, told in ((line.raw.value + 1e-9, ""), (58.04, "adjusted 58.0%")):
        moved = dataclasses.replace(line, adjusted=dataclasses.replace(line.adjusted, value=value))
        assert adjusted(outcome, moved) == told
        assert adjusted(dataclasses.replace(outcome, adjusters=()), moved) == ""


def test_a_rates_denominator_has_its_unit() -> None:
    edition, clinic = many_outcomes(1)
    (outcome,) = edition.outcomes
    line = outcome.by_clinic[clinic.name]
    line = dataclasses.replace(line, raw=dataclasses.replace(line.raw, numerator=41.0, denominator=1806.0))
    rate = dataclasses.replace(outcome, kind="count")
    assert counts(rate, line) == "41 events in 1,806 records"
    of_time = dataclasses.replace(rate, exposure="months_at_risk")
    assert counts(of_time, line) == "41 events in 1,806 (months at risk)"


@pytest.mark.parametrize(
    ("period", "cut_off", "said"),
    [
        ("2024-12", "2024-12-28", ""),
        ("2024-12", "2024-12-01", ""),  # records of whole months, dated on their first days
        ("2024-Q4", "2024-12-01", ""),
        ("2024-12", "2024-12-27", "December 2024 is not complete: its records end on 27 December 2024."),
        ("2024-Q4", "2024-11-30", "4th quarter 2024 is not complete: its records end on 30 November 2024."),
        ("2024-W52", "2024-12-27", ""),
    ],
)
def test_a_period_that_is_not_over_is_said_to_be_in_part(period: str, cut_off: str, said: str) -> None:
    release = dataclasses.replace(many_outcomes(1)[0].release, period=period, cut_off=cut_off)
    assert part_periods(release) == said


@pytest.mark.parametrize(
    ("period", "first_date", "said"),
    [
        ("2024-12", "2024-03-04", ""),
        ("2024-12", "2024-03-31", ""),  # records of whole months, dated on their last days
        ("2024-Q4", "2024-01-31", ""),
        ("2024-12", "2024-03-15", "March 2024 is not complete: its records begin on 15 March 2024."),
        ("2024-Q4", "2024-02-01", "1st quarter 2024 is not complete: its records begin on 1 February 2024."),
        ("2024-W52", "2024-03-07", ""),
        ("2024-12", None, ""),
    ],
)
def test_a_first_period_that_begins_late_is_said_to_be_in_part(
    period: str, first_date: str | None, said: str
) -> None:
    last = str(Period.of_label(period).last_day)
    release = dataclasses.replace(
        many_outcomes(1)[0].release, period=period, cut_off=last, first_date=first_date
    )
    assert part_periods(release) == said


def test_a_period_in_part_lowers_what_counts_records() -> None:
    whole = dataclasses.replace(many_outcomes(1)[0].release, period="2024-12", cut_off="2024-12-31")
    assert part_periods(whole, ["Tests a month"]) == ""
    release = dataclasses.replace(whole, first_date="2024-03-15", cut_off="2024-12-20")
    assert part_periods(release, ["Tests a month"]) == (
        "March 2024 is not complete: its records begin on 15 March 2024. "
        "December 2024 is not complete: its records end on 20 December 2024. "
        "This lowers the figures for Tests a month at clinics open then."
    )
