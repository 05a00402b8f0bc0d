"""The methods page's pictures, from numbers whose answers are known."""

from __future__ import annotations

import dataclasses
import math

import pytest
from rendering.test_charts import binary
from rendering.test_explained import with_figure
from scipy import integrate, special, stats

from tasks.rendering.charts.method_charts import _NODES as NODES
from tasks.rendering.charts.method_charts import (
    BOTTOM,
    HEIGHT,
    TOP,
    WIDTH,
    average_curve,
    mean_risk,
    predicted_over_expected,
    ratio_strip,
    two_slopes,
)
from tasks.rendering.edition import Edition, Line, Outcome
from tasks.rendering.words.explained import explained


@pytest.mark.parametrize("sd", [0.3, 1.0, 2.0])
def test_the_average_is_the_integral_over_a_normal_distribution_of_clinics(sd: float) -> None:
    exact, _ = integrate.quad(lambda z: special.expit(-0.8 + sd * z) * stats.norm.pdf(z), -9.0, 9.0)
    assert mean_risk(-0.8, [sd * node for node in NODES]) == pytest.approx(exact, abs=2e-4)


def test_the_average_curve_is_flatter_than_any_clinics() -> None:
    """At an SD of 1.5 by the integral 0.71 times as steep in log odds, where risks are near 50%."""
    chart = average_curve(with_figure(binary([(50, 100)], target=50.0), "sd_between", 1.5))
    assert chart is not None

    def steepness(points: tuple[tuple[float, float], ...]) -> float:
        risks = [(HEIGHT - BOTTOM - y) / (HEIGHT - BOTTOM - TOP) for _, y in points]
        logits = [special.logit(risk) for risk in risks]
        middle = len(points) // 2
        return float(logits[middle + 5] - logits[middle - 5])

    apart = 5 * 2.0 * math.log(30.0) / 60  # five of sixty steps from odds of 1/30 to 30
    risk, _ = integrate.quad(lambda z: special.expit(apart + 1.5 * z) * stats.norm.pdf(z), -9.0, 9.0)
    exact = special.logit(risk) / apart
    assert exact == pytest.approx(0.71, abs=0.005)
    assert steepness(chart.average) / steepness(chart.typical) == pytest.approx(exact, abs=0.005)
    for clinic in chart.clinics:  # to the hundredth of a point that places have
        assert steepness(clinic) == pytest.approx(steepness(chart.typical), rel=0.02)
    assert all(0.0 <= x <= WIDTH and 0.0 <= y <= HEIGHT for x, y in chart.average)


def test_only_a_binary_outcome_whose_clinics_differ_has_the_curve() -> None:
    outcome = with_figure(binary([(50, 100)], target=50.0), "sd_between", 1.0)
    assert average_curve(outcome) is not None
    assert average_curve(with_figure(outcome, "sd_between", 0.0)) is None
    assert average_curve(dataclasses.replace(outcome, kind="count")) is None
    assert average_curve(dataclasses.replace(outcome, comparator_value=None)) is None


def test_ratios_stand_in_order_on_both_sides_of_one() -> None:
    outcome = binary([(75, 100), (20, 100), (50, 100)], target=50.0)
    assert predicted_over_expected(outcome) == pytest.approx([0.4, 1.0, 1.5])
    strip = ratio_strip(outcome)
    assert strip is not None
    places = [x for x, _ in strip.dots]
    assert places == sorted(places)
    assert places[1] == strip.one
    # equal ratios take equal space
    apart = (strip.one - places[0]) / (places[2] - strip.one)
    assert apart == pytest.approx(math.log(2.5) / math.log(1.5), rel=1e-3)
    assert ratio_strip(binary([(20, 100), (50, 100)], target=50.0)) is None
    volume = [replace_pe(line, None) for line in outcome.lines]
    assert predicted_over_expected(dataclasses.replace(outcome, lines=tuple(volume))) == []
    below = [replace_pe(line, -0.5) for line in outcome.lines]
    assert predicted_over_expected(dataclasses.replace(outcome, lines=tuple(below))) == []


def replace_pe(line: Line, pe: float | None) -> Line:
    return dataclasses.replace(line, shrunken=dataclasses.replace(line.shrunken, pe=pe))


def test_a_picture_stands_beside_its_paragraph_and_names_its_outcome(state48_edition: Edition) -> None:
    pictured = [each for each in explained(state48_edition) if each.curve or each.strip]
    assert pictured
    for each in pictured:
        assert f"{each.pictured}: " in each.text


def with_slopes(within: float, between: float, p: float = 0.001) -> Outcome:
    outcome = with_figure(binary([(50, 100)], target=50.0), "mundlak", p)
    outcome = with_figure(outcome, "slope_between", between)
    outcome = with_figure(outcome, "slope_within", within)
    figures = dict(outcome.figures)
    figures["slope_within"] = dataclasses.replace(figures["slope_within"], column="age")
    return dataclasses.replace(outcome, figures=figures)


def slope_of(points: tuple[tuple[float, float], ...]) -> float:
    (x0, y0), (x1, y1) = points
    return (y0 - y1) / (x1 - x0)


@pytest.mark.parametrize(
    ("within", "between", "told"), [(0.1, 0.4, "steeper"), (0.4, 0.1, "flatter"), (0.2, -0.4, "against")]
)
def test_lines_within_and_between_clinics_are_as_steep_as_their_slopes(
    within: float, between: float, told: str
) -> None:
    chart = two_slopes(with_slopes(within, between))
    assert chart is not None
    assert chart.steepness == told
    for clinic, (x, y) in zip(chart.clinics, chart.dots, strict=True):
        assert slope_of(clinic) / slope_of(chart.between) == pytest.approx(within / between, rel=0.02)
        assert (clinic[0][0] + clinic[1][0]) / 2.0 == pytest.approx(x, abs=0.02)
        assert (clinic[0][1] + clinic[1][1]) / 2.0 == pytest.approx(y, abs=0.02)
    places = (*chart.between, *chart.dots, *(end for line in chart.clinics for end in line))
    assert all(0.0 <= x <= WIDTH and TOP <= y <= HEIGHT - BOTTOM for x, y in places)


def test_slopes_are_drawn_only_where_mundlaks_test_tells_them_apart(state48_edition: Edition) -> None:
    assert two_slopes(with_slopes(0.1, 0.4, p=0.2)) is None
    assert two_slopes(with_figure(binary([(50, 100)], target=50.0), "mundlak", 0.001)) is None
    shown = dataclasses.replace(state48_edition, outcomes=(with_slopes(0.1, 0.4),))
    paragraph = next(each for each in explained(shown) if each.slopes is not None)
    assert paragraph.named == {"column": "age", "within": "+0.100", "between": "+0.400"}
