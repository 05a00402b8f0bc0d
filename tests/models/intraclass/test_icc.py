"""The intraclass correlation: reference cases, its two readings, invariances, nesting, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from refs.reference import case_ids, load_case, load_data
from scipy import stats

from tasks.errors import EstimationError, FormulaError
from tasks.models import icc, lmm, patient_icc
from tasks.models.intraclass.icc_intervals import exact
from tasks.models.intraclass.icc_likelihood import maximise, profile
from tasks.models.intraclass.nested_anova import correlations, nested_sums
from tasks.models.intraclass.one_way import OneWay, anova, between_at, split
from tasks.records import moments_for

pytestmark = pytest.mark.published

CONTINUOUS = [each for each in case_ids("icc") if "bin" not in each]
COMPONENTS = {
    "n0": "n0",
    "k": "k",
    "N": "n_obs",
    "nbar": "mean_size",
    "SSB": "ss_between",
    "SSW": "ss_within",
    "MSB": "ms_between",
    "MSW": "ms_within",
    "F": "f",
    "grand_mean": "grand_mean",
    "varcomp_between": "variance_between",
    "varcomp_within": "variance_within",
    "icc2_reliability_of_group_mean": "reliability_of_means",
}


def one_way(rng: np.random.Generator, sizes: list[int], rho: float) -> pd.DataFrame:
    clinic = np.repeat(np.arange(len(sizes)), sizes)
    y = np.sqrt(rho) * rng.normal(size=len(sizes))[clinic] + np.sqrt(1 - rho) * rng.normal(size=len(clinic))
    return pd.DataFrame({"clinic": clinic, "y": 100 + 10 * y, "x": rng.normal(size=len(clinic))})


@pytest.mark.parametrize("name", CONTINUOUS)
class TestReferenceCases:
    def test_analysis_of_variance(self, name: str) -> None:
        case = load_case(name)
        expected, model = case["expected"], case["model"]
        found = icc(model["response"], load_data(case), groups=model["cluster"])
        assert found.estimate == pytest.approx(expected["icc1"], rel=1e-12)
        assert found.truncated == pytest.approx(expected["icc1_truncated"], rel=1e-12)
        for theirs, ours in COMPONENTS.items():
            assert found.components[ours] == pytest.approx(expected[theirs], rel=1e-12), theirs
        assert found.components["p"] == pytest.approx(expected["p_value"], rel=1e-9, abs=1e-300)

    @pytest.mark.parametrize(
        ("interval", "key"),
        [("exact", "ci_exact_wald"), ("searle", "ci_searle_F_with_n0"), ("smith", "ci_smith")],
    )
    def test_intervals(self, name: str, interval: str, key: str) -> None:
        case = load_case(name)
        model = case["model"]
        found = icc(model["response"], load_data(case), groups=model["cluster"], interval=interval)
        assert (found.lower, found.upper) == pytest.approx(tuple(case["expected"][key]), rel=1e-11)

    @pytest.mark.parametrize("method", ["reml", "ml"])
    def test_likelihood(self, name: str, method: str) -> None:
        """The references' own optimiser stopped at nine digits; the derivative here is zero to twelve."""
        case = load_case(name)
        model = case["model"]
        found = icc(model["response"], load_data(case), groups=model["cluster"], method=method)
        assert found.estimate == pytest.approx(case["expected"][f"{method}_icc"], rel=1e-8, abs=1e-12)


def test_the_two_readings_agree() -> None:
    """The correlation of two patients of a clinic is the share of the variance that lies between clinics."""
    rng = np.random.default_rng(20)
    data = one_way(rng, [6] * 400, 0.2)
    share = icc("y", data, groups="clinic")
    by_clinic = data["y"].to_numpy().reshape(400, 6)
    first, second = np.array([(i, j) for i in range(6) for j in range(6) if i != j]).T
    pairs = by_clinic[:, first].ravel(), by_clinic[:, second].ravel()
    correlation = np.corrcoef(*pairs)[0, 1]
    # the pairwise correlation divides by N where the analysis of variance divides by degrees of freedom:
    # k − 1 clinics for k; removing that leaves the same number
    between, within = share.components["ms_between"] * 399 / 400, share.components["ms_within"]
    assert correlation == pytest.approx((between - within) / (between + 5 * within), rel=1e-10)
    assert correlation == pytest.approx(share.estimate, abs=2e-3)
    shares = share.components["variance_between"], share.components["variance_within"]
    assert share.estimate == pytest.approx(shares[0] / sum(shares), rel=1e-12)


