"""A measure's definition and target, as reports say them."""

from __future__ import annotations

import dataclasses
from datetime import date

import pytest
from rendering.releases import chop_like

from tasks.network.outcome_section import AboutSection
from tasks.network.schema import Network
from tasks.rendering.charts.caterpillar import caterpillar
from tasks.rendering.charts.run_chart import run_chart
from tasks.rendering.clinic_report import clinic_html
from tasks.rendering.edition import Edition, Line, Outcome
from tasks.rendering.network_report import network_html
from tasks.rendering.read_edition import read_edition
from tasks.rendering.shown_figures import Estimate, Rank
from tasks.rendering.words import measure_words


def _edition(**declared: object) -> Edition:
    release, network = chop_like()
    hours = network.outcomes["hours"].model_copy(update=declared)
    return read_edition(
        release, Network.model_copy(network, update={"outcomes": {**network.outcomes, "hours": hours}})
    )


def _hours(edition: Edition) -> Outcome:
    return next(each for each in edition.outcomes if each.name == "hours")


def _line(lower: float, upper: float) -> Line:
    best = Estimate(value=(lower + upper) / 2, lower=lower, upper=upper, status="ok")
    return Line("a", None, Estimate(), Estimate(), best, Rank())


@pytest.mark.parametrize(
    ("lower", "upper", "said"),
    [
        (
            1.0,
            2.5,
            "Your clinic meets the target of at most 3 hours: the best estimate’s whole interval does.",
        ),
        (
            3.5,
            4.0,
            "Your clinic misses the target of at most 3 hours: the best estimate’s whole interval does.",
        ),
        (
            2.0,
            4.0,
            "The records cannot tell whether your clinic meets the target of at most 3 hours: the interval "
            "includes it.",
        ),
    ],
)
def test_a_clinic_is_told_no_more_of_its_target_than_its_interval_tells(
    lower: float, upper: float, said: str
) -> None:
    told = measure_words.target_of_clinic(_hours(_edition(target=3.0)), _line(lower, upper))
    assert told.replace("\u00a0", " ") == said


def test_few_records_show_nothing_of_a_target_wherever_the_interval_lies() -> None:
    """Of twelve records, with a minimum of 25: "Your clinic meets the target"."""
    outcome, line = _hours(_edition(target=3.0)), _line(1.0, 2.5)
    few = dataclasses.replace(line, shrunken=dataclasses.replace(line.shrunken, why=("why.few_records",)))
    said = measure_words.target_of_clinic(outcome, few).replace("\u00a0", " ")
    assert said == "Your clinic has too few records to say whether it meets the target of at most 3 hours."
    counted = measure_words.target_of_network(dataclasses.replace(outcome, lines=(line, few)))
    assert "1 clinic shown to meet it and 1 clinic undecided." in counted.replace("\u00a0", " ")


@pytest.mark.slow
def test_nothing_is_said_of_a_target_that_is_none_or_of_a_figure_that_is_withheld() -> None:
    withheld = dataclasses.replace(_line(1.0, 2.0), shrunken=Estimate(status="suppressed_primary"))
    assert measure_words.target_of_clinic(_hours(_edition(target=3.0)), withheld) == ""
    assert measure_words.target_of_clinic(_hours(_edition()), _line(1.0, 2.0)) == ""
    assert measure_words.target_of_network(_hours(_edition())) == ""


def test_clinics_that_meet_a_target_are_counted_among_those_shown() -> None:
    outcome = _hours(_edition(target=3.0))
    lines = (*[_line(1.0, 2.0)] * 2, _line(4.0, 5.0), *[_line(2.0, 4.0)] * 3)
    hidden = dataclasses.replace(lines[0], shrunken=Estimate(status="suppressed_primary"))
    outcome = dataclasses.replace(outcome, lines=(*lines, hidden))
    said = "2 clinics shown to meet it, 1 clinic shown to miss it (a) and 3 clinics undecided."
    told = measure_words.target_of_network(outcome).replace("\u00a0", " ")
    assert told == f"Target, at most 3 hours as a geometric mean: {said}"
    of_means = measure_words.target_of_network(dataclasses.replace(outcome, logarithmic=False))
    assert of_means.replace("\u00a0", " ") == f"Target, at most 3 hours: {said}"


@pytest.mark.slow
def test_a_target_is_drawn_where_the_axis_reaches_it_and_said_where_not() -> None:
    near = _hours(_edition(target=3.0))
    assert caterpillar(near).target is not None
    chart = run_chart(near, near.months, 240.0, 90.0)
    assert chart is not None
    assert chart.target is not None
    far = _hours(_edition(target=5000.0))
    assert caterpillar(far).target is None
    assert caterpillar(far).ticks == caterpillar(_hours(_edition())).ticks  # it flattens no chart
    report = network_html(_edition(target=5000.0)).replace("\u00a0", " ")
    assert "The target, at most 5,000 hours, lies beyond the chart." in report


@pytest.mark.slow
def test_reports_print_what_the_network_file_says_of_a_measure() -> None:
    about = AboutSection(
        why="Patients wait for it.",
        numerator="hours to the result",
        owner="The laboratory",
        reviewed=date(2026, 1, 15),
        next_review=date(2027, 1, 15),
    )
    edition = _edition(target=3.0, about=about, minimum_denominator=40)
    report = network_html(edition).replace("\u00a0", " ")
    for said in ("About this measure", "Patients wait for it.", "hours to the result", "The laboratory"):
        assert said in report
    assert "15 January 2027" in report
    assert "For Time from receipt to result these numbers are 40 records and 11 events." in report
    assert "About this measure" not in network_html(_edition())
    compared = next(each for each in edition.clinics if _hours(edition).by_clinic[each.name].tone == "same")
    assert "the target of at most 3 hours" in clinic_html(edition, compared).replace("\u00a0", " ")
