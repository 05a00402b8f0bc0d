"""Clinic effects under Student's t: against integrals done in full, and where they are asked for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tasks.estimating.ranking_model import clinic_effects
from tasks.models import LmmFit, lmm, shrink
from tasks.models.clinics.heavier_tails import DF, student_tails, with_heavier_tails

SIGMA = 5.0


def network(seed: int, *, far: tuple[float, ...] = (), clinics: int = 30) -> tuple[LmmFit, pd.Series]:
    """Clinics of 8 to 120 records with effects of SD 1, but for the first ones, and the truth."""
    rng = np.random.default_rng(seed)
    effects = rng.normal(0.0, 1.0, clinics)
    effects[: len(far)] += far
    sizes = rng.integers(8, 120, clinics)
    names = [f"c{i:02d}" for i in range(clinics)]
    data = pd.DataFrame({"clinic": np.repeat(names, sizes)})
    data["y"] = np.repeat(effects, sizes) + rng.normal(0.0, SIGMA, len(data))
    return lmm("y ~ 1 + (1 | clinic)", data), pd.Series(effects, names)


def test_the_mixture_is_a_t_distribution() -> None:
    tails = student_tails()
    at = np.linspace(-10.0, 10.0, 201)
    mixture = stats.norm.cdf(at[:, None] / tails.sds) @ tails.shares
    np.testing.assert_allclose(mixture, stats.t.cdf(at * np.sqrt(2.0), DF), atol=2e-3)
    assert tails.shares @ tails.sds**2 == pytest.approx(1.0)


@pytest.mark.slow
def test_posterior_means_agree_with_the_integral_over_everything() -> None:
    """Effects, their mean and their SD on a grid, with t's own density: no mixture, no mode, no normal."""
    fit, _ = network(3, far=(7.0,), clinics=20)
    shrunken = shrink(fit, "clinic")
    own = shrunken.table["own"].to_numpy()
    error = shrunken.table["own_sd"].to_numpy()
    u = np.linspace(-14.0, 14.0, 1_401)
    likelihood = stats.norm.pdf(own[:, None], u, error[:, None])
    total, mean = 0.0, np.zeros(len(own))
    for sd in np.linspace(0.05, 9.05, 91):
        for centre in np.linspace(-2.0, 2.0, 41):
            prior = stats.t.pdf((u - centre) / (sd / np.sqrt(2.0)), DF) / (sd / np.sqrt(2.0))
            joint = likelihood * prior
            each = joint.sum(axis=1) * (u[1] - u[0])
            weight = float(np.prod(each / error.mean()))
            total += weight
            mean += weight * (joint @ u) * (u[1] - u[0]) / each
    expected = mean / total
    found = shrunken.with_heavier_tails().table["estimate"].to_numpy()
    assert np.abs((found - expected) / error).max() < 0.05
    assert np.abs((shrunken.table["estimate"].to_numpy() - expected) / error).max() > 0.2


@pytest.mark.slow
def test_a_clinic_far_out_keeps_its_own_figure_and_the_others_are_drawn_in() -> None:
    fit, truth = network(5, far=(9.0, -8.0))
    normal, student = shrink(fit, "clinic"), clinic_effects(fit)
    far = np.abs(truth) > 4.5
    pulled = (normal.table["estimate"] - normal.table["own"]).abs()
    now = (student.table["estimate"] - student.table["own"]).abs()
    assert (now[far] < 0.7 * pulled[far]).all()
    error = [(each.table["estimate"] - truth)[~far].pow(2).mean() for each in (normal, student)]
    assert error[1] < error[0]
    assert student.table["estimate"][~far].mean() == pytest.approx(student.centre)
    assert student.centre != 0.0


@pytest.mark.before_release
@pytest.mark.slow
def test_clinics_that_are_alike_are_not_on_one_side_of_a_few_far_out() -> None:
    """Of 12 clinics one lies far out: the mean of all is where no clinic is, and the 11 were all "better"."""
    flagged = []
    for seed in range(16):
        rng = np.random.default_rng([61, seed])
        clinic = np.repeat(np.arange(12), 80)
        level = np.where(np.arange(12) == 0, 3.0, 0.0)
        records = pd.DataFrame({"clinic": clinic, "y": level[clinic] + rng.normal(size=len(clinic))})
        table = clinic_effects(lmm("y ~ 1 + (1 | clinic)", records)).table
        flagged += list(((table["apart_lower"] > 0) | (table["apart_upper"] < 0))[1:])
        assert table["apart_lower"].iloc[0] > 0.0
    assert np.mean(flagged) < 0.05


@pytest.mark.slow
def test_intervals_of_clinics_far_out_hold_the_truth() -> None:
    """Two clinics 6 to 7 SDs out: of 111 such the normal prior held 78%, t 91%."""
    held: dict[str, list[bool]] = {"normal": [], "student": []}
    others = []
    for seed in range(25):
        fit, truth = network(100 + seed, far=(6.0, -7.0), clinics=40)
        normal = shrink(fit, "clinic")
        for name, found in (("normal", normal), ("student", normal.with_heavier_tails())):
            lower, upper = (found.overall + found.table[f"level_{end}"] for end in ("lower", "upper"))
            inside = (lower <= truth) & (truth <= upper)
            held[name] += list(inside[:2])
            if name == "student":
                others += list(inside[2:])
    assert np.mean(held["student"]) >= 0.88 > np.mean(held["normal"])
    assert 0.94 <= np.mean(others) <= 0.98


@pytest.mark.slow
def test_a_normal_network_keeps_its_normal_distribution() -> None:
    fit, _ = network(11)
    assert clinic_effects(fit).centre == 0.0
    pd.testing.assert_frame_equal(clinic_effects(fit).table, shrink(fit, "clinic").table)


def test_records_that_say_nothing_of_a_clinic_leave_it_the_distribution() -> None:
    fit, _ = network(3, far=(7.0,), clinics=20)
    posterior = shrink(fit, "clinic").posterior
    mixed = with_heavier_tails(posterior)
    spread = mixed.quantile_of_new(0.975) / mixed.sd_between
    assert 1.9 < spread < 2.3  # 1.963 were the SD known
    assert np.all((mixed.place > 0.0) & (mixed.place < 1.0))
    draws = mixed.draws(20_000, np.random.default_rng(1))
    np.testing.assert_allclose(draws.mean(axis=0), mixed.mean, atol=0.05)
    np.testing.assert_allclose(draws.std(axis=0), mixed.sd, rtol=0.05)
