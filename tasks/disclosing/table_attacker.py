"""Everything someone who knows the published counts of a table can say of the withheld ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tasks.disclosing.additive_table import AdditiveTable, bounds_of
from tasks.disclosing.basic_moves import BasicMoves, Reach
from tasks.disclosing.effort import spent
from tasks.disclosing.linear_programs import LinearPrograms
from tasks.disclosing.maximum_flows import MaximumFlows, arcs_of
from tasks.disclosing.near_programs import NearPrograms

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

_SOLVER_TOLERANCE = 1e-6
_MOST_SEEN = 200  # tables kept that agree with what is published
_MOST_PAIRS = 120  # pairs of them of which one between is looked at
_STALLS = 3  # rounds of pulling that settle no further cell before the rest are looked at one by one


class TableAttacker:
    """Everything someone who knows the published cells can say of the withheld ones.

    Attributes:
        table: what is published, and what of it may be withheld.
        low, high: (K,) the lowest and highest value of each cell among the tables seen so far that agree with
            what is published. Every linear program's solution is such a table, so one solution vouches for
            many cells and few programs are needed; and it still agrees when more is withheld.
    """

    def __init__(self, table: AdditiveTable, withheld: Booleans) -> None:
        self.table = table
        self._withheld = withheld.copy()
        self._seen: list[Floats] = []  # tables that agree, the latest last
        self._seen_before: list[Floats] = []  # those that agree when what is now supposed is given up again
        self._combined = 0  # how many of those seen are made of others
        self._moves = None if table.grid is None else BasicMoves(table.grid, table.values)
        self._flows = _flows(table)
        self._moved: dict[int, Reach] = {}  # cell → how far it was carried, and by which cells
        self._near = NearPrograms(table) if table.places is not None and self._flows is None else None
        self._asked_near: set[int] = set()  # what was asked since anything more was withheld
        self._programs: LinearPrograms | None = None  # made when one is asked for
        self.low, self.high = table.values.copy(), table.values.copy()
        self._bound()

    def give_up(self, withheld: Booleans, agreeing: Floats | None = None) -> None:
        """Know no more than this, which is less than before: what was seen to be possible stays so.

        Args:
            withheld: (K,) all that is withheld.
            agreeing: (K,) a table that agrees with the rest, where one is known.
        """
        self._withheld = withheld.copy()
        if agreeing is not None:
            self._remember(agreeing)
        self._bound()

    def suppose(self, withheld: Booleans) -> None:
        """Suppose that less is withheld: what was seen to be possible counts as far as it agrees."""
        shown = np.flatnonzero(self._withheld & ~withheld & self.table.hidden_when_withheld)
        self._seen_before = self._seen
        self._seen = list(_agreeing(np.array(self._seen), self.table.values, shown)) if self._seen else []
        self._combined = len(self._seen)
        self.low, self.high = self.table.values.copy(), self.table.values.copy()
        for seen in self._seen:
            self._widen(seen)
        stays = ~np.isin(np.arange(len(withheld)), shown)
        for cell, reach in self._moved.items():
            if stays[reach.used].all():
                self._reach(cell, reach)
        self.give_up(withheld)

    def give_up_again(self, withheld: Booleans) -> None:
        """Take back what was supposed last; what was found out on the way stays possible."""
        self._seen = (self._seen_before + self._seen[self._combined :])[-_MOST_SEEN:]
        self.give_up(withheld)

    def _remember(self, agreeing: Floats) -> None:
        self._widen(agreeing)
        self._seen = [*self._seen, agreeing][-_MOST_SEEN:]

    def _widen(self, seen: Floats) -> None:
        np.minimum(self.low, seen, out=self.low)
        np.maximum(self.high, seen, out=self.high)

    def _reach(self, cell: int, reach: Reach) -> None:
        """Moves or flows carry the cell that far."""
        self.low[cell] = min(self.low[cell], self.table.values[cell] - reach.below)
        self.high[cell] = max(self.high[cell], self.table.values[cell] + reach.above)

    def _bound(self) -> None:
        """Let moves and programs keep to what is known now."""
        lower, upper = bounds_of(self.table, self._withheld)
        if self._moves is not None:
            self._moves.bound(lower, upper)
        if self._flows is not None:
            self._flows.bound(lower, upper)
        if self._near is not None:
            self._near.bound(lower, upper)
            self._asked_near.clear()
        if self._programs is not None:
            self._programs.bound(lower, upper)

    @property
    def near(self) -> NearPrograms | None:
        """Programs over a count and what is near it; None where flows tell, or nobody knows what is near."""
        return self._near

    @property
    def flows(self) -> MaximumFlows | None:
        """Flows within what is known now, where they find out all there is to know without a program."""
        return self._flows

    def extreme(self, cell: int, sign: float) -> float:
        """The lowest (sign 1) or highest (sign −1) value of a cell."""
        cost = np.zeros(len(self.table.values))
        cost[cell] = sign
        self._solve(cost)
        return float(self.low[cell] if sign > 0 else self.high[cell])

    def sway(self, cells: Sequence[int], need: Floats) -> list[int]:
        """The cells that tables pulled up and down many cells at a time do not show to be free.

        What remains is looked at one by one; nearly all cells are settled here by a few programs. Where
        flows tell, what they do not show to be free is not; where it is known what is near a cell, its
        neighbours are asked, in programs that are as small in large tables.
        """
        rng = np.random.default_rng(0)
        left = [cell for cell in cells if not self._moves_freely(cell, float(need[cell]))]
        if self._flows is not None:
            return [cell for cell in left if not self._flows_freely(self._flows, cell, float(need[cell]))]
        near = self._near
        if near is not None:
            return [
                cell
                for cell in left
                if self._is_narrow(near, cell, float(need[cell]))
                or not self._near_freely(near, cell, float(need[cell]))
            ]
        stalled = 0
        while left and stalled < _STALLS:
            cost = np.zeros(len(self.table.values))
            cost[left] = rng.choice([-1.0, 1.0], len(left))
            self._solve(cost)
            still = [cell for cell in left if not self._seen_free(cell, float(need[cell]))]
            stalled = stalled + 1 if len(still) == len(left) else 0
            left = still
        return left

    def is_free(self, cell: int, need: float) -> bool:
        """Whether the cell may lie anywhere in a range at least `need` wide."""
        if self._moves_freely(cell, need):
            return True
        if self._flows is not None:
            return self._flows_freely(self._flows, cell, need)
        if self._near is not None:
            if self._near_freely(self._near, cell, need):
                return True
            if self._is_narrow(self._near, cell, need):
                return False
        for sign in (1.0, -1.0):
            if self._seen_free(cell, need):
                return True
            self.extreme(cell, sign)
        return self._seen_free(cell, need)

    def width(self, cell: int) -> float:
        """How wide a range of the cell was seen so far."""
        return float(self.high[cell] - self.low[cell])

    def _solve(self, cost: Floats) -> None:
        """Find the agreeing table of least cost, and remember its cells.

        The true table always agrees; should the solver give up, nothing new is seen to be possible.
        """
        with spent(len(cost), programs=1):
            if self._programs is None:
                self._programs = self._all_programs()
            solved = self._programs.solve(cost)
        if solved is not None:
            self._remember(solved)

    def _all_programs(self) -> LinearPrograms:
        """The table's equations, within what is known now."""
        table = self.table
        return LinearPrograms(table.equations, *bounds_of(table, self._withheld), table.hidden_when_withheld)

    def _moves_freely(self, cell: int, need: float) -> bool:
        """Whether the cell was seen to be free, or moves show that it is."""
        if self._seen_free(cell, need):
            return True
        reach = None if self._moves is None else self._moves.reach(cell, need)
        return reach is not None and self._carried_freely(cell, need, reach)

    def _flows_freely(self, flows: MaximumFlows, cell: int, need: float) -> bool:
        """Whether the cell is free: flows find out exactly."""
        with spent(len(self.table.values), flows=1):
            reach = flows.reach(cell, need)
        return self._carried_freely(cell, need, reach)

    def _is_narrow(self, near: NearPrograms, cell: int, need: float) -> bool:
        """Whether its own clinic's sums show that the cell is not free."""
        return near.widest(cell) < need - _SOLVER_TOLERANCE

    def _near_freely(self, near: NearPrograms, cell: int, need: float) -> bool:
        """Whether the cell was seen to be free, or its neighbours show that it is."""
        if not self._seen_free(cell, need) and cell not in self._asked_near:
            self._asked_near.add(cell)
            reach = near.reach(cell, need)
            if reach is not None:
                return self._carried_freely(cell, need, reach)
        return self._seen_free(cell, need)

    def _carried_freely(self, cell: int, need: float, reach: Reach) -> bool:
        self._reach(cell, reach)
        self._moved[cell] = reach
        return self._seen_free(cell, need)

    def _seen_free(self, cell: int, need: float) -> bool:
        return self.width(cell) >= need - _SOLVER_TOLERANCE


