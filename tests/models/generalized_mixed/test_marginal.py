"""Population averages of mixed models: the reference values, and where they agree with GEE."""

from __future__ import annotations

from dataclasses import replace

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats
from scipy.special import expit

from tasks.errors import EstimationError, FormulaError, RecordsError
from tasks.models.estimating_equations.gee import gee
from tasks.models.generalized_mixed.glmm import glmm
from tasks.models.generalized_mixed.marginal import marginal_effects
from tasks.models.generalized_mixed.outcome_scale import probability_scale
from tasks.models.linear_mixed.lmm import lmm
from tasks.models.numerics.normal_mixture import marginal_derivatives, marginal_mean
from tests.refs.reference import case_ids, load_case, load_data

pytestmark = pytest.mark.published


def effects_of(name):
    case = load_case(name)
    source = load_case(case["model"]["parameters_from_case"])
    data = load_data(source)
    fit = glmm(
        source["model"]["lme4"],
        data,
        family=case["model"]["family"],
        nodes=25,
        trials=source["model"].get("weights"),
    )
    model = case["model"]
    return case["expected"], fit, marginal_effects(fit, model["exposure"], data, contrast=model["contrast"])


BINARY = [name for name in case_ids("marginalisation") if "pois" not in name]
COUNTS = [name for name in case_ids("marginalisation") if "pois" in name]


@pytest.mark.parametrize("name", BINARY)
def test_reference_probabilities(name):
    expected, fit, effects = effects_of(name)
    low, high = effects.contrast
    table, se = effects.table, expected["se_delta"]
    pairs = {
        f"probability_{low}": (expected["p0"], se["p0"]),
        f"probability_{high}": (expected["p1"], se["p1"]),
        "risk_difference": (expected["rd"], se["rd"]),
        "risk_ratio": (expected["rr"], se["log_rr"]),
        "odds_ratio": (expected["or_marginal"], se["log_or"]),
    }
    for measure, (estimate, error) in pairs.items():
        assert table.loc[measure, "estimate"] == pytest.approx(estimate, rel=1e-8), measure
        assert table.loc[measure, "se"] == pytest.approx(error, rel=1e-7), measure
    # the reference's intervals are normal; with few clusters ours are t's
    exposure = load_case(name)["model"]["exposure"]
    df = min(value for term, value in fit.df.items() if str(term).startswith(exposure))
    wider = stats.t.ppf(0.975, df) / stats.norm.ppf(0.975)
    difference = table.loc["risk_difference"]
    ends = expected["rd"] + wider * (np.array(expected["ci95_rd"]) - expected["rd"])
    assert [difference["lower"], difference["upper"]] == pytest.approx(list(ends), abs=1e-8)
    ratio = table.loc["odds_ratio"]
    spread = 2 * wider * 1.959964 * se["log_or"]
    assert np.log(ratio["upper"] / ratio["lower"]) == pytest.approx(spread, rel=1e-6)
    median = expected["median_cluster_u0"]
    assert table.loc[f"median_probability_{low}", "estimate"] == pytest.approx(median["p0"], rel=1e-8)
    assert table.loc[f"median_probability_{high}", "estimate"] == pytest.approx(median["p1"], rel=1e-8)
    assert table.loc["median_risk_difference", "estimate"] == pytest.approx(median["rd"], rel=1e-7)
    attenuation = effects.attenuation
    assert attenuation.zeger_liang_albert == pytest.approx(expected["zla_attenuation"], rel=1e-8)
    assert attenuation.rho0 == pytest.approx(expected["neuhaus_rho0_at_intercept"], rel=1e-7, abs=1e-14)
    zla, neuhaus = pd.Series(expected["zla_marginal_coefs"]), pd.Series(expected["neuhaus_marginal_coefs"])
    pd.testing.assert_series_equal(
        attenuation.coefficients["zeger_liang_albert"], zla, rtol=1e-7, check_names=False
    )
    pd.testing.assert_series_equal(attenuation.coefficients["neuhaus"], neuhaus, rtol=1e-7, check_names=False)
    overall = fit.predict(load_data(load_case(load_case(name)["model"]["parameters_from_case"])), "marginal")
    assert overall.mean() == pytest.approx(expected["overall_mean_probability"], rel=1e-8)


