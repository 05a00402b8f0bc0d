"""Secondary suppression: what else must be withheld so that no withheld count can be worked out.

A published table adds up: a clinic's months to its window, the clinics to the network. Whoever reads it
can solve for what was withheld. An `AdditiveTable` holds all such sums at once; `protect` withholds
further units until an attacker who knows every published cell, every sum and the policy still cannot
narrow a withheld cell below `least_width` (Fischetti & Salazar 2001, "Solving the cell suppression
problem on tabular data with linear constraints", eqs. 2-5: the attacker's two linear programs; their
sliding protection level). The choice is deterministic: smallest units first, ties by position.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, sparse

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

_SOLVER_TOLERANCE = 1e-6
_STALLS = 3  # rounds of pulling that settle no further cell before the rest are looked at one by one
_UNBOUNDED = 3  # scipy.optimize.milp's status


@dataclass(frozen=True, slots=True)
class Sum:
    """`whole` is the sum of `parts` (positions of cells)."""

    whole: int
    parts: tuple[int, ...]

    @property
    def members(self) -> tuple[int, ...]:
        """All cells of the sum."""
        return (self.whole, *self.parts)


@dataclass(frozen=True)
class AdditiveTable:
    """Cells, the sums that bind them, and what may never be withheld.

    Attributes:
        values: (K,) true counts.
        sums: the relations between cells.
        lower, upper: (K,) what anyone would believe of a withheld cell before doing sums: the policy's own
            range for a small count, [0, infinity) for any other.
        unit: (K,) cells of one unit are withheld together (a clinic's months); −1 is never withheld as a
            companion (network totals).
        least_width: how wide an attacker's range of a withheld cell must stay.
        slack: how far a published cell may be from its true count (rounding).
    """

    values: Floats
    sums: Sequence[Sum]
    lower: Floats
    upper: Floats
    unit: Integers
    least_width: float
    slack: float = 0.0


def protect(table: AdditiveTable, primary: Booleans, also: Booleans | None = None) -> Booleans:
    """Which cells to withhold besides the primary ones.

    Args:
        table: the cells and their sums.
        primary: (K,) cells withheld by the policy itself.
        also: (K,) cells withheld already for another reason.

    Returns:
        (K,) all cells withheld: primary, `also`, and their companions. Where nothing is left to withhold
        (every free unit of a sum is gone), the sum is as protected as it can be.
    """
    withheld = primary.copy() if also is None else primary | also
    while exposed := _exposed(table, withheld, primary):
        companion = _companion(table, withheld, exposed)
        if companion is None:
            break
        withheld |= table.unit == companion
    return withheld


def attack(table: AdditiveTable, withheld: Booleans, cell: int) -> tuple[float, float]:
    """The narrowest range of a withheld cell that follows from all published cells and sums."""
    attacker = _Attacker(table, withheld)
    return attacker.extreme(cell, 1.0), attacker.extreme(cell, -1.0)


class _Attacker:
    """Everything someone who knows the published cells can say of the withheld ones.

    Attributes:
        low, high: (K,) the lowest and highest value of each cell among the tables seen so far that agree with
            what is published. Every linear program's solution is such a table, so one solution vouches for
            many cells and few programs are needed.
    """

    def __init__(self, table: AdditiveTable, withheld: Booleans) -> None:
        self._table = table
        lower = np.where(withheld, table.lower, np.maximum(table.values - table.slack, 0.0))
        upper = np.where(withheld, table.upper, table.values + table.slack)
        sums = [each for each in table.sums if any(withheld[member] for member in each.members)]
        self._cells = sorted({member for each in sums for member in each.members})
        self._position = {cell: i for i, cell in enumerate(self._cells)}
        rows, columns, signs = [], [], []
        for i, relation in enumerate(sums):
            for member in relation.members:
                rows.append(i)
                columns.append(self._position[member])
                signs.append(-1.0 if member == relation.whole else 1.0)
        equations = sparse.csr_array((signs, (rows, columns)), shape=(len(sums), len(self._cells)))
        self._sums = optimize.LinearConstraint(equations, 0.0, 0.0)
        self._bounds = optimize.Bounds(lower[self._cells], upper[self._cells])
        self._free = (lower, upper)
        self.low, self.high = table.values.copy(), table.values.copy()

    def extreme(self, cell: int, sign: float) -> float:
        """The lowest (sign 1) or highest (sign −1) value of a cell; infinity where nothing limits it."""
        if cell not in self._position:
            lower, upper = self._free
            self.low[cell], self.high[cell] = lower[cell], upper[cell]
            return float(self.low[cell] if sign > 0 else self.high[cell])
        cost = np.zeros(len(self._cells))
        cost[self._position[cell]] = sign
        status = self._solve(cost)
        if status == _UNBOUNDED:
            self.high[cell] = np.inf
        elif status != 0:  # the true table always agrees; if the solver gives up, the cell counts as known
            return float(self._table.values[cell])
        return float(self.low[cell] if sign > 0 else self.high[cell])

    def sway(self, cells: Sequence[int], width: Floats) -> list[int]:
        """The cells that tables pulled up and down many cells at a time do not show to be free.

        What remains is looked at one by one; nearly all cells are settled here by a few programs.
        """
        rng = np.random.default_rng(0)
        left = [cell for cell in cells if cell in self._position]
        stalled = 0
        while left and stalled < _STALLS:
            cost = np.zeros(len(self._cells))
            cost[[self._position[cell] for cell in left]] = rng.choice([-1.0, 1.0], len(left))
            self._solve(cost)
            still = [cell for cell in left if not self._seen_free(cell, float(width[cell]))]
            stalled = stalled + 1 if len(still) == len(left) else 0
            left = still
        return left + [cell for cell in cells if cell not in self._position]

    def _solve(self, cost: Floats) -> int:
        """Find the agreeing table of least cost, and remember its cells."""
        solved = optimize.milp(cost, constraints=self._sums, bounds=self._bounds)
        if solved.status == 0:
            self.low[self._cells] = np.minimum(self.low[self._cells], solved.x)
            self.high[self._cells] = np.maximum(self.high[self._cells], solved.x)
        return int(solved.status)

    def _seen_free(self, cell: int, width: float) -> bool:
        return bool(self.high[cell] - self.low[cell] >= width - _SOLVER_TOLERANCE)

    def is_free(self, cell: int, width: float) -> bool:
        """Whether the cell may lie anywhere in a range at least `width` wide."""
        for sign in (1.0, -1.0):
            if self._seen_free(cell, width):
                return True
            self.extreme(cell, sign)
        return self._seen_free(cell, width)


def _exposed(table: AdditiveTable, withheld: Booleans, primary: Booleans) -> list[int]:
    """Primary cells that the published ones narrow below the width they must keep."""
    if not primary.any():
        return []
    attacker = _Attacker(table, withheld)
    need = np.minimum(table.least_width, table.upper - table.lower)
    unsettled = attacker.sway(np.flatnonzero(primary).tolist(), need)
    return [cell for cell in unsettled if not attacker.is_free(cell, float(need[cell]))]


def _companion(table: AdditiveTable, withheld: Booleans, exposed: Sequence[int]) -> int | None:
    """The unit whose loss costs least among those that share a sum with an exposed cell."""
    near = set(exposed)
    candidates = {
        int(table.unit[member])
        for relation in table.sums
        if near.intersection(relation.members)
        for member in relation.members
        if not withheld[member]
    } - {-1}
    if not candidates:
        return None
    loss = {unit: float(table.values[table.unit == unit].sum()) for unit in candidates}
    return min(candidates, key=lambda unit: (loss[unit] == 0, loss[unit], unit))