def test_variances_9_and_36() -> None:
    """The text's network: 9 between clinics and 36 within is an ICC of 0.20."""
    # means with variance exactly 9 beyond their sampling error, residuals with variance exactly 36
    within = np.array([-3.0, -1.0, 1.0, 3.0])
    within *= np.sqrt(36 * 3 / np.sum(within**2))
    means = np.array([-1.0, 0.0, 1.0])
    means *= np.sqrt((9 + 36 / 4) * 2 / np.sum(means**2))
    data = pd.DataFrame({"clinic": np.repeat([1, 2, 3], 4), "score": np.add.outer(means, within).ravel()})
    found = icc("score", data, groups="clinic")
    assert found.components["variance_between"] == pytest.approx(9, rel=1e-12)
    assert found.components["variance_within"] == pytest.approx(36, rel=1e-12)
    assert found.estimate == pytest.approx(0.20, rel=1e-12)


class TestInvariances:
    @pytest.mark.slow
    @settings(max_examples=10, deadline=None)  # others every time
    @given(st.integers(0, 10_000), st.floats(-1e3, 1e3), st.floats(0.01, 1e3), st.booleans())
    def test_shift_scale_order_and_labels(self, seed: int, shift: float, scale: float, flip: bool) -> None:
        rng = np.random.default_rng(seed)
        data = one_way(rng, [3, 9, 4, 12, 5, 7], 0.3)
        other = data.sample(frac=1, random_state=seed).assign(
            y=lambda frame: shift + (-scale if flip else scale) * frame["y"],
            clinic=lambda frame: "c" + (100 - frame["clinic"]).astype(str),
            x=lambda frame: 3 - 7 * frame["x"],
        )
        for formula in ("y ~ 1", "y ~ x"):
            for method in ("anova", "reml", "ml"):
                before = icc(formula, data, groups="clinic", method=method)
                after = icc(formula, other, groups="clinic", method=method)
                assert after.estimate == pytest.approx(before.estimate, rel=1e-8, abs=1e-10)
                assert (after.lower, after.upper) == pytest.approx(
                    (before.lower, before.upper), rel=1e-8, abs=1e-10
                )

    def test_chunks_add_up(self) -> None:
        """Moments of months, added, give the ICC of the year."""
        data = load_data("sim_clinic3")
        whole = icc("sbp", data, groups="clinic")
        _, parts = moments_for("sbp ~ 1 + female", data, groups=["clinic", "female"])
        assert len(parts.n) > len(whole.clinics)
        merged = split(parts, "clinic", ("(Intercept)",), "sbp")
        assert float(merged.own_squares.sum()) == pytest.approx(whole.components["ss_within"], rel=1e-12)


class TestLikelihood:
    def test_derivative_is_that_of_the_criterion(self) -> None:
        data = one_way(np.random.default_rng(3), [2, 30, 5, 8, 17, 3], 0.2)
        _, moments = moments_for("y ~ x", data, groups="clinic")
        source = split(moments, "clinic", ("(Intercept)", "x"), "y")
        for restricted in (True, False):
            for rho in (0.01, 0.2, 0.7):
                step = 1e-5
                ends = [profile(source, rho + d, restricted=restricted).deviance for d in (-step, step)]
                slope = profile(source, rho, restricted=restricted).slope
                assert (ends[1] - ends[0]) / (2 * step) == pytest.approx(slope, rel=1e-6, abs=1e-6)

    def test_likelihood_is_the_multivariate_normals(self) -> None:
        data = one_way(np.random.default_rng(4), [2, 6, 5], 0.4)
        _, moments = moments_for("y ~ 1", data, groups="clinic")
        found = maximise(split(moments, "clinic", ("(Intercept)",), "y"), restricted=False)
        clinic = data["clinic"].to_numpy()
        covariance = found.variance_between * (clinic[:, None] == clinic) + found.variance_within * np.eye(13)
        ones = np.ones(13)
        weight = np.linalg.solve(covariance, ones)
        mean = weight @ data["y"].to_numpy() / weight.sum()
        density = stats.multivariate_normal(mean * ones, covariance).logpdf(data["y"].to_numpy())
        assert found.loglik == pytest.approx(density, rel=1e-10)

    def test_no_variance_between_is_the_boundary(self) -> None:
        data = load_data("Dyestuff2")
        for method in ("reml", "ml"):
            found = icc("Yield", data, groups="Batch", method=method, interval="profile")
            assert found.estimate == 0.0
            assert found.lower == 0.0 < found.upper

    def test_profile_ends_are_at_the_chi_squared_height(self) -> None:
        data = load_data("sim_clinic3")
        _, moments = moments_for("sbp ~ age", data, groups="clinic")
        source = split(moments, "clinic", ("(Intercept)", "age"), "sbp")
        found = icc("sbp ~ age + (1 | clinic)", data, method="reml", interval="profile")
        best = profile(source, found.estimate, restricted=True).deviance
        for end in (found.lower, found.upper):
            assert profile(source, end, restricted=True).deviance - best == pytest.approx(
                3.841458820694, rel=1e-9
            )