@pytest.mark.parametrize("name", COUNTS)
def test_reference_counts(name):
    expected, _, effects = effects_of(name)
    low, high = effects.contrast
    table, se = effects.table, expected["se_delta"]
    pairs = {
        f"mean_count_{low}": (expected["mean0"], se["mean0"]),
        f"mean_count_{high}": (expected["mean1"], se["mean1"]),
        "rate_difference": (expected["difference"], se["diff"]),
        "rate_ratio": (expected["ratio"], se["log_ratio"]),
    }
    for measure, (estimate, error) in pairs.items():
        assert table.loc[measure, "estimate"] == pytest.approx(estimate, rel=1e-8), measure
        assert table.loc[measure, "se"] == pytest.approx(error, rel=1e-7), measure
    assert effects.attenuation is None


def test_every_row_names_its_estimand():
    _, _, effects = effects_of("marg_clinic3")
    kinds = effects.table["estimand"].str.split(":").str[0].str.split(",").str[0]
    assert set(kinds) == {"population-averaged", "conditional", "at the median clinic (effects zero)"}
    assert "treated were 1 rather than 0 for everybody" in effects.table.loc["risk_difference", "estimand"]
    assert "population-averaged" in str(effects)


def test_gee_stands_beside():
    data = load_data("sim_clinic3")
    fit = glmm("controlled ~ age10 + female + treated + (1 | clinic)", data)
    marginal = gee("controlled ~ age10 + female + treated", data, groups="clinic", family="binomial")
    table = marginal_effects(fit, "treated", gee=marginal).table
    ours, theirs = table.loc["risk_difference"], table.loc["gee_risk_difference"]
    assert theirs["estimate"] == pytest.approx(ours["estimate"], abs=0.5 * ours["se"])
    assert "GEE" in theirs["estimand"]
    # by hand: the GEE's own standardisation
    eta = np.column_stack([np.ones(len(data)), data["age10"], data["female"], np.zeros(len(data))])
    coefficients = marginal.coef.to_numpy()
    by_hand = [expit(eta @ coefficients + value * coefficients[3]).mean() for value in (0, 1)]
    assert theirs["estimate"] == pytest.approx(by_hand[1] - by_hand[0], rel=1e-10)
    alone = marginal_effects(marginal, "treated", data).table
    assert alone.loc["risk_difference", "estimate"] == pytest.approx(theirs["estimate"], rel=1e-12)


def test_linear_model_is_the_same_either_way():
    data = load_data("sim_clinic3")
    fit = lmm("sbp ~ age10 * treated + (1 | clinic)", data)
    table = marginal_effects(fit, "treated", data).table
    weights = {"treated": 1.0, "age10:treated": float(data["age10"].mean())}
    by_hand = sum(weight * fit.coef[name] for name, weight in weights.items())
    assert table.loc["mean_difference", "estimate"] == pytest.approx(by_hand, rel=1e-10)
    test = fit.test(weights)
    assert table.loc["mean_difference", "se"] == pytest.approx(by_hand / test.statistic, rel=1e-8)
    assert table.loc["mean_1", "estimate"] - table.loc["mean_0", "estimate"] == pytest.approx(by_hand)


