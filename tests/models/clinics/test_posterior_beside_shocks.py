"""Clinic effects of counts and yes/no outcomes beside shocks of known size."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tasks.models import GlmmFit, glmm, shrink
from tasks.models.clinics.posterior_beside_shocks import BesideShocks

CLINICS, ROWS = 60, 60
BETWEEN, ADDED = 0.3, 0.3


def counts(rng: np.random.Generator, added: float, rate: float = 1.0) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows of clinics with an effect and a shock each, and the log rates that shocks come to on average."""
    level = np.log(rate) + rng.normal(0.0, BETWEEN, CLINICS)
    shock = rng.normal(0.0, added, CLINICS)
    clinic = np.repeat(np.arange(CLINICS), ROWS)
    frame = pd.DataFrame(
        {"clinic": [f"c{each:02}" for each in clinic], "y": rng.poisson(np.exp(level + shock)[clinic])}
    )
    return frame, level + 0.5 * added**2


def beside(fit: GlmmFit, added: float) -> BesideShocks:
    return BesideShocks(fit, {f"c{each:02}": added**2 for each in range(CLINICS)})


@pytest.mark.before_release
@pytest.mark.slow
def test_clinics_intervals_miss_the_truth_as_often_on_either_side() -> None:
    """Shocks as large as differences. With rows that count for less 8% of clinics lay above, and 2% below."""
    rng = np.random.default_rng(31)
    above, below = [], []
    for _ in range(16):
        frame, truth = counts(rng, ADDED)
        fit = glmm("y ~ 1 + (1 | clinic)", frame, family="poisson")
        found = shrink(fit, "clinic", beside=beside(fit, ADDED))
        ends = found.overall + found.table[["level_lower", "level_upper"]].to_numpy()
        above.append(np.mean(truth > ends[:, 1]))
        below.append(np.mean(truth < ends[:, 0]))
    assert np.mean(above) + np.mean(below) <= 0.07
    assert abs(np.mean(above) - np.mean(below)) <= 0.02


def test_with_many_events_they_are_those_of_normal_figures() -> None:
    """Given τ, of an own log rate b with variance v + 1/events: bτ²/(τ² + v + 1/events)."""
    frame, _ = counts(np.random.default_rng(22), ADDED, rate=300.0)
    fit = glmm("y ~ 1 + (1 | clinic)", frame, family="poisson")
    found = shrink(fit, "clinic", beside=beside(fit, ADDED))
    events = frame.groupby("clinic")["y"].sum().to_numpy()
    variance = ADDED**2 + 1.0 / events
    own = np.log(events / ROWS)
    for node in found.posterior.nodes:
        total = node.sd_between**2 + variance
        centre = np.sum(own / total) / np.sum(1.0 / total)
        assert node.mean == pytest.approx(node.sd_between**2 / total * (own - centre), abs=0.002)
        assert node.sd**2 == pytest.approx(node.sd_between**2 * variance / total, rel=0.01, abs=1e-9)
        assert found.overall + node.typical == pytest.approx(centre + 0.5 * ADDED**2, abs=0.002)


def test_without_shocks_they_are_what_they_are() -> None:
    rng = np.random.default_rng(23)
    frame, _ = counts(rng, 0.0)
    frame["y"] = (frame["y"] > 0).astype(int)
    fit = glmm("y ~ 1 + (1 | clinic)", frame, family="binomial")
    plain, found = shrink(fit, "clinic"), shrink(fit, "clinic", beside=beside(fit, 0.0))
    for column in ("mean", "sd", "level_lower", "level_upper"):
        assert found.table[column].to_numpy() == pytest.approx(plain.table[column].to_numpy(), abs=0.01)