class TestAdjusted:
    def test_sum_of_squares_between_is_what_clinics_add(self) -> None:
        """Henderson's method 3 by ordinary least squares on dummy variables."""
        data = load_data("sim_clinic3")
        found = icc("sbp ~ age + female + rural", data, groups="clinic")
        y = data["sbp"].to_numpy()
        x = np.column_stack((np.ones(len(y)), data["age"], data["female"], data["rural"]))
        z = pd.get_dummies(data["clinic"].astype(str)).to_numpy(dtype=float)
        both = np.column_stack((x, z))

        def rss(design: np.ndarray) -> float:
            fitted = design @ np.linalg.lstsq(design, y, rcond=None)[0]
            return float(np.sum((y - fitted) ** 2))

        rank_x, rank_both = np.linalg.matrix_rank(x), np.linalg.matrix_rank(both)
        assert found.components["ss_within"] == pytest.approx(rss(both), rel=1e-9)
        assert found.components["ss_between"] == pytest.approx(rss(x) - rss(both), rel=1e-9)
        assert found.components["df_between"] == rank_both - rank_x
        assert found.components["df_within"] == len(y) - rank_both
        residual = z - x @ np.linalg.lstsq(x, z, rcond=None)[0]
        n0 = np.trace(z.T @ residual) / (rank_both - rank_x)
        assert found.components["n0"] == pytest.approx(n0, rel=1e-9)

    def test_generalized_sum_of_squares(self) -> None:
        """The exact interval's quadratic form, by its definition with the whole covariance matrix."""
        data = one_way(np.random.default_rng(8), [3, 7, 2, 11, 6], 0.3)
        _, moments = moments_for("y ~ x", data, groups="clinic")
        source = split(moments, "clinic", ("(Intercept)", "x"), "y")
        y, x = data["y"].to_numpy(), np.column_stack((np.ones(len(data)), data["x"]))
        z = pd.get_dummies(data["clinic"]).to_numpy(dtype=float)
        both = np.column_stack((x, z))
        within = np.sum((y - both @ np.linalg.lstsq(both, y, rcond=None)[0]) ** 2)
        for theta in (0.0, 0.3, 4.0):
            inverse = np.linalg.inv(np.eye(len(y)) + theta * z @ z.T)
            beta = np.linalg.solve(x.T @ inverse @ x, x.T @ inverse @ y)
            form = (y - x @ beta) @ inverse @ (y - x @ beta)
            assert between_at(source, theta) == pytest.approx(form - within, rel=1e-9)

    def test_covariates_constant_within_clinics(self) -> None:
        data = load_data("sim_clinic3")
        assert icc("sbp ~ rural", data, groups="clinic").components["df_between"] == 65

    def test_covariates_that_explain_everything_between(self) -> None:
        data = pd.DataFrame({"clinic": [1, 1, 2, 2], "x": [0, 0, 1, 1], "y": [1.0, 2.0, 5.0, 4.0]})
        with pytest.raises(EstimationError, match="already tell all 2 levels of clinic apart"):
            icc("y ~ x", data, groups="clinic")


