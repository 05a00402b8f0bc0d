"""Effects by cohort and month: what can be told, what averages weigh, and what biases none of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from benchmarks.program_worlds import World, roll_out

from tasks.models import program_effect
from tasks.models.program_effects.cohort_months import CohortMonth, cohort_months, weights_of
from tasks.models.program_effects.rollout import Rollout

STARTS = np.array([np.inf, 3.0, 3.0, 5.0, 0.0])
MONTHS = np.arange(6.0)


def rollout(start: np.ndarray = STARTS) -> Rollout:
    """Five clinics over six months: one without the program, three that start, one that has it all along."""
    running = (MONTHS[None, :] >= start[:, None]).astype(float)
    clinics = tuple(f"c{each}" for each in range(len(start)))
    return Rollout(clinics, tuple(range(6)), MONTHS, start, running, ())


def table_of(cells: tuple[CohortMonth, ...]) -> dict[tuple[float, float], bool]:
    return {(each.start, each.month): each.told for each in cells}


def test_a_month_is_told_of_clinics_seen_before_their_start_beside_clinics_without_the_program() -> None:
    told = table_of(cohort_months(rollout(), "program"))
    assert [each for each, is_told in told.items() if is_told] == [(3, 3), (3, 4), (3, 5), (5, 5)]
    assert [start for (start, _), is_told in told.items() if not is_told] == [0.0] * 6  # never seen before
    everywhere = table_of(cohort_months(rollout(np.where(np.isinf(STARTS), 5.0, STARTS)), "program"))
    assert [each for each, is_told in everywhere.items() if is_told] == [(3, 3), (3, 4)]


def test_averages_weigh_clinics_alike_within_a_month_since_the_start_a_calendar_month_or_all() -> None:
    """Cohort 3 has two clinics over months 3, 4 and 5, cohort 5 has one in month 5."""
    cells = [each for each in cohort_months(rollout(), "program") if each.told]
    by_hand = {
        "since-start": [2 / 3 / 3, 1 / 3, 1 / 3, 1 / 3 / 3],  # in the month of the start both cohorts
        "calendar": [1 / 3, 1 / 3, 2 / 3 / 3, 1 / 3 / 3],  # in month 5 both cohorts
        "clinic-months": [2 / 7, 2 / 7, 2 / 7, 1 / 7],
    }
    for average, weights in by_hand.items():
        found = weights_of(cells, average)
        assert [found[each.column] for each in cells] == pytest.approx(weights)


@pytest.fixture(scope="module")
def certain() -> pd.DataFrame:
    """Means without noise: +2 in every month of early starters, +2 and a month more of late ones' each."""
    rng = np.random.default_rng(0)
    start = np.array([2, 2, 2, 4, 4, 4, 6, 6, 6, 99, 99, 99])
    clinic, month = (each.ravel() for each in np.meshgrid(np.arange(12), np.arange(8), indexing="ij"))
    since = month - start[clinic]
    effect = np.where(start[clinic] == 2, 2.0, 2.0 + 1.0 * month)
    y = rng.normal(size=12)[clinic] + 0.3 * month**2 + np.where(since >= 0, effect, 0.0)
    frame = pd.DataFrame({"clinic": clinic, "month": month, "program": (since >= 0).astype(int), "y": y})
    rows = pd.concat([frame.assign(y=y + each) for each in (-0.01, 0.01)])  # two records, of these means
    return rows.sample(frac=1.0, random_state=1)


def test_effects_without_noise_are_averaged_as_they_are(certain: pd.DataFrame) -> None:
    """By hand: cohort 2 has 2 in months 2–7, cohort 4 has 2 + month in 4–7, cohort 6 has 8 and 9."""
    table = program_effect("y ~ 1", certain, effect="cohort-month", models=("mixed",), random="clinic").table
    found = table[table["model"] == "mixed"].set_index("term")["value"]
    # what clinics differ by weighs some 1e-4 beside what they change by
    of_months = {0: (2 + 6 + 8) / 3, 1: (2 + 7 + 9) / 3, 2: (2 + 8) / 2, 3: (2 + 9) / 2, 4: 2.0, 5: 2.0}
    of_calendar = {2: 2.0, 3: 2.0, 4: (2 + 6) / 2, 5: (2 + 7) / 2, 6: (2 + 8 + 8) / 3, 7: (2 + 9 + 9) / 3}
    assert found["since-start"] == pytest.approx(np.mean(list(of_months.values())), abs=1e-3)
    assert found["calendar"] == pytest.approx(np.mean(list(of_calendar.values())), abs=1e-3)
    assert found["clinic-months"] == pytest.approx((6 * 2 + 6 + 7 + 8 + 9 + 8 + 9) / 12, abs=1e-3)
    exposure = program_effect("y ~ 1", certain, effect="exposure-time", models=("mixed",), random="clinic")
    average = exposure.table.set_index("model").loc["mixed", "value"]
    assert abs(average - found["since-start"]) > 0.1  # it takes effects to be alike, and they are not


