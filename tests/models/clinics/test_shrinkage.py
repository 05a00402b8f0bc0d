"""Shrunken clinic figures: the text's worked clinics, the posterior, coverage, standardised ratios."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from refs.reference import load_case, load_data
from scipy import special, stats

from tasks.errors import EstimationError
from tasks.models import (
    glmm,
    lmm,
    lmm_from_moments,
    shrink,
    with_own_variances,
)
from tasks.models.clinics.clinic_posterior import ClinicPosterior, Node
from tasks.models.clinics.posterior_counts import count_posterior
from tasks.models.clinics.posterior_gaussian import gaussian_posterior
from tasks.models.intraclass.design_effect import reliability
from tasks.records import moments_for

pytestmark = pytest.mark.published


def clinics(rng: np.random.Generator, sizes: list[int], rho: float = 0.2) -> pd.DataFrame:
    clinic = np.repeat(np.arange(len(sizes)), sizes)
    effect = rng.normal(0, np.sqrt(45 * rho), len(sizes))
    y = 60 + effect[clinic] + rng.normal(0, np.sqrt(45 * (1 - rho)), len(clinic))
    return pd.DataFrame({"clinic": clinic, "score": y, "age": rng.normal(50, 10, len(clinic))})


class TestWorkedClinics:
    def test_two_hundred_patients_and_five(self) -> None:
        """Variances 9 and 36: a clinic of 200 keeps 98% of its own figure, a clinic of 5 about 56%."""
        # means and residuals set so that REML's variances are 9 and 36: with equal sizes it is the ANOVA
        base = np.array([-3.0, -1.0, 1.0, 3.0])
        within = np.tile(base, 5) * np.sqrt(36 * 19 / (5 * np.sum(base**2)))
        means = np.linspace(-1, 1, 12)
        means *= np.sqrt((9 + 36 / 20) * 11 / np.sum(means**2))
        data = pd.DataFrame(
            {"clinic": np.repeat(np.arange(12), 20), "score": 60 + np.add.outer(means, within).ravel()}
        )
        fit = lmm("score ~ 1 + (1 | clinic)", data)
        assert float(fit.varcomp.variance("clinic").iloc[0]) == pytest.approx(9, rel=1e-6)
        assert fit.sigma2 == pytest.approx(36, rel=1e-6)
        weight = shrink(fit).table["weight"]
        assert weight.to_numpy() == pytest.approx(20 * 0.2 / (1 + 19 * 0.2), rel=1e-6)
        for n, kept in ((200, 0.980), (5, 0.556)):
            assert reliability(n, float(fit.icc["clinic"])) == pytest.approx(kept, abs=5e-4)

    def test_shrunken_is_weighted_between_own_and_overall(self) -> None:
        """w·own + (1 − w)·overall, on the scale people read, for a clinic of 200 and one of 5."""
        data = clinics(np.random.default_rng(1), [200, 5, 40, 12, 80, 25, 60, 30])
        fit = lmm("score ~ 1 + (1 | clinic)", data)
        found = shrink(fit)
        values, weight = found.values(), found.table["weight"]
        own_means = data.groupby("clinic")["score"].mean()
        assert values["own"].to_numpy() == pytest.approx(own_means.to_numpy(), rel=1e-10)
        overall = float(fit.coef["(Intercept)"])
        expected = weight * own_means + (1 - weight) * overall
        assert values["estimate"].to_numpy() == pytest.approx(expected.to_numpy(), rel=1e-10)
        assert weight[0] > 0.95 > weight[3] > weight[1]

    def test_weight_is_the_reliability_of_the_icc(self) -> None:
        data = clinics(np.random.default_rng(2), [200, 5, 40, 12, 80, 25, 60, 30])
        fit = lmm("score ~ 1 + (1 | clinic)", data)
        rho = float(fit.icc["clinic"])
        n = data["clinic"].value_counts().sort_index().to_numpy()
        assert shrink(fit).table["weight"].to_numpy() == pytest.approx(
            n * rho / (1 + (n - 1) * rho), rel=1e-9
        )


class TestReferenceCases:
    @pytest.mark.parametrize("name", ["lmm_clinic3_nested_reml", "lmm_dyestuff_reml", "lmm_unbal_ri_reml"])
    def test_conditional_figures_are_the_fits(self, name: str) -> None:
        case = load_case(name)
        fit = lmm(case["model"]["lme4"], load_data(case))
        for group in fit.varcomp:
            table = shrink(fit, group).table
            pd.testing.assert_series_equal(
                table["estimate"], fit.ranef[group]["estimate"], check_names=False, check_index_type=False
            )
            assert (table["sd_conditional"] <= table["sd_coefficients"] + 1e-12).all()

    def test_posterior_means_of_a_logistic_model(self) -> None:
        case = load_case("glmm_contraception_ri_agq25")
        fit = glmm(case["model"]["lme4"], load_data(case), nodes=25)
        estimate = shrink(fit).table["estimate"]
        pd.testing.assert_series_equal(estimate, fit.posterior["district"]["estimate"], check_names=False)


class TestGaussianPosterior:
    @pytest.mark.slow
    def test_against_direct_integration(self) -> None:
        """Means and SDs of clinics' effects by integrating over μ, σ² and τ with the same flat priors."""
        data = clinics(np.random.default_rng(3), [4, 9, 3, 6, 12])
        fit = lmm("score ~ 1 + (1 | clinic)", data)
        found = gaussian_posterior(fit, "clinic")
        groups = [values.to_numpy() for _, values in data.groupby("clinic")["score"]]
        n = np.array([len(values) for values in groups], dtype=float)
        means = np.array([values.mean() for values in groups])
        squares = sum(np.sum((values - values.mean()) ** 2) for values in groups)

        def given(t: float) -> tuple[float, np.ndarray, np.ndarray]:
            """Log posterior of t = τ/σ; means and variances over σ² of the effects."""
            w = n / (1 + n * t**2)
            mu = w @ means / w.sum()
            q = squares + w @ (means - mu) ** 2
            nu = n.sum() - 1
            log_density = -0.5 * (np.sum(np.log1p(n * t**2)) + np.log(w.sum()) + nu * np.log(q))
            shrunk = t**2 * w
            mean = shrunk * (means - mu)
            variance = q / (nu - 2) * (t**2 * (1 - shrunk) + shrunk**2 / w.sum())
            return log_density, mean, variance

        grid = np.geomspace(1e-3, 300, 20_001)
        values = [given(t) for t in grid]
        offset = max(each[0] for each in values)
        density = np.exp(np.array([each[0] for each in values]) - offset)
        density *= grid
        density /= density.sum()
        mean = density @ np.array([each[1] for each in values])
        second = density @ np.array([each[2] + each[1] ** 2 for each in values])
        assert found.mean == pytest.approx(mean, rel=2e-3)
        assert found.sd == pytest.approx(np.sqrt(second - mean**2), rel=5e-3)

    def test_three_parts_of_uncertainty(self) -> None:
        data = clinics(np.random.default_rng(4), [10, 30, 8, 25, 14, 40])
        table = shrink(lmm("score ~ age + (1 | clinic)", data)).table
        assert (table["sd_conditional"] < table["sd_coefficients"]).all()
        assert (table["sd_coefficients"] < table["sd"]).all()

    def test_own_effects_share_the_coefficients_errors(self) -> None:
        """Error of a clinic's own effect is its sampling error less x̄'(β̂ − β)."""
        data = clinics(np.random.default_rng(13), [10, 30, 8, 25, 14, 40])
        fit = lmm("score ~ age + (1 | clinic)", data)
        found = shrink(fit)
        means = np.column_stack([np.ones(6), data.groupby("clinic")["age"].mean()])
        expected = means @ fit.vcov.to_numpy() @ means.T
        gram = found.own_shared @ found.own_shared.T
        # the grid has a node near the estimate, not on it
        assert gram == pytest.approx(expected, rel=0.15)

    def test_no_variance_between_is_still_uncertain(self) -> None:
        """A zero estimate is not knowledge that clinics do not differ."""
        found = shrink(lmm("Yield ~ 1 + (1 | Batch)", load_data("Dyestuff2")))
        assert (found.table["estimate"] == 0.0).all()
        assert (found.table["sd_coefficients"] == 0.0).all()
        assert (found.table["sd"] > 0.5).all()
        assert np.isfinite(found.table["own"]).all()
        assert found.rankability().value == 0.0

    def test_random_slopes_have_a_posterior_too(self) -> None:
        data = load_data("sleepstudy")
        fit = lmm("Reaction ~ Days + (Days | Subject)", data)
        table = shrink(fit).table
        assert list(table.index) == list(fit.ranef["Subject"].xs("(Intercept)", level="effect").index)
        # importance weights leave the means near the BLUPs and the SDs a little wider
        assert np.abs(table["mean"] - table["estimate"]).max() < 0.5 * table["sd"].min()
        assert (table["sd"] > 0.95 * table["sd_conditional"]).all()

    @pytest.mark.before_release
    @pytest.mark.slow
    def test_coverage_with_few_very_unequal_clinics(self) -> None:
        """8 clinics of 8 to 300: plug-in intervals cover some 85–90%, these 95%."""
        rng = np.random.default_rng(5)
        n = np.array([8, 13, 23, 38, 64, 108, 179, 300])
        frame = pd.DataFrame({"clinic": np.repeat(np.arange(8), n)})
        frame["y"] = rng.normal(size=len(frame))
        design, moments = moments_for("y ~ 1 + (1 | clinic)", frame)
        covered, plugged, total = 0, 0, 0
        for _ in range(120):
            u = rng.normal(0, np.sqrt(0.1), 8)
            means = u + rng.normal(0, np.sqrt(0.9 / n))
            products = np.empty((8, 2, 2))
            products[:, 0, 0] = n
            products[:, 0, 1] = products[:, 1, 0] = n * means
            products[:, 1, 1] = 0.9 * rng.chisquare(n - 1) + n * means**2
            fit = lmm_from_moments(
                design, replace(moments, products=products, reference=np.zeros(2)), df="normal"
            )
            table = shrink(fit).table
            covered += int(((table["lower"] <= u) & (u <= table["upper"])).sum())
            plugged += int((np.abs(table["estimate"] - u) < 1.96 * table["sd_coefficients"]).sum())
            total += 8
        assert 0.92 < covered / total < 0.98
        assert plugged / total < 0.93


