"""What is said of a program: which estimate leads, when none does, and what stands beside it."""

from __future__ import annotations

import dataclasses

import pytest
from rendering.test_charts import binary, effect

from tasks.rendering.edition import Outcome
from tasks.rendering.network_report import program_part
from tasks.rendering.shown_figures import Effect, Figure
from tasks.rendering.words import program_sentences


def test_a_plain_comparison_stands_beside_the_effect_in_the_same_measure_alone() -> None:
    """An odds ratio by another model, beside a difference of risks, is for the program's page."""
    lead = effect(
        model="mixed",
        measure="risk_difference",
        value=4.1,
        lower=2.2,
        upper=6.0,
        unit="percentage points",
        question="policy",
        words="Y: 4.1 percentage points higher.",
    )
    other = effect(model="gee", estimand="marginal", question="policy", words="Y: odds 1.3 times as high.")
    odds = effect(model="naive", question="none", value=2.4, lower=2.0, upper=2.9)
    points = dataclasses.replace(
        odds, measure="risk_difference", value=7.0, lower=6.1, upper=7.9, unit="percentage points"
    )
    outcome = dataclasses.replace(binary([(5, 10)]), effects=(other, lead, odds))
    assert program_sentences.program_message(outcome) == "4.1 percentage points higher."
    both = dataclasses.replace(outcome, effects=(other, lead, odds, points))
    assert program_sentences.program_message(both) == (
        "4.1 percentage points higher. "
        "(Plain comparison: risk difference 7.00 (6.10 to 7.90) percentage points.)"
    )
    rate = dataclasses.replace(lead, measure="rate_ratio", value=0.9, lower=0.8, upper=0.97, unit="")
    plain = dataclasses.replace(odds, measure="rate_ratio", value=0.99, lower=0.94, upper=1.04)
    rates = dataclasses.replace(outcome, effects=(rate, plain))
    said = program_sentences.program_message(rates) or ""
    assert said.endswith("(Plain comparison: 1% lower (6 lower to 4 higher).)")


def test_where_whole_clinics_have_it_no_plain_comparison_claims_to_be_another() -> None:
    gap = effect(model="mixed", measure="difference", value=-4.8, question="none", words="Y: 4.8 lower.")
    plain = effect(model="naive", measure="difference", value=-4.8, question="none")
    outcome = dataclasses.replace(binary([(5, 10)]), effects=(gap, plain))
    assert program_sentences.program_message(outcome) == "4.8 lower."
    assert program_sentences.on_plain_comparisons([outcome]) == []


@pytest.mark.parametrize(
    ("lower", "upper", "little"), [(-16.0, 15.0, True), (-4.0, 3.0, True), (-1.5, 1.0, False)]
)
def test_an_interval_about_as_wide_as_the_outcome_s_own_level_says_too_little(
    lower: float, upper: float, *, little: bool
) -> None:
    """Infections fell by 10 percentage points, from under 5%."""
    words = "Y: an effect is neither shown nor ruled out. Between 16 percentage points lower and 15 higher."
    wide = effect(
        measure="risk_difference",
        value=-1.0,
        lower=lower,
        upper=upper,
        unit="percentage points",
        question="policy",
        words=words,
    )
    share = Figure("mean", "Share", 4.8, None, None, "%", "", "ok", None)
    outcome = dataclasses.replace(binary([(5, 10)]), effects=(wide,), figures={"mean": share})
    said = (
        "The records say too little to estimate the effect."
        if little
        else "An effect is neither shown nor ruled out."
    )
    between = "Between 16 percentage points lower and 15 higher."
    assert program_sentences.program_message(outcome) == f"{said} {between}"


