"""Intraclass correlations of 0/1 outcomes: reference cases, likelihoods, refusals."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import pytest
from refs.reference import case_ids, load_case, load_data
from scipy import optimize, special, stats

from tasks.errors import EstimationError
from tasks.models import icc
from tasks.models.generalized_mixed.outcome_scale import (
    count_scale,
    latent_icc,
    linearised_icc,
    median_ratio,
    probability_scale,
)
from tasks.models.intraclass import beta_binomial, icc_binary, logistic_normal
from tasks.models.intraclass.beta_binomial import Events
from tasks.models.intraclass.icc_estimates import profile_of_events

pytestmark = pytest.mark.published

CASES = [each for each in case_ids("icc") if "bin" in each]


@pytest.mark.parametrize("name", CASES)
class TestReferenceCases:
    def found(self, name: str, method: str, interval: str | None = None):
        case = load_case(name)
        model = case["model"]
        return icc(
            model["response"],
            load_data(case),
            groups=model["cluster"],
            kind="binary",
            method=method,
            interval=interval,
        )

    def test_analysis_of_variance(self, name: str) -> None:
        expected = load_case(name)["expected"]["anova"]
        smith = self.found(name, "anova", "smith")
        assert smith.estimate == pytest.approx(expected["icc1"], rel=1e-11)
        assert (smith.lower, smith.upper) == pytest.approx(tuple(expected["ci_smith"]), rel=1e-11)
        searle = self.found(name, "anova", "searle")
        assert (searle.lower, searle.upper) == pytest.approx(
            tuple(expected["ci_searle_F_with_n0"]), rel=1e-11
        )
        for ours, theirs in {"n0": "n0", "ms_between": "MSB", "ms_within": "MSW"}.items():
            assert smith.components[ours] == pytest.approx(expected[theirs], rel=1e-11)

    def test_fleiss_cuzick(self, name: str) -> None:
        expected = load_case(name)["expected"]["fleiss_cuzick"]
        found = self.found(name, "fleiss-cuzick", "zou-donner")
        assert found.estimate == pytest.approx(expected["icc"], rel=1e-11)
        if expected["se_zou_donner"] is None:
            assert np.isnan(found.lower)
            assert np.isnan(found.upper)
        else:
            assert (found.lower, found.upper) == pytest.approx(tuple(expected["ci"]), rel=1e-11)

    @pytest.mark.slow
    def test_pairs(self, name: str) -> None:
        expected = load_case(name)["expected"]
        pairwise = self.found(name, "pairwise").estimate
        assert pairwise == pytest.approx(expected["pearson_pairwise_equal_weight"], rel=1e-11)
        assert self.found(name, "mak").estimate == pytest.approx(expected["mak"], rel=1e-11)

    @pytest.mark.parametrize("fit", ["glmm_null_laplace", "glmm_null_agq25"])
    def test_scales_of_a_logistic_model(self, name: str, fit: str) -> None:
        """The conversions, from the case's own variance and intercept."""
        expected = load_case(name)["expected"][fit]
        variance, intercept = expected["sigma2"], expected["beta0"]
        scale = probability_scale(intercept, variance)
        assert latent_icc(variance, variance) == pytest.approx(expected["icc_latent"], rel=1e-12)
        assert scale.prevalence == pytest.approx(expected["marginal_prevalence"], rel=1e-11)
        assert scale.variance == pytest.approx(expected["var_of_cluster_probabilities"], rel=1e-10)
        assert scale.icc == pytest.approx(expected["icc_observed_scale"], rel=1e-10)
        assert median_ratio(variance) == pytest.approx(expected["median_odds_ratio"], rel=1e-12)
        linearised = linearised_icc(intercept, variance)
        assert linearised == pytest.approx(expected["icc_goldstein_linearised"], rel=1e-11)

    def test_the_interval_holds_the_estimates(self, name: str) -> None:
        found = self.found(name, "fleiss-cuzick")
        assert found.interval == "profile"
        assert found.lower <= found.estimate <= found.truncated <= found.upper < 1.0
        assert found.lower >= min(found.estimate, 0.0)  # a likelihood's begins at zero, an estimate may not