def _agreeing(seen: Floats, values: Floats, shown: Integers) -> Floats:
    """(S, K) tables that agree with `values` in the cells `shown`, made of those seen: what lies between two.

    All that is published are sums and bounds, so whatever lies between two tables that agree with it agrees
    as well; of one that has more in a cell and one that has less, somewhere between has what is shown.
    """
    for cell in shown:
        off = seen[:, cell] - values[cell]
        more, less = np.flatnonzero(off > _SOLVER_TOLERANCE), np.flatnonzero(off < -_SOLVER_TOLERANCE)
        same = seen[np.abs(off) <= _SOLVER_TOLERANCE]
        pairs = min(len(more) * len(less), _MOST_PAIRS)
        if not pairs:
            seen = same
            continue
        pair = np.linspace(0, len(more) * len(less) - 1, pairs).astype(np.int64)
        one, other = more[pair % len(more)], less[pair // len(more)]
        share = (-off[other] / (off[one] - off[other]))[:, None]
        seen = np.vstack([same, share * seen[one] + (1.0 - share) * seen[other]])[-_MOST_SEEN:]
    return seen


def _flows(table: AdditiveTable) -> MaximumFlows | None:
    """Flows that say how far its cells move; None where a cell is in more than two sums."""
    if not MaximumFlows.whole(table.values, table.lower, table.upper, *table.as_shown):
        return None
    arcs = arcs_of([relation.members for relation in table.sums], len(table.values))
    return None if arcs is None else MaximumFlows(arcs, table.values)