class TestCountPosterior:
    def test_against_direct_integration(self) -> None:
        """Posterior of a clinic's log odds over (β, τ), by brute force on a grid."""
        n, y = np.array([12, 30, 8, 20, 15, 25]), np.array([3, 14, 0, 11, 4, 16])
        data = pd.DataFrame({"clinic": np.repeat(np.arange(6), n)})
        data["event"] = np.concatenate(
            [np.r_[np.ones(a), np.zeros(b - a)] for a, b in zip(y, n, strict=True)]
        )
        fit = glmm("event ~ 1 + (1 | clinic)", data)
        found = count_posterior(fit, "clinic")
        total, first, second = 0.0, np.zeros(6), np.zeros(6)
        z = np.linspace(-6, 6, 241)
        normal = stats.norm.pdf(z)
        for tau in np.geomspace(0.02, 10.0, 60):
            for beta in np.linspace(-4.0, 3.0, 71) * max(1.0, tau / 3):
                p = special.expit(beta + tau * z)
                terms = normal * p ** y[:, None] * (1 - p) ** (n - y)[:, None]
                area = terms.sum(axis=1)
                weight = np.exp(np.sum(np.log(area)) + 60) * tau * max(1.0, tau / 3)
                mean = (terms * tau * z).sum(axis=1) / area
                square = (terms * (tau * z) ** 2).sum(axis=1) / area
                total += weight
                first += weight * mean
                second += weight * square
        mean, sd = first / total, np.sqrt(second / total - (first / total) ** 2)
        # Laplace's approximation of the coefficient's integral is what is approximate here
        assert found.mean == pytest.approx(mean, abs=0.05)
        assert found.sd == pytest.approx(sd, rel=0.06)

    def test_zero_estimate_is_still_uncertain(self) -> None:
        found = shrink(glmm("yb ~ 1 + (1 | clinic)", load_data("sim_rare")))
        assert (found.table["estimate"].abs() < 1e-12).all()
        assert (found.table["sd"] > 0.2).all()
        assert np.isfinite(found.table["own"]).all()

    def test_unpickled_fit_takes_the_sd_as_known(self) -> None:
        fit = glmm("y ~ period + (1 | herd)", load_data("cbpp_bernoulli"))
        whole = shrink(fit).table
        again = shrink(pickle.loads(pickle.dumps(fit))).table  # noqa: S301
        assert again["estimate"].to_numpy() == pytest.approx(whole["estimate"].to_numpy())
        assert (again["sd"] < whole["sd"]).all()

    def test_a_negative_binomial_that_is_poisson(self) -> None:
        """Counts no more varied than Poisson ones: infinite size, and the posterior of Poisson."""
        rng = np.random.default_rng(15)
        clinic = np.repeat(np.arange(10), 30)
        data = pd.DataFrame(
            {"clinic": clinic, "visits": rng.poisson(np.exp(1 + rng.normal(0, 0.3, 10)[clinic]))}
        )
        data.loc[::2, "visits"] = np.round(np.exp(1.0)).astype(int)
        over = shrink(glmm("visits ~ 1 + (1 | clinic)", data, family="negative-binomial"))
        plain = shrink(glmm("visits ~ 1 + (1 | clinic)", data, family="poisson"))
        assert over.table["mean"].to_numpy() == pytest.approx(plain.table["mean"].to_numpy(), abs=2e-3)

    @pytest.mark.slow
    def test_an_overdispersed_count(self) -> None:
        rng = np.random.default_rng(16)
        clinic = np.repeat(np.arange(10), 30)
        mean = np.exp(1 + rng.normal(0, 0.4, 10)[clinic]) * rng.gamma(2.0, 0.5, 300)
        data = pd.DataFrame({"clinic": clinic, "visits": rng.poisson(mean)})
        over = shrink(glmm("visits ~ 1 + (1 | clinic)", data, family="negative-binomial")).table
        plain = shrink(glmm("visits ~ 1 + (1 | clinic)", data, family="poisson")).table
        # what is noise to one is signal to the other
        assert (over["weight"] < plain["weight"]).all()
        assert (over["own_sd"] > 1.2 * plain["own_sd"]).all()

    def test_exposure_is_read_again(self) -> None:
        data = load_data("sim_clinic3")
        fit = glmm("visits ~ age + (1 | clinic)", data, family="poisson", exposure="exposure")
        table = shrink(fit).table
        assert table["mean"].to_numpy() == pytest.approx(table["estimate"].to_numpy(), abs=0.03)


