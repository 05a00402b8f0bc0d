"""What follows of one count, asked of its clinic and a few others: no larger in large networks.

In a table of many clinics a count is freed by few of them: its own clinic has more in this month and less in
another, and some others less and more. A program over those alone, all else as it is, finds tables that agree
with what is published, so that a count that it frees is free. That a count is not free is shown by its own
clinic's sums alone, one after the other, each taken less another where that leaves fewer terms: a window less
the one before is the month that came less the month that left. Only what neither settles is asked of all.
"""

from __future__ import annotations

from functools import cached_property

import highspy
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tasks.disclosing.additive_table import AdditiveTable
from tasks.disclosing.basic_moves import Reach
from tasks.disclosing.effort import spent
from tasks.disclosing.linear_programs import QuietSolver, sparser

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

_PARTNERS = 12  # clinics beside a count's own: those with most room in the same months
_OWN_MONTH = 8.0  # room in the count's own month is worth that much more: it has to be made up for there
_ROUNDS = 12  # of reading a clinic's sums one after the other
_NOTHING = 1e-6


class NearPrograms:
    """Programs over a count's own clinic and a few others.

    Attributes:
        table: the counts and their sums, with places.
    """

    def __init__(self, table: AdditiveTable) -> None:
        if table.places is None:
            raise ValueError("nobody knows which counts are near another: the table has no places")
        self.table = table
        self._row, self._column = table.places.T
        self._rows = int(self._row.max(initial=-1)) + 1
        order = np.argsort(self._row, kind="stable")
        starts = np.searchsorted(self._row[order], np.arange(-1, self._rows + 1))
        self._of_all = order[starts[0] : starts[1]]
        self._of_row = np.split(order[starts[1] :], starts[2:-1] - starts[1])
        self._lower, self._upper = table.values, table.values
        self._room = np.zeros((self._rows, int(self._column.max(initial=-1)) + 2))

    def bound(self, lower: Floats, upper: Floats) -> None:
        """Bounds of all cells, (K,), for what is asked next."""
        self._lower, self._upper = lower, upper
        values = self.table.values
        least = 2.0 * self.table.least_width
        both = np.minimum(np.minimum(upper - values, least) + np.minimum(values - lower, least), least)
        self._room = np.zeros_like(self._room)
        placed = self._row >= 0
        self._room[self._row[placed], self._column[placed]] = both[placed]
        self._room[:, -1] = 0.0  # of cells without a column

    @cached_property
    def _columns(self) -> sparse.csc_array:
        """(R, K) the sums, each less another where that leaves fewer terms."""
        return sparse.csc_array(sparser(self.table.equations))

    @cached_property
    def _own_sums(self) -> list[sparse.csr_array]:
        """By row, the sums of its cells alone."""
        rows = self._columns.tocsr()
        begins = rows.indptr[:-1]
        of = self._row[rows.indices]
        least, most = np.minimum.reduceat(of, begins), np.maximum.reduceat(of, begins)
        owner = np.where(least == most, least, -1)
        order = np.argsort(owner, kind="stable")
        starts = np.searchsorted(owner[order], np.arange(self._rows + 1))
        return [rows[order[starts[row] : starts[row + 1]]][:, self._of_row[row]] for row in range(self._rows)]

    def reach(self, cell: int, need: float) -> Reach | None:
        """How far the count moves with its neighbours, up to `need` or more; None where it has no place."""
        if self._row[cell] < 0:
            return None
        near = self._near(cell)
        free = near[self._upper[near] > self._lower[near]]
        at = np.flatnonzero(free == cell)
        if not len(at):
            return None
        values = self.table.values[free]
        place, moved = int(at[0]), np.zeros(len(free), dtype=bool)
        away = {1.0: 0.0, -1.0: 0.0}
        solver = self._solver(free, self._lower[free], self._upper[free])
        for sign in away:
            with spent(len(free), programs=1):
                solver.changeColCost(place, sign)
                found = _solved(solver)
            if found is not None:
                moved |= np.abs(found - values) > _NOTHING
                away[sign] = abs(float(found[place] - values[place]))
            if sum(away.values()) >= need:
                break
        return Reach(away[1.0], away[-1.0], free[moved])

    def widest(self, cell: int) -> float:
        """How wide the count's range is at most, by its own clinic's sums; infinite where it has no place."""
        row = int(self._row[cell])
        if row < 0:
            return float("inf")
        cells, sums = self._of_row[row], self._own_sums[row]
        low, high = self._lower[cells], self._upper[cells]
        at = int(np.flatnonzero(cells == cell)[0])
        if not sums.shape[0]:
            return float(high[at] - low[at])
        of, column, term = np.repeat(np.arange(sums.shape[0]), np.diff(sums.indptr)), sums.indices, sums.data
        low, high = low.copy(), high.copy()
        for _ in range(_ROUNDS):
            before = float((high - low).sum())
            least = np.where(term > 0, term * low[column], term * high[column])
            most = np.where(term > 0, term * high[column], term * low[column])
            others_least = np.bincount(of, least)[of] - least
            others_most = np.bincount(of, most)[of] - most
            # a term is what the others leave of nothing
            ends = -others_most / term, -others_least / term
            np.maximum.at(low, column, np.minimum(*ends))
            np.minimum.at(high, column, np.maximum(*ends))
            if before - float((high - low).sum()) < _NOTHING:
                break
        return float(max(high[at] - low[at], 0.0))

    def cheapest(
        self,
        cell: int,
        to: float,
        withheld: Booleans,
        widest: tuple[Floats, Floats],
        prices: Floats,
        *,
        above: bool,
    ) -> Floats | None:
        """(K,) the cheapest table with the count at `to` or beyond, neighbours withheld for a price.

        Args:
            cell: the count.
            to: what it must come to.
            withheld: (K,) what is withheld now.
            widest: (K,) the lowest and highest of each count if everything that can be is withheld.
            prices: (K,) what a shown count pays for a record by which it departs.
            above: whether it must come to `to` or more, or to `to` or less.

        Returns:
            None where no neighbour helps.
        """
        if self._row[cell] < 0:
            return None
        near = self._near(cell)
        lower, upper = self._lower[near].copy(), self._upper[near].copy()
        at = int(np.flatnonzero(near == cell)[0])
        if above:
            lower[at] = to
        else:
            upper[at] = to
        if lower[at] > upper[at]:
            return None
        may_depart = ~withheld[near] & (self.table.unit[near] >= 0) & self.table.hidden_when_withheld[near]
        shown = near[may_depart]
        more = np.maximum(widest[1][shown] - upper[may_depart], 0.0)
        less = np.maximum(lower[may_depart] - widest[0][shown], 0.0)
        free = upper > lower
        free[at] = True
        moving = np.concatenate([near[free], shown, shown])
        sign = np.concatenate([np.ones(int(free.sum()) + len(shown)), -np.ones(len(shown))])
        none = np.zeros(len(shown))
        with spent(len(moving), programs=1):
            solver = self._solver(
                moving,
                np.concatenate([lower[free], none, none]),
                np.concatenate([upper[free], more, less]),
                sign,
                np.concatenate([self.table.values[near[free]], none, none]),
                np.concatenate([np.zeros(int(free.sum())), prices[shown], prices[shown]]),
            )
            solved = _solved(solver)
        if solved is None:
            return None
        itself, added, taken = np.split(solved, [int(free.sum()), int(free.sum()) + len(shown)])
        found = self.table.values.copy()
        found[near[free]] = itself
        found[shown] += added - taken
        return np.asarray(found)

    def _near(self, cell: int) -> Integers:
        """Cells of the count's clinic, of those with most room in the same columns, and of the network."""
        row, column = int(self._row[cell]), int(self._column[cell])
        weight = (self._room[row] > 0.0).astype(float)
        if column >= 0:
            weight[column] += _OWN_MONTH
        score = self._room @ weight
        score[row] = -1.0
        partners = np.argsort(-score, kind="stable")[:_PARTNERS]
        rows = [row, *partners[score[partners] > 0.0].tolist()]
        return np.concatenate([*(self._of_row[each] for each in rows), self._of_all])

    def _solver(
        self,
        moving: Integers,
        lower: Floats,
        upper: Floats,
        sign: Floats | None = None,
        truth: Floats | None = None,
        cost: Floats | None = None,
    ) -> QuietSolver:
        """The equations of the cells that move, all else as it truly is."""
        columns = self._columns[:, moving]
        if sign is not None:
            columns = sparse.csc_array(columns @ sparse.diags_array(sign))
        truth = self.table.values[moving] if truth is None else truth
        rows, place = np.unique(columns.indices, return_inverse=True)
        right = np.asarray(columns @ truth)[rows]
        program = highspy.HighsLp()
        program.num_col_, program.num_row_ = len(moving), len(rows)
        program.col_cost_ = np.zeros(len(moving)) if cost is None else cost
        program.col_lower_, program.col_upper_ = lower, upper
        program.row_lower_ = program.row_upper_ = right
        program.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        program.a_matrix_.start_, program.a_matrix_.index_ = columns.indptr, place
        program.a_matrix_.value_ = columns.data
        solver = QuietSolver()
        for option, value in (("output_flag", False), ("threads", 1), ("presolve", "off")):
            solver.setOptionValue(option, value)
        solver.passModel(program)
        return solver


def _solved(solver: QuietSolver) -> Floats | None:
    """(N,) a table of least cost; None should none be found."""
    solver.run()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return None
    return np.asarray(solver.getSolution().col_value, dtype=np.float64)
