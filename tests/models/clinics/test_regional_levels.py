"""Clinics about their region's level: against dense algebra, and on networks whose truth is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tasks.models import glmm, lmm, shrink
from tasks.models.clinics.clinic_posterior import ClinicPosterior, Node
from tasks.models.clinics.regional_levels import with_regional_levels

REGIONS = np.array([0, 0, 0, 1, 1, 2, 2, 2])
SHARES = (np.arange(8) + 0.5) / 8


def one_sd(own: np.ndarray, variance: np.ndarray, between: float) -> ClinicPosterior:
    """The posterior of independent effects about 0, the SD between them known."""
    weight = between**2 / (between**2 + variance)
    node = Node(1.0, between, np.nan, weight * own, between * np.sqrt(1 - weight), np.zeros((len(own), 1)))
    return ClinicPosterior("clinic", tuple(range(len(own))), (node,), np.inf)


def dense(
    own: np.ndarray, variance: np.ndarray, between: float, share: float
) -> tuple[float, float, np.ndarray, np.ndarray]:
    """By matrices: log density (the average integrated over), the average, effects’ mean and covariance."""
    same = (REGIONS[:, None] == REGIONS[None, :]).astype(float)
    prior = between**2 * (share * same + (1 - share) * np.eye(len(own)))
    total = prior + np.diag(variance)
    inverse, one = np.linalg.inv(total), np.ones(len(own))
    information = float(one @ inverse @ one)
    centre = float(one @ inverse @ own) / information
    density = stats.multivariate_normal(np.full(len(own), centre), total).logpdf(own)
    mean = prior @ inverse @ (own - centre)
    return density - 0.5 * np.log(information), centre, mean, prior - prior @ inverse @ prior


def test_effects_are_those_of_the_nested_model_averaged_over_shares() -> None:
    rng = np.random.default_rng(3)
    variance = rng.uniform(0.05, 0.4, 8)
    own = rng.normal(0, 0.4, 3)[REGIONS] + rng.normal(0, np.sqrt(0.05 + variance))
    own = own - np.average(own, weights=1 / (0.25 + variance))  # about the average, as a fit leaves them
    found = with_regional_levels(one_sd(own, variance, 0.5), list(REGIONS))
    assert found is not None
    none = dense(own, variance, 0.5, 0.0)
    by_share = [dense(own, variance, 0.5, share) for share in SHARES]
    chances = np.exp([each[0] - none[0] for each in by_share])
    assert found.factor == pytest.approx(chances.mean())
    chances = chances / chances.sum()
    assert found.share.mean == pytest.approx(chances @ SHARES)
    # all shares of one eighth are alike, so that what lies below an end grows in a straight line there
    for end, tail in ((found.share.lower, 0.025), (found.share.upper, 0.975)):
        eighth = int(end * 8)
        assert chances[:eighth].sum() + (8 * end - eighth) * chances[eighth] == pytest.approx(tail)
    for node, chance, (_, centre, mean, covariance) in zip(
        found.posterior.nodes, chances, by_share, strict=True
    ):
        assert node.weight == pytest.approx(chance)
        assert node.typical == pytest.approx(centre)
        assert node.mean == pytest.approx(mean)
        assert np.diag(node.sd**2) + node.shared @ node.shared.T == pytest.approx(covariance, abs=1e-12)


def test_regions_that_are_alike_speak_against_a_level_of_theirs() -> None:
    variance, own = np.full(8, 0.01), np.array([0.5, -0.5, 0.0, 0.5, -0.5, 0.5, 0.0, -0.5])
    found = with_regional_levels(one_sd(own, variance, 0.5), list(REGIONS))
    assert found is not None
    assert found.factor < 1.0
    apart = np.array([0.5, 0.52, 0.48, -0.5, -0.5, 0.0, 0.02, -0.02])
    told = with_regional_levels(one_sd(apart, variance, 0.5), list(REGIONS))
    assert told is not None
    assert told.factor > 10.0


@pytest.mark.parametrize("regions", [[0, 0, 0, 0, 1, 1, 1, 1], list(range(8))])
def test_two_regions_and_regions_of_one_clinic_say_nothing(regions: list[int]) -> None:
    assert with_regional_levels(one_sd(np.zeros(8), np.ones(8), 0.5), regions) is None


def network(rng: np.random.Generator, of_region: float, of_clinic: float) -> tuple[pd.DataFrame, np.ndarray]:
    """Eight regions of six clinics of 20 to 300 records: records, and what each clinic's level is."""
    region = np.repeat(np.arange(8), 6)
    level = rng.normal(0, of_region, 8)[region] + rng.normal(0, of_clinic, 48)
    clinic = np.repeat(np.arange(48), rng.choice([20, 40, 80, 300], 48))
    return pd.DataFrame({"clinic": clinic, "y": level[clinic] + rng.normal(size=len(clinic))}), level