class TestMixture:
    def mixture(self, df: float = np.inf) -> ClinicPosterior:
        nodes = (
            Node(0.3, 1.0, 2.0, np.array([0.0, 1.0]), np.array([0.5, 0.8]), np.array([[0.3], [0.3]])),
            Node(0.7, 2.0, 2.0, np.array([0.5, -1.0]), np.array([0.7, 0.4]), np.array([[0.2], [0.1]])),
        )
        return ClinicPosterior("clinic", ("a", "b"), nodes, df)

    @pytest.mark.parametrize("df", [np.inf, 12.0])
    def test_formulas_agree_with_draws(self, df: float) -> None:
        mixture = self.mixture(df)
        draws = mixture.draws(400_000, np.random.default_rng(6))
        assert mixture.mean == pytest.approx(draws.mean(axis=0), abs=5e-3)
        assert mixture.sd == pytest.approx(draws.std(axis=0), rel=1e-2)
        for probability in (0.025, 0.5, 0.975):
            expected = np.quantile(draws, probability, axis=0)
            assert mixture.quantile(probability) == pytest.approx(expected, abs=0.02)
        assert mixture.probability_above(0.2) == pytest.approx((draws > 0.2).mean(axis=0), abs=5e-3)

    @pytest.mark.parametrize("df", [np.inf, 40.0])
    def test_levels_are_held_against_their_own_mean(self, df: float) -> None:
        mixture = self.mixture(df)
        draws = mixture.draws(400_000, np.random.default_rng(6))
        apart = draws - draws.mean(axis=1, keepdims=True)
        for value in (0.0, 0.3, -0.4):
            expected = (apart > value).mean(axis=0)
            assert mixture.probability_above_mean(value) == pytest.approx(expected, abs=5e-3)
        for probability in (0.025, 0.5, 0.975):
            expected = np.quantile(apart, probability, axis=0)
            assert mixture.quantile_above_mean(probability) == pytest.approx(expected, abs=0.02)

    def test_a_place_is_the_share_of_the_distribution_below(self) -> None:
        """Against draws: how many levels of the fitted distribution lie below each."""
        rng, mixture = np.random.default_rng(61), self.mixture()
        draws, between, _ = mixture.draws_with_scale(400_000, rng)
        share = stats.norm.cdf((draws - draws.mean(axis=1, keepdims=True)) / between[:, None])
        assert mixture.place == pytest.approx(share.mean(axis=0), abs=5e-3)
        for probability in (0.025, 0.5, 0.975):
            expected = np.quantile(share, probability, axis=0)
            assert mixture.quantile_of_place(probability) == pytest.approx(expected, abs=5e-3)

    def test_levels_share_the_coefficients_uncertainty(self) -> None:
        one = ClinicPosterior("clinic", ("a", "b"), self.mixture().nodes[:1], np.inf)
        draws = one.draws(200_000, np.random.default_rng(7))
        assert np.cov(draws.T)[0, 1] == pytest.approx(0.09, abs=0.01)

    def test_draws_repeat_with_their_seed(self) -> None:
        found = shrink(lmm("score ~ 1 + (1 | clinic)", clinics(np.random.default_rng(8), [9] * 8)))
        assert np.array_equal(found.draws(100, seed=3), found.draws(100, seed=3))
        assert not np.array_equal(found.draws(100, seed=3), found.draws(100, seed=4))


