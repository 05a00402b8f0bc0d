"""Effects that change with the months since the start: what leads, and what tests and bands say of them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from tasks.models import GlmmFit, program_effect
from tasks.models.program_effects.by_unit import scores_by_unit
from tasks.models.program_effects.linearised import SmallSampleGlmm
from tasks.models.program_effects.months_together import simultaneous_quantile
from tasks.models.program_effects.rollout import Rollout

MONTHS = 12
STARTS = np.tile(np.arange(3, 12), 3)[:24]
GROWTH = 0.06
AFTER = MONTHS - STARTS.min()
AVERAGE = GROWTH * np.mean(np.arange(AFTER) + 1.0)


def rolled_out(seed: int, rows: int, growth: float, trend: float = 0.0) -> pd.DataFrame:
    """24 clinics over 12 months that start in months 3 to 11; early ones may have a trend of their own."""
    rng = np.random.default_rng(seed)
    clinic = np.repeat(np.arange(24), MONTHS * rows)
    month = np.tile(np.repeat(np.arange(MONTHS), rows), 24)
    since = month - STARTS[clinic]
    program = (since >= 0).astype(int)
    own_trend = trend * (11 - STARTS[clinic]) / 8.0 * month
    y = (
        0.03 * month
        + own_trend
        + rng.normal(0.0, 0.3, 24)[clinic]
        + rng.normal(0.0, 0.1, (24, MONTHS))[clinic, month]
        + program * (growth * (since + 1.0) if growth else 0.3)
        + rng.normal(size=len(clinic))
    )
    return pd.DataFrame(
        {
            "y": y,
            "program": program,
            "clinic": [f"c{each:02}" for each in clinic],
            "month": [f"2023-{each + 1:02}" for each in month],
        }
    )


def row_of(table: pd.DataFrame, model: str, measure: str) -> pd.Series:
    return table[(table["model"] == model) & (table["measure"] == measure)].iloc[0]


@pytest.mark.slow
def test_one_effect_for_all_months_misses_a_growing_one_and_the_average_holds_it() -> None:
    frame = rolled_out(1, rows=120, growth=GROWTH)
    average = program_effect("y ~ 1", frame, effect="exposure-time")
    constant = program_effect("y ~ 1", frame)
    for model in ("mixed", "gee", "within"):
        held, missed = (row_of(each.table, model, "difference") for each in (average, constant))
        assert held["lower"] < AVERAGE < held["upper"]
        assert missed["upper"] < AVERAGE
    assert average.change is not None and average.change.p < 0.001
    np.testing.assert_allclose(average.change.estimate.iloc[0], GROWTH, atol=4.0 * 0.01)


@pytest.mark.before_release
@pytest.mark.slow
def test_a_constant_effect_does_not_change() -> None:
    found = [
        program_effect("y ~ 1", rolled_out(s, 15, 0.0), effect="exposure-time", models=("mixed",))
        for s in range(40)
    ]
    rejected = sum(each.change is not None and each.change.p < 0.05 for each in found)
    assert rejected <= 6  # of 40 at the 5% level, 6 or fewer in 99% of such trials
    held = [row_of(each.table, "mixed", "difference") for each in found]
    assert sum(each["lower"] < 0.3 < each["upper"] for each in held) >= 34  # 95%: 34 or more in 99%


@pytest.mark.slow
def test_a_trend_of_the_clinics_own_is_seen_before_the_start() -> None:
    leads = {"effect": "event-study", "models": ("mixed",), "leads": 3}
    moving = program_effect("y ~ 1", rolled_out(3, 60, 0.0, trend=0.15), **leads)  # type: ignore[arg-type]
    still = program_effect("y ~ 1", rolled_out(3, 60, 0.0), **leads)  # type: ignore[arg-type]
    assert moving.before is not None and moving.before.p < 0.001
    assert moving.before.df_num == 3
    assert still.before is not None and still.before.p > 0.05


def test_the_band_is_wider_than_the_intervals_and_holds_their_middle() -> None:
    table = program_effect("y ~ 1", rolled_out(4, 15, GROWTH), effect="event-study", models=("mixed",)).table
    months = table[table["model"] == "mixed"]
    assert (months["band_lower"] < months["lower"]).all() and (months["upper"] < months["band_upper"]).all()
    np.testing.assert_allclose(months["band_lower"] + months["band_upper"], 2.0 * months["value"], rtol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("family", ["gaussian", "binomial"])
def test_exposure_time_has_the_months_of_an_event_study(family: str) -> None:
    """Without leads both are one model: what one was fitted for, the other need not be fitted for again."""
    frame = rolled_out(4, 15, GROWTH)
    if family == "binomial":
        frame["y"] = (frame["y"] > 0.5).astype(int)
    average, months = (
        program_effect("y ~ 1", frame, family=family, effect=effect, models=("mixed",))  # type: ignore[arg-type]
        for effect in ("exposure-time", "event-study")
    )
    assert len(months.by_month()) == AFTER
    pd.testing.assert_frame_equal(
        average.by_month(), months.by_month().reset_index(drop=True), check_exact=True
    )
    immediate = program_effect("y ~ 1", frame, family=family, models=("mixed",))  # type: ignore[arg-type]
    assert immediate.by_month().empty


@pytest.mark.parametrize("count", [1, 3, 10])
def test_independent_effects_have_the_quantile_of_sidak(count: int) -> None:
    names = [f"m{k}" for k in range(count)]
    fit = SimpleNamespace(
        vcov=pd.DataFrame(np.diag(np.arange(1.0, count + 1.0)), index=names, columns=names),
        df=pd.Series(np.inf, index=names),
    )
    worked = stats.norm.ppf(0.5 + 0.95 ** (1.0 / count) / 2.0)
    assert simultaneous_quantile(fit, names, 0.95) == pytest.approx(worked, rel=0.01)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def binary() -> pd.DataFrame:
    frame = rolled_out(5, 25, GROWTH)
    rng = np.random.default_rng(6)
    return frame.assign(y=(rng.random(len(frame)) < special.expit(-1.0 + frame["y"] - 0.5)).astype(int))


def spread(fit: GlmmFit, under: float) -> float:
    """SD of all random effects together, of which the program's own counts under it alone."""
    clinic, month = (fit.varcomp.variance(group) for group in ("clinic", "month:clinic"))
    return float(np.sqrt(clinic["(Intercept)"] + under * clinic["program"] + month["(Intercept)"]))


