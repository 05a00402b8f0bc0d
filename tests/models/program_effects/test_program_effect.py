"""Program effects on simulated stepped rollouts with a secular trend, whose truth is known."""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import numpy as np
import pandas as pd
import pytest

from tasks.errors import ClinicnetError, EstimationError, FormulaError, RecordsError
from tasks.models.estimating_equations.gee import gee
from tasks.models.fixed_effects.within import within
from tasks.models.generalized_mixed.glmm import glmm
from tasks.models.linear_mixed.lmm import lmm
from tasks.models.program_effects.program_effect import program_effect
from tasks.models.program_effects.program_models import FEWEST_EVENTS, TooFewEventsError

TRUTH = -1.0


def wedge(
    seed: int,
    *,
    family: str = "gaussian",
    clinics: int = 24,
    months: int = 10,
    rows: int = 12,
    growth: float = 0.0,
    together: bool = False,
) -> pd.DataFrame:
    """Clinics that start one after another (two never), months that get better by themselves."""
    rng = np.random.default_rng(seed)
    reached = clinics - 2
    start = (
        np.full(clinics, 5)
        if together
        else np.append(1 + np.arange(reached) * (months - 1) // reached, [99, 99])
    )
    start = rng.permutation(start)
    clinic, month = np.divmod(np.repeat(np.arange(clinics * months), rows), months)
    level, wobble = rng.normal(size=clinics), 0.3 * rng.normal(size=(clinics, months))
    x = rng.normal(size=len(clinic))
    since = month - start[clinic]
    effect = np.where(since >= 0, TRUTH + growth * since, 0.0)
    linear = level[clinic] + wobble[clinic, month] - 0.15 * month + effect + 0.5 * x
    if family == "gaussian":
        y = 120.0 + linear + rng.normal(size=len(x))
    elif family == "binomial":
        y = (rng.random(len(x)) < 1.0 / (1.0 + np.exp(-1.0 - linear))).astype(int)
    else:
        y = rng.poisson(np.exp(0.5 + 0.5 * linear))
    data = pd.DataFrame({"clinic": clinic, "month": month, "x": x, "y": y})
    data["program"] = (since >= 0).astype(int)
    data["clinic"] = "C" + data.clinic.astype(str).str.zfill(2)
    data["region"] = data.clinic.str[1]
    return data.sample(frac=1.0, random_state=seed).reset_index(drop=True)


def growing() -> pd.DataFrame:
    """Many clinics with an effect that grows by 0.4 a month."""
    parts = [wedge(seed, growth=-0.4) for seed in range(6)]
    return pd.concat([part.assign(clinic=part.clinic + str(seed)) for seed, part in enumerate(parts)])


def values(result, model: str) -> np.ndarray:  # type: ignore[no-untyped-def]
    return result.table.loc[result.table.model == model, "value"].to_numpy(dtype=float)


@pytest.mark.before_release
@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "truth"), [("gaussian", TRUTH), ("binomial", np.exp(TRUTH)), ("poisson", np.exp(0.5 * TRUTH))]
)
def test_naive_misleads_and_models_recover(family: str, truth: float) -> None:
    """Over replications the models centre on the truth and cover it; the naive figure does neither."""
    estimates: dict[str, list[float]] = {}
    covered: dict[str, list[bool]] = {}
    replications = 25 if family == "gaussian" else 15  # of 15 intervals 12 hold the truth but once in 1,000
    for seed in range(replications):
        table = program_effect("y ~ x", wedge(seed, family=family), family=family).table
        # of a mixed model the conditional effect: population-averaged ones have another truth
        table = table[(table.measure != "risk_difference") & (table.measure != "risk_ratio")]
        table = table[(table.model != "mixed") | (table.estimand == "conditional")]
        for row in table.itertuples():
            scale = float(row.value) if family == "gaussian" else float(np.log(row.value))
            estimates.setdefault(str(row.model), []).append(scale)
            covered.setdefault(str(row.model), []).append(bool(row.lower < truth < row.upper))
    target = truth if family == "gaussian" else np.log(truth)
    assert np.mean(estimates["naive"]) < np.mean(estimates["gee"]) - 0.25
    assert np.mean(covered["naive"]) < 0.6
    models = ("mixed", "gee", "within") if family == "gaussian" else ("mixed",)
    for model in models:
        spread = np.std(estimates[model]) / np.sqrt(replications)
        assert abs(np.mean(estimates[model]) - target) < 4.0 * spread + 0.02, model
        assert np.mean(covered[model]) >= 0.8, model
    if family == "binomial":  # averaged over clinics, odds ratios lie nearer to 1
        assert abs(np.mean(estimates["gee"])) < abs(np.mean(estimates["mixed"]))