def test_random_slopes_and_several_groups_are_integrated_out():
    """Against brute force: draws of all the random effects."""
    data = load_data("sim_clinic3")
    fit = glmm("controlled ~ age10 + treated + (1 + treated | clinic) + (1 | region)", data)
    effects = marginal_effects(fit, "treated", data)
    rng = np.random.default_rng(7)
    slopes = rng.multivariate_normal([0, 0], fit.varcomp["clinic"], 4_000)
    regions = rng.normal(scale=np.sqrt(fit.varcomp["region"].iloc[0, 0]), size=4_000)
    eta = fit.coef["(Intercept)"] + fit.coef["age10"] * data["age10"].to_numpy()
    for value in (0, 1):
        own = slopes[:, 0] + value * slopes[:, 1] + regions
        drawn = expit(eta[:, None] + value * fit.coef["treated"] + own).mean()
        assert effects.table.loc[f"probability_{value}", "estimate"] == pytest.approx(drawn, abs=0.01)
    assert effects.attenuation is None


def test_delta_method_against_differences():
    """The gradient in variance parameters and coefficients, by refitting nothing: move them one by one."""
    data = load_data("sim_clinic3")
    fit = glmm("controlled ~ treated + (1 + treated | clinic)", data)
    joint = fit.joint_vcov.to_numpy()
    theta = np.concatenate([term.triangle.T[np.triu_indices(2)] for term in fit.loadings])

    def difference(parameters):
        lower = np.zeros((2, 2))
        lower.T[np.triu_indices(2)] = parameters[:3]
        root = fit.loadings[0].back @ lower
        covariance = root @ root.T
        values = []
        for z in (np.array([1.0, 0.0]), np.array([1.0, 1.0])):
            eta = parameters[3] + z[1] * parameters[4]
            values.append(marginal_mean("logit", np.array([eta]), float(z @ covariance @ z))[0])
        return values[1] - values[0]

    at = np.concatenate([theta, fit.coef.to_numpy()])
    steps = 1e-5 * np.eye(at.size)
    gradient = np.array([(difference(at + step) - difference(at - step)) / 2e-5 for step in steps])
    row = marginal_effects(fit, "treated", data).table.loc["risk_difference"]
    assert row["estimate"] == pytest.approx(difference(at), rel=1e-10)
    assert row["se"] == pytest.approx(np.sqrt(gradient @ joint @ gradient), rel=1e-6)


@pytest.mark.parametrize("sd", [0.0, 0.3, 1.0, 4.0, 12.0])
def test_normal_mixture_is_exact(sd):
    for eta in (-6.0, -1.3, 0.0, 2.5):
        limit = [-12.0, 12.0]
        points = [-eta / sd] if sd and abs(eta) / sd < 12 else None
        exact = integrate.quad(
            lambda z, eta=eta: expit(eta + sd * z) * stats.norm.pdf(z),
            *limit,
            epsabs=1e-14,
            limit=500,
            points=points,
        )[0]
        assert marginal_mean("logit", np.array([eta]), sd**2)[0] == pytest.approx(exact, rel=1e-11)
    _, by_eta, by_variance = marginal_derivatives("logit", np.array([0.7]), sd**2)
    up, down = (marginal_mean("logit", np.array([0.7 + h]), sd**2)[0] for h in (1e-5, -1e-5))
    assert by_eta[0] == pytest.approx((up - down) / 2e-5, rel=1e-7)
    if sd > 0.0:
        up, down = (marginal_mean("logit", np.array([0.7]), sd**2 * (1 + h))[0] for h in (1e-5, -1e-5))
        assert by_variance[0] == pytest.approx((up - down) / (2e-5 * sd**2), rel=1e-5)


def test_shared_correlation_of_nested_effects():
    rng = np.random.default_rng(3)
    shared = rng.normal(scale=0.9, size=400_000)
    first, second = (expit(-0.4 + shared + rng.normal(scale=0.7, size=shared.size)) for _ in range(2))
    mean = (first.mean() + second.mean()) / 2
    simulated = (np.mean(first * second) - mean**2) / (mean * (1 - mean))
    assert probability_scale(-0.4, 0.81, 0.49).icc == pytest.approx(simulated, abs=0.002)


