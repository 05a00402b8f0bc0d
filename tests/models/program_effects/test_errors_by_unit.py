"""A program's errors: by which unit it came, what the model leaves out, and that few units cannot tell."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from benchmarks.program_worlds import World, roll_out
from scipy import stats

from tasks.models import LmmFit, glmm, program_effect
from tasks.models.program_effects.by_unit import linear_model, scores_by_unit
from tasks.models.program_effects.linearised import SmallSampleGlmm
from tasks.models.program_effects.rollout import rollout_declared
from tasks.models.program_effects.rollout_unit import unit_of

EFFECT = 0.3


def leading(world: World, seed: int, **asked: object) -> pd.Series:
    """The mixed model's row of a network."""
    data = roll_out(world, np.random.default_rng([seed, *world.name.encode()])).data
    table = program_effect("y ~ 1", data, effect="exposure-time", models=("mixed",), **asked).table  # type: ignore[arg-type]
    return table[table["model"] == "mixed"].iloc[0]


def held(world: World, networks: int, **asked: object) -> int:
    rows = [leading(world, seed, **asked) for seed in range(networks)]
    return sum(float(row["lower"]) <= EFFECT <= float(row["upper"]) for row in rows)


FAULTS = (
    (World(name="varies", clinics=8, records=40, effect_sd=0.3), "81% with one effect for all clinics"),
    (World(name="lasts", clinics=8, records=40, shock_sd=0.3, lasting=0.9), "87% by the model's own error"),
    (World(name="again", visits=6, patient_sd=1.0), "84% by the model's own error"),
)


@pytest.mark.before_release
@pytest.mark.slow
@pytest.mark.parametrize(("world", "before"), FAULTS, ids=[world.name for world, _ in FAULTS])
def test_intervals_hold_the_truth_where_they_did_not(world: World, before: str) -> None:
    """Of 60 intervals that hold 95%, 53 or more do in 98.6% of such trials; at 84% in 22%, at 81% in 9%."""
    assert held(world, 60) >= 53, before


@pytest.mark.before_release
@pytest.mark.slow
def test_regions_that_start_together_are_the_sample() -> None:
    """By clinic 85% of intervals hold the truth; of 30 that hold 95%, 26 or more do in 98% of such trials."""
    world = World(name="by 8 regions", regions=8, region_shock=0.15)
    assert held(world, 30, region="region") >= 26


def test_a_handful_of_regions_cannot_tell() -> None:
    data = roll_out(World(name="few", regions=6, region_shock=0.15), np.random.default_rng(1)).data
    found = program_effect("y ~ 1", data, region="region")
    assert found.unit.is_region and found.unit.are_too_few
    models = found.table[found.table["model"] != "naive"]
    assert (models["status"] == "not_estimable").all()
    assert models["reason"].str.contains("6 regions are too few").all()
    assert models["lower"].isna().all()


def test_regions_count_only_where_their_clinics_start_together() -> None:
    levels = (("a", "b", "c", "d"), ("2024-01", "2024-02", "2024-03"))
    codes = np.array([(k, t) for k in range(4) for t in range(3)])
    regions = {"a": "N", "b": "N", "c": "S", "d": "S"}

    def unit(**starts: str) -> str:
        rollout = rollout_declared(levels, codes, np.ones(12), "program", starts)
        return unit_of(rollout, "clinic", "region", regions).name

    assert unit(a="2024-02", b="2024-02", c="2024-03", d="2024-03") == "region"
    assert unit(a="2024-02", b="2024-02") == "region"  # and the other never
    assert unit(a="2024-02", b="2024-03", c="2024-03", d="2024-03") == "clinic"
    assert unit(a="2024-02", b="2024-02", c="2024-02", d="2024-02") == "clinic"  # everywhere at once


@pytest.fixture(scope="module")
def mixed() -> LmmFit:
    data = roll_out(World(name="sums", effect_sd=0.2, shock_sd=0.2), np.random.default_rng(3)).data
    fit = program_effect("y ~ 1", data, effect="exposure-time", models=("mixed",)).fits["mixed"]
    assert isinstance(fit, LmmFit)
    return fit


def test_the_units_information_adds_up_to_the_models(mixed: LmmFit) -> None:
    """Σ X_i'V_i⁻¹X_i is the inverse of the coefficients' covariance, and the scores sum to nothing."""
    scores = scores_by_unit(mixed, np.arange(24))
    plain = mixed.inference.plain  # type: ignore[union-attr]
    np.testing.assert_allclose(scores.information.sum(axis=0), np.linalg.inv(plain), rtol=1e-6)
    size = np.sqrt(np.diag(scores.information.sum(axis=0)))
    assert np.abs(scores.score.sum(axis=0) / size).max() < 1e-6


