"""A figure beside a program's effect is the same effect, or is said to be another model's."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from rendering.test_charts import binary, effect

from reports.wording import speaking
from tasks.rendering.edition import Outcome
from tasks.rendering.network_report import program_part
from tasks.rendering.shown_figures import Effect
from tasks.rendering.words.two_models import odds_ratio_of, where_models_differ


def policy(measure: str, value: float, lower: float, upper: float, **changes: Any) -> Effect:
    stated: dict[str, Any] = {"model": "mixed", "estimand": "marginal", "question": "policy"} | changes
    ends = {"value": value, "lower": lower, "upper": upper}
    return effect(measure=measure, words=f"Y: {value} higher.", **ends, **stated)


def outcome_of(*effects: Effect) -> Outcome:
    return dataclasses.replace(binary([(5, 10)]), effects=effects)


DIFFERENCE = policy("risk_difference", 3.354, -0.4752, 10.27, unit="percentage points")
RATIO = policy("risk_ratio", 1.747, 0.8029, 3.801)
BY_GEE = policy("odds_ratio", 1.11, 0.5971, 2.063, model="gee")


def test_a_difference_and_a_ratio_of_risks_come_to_an_odds_ratio() -> None:
    """Risks of 4.5% and 7.8%: 1.75 times, 3.4 points, and odds of 0.085 to 0.047."""
    found = odds_ratio_of(DIFFERENCE, outcome_of(DIFFERENCE, RATIO, BY_GEE))
    assert found == pytest.approx(1.81, abs=0.005)
    assert odds_ratio_of(DIFFERENCE, outcome_of(DIFFERENCE, BY_GEE)) is None
    of_others = dataclasses.replace(RATIO, term="average")
    assert odds_ratio_of(DIFFERENCE, outcome_of(DIFFERENCE, of_others)) is None


def test_where_two_models_agree_in_size_nothing_is_said_of_it() -> None:
    agreeing = dataclasses.replace(BY_GEE, value=1.75, lower=1.0, upper=3.1)
    assert where_models_differ(outcome_of(agreeing, DIFFERENCE, RATIO)) == ""


def test_the_programs_pages_say_that_two_answers_to_one_question_differ() -> None:
    said = program_part(outcome_of(BY_GEE, DIFFERENCE, RATIO)).words[-1]
    assert said.startswith(
        "For the whole population two models differ: odds ratio about 1.8 by the mixed model,"
    )
    assert "1.11 by estimating equations (GEE)" in said
    assert "hold different things alike" in said


def test_models_are_compared_in_the_same_months() -> None:
    """With a trend of early starters' own the mixed model's effect is another; GEE has none such."""
    rate = [
        policy("rate_ratio", 0.8992, 0.6783, 1.192, term="trend"),
        policy("rate_ratio", 0.8773, 0.781, 0.9854, term="average"),
        policy("rate_ratio", 0.7746, 0.6552, 0.9158, term="average", model="gee"),
        policy("rate_ratio", 0.7954, 0.7294, 0.8673, model="gee"),
    ]
    said = where_models_differ(outcome_of(*rate))
    assert "on average over the months since the start, two models differ" in said
    assert "rate ratio 0.88 by the mixed model, 0.77 by estimating equations (GEE)" in said
    close = dataclasses.replace(rate[2], value=0.87)
    assert where_models_differ(outcome_of(rate[0], rate[1], close, rate[3])) == ""


def test_it_is_said_in_spanish() -> None:
    with speaking("es"):
        pages = where_models_differ(outcome_of(BY_GEE, DIFFERENCE, RATIO))
    assert "dos modelos no coinciden" in pages
