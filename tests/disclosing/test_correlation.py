"""How much of the intraclass correlation may be told: small tables whose every possibility is worked by hand.

The policy withholds 1 to 4. Two clinics of 20 have 9 events together and show neither number: the first has
few, so 1 and 8, 2 and 7, 3 and 6, or 4 and 5 are all there is to choose from. By analysis of variance (Donner
& Koval 1980, eq. 2.1), with events y of n, Σn = N, Σy = Y and k clinics, a choice has the correlation

    (B − W) / (B + (m − 1) W)  with  B = (Σy²/n − Y²/N) / (k − 1),  W = (Y − Σy²/n) / (N − k),
                                     m = (N − Σn²/N) / (k − 1)
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from disclosing.both_steps import disclose

from tasks.disclosing import POLICIES
from tasks.disclosing.correlation import MOST_DIGITS, correlation_digits, volume_digits
from tasks.disclosing.counts import counts_of, events_of
from tests.disclosing.test_disclose import network

pytestmark = pytest.mark.attack

FEW = POLICIES["suppress-1-4"]


def digits(sizes: list[int], events: list[int], withheld: list[bool], *, binary: bool = True) -> int:
    n = np.array(sizes, dtype=float)
    none, nothing = np.empty((len(n), 0)), np.empty(0)
    counts = counts_of(FEW, np.array(events, dtype=float), none, nothing)
    if binary:
        counts = events_of(FEW, counts, counts_of(FEW, n, none, nothing))
    return correlation_digits(FEW, counts, n, np.array(withheld))


def test_a_correlation_that_every_choice_would_change_is_not_told() -> None:
    # three clinics of 20, the third with 10 events: Y = 19, N = 60, m = 20, and with S = 20 Σy²/n = Σy²
    #   1 + 8: S = 1 + 64 + 100 = 165   B = (165/20 − 361/60)/2 = 134/120   W = (19 − 165/20)/57 = 215/1140
    #   2 + 7: S = 4 + 49 + 100 = 153   B = 98/120                          W = 227/1140
    #   3 + 6: S = 9 + 36 + 100 = 145   B = 74/120                          W = 235/1140
    #   4 + 5: S = 16 + 25 + 100 = 141  B = 62/120                          W = 239/1140
    # correlations 0.197, 0.134, 0.091, 0.068: one digit, and the limits beside it, would do
    for few in (1, 2, 3, 4):
        assert digits([20, 20, 20], [few, 9 - few, 10], [True, True, False]) == 0


def test_one_that_most_choices_share_is_told_as_far_as_they_share_it() -> None:
    # with two clinics of 2,000 beside them, 200 and 1,000 events: 0.31502, 0.31403, 0.31336, 0.31303.
    # 0.313 would leave 3 and 4; 0.31 leaves 2, 3 and 4, a range of 2 where half of 1 to 4 is 1.5. The limits
    # and the design effect give about one digit more, so that one could be told; but nine figures with one
    # digit each tell more than one with two: none is
    assert digits([20, 20, 2000, 2000], [3, 6, 200, 1000], [True, True, False, False]) == 0
    # 0.32 is 1 and 8 alone
    assert digits([20, 20, 2000, 2000], [1, 8, 200, 1000], [True, True, False, False]) == 0


def test_of_three_withheld_clinics_one_digit_less_than_agrees_is_told() -> None:
    sizes, events = [20, 20, 20, 2000, 2000], [3, 6, 2, 200, 1000]
    assert digits(sizes, events, [True, True, True, False, False]) == 1


def test_a_volume_s_correlation_is_told_where_nothing_is_withheld_or_much() -> None:
    """Of three withheld months in three clinics it told which is the small one, of 285 ways to share them."""
    nothing = np.zeros((20, 12), dtype=bool)
    few, much, whole = nothing.copy(), nothing.copy(), np.zeros(20, dtype=bool)
    few[0, :3] = much[:10, :6] = True
    assert volume_digits(whole, nothing) == volume_digits(whole, much) == MOST_DIGITS
    assert volume_digits(whole, few) == 0
    assert volume_digits(np.arange(20) < 2, nothing) == 0  # two clinics of a year
    assert volume_digits(np.arange(20) < 5, nothing) == MOST_DIGITS


def test_counts_of_events_vary_within_clinics_as_poisson_has_it() -> None:
    # three exposures of 10, W = Y/N = 19/30 for every choice, m = 10, Σy²/n = S/10:
    #   B = (S/10 − 361/30)/2 = 134/60, 98/60, 74/60, 62/60
    # correlations 1.6/7.93, 1/7.33, 0.6/6.93, 0.4/6.73 = 0.202, 0.136, 0.087, 0.059
    for few in (1, 2, 3, 4):
        assert digits([10, 10, 10], [few, 9 - few, 10], [True, True, False], binary=False) == 0


def test_where_no_withheld_clinic_has_few_events_nothing_is_given_away() -> None:
    assert digits([20, 20, 20], [6, 8, 10], [True, True, False]) == MOST_DIGITS
    assert digits([20, 20, 20], [3, 8, 10], [False, False, False]) == MOST_DIGITS


def test_where_the_total_tells_the_number_anyway_the_correlation_tells_nothing_more() -> None:
    # 21 less 8 and 10: it is for secondary suppression to withhold another
    assert digits([20, 20, 20], [3, 8, 10], [True, False, False]) == MOST_DIGITS


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sizes", "events", "told"),
    [([20, 20, 20], [1, 8, 10], None), ([20, 20, 20, 2000, 2000, 2000], [3, 1, 2, 200, 1000, 500], 0.313)],
)
def test_the_release_tells_as_many_digits(sizes: list[int], events: list[int], told: float | None) -> None:
    tables = network([[n] for n in sizes], [[y] for y in events]).tables()
    figures = tables["network_figures"].set_index("figure")
    figures.loc["icc", "value"] = 0.31336
    after = disclose(
        FEW, tables | {"network_figures": figures.reset_index()[tables["network_figures"].columns]}
    )
    raw = after["clinic_estimates"].query("outcome == 'positive' and form == 'raw'")
    withheld = sum(size == 20 for size in sizes) if told else 2
    assert raw["numerator"].isna().tolist() == [True] * withheld + [False] * (len(sizes) - withheld)
    shown = after["network_figures"].set_index("figure")
    if told is None:
        assert shown.loc[["icc", "design_effect"], "value"].isna().all()
        assert set(shown.loc[["icc", "design_effect"], "status"]) == {"suppressed_secondary"}
    else:
        assert shown.loc["icc", "value"] == told
    assert pd.notna(shown.loc["mean", "value"])