def test_pairwise_is_the_correlation_of_all_pairs() -> None:
    rng = np.random.default_rng(1)
    sizes = [2, 5, 3, 8, 4]
    clusters = [rng.integers(0, 2, n) for n in sizes]
    first, second = [], []
    for values in clusters:
        for i in range(len(values)):
            for j in range(len(values)):
                if i != j:
                    first.append(values[i])
                    second.append(values[j])
    events = Events(np.array(sizes, dtype=float), np.array([each.sum() for each in clusters], dtype=float))
    assert icc_binary.pairwise(events) == pytest.approx(np.corrcoef(first, second)[0, 1], rel=1e-12)


def test_equal_sizes_make_fleiss_cuzick_pairwise() -> None:
    events = Events(np.full(6, 9.0), np.array([1.0, 3.0, 0.0, 5.0, 2.0, 7.0]))
    assert icc_binary.fleiss_cuzick(events) == pytest.approx(icc_binary.pairwise(events), rel=1e-12)


class TestBetaBinomial:
    EVENTS = Events(np.array([9.0, 30.0, 4.0, 17.0, 60.0]), np.array([1.0, 12.0, 0.0, 8.0, 9.0]))

    @pytest.mark.parametrize("rho", [0.01, 0.15, 0.6])
    def test_likelihood_is_the_distributions(self, rho: float) -> None:
        at = beta_binomial.profile(self.EVENTS, rho)
        total = (1 - rho) / rho
        n, y = self.EVENTS.n, self.EVENTS.y
        density = stats.betabinom(n.astype(int), at.mean * total, (1 - at.mean) * total).logpmf(y)
        choose = special.gammaln(n + 1) - special.gammaln(y + 1) - special.gammaln(n - y + 1)
        assert at.loglik == pytest.approx(float(np.sum(density - choose)), rel=1e-9)

    @pytest.mark.parametrize("rho", [0.01, 0.15, 0.6])
    def test_mean_is_profiled_out(self, rho: float) -> None:
        at = beta_binomial.profile(self.EVENTS, rho)
        for other in (at.mean * 0.99, at.mean * 1.01):
            total = (1 - rho) / rho
            n, y = self.EVENTS.n, self.EVENTS.y
            a, b = other * total, (1 - other) * total
            assert float(np.sum(special.betaln(y + a, n - y + b) - special.betaln(a, b))) < at.loglik

    def test_binomial_is_the_limit(self) -> None:
        """At ρ = 0 it is the binomial, and rises from there by Tarone's score."""
        none, little = (beta_binomial.profile(self.EVENTS, rho) for rho in (0.0, 2e-8))
        n, y, p = self.EVENTS.n, self.EVENTS.y, none.mean
        score = np.sum(y * (y - 1) / p + (n - y) * (n - y - 1) / (1 - p) - n * (n - 1)) / 2
        assert (little.loglik - none.loglik) / 2e-8 == pytest.approx(score, rel=1e-4)

    def test_no_more_than_binomial_is_zero(self) -> None:
        level = Events(np.full(8, 10.0), np.full(8, 3.0))
        assert beta_binomial.maximise(level)[0] == 0.0
        lower, upper = beta_binomial.profile_interval(level, 0.95)
        assert lower == 0.0 < upper < 0.5

    def test_interval_ends_are_at_the_f_height(self) -> None:
        rho, best = beta_binomial.maximise(self.EVENTS)
        lower, upper = beta_binomial.profile_interval(self.EVENTS, 0.95)
        assert lower < rho < upper
        drop = stats.f.ppf(0.95, 1, 4) / 2
        at_upper = beta_binomial.profile(self.EVENTS, upper).loglik
        assert best.loglik - at_upper == pytest.approx(drop, rel=1e-6)

    @pytest.mark.before_release
    @pytest.mark.slow
    def test_coverage_of_rare_events(self) -> None:
        """15 clinics of 50, prevalence 10%, ICC 0.1: 95% within Monte Carlo error and some conservatism."""
        rng = np.random.default_rng(3)
        covered = 0
        for _ in range(200):
            p = rng.beta(0.1 * 9, 0.9 * 9, 15)
            events = Events(np.full(15, 50.0), rng.binomial(50, p).astype(float))
            lower, upper = beta_binomial.profile_interval(events, 0.95)
            covered += lower <= 0.1 <= upper
        assert 183 <= covered <= 198


