"""Averages of several scenarios at once are those of one scenario after another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from models.generalized_mixed.test_glmm_properties import network

from tasks.models.generalized_mixed.glmm import glmm_from_cells
from tasks.models.generalized_mixed.population_average import averaged, means_with
from tasks.records import cells_for
from tasks.records.for_models.set_rows import SetRows


@pytest.mark.parametrize("family", ["binomial", "poisson"])
def test_one_more_of_a_column_is_what_rows_with_it_average_to(family: str) -> None:
    design, cells = cells_for("y ~ x + t + (x | clinic) + (1 | region)", network(4, family))
    fit = glmm_from_cells(design, cells, family)
    rows = SetRows("", cells.fixed, cells.random, cells.offset, cells.weight)
    for name, found in zip(("t", "x"), means_with(fit, rows, ["t", "x"]), strict=True):
        fixed = cells.fixed.copy()
        fixed[:, design.fixed.index(name)] += 1.0
        expected = averaged(fit, name, replace(rows, fixed=fixed))
        assert found.value == pytest.approx(expected.mean, rel=1e-13)
        np.testing.assert_allclose(found.gradient, expected.gradient, rtol=1e-12, atol=1e-15)