def test_immediate_effect_is_the_models_own() -> None:
    """What the columns added to moments give, the formula with factors gives."""
    data = wedge(1)
    result = program_effect("y ~ x", data)
    written = "y ~ x + C(month) + program"
    data["share"] = data.groupby("clinic")["program"].transform("mean")
    mixed = lmm(f"{written} + share + (1 + program || clinic) + (1 | clinic:month)", data)
    assert values(result, "mixed")[0] == pytest.approx(mixed.coef["program"], rel=1e-6)
    marginal = gee(written, data, groups="clinic", corr="exchangeable")
    row = result.table[result.table.model == "gee"].iloc[0]
    assert row.value == pytest.approx(marginal.coef["program"], rel=1e-8)
    assert row.df == pytest.approx(marginal.df["program"], rel=1e-6)
    interval = marginal.conf_int().loc["program"]
    assert (row.lower, row.upper) == pytest.approx(tuple(interval), rel=1e-7)
    inside = within(written, data, groups="clinic", cov="cr2")
    assert values(result, "within")[0] == pytest.approx(inside.coef["program"], rel=1e-8)
    assert result.table.loc[result.table.model == "within", "p"].item() == pytest.approx(
        inside.p_values["program"], rel=1e-5
    )


@pytest.mark.slow
def test_binary_outcome_is_the_models_own() -> None:
    data = wedge(2, family="binomial", rows=8)
    result = program_effect("y ~ x", data, family="binomial", random="clinic")
    written = "y ~ x + C(month) + program"
    data["share"] = data.groupby("clinic")["program"].transform("mean")
    mixed = glmm(f"{written} + share + (1 + program || clinic)", data, family="binomial")
    assert np.log(values(result, "mixed")[0]) == pytest.approx(mixed.coef["program"], rel=1e-6)
    marginal = gee(written, data, groups="clinic", corr="exchangeable", family="binomial")
    assert np.log(values(result, "gee")[0]) == pytest.approx(marginal.coef["program"], rel=1e-7)
    inside = within(written, data, groups="clinic", cov="cr2")
    assert values(result, "within")[0] == pytest.approx(inside.coef["program"], rel=1e-7)
    assert result.table.loc[result.table.model == "within", "measure"].item() == "risk_difference"


def test_counts_within_are_poisson_with_clinic_effects() -> None:
    data = wedge(3, family="poisson", rows=6)
    data["years"] = 0.5 + (np.arange(len(data)) % 4) / 4.0
    result = program_effect("y ~ x", data, family="poisson", exposure="years", models=("within",))
    dummies = gee(
        "y ~ 0 + clinic + x + C(month) + program", data, groups="clinic", family="poisson", exposure="years"
    )
    assert np.log(values(result, "within")[0]) == pytest.approx(dummies.coef["program"], rel=1e-7)


def test_event_study_follows_an_effect_that_grows() -> None:
    result = program_effect("y ~ x", growing(), effect="event-study")
    for model in ("mixed", "gee", "within"):
        rows = result.table[result.table.model == model]
        assert rows.term.to_list() == [str(month) for month in range(9)]
        truth = TRUTH - 0.4 * np.arange(9)
        assert np.sum((rows.lower < truth) & (truth < rows.upper)) >= 8, model


def test_horizon_pools_later_months() -> None:
    result = program_effect("y ~ x", wedge(1), effect="event-study", horizon=3, models=("within",))
    rows = result.table[result.table.model == "within"]
    assert rows.term.to_list() == ["0", "1", "2", "3+"]
    assert ((rows.lower < TRUTH) & (rows.upper > TRUTH)).all()


def test_exposure_time_average_where_the_immediate_effect_misleads() -> None:
    """With effects that grow, one effect for all months is not their average: Kenny et al. (2022)."""
    result = program_effect("y ~ x", growing(), effect="exposure-time", horizon=6)
    average = TRUTH - 0.4 * np.mean(range(6))
    for model in ("mixed", "gee", "within"):
        row = result.table[result.table.model == model].iloc[0]
        assert row.lower < average < row.upper, model
    immediate = program_effect("y ~ x", growing(), models=("within",)).table.iloc[-1]
    assert immediate.lower > average


