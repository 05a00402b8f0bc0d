"""The demo networks: what is in them, that they come out the same each time, and that their truth is true."""

from __future__ import annotations

import tomllib
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from tasks.demo import DEMO_MONTHS, make_demo, state48_clinic_effects, state48_truth
from tasks.demo.state48 import TRUTHS
from tasks.errors import SourceError
from tasks.network.schema import Network


@pytest.fixture(scope="module")
def chop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_demo("chop", tmp_path_factory.mktemp("chop"))


@pytest.fixture(scope="module")
def state48(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_demo("state48", tmp_path_factory.mktemp("state48"))


def rows(network: Path, name: str, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(network.parent / f"{name}.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


def selected(network: Path, name: str) -> pd.DataFrame:
    select = tomllib.loads(network.read_text())["records"]["select"]
    with duckdb.connect(str(network.parent / f"{name}.duckdb"), read_only=True) as connection:
        return connection.execute(select).df()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["chop", "state48"])
def test_the_network_file_fits_the_schema(name: str, request: pytest.FixtureRequest) -> None:
    path: Path = request.getfixturevalue(name)
    network = Network.model_validate(tomllib.loads(path.read_text()))
    assert network.outcomes
    needed = {"clinic", "date"} | {
        each for outcome in network.outcomes.values() for each in outcome.adjusters
    }
    assert needed <= set(selected(path, name).columns)


def test_chop_is_what_the_source_says(chop: Path) -> None:
    assert rows(
        chop, "chop", "SELECT count(*), count(DISTINCT subject_id), count(DISTINCT clinic_name) FROM tests"
    ) == [(15_524, 12_344, 88)]
    sizes = rows(chop, "chop", "SELECT clinic_name, count(*) AS n FROM tests GROUP BY 1 ORDER BY n DESC, 1")
    assert sizes[0] == ("clinical lab", 7500)
    assert sizes[-1][1] == 1


def test_chop_keeps_its_dirt_and_its_names_behind_the_select(chop: Path) -> None:
    (dirt,) = rows(
        chop,
        "chop",
        "SELECT max(age), count(*) FILTER (result = 'invalid'), avg((payor_group IS NULL)::INTEGER), "
        "count(*) FILTER (rec_ver_tat <= 0), count(fake_last_name) FROM tests",
    )
    assert dirt[0] == 138
    assert dirt[1] == 301
    assert dirt[2] == pytest.approx(7087 / 15524)
    assert dirt[3:] == (13, 15_524)
    assert not [column for column in selected(chop, "chop").columns if "name" in column]


def test_chop_days_count_from_the_stated_origin(chop: Path) -> None:
    assert rows(
        chop,
        "chop",
        "SELECT min(test_date)::VARCHAR, max(test_date)::VARCHAR, min(pan_day), max(pan_day) FROM tests",
    ) == [("2020-03-15", "2020-06-26", 4, 107)]
    assert DEMO_MONTHS["chop"] == "2020-06"


@pytest.mark.before_release
@pytest.mark.slow
@pytest.mark.parametrize("name", ["chop", "state48"])
def test_made_twice_the_tables_and_the_file_are_the_same(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    first: Path = request.getfixturevalue(name)
    for _ in range(2):  # the second time over its own files, a stray log beside them
        again = make_demo(name, tmp_path)  # type: ignore[arg-type]
        (tmp_path / f"{name}.duckdb.wal").write_bytes(b"left by a killed process")
    (tmp_path / f"{name}.duckdb.wal").unlink()
    assert again.read_bytes() == first.read_bytes()
    for (table,) in rows(first, name, "SELECT table_name FROM duckdb_tables()"):
        query = f"SELECT * FROM {table}"
        assert rows(first, name, query) == rows(again, name, query)
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([f"{name}.duckdb", "network.toml"])


def test_a_directory_that_cannot_be_written_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SourceError, match="cannot be written") as caught:
        make_demo("chop", tmp_path / "file")
    assert caught.value.hint


def test_state48_is_as_described(state48: Path) -> None:
    (shape,) = rows(
        state48,
        "state48",
        "SELECT count(*), count(DISTINCT region), min(n_patients), max(n_patients), "
        "count(DISTINCT program_start) FROM clinics",
    )
    assert shape == (48, 6, 5, 5000, 6)
    records = selected(state48, "state48")
    assert records["date"].dt.strftime("%Y-%m").nunique() == 24
    per_patient = records.groupby("patient").size()
    assert per_patient.mean() == pytest.approx(3.0, abs=0.05)
    assert (records.groupby("clinic")["patient"].nunique() == 5).any()
    starts = tomllib.loads(state48.read_text())["program"]["starts"]
    assert starts == dict(rows(state48, "state48", "SELECT clinic, program_start FROM clinics"))  # type: ignore[arg-type]


def test_state48_truth_is_in_the_file_and_at_hand(state48: Path) -> None:
    truth = state48_truth()
    assert rows(state48, "state48", "SELECT outcome, parameter, value FROM truth") == list(
        truth[["outcome", "parameter", "value"]].itertuples(index=False, name=None)
    )
    value = truth.set_index(["outcome", "parameter"])["value"]
    assert value["screening_score", "clinic_variance"] == 9
    assert value["screening_score", "within_variance"] == 36
    assert value["screening_score", "patient_variance"] + value["screening_score", "visit_variance"] == 36
    assert value["screening_score", "icc"] == pytest.approx(0.20)
    attenuated = value["vaccinated", "marginal_odds_ratio"]
    assert 1 < attenuated < value["vaccinated", "odds_ratio"]


def test_state48_clinic_effects_have_the_stated_variances() -> None:
    effects = state48_clinic_effects().groupby("outcome")["effect"].agg(["mean", "var", "size"])
    for outcome, truth in TRUTHS.items():
        assert effects.loc[outcome, "size"] == 48
        assert effects.loc[outcome, "mean"] == pytest.approx(0, abs=1e-12)
        assert effects.loc[outcome, "var"] == pytest.approx(truth.clinic_sd**2, rel=1e-12)


def with_truth(state48: Path) -> pd.DataFrame:
    """The records with month, program and each outcome's true clinic effect beside them."""
    records = selected(state48, "state48")
    starts = tomllib.loads(state48.read_text())["program"]["starts"]
    month = records["date"].dt.strftime("%Y-%m")
    records["month"] = (records["date"].dt.year - 2023) * 12 + records["date"].dt.month - 1
    records["program"] = (month >= records["clinic"].map(starts)).astype(float)
    records["male"] = (records["sex"] == "male").astype(float)
    return records


@pytest.mark.slow
@pytest.mark.parametrize("outcome", ["screening_score", "systolic"])
def test_state48_within_clinics_the_records_have_the_true_coefficients(state48: Path, outcome: str) -> None:
    """Least squares with a column per clinic, standard errors clustered on patients, against the truth."""
    records, truth = with_truth(state48), TRUTHS[outcome]
    covariates = np.column_stack(
        [records["month"], records["program"], records["age"] - 50.0, records["male"]]
    )
    clinic = records["clinic"].astype("category").cat.codes.to_numpy()
    design = np.column_stack([covariates, clinic[:, None] == np.arange(48)])
    bread = np.linalg.inv(design.T @ design)
    coefficient = bread @ design.T @ records[outcome].to_numpy()
    residual = records[outcome].to_numpy() - design @ coefficient
    scores = pd.DataFrame(design * residual[:, None]).groupby(records["patient"].to_numpy()).sum().to_numpy()
    se = np.sqrt(np.diag(bread @ scores.T @ scores @ bread))[:4]
    error = coefficient[:4] - [truth.trend, truth.program, truth.age, truth.male]
    assert np.all(np.abs(error) < 2.81 * se), error / se  # 99.5% each, eight looks over the two outcomes
    assert np.all(se < [0.02, 0.25, 0.02, 0.4])


def test_state48_score_varies_by_9_16_and_20(state48: Path) -> None:
    """Variance between a patient's visits, and between patients, by pairs of visits of known means."""
    records, truth = with_truth(state48), TRUTHS["screening_score"]
    effect = state48_clinic_effects().query("outcome == 'screening_score'").set_index("clinic")["effect"]
    mean = (
        truth.constant
        + truth.trend * records["month"]
        + truth.program * records["program"]
        + truth.age * (records["age"] - 50.0)
        + records["clinic"].map(effect)
    )
    residual = records["screening_score"] - mean
    grouped = residual.groupby(records["patient"])
    several = grouped.size() > 1
    visit = grouped.var()[several].mean()
    total = residual.pow(2).mean()
    assert visit == pytest.approx(20.0, abs=0.5)
    assert total == pytest.approx(36.0, abs=0.7)


def test_state48_rates_and_odds_are_the_true_ones(state48: Path) -> None:
    """Observed against expected under the truth, visit by visit: z-scores of the score equations."""
    records = with_truth(state48)
    for outcome in ("vaccinated", "emergency_visits"):
        truth = TRUTHS[outcome]
        effect = state48_clinic_effects().query("outcome == @outcome").set_index("clinic")["effect"]
        predictor = (
            truth.constant
            + truth.trend * records["month"]
            + truth.program * records["program"]
            + truth.age * (records["age"] - 50.0)
            + truth.male * records["male"]
            + records["clinic"].map(effect)
        )
        if outcome == "vaccinated":
            expected = 1.0 / (1.0 + np.exp(-predictor))
            variance = expected * (1.0 - expected)
        else:
            expected = records["months_at_risk"] * np.exp(predictor)
            variance = expected
        for column in (
            np.ones(len(records)),
            records["month"],
            records["program"],
            records["age"],
            records["male"],
        ):
            z = np.sum(column * (records[outcome] - expected)) / np.sqrt(np.sum(np.square(column) * variance))
            assert abs(z) < 3.3, (outcome, z)


def test_state48_before_and_after_flatters_the_program(state48: Path) -> None:
    records = with_truth(state48)
    for outcome in ("screening_score", "systolic"):
        naive = records.groupby("program")[outcome].mean().diff().iloc[-1]
        assert naive / TRUTHS[outcome].program > 1.3
