"""Months and levels that cannot have an effect of their own cost themselves, and nothing else."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from reports.wording.coded_sentences import told
from tasks.estimating import OutcomeEstimates, estimate_outcome, summarise
from tasks.estimating import network_figures as figures
from tasks.estimating.attempting import FAULT
from tasks.estimating.sparse_records import merged_months
from tasks.models import glmm
from tasks.models.clinics.alike_records import month_shocks
from tasks.network import read_network
from tasks.records import Records
from tasks.screening import screen

NETWORK = """
[network]
name = "Ten clinics"

[records]
source = "records.duckdb"

[outcomes.fell]
label = "Fell"
kind = "{kind}"
direction = "lower"
adjusters = {adjusters}
"""


def _records() -> pd.DataFrame:
    """Ten clinics, sixty records a month each; nobody falls in June, and one record has sex X."""
    rng = np.random.default_rng(1)
    rows = []
    for i, clinic in enumerate("ABCDEFGHIJ"):
        for month in range(1, 13):
            for k in range(60):
                chance = 1.0 / (1.0 + np.exp(3.2 - 0.12 * (i - 4.5)))
                fell = 0 if month == 6 else int(rng.random() < chance)
                sex = "X" if len(rows) == 5 else ("F" if rng.random() < 0.5 else "M")
                day = pd.Timestamp(2023, month, 1 + k % 28)
                rows.append((f"Clinic {clinic}", len(rows), day, fell, sex))
    return pd.DataFrame(rows, columns=["clinic", "patient", "date", "fell", "sex"])


def _estimated(
    directory: Path,
    rows: pd.DataFrame,
    kind: str = "binary",
    adjusters: str = "[]",
    month: str = "2023-12",
) -> OutcomeEstimates:
    with duckdb.connect(str(directory / "records.duckdb")) as connection:
        connection.register("rows", rows)
        connection.execute("CREATE TABLE records AS SELECT * REPLACE (CAST(date AS DATE) AS date) FROM rows")
    file = directory / "network.toml"
    file.write_text(NETWORK.format(kind=kind, adjusters=adjusters))
    network = read_network(file)
    usable = screen(Records.of(network), network, month).usable
    return estimate_outcome(usable, network, "fell", summarise(usable, network))


def _effects(estimates: OutcomeEstimates) -> pd.Series:
    assert estimates.shrunken is not None, estimates.reason
    effects: pd.Series = estimates.shrunken.table["estimate"]
    return effects


@pytest.mark.slow
def test_a_month_without_events_is_set_aside_and_counted(tmp_path: Path) -> None:
    rows = _records()
    estimates = _estimated(tmp_path, rows)
    kept = rows.assign(month=rows["date"].dt.strftime("%Y-%m")).query("month != '2023-06'")
    fit = glmm("fell ~ C(month) + (1 | clinic)", kept, family="binomial")
    expected = fit.posterior["clinic"]["estimate"]
    assert _effects(estimates).to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-8)
    # R 4.2, lme4 1.1-31: glmer(fell ~ month + (1 | clinic), family = binomial) on the same records, with June
    # (whose coefficient it stops at -19) and without it
    r = [-0.312, -0.463, 0.009, -0.277, -0.208, 0.120, 0.038, 0.272, 0.451, 0.472]
    assert fit.ranef["clinic"]["estimate"].to_numpy() == pytest.approx(r, abs=1.5e-3)  # conditional modes
    (counted,) = estimates.quality.to_dict("records")
    assert (counted["n_checked"], counted["n_found"]) == (7_200, 600)
    assert estimates.status == "ok"
    assert "records of one month" in estimates.reason
    assert "2023-06" not in estimates.reason


@pytest.mark.slow
def test_figures_are_of_all_records_those_set_aside_too(tmp_path: Path) -> None:
    estimates = _estimated(tmp_path, _records())
    adjusted = estimates.clinics.query("form == 'adjusted'").set_index("clinic")["value"]
    raw = estimates.clinics.query("form == 'raw'").set_index("clinic")["value"]
    # every clinic has as many records of every month, so adjusting for months changes next to nothing
    assert (adjusted / raw).to_numpy() == pytest.approx(np.ones(10), abs=0.03)


@pytest.mark.slow
def test_a_level_of_one_record_is_set_aside(tmp_path: Path) -> None:
    rows = _records().query("date < '2023-06-01'")
    estimates = _estimated(tmp_path, rows, adjusters='["sex"]', month="2023-05")
    kept = rows.assign(month=rows["date"].dt.strftime("%Y-%m")).query("sex != 'X'")
    fit = glmm("fell ~ sex + C(month) + (1 | clinic)", kept, family="binomial")
    assert _effects(estimates).to_numpy() == pytest.approx(
        fit.posterior["clinic"]["estimate"].to_numpy(), abs=1e-8
    )
    assert "records of one level of sex" in estimates.reason
    assert estimates.quality["n_found"].tolist() == [1]


@pytest.mark.slow
def test_a_month_of_eight_records_without_events_is_set_aside(tmp_path: Path) -> None:
    rows = _records().query("date >= '2023-07-01'")
    few = rows.groupby("clinic").head(1).iloc[:8].assign(date=pd.Timestamp(2023, 6, 5), fell=0)
    without = _estimated(_made(tmp_path / "without"), rows)
    estimates = _estimated(_made(tmp_path / "with"), pd.concat([few, rows]))
    assert _effects(estimates).to_numpy() == pytest.approx(_effects(without).to_numpy(), abs=1e-8)


@pytest.mark.slow
def test_counts_that_are_all_zero_in_a_month(tmp_path: Path) -> None:
    rows = _records()
    estimates = _estimated(tmp_path, rows, kind="count")
    assert estimates.status == "ok"
    assert estimates.quality["n_found"].tolist() == [600]
    adjusted = estimates.clinics.query("form == 'adjusted'").set_index("clinic")["value"]
    raw = estimates.clinics.query("form == 'raw'").set_index("clinic")["value"]
    assert (adjusted / raw).to_numpy() == pytest.approx(np.ones(10), abs=0.03)


@pytest.mark.slow
def test_an_outcome_that_an_adjuster_foretells_everywhere_is_not_estimated(tmp_path: Path) -> None:
    rows = _records()
    rows["sex"] = np.where(rows["fell"] == 1, "F", "M")
    estimates = _estimated(tmp_path, rows, adjusters='["sex"]')
    assert estimates.status == "not_estimable"
    assert "separate" in estimates.reason


@pytest.mark.slow
def test_a_sparse_month_shares_the_effect_of_its_neighbour(tmp_path: Path) -> None:
    rows = _records().query("date >= '2023-07-01'")
    few = rows.groupby("clinic").head(1).iloc[:8].assign(date=pd.Timestamp(2023, 6, 5))
    few["fell"] = [1, 0, 0, 0, 0, 0, 0, 0]
    merged = pd.concat([few.assign(month="2023-07"), rows.assign(month=rows["date"].dt.strftime("%Y-%m"))])
    every = pd.concat([few, rows])
    # these months happen to scatter more than chance explains (p = 0.04), so records are worth less
    shocks = month_shocks(_by_month(every), "binary").factor.to_dict()
    fit = glmm("fell ~ C(month) + (1 | clinic)", merged, family="binomial", design_effects=shocks)
    estimates = _estimated(tmp_path, every)
    assert _effects(estimates).to_numpy() == pytest.approx(
        fit.posterior["clinic"]["estimate"].to_numpy(), abs=1e-8
    )
    assert estimates.outcome["adjusters"] == "month"


@pytest.mark.parametrize(
    ("counted", "shared"),
    [
        ({"01": 50, "02": 50}, {}),
        (
            {"01": 3, "02": 40, "03": 2, "04": 4, "05": 50, "06": 1},
            {"01": "02", "03": "05", "04": "05", "06": "05"},
        ),
        ({"01": 6, "02": 5, "03": 9}, {"01": "03", "02": "03"}),
        ({"01": 1, "02": 0, "03": 1}, {"01": "03"}),
    ],
)
def test_months_that_are_merged(counted: dict[str, float], shared: dict[str, str]) -> None:
    assert merged_months(counted) == shared


@pytest.mark.slow
def test_one_figure_that_cannot_be_had_costs_that_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("patient 4711")

    monkeypatch.setattr(figures, "icc", broken)
    estimates = _estimated(tmp_path, _records().query("date >= '2023-07-01'"))
    assert estimates.status == "ok"
    by_figure = estimates.figures.set_index("figure")
    assert by_figure.loc["icc", "status"] == "not_estimable"
    assert FAULT in by_figure.loc["icc", "reason"]
    assert "ZeroDivisionError" in by_figure.loc["icc", "reason"]
    assert "4711" not in by_figure.loc["icc", "reason"]
    assert by_figure.loc["mean", "status"] == "ok"
    assert len(estimates.clinics.query("form == 'shrunken' and value.notna()")) == 10


def _made(directory: Path) -> Path:
    directory.mkdir()
    return directory


def _by_month(rows: pd.DataFrame) -> pd.DataFrame:
    by = rows.assign(month=rows["date"].dt.strftime("%Y-%m")).groupby(["clinic", "month"])["fell"]
    moments = by.agg(n="size", mean="mean", total="sum").reset_index().astype({"n": float, "total": float})
    return moments.assign(squares=0.0, exposure=moments["n"])


@pytest.mark.slow
def test_months_of_one_clinic_each_are_not_adjusted_for(tmp_path: Path) -> None:
    # a team that visits one clinic a month: as effects of their own the months would be the clinics, every
    # best estimate the same and its interval 0 to 100
    rng = np.random.default_rng(3)
    rows = [
        (f"Clinic {chr(65 + month)}", 60 * month + k, pd.Timestamp(2023, month, 1 + k % 28), int(fell))
        for month in range(1, 13)
        for k, fell in enumerate(rng.random(60) < 0.1 + 0.04 * month)
    ]
    records = pd.DataFrame(rows, columns=["clinic", "patient", "date", "fell"]).assign(sex="F")
    estimates = _estimated(tmp_path, records, kind="binary", adjusters="[]")
    assert "no month has records of two clinics" in told(estimates.outcome["reason"])
    shrunken = estimates.clinics.query("form == 'shrunken'").set_index("clinic")
    raw = estimates.clinics.query("form == 'raw'").set_index("clinic")
    assert shrunken["value"].corr(raw["value"]) > 0.99
    assert (shrunken["upper"] - shrunken["lower"]).max() < 30.0
