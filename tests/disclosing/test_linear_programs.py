"""Programs that begin where the last ended give the least cost that another solver finds afresh."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, sparse

from tasks.disclosing.linear_programs import LinearPrograms


def two_way(rng: np.random.Generator, rows: int, columns: int) -> tuple[sparse.csr_array, np.ndarray]:
    """The sums of a two-way table with its margins, and counts that agree with them."""
    counts = rng.poisson(8.0, (rows, columns)).astype(float)
    cell = np.arange(rows * columns).reshape(rows, columns)
    equations = np.zeros((rows + columns, rows * columns + rows + columns))
    for i in range(rows):
        equations[i, cell[i]], equations[i, cell.size + i] = 1.0, -1.0
    for j in range(columns):
        equations[rows + j, cell[:, j]], equations[rows + j, cell.size + rows + j] = 1.0, -1.0
    values = np.concatenate([counts.ravel(), counts.sum(axis=1), counts.sum(axis=0)])
    return sparse.csr_array(equations), values


@pytest.mark.parametrize("seed", range(4))
def test_each_cost_is_the_least_whatever_was_asked_before(seed: int) -> None:
    rng = np.random.default_rng(seed)
    equations, values = two_way(rng, 7, 9)
    cells = 63
    movable = np.arange(len(values)) < cells
    withheld = movable & (rng.random(len(values)) < 0.3)
    programs = LinearPrograms(equations, values, values, movable)
    assert programs.solve(np.ones(len(values))) == pytest.approx(values)  # nothing may move
    for _ in range(12):
        # now more is withheld, now less
        withheld = movable & (withheld ^ (rng.random(len(values)) < 0.1))
        lower, upper = np.where(withheld, 0.0, values), np.where(withheld, 30.0, values)
        programs.bound(lower, upper)
        for _ in range(3):
            cost = np.where(movable, rng.choice([-1.0, 0.0, 1.0], len(values)), 0.0)
            found = programs.solve(cost)
            afresh = optimize.linprog(
                cost, A_eq=equations, b_eq=np.zeros(16), bounds=np.column_stack([lower, upper])
            )
            assert found is not None
            assert cost @ found == pytest.approx(afresh.fun, abs=1e-6)
            assert equations @ found == pytest.approx(np.zeros(16), abs=1e-6)
            assert (found >= lower - 1e-6).all()
            assert (found <= upper + 1e-6).all()


def test_there_is_no_table_where_none_agrees() -> None:
    equations = sparse.csr_array(np.array([[1.0, 1.0, -1.0]]))
    one = np.array([1.0, 1.0, 3.0])
    programs = LinearPrograms(equations, one, one, np.array([True, False, False]))
    assert programs.solve(np.ones(3)) is None
    programs.bound(np.array([0.0, 1.0, 3.0]), np.array([5.0, 1.0, 3.0]))
    assert programs.solve(np.ones(3)) == pytest.approx([2.0, 1.0, 3.0])


def test_what_was_said_not_to_move_may_not() -> None:
    equations = sparse.csr_array(np.array([[1.0, 1.0, -1.0]]))
    values = np.array([1.0, 2.0, 3.0])
    programs = LinearPrograms(equations, values, values, np.array([True, False, False]))
    with pytest.raises(ValueError, match="said not to"):
        programs.bound(np.zeros(3), values)


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    equations, values = two_way(np.random.default_rng(0), 3, 3)
    LinearPrograms(equations, np.zeros(15), values, np.ones(15, dtype=bool)).solve(np.ones(15))
    assert capfd.readouterr() == ("", "")
