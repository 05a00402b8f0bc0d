"""What the methods page explains, from the release's own numbers."""

from __future__ import annotations

import dataclasses
import re

import pytest
from rendering.test_charts import binary, effect

from tasks.rendering.clinic_report import clinic_html
from tasks.rendering.edition import Edition, Outcome
from tasks.rendering.network_report import network_context
from tasks.rendering.shown_figures import Figure
from tasks.rendering.templates import render
from tasks.rendering.words.caveats import LASTING_UNTOLD, lasting_untold
from tasks.rendering.words.explained import explained


def with_figure(outcome: Outcome, name: str, value: float) -> Outcome:
    figure = Figure(name, "", value, None, None, "", "", "ok", None)
    return dataclasses.replace(outcome, figures={**outcome.figures, name: figure})


def told(edition: Edition, *outcomes: Outcome) -> str:
    return " ".join(each.text for each in explained(dataclasses.replace(edition, outcomes=outcomes)))


def test_a_correlation_is_read_twice_by_its_own_value(state48_edition: Edition) -> None:
    said = told(state48_edition, with_figure(binary([(5, 10)]), "icc", 0.2))
    assert (
        "Y: 20% of the variation between records lies between clinics, and two records of one clinic " in said
    )
    assert "correlate by 0.200" in said


def test_odds_ratios_shrink_by_the_spread_of_clinics(state48_edition: Edition) -> None:
    """At an SD of 1 by 1/√(1 + c²) = 0.86, c = 16√3/(15π); of a continuous outcome nothing is said."""
    outcome = with_figure(binary([(5, 10)]), "sd_between", 1.0)
    said = told(state48_edition, outcome)
    assert "averaging alone makes the logarithm of an odds ratio about 0.86 times as large" in said
    assert "need not follow" not in said
    assert "collapse" not in told(state48_edition, dataclasses.replace(outcome, kind="continuous"))


def with_slope(outcome: Outcome, name: str, value: float, lower: float, upper: float) -> Outcome:
    figure = Figure(name, "", value, lower, upper, "log hours", "", "ok", None, column="age")
    return dataclasses.replace(outcome, figures={**outcome.figures, name: figure})


def test_within_and_between_are_never_said_to_agree(state48_edition: Edition) -> None:
    plain = binary([(5, 10)])
    said = told(state48_edition, with_figure(plain, "mundlak", 0.4))
    assert "they are not shown to disagree (p = 0.40)" in said
    assert "speaks against" not in said
    assert "they do not (p = 0.002)" in told(state48_edition, with_figure(plain, "mundlak", 0.002))
    assert "Mundlak" not in told(state48_edition, plain)


def test_one_adjuster_that_disagrees_by_itself_is_told_beside_a_joint_test_that_does_not(
    state48_edition: Edition,
) -> None:
    """Slopes of a hospital's age: of opposite sign, 2.2 standard errors apart; of all adjusters p = 0.08."""
    joint = with_figure(binary([(5, 10)]), "mundlak", 0.084)
    within = with_slope(joint, "slope_within", -0.00052, -0.00096, -0.00009)
    said = told(state48_edition, with_slope(within, "slope_between", 0.0028, -0.0001, 0.0058))
    assert "they are not shown to disagree over all adjusters together (p = 0.08)" in said
    assert "but over age by itself they do (p = 0.03)" in said
    assert "−0.0005\xa0log hours among patients of one clinic" in said
    alike = told(state48_edition, with_slope(within, "slope_between", 0.0008, -0.0021, 0.0038))
    assert "they are not shown to disagree (p = 0.08)" in alike
    significant = with_figure(within, "mundlak", 0.02)
    assert "they do not (p = 0.02)" in told(
        state48_edition, with_slope(significant, "slope_between", 0.0028, -0.0001, 0.0058)
    )


def test_predicted_over_expected_runs_over_the_clinics_shown(state48_edition: Edition) -> None:
    outcome = binary([(20, 100), (50, 100), (75, 100)], target=50.0)
    assert "it runs from 0.40 to 1.50 over the clinics" in told(state48_edition, outcome)


def test_a_programs_own_ratios_are_not_shown_as_what_averaging_does(state48_edition: Edition) -> None:
    """A conditional odds ratio of 1.55 stood beside an average of 1.8 (and GEE's 1.11), and 0.77 times."""
    plain = with_figure(binary([(5, 10)]), "sd_between", 1.0)
    patient = effect(value=1.549)
    risks = effect(measure="risk_ratio", value=1.747, estimand="marginal", question="policy")
    said = told(state48_edition, dataclasses.replace(plain, effects=(patient, risks)))
    assert "averaging one effect over clinics that differ in level" in said
    assert "The program’s own figures need not follow this" in said
    assert "need not follow" not in told(state48_edition, dataclasses.replace(plain, effects=(patient,)))