@pytest.mark.slow
def test_the_populations_average_month_is_standardised_by_hand(binary: pd.DataFrame) -> None:
    found = program_effect("y ~ 1", binary, family="binomial", effect="exposure-time", models=("mixed",))
    fit = found.fits["mixed"]
    assert isinstance(fit, GlmmFit)
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()
    shares = binary.groupby("clinic")["program"].transform("mean")
    rows = binary.assign(share=shares).groupby(["month", "share"]).size() / len(binary)

    def risk(effect: float, under: float) -> float:
        total, sd = 0.0, spread(fit, under)
        for (label, share), weight in rows.items():
            eta = fit.coef["(Intercept)"] + fit.coef.get(f"month{label}", 0.0) + effect
            eta += fit.coef["program_share"] * share
            total += weight * float(weights @ special.expit(eta + sd * nodes))
        return total

    effects = [fit.coef[f"program{month}"] for month in range(AFTER)]
    with_it, without = np.mean([risk(each, 1.0) for each in effects]), risk(0.0, 0.0)
    np.testing.assert_allclose(
        row_of(found.table, "mixed", "risk_difference")["value"], with_it - without, rtol=1e-7
    )
    np.testing.assert_allclose(
        row_of(found.table, "mixed", "risk_ratio")["value"], with_it / without, rtol=1e-7
    )


