"""A mixed model of rows read in blocks of whole clinics is that of the rows in one piece, and says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import postgres
import pytest

from tasks.errors import ClinicnetError, EstimationError
from tasks.models.generalized_mixed import (
    glmm_blocks,
    glmm_cells,
    scalar_climb,
    separation,
    start_values,
)
from tasks.models.generalized_mixed.glmm import glmm
from tasks.models.generalized_mixed.glmm_fit import GlmmFit
from tasks.records import Records, blocks_for, read_once
from tasks.records.in_database import row_stream
from tests.models.estimating_equations.test_gee_blocks import DATA
from tests.models.estimator_sources import in_duckdb, in_postgresql

pytestmark = [pytest.mark.slow, pytest.mark.before_release]

ONE_PIECE = 1e12
EACH_CLINIC = 1.0
"""A block for each clinic, each of them larger than blocks may be."""
SOME_CLINICS = 30e3
"""Several clinics in a block, but for the largest clinic."""
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "binomial": ("yes ~ age + stage + old + (1 | clinic)", {}),
    "poisson": ("count ~ age + stage + old + (1 | clinic)", {"family": "poisson", "exposure": "years"}),
    "binomial slope": ("yes ~ age + dose + (0 + age | clinic)", {"offset": "shift"}),
    "poisson slope": ("count ~ age + (0 + dose | clinic)", {"family": "poisson", "offset": "shift"}),
}


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Records:
    return in_duckdb({"visits": DATA}, tmp_path_factory.mktemp("place"))("visits")


def says_blocks(fit: GlmmFit) -> bool:
    return any("block by block" in each for each in fit.messages)


def both(formula: str, data: Any, budget: float, **more: Any) -> tuple[GlmmFit, GlmmFit]:
    whole = glmm(formula, data, memory_budget=ONE_PIECE, **more)
    assert not says_blocks(whole)
    return whole, glmm(formula, data, memory_budget=budget, **more)


def assert_same(whole: GlmmFit, blocks: GlmmFit) -> None:
    assert says_blocks(blocks)
    assert blocks.messages[:-1] == whole.messages
    for name in ("method", "estimand", "df_method", "n_obs", "n_parameters", "nodes", "labels", "singular"):
        assert getattr(blocks, name) == getattr(whole, name), name
    assert blocks.converged and whole.converged
    assert (blocks.design.fixed, blocks.design.dropped) == (whole.design.fixed, whole.design.dropped)
    assert blocks.n_groups.equals(whole.n_groups)
    np.testing.assert_allclose(blocks.coef, whole.coef, rtol=1e-8)
    size = np.sqrt(np.diag(whole.joint_vcov))
    assert list(blocks.joint_vcov.index) == list(whole.joint_vcov.index)
    scale = np.where(size > 0.0, size, 1.0)
    apart = (blocks.joint_vcov - whole.joint_vcov).to_numpy() / np.outer(scale, scale)
    assert np.abs(apart).max() < 1e-8
    np.testing.assert_allclose(blocks.df, whole.df, rtol=1e-8)
    assert blocks.loglik == pytest.approx(whole.loglik, rel=1e-10)
    assert [count for count, _ in blocks.nodes_tried] == [count for count, _ in whole.nodes_tried]
    assert blocks.typical == pytest.approx(whole.typical, rel=1e-8)
    (group,) = whole.varcomp
    np.testing.assert_allclose(blocks.varcomp[group], whole.varcomp[group], rtol=1e-8)
    np.testing.assert_allclose(blocks.ranef[group], whole.ranef[group], rtol=1e-8, atol=1e-10)
    if whole.posterior_moments is not None:
        np.testing.assert_allclose(blocks.posterior[group], whole.posterior[group], rtol=1e-8, atol=1e-10)
    assert (blocks.posterior_moments is None) == (whole.posterior_moments is None)
    assert (blocks.dispersion is None) == (whole.dispersion is None)
    if whole.dispersion is not None and blocks.dispersion is not None:
        for name in ("ratio", "statistic", "df", "p"):
            expected = getattr(whole.dispersion, name)
            assert getattr(blocks.dispersion, name) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("model", list(MODELS))
@pytest.mark.parametrize("nodes", [1, 9, None])
@pytest.mark.parametrize("budget", [EACH_CLINIC, SOME_CLINICS])
def test_blocks_give_what_one_piece_gives(
    model: str, nodes: int | None, budget: float, records: Records
) -> None:
    formula, more = MODELS[model]
    assert_same(*both(formula, records, budget, nodes=nodes, **more))


def test_blocks_are_of_whole_clinics(records: Records) -> None:
    counts = DATA[["age", "clinic"]].dropna()["clinic"].value_counts().sort_index()
    for budget, fewest in ((EACH_CLINIC, 14), (SOME_CLINICS, 3)):
        with blocks_for("yes ~ age + (1 | clinic)", records, budget=budget) as found:
            assert found is not None
            _, blocks = found
            parts = [read() for read in blocks.of_whole_levels]
        assert fewest <= len(parts) <= 14
        seen = np.concatenate([cells.codes[:, 0] for cells in parts])
        assert np.all(np.diff(seen) >= 0)
        np.testing.assert_array_equal(np.bincount(seen), counts)
        most = budget / blocks.memory / 4 * blocks.n_obs
        assert all(len(cells.total) <= most or len(np.unique(cells.codes)) == 1 for cells in parts)
        assert max(len(cells.total) for cells in parts) == counts.max() > most  # a clinic larger than a block


@pytest.mark.parametrize("model", ["binomial", "poisson slope"])
def test_many_rows_begin_from_a_sample(model: str, records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (scalar_climb, start_values):
        monkeypatch.setattr(module, "MANY_CELLS", 300)
    monkeypatch.setattr(glmm_cells, "_SAMPLE", 100)
    formula, more = MODELS[model]
    assert_same(*both(formula, records, SOME_CLINICS, nodes=1, **more))
    assert_same(*both(formula, records, SOME_CLINICS, nodes=9, **more))


@pytest.mark.parametrize("what", ["is missing from it", "foretells its outcomes"])
def test_a_sample_whose_rare_level(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every other row of a block is in the sample; all rows lead away from there."""
    frame = DATA.dropna().sort_values("clinic").reset_index(drop=True)
    every_other, rare = frame.index % 2 == 0, frame.index < 40
    frame["rare"] = np.where(rare & (~every_other | (what != "is missing from it")), "rare", "common")
    if what != "is missing from it":
        frame.loc[rare & every_other, "yes"] = 1
    monkeypatch.setattr(row_stream, "_SAMPLE", len(frame) // 2)
    for module in (scalar_climb, start_values):
        monkeypatch.setattr(module, "MANY_CELLS", 300)
    monkeypatch.setattr(glmm_cells, "_SAMPLE", len(frame) // 2)
    records = in_duckdb({"visits": frame}, tmp_path)("visits")
    assert_same(*both("yes ~ age + rare + (1 | clinic)", records, 15e3, nodes=1))


@pytest.mark.parametrize(
    "formula",
    [
        "yes ~ 1 + (1 | clinic)",
        "yes ~ 0 + stage + age + (1 | clinic)",
        "told ~ age + dose + (1 | clinic)",
        "old ~ log(age) + C(stage, Sum) + (1 | clinic)",
        "yes ~ age * stage + I(age^2) + twice + dose + (1 | clinic)",
        "yes ~ ns(age, df = 3) + (0 + I(age / 50) | clinic)",
        "yes ~ age + ofclinic + offset(shift) + (1 | clinic)",
    ],
)
def test_every_formula_is_the_same(formula: str, tmp_path: Path) -> None:
    """Text and true or false as outcomes, aliased columns, splines, offsets, what a clinic's rows share."""
    frame = DATA.assign(ofclinic=DATA["clinic"].str[1:].astype(float) % 3)
    records = in_duckdb({"visits": frame}, tmp_path)("visits")
    more: dict[str, Any] = {"offset": "shift"} if formula.startswith("yes ~ 1 ") else {}
    assert_same(*both(formula, records, SOME_CLINICS, nodes=1, **more))


def test_a_relation_is_read_in_blocks_too() -> None:
    with duckdb.connect(":memory:") as connection:
        connection.register("rows", DATA)
        relation = connection.sql("SELECT * FROM rows")
        assert_same(*both("yes ~ age + stage + (1 | clinic)", relation, SOME_CLINICS, nodes=1))


@pytest.mark.usefixtures("postgresql_url")
def test_a_server_s_rows_are_read_in_blocks_too(postgresql: postgres.PostgreSQL) -> None:
    records = in_postgresql({"visits": DATA}, postgresql)("visits")
    for model, nodes in (("binomial", None), ("poisson", 9), ("poisson slope", 1)):
        formula, more = MODELS[model]
        assert_same(*both(formula, records, SOME_CLINICS, nodes=nodes, **more))


def test_a_variance_of_zero_is_zero_in_blocks(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    clinic = np.repeat(np.arange(12), 40)
    yes = np.concatenate([rng.permutation(np.repeat([0, 1], 20)) for _ in range(12)])
    frame = pd.DataFrame({"clinic": clinic, "yes": yes, "x": rng.normal(size=480)})
    records = in_duckdb({"visits": frame}, tmp_path)("visits")
    whole, blocks = both("yes ~ x + (1 | clinic)", records, 15e3)
    assert whole.singular
    assert_same(whole, blocks)


def test_laplace_s_error_is_said_in_blocks(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    patient = np.repeat(np.arange(300), 3)
    chance = 1.0 / (1.0 + np.exp(-3.0 * rng.normal(size=300)[patient]))
    frame = pd.DataFrame({"patient": patient, "x": rng.normal(size=900)})
    frame["yes"] = (rng.random(900) < chance).astype(int)
    records = in_duckdb({"visits": frame}, tmp_path)("visits")
    whole, blocks = both("yes ~ x + (1 | patient)", records, SOME_CLINICS, nodes=1)
    assert any("Laplace's log-likelihood is about" in each for each in whole.messages)
    assert_same(whole, blocks)


def test_overdispersion_is_said_in_blocks(tmp_path: Path) -> None:
    frame = DATA.assign(count=DATA["count"] * 4)
    records = in_duckdb({"visits": frame}, tmp_path)("visits")
    whole, blocks = both("count ~ age + (1 | clinic)", records, SOME_CLINICS, family="poisson", nodes=1)
    assert any("overdispersed" in each for each in whole.messages)
    assert_same(whole, blocks)


REFUSED: dict[str, tuple[pd.DataFrame, str, dict[str, Any]]] = {
    "other outcomes": (DATA.assign(yes=DATA["yes"] * 2), "yes ~ age", {}),
    "negative counts": (DATA.assign(count=DATA["count"] - 1), "count ~ age", {"family": "poisson"}),
    "parts of counts": (DATA.assign(count=DATA["count"] + 0.5), "count ~ age", {"family": "poisson"}),
    "the same everywhere": (DATA.assign(yes=1), "yes ~ age", {}),
    "no counts": (DATA.assign(count=0), "count ~ age", {"family": "poisson"}),
    "one clinic": (DATA[DATA["clinic"] == "C03"], "yes ~ age", {}),
    "a row a clinic": (DATA.dropna().drop_duplicates("clinic"), "yes ~ dose", {}),
    "separated": (DATA.assign(sure=DATA["yes"] + 0.001 * DATA["dose"]), "yes ~ age + sure", {}),
    "a level separated": (
        DATA.assign(rare=np.where(DATA["yes"] * (DATA["dose"] > 1003), "yes", "no")),
        "yes ~ age + rare",
        {},
    ),
    "no counts at a level": (
        DATA.assign(rare=np.where((DATA["count"] == 0) & (DATA["dose"] > 1001), "yes", "no")),
        "count ~ age + rare",
        {"family": "poisson"},
    ),
    "no such column": (DATA, "yes ~ agee", {}),
    "nothing left": (DATA.assign(age=np.nan), "yes ~ age", {}),
}


@pytest.mark.parametrize("what", list(REFUSED))
def test_what_is_refused_is_refused_in_the_same_words(what: str, tmp_path: Path) -> None:
    frame, formula, more = REFUSED[what]
    records = in_duckdb({"visits": frame}, tmp_path)("visits")
    said = []
    for budget in (ONE_PIECE, 30.0):
        with pytest.raises(ClinicnetError) as refused:
            glmm(f"{formula} + (1 | clinic)", records, nodes=1, memory_budget=budget, **more)
        said.append((type(refused.value), str(refused.value), refused.value.hint))
    assert said[0] == said[1]


def test_what_reaches_far_and_is_not_separated_stays_in_blocks(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[bool] = []
    look = separation.is_separated

    def watched(*asked: Any) -> bool:
        looked.append(look(*asked))
        return looked[-1]

    monkeypatch.setattr(glmm_blocks, "is_separated", watched)
    monkeypatch.setattr(separation, "SUSPECT", 0.1)
    monkeypatch.setattr(separation, "_FIRST", 5)  # the other rows are found to be violated, and added
    assert_same(*both("yes ~ age + stage + (1 | clinic)", records, SOME_CLINICS, nodes=1))
    assert looked == [False, False]


@pytest.mark.parametrize(
    ("data", "formula", "more"),
    [
        ("frame", "yes ~ age + (1 | clinic)", {}),
        ("database", "yes ~ age + (1 + age | clinic)", {}),
        ("database", "yes ~ age + (0 + stage | clinic)", {}),
        ("database", "yes ~ age + (1 | clinic) + (1 | stage)", {}),
        ("database", "yes ~ age + (1 | clinic/stage)", {}),
        ("database", "yes ~ age + (1 | clinic)", {"trials": "ones"}),
        ("database", "yes ~ age + (1 | clinic)", {"design_effects": {"C03": 2.0}}),
        ("database", "count ~ age + (1 | clinic)", {"family": "negative-binomial"}),
        ("database", "yes ~ age + (1 | moment)", {}),
        ("database", "yes ~ stage + old + (1 | clinic)", {}),
        ("held", "yes ~ age + (1 | clinic)", {}),
    ],
)
def test_what_must_be_in_one_piece_is(data: str, formula: str, more: dict[str, Any], tmp_path: Path) -> None:
    """Several effects, trials and the like; groups that are points in time; rows that agree or are held."""
    moment = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(len(DATA)) % 9, unit="h")
    frame = DATA.assign(ones=1, moment=moment)
    records = in_duckdb({"visits": frame}, tmp_path)("visits")
    asked = {"nodes": 1, "memory_budget": 1.0, **more}
    if data == "held":
        with read_once(records, cells_of=formula):
            fit = glmm(formula, records, **asked)
    else:
        fit = glmm(formula, frame if data == "frame" else records, **asked)
    assert not says_blocks(fit)


@pytest.mark.parametrize("budget", ["2 GB", -1.0, float("nan"), True])
def test_a_budget_is_a_number_of_bytes(budget: Any) -> None:
    with pytest.raises(EstimationError, match=r"memory_budget is .*; it is a number of bytes"):
        glmm("yes ~ age + (1 | clinic)", DATA, memory_budget=budget)
