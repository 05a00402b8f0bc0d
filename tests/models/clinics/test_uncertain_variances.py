"""Clinics whose residual variances are their own, and not known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from tasks.models import lmm, ranks, shrink, with_own_variances
from tasks.models.clinics.clinic_posterior import ClinicPosterior, Node
from tasks.models.clinics.uncertain_variances import with_uncertain_variances
from tasks.models.linear_mixed.level_variances import LevelVariances
from tasks.records.moments import Moments

TAU = 0.6
OWN = np.array([1.4, -0.2, 0.9])
ROWS = np.array([5.0, 40.0, 12.0])
MODERATED = np.array([2.0, 1.0, 0.5])
DF = np.array([5.5, 42.0, 14.0])


@pytest.fixture
def posterior() -> ClinicPosterior:
    """Three clinics at one SD between clinics, the network's mean known."""
    variances = LevelVariances(
        "clinic", ("a", "b", "c"), ROWS, MODERATED, ROWS - 1.0, 1.0, DF[0] - ROWS[0] + 1.0, 9.0
    )
    object.__setattr__(variances, "own_df", DF - variances.prior_df)
    precision = 1.0 / MODERATED
    products = np.zeros((3, 2, 2))
    products[:, 0, 0] = ROWS * precision
    codes = np.arange(3)[:, None]
    moments = Moments(
        ("(Intercept)", "y"), np.zeros(2), products, ("clinic",), (("a", "b", "c"),), codes, precision
    )
    sampling = MODERATED / ROWS
    weight = TAU**2 / (TAU**2 + sampling)
    node = Node(1.0, TAU, 1.0, weight * OWN, TAU * np.sqrt(1.0 - weight), np.zeros((3, 1)))
    return ClinicPosterior(
        "clinic", ("a", "b", "c"), (with_uncertain_variances(node, variances, moments),), np.inf
    )


def _slowly(clinic: int, above: float) -> float:
    """P(effect > above) where the own mean has a t likelihood, integrated over the effect."""
    scale = np.sqrt(MODERATED[clinic] / ROWS[clinic])

    def density(effect: float) -> float:
        likelihood = stats.t.pdf((OWN[clinic] - effect) / scale, DF[clinic])
        return float(likelihood * stats.norm.pdf(effect, scale=TAU))

    whole = integrate.quad(density, -8.0, 8.0, points=[0.0, OWN[clinic]], epsabs=1e-13, limit=200)[0]
    return integrate.quad(density, above, 8.0, epsabs=1e-13, limit=200)[0] / whole


@pytest.mark.slow
def test_it_is_the_posterior_under_a_t_likelihood(posterior: ClinicPosterior) -> None:
    for above in (-0.5, 0.0, 0.4, 1.0):
        worked = [_slowly(clinic, above) for clinic in range(3)]
        np.testing.assert_allclose(
            posterior.probability_above(above), worked, atol=1e-5
        )  # what 32 nodes give


def test_draws_follow_it(posterior: ClinicPosterior) -> None:
    draws = posterior.draws(40_000, np.random.default_rng(5))
    np.testing.assert_allclose(draws.mean(axis=0), posterior.mean, atol=4.0 * 0.6 / 200.0)
    np.testing.assert_allclose((draws > 0.4).mean(axis=0), posterior.probability_above(0.4), atol=0.01)


@pytest.mark.slow
def test_few_erratic_records_are_no_first_place() -> None:
    """One clinic of 29 rows with four times the others' SD, whose mean chance put far out."""
    rng = np.random.default_rng(11)
    sizes = np.array([29, *rng.integers(60, 400, 24)])
    clinic = np.repeat(np.arange(25), sizes)
    spread = np.where(clinic == 0, 1.6, 0.37)
    effects = rng.normal(0.0, 0.12, 25)
    y = effects[clinic] + spread * rng.normal(size=len(clinic))
    y[clinic == 0] += -0.5 - y[clinic == 0].mean()
    pooled = lmm("y ~ 1 + (1 | clinic)", pd.DataFrame({"y": y, "clinic": [f"c{each:02}" for each in clinic]}))
    certain, uncertain = (
        ranks(shrink(fit), better="lower").table.loc["c00"] for fit in (pooled, with_own_variances(pooled))
    )
    assert certain["rank_upper"] == 1 and certain["p_top_tenth"] > 0.99
    assert uncertain["rank_lower"] == 1 and uncertain["rank_upper"] >= 15


@pytest.mark.before_release
@pytest.mark.slow
def test_the_noisiest_clinics_are_covered() -> None:
    rng = np.random.default_rng(7)
    covered: dict[str, list[bool]] = {"pooled": [], "own": []}
    squares: dict[str, list[float]] = {"pooled": [], "own": []}
    for _ in range(40):
        sizes = rng.integers(5, 120, 40)
        spread = np.sqrt(4.0 / rng.chisquare(4.0, 40))
        effects = rng.normal(0.0, 0.5, 40)
        clinic = np.repeat(np.arange(40), sizes)
        y = effects[clinic] + spread[clinic] * rng.normal(size=len(clinic))
        frame = pd.DataFrame({"y": y, "clinic": [f"c{each:02}" for each in clinic]})
        pooled = lmm("y ~ 1 + (1 | clinic)", frame)
        noisy = np.argsort(spread / np.sqrt(sizes))[-8:]
        for name, fit in (("pooled", pooled), ("own", with_own_variances(pooled))):
            table = shrink(fit).table
            inside = (table["lower"] <= effects) & (effects <= table["upper"])
            covered[name] += list(inside.to_numpy()[noisy])
            squares[name] += list((table["mean"].to_numpy() - effects) ** 2)
    # 320 clinics: the Monte Carlo SE of 95% is 1.2 points
    assert np.mean(covered["own"]) > 0.93
    assert np.mean(covered["pooled"]) < 0.90
    assert np.mean(squares["own"]) < np.mean(squares["pooled"])