@pytest.mark.slow
def test_its_error_is_the_numerical_delta_methods(binary: pd.DataFrame) -> None:
    """Against the spread of the same average over draws of all parameters from their joint normal."""
    found = program_effect("y ~ 1", binary, family="binomial", effect="exposure-time", models=("mixed",))
    fit = found.fits["mixed"]
    assert isinstance(fit, SmallSampleGlmm)
    row = row_of(found.table, "mixed", "risk_difference")
    # the clinics' differences give the wider interval here, so their covariance is the one that is drawn from
    by_clinic = scores_by_unit(fit.likeness, np.arange(24)).covariance("kauermann-carroll")
    assert row["df"] < 24.0
    se = (row["upper"] - row["lower"]) / (2.0 * float(stats.t.ppf(0.975, row["df"])))
    names = list(fit.coef.index)
    rng = np.random.default_rng(8)
    draws = rng.multivariate_normal(fit.coef, by_clinic, size=400)
    nodes, weights = np.polynomial.hermite_e.hermegauss(20)
    weights = weights / weights.sum()
    months = [names.index(f"program{month}") for month in range(AFTER)]
    base = draws[:, [names.index("(Intercept)")]] + np.column_stack(
        [np.zeros(400), *(draws[:, names.index(f"month2023-{m:02}")] for m in range(2, MONTHS + 1))]
    )
    shares = binary.groupby("clinic")["program"].mean().to_numpy()
    base = (base[:, :, None] + draws[:, names.index("program_share"), None, None] * shares).reshape(400, -1)

    def risk(effect: np.ndarray, under: float) -> np.ndarray:
        eta = base[:, :, None] + effect[:, None, None] + spread(fit, under) * nodes
        return np.asarray((special.expit(eta) @ weights).mean(axis=1))

    drawn = np.mean([risk(draws[:, month], 1.0) for month in months], axis=0) - risk(np.zeros(400), 0.0)
    assert se == pytest.approx(drawn.std(), rel=0.12)  # 400 draws: 3.5%; and what the variances add


@pytest.mark.slow
def test_clinics_that_had_it_all_along_do_not_move_the_others_months() -> None:
    """Four of 16 clinics began two years before the window; the effect is −1 a month, −6 from month 6 on."""
    rng = np.random.default_rng(8)
    starts = np.array([-24] * 4 + [2 + k % 6 for k in range(4, 12)] + [10**6] * 4)
    clinic, month = np.repeat(np.arange(16), 12 * 40), np.tile(np.repeat(np.arange(12), 40), 16)
    since = month - starts[clinic]
    effect = -np.where(since >= 0, np.minimum(since, 6), 0)
    y = 130.0 + rng.normal(0.0, 3.0, 16)[clinic] + 0.3 * month + effect + rng.normal(0.0, 5.0, len(clinic))
    labels = np.array([f"{2023 + m // 12}-{m % 12 + 1:02}" for m in range(-24, 12)])
    frame = pd.DataFrame({"y": y, "clinic": [f"K{each:02}" for each in clinic], "month": labels[month + 24]})
    declared = {f"K{k:02}": labels[start + 24] for k, start in enumerate(starts) if start < 100}
    average = program_effect("y ~ 1", frame, starts=declared, effect="exposure-time").table
    for model in ("mixed", "gee", "within"):
        row = row_of(average, model, "difference")
        assert row["lower"] < -3.9 < row["upper"], model  # months 0 to 9: (0 + 1 + … + 5 + 4 · 6) / 10
    months = program_effect("y ~ 1", frame, starts=declared, effect="event-study", models=("mixed",)).table
    months = months[months["model"] == "mixed"].set_index("term")
    assert list(months.index) == [str(each) for each in range(10)]
    worked = -np.minimum(np.arange(10), 6)
    assert (months["band_lower"].to_numpy() < worked).all() and (
        worked < months["band_upper"].to_numpy()
    ).all()


