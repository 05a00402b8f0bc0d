"""What is expected of a clinic's records, whatever they hold."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from tasks.models import glmm, shrink


def test_without_adjusters_it_is_arithmetic() -> None:
    """30 of 300 events: 100 records are expected to have 10, and tell np(1 − p) at the typical clinic."""
    events = [[1] * n + [0] * (size - n) for n, size in ((4, 100), (10, 150), (16, 50))]
    data = pd.DataFrame({"clinic": np.repeat(["a", "b", "c"], [100, 150, 50]), "y": np.concatenate(events)})
    fit = glmm("y ~ 1 + (1 | clinic)", data, family="binomial")
    table = shrink(fit).table
    assert table["expected_events"].to_numpy() == pytest.approx([10.0, 15.0, 5.0])
    typical = special.expit(fit.coef.iloc[0])
    information = np.array([100, 150, 50]) * typical * (1 - typical)
    assert table["expected_sd"].to_numpy() == pytest.approx(1 / np.sqrt(information))
    variance = fit.varcomp.variance("clinic").iloc[0]
    assert table["reliability"].to_numpy() == pytest.approx(variance / (variance + 1 / information))


def test_adjusters_move_what_is_expected() -> None:
    """Two clinics of one size: the one with the older patients is expected to have more, and has not."""
    rng = np.random.default_rng(2)
    old = np.concatenate([np.ones(300), np.zeros(300), rng.integers(0, 2, 3000)])
    clinic = np.concatenate([np.repeat("old", 300), np.repeat("young", 300), np.repeat(list("abcdef"), 500)])
    y = (rng.random(len(old)) < 0.05 + 0.2 * old).astype(int)
    table = shrink(glmm("y ~ old + (1 | clinic)", pd.DataFrame({"clinic": clinic, "old": old, "y": y}))).table
    assert table.loc["old", "expected_events"] > 2.5 * table.loc["young", "expected_events"]
    assert table["expected_events"].sum() == pytest.approx(y.sum())


def test_overdispersed_counts_tell_less() -> None:
    """Σ μ/(1 + μ/k) for Σ μ."""
    rng = np.random.default_rng(3)
    clinic = np.repeat(np.arange(12), 60)
    data = pd.DataFrame({"clinic": clinic, "y": rng.negative_binomial(2.0, 2.0 / (2.0 + 5.0), len(clinic))})
    plain, over = (
        shrink(glmm("y ~ 1 + (1 | clinic)", data, family=family)).table
        for family in ("poisson", "negative-binomial")
    )
    assert over["expected_events"].to_numpy() == pytest.approx(plain["expected_events"].to_numpy(), rel=1e-6)
    assert (over["expected_sd"] > 1.5 * plain["expected_sd"]).all()


@pytest.mark.slow
def test_few_bad_events_can_be_good_news() -> None:
    """50 clinics of 350 records, 4% events: both sides are found, and hardly anybody is on the wrong one.

    The sides are those of these clinics' mean, and a flag's probability allows 2.5% to be wrong.
    """
    found, wrong = np.zeros(2), 0
    for seed in range(6):
        rng = np.random.default_rng([41, seed])
        effect = rng.normal(0.0, 0.6, 50)
        clinic = np.repeat(np.arange(50), 350)
        y = (rng.random(len(clinic)) < special.expit(special.logit(0.04) + effect[clinic])).astype(int)
        table = shrink(glmm("y ~ 1 + (1 | clinic)", pd.DataFrame({"clinic": clinic, "y": y}))).table
        assert ((table["expected_events"] >= 11) & (table["reliability"] >= 0.7)).all()
        better, worse = table["p_above"] < 0.025, table["p_above"] > 0.975
        found += [better.sum(), worse.sum()]
        wrong += int((better.to_numpy() & (effect > 0)).sum() + (worse.to_numpy() & (effect < 0)).sum())
    assert found[0] / 6 > 4
    assert found[1] / 6 > 6
    assert wrong <= 0.025 * found.sum()


def test_events_that_no_typical_clinic_would_have_by_hand() -> None:
    """A clinic of 20 records with 9 events where others have 2%: P(9 or more | Poisson(20 × typical))."""
    clinic = np.repeat(np.arange(31), [20] + [200] * 30)
    y = np.zeros(len(clinic), dtype=int)
    y[:9] = 1
    for j in range(1, 31):
        y[np.flatnonzero(clinic == j)[: 2 + j % 5]] = 1
    fit = glmm("y ~ 1 + (1 | clinic)", pd.DataFrame({"clinic": clinic, "y": y}))
    mean = 20 * special.expit(float(fit.coef["(Intercept)"]))
    table = shrink(fit).table
    assert table["own_tail"].iloc[0] == pytest.approx(stats.poisson.sf(8, mean), rel=1e-6)
    few = 200 * special.expit(float(fit.coef["(Intercept)"]))
    assert table["own_tail"].iloc[5] == pytest.approx(stats.poisson.cdf(2, few), rel=1e-6)
    assert table["expected_events"].iloc[0] < 1


@pytest.mark.before_release
@pytest.mark.slow
def test_small_clinics_beyond_doubt_are_hardly_ever_wrong() -> None:
    """Of clinics with 1 to 10 expected events, far fewer than 0.1% are told on the wrong side."""
    told, wrong, small = 0, 0, 0
    for seed in range(60):
        rng = np.random.default_rng([42, seed])
        sizes = np.round(np.geomspace(15, 1500, 60)).astype(int)
        effect, clinic = rng.normal(0.0, 0.7, 60), np.repeat(np.arange(60), sizes)
        y = (rng.random(len(clinic)) < special.expit(special.logit(0.04) + effect[clinic])).astype(int)
        table = shrink(glmm("y ~ 1 + (1 | clinic)", pd.DataFrame({"clinic": clinic, "y": y}))).table
        few = (table["expected_events"] < 11).to_numpy()
        above, below = table["p_above"] > 0.999, table["p_above"] < 0.001
        sure = (table["own_tail"] < 0.001).to_numpy() & few
        apart = effect - effect.mean()
        told += int((sure & (above | below)).sum())
        wrong += int((sure & above & (apart < 0)).sum() + (sure & below & (apart > 0)).sum())
        small += int(few.sum())
    assert small > 1_500
    assert told > 30
    assert wrong <= 0.001 * small
