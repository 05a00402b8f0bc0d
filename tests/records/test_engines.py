"""The same formula on the same records gives the same moments and cells wherever the records are."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from records.engines import ENGINES, FORMULAS, as_duckdb, as_sqlite, records

from tasks.errors import FormulaError, RecordsError
from tasks.records import Cells, Moments, Records, add, cells_for, moments_for

DATA = records()


@pytest.fixture(scope="module", params=list(ENGINES))
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    made = ENGINES[request.param](DATA, tmp_path_factory.mktemp("place"))
    with made.held() if isinstance(made, Records) else contextlib.nullcontext(made) as place:
        yield place


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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_small_groups_cost_no_more_memory_than_their_rows(tmp_path: Path) -> None:
    # two rows a patient: their products would take more room than the rows, so the rows come to the door
    n = 60_000
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"y": rng.normal(size=n), "patient": rng.integers(0, n // 2, n)})
    for j in range(6):
        data[f"x{j}"] = rng.normal(size=n)
    formula = "y ~ x0 + x1 + x2 + x3 + x4 + x5 + (1 | patient)"
    assert_close(moments_for(formula, as_duckdb(data, tmp_path))[1], moments_for(formula, data)[1])


@pytest.mark.slow
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


ODD = ["day of week", 'said "so"', "100%", "a:b", "select", "Größe", "O'Brien", "Age", "v1", "complete", "g0"]


@pytest.mark.parametrize("engine", list(ENGINES))
def test_columns_may_have_any_name(engine: str, tmp_path: Path) -> None:
    if engine == "CSV":
        pytest.skip("DuckDB's CSV reader decides itself how odd names are quoted")
    rng = np.random.default_rng(0)
    data = pd.DataFrame({name: rng.normal(size=50) for name in ODD}).assign(**{"my group": np.arange(50) % 3})
    right = " + ".join(f"`{name}`" for name in ODD[1:])
    formula = f"`{ODD[0]}` ~ {right} + (1 | `my group`)"
    place = ENGINES[engine](data, tmp_path)
    assert_close(moments_for(formula, place)[1], moments_for(formula, data)[1])
    assert np.allclose(canonical(cells_for(formula, place)[1]), canonical(cells_for(formula, data)[1]))


@pytest.mark.live
def test_odd_names_and_types_in_postgresql(postgresql: Any, postgresql_url: str) -> None:
    rng = np.random.default_rng(0)
    data = pd.DataFrame({name: rng.normal(size=50) for name in ODD}).assign(**{"my group": np.arange(50) % 3})
    engine = sa.create_engine(postgresql.admin_url)
    data.to_sql("odd names", engine, index=False)
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "CREATE TYPE stage AS ENUM ('low', 'high'); CREATE TABLE odd_types AS "
                "SELECT CAST(CASE WHEN i % 4 = 0 THEN 'a' ELSE 'b' END AS char(3)) AS padded, "
                "CAST(CASE WHEN i % 2 = 0 THEN 'low' ELSE 'high' END AS stage) AS stage, "
                "CAST(md5(CAST(i % 5 AS text)) AS uuid) AS patient, CAST(i % 7 AS numeric(5, 1)) AS exact, "
                "CAST(i % 6 AS smallint) AS small, CAST(i * 0.5 AS real) AS single, i % 3 = 0 AS flag, "
                "timestamptz '2024-01-01 00:00+00' + i * interval '1 day' AS seen, "
                "CASE WHEN i = 9 THEN 'NaN' ELSE CAST(i AS double precision) END AS y "
                "FROM generate_series(1, 60) AS t(i)"
            )
        )
    engine.dispose()
    names = Records(postgresql_url, 'SELECT * FROM "odd names"', password_env="PGPASSWORD_FOR_TESTS")  # noqa: S106
    formula = f"`{ODD[0]}` ~ {' + '.join(f'`{name}`' for name in ODD[1:])} + (1 | `my group`)"
    assert_close(moments_for(formula, names)[1], moments_for(formula, data)[1])
    types = Records(postgresql_url, "SELECT * FROM odd_types", password_env="PGPASSWORD_FOR_TESTS")  # noqa: S106
    assert types.columns() == {
        "padded": "text", "stage": "text", "patient": "text", "exact": "number", "small": "number",
        "single": "number", "flag": "boolean", "seen": "date", "y": "number",
    }  # fmt: skip
    formula = "y ~ exact + single + flag + seen + stage + (1 | padded) + (1 | patient) + (1 | small)"
    design, moments = moments_for(formula, types)
    assert dict(design.dropped.rows) == {"y is missing": 1}
    assert moments.levels[0] == ("a", "b")
    assert moments.levels[2] == (0, 1, 2, 3, 4, 5)
    other, cells = cells_for(formula, types, collapse=False)
    assert other.fixed == design.fixed
    assert (cells.levels, cells.n_obs) == (moments.levels, 59)


@pytest.mark.live
def test_rows_come_by_adbc_as_they_come_otherwise(in_postgresql: Records, postgresql_url: str) -> None:
    pytest.importorskip("adbc_driver_postgresql")
    statement = sa.select(sa.text("clinic, age, y, ill, day FROM visits ORDER BY clinic, dose"))
    with in_postgresql.connect() as connection:
        fast, slow = connection.rows(statement), connection.table(statement)
    assert fast.schema.field("y").metadata is not None  # ADBC's mark: it was not the ordinary way
    assert fast.to_pandas().equals(slow.to_pandas().astype(fast.to_pandas().dtypes))


def test_a_select_may_end_in_a_comment_and_hold_any_text(tmp_path: Path) -> None:
    place = as_duckdb(DATA, tmp_path)
    select = "SELECT *, '100% :sure;' AS note FROM visits -- all of them"
    records = Records(place.source, select).made_of_these(
        "SELECT * FROM {records} WHERE note LIKE '100%:sure_'"
    )
    assert moments_for("y ~ age", records)[1].n_obs == DATA["y"].notna().sum()


@pytest.mark.parametrize("engine", list(ENGINES))
def test_no_records_and_no_complete_ones_are_told(engine: str, tmp_path: Path) -> None:
    if engine == "CSV":
        pytest.skip("an empty CSV has no types")
    directories = [tmp_path / name for name in ("none", "blank")]
    for directory in directories:
        directory.mkdir()
    nothing = ENGINES[engine](DATA.iloc[:2][DATA["age"].iloc[:2] < 0], directories[0])
    blank = ENGINES[engine](DATA.iloc[:40].assign(stage=pd.Series([None] * 40, dtype="str")), directories[1])
    for ask in (moments_for, cells_for):
        with pytest.raises(RecordsError, match="no records"):
            ask("y ~ age + stage + (1 | clinic)", nothing)
        with pytest.raises(RecordsError, match="no complete record is left of 40"):
            ask("y ~ age + stage + (1 | clinic)", blank)


def test_a_factor_with_one_value_is_left_out_and_named(tmp_path: Path) -> None:
    place = as_duckdb(DATA.assign(sex="F"), tmp_path)
    for data in (DATA.assign(sex="F"), place):
        for design in (moments_for("y ~ age * sex", data)[0], cells_for("y ~ age * sex", data)[0]):
            assert design.fixed == ("(Intercept)", "age")
            assert dict(design.dropped.columns) == {
                "sex": "has only one value",
                "age:sex": "has only one value",
            }


def test_a_factor_with_very_many_values_is_refused() -> None:
    data = pd.DataFrame({"y": range(1500), "name": [f"p{i}" for i in range(1500)]})
    with pytest.raises(FormulaError, match="name has 1,500 different values"):
        moments_for("y ~ name", data)


@pytest.mark.slow
def test_months_summed_where_they_are_add_up_to_the_year(tmp_path: Path) -> None:
    place = as_duckdb(DATA.assign(month=DATA["day"].dt.month), tmp_path)
    formula = "y ~ age * sex + dose + (1 | region/clinic)"
    months = [
        moments_for(formula, place.made_of_these(f"SELECT * FROM {{records}} WHERE month = {month}"))[1]
        for month in range(1, 11)
    ]
    assert_close(add(*months), moments_for(formula, place)[1])


@pytest.mark.parametrize("engine", list(ENGINES))
def test_a_backslash_in_a_label_stands_for_itself(engine: str, tmp_path: Path) -> None:
    """DuckDB was given PostgreSQL's text literals, which double it: the column was zero in every row."""
    area = pd.Series(["N\\K", "N/K", "S'K"]).take([i % 3 for i in range(60)]).to_numpy()
    rows = pd.DataFrame({"clinic": ["A", "B"] * 30, "area": area, "y": [float(i % 7) for i in range(60)]})
    rows.loc[rows["area"] == "N\\K", "y"] += 25.0
    design, moments = moments_for("y ~ area + (1 | clinic)", ENGINES[engine](rows, tmp_path))
    assert design.fixed == ("(Intercept)", "areaN\\K", "areaS'K")
    assert not design.dropped.columns
    sums = moments.products[:, 0, :].sum(axis=0) + moments.n_obs * moments.reference
    assert sums[1:3] == pytest.approx([20.0, 20.0])  # records with each label