def test_from_a_database_relation_and_without_data():
    data = load_data("sim_clinic3")
    formula = "controlled ~ age10 + treated + (1 | clinic)"
    fit = glmm(formula, data)
    expected = marginal_effects(fit, "treated").table
    with duckdb.connect() as connection:
        connection.register("frame", data.astype({"clinic": str, "region": str}))
        relation = connection.table("frame")
        found = marginal_effects(glmm(formula, relation), "treated", relation).table
    pd.testing.assert_series_equal(found["estimate"], expected["estimate"], rtol=1e-9)
    pd.testing.assert_series_equal(found["se"], expected["se"], rtol=1e-7)


def test_rows_that_the_fit_left_out_are_left_out():
    data = load_data("sim_clinic3")
    holes = data.copy()
    holes.loc[::7, "age10"] = np.nan
    holes.loc[::11, "controlled"] = np.nan
    formula = "controlled ~ age10 + treated + (1 | clinic)"
    fit = glmm(formula, holes)
    complete = holes.dropna(subset=["age10", "controlled"])
    whole = marginal_effects(glmm(formula, complete), "treated").table
    found = marginal_effects(fit, "treated")
    assert found.n == len(complete)
    pd.testing.assert_series_equal(found.table["estimate"], whole["estimate"], rtol=1e-9)
    other = marginal_effects(fit, "treated", data)
    assert any("complete rows" in message for message in other.messages)


def test_true_and_false_and_labels():
    data = load_data("sim_clinic3")
    data["flag"] = data["treated"] == 1
    data["arm"] = np.where(data["flag"], "program", "as before")
    expected = marginal_effects(glmm("controlled ~ treated + (1 | clinic)", data), "treated").table
    for name in ("flag", "arm"):
        table = marginal_effects(glmm(f"controlled ~ {name} + (1 | clinic)", data), name).table
        for measure in ("risk_difference", "odds_ratio", "conditional_odds_ratio"):
            assert table.loc[measure, "estimate"] == pytest.approx(
                expected.loc[measure, "estimate"], rel=1e-8
            )


@pytest.fixture(scope="module")
def fit():
    return glmm("controlled ~ age10 + treated + (1 | clinic)", load_data("sim_clinic3"), nodes=1)


class TestBadInput:
    def test_variable_not_in_the_model(self, fit):
        with pytest.raises(FormulaError, match="did you mean 'treated'"):
            marginal_effects(fit, "treatd")

    @pytest.mark.parametrize("contrast", [(0,), (0, 1, 2), (1, 1)])
    def test_contrast(self, fit, contrast):
        with pytest.raises(EstimationError, match="two different values"):
            marginal_effects(fit, "treated", contrast=contrast)

    def test_unknown_label(self):
        data = load_data("bacteria")
        fit = glmm("y01 ~ trt + after2 + (1 | ID)", data, nodes=1)
        with pytest.raises(RecordsError, match=r"cannot be set to 'drug\+\+'"):
            marginal_effects(fit, "trt", contrast=("placebo", "drug++"))

    def test_no_data(self, fit):
        with pytest.raises(EstimationError, match="does not remember its data"):
            marginal_effects(replace(fit, data=None), "treated")

    def test_gee_of_another_outcome(self, fit):
        data = load_data("sim_clinic3")
        other = gee("visits ~ treated", data, groups="clinic", family="poisson")
        with pytest.raises(EstimationError, match="GEE's outcome is visits"):
            marginal_effects(fit, "treated", gee=other)


def test_conditional_ratio_of_an_interaction_has_no_single_value():
    data = load_data("sim_clinic3")
    table = marginal_effects(
        glmm("controlled ~ age10 * treated + (1 | clinic)", data, nodes=1), "treated"
    ).table
    assert "conditional_odds_ratio" not in table.index
    step = marginal_effects(
        glmm("controlled ~ age10 + (1 | clinic)", data, nodes=1), "age10", contrast=(-1, 1)
    )
    assert step.table.loc["conditional_odds_ratio", "estimate"] == pytest.approx(
        np.exp(2 * glmm("controlled ~ age10 + (1 | clinic)", data, nodes=1).coef["age10"])
    )


