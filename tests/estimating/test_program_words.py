from __future__ import annotations

from reports.wording.notation import effect_notation
from tasks.estimating.program_words import narrower, sentence


def test_a_difference_of_percentages_is_in_percentage_points() -> None:
    """0.268% of a percentage would be another number: 62.3% and 62.568% are 0.268 points apart."""
    said = sentence("Time in range", "patient", "difference", "%", 0.268, 0.1, 0.4)
    assert said.startswith("Time in range: 0.27 percentage points higher")
    assert " %" not in said
    one = sentence("Seen", "policy", "risk_difference", "", -1.04, -13.6, 11.1)
    assert one.startswith("Seen: 1 percentage point lower")
    assert "0.27 mmHg higher" in sentence("SBP", "patient", "difference", "mmHg", 0.268, 0.1, 0.4)


def test_what_the_interval_would_be_without_a_trend_has_the_side_of_each_end() -> None:
    assert narrower("difference", 0.4, -0.24, 1.05).endswith("the 95% interval is 0.24 lower to 1.05 higher.")
    assert narrower("difference", -11.7, -20.4, -3.06).endswith("the 95% interval is 3.1 to 20.4 lower.")
    assert narrower("rate_ratio", 1.0, 0.8, 1.3).endswith("the 95% interval is 0.80 to 1.30.")


def test_a_sentence_is_rounded_once_from_the_figure_that_is_published() -> None:
    """1.0349996 is published as 1.035, which a table writes 1.03 (its double is just below) and no 1.04."""
    said = sentence("Y", "policy", "rate_ratio", "", 1.0349996, 1.0049996, 1.06501)
    table = effect_notation(1.035, 1.005, 1.065, ratio=True).full(1.035, 1.005, 1.065)
    assert table == "1.03 (1.00 to 1.06)"
    assert "rate 1.03 times as high" in said
    assert "95% interval 1.00 to 1.06" in said
    difference = sentence("Y", "policy", "risk_difference", "", 9.8149, 7.8751, 11.7502)
    assert difference.startswith("Y: 9.8 percentage points higher")
    assert "95% interval 7.9 to 11.8)" in difference