def test_some_months_have_an_effect_where_the_average_shows_none() -> None:
    """A rate rose at the start and fell back: page one said that there was no sign of an effect."""
    average = effect(measure="rate_ratio", term="average", value=1.1, lower=0.8, upper=1.5, question="policy")
    average = dataclasses.replace(average, words="Y: an effect is neither shown nor ruled out.")

    def month(since: int, low: float, high: float) -> Effect:
        made = effect(measure="rate_ratio", term=f"month {since:02d}", value=(low + high) / 2)
        return dataclasses.replace(made, months_since_start=since, band_lower=low, band_upper=high)

    def said(*months: Effect) -> str:
        outcome = dataclasses.replace(binary([(5, 10)]), effects=(average, *months))
        return program_sentences.program_message(outcome) or ""

    before, none = month(-1, 1.2, 1.9), month(3, 0.8, 1.4)
    rose, fell = month(0, 1.3, 3.9), month(2, 0.4, 0.9)
    assert "in some months" not in said(before, none)  # before the start is no effect
    one_way = (
        "If clinics would otherwise have moved in parallel, Y was higher in some months since the start."
    )
    assert said(none, rose).endswith(one_way)
    assert said(none, rose, fell).endswith("Y was higher in some months since the start and lower in others.")


def test_too_little_is_told_as_such_in_the_line_of_all_outcomes() -> None:
    """The line said "no sign of an effect" and the outcome's own words that the records say too little."""
    wide = effect(measure="rate_ratio", value=1.0, lower=0.3, upper=3.0, question="policy", words="Y: …")
    narrow = effect(measure="rate_ratio", value=1.0, lower=0.9, upper=1.1, question="policy", words="Y: …")
    better = effect(measure="rate_ratio", value=0.5, lower=0.4, upper=0.6, question="policy", words="Y: …")
    outcomes = [
        dataclasses.replace(binary([(5, 10)]), label=label, effects=(each,))
        for label, each in (("Falls", wide), ("Sores", narrow), ("Waits", better))
    ]
    assert program_sentences.in_short(outcomes) == [
        "Under the program, by the estimates below, lower: Waits; neither shown nor ruled out: Sores; "
        "too little to tell: Falls."
    ]


def test_the_average_month_leads_and_what_tests_found_follows() -> None:
    effects = (
        effect(term="effect", question="policy", words="Y: 0.0167 points lower."),
        effect(term="average", question="policy", words="Y: 0.19 points higher, on average."),
        effect(measure="test", term="change", value=None, question="none", p=0.0004, words="It changes."),
        effect(measure="test", term="before", value=None, question="none", p=0.4, words="None before."),
    )
    said = program_sentences.program_message(dataclasses.replace(binary([(5, 10)]), effects=effects))
    assert said == "0.19 points higher, on average. It changes."


def test_why_no_effect_can_be_told_is_said_whichever_question_it_would_answer() -> None:
    """Where a program started everywhere at once page 1 said nothing of it."""
    untold = effect(value=None, words="Y: not estimated. It started everywhere at once.", reason="It did.")
    outcome = dataclasses.replace(binary([(5, 10)]), effects=(untold,))
    assert program_sentences.program_message(outcome) == "Not estimated. It started everywhere at once."
    policy = effect(value=None, question="policy", words="Y: not estimated. Few.", reason="Few.")
    both = dataclasses.replace(outcome, effects=(untold, policy))
    assert program_sentences.program_message(both) == "Not estimated. Few."


def test_where_clinics_were_changing_before_no_effect_is_told_without_its_if() -> None:
    """After a bad month clinics get better by themselves: a null program was led by 41 points."""
    before = effect(
        measure="test", term="before", value=None, question="none", p=0.004, words="Changing before."
    )
    late = effect(measure="test", term="change", value=None, question="none", p=0.001, words="It changes.")
    trend = effect(term="trend", question="policy", words="Y: 41.0 points higher.")
    average = effect(term="average", question="policy", words="Y: 9.1 points higher.")
    outcome = dataclasses.replace(binary([(5, 10)]), effects=(trend, average, before, late))
    assert program_sentences.program_message(outcome) == (
        "Changing before. The program’s page gives the estimates, each with what it takes for granted."
    )
    assert program_sentences.if_words(outcome, average) == (
        "If clinics with the program would have changed like the others without it: 9.1 points higher."
    )
    part = program_part(outcome)
    assert part.words == ("Changing before.", program_sentences.if_words(outcome, trend))
    assert part.tests == ()  # whether the effect changes is asked of clinics that did not change before
    quiet = dataclasses.replace(outcome, effects=(trend, dataclasses.replace(before, p=0.4)))
    assert program_sentences.program_message(quiet) == "41.0 points higher."


