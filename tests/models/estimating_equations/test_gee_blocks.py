"""A GEE of rows that are read block by block is the GEE of the rows in one piece, and says which it was."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import postgres
import pytest

from tasks.errors import ClinicnetError, EstimationError
from tasks.models.estimating_equations import gee as gee_module
from tasks.models.estimating_equations.gee import GeeFit, gee
from tasks.models.estimating_equations.gee_blocks import BlockSums
from tasks.models.estimating_equations.sandwich import COVARIANCES
from tasks.records import CellBlocks, Records, blocks_for, cells_for, read_once
from tasks.records.in_database import row_stream
from tasks.records.sources import duckdb_source
from tests.models.estimator_sources import in_duckdb, in_postgresql

pytestmark = pytest.mark.before_release

ONE_PIECE = 1e12
CLINICS = 14


def visits(n: int = 600, seed: int = 1) -> pd.DataFrame:
    """Patients in no order; clinics of 3 to some 200; a level that is rare, and values that are missing."""
    rng = np.random.default_rng(seed)
    share = np.append(rng.uniform(0.2, 1.0, CLINICS - 1), 5.0)
    clinic = rng.choice(CLINICS, n, p=share / share.sum())
    level = rng.normal(0.0, 0.6, CLINICS)[clinic]
    data = pd.DataFrame(
        {
            "clinic": [f"C{each:02d}" for each in clinic],
            "age": rng.normal(50.0, 12.0, n),
            "dose": rng.normal(1000.0, 3.0, n),
            "stage": rng.choice(["I", "II", "III", "IV"], n, p=[0.6, 0.25, 0.13, 0.02]),
            "old": rng.random(n) < 0.3,
            "years": rng.uniform(0.5, 3.0, n),
            "shift": rng.normal(0.0, 0.2, n),
        }
    )
    linear = level + 0.02 * (data["age"] - 50.0) + 0.5 * (data["stage"] == "II") - 0.4 * data["old"] - 0.3
    data["yes"] = (rng.random(n) < 1.0 / (1.0 + np.exp(-linear))).astype(int)
    data["told"] = np.where(data["yes"] == 1, "yes", "no")
    data["count"] = rng.poisson(np.exp(0.5 * linear) * data["years"])
    data["score"] = 20.0 + 3.0 * linear + data["shift"] + rng.normal(size=n)
    data["twice"] = 2.0 * data["age"] + 1.0
    for name, missing in (("age", 11), ("stage", 7), ("clinic", 5)):
        data.loc[rng.choice(n, missing, replace=False), name] = None
    return data


DATA = visits()
FAMILIES: dict[str, tuple[str, dict[str, str]]] = {
    "gaussian": ("score ~ age + stage + old", {"offset": "shift"}),
    "binomial": ("yes ~ age + stage + old", {}),
    "poisson": ("count ~ age + stage + old", {"exposure": "years"}),
}


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Records:
    return in_duckdb({"visits": DATA}, tmp_path_factory.mktemp("place"))("visits")


def both(formula: str, data: Any, budget: float, **more: Any) -> tuple[GeeFit, GeeFit]:
    asked = {"groups": "clinic", "family": "binomial", **more}
    whole = gee(formula, data, memory_budget=ONE_PIECE, **asked)
    assert not says_blocks(whole)
    return whole, gee(formula, data, memory_budget=budget, **asked)


def says_blocks(fit: GeeFit) -> bool:
    return any("block by block" in each for each in fit.messages)


def assert_same(whole: GeeFit, blocks: GeeFit) -> None:
    assert says_blocks(blocks)
    assert blocks.messages[:-1] == whole.messages
    assert (blocks.design.fixed, blocks.design.dropped) == (whole.design.fixed, whole.design.dropped)
    assert (blocks.n_obs, blocks.method, blocks.instead) == (whole.n_obs, whole.method, whole.instead)
    assert blocks.n_groups.equals(whole.n_groups)
    np.testing.assert_array_equal(blocks.cluster_sizes, whole.cluster_sizes)
    np.testing.assert_allclose(blocks.coef, whole.coef, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(blocks.scale, whole.scale, rtol=1e-8)
    for name, value in whole.working.items():
        assert blocks.working[name] == pytest.approx(value, rel=1e-8)
    for kind in COVARIANCES:
        size = np.sqrt(np.diag(whole.covariance(kind)))
        apart = (blocks.covariance(kind) - whole.covariance(kind)).to_numpy() / np.outer(size, size)
        assert np.abs(apart).max() < 1e-8, kind
    np.testing.assert_allclose(blocks.df, whole.df, rtol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("family", list(FAMILIES))
@pytest.mark.parametrize("corr", ["independence", "exchangeable"])
@pytest.mark.parametrize("budget", [1.0, 5e3, 15e3])
def test_blocks_give_what_one_piece_gives(family: str, corr: str, budget: float, records: Records) -> None:
    """Blocks of one row, of some 25 and of 75, in which the largest clinic does not fit."""
    formula, roles = FAMILIES[family]
    with blocks_for(formula, records, groups="clinic", budget=budget, **roles) as found:
        assert found is not None
        sizes = [len(cells.total) for cells in found[1].blocks()]
    assert max(sizes) < DATA["clinic"].value_counts().max()
    assert sum(sizes) == DATA[["age", "stage", "clinic"]].notna().all(axis=1).sum()
    for convention in ("liang-zeger", "geepack"):
        assert_same(*both(formula, records, budget, family=family, corr=corr, convention=convention, **roles))


@pytest.mark.parametrize("cov", [None, *COVARIANCES])
@pytest.mark.parametrize("corr", ["independence", "exchangeable"])
def test_every_covariance_is_the_same(cov: Any, corr: str, records: Records) -> None:
    assert_same(*both("yes ~ age + stage", records, 30e3, cov=cov, corr=corr))


@pytest.mark.parametrize(
    "formula",
    [
        "yes ~ 1",
        "yes ~ 0 + stage + age",
        "told ~ age + dose",
        "old ~ log(age) + C(stage, Sum)",
        "yes ~ age * stage + I(age^2) + twice + dose",
        "yes ~ ns(age, df = 3) + poly(dose, 2)",
        "yes ~ age + offset(shift)",
    ],
)
def test_every_formula_is_the_same(formula: str, records: Records) -> None:
    """Text and true or false as outcomes, aliased columns, splines, offsets; no covariate at all."""
    if formula == "yes ~ 1":  # its rows agree but for the offset
        assert_same(*both(formula, records, 30e3, corr="exchangeable", offset="shift"))
        return
    assert_same(*both(formula, records, 30e3, corr="exchangeable"))


def test_a_relation_is_read_in_blocks_too() -> None:
    with duckdb.connect(":memory:") as connection:
        connection.register("rows", DATA)
        assert_same(*both("yes ~ age + stage", connection.sql("SELECT * FROM rows"), 30e3))


@pytest.mark.slow
@pytest.mark.usefixtures("postgresql_url")
def test_a_server_s_rows_are_read_in_blocks_too(postgresql: postgres.PostgreSQL) -> None:
    records = in_postgresql({"visits": DATA}, postgresql)("visits")
    for family, (formula, roles) in FAMILIES.items():
        assert_same(*both(formula, records, 30e3, family=family, corr="exchangeable", **roles))


@pytest.mark.slow
def test_a_select_that_sorts_has_the_memory_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duckdb_source, "_LEAST_MEMORY", 3 << 20)
    refused: list[duckdb.Error] = []
    guarded = duckdb_source._DuckDB._guarded

    def watched(self: Any, act: Any) -> Any:
        def seen() -> Any:
            try:
                return act()
            except duckdb.OutOfMemoryException as error:
                refused.append(error)
                raise

        return guarded(self, seen)

    monkeypatch.setattr(duckdb_source._DuckDB, "_guarded", watched)
    many = pd.concat([visits(4_000, seed) for seed in range(10)], ignore_index=True)
    table = in_duckdb({"visits": many}, tmp_path)("visits")
    ranked = "SELECT *, row_number() OVER (PARTITION BY clinic ORDER BY age, dose) AS place FROM visits"
    records = Records(table.source, f"SELECT * FROM ({ranked}) WHERE place > 2")
    assert_same(*both("yes ~ age + dose", records, 1e6, corr="exchangeable"))
    assert len(refused) == 1


def test_the_database_has_its_memory_back(records: Records) -> None:
    setting = "SELECT current_setting('memory_limit') AS memory, current_setting('temp_directory') AS disk"
    with records.in_one_state(), records.connect() as connection:
        before = connection.table(setting)
        fit = gee("yes ~ age", records, groups="clinic", family="binomial", memory_budget=1e3)
        assert says_blocks(fit)
        assert connection.table(setting) == before


@pytest.mark.slow
@pytest.mark.parametrize("what", ["is missing from it", "foretells its outcomes"])
def test_a_sample_whose_rare_level(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every other row is in the sample (where blocks are of one row): all rows then say where to start."""
    frame = DATA.dropna().reset_index(drop=True)
    every_other, rare = frame.index % 2 == 0, frame.index < 40
    frame["rare"] = np.where(rare & (~every_other | (what != "is missing from it")), "rare", "common")
    if what != "is missing from it":
        frame.loc[rare & every_other, "yes"] = 1
    monkeypatch.setattr(row_stream, "_SAMPLE", len(frame) // 2)
    reach, looked = BlockSums.reach, []

    def watched(sums: BlockSums, coefficients: np.ndarray) -> float:
        looked.append(sums.family.name)
        return reach(sums, coefficients)

    monkeypatch.setattr(BlockSums, "reach", watched)
    records = in_duckdb({"visits": frame}, tmp_path)("visits")
    assert_same(*both("yes ~ age + rare", records, 1.0, corr="exchangeable"))
    assert looked == ["binomial"]


@pytest.mark.parametrize(
    ("data", "more"),
    [
        ("frame", {}),
        ("database", {"corr": "nested-exchangeable", "groups": ("clinic", "stage")}),
        ("database", {"corr": "ar1", "time": "dose"}),
        ("database", {"trials": "ones"}),
        ("held", {}),
    ],
)
def test_what_must_be_in_one_piece_is(data: str, more: dict[str, Any], tmp_path: Path) -> None:
    frame = DATA.assign(ones=1)
    records = in_duckdb({"visits": frame}, tmp_path)("visits")
    asked = {"groups": "clinic", "family": "binomial", "memory_budget": 1.0, **more}
    if data == "held":
        with read_once(records, cells_of="yes ~ age", groups=("clinic",)):
            fit = gee("yes ~ age", records, **asked)
    else:
        fit = gee("yes ~ age", frame if data == "frame" else records, **asked)
    assert not says_blocks(fit)


def test_rows_that_agree_are_counted_instead(records: Records) -> None:
    with blocks_for("yes ~ stage + old", records, groups="clinic", budget=1.0) as found:
        assert found is None


REFUSED: dict[str, tuple[pd.DataFrame, str, dict[str, Any]]] = {
    "other outcomes": (DATA.assign(yes=DATA["yes"] * 2), "yes ~ age", {}),
    "negative counts": (DATA.assign(count=DATA["count"] - 1), "count ~ age", {"family": "poisson"}),
    "the same everywhere": (DATA.assign(yes=1), "yes ~ age", {}),
    "no counts": (DATA.assign(count=0), "count ~ age", {"family": "poisson"}),
    "one number": (
        DATA.assign(score=7.0),
        "score ~ age",
        {"family": "gaussian", "offset": "shift"},
    ),
    "one clinic": (DATA[DATA["clinic"] == "C03"], "yes ~ age", {}),
    "no time at risk": (
        DATA.assign(years=np.where(DATA["old"], 0.0, DATA["years"])),
        "count ~ age",
        {"family": "poisson", "exposure": "years"},
    ),
    "infinite": (DATA.assign(age=np.where(DATA["old"], np.inf, DATA["age"])), "yes ~ age", {}),
    "separated": (DATA.assign(sure=DATA["yes"] + 0.001 * DATA["dose"]), "yes ~ age + sure", {}),
    "no such column": (DATA, "yes ~ agee", {}),
    "nothing left": (DATA.assign(age=np.nan), "yes ~ age", {}),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", list(REFUSED))
def test_what_is_refused_is_refused_in_the_same_words(what: str, tmp_path: Path) -> None:
    frame, formula, more = REFUSED[what]
    records = in_duckdb({"visits": frame}, tmp_path)("visits")
    said = []
    for budget in (ONE_PIECE, 30e3):
        with pytest.raises(ClinicnetError) as refused:
            gee(
                formula,
                records,
                **{"groups": "clinic", "family": "binomial", "memory_budget": budget, **more},
            )
        said.append((type(refused.value), str(refused.value), refused.value.hint))
    assert said[0] == said[1]


def test_the_choice_is_said(records: Records) -> None:
    fit = gee("yes ~ age", records, groups="clinic", family="binomial", memory_budget=30e3)
    assert re.fullmatch(
        r"\d{3} rows would take about 0\.\d+ MB of memory, of which there may be 0\.03 MB: they were read "
        r"again, block by block, for each pass over them\.",
        fit.messages[-1],
    )
    assert "Note: " + fit.messages[-1] in fit.summary()


def test_blocks_print_as_sizes(records: Records) -> None:
    with blocks_for("yes ~ age + stage", records, groups="clinic", budget=30e3) as found:
        assert found is not None
        design, blocks = found
        assert isinstance(blocks, CellBlocks)
        assert repr(blocks) == f"CellBlocks({blocks.n_obs:,.0f} rows of 14 groups, 5 columns)"
        _, cells = cells_for("yes ~ age + stage", records, groups="clinic")
        np.testing.assert_allclose(blocks.mean, cells.fixed.mean(axis=0), rtol=1e-12)
        assert blocks.total == cells.total.sum()
        assert (blocks.lowest, blocks.highest, blocks.outcome) == (0.0, 1.0, cells.outcome)
        assert len(design.fixed) == 5


def test_a_model_takes_all_rows_where_no_start_is_found(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gee_module, "start_from_sample", lambda *_: None)
    fit = gee("yes ~ age", records, groups="clinic", family="binomial", memory_budget=1.0)
    assert not says_blocks(fit)


@pytest.mark.parametrize("budget", ["2 GB", -1.0, float("nan"), True])
def test_a_budget_is_a_number_of_bytes(budget: Any) -> None:
    with pytest.raises(EstimationError, match=r"memory_budget is .*; it is a number of bytes"):
        gee("yes ~ age", DATA, groups="clinic", family="binomial", memory_budget=budget)
