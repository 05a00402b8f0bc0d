"""Errors say in which clinics the rows are that cannot be used, whatever the source, and name no patient."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tasks.errors import ClinicnetError
from tasks.models import gee, glmm, lmm
from tasks.records import Records
from tasks.records.clinic_names import in_levels


def test_coarsest_factor_is_named() -> None:
    codes = np.array([[0, 0], [0, 1], [1, 2], [1, 3], [1, -1]])
    bad = np.array([False, True, True, False, True])
    factors, levels = ("clinic", "patient"), (("north", "south"), ("a", "b", "c", "d"))
    assert in_levels(factors, levels, codes, bad, 40.0) == " in clinic north and south"
    assert in_levels(factors[1:], levels[1:], codes[:, 1:], bad, 40.0) == " in patient b and c"


def test_many_are_counted_and_few_rows_are_kept_quiet() -> None:
    codes, bad = np.arange(5)[:, None], np.ones(5, dtype=bool)
    assert in_levels(("clinic",), (range(5),), codes, bad, 100.0) == " in clinic 0, 1, 2 and 2 more"
    assert in_levels(("patient",), (range(5),), codes, bad, 20.0) == ""
    assert in_levels((), (), np.empty((5, 0), int), bad, 100.0) == ""


@pytest.fixture
def data() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    n = 120
    return pd.DataFrame(
        {
            "clinic": np.repeat([f"K{i}" for i in range(8)], n // 8),
            "patient": np.repeat(np.arange(n // 3), 3),
            "month": np.tile([1, 2, 3], n // 3),
            "x": rng.normal(size=n),
            "y": rng.normal(size=n),
            "sick": rng.integers(0, 2, size=n).astype(float),
            "visits": rng.poisson(2.0, size=n).astype(float),
            "years": 1.0,
        }
    )


def _sources(data: pd.DataFrame, folder: Path) -> dict[str, Any]:
    with duckdb.connect(str(folder / "records.duckdb")) as connection:
        connection.register("data", data)
        connection.execute("CREATE TABLE visits AS SELECT * FROM data")
    return {
        "frame": data,
        "table": pa.Table.from_pandas(data),
        "records": Records(str(folder / "records.duckdb"), "SELECT * FROM visits"),
    }


@pytest.mark.parametrize("kind", ["frame", "table", "records"])
def test_infinite_values(kind: str, data: pd.DataFrame, tmp_path: Path) -> None:
    data.loc[[3, 50], "y"] = np.inf
    source = _sources(data, tmp_path)[kind]
    with pytest.raises(ClinicnetError, match="y is infinite in 2 rows in clinic K0 and K3"):
        lmm("y ~ x + (1 | clinic)", source)
    with pytest.raises(ClinicnetError, match=r"y is infinite in 2 rows\n"):
        gee("y ~ x", source, groups="patient")


@pytest.mark.parametrize("kind", ["frame", "records"])
def test_impossible_values(kind: str, data: pd.DataFrame, tmp_path: Path) -> None:
    data.loc[20, ["visits", "years"]] = [-1.0, 0.0]
    data.loc[20, "sick"] = 2.0
    source = _sources(data, tmp_path)[kind]
    with pytest.raises(ClinicnetError, match="exposure years is zero or negative in 1 row in clinic K1"):
        glmm("visits ~ x + (1 | clinic)", source, family="poisson", exposure="years")
    with pytest.raises(ClinicnetError, match="visits has negative counts in 1 row: look in clinic K1"):
        glmm("visits ~ x + (1 | clinic)", source, family="poisson")
    with pytest.raises(ClinicnetError, match=r"values that are negative or not whole.* in clinic K1,"):
        gee("visits ~ x", source, groups="clinic", family="poisson")
    with pytest.raises(ClinicnetError, match=r"sick is not 0 or 1 in every row.*: look in clinic K1"):
        glmm("sick ~ x + (1 | clinic)", source)
    for formula in ("sick ~ x", "sick ~ 1"):  # single rows, and cells of many
        with pytest.raises(ClinicnetError, match=r"sick is not 0 or 1 in every row.*: look in clinic K1"):
            gee(formula, source, groups="clinic", family="binomial")


def test_tied_times(data: pd.DataFrame) -> None:
    data["month"] = np.arange(len(data))
    data.loc[31, "month"] = 30
    with pytest.raises(
        ClinicnetError, match="1 row has the same clinic and month as another row in clinic K2,"
    ):
        gee("y ~ x", data, groups="clinic", corr="ar1", time="month")
    data["month"] = 1
    with pytest.raises(ClinicnetError, match=r"^80 rows have the same patient and month as another row, so"):
        gee("y ~ x", data, groups="patient", corr="ar1", time="month")
