"""Cells that many rows fill in as they come are those made of the rows in one piece."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from records.engines import ENGINES, as_single_thread, records
from records.test_engines import CELLS, assert_same_cells

from tasks.models import glmm
from tasks.records import Records, cells_for
from tasks.records.in_database import cells_from_database, row_stream

DATA = records()
MORE: list[tuple[str, dict[str, Any]]] = [
    ("ill ~ dose + small * sex + (1 | clinic)", {}),
    ("ill ~ dose + (small | clinic)", {}),
    ("visits ~ gaps + twice + age + (1 + small || clinic)", {"exposure": "years"}),
    ("visits ~ ns(age, df = 3) + dose", {"groups": "sparse", "offset": "small"}),
    ("sex ~ dose", {"groups": "clinic", "collapse": False}),
    ("y ~ dose + log(gaps) + offset(small)", {"groups": "clinic"}),
]


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells_from_database, "_MANY", 1)
    monkeypatch.setattr(row_stream, "_MOST_ROWS", 37)


@pytest.fixture
def filled_in(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of the cells that were filled in."""
    sizes: list[int] = []
    fill = cells_from_database.filled_in

    def watched(*asked: Any) -> Any:
        cells = fill(*asked)
        sizes.append(len(cells.weight))
        return cells

    monkeypatch.setattr(cells_from_database, "filled_in", watched)
    return sizes


@pytest.mark.before_release
@pytest.mark.slow
@pytest.mark.parametrize("engine", [each for each in ENGINES if each != "Arrow"])
@pytest.mark.parametrize(("formula", "arguments"), MORE)
def test_cells_are_the_same(
    formula: str, arguments: dict[str, Any], engine: str, tmp_path: Path, filled_in: list[int]
) -> None:
    assert_same_cells(formula, ENGINES[engine](DATA, tmp_path), **arguments)
    assert len(filled_in) == 1


@pytest.mark.parametrize(("formula", "arguments"), CELLS)
def test_what_cannot_be_filled_in_is_the_same_too(
    formula: str, arguments: dict[str, Any], tmp_path: Path
) -> None:
    assert_same_cells(formula, as_single_thread(DATA, tmp_path), **arguments)


def test_cells_lie_by_their_group(tmp_path: Path, filled_in: list[int]) -> None:
    _, cells = cells_for("ill ~ dose + (small | clinic)", as_single_thread(DATA, tmp_path))
    assert filled_in == [len(DATA)]
    assert np.all(np.diff(cells.codes[:, 0]) >= 0)
    counts = DATA["clinic"].value_counts().sort_index()
    np.testing.assert_array_equal(np.diff(cells.starts()), counts)
    first = DATA[DATA["clinic"] == counts.index[0]]
    np.testing.assert_allclose(cells.fixed[: counts.iloc[0], 1], first["dose"])  # in the order they came
    np.testing.assert_allclose(cells.random[0][: counts.iloc[0], 1], first["small"])
    assert cells.fixed.flags.f_contiguous


@pytest.mark.parametrize("family", ["binomial", "poisson", "negative-binomial"])
def test_a_mixed_model_is_the_same(family: Any, tmp_path: Path, filled_in: list[int]) -> None:
    formula = (
        "ill ~ dose + small + (1 | clinic)"
        if family == "binomial"
        else "visits ~ dose + small + (1 | clinic)"
    )
    whole = glmm(formula, DATA, family=family)
    found = glmm(formula, as_single_thread(DATA, tmp_path), family=family)
    assert len(filled_in) == 1
    np.testing.assert_allclose(found.coef, whole.coef, rtol=1e-8)
    np.testing.assert_allclose(found.se, whole.se, rtol=1e-7)
    assert found.loglik == pytest.approx(whole.loglik, rel=1e-12)
    assert found.n_obs == whole.n_obs


def test_patients_without_a_number_are_told_apart_in_one_piece(tmp_path: Path, filled_in: list[int]) -> None:
    frame = DATA.assign(patient=DATA["patient"].where(DATA.index % 7 > 0, None))
    assert_same_cells_of(frame, "ill ~ dose", tmp_path, groups="patient")
    assert filled_in == []


def assert_same_cells_of(frame: Any, formula: str, directory: Path, **arguments: Any) -> None:
    with duckdb.connect(str(directory / "lone.duckdb")) as connection:
        connection.register("rows", frame)
        connection.execute("CREATE TABLE records AS SELECT * FROM rows")
    _, cells = cells_for(formula, frame, **arguments)
    _, other = cells_for(formula, Records(str(directory / "lone.duckdb")), **arguments)
    assert len(other.levels[0]) == len(cells.levels[0])
    assert other.total.sum() == cells.total.sum()