class TestLogisticNormal:
    def test_is_the_mixed_models_interval(self) -> None:
        """From events per clinic, the interval that the mixed model gives from rows."""
        data = load_data("cbpp_bernoulli")
        by_rows = icc("y", data, groups="herd", kind="binary", method="observed")
        by_events = icc("y", data, groups="herd", kind="binary", interval="logistic-normal")
        assert (by_events.lower, by_events.upper) == pytest.approx((by_rows.lower, by_rows.upper), rel=1e-4)

    def test_default_reaches_as_far_as_both_shapes(self) -> None:
        found = icc("y", load_data("cbpp_bernoulli"), groups="herd", kind="binary")
        beta, normal = found.conf_int("beta-binomial"), found.conf_int("logistic-normal")
        assert found.conf_int() == (min(beta[0], normal[0]), max(beta[1], normal[1]))

    @pytest.mark.parametrize(("prevalence", "variance"), [(0.03, 0.5), (0.2, 4.0), (0.5, 1.0), (0.1, 0.0)])
    def test_icc_at_a_prevalence(self, prevalence: float, variance: float) -> None:
        value = logistic_normal.icc_at(prevalence, variance)
        z = stats.norm.ppf((np.arange(200_000) + 0.5) / 200_000)
        low, high = -30.0, 30.0
        for _ in range(60):
            middle = (low + high) / 2
            mean = special.expit(middle + np.sqrt(variance) * z).mean()
            low, high = (middle, high) if mean < prevalence else (low, middle)
        p = special.expit(middle + np.sqrt(variance) * z)
        assert value == pytest.approx(p.var() / (prevalence * (1 - prevalence)), rel=1e-3, abs=1e-12)

    def test_no_events_say_nothing(self) -> None:
        assert logistic_normal.profile_interval(Events(np.full(5, 9.0), np.zeros(5)), 0.95) == (0.0, 1.0)

    @pytest.mark.before_release
    @pytest.mark.slow
    def test_rare_events_of_either_shape(self) -> None:
        """30 clinics, prevalence 3%, ICC 0.1: where one shape's interval fails, the default holds.

        Of 30 networks each it holds 29 and 30; the beta-binomial interval alone holds 22 of the normal ones,
        and the logistic-normal one alone 25 of the beta ones.
        """
        rng = np.random.default_rng(1)
        # SD 1.486 and intercept −4.30 of the log odds have prevalence 3% and observed-scale ICC 0.1
        normal = special.expit(-4.3017 + 1.4857 * rng.normal(size=(30, 30)))
        beta = rng.beta(0.03 * 9, 0.97 * 9, (30, 30))
        for probabilities in (normal, beta):
            held = 0
            for p in probabilities:
                events = Events(np.full(30, 50.0), rng.binomial(50, p).astype(float))
                lower, upper = profile_of_events(events, "profile", 0.95)
                held += lower <= 0.1 <= upper
            assert held >= 27


def test_text_outcomes_count_the_second_value() -> None:
    data = load_data("Contraception")
    found = icc("use", data, groups="district", kind="binary")
    assert found.estimate == pytest.approx(
        load_case("icc_bin_contraception")["expected"]["fleiss_cuzick"]["icc"], rel=1e-11
    )


def test_a_third_value_is_refused_without_showing_it() -> None:
    data = pd.DataFrame({"clinic": [1, 1, 2, 2], "vaccinated": [0, 1, 1, 731]})
    with pytest.raises(EstimationError, match="vaccinated is not 0 or 1 in every row") as caught:
        icc("vaccinated", data, groups="clinic", kind="binary")
    assert "731" not in str(caught.value)


def test_covariates_are_for_the_mixed_model() -> None:
    data = load_data("sim_clinic3")
    with pytest.raises(EstimationError, match="takes one grouping factor and no covariates"):
        icc("controlled ~ age", data, groups="clinic", kind="binary")


