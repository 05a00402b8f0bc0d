"""The intervals of shares of counts that regions and their clinics have in common."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import optimize

from tasks.models import glmm, icc
from tasks.models.generalized_mixed.glmm_cells import ArrangedCells
from tasks.models.generalized_mixed.outcome_scale import count_scale, count_share
from tasks.models.numerics.profile_interval import allowed_fall
from tasks.records import cells_for


def network(seed: int, regions: int = 8, sds: tuple[float, float] = (0.4, 0.5)) -> pd.DataFrame:
    """Gamma-Poisson counts of 20 patients in each of six clinics a region."""
    rng = np.random.default_rng(seed)
    region, clinic = np.repeat(np.arange(regions), 120), np.repeat(np.arange(6 * regions), 20)
    logs = 1.0 + rng.normal(0.0, sds[0], regions)[region] + rng.normal(0.0, sds[1], 6 * regions)[clinic]
    counts = rng.poisson(np.exp(logs) * rng.gamma(1.5, 1.0 / 1.5, clinic.size))
    return pd.DataFrame({"region": region, "clinic": clinic, "days": counts})


@pytest.mark.slow
def test_the_best_likelihood_with_that_share_has_fallen_by_as_much_as_is_allowed() -> None:
    """By a search over variances and intercepts for each share, the dispersion what it leaves."""
    data = network(7)
    fit = glmm("days ~ 1 + (1 | region/clinic)", data, family="negative-binomial")
    found = icc("days", data, groups="region/clinic", kind="count", family="negative-binomial")
    design, cells = cells_for("days ~ 1 + (1 | region/clinic)", data, collapse=False)
    likelihood = ArrangedCells.of(design, cells, "negative-binomial").grouped()
    order = [term.group for term in fit.loadings]
    own = float(sum(fit.varcomp.variance(name).iloc[0] for name in order))
    mean = count_scale(fit.typical, own).mean

    def fall(wanted: float, depth: int) -> float:
        def lost(at: np.ndarray) -> float:
            variances = dict(zip(("region", "clinic:region"), np.exp(2.0 * at[:2]), strict=True))
            whole = sum(variances.values())
            shared = variances["region"] if depth == 0 else whole
            dispersion = (math.expm1(shared) / wanted - math.expm1(whole) - 1.0 / mean) / math.exp(whole)
            if dispersion <= 0.0 or max(at[:2]) > 2.0:
                return math.inf
            theta = [math.sqrt(variances[name]) for name in order]
            return -likelihood.evaluate(np.array([*theta, at[2], -math.log(dispersion)]), 1).value

        variances = [float(fit.varcomp.variance(name).iloc[0]) for name in ("region", "clinic:region")]
        begin = [*(0.5 * math.log(each) for each in variances), float(fit.coef.iloc[0])]
        if depth == 0:  # a share other than the fit's, its own dispersion kept to begin with
            begin[0] += 0.5 * math.log(wanted / found.levels["correlation"].iloc[0])
        options = {"xatol": 1e-5, "fatol": 1e-8, "maxiter": 4_000}
        best = optimize.minimize(lost, begin, method="Nelder-Mead", options=options)
        return float(fit.loglik or math.nan) + float(best.fun)

    for depth, groups in ((0, 8), (1, 48)):
        for end in found.levels.iloc[depth][["lower", "upper"]]:
            if end > 0.0:
                assert fall(float(end), depth) == pytest.approx(allowed_fall(0.95, groups), rel=5e-3)


@pytest.mark.slow
def test_regions_that_may_be_alike_share_nothing_at_least() -> None:
    found = icc(
        "days", network(3, sds=(0.0, 0.5)), groups="region/clinic", kind="count", family="negative-binomial"
    )
    assert found.levels["lower"].iloc[0] == 0.0
    assert found.levels["upper"].iloc[0] > 0.01
    assert found.interval == "profile"


@pytest.mark.parametrize("method", ["latent", "observed"])
def test_shares_of_events_hold_their_estimates(method: str) -> None:
    data = network(5).assign(long=lambda each: (each["days"] > 2).astype(int))
    levels = icc("long", data, groups="region/clinic", kind="binary", method=method).levels
    assert (levels["lower"] < levels["correlation"]).all()
    assert (levels["correlation"] < levels["upper"]).all()


def test_a_share_of_counts_is_that_of_their_moments() -> None:
    scale = count_scale(0.7, 0.3, 0.4, dispersion=0.8)
    assert count_share(scale.mean, 0.3, 0.7, 0.8) == pytest.approx(scale.icc, rel=1e-12)
    assert count_share(2.0, 5_000.0, 5_000.0, 0.5) == pytest.approx(1.0 / 1.5)
