"""Adjusters that bend, and how well adjusters predict."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tasks.estimating import OutcomeEstimates, estimate_outcome, summarise
from tasks.estimating.adjustment import (
    adjustment,
    concordance,
    explained_within,
    largest_by_chance,
    miscalibration,
)
from tasks.models import lmm
from tasks.network import read_network
from tasks.records import Records, moments_for
from tasks.screening import screen


def estimated(
    directory: Path, seed: int, curve: float, adjusters: str = '"age"'
) -> tuple[OutcomeEstimates, pd.Series]:
    """24 clinics whose patients differ in age, of which the outcome is a curve; and their true effects."""
    rng = np.random.default_rng([91, seed])
    names = [f"c{j:02d}" for j in range(24)]
    clinic = np.repeat(np.arange(24), 120)
    middle = np.linspace(25, 75, 24)[rng.permutation(24)]
    age = np.clip(rng.normal(middle[clinic], 8), 0, 100).round(1)
    effect = rng.normal(0, 0.3, 24)
    y = effect[clinic] + 0.01 * age + curve * ((age - 50) / 25) ** 2 + rng.normal(0, 1, len(clinic))
    rows = pd.DataFrame(
        {"clinic": np.array(names)[clinic], "date": pd.Timestamp("2024-01-10"), "y": y, "age": age}
    )
    with duckdb.connect(str(directory / f"records{seed}.duckdb")) as connection:
        connection.register("written", rows)
        connection.execute(
            "CREATE TABLE records AS SELECT * REPLACE (CAST(date AS DATE) AS date) FROM written"
        )
    file = directory / f"network{seed}.toml"
    file.write_text(
        f'[network]\nname = "N"\n[records]\nsource = "records{seed}.duckdb"\n[window]\nmonths = 1\n'
        '[outcomes.y]\nlabel = "Y"\nkind = "continuous"\ndirection = "lower"\n'
        f"adjusters = [{adjusters}]\n"
    )
    network = read_network(file)
    usable = screen(Records.of(network), network, "2024-01").usable
    found = estimate_outcome(usable, network, "y", summarise(usable, network))
    return found, pd.Series(effect - effect.mean(), index=names)


def held(found: OutcomeEstimates, truth: pd.Series) -> float:
    """The share of clinics whose interval holds their true distance from the typical clinic."""
    assert found.shrunken is not None
    table = found.shrunken.table
    return float(((table["lower"] <= truth) & (truth <= table["upper"])).mean())


@pytest.mark.before_release
@pytest.mark.slow
def test_a_curved_effect_bends_and_intervals_hold(tmp_path: Path) -> None:
    """Entered straight, the same networks' intervals hold 87% of the truths."""
    shares = []
    for seed in range(6):
        found, truth = estimated(tmp_path, seed, 0.5)
        assert found.outcome["adjusters"] == "age (curved)"
        shares.append(held(found, truth))
    assert np.mean(shares) > 0.91


@pytest.mark.before_release
@pytest.mark.slow
def test_a_straight_effect_mostly_stays_straight(tmp_path: Path) -> None:
    """By AIC two columns without effect enter in 14% of samples: P(χ²(2) > 4)."""
    kept = [estimated(tmp_path, seed, 0.0)[0].outcome["adjusters"] for seed in range(100, 108)]
    assert kept.count("age") >= 5


@pytest.mark.slow
def test_how_much_the_adjusters_explain_stands_among_the_figures(tmp_path: Path) -> None:
    """Within a clinic age has an SD of 8 and a slope of 0.01 and the curve's; of a variance of about 1."""
    found, _ = estimated(tmp_path, 0, 0.5)
    figures = found.figures.set_index("figure")["value"]
    assert 0.02 < figures["discrimination"] < 0.2


def test_a_concordance_is_the_share_of_pairs_in_order() -> None:
    # events score 2 and 1, others 1 and 0: pairs (2,1) (2,0) (1,0) in order, (1,1) tied
    score = np.array([2.0, 1.0, 1.0, 0.0])
    assert concordance(score, np.array([1.0, 1.0, 0, 0]), np.array([0, 0, 1.0, 1.0])) == 3.5 / 4
    # one cell of many records is as many pairs
    assert concordance(np.zeros(1), np.array([30.0]), np.array([70.0])) == 0.5


