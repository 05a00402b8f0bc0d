"""Load the reference cases and their data, with R's types: factors in the schema's level order."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

HERE = Path(__file__).parent


def case_ids(family: str = "") -> list[str]:
    """Names of the cases, or of those whose `group` is `family` ("lmm", "gee", "glmm_logistic", …)."""
    names = sorted(path.stem for path in (HERE / "cases").glob("*.json"))
    return [name for name in names if not family or load_case(name)["group"] == family]


def load_case(name: str) -> dict[str, Any]:
    """One case as the JSON file has it."""
    return json.loads((HERE / "cases" / f"{name}.json").read_text(encoding="utf-8"))


def load_data(case: str | Mapping[str, Any]) -> pd.DataFrame:
    """The data of a case (its `subset` applied), or a whole data set by name ("sleepstudy", "cbpp.csv").

    Factors are categoricals with the schema's levels in the schema's order; after a subset, levels
    without rows are dropped, as R's model frames drop them.
    """
    if isinstance(case, str):
        return _table(case.removesuffix(".csv")).copy()
    data = _table(str(case["dataset"]).removesuffix(".csv"))
    subset = case.get("subset")
    if not subset:
        return data.copy()
    kept = data.query(subset).reset_index(drop=True)
    for name in kept.select_dtypes("category").columns:
        kept[name] = kept[name].cat.remove_unused_categories()
    return kept


@functools.cache
def _schema() -> dict[str, dict[str, dict[str, Any]]]:
    return json.loads((HERE / "data" / "_schema.json").read_text(encoding="utf-8"))


@functools.cache
def _table(name: str) -> pd.DataFrame:
    schema = _schema()[name]
    factors = {column: str for column, kind in schema.items() if kind["type"] == "factor"}
    data = pd.read_csv(
        HERE / "data" / f"{name}.csv", dtype=factors, keep_default_na=False, na_values=["NA", ""]
    )
    for column in factors:
        data[column] = pd.Categorical(data[column], categories=schema[column]["levels"])
    if name == "muscatine":
        data["cage"] = data["age"] - 12
    return data