@pytest.mark.slow
def test_leads_show_no_effect_before_the_cause() -> None:
    estimates = []
    for seed in range(12):
        result = program_effect("y ~ x", wedge(seed), effect="event-study", leads=2, models=("within",))
        rows = result.table[result.table.model == "within"]
        assert rows.term.to_list()[:4] == ["-2", "-1", "0", "1"]
        estimates.append(rows.value.to_numpy(dtype=float)[:4])
    mean, spread = np.mean(estimates, axis=0), np.std(estimates, axis=0) / np.sqrt(12)
    assert np.all(np.abs(mean - [0.0, 0.0, TRUTH, TRUTH]) < 4.0 * spread)


def test_declared_starts_and_months_as_text() -> None:
    data = wedge(4)
    by_column = program_effect("y ~ x", data, models=("gee",))
    starts = data[data.program == 1].groupby("clinic").month.min()
    assert by_column.rollout.starts().dropna().to_dict() == starts.to_dict()
    labelled = data.assign(month="2020-" + (data.month + 1).astype(str).str.zfill(2)).drop(columns="program")
    declared = {clinic: f"2020-{month + 1:02d}" for clinic, month in starts.items()}
    by_start = program_effect("y ~ x", labelled, starts=declared, models=("gee",))
    np.testing.assert_allclose(values(by_start, "gee"), values(by_column, "gee"), rtol=1e-9)
    np.testing.assert_allclose(values(by_start, "naive"), values(by_column, "naive"), rtol=1e-9)


def test_from_a_database() -> None:
    data = wedge(5, family="binomial")
    frame = program_effect("y ~ x", data, family="binomial", effect="exposure-time")
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE visits AS SELECT * FROM data")
        table = connection.table("visits")
        relation = program_effect("y ~ x", table, family="binomial", effect="exposure-time")
    np.testing.assert_allclose(relation.table.value, frame.table.value, rtol=1e-7)


def test_rows_name_what_they_are() -> None:
    table = program_effect("y ~ x", wedge(6)).table.set_index("model")
    assert table.estimand.to_dict() == {
        "naive": "unadjusted",
        "mixed": "conditional",
        "gee": "marginal",
        "within": "conditional",
    }
    assert table.question.to_list() == ["none", "patient", "policy", "these_clinics"]
    assert (table.measure == "difference").all()
    assert table.n_clinics.to_dict() == {"naive": 22, "mixed": 24, "gee": 24, "within": 24}
    assert "each its own control" in table.words["within"]


def test_one_model_that_cannot_does_not_stop_the_others() -> None:
    """The program differs between clinics and never within them: nothing to compare within."""
    data = wedge(8)
    data["program"] = (data.clinic > "C11").astype(int)
    result = program_effect("y ~ x", data)
    table = result.table.set_index("model")
    assert table.status.to_dict() == {
        "naive": "not_estimable",
        "mixed": "ok",
        "gee": "ok",
        "within": "not_estimable",
    }
    assert "does not change within any clinic" in table.reason["within"]
    assert "first period" in result.messages[0]


def spoiled(data: pd.DataFrame, **columns: object) -> pd.DataFrame:
    return data.assign(**columns)


@pytest.mark.parametrize(
    ("change", "keywords", "error", "words"),
    [
        ({"program": 0}, {}, EstimationError, "never runs"),
        ({"program": 1}, {}, EstimationError, "runs in all"),
        ({"program": 2}, {}, RecordsError, "other than 0 and 1"),
        ({}, {"effect": "gradual"}, EstimationError, "no effect 'gradual'"),
        ({}, {"models": ("glm",)}, EstimationError, "no model 'glm'"),
        ({}, {"family": "gamma"}, EstimationError, "no family 'gamma'"),
        ({}, {"starts": {"nowhere": 3}}, RecordsError, "'nowhere', which has no records"),
        ({}, {"starts": {"C01": "soon"}}, RecordsError, "not one of the periods"),
        ({}, {"period": "mnth"}, ClinicnetError, "no column 'mnth'.*'month'"),
    ],
)
def test_bad_input(change, keywords, error, words) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=words) as caught:
        program_effect("y ~ x", spoiled(wedge(9, rows=3), **change), **keywords)
    assert isinstance(caught.value, ClinicnetError)