class TestExactInterval:
    def test_equal_sizes_give_searle(self) -> None:
        data = one_way(np.random.default_rng(5), [12] * 9, 0.15)
        found = icc("y", data, groups="clinic")
        assert (found.lower, found.upper) == pytest.approx(found.conf_int("searle"), rel=1e-9)

    @settings(max_examples=20, deadline=None)
    @given(st.integers(0, 1000))
    def test_higher_level_is_wider(self, seed: int) -> None:
        data = one_way(np.random.default_rng(seed), [3, 40, 8, 5, 120], 0.1)
        found = icc("y ~ x", data, groups="clinic")
        wide = found.conf_int("exact", 0.99)
        assert wide[0] <= found.lower <= found.upper <= wide[1]

    @pytest.mark.slow
    def test_coverage_with_very_unequal_sizes(self) -> None:
        """1,000 networks of 8 clinics from 4 to 400 patients: 95% within Monte Carlo error."""
        rng = np.random.default_rng(11)
        sizes = [4, 6, 10, 20, 40, 80, 160, 400]
        covered = 0
        for _ in range(1000):
            n = np.array(sizes, dtype=float)
            means = np.sqrt(0.1) * rng.normal(size=8) + np.sqrt(0.9 / n) * rng.normal(size=8)
            squares = 0.9 * rng.chisquare(n - 1)
            drawn = _from_summaries(n, means, squares)
            lower, upper = exact(drawn, anova(drawn), 0.95)
            covered += lower <= 0.1 <= upper
        # binomial SD of 1,000 at 0.95 is 6.9
        assert abs(covered - 950) < 25


def _from_summaries(n: np.ndarray, means: np.ndarray, squares: np.ndarray) -> OneWay:
    own = np.zeros((len(n), 2, 2))
    own[:, 1, 1] = squares
    columns = np.column_stack((np.ones(len(n)), means))
    return OneWay("clinic", "y", tuple(range(len(n))), n, columns, np.zeros(2), own, ("(Intercept)",))


class TestBootstrap:
    def test_seeded_and_sensible(self) -> None:
        data = load_data("sim_clinic3")
        first = icc("sbp", data, groups="clinic", interval="bootstrap", seed=1, replicates=500)
        again = icc("sbp", data, groups="clinic", interval="bootstrap", seed=1, replicates=500)
        assert (first.lower, first.upper) == (again.lower, again.upper)
        assert first.lower < first.estimate < first.upper
        other = icc("sbp", data, groups="clinic", interval="bootstrap", seed=2, replicates=500)
        assert other.lower != first.lower

    def test_drawing_clinics_is_drawing_their_rows(self) -> None:
        """A replicate from moments is the ICC of the drawn clinics' rows."""
        data = one_way(np.random.default_rng(6), [4, 9, 5, 7], 0.3)
        chosen = np.array([2, 2, 0, 3])
        rows = pd.concat([data[data["clinic"] == each].assign(clinic=i) for i, each in enumerate(chosen)])
        for formula, fixed in (("y ~ 1", ("(Intercept)",)), ("y ~ x", ("(Intercept)", "x"))):
            _, moments = moments_for(formula, data, groups="clinic")
            drawn = anova(split(moments, "clinic", fixed, "y").drawn(chosen)).icc
            assert drawn == pytest.approx(icc(formula, rows, groups="clinic").estimate, rel=1e-9)


