from __future__ import annotations

from reports.wording.notation import effect_notation
from tasks.estimating.program_words import narrower, sentence


def test_a_difference_of_percentages_is_in_percentage_points() -> None:
    """0.268% of a percentage would be another number: 62.3% and 62.568% are 0.268 points apart."""
    said = sentence("Time in range", "patient", "difference", "%", 0.268, 0.1, 0.4)
    assert said.startswith("Time in range: 0.27 percentage points higher")
    assert " %" not in said
    one = sentence("Seen", "policy", "risk_difference", "", -1.04, -13.6, 11.1)
    assert one.startswith(
        "Seen: an effect is neither shown nor ruled out. Between 14 percentage points lower and 11 higher"
    )
    assert one.endswith("(95% interval; best estimate 1 lower).")
    assert sentence("Seen", "policy", "risk_difference", "", -1.04, -1.6, -0.5).startswith(
        "Seen: 1.04 percentage"
    )
    assert "0.27 mmHg higher" in sentence("SBP", "patient", "difference", "mmHg", 0.268, 0.1, 0.4)


def test_without_a_trend_the_estimate_stands_with_its_interval() -> None:
    """An interval of 7.9 to 11.8 stood beside an estimate of 8.9, and was of another: 9.9."""
    assert narrower("risk_difference", "percentage points", 9.861, 7.885, 11.79) == (
        "If clinics that started early and late would otherwise have moved in parallel: 9.9 percentage "
        "points higher (95% interval 7.9 to 11.8)."
    )
    around = narrower("difference", "points", 0.4, -0.24, 1.05)
    assert around.endswith(
        ": 0.40 points higher (95% interval 0.24 lower to 1.05 higher; there may be no difference)."
    )
    assert narrower("difference", "mmHg", -11.7, -20.4, -3.06).endswith(
        ": 11.7 mmHg lower (95% interval 3.1 to 20.4)."
    )
    ratio = narrower("rate_ratio", "", 1.0, 0.8, 1.3)
    assert ": rate 0% higher (95% interval 20 lower to 30 higher; there may be no difference)" in ratio


def test_a_sentence_is_rounded_once_from_the_figure_that_is_published() -> None:
    """1.0349996 is published as 1.035, which a table writes 1.03 (its double is just below) and no 1.04."""
    said = sentence("Y", "policy", "odds_ratio", "", 1.0349996, 1.0049996, 1.06501)
    table = effect_notation(1.035, 1.005, 1.065, ratio=True).full(1.035, 1.005, 1.065)
    assert table == "1.03 (1.00 to 1.06)"
    assert "odds 1.03 times as high" in said
    assert "95% interval 1.00 to 1.06" in said
    difference = sentence("Y", "policy", "risk_difference", "", 9.8149, 7.8751, 11.7502)
    assert difference.startswith("Y: 9.8 percentage points higher")
    assert "95% interval 7.9 to 11.8)" in difference


def test_a_ratio_of_means_or_rates_near_one_is_a_change_in_per_cent() -> None:
    told = sentence("Wait", "policy", "ratio", "", 1.04, 0.98, 1.1)
    assert told.startswith(
        "Wait: an effect is neither shown nor ruled out. Between 2% lower and 10% higher if everyone"
    )
    assert told.endswith("(95% interval; best estimate 4 higher).")
    assert sentence("Wait", "policy", "ratio", "", 1.04, 1.01, 1.1).startswith("Wait: 4% higher ")
    fewer = sentence("Falls", "policy", "rate_ratio", "", 0.9, 0.8, 0.97)
    assert fewer.startswith("Falls: rate 10% lower ")
    assert "(95% interval 3 to 20)" in fewer
    narrow = sentence("Falls", "policy", "rate_ratio", "", 0.997, 0.991, 1.003)
    assert "Between a rate 0.9% lower and 0.3% higher" in narrow


def test_far_from_one_it_stays_a_ratio_and_so_do_odds_and_risks() -> None:
    """Per cent of a percentage would be taken for percentage points, and 150% higher for 1.5 times."""
    assert "rate 2.50 times as high" in sentence("Falls", "policy", "rate_ratio", "", 2.5, 2.1, 2.9)
    wide = sentence("Falls", "policy", "rate_ratio", "", 1.5, 0.9, 2.3)
    assert "an effect is neither shown nor ruled out. Between 0.90 and 2.30 times the rate" in wide
    assert wide.endswith("(95% interval; best estimate 1.50).")
    for measure, word in (("odds_ratio", "odds"), ("risk_ratio", "risk")):
        assert f"{word} 1.04 times as high" in sentence("Seen", "patient", measure, "", 1.04, 1.01, 1.1)
        assert f"0.98 and 1.10 times the {word}" in sentence("Seen", "patient", measure, "", 1.04, 0.98, 1.1)


def test_a_difference_between_whole_clinics_is_not_called_an_effect() -> None:
    said = sentence("Seen", "whole_clinics", "difference", "points", -4.8, -10.0, 0.4)
    assert said.startswith(
        "Seen: a difference is neither shown nor ruled out. Between 10.0 points lower and 0.4 higher"
    )


def test_months_before_the_start_have_no_effect_that_could_be_shown() -> None:
    said = sentence(
        "Seen", "patient", "odds_ratio", "", 1.0, 0.8, 1.2, "1 month before the start", before=True
    )
    assert said.startswith("Seen: a difference is neither shown nor ruled out. Between 0.80 and 1.20 times")