def test_started_everywhere_at_once() -> None:
    with pytest.raises(EstimationError, match="started in the same period everywhere"):
        program_effect("y ~ x", wedge(10, together=True))


@pytest.mark.parametrize("formula", ["y ~ x + program", "y ~ x + C(month)", "y ~ x + (1 | clinic)"])
def test_formula_is_for_adjusters(formula: str) -> None:
    with pytest.raises(FormulaError, match="adds"):
        program_effect(formula, wedge(11, rows=3), effect="event-study")


@pytest.mark.parametrize(
    ("label", "first", "second"),
    [
        (lambda month: f"{2020 + month // 4}-Q{month % 4 + 1}", "2020-Q3", "2020-08-15"),
        # from the 51st week of 2020, which had 53: the fourth is the first of 2021
        (
            lambda month: ["2020-W51", "2020-W52", "2020-W53", *(f"2021-W{n:02d}" for n in range(1, 8))][
                month
            ],
            "2020-W53",
            "2021-01-01",
        ),
    ],
    ids=["quarters", "weeks"],
)
def test_starts_among_quarters_or_weeks_are_periods_or_days_in_them(
    label: Callable[[int], str], first: str, second: str
) -> None:
    """The third period is declared as itself, or by a day in it: the same as its number."""
    data = wedge(5)
    started = data[data.program == 1].groupby("clinic").month.min()
    labelled = data.assign(month=data.month.map(label)).drop(columns="program")
    by_number = program_effect("y ~ x", data, effect="event-study", models=("gee",))
    declared = {clinic: label(month) for clinic, month in started.items()}
    clinics = [clinic for clinic, month in started.items() if month == 2]
    assert clinics
    for third in (first, second):
        starts = declared | dict.fromkeys(clinics, third)
        found = program_effect("y ~ x", labelled, starts=starts, effect="event-study", models=("gee",))
        assert found.rollout.starts()[clinics[0]] == first
        compared = ["term", "value", "lower", "upper"]
        pd.testing.assert_frame_equal(
            found.table.loc[found.table["model"] == "gee", compared],
            by_number.table.loc[by_number.table["model"] == "gee", compared],
        )


def test_a_start_that_is_no_period_of_the_records_is_refused() -> None:
    data = wedge(5).assign(
        month=lambda rows: [f"{2020 + month // 4}-Q{month % 4 + 1}" for month in rows.month]
    )
    with pytest.raises(RecordsError, match="is not one of the periods"):
        program_effect("y ~ x", data.drop(columns="program"), starts={"C00": "spring"})


@pytest.mark.parametrize(("records", "told"), [(40, False), (160, True)])
def test_an_average_over_the_population_needs_events_on_both_sides(records: int, told: bool) -> None:
    """3% of records have the event: some 50 on either side, or 200."""
    rng = np.random.default_rng(12)
    clinic, month = (np.repeat(each, records) for each in np.divmod(np.arange(8 * 12), 12))
    program = (month >= 6).astype(int)
    rare = pd.DataFrame(
        {
            "y": (rng.random(len(clinic)) < 0.03).astype(int),
            "program": np.where(clinic % 2, program, 0),
            "clinic": [f"c{each}" for each in clinic],
            "month": [f"2023-{each + 1:02}" for each in month],
        }
    )
    events = rare.groupby("program")["y"].sum()
    assert (events.min() >= FEWEST_EVENTS) == told
    found = program_effect("y ~ 1", rare, family="binomial", models=("gee", "mixed"))
    rows = found.table.set_index("model")
    assert (rows.loc["gee", "status"] == "ok") == told
    assert told or rows.loc["gee", "reason"] == TooFewEventsError.MESSAGE
    assert (rows.loc[["mixed"], "status"] == "ok").all()


@pytest.mark.parametrize("family", ["gaussian", "binomial"])
def test_a_clinic_without_any_value_of_the_outcome_is_left_out_of_its_rollout(family: str) -> None:
    """The plain comparison added the rollout of 51 clinics to the sums of 50, and ended as a bug."""
    data = wedge(5, family=family, clinics=8, months=6)
    empty = data["clinic"] == "C03"
    unvalued = data.assign(y=data["y"].astype("float64").mask(empty))
    found = program_effect("y ~ x", unvalued, models=("within",), family=family).table
    without = program_effect("y ~ x", data[~empty], models=("within",), family=family).table
    pd.testing.assert_frame_equal(found, without)
    assert set(found["model"]) == {"naive", "within"}