@pytest.mark.slow
def test_gee_and_integrated_glmm_agree_where_theory_says_and_differ_where_it_must():
    """A true logistic-normal model, 60 networks of 150 clinics of 30 patients, half of them in a program.

    Both estimate the population-averaged risk difference; the conditional odds ratio is further from one than
    the marginal one by the attenuation factor.
    """
    rng = np.random.default_rng(2_024)
    sd, beta = 1.2, 1.0
    true = [marginal_mean("logit", np.array([-0.8 + beta * v]), sd**2)[0] for v in (0, 1)]
    found = []
    for _ in range(60):
        clinic = np.repeat(np.arange(150), 30)
        program = (clinic % 2).astype(float)
        eta = -0.8 + beta * program + rng.normal(scale=sd, size=150)[clinic]
        data = pd.DataFrame({"clinic": clinic, "program": program, "y": rng.random(clinic.size) < expit(eta)})
        data["y"] = data["y"].astype(int)
        marginal = gee("y ~ program", data, groups="clinic", family="binomial")
        effects = marginal_effects(
            glmm("y ~ program + (1 | clinic)", data, nodes=15), "program", gee=marginal
        )
        estimate = effects.table["estimate"]
        found.append(
            [
                estimate["risk_difference"],
                estimate["gee_risk_difference"],
                np.log(estimate["odds_ratio"]),
                np.log(estimate["gee_odds_ratio"]),
                np.log(estimate["conditional_odds_ratio"]),
                effects.attenuation.zeger_liang_albert,
                effects.attenuation.exact,
            ]
        )
    ours, theirs, log_or, gee_log_or, conditional, zla, exact = np.array(found).T
    noise = ours.std(ddof=1) / np.sqrt(len(found))
    assert ours.mean() == pytest.approx(true[1] - true[0], abs=3.5 * noise)
    # the same estimand from the same data: they differ by far less than either varies
    assert np.std(ours - theirs) < 0.15 * ours.std()
    assert abs((ours - theirs).mean()) < 0.15 * ours.std()
    assert abs((log_or - gee_log_or).mean()) < 0.15 * log_or.std()
    # the conditional effect is another number
    assert conditional.mean() == pytest.approx(beta, abs=3.5 * conditional.std() / np.sqrt(len(found)))
    assert conditional.mean() - log_or.mean() > 10 * (conditional - log_or).std() / np.sqrt(len(found))
    truth = (np.log(true[1] / (1 - true[1])) - np.log(true[0] / (1 - true[0]))) / beta
    assert exact.mean() == pytest.approx(truth, abs=4 * exact.std() / np.sqrt(len(found)))
    assert exact.mean() == pytest.approx(zla.mean(), rel=0.06)  # a closed form is an approximation


def test_conditional_and_marginal_are_one_where_they_must_be():
    data = load_data("sim_clinic3")
    counts = marginal_effects(
        glmm("visits ~ age10 + treated + (1 | clinic)", data, family="poisson"), "treated"
    ).table
    assert counts.loc["rate_ratio", "estimate"] == pytest.approx(
        counts.loc["conditional_rate_ratio", "estimate"], rel=1e-12
    )
    assert counts.loc["rate_ratio", "se"] == pytest.approx(
        counts.loc["conditional_rate_ratio", "se"], rel=1e-9
    )
    without = marginal_effects(glmm("yb ~ x + (1 | clinic)", load_data("sim_glmm_zero")), "x")
    assert without.table.loc["risk_difference", "estimate"] == pytest.approx(
        without.table.loc["median_risk_difference", "estimate"], rel=1e-12
    )
    assert without.attenuation.exact == pytest.approx(1.0, abs=1e-9)
    assert without.attenuation.zeger_liang_albert == without.attenuation.neuhaus == 1.0