def test_questions_are_told_with_the_estimates_that_answer_them(state48_edition: Edition) -> None:
    said = " ".join(each.text for each in explained(state48_edition))
    assert " for the whole population; " in said
    assert " for these clinics alone." in said
    assert not re.search(r"; [A-Z]", said.split("Three questions")[1].split("alone.")[0])
    without = dataclasses.replace(
        state48_edition, network=state48_edition.network.model_copy(update={"program": None})
    )
    assert "Three questions" not in " ".join(each.text for each in explained(without))


def test_answers_that_stand_together_are_of_one_method(state48_edition: Edition) -> None:
    """1.62 for the population had a trend of early starters' own, and 1.40 for these clinics had none."""
    unit = {"measure": "difference", "unit": "points"}
    policy = {"estimand": "marginal", "question": "policy", **unit}
    effects = (
        effect(term="trend", value=1.618, lower=1.015, upper=2.22, **policy),
        effect(term="trend", value=1.618, lower=1.015, upper=2.22, **unit),
        effect(term="average", value=1.396, lower=1.118, upper=1.673, **policy),
        effect(term="average", value=1.396, lower=1.118, upper=1.673, **unit),
        effect(
            model="within",
            term="average",
            question="these_clinics",
            value=1.398,
            lower=1.121,
            upper=1.675,
            **unit,
        ),
        effect(model="within", question="these_clinics", value=1.451, lower=1.299, upper=1.603, **unit),
        effect(model="naive", question="none", value=2.805, lower=2.726, upper=2.885, **unit),
    )
    said = told(state48_edition, dataclasses.replace(binary([(5, 10)]), effects=effects))
    assert (
        "difference 1.40 (1.12 to 1.67) for the whole population; difference 1.40 (1.12 to 1.67) for a "
        "patient of a given clinic; difference 1.40 (1.12 to 1.68) for these clinics alone. Each is the "
        "effect on average over the months since the start."
    ) in said
    assert (
        "leads the program’s pages, 1.62 (1.01 to 2.22), is on average by cohort and month, with a trend of "
        "their own allowed for: it differs from these by what it takes for granted, not by question."
    ) in said
    assert "different models" not in said  # all say 1.40


def test_answers_by_different_models_are_said_to_be(state48_edition: Edition) -> None:
    points = {"measure": "risk_difference", "unit": "percentage points"}
    effects = (
        effect(estimand="marginal", question="policy", value=3.354, lower=-0.4752, upper=10.27, **points),
        effect(value=1.549, lower=0.6323, upper=3.797),
        effect(model="within", question="these_clinics", value=0.9303, lower=-3.098, upper=4.959, **points),
    )
    outcome = dataclasses.replace(binary([(5, 10)]), effects=effects)
    said = told(state48_edition, outcome)
    assert (
        "They are not all by one model, and models weigh clinics differently, so the questions alone need not"
        in said
    )
    assert "by method" not in said  # all are of one kind of effect
    one_model = dataclasses.replace(outcome, effects=effects[:2])
    assert "different models" not in told(state48_edition, one_model)


@pytest.mark.parametrize(
    ("language", "said"), [("en", "ups and downs last"), ("es", "altibajos de una clínica perduran")]
)
def test_outcomes_whose_shocks_may_last_are_named_and_no_others(
    state48_edition: Edition, language: str, said: str
) -> None:
    """By the method of the spread of clinics, where the release says it."""
    section = state48_edition.network.network.model_copy(update={"language": language})
    network = state48_edition.network.model_copy(update={"network": section})
    plain = dataclasses.replace(state48_edition, network=network)
    first, *others = plain.drawn
    spread = dataclasses.replace(first.figures["sd_between"], how=(LASTING_UNTOLD,))
    untold = dataclasses.replace(first, figures={**first.figures, "sd_between": spread})
    with network.speaking():
        assert lasting_untold(plain) == ""
        assert said not in _methods(plain)
        edition = dataclasses.replace(plain, outcomes=(untold, *others))
        assert lasting_untold(edition) == first.label
        clinic = next(each for each in edition.clinics if each.reportable)
        pages = _methods(edition), clinic_html(edition, clinic)
    for page in pages:
        assert page.count(said) == 1
        assert f" {first.label}" in page.split(said)[0][-200:]


def _methods(edition: Edition) -> str:
    return " ".join(render("templates/network/methods.html.j2", **network_context(edition)).split())
