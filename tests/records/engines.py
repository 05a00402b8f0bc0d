"""One table of records in every place that records can be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import sqlalchemy as sa

from tasks.records import Records

FORMULAS = [
    "y ~ 1",
    "y ~ age + dose + (1 | clinic)",
    "y ~ age * sex + I(age^2) + stage:flag + (1 + age | region/clinic)",
    "y ~ 0 + stage + log(age) + sqrt(dose) + (0 + stage | clinic)",
    "log(age) ~ I((dose - 1000) / 10) + I(age > 50 & sex == 'F') + offset(log(2)) + offset(dose)",
    "y ~ C(level) + twice + constant + abs(dose - 1000) + exp(small) + (1 | clinic) + (1 | patient)",
    "y ~ relevel(stage, ref = 'III') + C(sex, Sum) + small^2 + I(small^3) + day + (1 | clinic)",
    "y ~ poly(age, 2) + ns(dose, df = 3) + scale(small) + (1 | clinic)",
    "y ~ gaps + (1 | sparse)",
    "y ~ I(1 / gaps) + log2(age) + log10(dose) + floor(small) + ceiling(small) + (1 | clinic)",
    "flag ~ age + (1 | clinic)",
    "y ~ log(gaps) + log1p(age) + (1 | clinic)",
]


def records(n: int = 1500, seed: int = 1) -> pd.DataFrame:
    """Records of every kind of column, with missing values in three of them."""
    rng = np.random.default_rng(seed)
    region = rng.choice(["R1", "R2", "r3"], n)
    data = pd.DataFrame(
        {
            "clinic": [f"{r}-{k}" for r, k in zip(region, rng.integers(0, 12, n), strict=True)],
            "region": region,
            "patient": rng.integers(0, n // 5, n),
            "age": rng.integers(18, 95, n),
            "dose": rng.normal(1000, 3, n),
            "small": rng.normal(0.0, 0.5, n),
            "sex": rng.choice(["F", "M"], n),
            "stage": rng.choice(["I", "II", "III", "IV"], n, p=[0.5, 0.3, 0.15, 0.05]),
            "level": rng.integers(1, 4, n),
            "flag": rng.random(n) < 0.3,
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, n), unit="D"),
            "constant": 7,
            "y": rng.normal(120, 15, n),
            "ill": rng.integers(0, 2, n),
            "visits": rng.poisson(1.5, n),
            "years": rng.choice([0.5, 1.0, 2.0], n),
        }
    )
    data["twice"] = 2 * data["age"] + 1
    data["gaps"] = rng.uniform(1, 5, n)
    data.loc[rng.choice(n, 40, replace=False), "gaps"] = None
    data["sparse"] = data["clinic"].where(rng.random(n) > 0.05, None)
    data.loc[rng.choice(n, 10, replace=False), "y"] = None
    return data


def as_duckdb(data: pd.DataFrame, directory: Path) -> Records:
    path = directory / "records.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE visits AS SELECT * FROM data")
    return Records(str(path), "SELECT * FROM visits;")


def as_single_thread(data: pd.DataFrame, directory: Path) -> Records:
    path = directory / "single.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE records AS SELECT * FROM data")
    return Records(path.name, threads=1, directory=str(directory))


def as_parquet(data: pd.DataFrame, directory: Path) -> Records:
    half = len(data) // 2
    data.iloc[:half].to_parquet(directory / "part-1.parquet")
    data.iloc[half:].to_parquet(directory / "part-2.parquet")
    return Records(str(directory / "part-*.parquet"), "SELECT * FROM records")


def as_csv(data: pd.DataFrame, directory: Path) -> Records:
    data.to_csv(directory / "records.csv", index=False)
    return Records(str(directory / "records.csv"))


def as_relation(data: pd.DataFrame, directory: Path) -> duckdb.DuckDBPyRelation:
    connection = duckdb.connect(":memory:")
    connection.register("source", data)
    connection.execute("CREATE TABLE visits AS SELECT * FROM source")
    return connection.sql("SELECT * FROM visits")


def as_arrow(data: pd.DataFrame, directory: Path) -> Any:
    return duckdb.sql("SELECT * FROM data").to_arrow_table()


def as_sqlite(data: pd.DataFrame, directory: Path) -> Records:
    engine = sa.create_engine(f"sqlite:///{directory / 'records.sqlite'}")
    data.to_sql("visits", engine, index=False)
    engine.dispose()
    return Records(f"sqlite:///{directory / 'records.sqlite'}", "SELECT * FROM visits")


ENGINES: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    "DuckDB": as_duckdb,
    "DuckDB on one thread": as_single_thread,
    "Parquet": as_parquet,
    "CSV": as_csv,
    "a DuckDB relation": as_relation,
    "Arrow": as_arrow,
}