def test_a_miss_is_found_in_its_tenth() -> None:
    risk = np.arange(1.0, 11.0)
    expected = np.full(10, 20.0)
    events = expected.copy()
    events[7] = 26.0
    found, by_chance = miscalibration(risk, events, expected, expected)
    assert found == pytest.approx(6 / 20)
    # of ten alike each must stay under in 0.95^(1/10) of samples
    assert by_chance == pytest.approx(stats.norm.ppf(0.5 + 0.5 * 0.95**0.1) / np.sqrt(20))
    assert np.isnan(miscalibration(risk, events / 10, expected / 10, expected / 10)).all()


def test_chance_keeps_the_largest_of_unlike_errors_under_its_reach_in_95_of_100() -> None:
    sd = np.array([0.1, 0.3, 0.2, 0.25])
    largest = np.abs(np.random.default_rng(4).normal(0.0, sd, (200_000, 4))).max(axis=1)
    assert (largest < largest_by_chance(sd)).mean() == pytest.approx(0.95, abs=0.002)
    assert largest_by_chance(np.array([0.2, 0.0])) == pytest.approx(0.2 * stats.norm.ppf(0.975))
    assert largest_by_chance(np.zeros(3)) == 0.0


def test_the_last_digit_of_a_risk_moves_no_figure() -> None:
    """Three cells have each risk, apart by no more than sums round, some on the border of two tenths."""
    risk = np.repeat(np.linspace(0.1, 0.9, 9), 3)
    expected = np.full(27, 10.0)
    events = expected + np.tile([-4.0, 1.0, 3.0], 9)
    moved = risk * (1.0 + 1e-15 * np.tile([1.0, -1.0, 2.0], 9))
    assert miscalibration(moved, events, expected, expected) == pytest.approx(
        miscalibration(risk, events, expected, expected), rel=1e-12
    )
    # every level of risk has 30 events seen and 30 foreseen, however its cells are ordered
    assert miscalibration(risk, events, expected, expected)[0] == pytest.approx(0.0, abs=1e-12)


def test_patients_own_levels_are_not_what_adjusters_explain() -> None:
    """A clinic's patients come again and differ by far more than age, which explains what it does alone."""
    rng = np.random.default_rng(17)
    n, visits = 400, 4
    patient = np.repeat(np.arange(n), visits)
    clinic, age = patient // 40, rng.normal(50, 10, n)[patient]
    level = rng.normal(0, 3, n)[patient]
    y = clinic + 0.05 * age + level + rng.normal(0, 1, len(patient))
    rows = pd.DataFrame({"clinic": clinic, "age": age, "flat": 3.0 * clinic, "y": y})
    moments = moments_for("y ~ age + flat", rows, groups="clinic")
    centred = rows - rows.groupby("clinic").transform("mean").assign(clinic=0.0)
    r_squared = float(np.corrcoef(centred["age"], centred["y"])[0, 1] ** 2)
    free = len(rows) - 10
    assert explained_within(*moments) == pytest.approx(1 - (1 - r_squared) * free / (free - 1), rel=1e-9)
    fit = lmm("y ~ age + (1 | patient) + (1 | clinic)", rows.assign(patient=patient))
    question = SimpleNamespace(ranking_fixed="y ~ age")
    found = adjustment(question, rows, fit)  # type: ignore[arg-type]
    assert found is not None
    assert found.discrimination == pytest.approx(r_squared, abs=1e-3)
    assert explained_within(*moments_for("y ~ 1", rows, groups="clinic")) == 0.0


@pytest.mark.slow
def test_no_slope_is_told_of_a_column_that_stands_in_two_adjusters(tmp_path: Path) -> None:
    """It would be the slope at 0 years: below nothing, where each year adds."""
    for adjusters, told in (('"age"', True), ('"age", "I(age**2)"', False)):
        found, _ = estimated(tmp_path, int(told), 0.5, adjusters)
        figures = set(found.figures["figure"])
        assert "mundlak" in figures
        assert ("slope_within" in figures) is told