def test_one_units_information_is_the_matrix_formulas(mixed: LmmFit) -> None:
    """X'V⁻¹X of the first clinic, with V written out row by row."""
    data = roll_out(World(name="sums", effect_sd=0.2, shock_sd=0.2), np.random.default_rng(3)).data
    own = data[data["clinic"] == "c000"].reset_index(drop=True)
    start = int(own.loc[own["program"] == 1, "month"].min()[-2:])
    month = own["month"].str[-2:].astype(int)
    columns = {
        "(Intercept)": np.ones(len(own)),
        "program_share": np.full(len(own), own["program"].mean()),
        **{f"month2023-{m:02}": month == m for m in range(2, 13)},
        **{f"program{since}": month - start == since for since in range(12)},
    }
    x = np.column_stack([np.asarray(columns[name], dtype=float) for name in mixed.coef.index])
    variance = mixed.varcomp.variance("clinic")
    same_month = np.equal.outer(month.to_numpy(), month.to_numpy()).astype(float)
    program = own["program"].to_numpy(dtype=float)
    v = (
        mixed.sigma2 * np.eye(len(own))
        + float(mixed.varcomp.variance("month:clinic").iloc[0]) * same_month
        + variance["(Intercept)"]
        + variance["program"] * np.outer(program, program)
    )
    worked = x.T @ np.linalg.solve(v, x)
    found = scores_by_unit(mixed, np.arange(24)).information[0]
    np.testing.assert_allclose(found, worked, rtol=1e-8, atol=1e-8 * np.abs(worked).max())


def test_an_interval_is_the_wider_of_the_models_and_the_units() -> None:
    world = World(name="wider", clinics=8, records=20, shock_sd=0.3, lasting=0.9)
    data = roll_out(world, np.random.default_rng(2)).data
    found = program_effect("y ~ 1", data, effect="exposure-time", models=("mixed",))
    row = found.table[found.table["model"] == "mixed"].iloc[0]
    fit = found.fits["mixed"]
    names = [name for name in fit.coef.index if name.startswith("program") and name != "program_share"]
    weights = np.array([1.0 / len(names) if name in names else 0.0 for name in fit.coef.index])
    own_se = float(np.sqrt(weights @ fit.vcov.to_numpy() @ weights))
    by_clinic = scores_by_unit(linear_model(fit), np.arange(8))
    clinic_se = float(np.sqrt(weights @ by_clinic.covariance("kauermann-carroll") @ weights))
    reaches = (
        own_se * stats.t.ppf(0.975, fit.test(weights[None, :]).df),
        clinic_se * stats.t.ppf(0.975, by_clinic.degrees_of_freedom("kauermann-carroll", weights)),
    )
    assert (row["upper"] - row["lower"]) / 2.0 == pytest.approx(max(reaches), rel=1e-9)


def test_the_linear_likeness_is_at_the_maximum_of_the_model_itself() -> None:
    """Where cells are well filled its coefficients are Laplace's, and its errors no smaller."""
    world = World(name="likeness", kind="binary", clinics=10, records=200, level=-0.5, effect_sd=0.2)
    data = roll_out(world, np.random.default_rng(4)).data
    fit = program_effect("y ~ 1", data, family="binomial", models=("mixed",)).fits["mixed"]
    assert isinstance(fit, SmallSampleGlmm)
    likeness = fit.likeness
    np.testing.assert_allclose(likeness.coef[fit.coef.index], fit.coef, atol=0.02)
    for group in fit.varcomp:
        own, theirs = fit.varcomp.variance(group), likeness.varcomp.variance(group)
        np.testing.assert_allclose(np.sqrt(theirs), np.sqrt(own), atol=0.06)
    assert likeness.sigma2 == pytest.approx(1.0 / _mean_weight(data), rel=0.05)
    narrower = glmm(
        "y ~ month + program + share + (1 + program || clinic) + (1 | clinic:month)",
        data.assign(share=data.groupby("clinic")["program"].transform("mean")),
    )
    assert fit.se["program"] >= narrower.se["program"] * (1.0 - 1e-6)


def _mean_weight(data: pd.DataFrame) -> float:
    mean = data.groupby(["clinic", "month"])["y"].transform("mean")
    return float((mean * (1.0 - mean)).mean())


def test_clinics_that_take_the_program_up_early_may_be_better_ones() -> None:
    """Levels that go with the start are not the program's, and the test of that finds them."""
    data = roll_out(World(name="context", clinics=24, effect=0.0), np.random.default_rng(5)).data
    share = data.groupby("clinic")["program"].transform("mean")
    data["y"] += 4.0 * (share - share.mean())
    found = program_effect("y ~ 1", data, models=("mixed",))
    row = found.table[found.table["model"] == "mixed"].iloc[0]
    assert row["lower"] < 0.0 < row["upper"]
    assert found.context is not None and found.context.p < 0.001
    still = program_effect("y ~ 1", roll_out(World(name="context"), np.random.default_rng(6)).data)
    assert still.context is not None and still.context.p > 0.01


def test_a_trend_of_early_starters_is_allowed_for_where_it_is_asked() -> None:
    world = World(name="early", clinics=24, records=60, own_trend=0.1)
    common, own = leading(world, 1), leading(world, 1, own_trend=True)
    assert common["lower"] > EFFECT  # what early starters changed by anyway passes for the effect
    assert own["lower"] < EFFECT < own["upper"]
    assert own["upper"] - own["lower"] > 2.0 * (common["upper"] - common["lower"])
