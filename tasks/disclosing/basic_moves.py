"""Moves that leave every sum of a table as it is: the cheapest proof that a withheld count may be another.

One clinic has more in a month and less in another, a second clinic less and more: all sums stay (the basic
moves of Diaconis & Sturmfels 1998, "Algebraic algorithms for sampling from conditional distributions",
sec. 1). Where such moves alone carry a count through the range that it must keep, no linear program needs to
be asked. They prove that a count is free, never that it is not.

In the table of several releases a month does not move alone, but with others, such that every window has
just one of them: a month that left and the one that came for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_FIRST_PARTNERS = 40  # rows looked at before all the others: those with most room
_MOST_TRADES = 12  # of one cell in one direction


@dataclass(frozen=True)
class Grid:
    """Cells of which any two rows may trade between any two columns without changing a sum.

    Attributes:
        cells: (R, B, D) positions of the cells at a row and column, which move together; −1 for none.
        sign: (B,) −1 of a column whose cells are sums of the others (windows): when the others of a row have
            more together, these have more as well.
    """

    cells: Integers
    sign: Integers

    @property
    def place(self) -> dict[int, tuple[int, int]]:
        """Cell → its row and column."""
        rows, columns, _ = np.nonzero(self.cells >= 0)
        cells = self.cells[self.cells >= 0]
        return dict(zip(cells.tolist(), zip(rows.tolist(), columns.tolist(), strict=True), strict=True))


@dataclass(frozen=True)
class Reach:
    """How far moves carry a cell.

    Attributes:
        below, above: by how much less and more it may be.
        used: positions of the cells that moved.
    """

    below: float
    above: float
    used: Integers


class BasicMoves:
    """Moves within bounds, from the true table.

    Attributes:
        grid: what may trade.
    """

    def __init__(self, grid: Grid, values: Floats) -> None:
        self.grid = grid
        self._values = values
        self._place = grid.place
        self._more, self._less = np.zeros((2, *grid.cells.shape[:2]))

    def bound(self, lower: Floats, upper: Floats) -> None:
        """Bounds of all cells, (K,), for the moves to come."""
        more, less = self._room(upper - self._values), self._room(self._values - lower)
        sums = self.grid.sign < 0
        self._more, self._less = np.where(sums, less, more), np.where(sums, more, less)

    def reach(self, cell: int, need: float) -> Reach | None:
        """How far a cell moves, up to `need` in both directions together; None if not at all."""
        if cell not in self._place or not need > 0.0:
            return None
        row, column = self._place[cell]
        up, down = (self._more, self._less)[:: int(self.grid.sign[column])]
        used: set[int] = set()
        above = self._carried(row, column, up, down, need, used)
        below = self._carried(row, column, down, up, need - above, used)
        if above + below == 0.0:
            return None
        return Reach(below, above, np.array(sorted(used), dtype=np.int64))

    def _room(self, room: Floats) -> Floats:
        """(R, B) by how much the cells of each place may move together."""
        cells = self.grid.cells
        each = np.where(cells >= 0, room[cells], np.inf).min(axis=2)
        return np.where((cells >= 0).any(axis=2), np.maximum(each, 0.0), 0.0)

    def _carried(
        self, row: int, column: int, onward: Floats, back: Floats, need: float, used: set[int]
    ) -> float:
        """By how much the cells at a place move; `onward` and `back` are the rooms that way and back."""
        most = min(float(onward[row, column]), need)
        if most <= 0.0:
            return 0.0
        partners = np.flatnonzero(back[:, column] > 0.0)
        partners = partners[partners != row]
        own = back[row].copy()
        own[column] = 0.0
        carried = 0.0
        if len(partners) > _FIRST_PARTNERS:  # nearly always enough
            order = partners[np.argpartition(-back[partners, column], _FIRST_PARTNERS)]
            first, partners = np.sort(order[:_FIRST_PARTNERS]), np.sort(order[_FIRST_PARTNERS:])
            carried = self._traded(row, column, first, own, (onward, back), most, used)
        return carried + self._traded(row, column, partners, own, (onward, back), most - carried, used)

    def _traded(
        self,
        row: int,
        column: int,
        partners: Integers,
        own: Floats,
        rooms: tuple[Floats, Floats],
        most: float,
        used: set[int],
    ) -> float:
        """What trades with these rows carry, the largest first; `own` is what the row has left to give."""
        if most <= 0.0 or not len(partners):
            return 0.0
        onward, back = rooms
        theirs, their_column = onward[partners].copy(), back[partners, column].copy()
        carried = 0.0
        for _ in range(_MOST_TRADES):
            trade = np.minimum(np.minimum(theirs, own[None, :]), their_column[:, None])
            partner, other = divmod(int(trade.argmax()), len(own))
            amount = min(float(trade[partner, other]), most - carried)
            if amount <= 0.0:
                break
            carried += amount
            own[other] -= amount
            theirs[partner, other] -= amount
            their_column[partner] -= amount
            for each in (row, int(partners[partner])):
                moved = self.grid.cells[each, [column, other]]
                used.update(moved[moved >= 0].tolist())
        return carried


def covering_groups(windows: Sequence[Sequence[int]], months: int) -> list[tuple[int, ...]]:
    """Groups of months such that each window has just one month of each group.

    Args:
        windows: positions of the months of each window, in the order of their last months.
        months: how many months there are.

    Returns:
        The groups; a month stands in one at most, and in none where no others continue it.
    """
    has = np.zeros((months, len(windows)), dtype=bool)
    for j, window in enumerate(windows):
        has[list(window), j] = True
    waiting: dict[int, list[int]] = {}  # first window → months whose windows begin with it
    reach: dict[int, int] = {}
    for month in range(months):
        its = np.flatnonzero(has[month])
        if len(its) and its[-1] - its[0] + 1 == len(its):
            waiting.setdefault(int(its[0]), []).append(month)
            reach[month] = int(its[-1])
    groups = []
    for first in waiting.get(0, []):
        group = [first]
        while (end := reach[group[-1]] + 1) < len(windows) and waiting.get(end):
            group.append(waiting[end].pop(0))
        if end == len(windows):
            groups.append(tuple(group))
    return groups