@pytest.mark.slow
def test_against_their_own_mean_eight_clinics_are_told_apart_more_often() -> None:
    """The population's mean is known to τ/√8; these clinics' own mean to a fraction of it."""
    flagged = {"own mean": 0, "population": 0}
    for seed in range(12):
        rng = np.random.default_rng([7, seed])
        effect, clinic = rng.normal(0, 0.5, 8), np.repeat(np.arange(8), 60)
        found = shrink(
            lmm(
                "y ~ 1 + (1 | clinic)",
                pd.DataFrame({"clinic": clinic, "y": effect[clinic] + rng.normal(0, 1, 480)}),
            )
        )
        p = found.table["p_above"].to_numpy()
        apart = effect - effect.mean()
        flagged["own mean"] += int((np.where(apart > 0, p, 1 - p) > 0.975).sum())
        old = found.posterior.probability_above(0.0)
        flagged["population"] += int((np.where(effect > 0, old, 1 - old) > 0.975).sum())
        assert (np.where(apart > 0, p, 1 - p) > 0.025).all()  # none on the wrong side
    assert flagged["own mean"] > 1.5 * flagged["population"] > 0


def test_averaged_over_two_ways_that_are_one_nothing_changes() -> None:
    fit = lmm("score ~ 1 + (1 | clinic)", clinics(np.random.default_rng(5), [5, 20, 60, 60, 200, 200]))
    alone = shrink(fit)
    both = alone.averaged_over([(0.3, alone), (0.7, alone)])
    columns = ["mean", "sd", "lower", "upper", "level_lower", "level_upper", "p_above"]
    pd.testing.assert_frame_equal(both.table[columns], alone.table[columns], rtol=1e-9)
    assert both.rankability().value == pytest.approx(alone.rankability().value)


