"""What records are worth, from a database to what is published: patients come again, months have shocks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy import special

from reports.wording.coded_sentences import codes
from tasks.estimating import OutcomeEstimates, Summary, estimate_outcome, summarise
from tasks.estimating.outcome_family import family_of
from tasks.estimating.outcome_formulas import question_of
from tasks.estimating.ranking_model import fit_ranking
from tasks.estimating.worth import worth_of_records
from tasks.models import shrink
from tasks.models.crude_intervals import wilson_interval
from tasks.network import read_network
from tasks.network.schema import Network
from tasks.records import Records
from tasks.screening import screen

NETWORK = """
[network]
name = "Worth"
time_zone = "UTC"

[records]
source = "records.duckdb"

[outcomes.fell]
label = "Fell"
kind = "binary"
direction = "lower"

[outcomes.score]
label = "Score"
kind = "continuous"
direction = "lower"

[outcomes.calls]
label = "Calls"
kind = "count"
direction = "lower"

[window]
months = 12
"""


def _screened(directory: Path, rows: pd.DataFrame) -> tuple[Network, Records, Summary]:
    with duckdb.connect(str(directory / "records.duckdb")) as connection:
        connection.register("rows", rows)
        connection.execute("CREATE TABLE records AS SELECT * FROM rows")
    (directory / "network.toml").write_text(NETWORK)
    network = read_network(directory / "network.toml")
    usable = screen(Records.of(network), network, "2023-12").usable
    return network, usable, summarise(usable, network)


def _estimated(
    directory: Path, rows: pd.DataFrame, outcome: str = "fell"
) -> tuple[OutcomeEstimates, Summary]:
    network, usable, summary = _screened(directory, rows)
    return estimate_outcome(usable, network, outcome, summary), summary


def _visits(
    rng: np.random.Generator, *, patients: float, shocks: float, lasting: float = 0.0
) -> pd.DataFrame:
    """30 clinics × 30 patients × a visit a month, without any lasting difference between clinics."""
    clinic, patient, month = (np.ravel(each) for each in np.meshgrid(range(30), range(30), range(12)))
    eta = -0.5 + rng.normal(0, patients, (30, 30))[clinic, patient]
    shock = rng.normal(0, shocks, (30, 12))
    for each in range(1, 12):
        shock[:, each] = lasting * shock[:, each - 1] + np.sqrt(1.0 - lasting**2) * shock[:, each]
    eta += shock[clinic, month]
    return pd.DataFrame(
        {
            "clinic": [f"Clinic {each:02d}" for each in clinic],
            "patient": clinic * 100 + patient,
            "date": [pd.Timestamp(2023, each + 1, 10) for each in month],
            "fell": (rng.random(len(eta)) < special.expit(eta)).astype(int),
            "score": eta + rng.normal(size=len(eta)),
            "calls": rng.poisson(np.exp(eta + 0.5)),
        }
    )


def _flagged(estimates: OutcomeEstimates) -> float:
    shrunken = estimates.clinics.query("form == 'shrunken'")
    return float(shrunken["comparison"].isin(["better", "worse"]).mean())


@pytest.mark.slow
def test_patients_sums_are_those_of_the_records(tmp_path: Path) -> None:
    rows = _visits(np.random.default_rng(1), patients=1.0, shocks=0.0)
    rows.loc[rows.index[:40], "patient"] = None  # each of these is a patient of its own
    rows.loc[rows.index[50:60], "fell"] = None
    _, summary = _estimated(tmp_path, rows)
    known = rows.dropna(subset=["fell"])
    whose = known["patient"].fillna(pd.Series(-np.arange(1.0, len(known) + 1), index=known.index))
    by = known.groupby(["clinic", whose])["fell"].agg(o="sum", m="size")
    expected = pd.DataFrame(
        {"outcome_squared": by["o"] ** 2, "outcome_size": by["o"] * by["m"], "size_squared": by["m"] ** 2}
    )
    expected = expected.groupby("clinic").sum().astype(float)
    pd.testing.assert_frame_equal(
        summary.patients["fell"], expected, check_names=False, check_index_type=False
    )


@pytest.mark.slow
def test_an_own_figure_s_interval_allows_for_patients(tmp_path: Path) -> None:
    """Every patient alike in all 12 visits: 360 records are worth 30, and the interval is that of 30."""
    rows = _visits(np.random.default_rng(2), patients=0.0, shocks=0.0)
    rows["fell"] = (rows["patient"] % 3 == 0).astype(int)
    estimates, _ = _estimated(tmp_path, rows)
    raw = estimates.clinics.query("form == 'raw'").iloc[0]
    lower, upper = wilson_interval(np.array([10.0]), np.array([30.0]), 0.95)
    assert raw["numerator"] == 120
    assert [raw["lower"], raw["upper"]] == pytest.approx([100 * lower[0], 100 * upper[0]], rel=1e-9)


@pytest.mark.slow
def test_counts_of_patients_who_come_again_are_known_as_well_as_their_sums_are(tmp_path: Path) -> None:
    """Σ(o − mλ)² over all patients: with what counts vary by within a clinic's month taken for
    the negative binomial's variance, clinics' own figures had 0.8 of it."""
    rows = _visits(np.random.default_rng(5), patients=0.7, shocks=0.0)
    rows = rows[rows["patient"] % 100 < 15]
    network, usable, summary = _screened(tmp_path, rows)
    with network.speaking(), usable.held():
        question = question_of(network, "calls", summary)
        question = replace(question, chosen=family_of(question.outcome, question.null, usable))
        assert question.family == "negative-binomial"
        worth = worth_of_records(question, usable, summary).without_shocks
        own = shrink(fit_ranking(question, usable, worth), "clinic").table["own_sd"]
    of_patient = rows.groupby(["clinic", "patient"])["calls"].agg(["sum", "size"]).reset_index("patient")
    clinics = rows.groupby("clinic")["calls"].agg(["sum", "size", "mean"])
    apart = (of_patient["sum"] - of_patient["size"] * clinics["mean"].reindex(of_patient.index)) ** 2
    claimed = float((own.reindex(clinics.index) ** 2 * clinics["sum"] ** 2).sum())
    assert claimed == pytest.approx(float(apart.sum()), rel=0.06)


@pytest.mark.before_release
@pytest.mark.slow
@pytest.mark.parametrize("outcome", ["fell", "score"])
def test_shocks_that_last_are_told_from_patients_who_come_again(tmp_path: Path, outcome: str) -> None:
    """Shocks correlate by 0.8, and no clinic differs: taken for differences they flag a third and more."""
    flagged = []
    for seed in range(2):
        rows = _visits(np.random.default_rng([4, seed]), patients=1.0, shocks=0.8, lasting=0.8)
        (tmp_path / str(seed)).mkdir()
        estimates, _ = _estimated(tmp_path / str(seed), rows, outcome)
        flagged.append(_flagged(estimates))
        assert estimates.shrunken is not None
        assert estimates.shrunken.ways
        assert estimates.shrunken.rankability(estimates.numerous).value < 0.75
    assert np.mean(flagged) <= 0.05


@pytest.mark.before_release
@pytest.mark.slow
@pytest.mark.parametrize(
    ("outcome", "shocks", "lasting", "untold"),
    [
        ("fell", 0.0, 0.0, True),
        ("fell", 0.8, 0.8, False),
        ("fell", 0.8, 0.0, False),
        ("score", 0.0, 0.0, False),
        ("calls", 0.0, 0.0, True),
    ],
    ids=["nothing is seen", "shown", "refuted", "a mean", "counts"],
)
def test_it_is_said_where_records_do_not_tell_whether_shocks_last(
    tmp_path: Path, outcome: str, shocks: float, lasting: float, untold: bool
) -> None:
    rows = _visits(np.random.default_rng([6, 2]), patients=1.0, shocks=shocks, lasting=lasting)
    estimates, _ = _estimated(tmp_path, rows, outcome)
    methods = estimates.figures.set_index("figure")["method"]
    said = [figure for figure, how in methods.items() if "figure_method.lasting_untold" in codes(how)]
    assert said == (["sd_between"] if untold else [])


@pytest.mark.before_release
@pytest.mark.slow
@pytest.mark.parametrize(("patients", "shocks"), [(1.5, 0.0), (0.0, 0.8), (1.5, 0.5)])
def test_nothing_that_does_not_last_is_flagged(tmp_path: Path, patients: float, shocks: float) -> None:
    flagged, ranked = [], 0
    for seed in range(5):
        rows = _visits(np.random.default_rng([3, seed]), patients=patients, shocks=shocks)
        (tmp_path / str(seed)).mkdir()
        estimates, _ = _estimated(tmp_path / str(seed), rows)
        flagged.append(_flagged(estimates))
        assert estimates.shrunken is not None
        ranked += estimates.shrunken.rankability(estimates.numerous).value > 0.75
    assert np.mean(flagged) <= 0.01
    assert ranked == 0


@pytest.mark.slow
@pytest.mark.parametrize("differ", [False, True])
def test_alike_records_are_named_as_a_reason_only_where_they_make_much_of_the_correlation(
    tmp_path: Path, differ: bool
) -> None:
    """30 patients of 12 visits make two records of a clinic alike by 0.01, whatever clinics differ by."""
    rows = _visits(np.random.default_rng(8), patients=1.5, shocks=0.0)
    if differ:
        rows["score"] += 0.2 * rows["clinic"].str[-2:].astype(int)
    estimates, _ = _estimated(tmp_path, rows, "score")
    how = estimates.figures.set_index("figure").loc["icc", "method"]
    assert ("figure_method.icc_alike" in codes(how)) is not differ
