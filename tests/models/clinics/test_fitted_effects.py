"""A clinic's effect by its own records alone."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
import pytest
from scipy import special

from tasks.models import glmm, shrink


@pytest.mark.parametrize("family", ["binomial", "poisson"])
def test_an_own_effect_gives_the_events_that_there_were(family: str) -> None:
    """A mode over its weight went beyond: 12.8% of a clinic became 19.1%, adjusted for months alone."""
    rng = np.random.default_rng(4)
    clinic, month = np.repeat(np.arange(12), 480), np.tile(np.arange(12), 480)
    chance = np.where(clinic == 11, 0.14, 0.05)
    draw = rng.poisson if family == "poisson" else functools.partial(rng.binomial, 1)
    data = pd.DataFrame({"clinic": clinic, "month": month.astype(str), "event": draw(chance)})
    fit = glmm("event ~ C(month) + (1 | clinic)", data, family=family)
    table = shrink(fit, "clinic").table
    inverse = special.expit if family == "binomial" else np.exp
    design, cells = fit.cells()
    eta = cells.offset + cells.fixed @ fit.coef.loc[list(design.fixed)].to_numpy()
    size = cells.trials if family == "binomial" else cells.weight
    level = cells.codes[:, 0]
    place = table.index.get_indexer(pd.Index(cells.levels[0]).astype(table.index.dtype))
    at = inverse(eta + table["fitted_own"].to_numpy()[place[level]])
    expected = np.bincount(place[level], size * at, minlength=12)
    assert expected == pytest.approx(np.bincount(place[level], cells.total, minlength=12), rel=1e-9)
    # Poisson's information is the events, a binomial's less their share
    kept = 1.0 - at if family == "binomial" else np.ones_like(at)
    information = np.bincount(place[level], size * at * kept, minlength=12)
    assert table["fitted_own_sd"].to_numpy() == pytest.approx(1.0 / np.sqrt(information), rel=1e-9)


def test_a_clinic_without_events_keeps_the_effect_of_a_likelihood_as_curved_as_its_estimate() -> None:
    data = pd.DataFrame({"clinic": np.repeat(np.arange(8), 100), "event": 0})
    data.loc[data.index % 100 < 4 * data["clinic"], "event"] = 1
    table = shrink(glmm("event ~ 1 + (1 | clinic)", data, family="binomial"), "clinic").table
    first = table.iloc[0]
    assert first["fitted_own"] == first["own"]
    assert np.isfinite(first["fitted_own"])