@pytest.mark.parametrize(
    ("without", "told"),
    [
        ((-9.0, 3.0), False),  # an effect beside a trend of their own alone
        ((2.0, 9.0), False),  # or one the other way without it
        ((-45.0, -12.0), True),
    ],
)
def test_an_effect_that_a_trend_alone_makes_is_none_that_can_be_told(
    without: tuple[float, float], told: bool
) -> None:
    """After a rise that no test saw a null program led by "40 percentage points lower (12 to 60)"."""
    points = {"measure": "risk_difference", "question": "policy", "model": "mixed", "estimand": "marginal"}
    trend = effect(term="trend", value=-40.0, lower=-60.0, upper=-12.0, words="Y: 40 points lower.", **points)
    low, high = without
    plain = effect(term="average", value=(low + high) / 2, lower=low, upper=high, words="Y: plain.", **points)
    outcome = dataclasses.replace(binary([(5, 10)]), effects=(trend, plain))
    said = program_sentences.program_message(outcome)
    if told:
        assert said == "40 points lower."
    else:
        assert said == (
            "Whether there is an effect depends on how clinics with the program would have changed without "
            "it, which the records cannot tell. "
            "The program’s page gives the estimates, each with what it takes for granted."
        )
    doubtful = dataclasses.replace(trend, lower=-60.0, upper=5.0)
    alone = dataclasses.replace(outcome, effects=(doubtful, plain))
    assert program_sentences.program_message(alone) == "40 points lower."


def test_a_condition_is_said_once_for_all_outcomes_that_it_holds_for() -> None:
    first, second, third = (dataclasses.replace(binary([(5, 10)]), label=label) for label in "ABC")
    steady, alike = (effect(words=f"A: 1 higher. {each}", condition=each) for each in ("Steady.", "Alike."))
    assert program_sentences.program_words(first, steady) == "1 higher."
    assert program_sentences.conditions([(first, steady), (second, steady)]) == ["Steady."]
    assert program_sentences.conditions(
        [(first, steady), (second, alike), (third, steady), (third, steady)]
    ) == [
        "A and C: Steady.",
        "B: Alike.",
    ]
    assert program_sentences.conditions([(first, effect())]) == []


def test_what_plain_comparisons_are_worth_is_said_once_where_one_stands_beside_an_effect() -> None:
    with_both = dataclasses.replace(
        binary([(5, 10)]), effects=(effect(), effect(model="naive", question="none"))
    )
    without = dataclasses.replace(with_both, effects=with_both.effects[:1])
    alone = dataclasses.replace(with_both, effects=with_both.effects[1:])
    assert len(program_sentences.on_plain_comparisons([with_both, with_both])) == 1
    assert program_sentences.on_plain_comparisons([without, alone]) == []


def test_a_naive_figure_alone_is_never_told_as_the_programs_effect() -> None:
    alone = (effect(model="naive", question="none"),)
    assert program_sentences.program_message(dataclasses.replace(binary([(5, 10)]), effects=alone)) is None


@pytest.mark.parametrize(("without", "told"), [((0.9, 1.1), False), ((1.05, 1.3), True)])
def test_no_effect_on_a_geometric_mean_is_a_ratio_of_one(without: tuple[float, float], told: bool) -> None:
    times = {"measure": "ratio", "question": "policy", "model": "mixed", "estimand": "marginal"}
    trend = effect(term="trend", value=1.3, lower=1.1, upper=1.5, words="Y: 1.3 times as much.", **times)
    low, high = without
    plain = effect(term="average", value=(low + high) / 2, lower=low, upper=high, words="Y: plain.", **times)
    said = program_sentences.program_message(dataclasses.replace(binary([(5, 10)]), effects=(trend, plain)))
    assert said is not None
    assert said.startswith("1.3 times as much.") == told