@pytest.mark.slow
def test_averaged_over_two_ways_it_holds_both() -> None:
    """Records worth a ninth are as likely as records worth all: intervals lie between, means too."""
    fit = lmm("score ~ 1 + (1 | clinic)", clinics(np.random.default_rng(6), [60] * 12))
    ways = [
        shrink(with_own_variances(fit, dict.fromkeys(fit.moments.levels[0], each))) for each in (1.0, 9.0)
    ]
    both = ways[0].averaged_over([(0.5, each) for each in ways])
    assert both.table["mean"].to_numpy() == pytest.approx(
        np.mean([each.table["mean"].to_numpy() for each in ways], axis=0)
    )
    widths = [(each.table["upper"] - each.table["lower"]).mean() for each in (ways[0], both, ways[1])]
    assert widths[0] < widths[1] < 1.05 * max(widths)
    low, middle, high = sorted(each.rankability().value for each in (*ways, both))
    assert low < middle < high and both.rankability().value == middle


@pytest.mark.slow
def test_intervals_beside_another_way_hold_its_own_too_and_nothing_else_changes() -> None:
    fit = lmm("score ~ 1 + (1 | clinic)", clinics(np.random.default_rng(6), [60] * 12))
    alone, worth_less = (
        shrink(with_own_variances(fit, dict.fromkeys(fit.moments.levels[0], each))) for each in (1.0, 9.0)
    )
    beside = alone.with_intervals_beside([(0.5, worth_less), (0.5, worth_less)])
    ends = ["lower", "upper", "level_lower", "level_upper"]
    for low, high in (ends[:2], ends[2:]):
        of_each = [each.table[[low, high]].to_numpy() for each in (alone, worth_less)]
        assert beside.table[low].to_numpy() == pytest.approx(np.minimum(*of_each)[:, 0], abs=1e-9)
        assert beside.table[high].to_numpy() == pytest.approx(np.maximum(*of_each)[:, 1], abs=1e-9)
    assert (beside.table["level_upper"] > alone.table["level_upper"] + 1e-3).any()
    pd.testing.assert_frame_equal(beside.table.drop(columns=ends), alone.table.drop(columns=ends))
    assert beside.posterior is alone.posterior


