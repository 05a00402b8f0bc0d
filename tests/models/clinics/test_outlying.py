"""Clinics that are no draw of the others' distribution."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tasks.models import lmm, shrink
from tasks.models.clinics.outlying import few_far_out, outlying, predictive_p_values, rankability_of


def test_a_clinic_is_held_against_what_the_others_predict() -> None:
    """Twelve clinics of one size: the others' mean and SD, and a t of k − 3 degrees of freedom."""
    own = np.array([0.3, -0.5, 0.1, 0.8, -0.9, 0.4, -0.2, 0.6, -0.7, 0.0, 0.2, 4.0])
    p = predictive_p_values(own, np.full(12, 0.1))
    others = own[:-1]
    t = (own[-1] - others.mean()) / (others.std(ddof=1) * np.sqrt(1 + 1 / 11))
    assert p[-1] == pytest.approx(2 * stats.t.sf(t, 9), rel=1e-6)
    assert outlying(own, np.full(12, 0.1)).tolist() == [False] * 11 + [True]


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.0, 0.5, 2.0])
def test_normal_clinics_are_hardly_ever_called_outlying(spread: float) -> None:
    """Of 400 networks of 30 clinics without an outlier at most 5% have one, but for Monte Carlo error."""
    rng = np.random.default_rng([81, int(10 * spread)])
    sizes = np.geomspace(0.05, 1.5, 30)
    wrong = [outlying(rng.normal(0, spread, 30) + rng.normal(0, sizes), sizes).any() for _ in range(400)]
    assert np.mean(wrong) < 0.05 + 2 * np.sqrt(0.05 * 0.95 / 400)


def test_an_outlying_clinic_is_found() -> None:
    rng = np.random.default_rng(82)
    found = []
    for _ in range(100):
        own = rng.normal(0, 0.5, 30)
        own[0] = 4.0
        found.append(bool(outlying(own + rng.normal(0, 0.2, 30), np.full(30, 0.2))[0]))
    assert np.mean(found) > 0.9


def test_few_clinics_and_clinics_without_a_figure_are_none() -> None:
    assert not outlying(np.array([0.0] * 8 + [99.0]), np.ones(9)).any()
    own = np.array([0.0, 0.1, np.nan] * 5)
    assert np.isnan(predictive_p_values(own, np.ones(15))[2])


def test_rankability_of_clinics_by_their_own_effects() -> None:
    """Eleven clinics of one size: their variance is τ² + 0.1²."""
    own = np.array([0.3, -0.5, 0.1, 0.8, -0.9, 0.4, -0.2, 0.6, -0.7, 0.0, 0.2])
    between = own.var(ddof=1) - 0.1**2
    assert rankability_of(own, np.full(11, 0.1)) == pytest.approx(between / (between + 0.1**2))
    assert rankability_of(np.linspace(-0.1, 0.1, 20), np.full(20, 0.3)) == pytest.approx(0.0, abs=1e-12)
    assert rankability_of(np.array([np.nan]), np.ones(1)) == 0.0


def test_several_far_out_do_not_hide_one_another() -> None:
    """Three of 33: each by itself is no further than the two others make likely."""
    own = np.append(np.linspace(-0.2, 0.2, 30), [-1.6, 0.75, 0.85])
    sd = np.full(33, 0.125)
    assert outlying(own, sd).tolist() == [False] * 30 + [True, False, False]
    assert few_far_out(own, sd).tolist() == [False] * 30 + [True] * 3


def test_of_few_clinics_one_can_be_far_out_and_of_normal_ones_seldom_is() -> None:
    """Seven clinics at 50.5 were better than a mean that the eighth, at 59.5, had moved to 52."""
    assert few_far_out(np.append(np.full(7, 50.5), 59.5), np.full(8, 0.4)).tolist() == [False] * 7 + [True]
    assert not few_far_out(np.append(np.zeros(4), 99.0), np.ones(5)).any()
    rng = np.random.default_rng(84)
    sd = np.geomspace(0.1, 1.0, 8)
    wrong = [few_far_out(rng.normal(0, 1.0, 8) + rng.normal(0, sd), sd).any() for _ in range(400)]
    assert np.mean(wrong) < 0.02


@pytest.mark.before_release
@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.0, 0.5, 2.0])
def test_of_normal_clinics_few_networks_have_one_far_out(spread: float) -> None:
    rng = np.random.default_rng([83, int(10 * spread)])
    sizes = np.geomspace(0.05, 1.5, 30)
    wrong = [few_far_out(rng.normal(0, spread, 30) + rng.normal(0, sizes), sizes).any() for _ in range(200)]
    assert np.mean(wrong) < 0.05 + 2 * np.sqrt(0.05 * 0.95 / 200)


@pytest.mark.parametrize("seed", range(6))
def test_of_many_clinics_those_near_need_not_be_held_against_the_others(seed: int) -> None:
    """What is found is what all p-values by themselves find."""
    rng = np.random.default_rng(seed)
    own_sd = rng.uniform(0.02, 0.5, 60)
    own = rng.normal(0.0, 0.3, 60) + rng.normal(0.0, own_sd)
    own[: seed % 4] += 2.0 - 0.3 * seed
    p = np.sort(predictive_p_values(own, own_sd))
    passed = np.flatnonzero(p <= 0.05 * np.arange(1, 61) / 60)
    assert outlying(own, own_sd).sum() == (passed[-1] + 1 if len(passed) else 0)


def test_no_clinic_of_few_is_on_a_side_because_of_one_other() -> None:
    """Seven of eight are alike; the mean of all lies above them, and that of the others does not."""
    rng = np.random.default_rng(85)
    level = np.append(np.full(7, 50.0), 55.0)
    flagged, kept = [], []
    for _ in range(12):
        clinic = np.repeat(np.arange(8), 60)
        score = level[clinic] + rng.normal(0, 7.0, len(clinic))
        shrunken = shrink(lmm("score ~ 1 + (1 | clinic)", pd.DataFrame({"clinic": clinic, "score": score})))
        above = shrunken.sure_without_any_other().table
        flagged.append((shrunken.table["p_above"] < 0.025)[:7].sum())
        kept.append((above["p_above"] < 0.025)[:7].sum())
        assert above["p_above"].iloc[7] > 0.975
        sure = (above["p_above"] < 0.025) | (above["p_above"] > 0.975)
        apart = (above["apart_lower"] > 0.0) | (above["apart_upper"] < 0.0)
        assert (sure == apart).all()
    assert sum(flagged) > 5
    assert sum(kept) <= 1


def test_of_ten_clinics_and_more_those_far_out_are_looked_for_instead() -> None:
    rng = np.random.default_rng(86)
    data = pd.DataFrame({"clinic": np.repeat(np.arange(10), 30), "score": rng.normal(0, 1, 300)})
    shrunken = shrink(lmm("score ~ 1 + (1 | clinic)", data))
    assert shrunken.sure_without_any_other() is shrunken