def test_what_a_program_did_is_said_in_a_line_for_all_outcomes() -> None:
    """A director reads one line; each outcome's estimate and condition stand below it."""
    points = {"measure": "risk_difference", "question": "policy", "model": "mixed", "estimand": "marginal"}

    def outcome(label: str, *effects: Effect) -> Outcome:
        return dataclasses.replace(binary([(5, 10)]), label=label, effects=effects)

    def led(low: float, high: float) -> Effect:
        return effect(term="average", value=(low + high) / 2, lower=low, upper=high, words="Y: so.", **points)

    before = effect(
        measure="test", term="before", value=None, question="none", p=0.004, words="Changing before."
    )
    apart = effect(question="whole_clinics", words="Y: in clinics with the program, higher.")
    outcomes = [
        outcome("Screened", led(2.0, 6.0)),
        outcome("Vaccinated", led(1.0, 9.0)),
        outcome("Fell", led(-5.0, -1.0)),
        outcome("Weight", dataclasses.replace(led(-1.0, 3.0), term="trend"), led(0.5, 2.0)),
        outcome("Score", led(-1.0, 3.0)),
        outcome("Days", led(2.0, 6.0), before),
        outcome("Calls", apart),
        outcome("Tests a month"),
    ]
    assert program_sentences.in_short(outcomes) == [
        "Under the program, by the estimates below, higher: Screened and Vaccinated; lower: Fell; "
        "higher only if clinics would otherwise have moved in parallel: Weight; neither shown nor ruled out: "
        "Score; cannot be told: Days and Calls."
    ]
    assert program_sentences.in_short(outcomes[:2]) == []
    assert program_sentences.in_short([outcome(each, apart) for each in ("Calls", "Falls", "Days")]) == []


def test_what_effects_are_effects_of_is_said_once() -> None:
    whole = "if everyone were under the program, compared with no one, over all clinics and patients"
    when = "on average over the first 15 months since the start"
    first = f"1.6 points higher, {when}, {whole} (95% interval 1 to 2)."
    second = f"2.5 mmHg lower, {when}, {whole} (95% interval 1 to 4)."
    plain = f"2.5 mmHg lower {whole} (95% interval 1 to 4)."
    other = "Not estimated. It started everywhere at once."
    meaning, left = program_sentences.said_once([first, other, second])
    assert meaning == f"Each effect: on average over the first 15 months since the start, {whole}."
    assert left == [
        "1.6 points higher (95% interval 1 to 2).",
        other,
        "2.5 mmHg lower (95% interval 1 to 4).",
    ]
    meaning, left = program_sentences.said_once([plain, plain])
    assert (meaning, left[1]) == (f"Each effect: {whole}.", "2.5 mmHg lower (95% interval 1 to 4).")
    of_four = "over the 4 clinics of which every month may be shown and their patients"
    shown = plain.replace("over all clinics and patients", of_four)
    assert shown != plain
    meaning, left = program_sentences.said_once([plain, plain, shown])
    assert (meaning, left[2]) == (f"Unless another is said, each effect: {whole}.", shown)
    assert program_sentences.said_once([first, plain]) == ("", [first, plain])
    assert program_sentences.said_once([first, other]) == ("", [first, other])


@pytest.mark.parametrize(("sign", "side"), [(1.0, "Higher"), (-1.0, "Lower")])
def test_an_effect_that_shows_only_without_a_trend_has_a_sign(sign: float, side: str) -> None:
    """It had none, before an interval of 1.3 to 4.9 for clinics that would otherwise move in parallel."""
    points = {"measure": "risk_difference", "unit": "percentage points", "question": "policy"}
    ends = sorted((-0.3 * sign, 7.1 * sign))
    words = "Y: an effect is neither shown nor ruled out. Between so and so."
    trend = effect(term="trend", value=3.4 * sign, lower=ends[0], upper=ends[1], words=words, **points)
    ends = sorted((1.3 * sign, 4.9 * sign))
    plain = effect(term="cohorts", value=3.1 * sign, lower=ends[0], upper=ends[1], words="Y: so.", **points)
    outcome = dataclasses.replace(binary([(5, 10)]), effects=(trend, plain))
    said = program_sentences.program_message(outcome)
    condition = "only if clinics would otherwise have moved in parallel."
    assert said == f"{side} {condition} Between so and so."