def test_a_trend_of_early_starters_own_is_taken_off(certain: pd.DataFrame) -> None:
    """A steady one in proportion to clinics' share of months under the program, which shifts no effect."""
    share = certain.groupby("clinic")["program"].transform("mean")
    drifting = certain.assign(y=certain["y"] + 1.5 * share * certain["month"])
    asked = {"effect": "cohort-month", "models": ("mixed",), "random": "clinic"}
    tables = [
        program_effect("y ~ 1", frame, own_trend=own_trend, **asked).table.set_index("term")["value"]  # type: ignore[arg-type]
        for frame, own_trend in ((certain, False), (drifting, True), (drifting, False))
    ]
    still, allowed, mistaken = (table["since-start"] for table in tables)
    assert allowed == pytest.approx(still, abs=1e-3)
    assert abs(mistaken - still) > 0.5


def test_a_trend_that_only_the_first_months_could_tell_is_said_not_to_be_told() -> None:
    """Clinics start in the second month or never: one month before it has no slope."""
    world = World(name="one step", clinics=12, records=6)
    data = roll_out(world, np.random.default_rng(1)).data
    clinics = data["clinic"].unique()
    early = data["clinic"].isin(clinics[:6])
    data = data.assign(program=(early & (data["month"] > "2023-01")).astype(int))
    asked = {"effect": "cohort-month", "models": ("mixed",)}
    found = program_effect("y ~ 1", data, own_trend=True, **asked)  # type: ignore[arg-type]
    row = found.table[found.table["model"] == "mixed"].iloc[0]
    assert row["status"] == "not_estimable"
    assert "changing differently before their start cannot be told" in row["reason"]
    without = program_effect("y ~ 1", data, **asked).table  # type: ignore[arg-type]
    assert (without[without["model"] == "mixed"]["status"] == "ok").all()


@pytest.mark.before_release
@pytest.mark.slow
def test_effects_of_the_calendar_and_of_cohorts_are_held_where_the_average_by_exposure_misses_them() -> None:
    """Of 100 clinics, whose average by exposure time held the truth in 50% of networks; cohorts' in 96%."""
    world = World(name="cohorts", clinics=100, records=8, shape="cohorts")
    held = {"exposure-time": 0, "cohort-month": 0}
    for seed in range(12):
        rolled = roll_out(world, np.random.default_rng(seed))
        for effect in held:
            table = program_effect("y ~ 1", rolled.data, effect=effect, models=("mixed",)).table  # type: ignore[arg-type]
            row = table[table["model"] == "mixed"].iloc[0]
            truth = rolled.by_cohort["difference"] if effect == "cohort-month" else rolled.truth["difference"]
            held[effect] += row["lower"] <= truth <= row["upper"]
    assert held["cohort-month"] >= 10  # 95%: 10 or more in 98% of such trials
    assert held["exposure-time"] <= 9


@pytest.mark.parametrize("clinics", [8, 24])
def test_the_effect_varies_among_clinics_only_where_several_start_together(clinics: int) -> None:
    """Eight clinics start in eight months: each is its own cohort, and has no one to differ from."""
    data = roll_out(replace(World(name="few"), clinics=clinics), np.random.default_rng(2)).data
    found = program_effect("y ~ 1", data, effect="cohort-month", models=("mixed",))
    assert found.effect_varies == (clinics == 24)
    assert ("program" in found.fits["mixed"].varcomp["clinic"].index) == found.effect_varies  # type: ignore[attr-defined]
    assert np.isfinite(found.table.loc[found.table["model"] == "mixed", ["lower", "upper"]]).all(axis=None)