class TestPrediction:
    def test_many_rows_leave_the_clinics_interval(self) -> None:
        found = shrink(lmm("score ~ 1 + (1 | clinic)", clinics(np.random.default_rng(9), [30] * 10)))
        wide, narrow = found.next_rows(1), found.next_rows(10**9)
        values = found.values()
        assert narrow["lower"].to_numpy() == pytest.approx(values["lower"].to_numpy(), rel=1e-6)
        assert (wide["upper"] - wide["lower"] > 2 * 1.9 * found.sd_within).all()

    def test_shares_of_next_patients(self) -> None:
        found = shrink(glmm("y ~ 1 + (1 | herd)", load_data("cbpp_bernoulli")))
        ends = found.next_rows(40)
        assert ends.to_numpy() * 40 == pytest.approx(np.round(ends.to_numpy() * 40), abs=1e-9)
        assert (ends["lower"] <= found.values()["estimate"]).all()

    def test_a_new_clinic(self) -> None:
        found = shrink(lmm("score ~ 1 + (1 | clinic)", clinics(np.random.default_rng(10), [50] * 40)))
        lower, upper = found.new_level()
        assert lower == pytest.approx(-upper, rel=1e-6)
        assert upper == pytest.approx(1.96 * found.sd_between, rel=0.1)