class TestCountScale:
    def test_against_simulation(self) -> None:
        """Two patients of a clinic, by the million."""
        rng = np.random.default_rng(5)
        u = rng.normal(0, 0.6, 1_000_000)
        mean = np.exp(0.3 + u[:, None] + rng.normal(0, 0.4, (len(u), 2)))
        y = rng.poisson(mean)
        scale = count_scale(0.3, 0.36, 0.16)
        assert scale.mean == pytest.approx(y.mean(), rel=0.01)
        assert scale.total == pytest.approx(y.var(), rel=0.05)
        assert scale.icc == pytest.approx(np.corrcoef(y.T)[0, 1], abs=0.01)

    def test_negative_binomial_against_simulation(self) -> None:
        rng = np.random.default_rng(6)
        size = 2.5
        mean = np.exp(0.5 + rng.normal(0, 0.5, 1_000_000))[:, None]
        y = rng.poisson(mean * rng.gamma(size, 1 / size, (len(mean), 2)))
        scale = count_scale(0.5, 0.25, dispersion=1 / size)
        assert scale.total == pytest.approx(y.var(), rel=0.03)
        assert scale.icc == pytest.approx(np.corrcoef(y.T)[0, 1], abs=0.01)

    def test_rare_events_are_noisy(self) -> None:
        iccs = [count_scale(np.log(mean), 0.25).icc for mean in (0.01, 0.1, 1.0, 10.0)]
        assert iccs == sorted(iccs)
        # with ever larger counts the Poisson noise vanishes and clinics are all there is
        assert count_scale(20.0, 0.25).icc == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("name", CASES)
class TestMixedModelScales:
    @pytest.mark.parametrize(("nodes", "key"), [(1, "glmm_null_laplace"), (25, "glmm_null_agq25")])
    def test_reference_cases(self, name: str, nodes: int, key: str) -> None:
        case = load_case(name)
        model, expected = case["model"], case["expected"][key]
        data = load_data(case)
        for method, theirs in (("latent", "icc_latent"), ("observed", "icc_observed_scale")):
            found = icc(
                model["response"], data, groups=model["cluster"], kind="binary", method=method, nodes=nodes
            )
            assert found.estimate == pytest.approx(expected[theirs], rel=1e-6, abs=1e-9)
            assert found.lower <= found.estimate <= found.upper
        parts = found.components
        assert parts["marginal_prevalence"] == pytest.approx(expected["marginal_prevalence"], rel=1e-7)
        assert parts["median_odds_ratio"] == pytest.approx(expected["median_odds_ratio"], rel=1e-6)
        # the case's log-likelihoods are good to seven digits; ours may be the higher
        assert parts["loglik"] == pytest.approx(expected["logLik"], rel=1e-7)
        assert parts["loglik"] >= expected["logLik"] - 1e-8


def test_latent_is_larger_than_observed() -> None:
    data = load_data("cbpp_bernoulli")
    latent, observed = (
        icc("y", data, groups="herd", kind="binary", method=each) for each in ("latent", "observed")
    )
    assert latent.estimate > observed.estimate
    assert "latent-scale" in latent.name
    assert "observed-scale" in observed.name


def test_nested_binary_outcomes_have_an_icc_at_each_level() -> None:
    data = load_data("sim_clinic3")
    found = icc("controlled", data, groups="region/clinic", kind="binary", method="latent")
    assert list(found.levels.index) == ["region", "clinic:region"]
    assert found.levels["correlation"].is_monotonic_increasing
    assert found.estimate == pytest.approx(found.levels["share"].sum())
    assert (found.levels["lower"] <= found.levels["correlation"]).all()
    assert (found.levels["upper"] >= found.levels["correlation"]).all()


def test_counts_with_exposure() -> None:
    """The ICC of a year's visits is the model's at the mean log exposure."""
    data = load_data("sim_clinic3")
    found = icc("visits", data, groups="clinic", kind="count", exposure="exposure")
    variance, predictor = found.components["variance_clinic"], found.components["linear_predictor"]
    assert found.estimate == pytest.approx(count_scale(predictor, variance).icc, rel=1e-12)
    assert 0 < found.lower < found.estimate < found.upper < 1
    assert "Poisson" in found.name