class TestNested:
    def test_balanced_nested_components(self) -> None:
        """With equal sizes the analysis of variance is REML: Pastes, as lme4 has it."""
        data = load_data("Pastes")
        expected = load_case("lmm_pastes_nested_reml")["expected"]
        found = icc("strength ~ 1 + (1 | batch/cask)", data)
        assert list(found.levels.index) == ["batch", "cask:batch"]
        for name in found.levels.index:
            theirs = expected["varcomp"][name]["covariance"][0][0]
            assert found.levels.loc[name, "variance"] == pytest.approx(theirs, rel=1e-6)

    def test_correlation_of_a_clinic_includes_its_region(self) -> None:
        found = icc("sbp", load_data("sim_clinic3"), groups="region/clinic")
        levels = found.levels
        assert levels["correlation"].iloc[1] == pytest.approx(levels["share"].sum(), rel=1e-12)
        assert found.estimate == levels["correlation"].iloc[-1]
        assert (levels["lower"] <= levels["correlation"]).all()
        assert (levels["correlation"] <= levels["upper"]).all()

    def test_expectations_of_mean_squares(self) -> None:
        """Unequal sizes, three levels: coefficients against the trace of each quadratic form."""
        rng = np.random.default_rng(9)
        region, clinic, patient = [], [], []
        for r in range(4):
            for c in range(rng.integers(1, 4)):
                for p in range(rng.integers(1, 5)):
                    visits = int(rng.integers(1, 4))
                    region += [r] * visits
                    clinic += [f"{r}{c}"] * visits
                    patient += [f"{r}{c}{p}"] * visits
        data = pd.DataFrame({"region": region, "clinic": clinic, "patient": patient})
        data["y"] = rng.normal(size=len(data))
        _, moments = moments_for("y ~ 1 + (1 | region/clinic/patient)", data)
        sums = nested_sums(moments, moments.factors, "y")
        totals = sums.weighted(np.ones(len(sums.n)))
        dummies = [pd.get_dummies(data[each]).to_numpy(float) for each in ("region", "clinic", "patient")]
        projections = [np.full((len(data), len(data)), 1 / len(data))]
        projections += [z @ np.diag(1 / z.sum(axis=0)) @ z.T for z in dummies]
        projections.append(np.eye(len(data)))
        for i, df in enumerate(totals.df):
            form = (projections[i + 1] - projections[i]) / df
            y = data["y"].to_numpy()
            assert totals.mean_squares[i] == pytest.approx(y @ form @ y, rel=1e-10)
            for j, z in enumerate(dummies):
                expected = np.trace(form @ z @ z.T)
                assert totals.expectations[i, j] == pytest.approx(expected, rel=1e-10, abs=1e-12)

    def test_one_level_is_the_one_way_analysis(self) -> None:
        data = load_data("sim_clinic3")
        _, moments = moments_for("sbp ~ 1", data, groups="clinic")
        sums = nested_sums(moments, ["clinic"], "sbp")
        share = correlations(sums.weighted(np.ones(len(sums.n))).variances)
        assert share[0] == pytest.approx(icc("sbp", data, groups="clinic").estimate, rel=1e-12)

    def test_crossed_groups_are_refused(self) -> None:
        with pytest.raises(EstimationError, match="not nested"):
            icc("strength ~ 1 + (1 | batch) + (1 | cask)", load_data("Pastes"))


class TestRefusals:
    DATA = pd.DataFrame({"clinic": list("aabb"), "y": [1.0, 2.0, 3.0, 5.0], "same": 7.0, "one": list("abcd")})

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ({"formula": "y", "groups": "one"}, "every one has a single usable row of y"),
            ({"formula": "same", "groups": "clinic"}, "same has the same value in every usable row"),
            ({"formula": "y", "groups": "clinic", "kind": "binary"}, "y is not 0 or 1 in every row"),
            ({"formula": "y", "groups": "clinic", "method": "remel"}, "'reml'"),
            ({"formula": "y", "groups": "clinic", "kind": "ordinal"}, "no kind of outcome 'ordinal'"),
            ({"formula": "y", "groups": "clinic", "interval": "magic"}, "has no interval 'magic'"),
            ({"formula": "y", "groups": "clinic", "level": 95}, "between 0 and 1"),
            ({"formula": "y ~ 1 + (same | clinic)"}, "random slope of same"),
            ({"formula": "y"}, "needs a grouping factor"),
            ({"formula": "y", "groups": "clinics"}, "'clinic'"),
        ],
    )
    def test_says_what_is_wrong(self, arguments: dict[str, object], said: str) -> None:
        with pytest.raises((EstimationError, FormulaError), match=said) as caught:
            icc(data=self.DATA, **arguments)
        assert "\n" not in caught.value.message

    def test_one_clinic_only(self) -> None:
        with pytest.raises(EstimationError, match="clinic has 1 level with usable rows"):
            icc("y", self.DATA.assign(clinic="a"), groups="clinic")

    def test_missing_clinics_are_counted(self) -> None:
        data = self.DATA.assign(clinic=["a", "a", "b", None], y=[1.0, 2.0, 3.0, 4.0])
        data = pd.concat([data, pd.DataFrame({"clinic": ["b"], "y": [6.0]})])
        found = icc("y", data, groups="clinic")
        assert dict(found.design.dropped.rows) == {"clinic is missing": 1}
        assert "1 rows left out: clinic is missing" in str(found)