class TestRefusals:
    def test_which_group(self) -> None:
        fit = lmm("strength ~ 1 + (1 | batch/cask)", load_data("Pastes"))
        with pytest.raises(EstimationError, match="batch and cask:batch"):
            shrink(fit)
        with pytest.raises(EstimationError, match="no random effects by 'cask'"):
            shrink(fit, "cask")

    def test_two_clinics_say_nothing_of_how_clinics_differ(self) -> None:
        fit = lmm("score ~ 1 + (1 | clinic)", clinics(np.random.default_rng(12), [20, 20]))
        with pytest.raises(EstimationError, match="too few to say how much they differ"):
            shrink(fit)
        three = shrink(lmm("score ~ 1 + (1 | clinic)", clinics(np.random.default_rng(12), [20, 20, 20])))
        assert (three.table["upper"] - three.table["lower"] > 3 * three.table["sd_coefficients"]).all()

    def test_rare_events_in_few_clinics(self) -> None:
        """Four events in eight clinics rule out no spread of clinics, and the interval says so."""
        data = pd.DataFrame({"clinic": np.repeat(np.arange(8), 50), "event": 0})
        data.loc[[3, 7, 60, 111], "event"] = 1
        table = shrink(glmm("event ~ 1 + (1 | clinic)", data)).table
        assert (table["upper"] - table["lower"] > 3).all()


@pytest.mark.parametrize("family", ["gaussian", "binomial", "poisson"])
def test_a_large_clinics_own_level_is_known_better_than_its_distance_from_the_average(family: str) -> None:
    rng = np.random.default_rng(4)
    sizes = [10, 40, 40, 80, 80, 150, 150, 6_000]
    clinic = np.repeat(np.arange(8), sizes)
    x = rng.normal(size=len(clinic)) + 0.3 * clinic
    eta = -0.5 + 0.2 * x + rng.normal(0.0, 0.8, 8)[clinic]
    draw = {
        "gaussian": lambda: eta + rng.normal(0.0, 2.0, len(eta)),
        "binomial": lambda: (rng.random(len(eta)) < special.expit(eta)).astype(int),
        "poisson": lambda: rng.poisson(np.exp(eta)),
    }
    data = pd.DataFrame({"y": draw[family](), "x": x, "clinic": clinic})
    formula = "y ~ x + (1 | clinic)"
    fit = lmm(formula, data) if family == "gaussian" else glmm(formula, data, family=family)
    table = shrink(fit).table
    level = (table["level_upper"] - table["level_lower"]) / (2 * 1.959964)
    effect = (table["upper"] - table["lower"]) / (2 * 1.959964)
    # of the largest clinic the level is known as well as its own records tell it, for its average patient
    own = table["own_sd"].iloc[-1]
    assert own < level.iloc[-1] < 1.6 * own
    assert level.iloc[-1] < 0.3 * effect.iloc[-1]
    assert (level < effect * 1.05).all()


@pytest.mark.before_release
@pytest.mark.slow
def test_levels_hold_their_truth() -> None:
    """Twelve clinics of very unequal sizes, 60 networks: 95% intervals of levels hold 93 to 97%."""
    held = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        clinic = np.repeat(np.arange(12), np.geomspace(5, 400, 12).astype(int))
        effects = rng.normal(0.0, 0.7, 12)
        y = 1.0 + effects[clinic] + rng.normal(0.0, 2.0, len(clinic))
        shrunken = shrink(lmm("y ~ 1 + (1 | clinic)", pd.DataFrame({"y": y, "clinic": clinic})))
        ends = shrunken.values()
        held.append((ends["lower"] <= 1.0 + effects) & (1.0 + effects <= ends["upper"]))
    assert 0.93 < np.mean(held) < 0.975
