"""Linear programs over the same equations, one after another: each begins where the last one ended.

An attacker asks the same table hundreds of questions that differ in their cost alone. What solved one is a
table that agrees with what is published, and so a place to begin the next from (primal simplex): at 1,900
cells that takes a tenth of the time of starting afresh. What is known takes no part: it goes into the
equations.
"""

from __future__ import annotations

import highspy
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

_PRIMAL_SIMPLEX, _DUAL_SIMPLEX = 4, 1


class QuietSolver(highspy.Highs):
    """HiGHS without callbacks, whose registration prints a banner before anything can be told to be quiet."""

    def __init__(self) -> None:
        super(highspy.Highs, self).__init__()


def sparser(equations: sparse.csr_array) -> sparse.csr_array:
    """(R, K) equations with the same solutions, each less an earlier one where that leaves fewer terms.

    Two windows of a clinic share all but the months that came and went: their difference has those alone.
    """
    terms = np.diff(equations.indptr)
    alike = sparse.tril(equations @ equations.T, k=-1, format="csr")  # ±1 each: terms shared, less opposed
    less = sparse.lil_array(alike.shape)
    for i in np.flatnonzero(np.diff(alike.indptr)):
        others = alike.indices[alike.indptr[i] : alike.indptr[i + 1]]
        left = terms[i] + terms[others] - 2.0 * alike.data[alike.indptr[i] : alike.indptr[i + 1]]
        if left.min() < terms[i]:
            less[i, others[left.argmin()]] = -1.0
    found = sparse.csr_array((sparse.eye_array(len(terms)) + less.tocsr()) @ equations)
    found.eliminate_zeros()
    return found


class LinearPrograms:
    """Least costs over all x with `equations` @ x = 0 and lower ≤ x ≤ upper.

    Attributes:
        lower, upper: (K,) the bounds at present.
    """

    def __init__(
        self,
        equations: sparse.csr_array,
        lower: Floats,
        upper: Floats,
        movable: Booleans,
        *,
        costs_change: bool = True,
    ) -> None:
        """Hands over the equations.

        Args:
            equations: (R, K).
            lower, upper: (K,) bounds.
            movable: (K,) which cells bounds may ever let move; the others stay at their lower bound.
            costs_change: whether it is costs that differ from program to program, or mostly bounds: what
                solved one is then no place to begin the next, but its prices are (dual simplex).
        """
        self.lower, self.upper = lower.copy(), upper.copy()
        self._cells = np.flatnonzero(movable | (upper > lower))
        fixed = lower.copy()
        fixed[self._cells] = 0.0
        equations = sparser(equations)
        right = -(equations @ fixed)
        left = equations[:, self._cells]
        bound = np.flatnonzero(np.diff(left.indptr))
        columns = left[bound].tocsc()
        self._solver = QuietSolver()
        for option, value in (
            ("output_flag", False),
            ("threads", 1),
            ("simplex_strategy", _PRIMAL_SIMPLEX if costs_change else _DUAL_SIMPLEX),
        ):
            self._solver.setOptionValue(option, value)
        program = highspy.HighsLp()
        program.num_col_, program.num_row_ = len(self._cells), len(bound)
        program.col_cost_ = np.zeros(len(self._cells))
        program.col_lower_, program.col_upper_ = self.lower[self._cells], self.upper[self._cells]
        program.row_lower_ = program.row_upper_ = right[bound]
        program.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        program.a_matrix_.start_ = columns.indptr
        program.a_matrix_.index_ = columns.indices
        program.a_matrix_.value_ = columns.data
        self._costs = np.zeros(len(self._cells))
        self._solver.passModel(program)

    def bound(self, lower: Floats, upper: Floats) -> None:
        """Other bounds, (K,), for the programs to come.

        Raises:
            ValueError: they let a cell move that was said not to.
        """
        changed = np.flatnonzero((lower != self.lower) | (upper != self.upper))
        at = np.searchsorted(self._cells, changed)
        if not np.array_equal(self._cells[np.minimum(at, len(self._cells) - 1)], changed):
            raise ValueError("these bounds let a cell move that was said not to")
        self.lower[changed], self.upper[changed] = lower[changed], upper[changed]
        if len(changed):
            self._solver.changeColsBounds(len(at), at.astype(np.int32), lower[changed], upper[changed])

    def solve(self, cost: Floats) -> Floats | None:
        """(K,) cells of a table of least cost; None should the solver find none."""
        costs = cost[self._cells]
        changed = np.flatnonzero(costs != self._costs).astype(np.int32)
        self._solver.changeColsCost(len(changed), changed, costs[changed])
        self._costs = costs
        if not self._solved():
            self._solver.clearSolver()  # from the beginning, once
            if not self._solved():
                return None
        cells = self.lower.copy()
        cells[self._cells] = self._solver.getSolution().col_value
        return cells

    def _solved(self) -> bool:
        self._solver.run()
        return bool(self._solver.getModelStatus() == highspy.HighsModelStatus.kOptimal)