@pytest.mark.before_release
@pytest.mark.slow
def test_small_clinics_of_regions_that_differ_are_told_better_and_as_honestly() -> None:
    squares, held, apart_held = [], [], []
    for seed in range(16):
        records, level = network(np.random.default_rng([91, seed]), 0.4, 0.15)
        plain = shrink(lmm("y ~ 1 + (1 | clinic)", records), "clinic")
        regional = plain.with_regional_levels({str(clinic): clinic // 6 for clinic in range(48)})
        assert regional is not None
        small = (records["clinic"].value_counts().sort_index() <= 40).to_numpy()
        errors = [(each.overall + each.table["estimate"] - level)[small] ** 2 for each in (plain, regional)]
        squares.append([each.mean() for each in errors])
        table, apart = regional.table, level - level.mean()
        low, high = (regional.overall + table[f"level_{end}"] for end in ("lower", "upper"))
        held.append(((low <= level) & (level <= high)).mean())
        apart_held.append(((table["apart_lower"] <= apart) & (apart <= table["apart_upper"])).mean())
    before, after = np.sqrt(np.mean(squares, axis=0))
    assert after < 0.8 * before
    assert np.mean(held) > 0.93
    assert np.mean(apart_held) > 0.93


@pytest.mark.before_release
@pytest.mark.slow
def test_regions_that_do_not_differ_are_mostly_left_out_and_cost_nothing() -> None:
    adopted, squares = 0, []
    for seed in range(16):
        records, level = network(np.random.default_rng([92, seed]), 0.0, 0.4)
        plain = shrink(lmm("y ~ 1 + (1 | clinic)", records), "clinic")
        regional = plain.with_regional_levels({str(clinic): clinic // 6 for clinic in range(48)})
        adopted += regional is not None
        each = plain if regional is None else regional
        squares.append([((one.overall + one.table["estimate"] - level) ** 2).mean() for one in (plain, each)])
    assert adopted < 0.35 * 16
    before, after = np.sqrt(np.mean(squares, axis=0))
    assert after < 1.02 * before


@pytest.mark.slow
def test_yes_and_no_by_region_too() -> None:
    rng = np.random.default_rng(93)
    level = np.repeat(rng.normal(0, 0.6, 8), 6) + rng.normal(0, 0.1, 48)
    clinic = np.repeat(np.arange(48), 60)
    chance = 1 / (1 + np.exp(-(level - 1.0)[clinic]))
    records = pd.DataFrame({"clinic": clinic, "y": rng.binomial(1, chance)})
    plain = shrink(glmm("y ~ 1 + (1 | clinic)", records, family="binomial"), "clinic")
    regional = plain.with_regional_levels({str(each): each // 6 for each in range(48)})
    assert regional is not None
    assert regional.regional is not None
    assert regional.regional.mean > 0.6
    # about the average of either, which differ
    errors = [float((each.table["estimate"] - level).var()) for each in (plain, regional)]
    assert errors[1] < 0.7 * errors[0]