class TestNestedLikelihood:
    @pytest.mark.parametrize(("method", "case"), [("reml", "reml"), ("ml", "ml")])
    def test_reference_cases(self, method: str, case: str) -> None:
        expected = load_case(f"lmm_pastes_nested_{case}")["expected"]
        found = icc("strength ~ 1 + (1 | batch/cask)", load_data("Pastes"), method=method)
        variances = {name: each["covariance"][0][0] for name, each in expected["varcomp"].items()}
        total = sum(variances.values()) + found.components["variance_within"]
        for name, variance in variances.items():
            assert found.levels.loc[name, "variance"] == pytest.approx(variance, rel=1e-5)
            assert found.levels.loc[name, "share"] == pytest.approx(variance / total, rel=1e-5)

    def test_three_levels_and_covariates(self) -> None:
        """Region, clinic and patient, adjusted: an ICC and an interval at every level."""
        rng = np.random.default_rng(12)
        region = np.repeat(np.arange(8), 6 * 10 * 3)
        clinic = np.repeat(np.arange(48), 10 * 3)
        patient = np.repeat(np.arange(480), 3)
        x = rng.normal(size=len(region))
        y = 2 * x + rng.normal(0, 1, 8)[region] + rng.normal(0, 1.5, 48)[clinic]
        y += rng.normal(0, 2, 480)[patient] + rng.normal(0, 3, len(x))
        data = pd.DataFrame({"region": region, "clinic": clinic, "patient": patient, "x": x, "y": y})
        found = icc("y ~ x + (1 | region/clinic/patient)", data, method="reml")
        assert list(found.levels.index) == ["region", "clinic:region", "patient:clinic:region"]
        truth = np.cumsum([1, 2.25, 4]) / 16.25
        assert ((found.levels["lower"] < truth) & (truth < found.levels["upper"])).all()
        assert (found.levels["lower"] < found.levels["correlation"]).all()

    def test_one_level_by_lmm_is_the_same(self) -> None:
        """Two roads to the random-intercept optimum."""
        data = load_data("sim_clinic3")
        for method in ("reml", "ml"):
            fit = lmm("sbp ~ age + (1 | clinic)", data, reml=method == "reml")
            found = icc("sbp ~ age + (1 | clinic)", data, method=method)
            assert found.estimate == pytest.approx(float(fit.icc["clinic"]), rel=1e-8)
            assert found.components["loglik"] == pytest.approx(fit.loglik, rel=1e-10)


class TestPatients:
    def visits(self) -> pd.DataFrame:
        rng = np.random.default_rng(14)
        clinic = np.repeat(["a", "b"], [60, 40])
        patient = np.concatenate([np.repeat(np.arange(20), 3), np.repeat(np.arange(10), 4)])
        effect = rng.normal(0, 2, 40)[patient + 20 * (clinic == "b")]
        return pd.DataFrame({"clinic": clinic, "patient": patient, "y": effect + rng.normal(0, 1, 100)})

    def test_each_clinic_is_its_own_analysis(self) -> None:
        data = self.visits()
        found = patient_icc("y", data)
        for clinic, rows in data.groupby("clinic"):
            alone = icc("y", rows, groups="patient")
            assert found.loc[clinic, "icc"] == pytest.approx(alone.estimate, rel=1e-12)
            ends = found.loc[clinic, ["lower", "upper"]].astype(float)
            assert tuple(ends) == pytest.approx((alone.lower, alone.upper), rel=1e-10)
            assert found.loc[clinic, "design_effect"] == pytest.approx(alone.design_effect.value, rel=1e-12)
        assert list(found["patients"]) == [20, 10]

    def test_says_why_there_is_none(self) -> None:
        once = pd.DataFrame({"clinic": "c", "patient": [1, 2, 3], "y": [1.0, 2.0, 4.0]})
        one = pd.DataFrame({"clinic": "d", "patient": [1, 1], "y": [1.0, 2.0]})
        same = pd.DataFrame({"clinic": "e", "patient": [1, 1, 2, 2], "y": 3.0})
        found = patient_icc("y", pd.concat([self.visits(), once, one, same]))
        assert found.loc["c", "reason"] == (
            "every patient has a single usable row of y, so differences between and within patient cannot be "
            "told apart"
        )
        assert "patient has 1 level" in found.loc["d", "reason"]
        assert "y has the same value in every usable row" in found.loc["e", "reason"]
        assert pd.isna(found.loc["a", "reason"])
        assert found.loc[["c", "d", "e"], "icc"].isna().all()
