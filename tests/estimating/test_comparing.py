"""Clinics against the typical one: by how much, at what place, and beyond doubt although they are small."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy import special

from reports.wording.coded_sentences import told
from tasks.estimating import OutcomeEstimates, estimate_outcome, summarise
from tasks.estimating.standardising import Standardised
from tasks.network import read_network
from tasks.network.problems import NetworkFileError
from tasks.ranking import rank_outcome
from tasks.records import Records
from tasks.release import CLINIC_ESTIMATES
from tasks.screening import screen

BINARY = '[outcomes.y]\nlabel = "Falls"\nkind = "binary"\ndirection = "{direction}"\n'


def estimated(directory: Path, events: list[tuple[int, int]], outcome: str) -> OutcomeEstimates:
    """A network of clinics with (events, records) each, estimated as far as one outcome goes."""
    rows = pd.DataFrame(
        {
            "clinic": [f"c{j:02d}" for j, (_, n) in enumerate(events) for _ in range(n)],
            "y": [int(i < k) for k, n in events for i in range(n)],
        }
    )
    return estimated_of(directory, rows, outcome)


def estimated_of(
    directory: Path, rows: pd.DataFrame, outcome: str = BINARY.format(direction="lower")
) -> OutcomeEstimates:
    """The same of records."""
    visit = rows.groupby("patient").cumcount() if "patient" in rows else 0  # no two visits of one day
    rows = rows.assign(date=pd.Timestamp("2024-01-10") + pd.to_timedelta(visit, unit="D"))
    with duckdb.connect(str(directory / "records.duckdb")) as connection:
        connection.register("written", rows)
        connection.execute(
            "CREATE TABLE records AS SELECT * REPLACE (CAST(date AS DATE) AS date) FROM written"
        )
    file = directory / "network.toml"
    file.write_text(
        f'[network]\nname = "N"\n[records]\nsource = "records.duckdb"\n{outcome}[window]\nmonths = 1\n'
    )
    network = read_network(file)
    usable = screen(Records.of(network), network, "2024-01").usable
    found = estimate_outcome(usable, network, "y", summarise(usable, network))
    ranked = rank_outcome(network, found)
    assert set(ranked.rows["clinic"]) == set(found.clinics["clinic"])
    return found


def shrunken(found: OutcomeEstimates) -> pd.DataFrame:
    return found.clinics[found.clinics["form"] == "shrunken"].set_index("clinic")


EVENTS = [(30, 90), (0, 90), *((round(400 * (0.01 + 0.001 * j)), 400) for j in range(30))]
"""Two clinics of 90 records, of which 2 or 3 events would be expected: one has 30, the other none."""


@pytest.mark.slow
def test_the_typical_clinic_has_the_networks_patients_only_where_something_is_adjusted_for(
    tmp_path: Path,
) -> None:
    rng = np.random.default_rng(73)
    rows = pd.DataFrame(
        {"clinic": np.repeat([f"c{j}" for j in range(12)], 80), "age": rng.normal(60, 9, 960)}
    )
    rows["y"] = rng.binomial(1, 0.3, 960)
    section = BINARY.format(direction="lower")
    plain = estimated_of(tmp_path, rows, section).outcome
    assert plain["comparator"] == "the typical clinic, not adjusted for patients"
    (tmp_path / "records.duckdb").unlink()
    adjusted = estimated_of(tmp_path, rows, f'{section}adjusters = ["age"]\n').outcome
    assert adjusted["comparator"] == "the typical clinic, with the network’s mix of patients"


@pytest.mark.slow
def test_an_order_that_three_clinics_make_is_said_to_be_theirs(tmp_path: Path) -> None:
    """Thirty clinics alike and three far out: the grades stand, and the order of the thirty is chance."""
    alike = ((round(400 * 0.2 + 8 * np.sin(j)), 400) for j in range(30))
    events = [(20, 400), *alike, (140, 400), (150, 400)]
    found = estimated(tmp_path, events, BINARY.format(direction="lower"))
    reason = told(rank_outcome(read_network(tmp_path / "network.toml"), found).reason)
    assert reason.startswith(
        "Clinics are not ranked: 3 lie far from the others, and without them rankability"
    )
    # nor where the three are not among those that are compared, and still make the spread
    others = replace(found, compared=tuple(f"c{j:02d}" for j in range(1, 31)))
    reason = told(rank_outcome(read_network(tmp_path / "network.toml"), others).reason)
    assert reason.startswith("Clinics are not ranked: those that can be compared hardly differ by more than")


@pytest.mark.slow
def test_what_nobody_could_doubt_is_told_and_not_counted(tmp_path: Path) -> None:
    found = estimated(tmp_path, EVENTS, BINARY.format(direction="lower"))
    rows = shrunken(found)
    assert rows.loc["c00", ["comparison", "status"]].tolist() == ["worse", "ok"]
    assert '"why.beyond_doubt"' in rows.loc["c00", "reason"]
    assert '"why.few_events"' in rows.loc["c00", "reason"]
    # as many records without an event are no such evidence, and say nothing
    assert rows.loc["c01", ["comparison", "status"]].tolist() == ["not_compared", "low_reliability"]
    assert "c00" not in found.compared + found.numerous
    assert {*rows.index[rows["status"] == "ok"]} == {"c00", *found.compared}


@pytest.mark.slow
def test_where_neither_is_better_there_are_places_and_no_verdict(tmp_path: Path) -> None:
    rows = shrunken(estimated(tmp_path, EVENTS, BINARY.format(direction="neither")))
    assert set(rows["comparison"]) == {"placed", "not_compared"}
    assert rows.loc["c00", "place"] > 0.97
    assert (rows["place_lower"] <= rows["place"]).all()
    assert (rows["place"] <= rows["place_upper"]).all()
    assert rows["place"].corr(rows["value"], method="spearman") > 0.98  # sizes differ: no more than nearly


@pytest.mark.slow
def test_a_difference_that_matters_is_less_probable_than_any(tmp_path: Path) -> None:
    outcome = BINARY.format(direction="lower") + "important_difference = 20\n"
    found = estimated(tmp_path, EVENTS, outcome)
    rows = shrunken(found)
    sure = np.maximum(rows["p_better"], 1 - rows["p_better"])
    assert (rows["p_important"] <= sure + 1e-9).all()
    # its own interval, taken for normal in log odds, says how probable 20 points above typical are
    value, low, high = special.logit(rows.loc["c00", ["value", "lower", "upper"]].astype(float) / 100)
    bound = special.logit((float(str(found.outcome["comparator_value"])) + 20) / 100)
    normal = special.ndtr((value - bound) / ((high - low) / 3.92))
    assert rows.loc["c00", "p_important"] == pytest.approx(normal, abs=0.03)
    assert (rows["p_important"].drop("c00") < 0.001).all()
    # 20 points below 2.5% there is nothing, so that no clinic can be better by as much
    assert rows.loc["c01", "p_important"] == 0.0


@pytest.mark.parametrize("figure", [0.1, 2.5, 60.0])
def test_an_effect_of_a_figure_gives_the_figure(figure: float) -> None:
    scale = Standardised("log_odds", np.array([-3.0]), np.ones(1))
    assert scale.typical == pytest.approx(100 * float(special.expit(-3.0)))
    assert float(scale.at(np.array([scale.effect_of(figure)]))[0]) == pytest.approx(figure)
    assert scale.effect_of(-1.0) == -np.inf
    assert scale.effect_of(101.0) == np.inf


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (BINARY.format(direction="neither") + "important_difference = 2\n", "this outcome has none"),
        (BINARY.format(direction="lower") + "important_difference = 0\n", "must be more than 0"),
        (BINARY.format(direction="lower") + "important_difference = 100\n", "write 5 for five points"),
    ],
)
def test_a_difference_that_cannot_matter_is_refused(tmp_path: Path, outcome: str, said: str) -> None:
    file = tmp_path / "network.toml"
    file.write_text(f'[network]\nname = "N"\n[records]\nsource = "records.duckdb"\n{outcome}')
    with pytest.raises(NetworkFileError) as refused:
        read_network(file)
    assert said in str(refused.value)


def test_the_feed_says_what_comparisons_there_are() -> None:
    (column,) = [each for each in CLINIC_ESTIMATES.columns if each.name == "comparison"]
    assert all(word in column.description for word in ("better", "worse", "no_different", "placed"))


@pytest.mark.slow
def test_one_patient_with_many_events_is_no_clinic_with_many(tmp_path: Path) -> None:
    # thirty clinics of 60 patients with six visits each, and three events in a hundred; clinic c00 has thirty
    # patients, and 54 of its 180 visits have the event: each patient's one or two, or nine patients' six
    rng = np.random.default_rng(5)

    def told(of_patients: list[int]) -> bool:
        rows = [("c00", f"c00-{j}", int(i < k)) for j, k in enumerate(of_patients) for i in range(6)]
        rows += [
            (f"c{c:02d}", f"c{c:02d}-{j}", int(rng.random() < 0.03))
            for c in range(1, 31)
            for j in range(60)
            for _ in range(6)
        ]
        directory = tmp_path / str(len(list(tmp_path.iterdir())))
        directory.mkdir()
        found = estimated_of(directory, pd.DataFrame(rows, columns=["clinic", "patient", "y"]))
        of_first = shrunken(found).loc["c00"]
        assert of_first["numerator"] == 54
        return str(of_first["comparison"]) != "not_compared"

    assert told([2] * 24 + [1] * 6)
    assert not told([6] * 9 + [0] * 21)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("apart", "why"),
    [(130, "their order would rest on one of them"), (84, "the records do not show lasting differences")],
)
def test_of_eight_clinics_one_makes_neither_an_order_nor_the_others_better(
    tmp_path: Path, apart: int, why: str
) -> None:
    """Of seven that were alike, four were better than a mean that the eighth had moved."""
    events = [*((count, 400) for count in (76, 84, 78, 82, 80, 81, 79)), (apart, 400)]
    found = estimated(tmp_path, events, BINARY.format(direction="lower"))
    rows = shrunken(found)
    assert set(rows["comparison"].iloc[:7]) <= {"no_different", "not_compared"}
    reason = told(rank_outcome(read_network(tmp_path / "network.toml"), found).reason)
    assert reason.startswith(f"Clinics are not ranked: {why}")
