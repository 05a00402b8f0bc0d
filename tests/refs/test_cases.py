"""Every reference case holds what tests/refs/README.md says that a case holds."""

from __future__ import annotations

import csv
import json
import re
from typing import Any

import pytest
from refs.reference import HERE, case_ids, load_case

README = (HERE / "README.md").read_text(encoding="utf-8")
ALWAYS = {"id", "group", "dataset", "tags", "generated_with", "trust", "crosscheck", "split"}
SCHEMA: dict[str, dict[str, dict[str, Any]]] = json.loads((HERE / "data/_schema.json").read_text("utf-8"))
PROVENANCE = json.loads((HERE / "data/_provenance.json").read_text("utf-8"))


def _documented() -> set[str]:
    """The keys in the first column of the table of keys."""
    (table,) = re.findall(r"^\| key \|.*\n((?:\|.*\n)+)", README, re.M)
    return {name for row in table.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])}


@pytest.mark.parametrize("name", case_ids())
def test_a_case_has_the_keys_of_its_family(name: str) -> None:
    case = load_case(name)
    needed = ALWAYS | (set[str]() if case["group"] == "edge" else {"model", "expected", "n_obs"})
    assert case["id"] == name
    assert needed <= case.keys() <= _documented()


def test_every_key_in_the_table_is_in_some_case() -> None:
    assert _documented() == {key for name in case_ids() for key in load_case(name)}


@pytest.mark.parametrize("name", sorted({str(load_case(name)["dataset"]) for name in case_ids()}))
def test_the_columns_of_its_data_and_their_source_are_described(name: str) -> None:
    with (HERE / "data" / name).open(encoding="utf-8", newline="") as rows:
        header = next(csv.reader(rows))
    described = SCHEMA[name.removesuffix(".csv")]
    assert list(described) == header
    assert all(kind.get("levels") for kind in described.values() if kind["type"] == "factor")
    assert name.removesuffix(".csv") in PROVENANCE
