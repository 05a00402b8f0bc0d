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
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

_SOLVER_TOLERANCE = 1e-6
_UNBOUNDED = 3  # scipy.optimize.linprog's status


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
    _containing: dict[int, list[int]] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        for i, relation in enumerate(self.sums):
            for member in relation.members:
                self._containing.setdefault(member, []).append(i)

    def sums_of(self, cell: int) -> list[int]:
        """Which sums a cell is in."""
        return self._containing.get(cell, [])


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
    while exposed := [cell for cell in np.flatnonzero(primary).tolist() if is_exposed(table, withheld, cell)]:
        companion = _companion(table, withheld, exposed)
        if companion is None:
            break
        withheld |= table.unit == companion
    return withheld


def is_exposed(table: AdditiveTable, withheld: Booleans, cell: int) -> bool:
    """Whether the published cells narrow a withheld cell below the width it must keep."""
    need = min(table.least_width, table.upper[cell] - table.lower[cell])
    if _free_beside_unlimited(table, withheld, cell, need):
        return False
    low, high = attack(table, withheld, cell)
    return bool(high - low < need - _SOLVER_TOLERANCE)


def attack(table: AdditiveTable, withheld: Booleans, cell: int) -> tuple[float, float]:
    """The narrowest range of a withheld cell that follows from all published cells and sums."""
    lower = np.where(withheld, table.lower, np.maximum(table.values - table.slack, 0.0))
    upper = np.where(withheld, table.upper, table.values + table.slack)
    cells, sums = _reach(table, withheld, cell)
    if not sums:
        return float(lower[cell]), float(upper[cell])
    position = {each: i for i, each in enumerate(cells)}
    equations = np.zeros((len(sums), len(cells)))
    for i, relation in enumerate(sums):
        equations[i, position[relation.whole]] = -1.0
        for part in relation.parts:
            equations[i, position[part]] = 1.0
    target = np.zeros(len(sums))
    bounds = [(float(lower[each]), None if np.isinf(upper[each]) else float(upper[each])) for each in cells]
    ends = []
    for sign in (1.0, -1.0):
        cost = np.zeros(len(cells))
        cost[position[cell]] = sign
        solved = optimize.linprog(cost, A_eq=equations, b_eq=target, bounds=bounds, method="highs")
        if solved.status == _UNBOUNDED:
            ends.append(np.inf)
        elif solved.status == 0:
            ends.append(float(cost @ solved.x) * sign)
        else:  # the true table is always feasible; if the solver gives up, treat the cell as known
            ends.append(float(table.values[cell]))
    return ends[0], ends[1]


def _reach(table: AdditiveTable, withheld: Booleans, cell: int) -> tuple[list[int], list[Sum]]:
    """Cells and sums that can bear on a cell: reached from it through withheld cells."""
    reached, frontier, found = {cell}, [cell], set()
    while frontier:
        for i in table.sums_of(frontier.pop()):
            if i in found:
                continue
            found.add(i)
            fresh = [each for each in table.sums[i].members if withheld[each] and each not in reached]
            reached.update(fresh)
            frontier.extend(fresh)
    sums = [table.sums[i] for i in sorted(found)]
    return sorted({member for relation in sums for member in relation.members}), sums


def _free_beside_unlimited(table: AdditiveTable, withheld: Booleans, cell: int, need: float) -> bool:
    """A cheap certificate: a cell in one sum, beside a large gap that is in no other, can move freely."""
    sums = table.sums_of(cell)
    if len(sums) != 1:
        return False
    relation = table.sums[sums[0]]
    if cell == relation.whole:
        return False
    return any(
        each != cell
        and withheld[each]
        and np.isinf(table.upper[each])
        and len(table.sums_of(each)) == 1
        and table.values[each] - table.lower[each] >= need
        for each in relation.parts
    )


def _companion(table: AdditiveTable, withheld: Booleans, exposed: Sequence[int]) -> int | None:
    """The unit whose loss costs least among those that share a sum with an exposed cell."""
    candidates: set[int] = set()
    for cell in exposed:
        for i in table.sums_of(cell):
            candidates |= {int(table.unit[each]) for each in table.sums[i].members if not withheld[each]}
    candidates.discard(-1)
    if not candidates:
        return None
    loss = {unit: float(table.values[table.unit == unit].sum()) for unit in candidates}
    return min(candidates, key=lambda unit: (loss[unit] == 0, loss[unit], unit))
