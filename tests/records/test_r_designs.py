"""Designs against R's own: names, order and values of `model.matrix`, as `r_designs/designs.R` wrote them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.records import Records, cells_for, moments_for, new_rows

HERE = Path(__file__).parent / "r_designs"
DATA = pd.read_csv(HERE / "data.csv")
DESIGNS = json.loads((HERE / "designs.json").read_text(encoding="utf-8"))
FORMULAS = [name for name in DESIGNS if name != "made with"]


@pytest.mark.parametrize("right", FORMULAS)
def test_designs_are_rs(right: str) -> None:
    expected = DESIGNS[right]
    design, _ = cells_for(f"y ~ {right}", DATA, collapse=False)
    assert list(design.fixed) == list(expected)
    found = new_rows(design, DATA).fixed
    for j, values in enumerate(expected.values()):
        size = max(np.abs(values).max(), 1.0)
        assert np.allclose(found[:, j], values, rtol=0, atol=1e-12 * size), list(expected)[j]


@pytest.mark.parametrize("right", FORMULAS)
def test_moments_are_of_rs_designs_wherever_they_are_summed(right: str) -> None:
    V = np.column_stack([*DESIGNS[right].values(), DATA["y"]])
    for place in (DATA, Records(str(HERE / "data.csv"))):
        design, moments = moments_for(f"y ~ {right}", place)
        at = moments.position(*design.fixed, "y")
        raw = moments.raw().products[0][np.ix_(at, at)]
        size = np.sqrt(np.diag(V.T @ V))
        assert np.all(np.abs(raw - V.T @ V) <= 1e-11 * np.outer(size, size))
