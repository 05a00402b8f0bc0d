"""The same formula on the same records gives the same moments and cells wherever the records are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from records.engines import ENGINES, FORMULAS, as_duckdb, as_sqlite, records

from tasks.records import Cells, Moments, Records, cells_for, moments_for

DATA = records()


@pytest.fixture(scope="module", params=list(ENGINES))
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return ENGINES[request.param](DATA, tmp_path_factory.mktemp("place"))


@pytest.fixture(scope="module")
def in_postgresql(postgresql: Any) -> Records:
    engine = sa.create_engine(postgresql.admin_url)
    DATA.to_sql("visits", engine, index=False)
    engine.dispose()
    return Records(postgresql.url, "SELECT * FROM visits", password_env="PGPASSWORD_FOR_TESTS")  # noqa: S106


def assert_same_moments(formula: str, place: Any) -> None:
    design, moments = moments_for(formula, DATA, extra=["ill"])
    other_design, other = moments_for(formula, place, extra=["ill"])
    assert other_design.fixed == design.fixed
    assert other_design.random == design.random
    assert other_design.dropped == design.dropped
    assert other_design.sources == design.sources
    assert (other.columns, other.factors, other.levels) == (moments.columns, moments.factors, moments.levels)
    assert np.array_equal(other.codes, moments.codes)
    moved = other.about(moments.reference).products
    size = np.sqrt(np.einsum("gii->gi", moments.products).sum(axis=0))
    assert np.all(np.abs(moved - moments.products) <= 1e-11 * np.outer(size, size))


def canonical(cells: Cells) -> pd.DataFrame:
    columns = [cells.codes, cells.fixed, *cells.random, cells.offset[:, None]]
    keys = np.round(np.column_stack(columns), 9)
    sums = np.column_stack([cells.weight, cells.total, cells.total_squares, cells.trials])
    frame = pd.DataFrame(np.column_stack([keys, sums]))
    by = list(range(keys.shape[1]))
    return frame.groupby(by, as_index=False, sort=True).sum()


def assert_same_cells(formula: str, place: Any, **arguments: Any) -> None:
    design, cells = cells_for(formula, DATA, **arguments)
    other_design, other = cells_for(formula, place, **arguments)
    assert other_design.fixed == design.fixed
    assert other_design.dropped == design.dropped
    assert (other.factors, other.levels, other.outcome) == (cells.factors, cells.levels, cells.outcome)
    assert other.log_constant == pytest.approx(cells.log_constant, rel=1e-12)
    pd.testing.assert_frame_equal(canonical(cells), canonical(other), rtol=1e-12, atol=1e-9)


CELLS = [
    ("ill ~ level + sex + (1 | clinic)", {}),
    ("ill ~ dose + sex * stage + (1 | region/clinic)", {}),
    ("visits ~ level + flag + (1 | sparse)", {"exposure": "years"}),
    ("visits ~ gaps + offset(log(years)) + (1 | clinic)", {}),
    ("ill ~ level", {"groups": "clinic", "time": "day"}),
    ("ill ~ poly(age, 2) + (1 | clinic)", {}),
    ("visits ~ level + (0 + level | clinic)", {"offset": "small"}),
    ("sex ~ age + (1 | clinic)", {}),
    ("flag ~ age", {"groups": ["clinic"]}),
]


@pytest.mark.parametrize("formula", FORMULAS)
def test_moments_agree(formula: str, place: Any) -> None:
    assert_same_moments(formula, place)


@pytest.mark.parametrize(("formula", "arguments"), CELLS, ids=[each[0] for each in CELLS])
def test_cells_agree(formula: str, arguments: dict[str, Any], place: Any) -> None:
    assert_same_cells(formula, place, **arguments)


@pytest.mark.live
@pytest.mark.parametrize("formula", FORMULAS)
def test_moments_agree_in_postgresql(formula: str, in_postgresql: Records, postgresql_url: str) -> None:
    assert_same_moments(formula, in_postgresql)


@pytest.mark.live
@pytest.mark.parametrize(("formula", "arguments"), CELLS, ids=[each[0] for each in CELLS])
def test_cells_agree_in_postgresql(
    formula: str, arguments: dict[str, Any], in_postgresql: Records, postgresql_url: str
) -> None:
    assert_same_cells(formula, in_postgresql, **arguments)


def test_any_sqlalchemy_database_answers(tmp_path: Path) -> None:
    place = as_sqlite(DATA.drop(columns=["flag", "day"]), tmp_path)
    for formula in ("y ~ age * sex + dose + (1 | region/clinic)", "y ~ log(age) + gaps + (1 | sparse)"):
        assert_same_moments(formula, place)
    assert_same_cells("ill ~ level + sex + (1 | clinic)", place)


def test_one_thread_repeats_to_the_last_bit(tmp_path: Path) -> None:
    place = ENGINES["DuckDB on one thread"](DATA, tmp_path)
    runs = [moments_for("y ~ dose + small + (1 | clinic)", place)[1] for _ in range(3)]
    assert all(np.array_equal(run.products, runs[0].products) for run in runs)
    assert all(np.array_equal(run.reference, runs[0].reference) for run in runs)


def test_the_reference_point_of_one_thread_depends_on_the_data_and_not_on_their_order(tmp_path: Path) -> None:
    points = []
    for seed in (1, 2):
        directory = tmp_path / str(seed)
        directory.mkdir()
        place = ENGINES["DuckDB on one thread"](DATA.sample(frac=1.0, random_state=seed), directory)
        points.append(moments_for("y ~ dose + small + age + (1 | clinic)", place)[1].reference)
    assert np.array_equal(*points)


def test_a_glance_that_misleads_is_noticed(tmp_path: Path) -> None:
    # the first rows say nothing of the others: their values are far away, and a later row lacks one
    n = 60_000
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0, 1, 30_000), rng.normal(1e7, 1, 30_000)])
    data = pd.DataFrame({"y": rng.normal(size=n), "x": x, "g": rng.integers(0, 5, n)})
    late = data.assign(x=data["x"].where(np.arange(n) != n - 1))
    for each, dropped in ((data, {}), (late, {"x is missing": 1})):
        directory = tmp_path / str(len(dropped))
        directory.mkdir()
        design, moments = moments_for("y ~ x + (1 | g)", as_duckdb(each, directory))
        expected = moments_for("y ~ x + (1 | g)", each)[1]
        assert dict(design.dropped.rows) == dropped
        assert_close(moments, expected)


def test_nan_in_a_database_is_missing_and_infinity_is_refused(tmp_path: Path) -> None:
    import duckdb

    path = tmp_path / "odd.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "CREATE TABLE records AS SELECT i % 3 AS g, CASE WHEN i = 5 THEN 'NaN'::DOUBLE ELSE i END AS x, "
            "CASE WHEN i = 7 THEN 'Infinity'::DOUBLE ELSE i END AS z, i * 2.5 AS y FROM range(20) AS t(i)"
        )
    design, moments = moments_for("y ~ x + (1 | g)", Records(str(path)))
    assert dict(design.dropped.rows) == {"x is missing": 1}
    assert moments.n_obs == 19
    for ask in (moments_for, cells_for):
        with pytest.raises(Exception, match="z is infinite in 1 row"):
            ask("y ~ z + (1 | g)", Records(str(path)))


def test_small_groups_cost_no_more_memory_than_their_rows(tmp_path: Path) -> None:
    # two rows a patient: their products would take more room than the rows, so the rows come to the door
    n = 60_000
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"y": rng.normal(size=n), "patient": rng.integers(0, n // 2, n)})
    for j in range(6):
        data[f"x{j}"] = rng.normal(size=n)
    formula = "y ~ x0 + x1 + x2 + x3 + x4 + x5 + (1 | patient)"
    assert_close(moments_for(formula, as_duckdb(data, tmp_path))[1], moments_for(formula, data)[1])


def test_more_columns_than_a_result_may_have(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    data = pd.DataFrame({f"x{j}": rng.normal(j, 1, 200) for j in range(60)}).assign(g=np.arange(200) % 4)
    formula = "x0 ~ " + " + ".join(f"x{j}" for j in range(1, 60)) + " + (1 | g)"
    assert_close(moments_for(formula, as_duckdb(data, tmp_path))[1], moments_for(formula, data)[1])


def assert_close(one: Moments, other: Moments) -> None:
    assert (one.columns, one.factors, one.levels) == (other.columns, other.factors, other.levels)
    size = np.sqrt(np.einsum("gii->gi", other.products).sum(axis=0))
    assert np.all(
        np.abs(one.about(other.reference).products - other.products) <= 1e-10 * np.outer(size, size)
    )