@pytest.mark.parametrize(
    ("shares", "adoption"),
    [
        ([[0, 0, 1, 1], [0, 1, 1, 1], [0, 0, 0, 0]], "rollout"),
        ([[0, 0.4, 1, 1], [0, 0, 0, np.nan]], "rollout"),
        ([[1, 1, 1, 1], [0, 0, 0, 0], [np.nan, 1, 1, 1]], "whole-clinics"),
        ([[0.2, 0.3, 0.1, 0.4], [0, 0, 0, 0]], "patients"),
        ([[0, 1, 0, 1], [0, 0, 0, 0]], "patients"),
        ([[np.nan, np.nan, np.nan, 0.5], [np.nan, np.nan, np.nan, 0.48]], "patients"),  # a trial in one month
        ([[0.5, np.nan, np.nan, np.nan], [0, 0, np.nan, np.nan]], "patients"),
    ],
)
def test_who_took_it_up_is_read_off_the_records(shares: list[list[float]], adoption: str) -> None:
    program = np.array(shares, dtype=float)
    clinics = tuple(range(len(program)))
    rollout = Rollout(clinics, (0, 1, 2, 3), np.arange(4.0), np.full(len(program), np.inf), program, ())
    assert rollout.adoption == adoption


def few_events(seed: int) -> pd.DataFrame:
    """2% of records have the event, a third fewer under the program."""
    rng = np.random.default_rng(seed)
    clinic, month = (np.repeat(each, 40) for each in np.divmod(np.arange(16 * MONTHS), MONTHS))
    under = month >= 2 + clinic % 8
    eta = -4.2 + rng.normal(0.0, 0.3, 16)[clinic] - 0.4 * under
    return pd.DataFrame(
        {
            "y": (rng.random(len(clinic)) < special.expit(eta)).astype(int),
            "program": under.astype(int),
            "clinic": [f"c{each:02}" for each in clinic],
            "month": [f"2023-{each + 1:02}" for each in month],
        }
    )


@pytest.mark.before_release
@pytest.mark.slow
def test_difference_and_ratio_of_risks_agree_whether_there_is_an_effect() -> None:
    """By each one's own delta method a difference held 0 where the ratio was 0.05 to 0.73."""
    excluded = []
    for seed in range(12):
        found = program_effect(
            "y ~ 1", few_events(seed), family="binomial", effect="exposure-time", models=("mixed",)
        ).table
        difference, ratio = (row_of(found, "mixed", name) for name in ("risk_difference", "risk_ratio"))
        assert difference["p"] == ratio["p"]
        tells = not difference["lower"] < 0.0 < difference["upper"]
        assert tells == (not ratio["lower"] < 1.0 < ratio["upper"]) == (difference["p"] < 0.05)
        assert -1.0 < difference["lower"] < difference["value"] < difference["upper"] < 1.0
        excluded.append(tells)
    assert any(excluded)
    assert not all(excluded)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_an_effect_on_the_population_is_no_surer_than_a_patients(seed: int) -> None:
    """With a trend, risks of late months can hardly fall further, and the delta method's error vanishes."""
    few = few_events(seed)
    found = program_effect(
        "y ~ 1", few, family="binomial", effect="exposure-time", own_trend=True, models=("mixed",)
    ).table
    difference, odds = (row_of(found, "mixed", name) for name in ("risk_difference", "odds_ratio"))
    if abs(np.log(odds["value"])) > 0.05:  # of no effect either is as sure
        assert difference["p"] >= odds["p"] * 0.999


def test_an_interval_of_many_records_is_the_delta_methods(binary: pd.DataFrame) -> None:
    fit = program_effect("y ~ 1", binary, family="binomial", effect="exposure-time", models=("mixed",))
    row = row_of(fit.table, "mixed", "risk_difference")
    lower, upper = row["value"] - row["lower"], row["upper"] - row["value"]
    assert lower == pytest.approx(upper, rel=0.1)