class TestOneEvent:
    """One event in 51 records: effects of clinics may have an SD of 30, where few nodes are not enough."""

    @staticmethod
    def records(k: int, seed: int) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        clinic, y = rng.integers(0, k, 51), np.zeros(51, dtype=int)
        y[rng.integers(51)] = 1
        return pd.DataFrame({"clinic": [f"c{each:02}" for each in clinic], "y": y})

    @pytest.mark.before_release
    @pytest.mark.slow
    @pytest.mark.parametrize("method", ["latent", "observed", "fleiss-cuzick"])
    @pytest.mark.parametrize("k", [6, 8, 10, 17])
    def test_same_of_a_frame_in_any_order_and_of_a_database(self, k: int, method: str) -> None:
        data = self.records(k, k)
        connection = duckdb.connect()
        connection.register("frame", data)
        connection.execute("CREATE TABLE records AS SELECT * FROM frame")
        renamed = data.assign(clinic=data["clinic"].map(lambda name: f"d{99 - int(name[1:]):02}"))
        found = [
            icc("y", each, groups="clinic", kind="binary", method=method)
            for each in (
                data,
                data.sample(frac=1.0, random_state=3),
                renamed,
                connection.table("records"),
            )
        ]
        for each in found[1:]:
            assert (each.lower, each.upper) == pytest.approx((found[0].lower, found[0].upper), abs=1e-8)

    @pytest.mark.before_release
    @pytest.mark.slow
    def test_many_records_that_differ_in_a_covariate(self) -> None:
        """Three thousand cells whose clinics' effects may have an SD of 20: one end, whatever their order."""
        rng = np.random.default_rng(2)
        clinic, x, y = rng.integers(0, 12, 3_000), rng.normal(size=3_000).round(4), np.zeros(3_000, dtype=int)
        y[rng.choice(3_000, 1, replace=False)] = 1
        data = pd.DataFrame({"clinic": [f"c{each:02}" for each in clinic], "x": x, "y": y})
        renamed = data.assign(clinic=data["clinic"].map(lambda name: f"d{99 - int(name[1:]):02}"))
        with duckdb.connect() as connection:
            connection.register("frame", data)
            found = [
                icc("y ~ x", each, groups="clinic", kind="binary", method="latent")
                for each in (data, renamed.sample(frac=1.0, random_state=3), connection.table("frame"))
            ]
        for each in found[1:]:
            assert (each.lower, each.upper) == pytest.approx((found[0].lower, found[0].upper), abs=1e-8)

    def test_an_end_is_at_the_height_that_the_level_allows(self) -> None:
        """Height and end from the integral of every clinic, by the trapezoidal rule on 40,001 nodes."""
        data = self.records(8, 8)
        counted = data.groupby("clinic")["y"].agg(["size", "sum"]).to_numpy(dtype=float)
        u = np.linspace(-9.0, 12.0, 40_001)
        normal = stats.norm.logpdf(u) + np.log(u[1] - u[0])

        def loglik(intercept: float, sigma: float) -> float:
            eta = intercept + sigma * u
            softplus = np.logaddexp(0.0, eta)
            return float(sum(special.logsumexp(s * eta - n * softplus + normal) for n, s in counted))

        def height(sigma: float) -> float:
            best = optimize.minimize_scalar(
                lambda b: -loglik(b, sigma), bounds=(-4.0 * sigma - 8.0, 0.0), options={"xatol": 1e-9}
            )
            return float(-best.fun)

        found = icc("y", data, groups="clinic", kind="binary", method="latent")
        assert found.estimate == 0.0
        assert 0.9 < found.upper < 1.0
        sigma = float(np.sqrt(found.upper / (1.0 - found.upper) * np.pi**2 / 3.0))
        fall = height(1e-9) - height(sigma)
        assert fall == pytest.approx(0.5 * stats.f.ppf(0.95, 1, len(counted) - 1), abs=1e-6)
