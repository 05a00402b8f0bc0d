from __future__ import annotations

from tasks.estimating.program_words import condition, sentence


def test_a_difference_of_percentages_is_in_percentage_points() -> None:
    """0.268% of a percentage would be another number: 62.3% and 62.568% are 0.268 points apart."""
    said = sentence("Time in range", "patient", "difference", "%", 0.268, 0.1, 0.4)
    assert said.startswith("Time in range: 0.268 percentage points higher")
    assert " %" not in said
    assert "0.268 mmHg higher" in sentence("SBP", "patient", "difference", "mmHg", 0.268, 0.1, 0.4)


def test_a_condition_says_what_is_left_without_it() -> None:
    assert condition("difference", (-0.24, 1.05)).endswith("the 95% interval is 0.240 lower to 1.05 higher.")
    assert condition("difference", (-20.4, -3.06)).endswith("the 95% interval is 3.06 to 20.4 lower.")
    assert condition("rate_ratio", (0.8, 1.3)).endswith("the 95% interval is 0.800 to 1.30.")
    assert condition("difference", None).endswith("and it does as much in either.")
