"""Secondary suppression: what else must be withheld so that no withheld count can be worked out.

A published table adds up: a clinic's months to its window, the clinics to the network. Whoever reads it
can solve for what was withheld. An `AdditiveTable` holds such sums at once; `protect` withholds further
units until an attacker who knows every published cell, every sum and the policy

- cannot narrow a withheld cell to less than half of what anyone would believe of it, nor below
  `least_width` (Fischetti & Salazar 2001, "Solving the cell suppression problem on tabular data with linear
  constraints", eqs. 2-5: the attacker's two linear programs; their sliding protection level);
- does not find a small number in what the withheld cells of a sum come to together.

The smallest units are withheld first, as far as luck has it (`companion_draw`); ties by position.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tasks.disclosing.basic_moves import BasicMoves, Grid, Reach
from tasks.disclosing.effort import spent
from tasks.disclosing.linear_programs import LinearPrograms
from tasks.disclosing.maximum_flows import MaximumFlows, arcs_of

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

_SOLVER_TOLERANCE = 1e-6
_ROUNDS = 4  # of reading one sum after the other
_ANOTHER_GAP = 2.0  # a series with gaps has lost its limits: a further one costs a seventh (exp −2)
_MOST_TRIALS = 12  # companions tried whether they are needed, the dearest first
_MOST_SEEN = 200  # tables kept that agree with what is published
_MOST_PAIRS = 120  # pairs of them of which one between is looked at
_STALLS = 3  # rounds of pulling that settle no further cell before the rest are looked at one by one


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
        lower, upper: (K,) what anyone would believe of a withheld cell before doing sums. Equal where it
            is known all the same: an earlier release shows it, or it is zero and its status says so.
        unit: (K,) cells of one unit are withheld together (a clinic's months); −1 is never withheld as a
            companion (network totals).
        least_width: how wide an attacker's range of a withheld cell must stay, where it was believed to
            be twice as wide or wider; half of what was believed elsewhere.
        slack: how far a published cell may be from its true count (rounding).
        small_total: the withheld cells of a sum must together come to more than this, or to nothing.
        rest: (K,) what lies on the other side of each count (those without the event), of which the same
            is asked; none where a count has no other side.
        luck: (K,) by how much the loss of each cell's unit is thought smaller when companions are compared,
            as a logarithm; none where chance has no part.
        series: (K,) cells of one number are read as one series (a clinic's months), where one more gap costs
            less than the first; −1 stands alone. None where none are.
        grid: cells that may trade without changing a sum; none where none are known to.
    """

    values: Floats
    sums: Sequence[Sum]
    lower: Floats
    upper: Floats
    unit: Integers
    least_width: float
    slack: float = 0.0
    small_total: float = 0.0
    rest: Floats | None = None
    luck: Floats | None = None
    series: Integers | None = None
    grid: Grid | None = None

    @cached_property
    def hidden_when_withheld(self) -> Booleans:
        """(K,) cells that withholding really hides."""
        return np.asarray(self.upper > self.lower)

    @cached_property
    def by_unit(self) -> tuple[Floats, Integers]:
        """By unit, what its cells come to and the first of them."""
        cells = np.flatnonzero(self.unit >= 0)
        units = int(self.unit.max(initial=-1)) + 1
        first = np.full(units, -1, dtype=np.int64)
        first[self.unit[cells][::-1]] = cells[::-1]
        total = np.bincount(self.unit[cells], self.values[cells], units)
        return np.asarray(total, dtype=np.float64), first


def protect(table: AdditiveTable, primary: Booleans, also: Booleans | None = None) -> Booleans:
    """Which cells to withhold besides the primary ones.

    Args:
        table: the cells and their sums.
        primary: (K,) cells withheld by the policy itself.
        also: (K,) cells withheld already for another reason.

    Returns:
        (K,) all cells withheld: primary, `also`, and their companions. Of a cell that would stay exposed with
        every free unit withheld, half of what that would protect is protected. Companions that are not
        needed beside the others are shown after all.
    """
    withheld = primary.copy() if also is None else primary | also
    before = withheld.copy()
    at_most = _reach(table, withheld | (table.unit >= 0))
    movable = at_most > 0.0  # what follows from earlier releases, however much is withheld now, hides nothing
    for relation in table.sums:
        while _tells_small_total(table, withheld, relation):
            companion = _companion(table, withheld, [relation], movable)
            if companion is None:
                break
            withheld |= table.unit == companion
    attacker, best = _Attacker(table, withheld), None
    need = np.minimum(table.least_width, (table.upper - table.lower) / 2.0)
    cells = np.flatnonzero(primary & table.hidden_when_withheld)
    taken_for: dict[int, int] = {}
    for cell in attacker.sway(cells.tolist(), need):
        near = [relation for relation in table.sums if cell in relation.members]
        enough = float(need[cell])
        if at_most[cell] < enough:
            enough = float(at_most[cell]) / 2.0
        while not attacker.is_free(cell, enough):
            if best is None:
                best = _Attacker(table, withheld | (table.unit >= 0))
            if not best.is_free(cell, enough):
                enough = best.width(cell) / 2.0
                continue
            companion = _companion(table, withheld, near, movable)
            while companion is None and (wider := _with_neighbours(table, near)):
                near, companion = wider, _companion(table, withheld, wider, movable)
            if companion is None:
                break
            taken_for[companion] = cell
            withheld |= table.unit == companion
            attacker.give_up(withheld)
        need[cell] = enough
    return _without_the_unneeded(attacker, before, withheld, cells.tolist(), need, taken_for)


def _without_the_unneeded(
    attacker: _Attacker,
    before: Booleans,
    withheld: Booleans,
    cells: list[int],
    need: Floats,
    taken_for: Mapping[int, int],
) -> Booleans:
    """What is withheld less the companions without which every cell is as free: dearest first.

    Companions are found one cell at a time, each the cheapest that helps; one found later may do for all.
    One that is needed is mostly needed by the cell it was taken for, so that cell is asked first.
    """
    table = attacker.table
    units = set(table.unit[withheld & ~before].tolist()) - {-1}
    if len(units) < 2:
        return withheld
    loss = {unit: float(table.values[table.unit == unit].sum()) for unit in units}
    for unit in sorted(units, key=lambda unit: (-loss[unit], unit))[:_MOST_TRIALS]:
        trial = withheld & (before | (table.unit != unit))
        if any(_tells_small_total(table, trial, relation) for relation in table.sums):
            continue
        attacker.suppose(trial)
        first = taken_for.get(unit)
        asked = [first] if first is not None else []
        if all(attacker.is_free(cell, float(need[cell])) for cell in asked) and all(
            attacker.is_free(cell, float(need[cell])) for cell in attacker.sway(cells, need)
        ):
            withheld = trial
        else:
            attacker.give_up_again(withheld)
    return withheld


def attack(table: AdditiveTable, withheld: Booleans, cell: int) -> tuple[float, float]:
    """The narrowest range of a withheld cell that follows from all published cells and sums."""
    attacker = _Attacker(table, withheld)
    return attacker.extreme(cell, 1.0), attacker.extreme(cell, -1.0)


class _Attacker:
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
        self._plenty = _plenty(table)
        self._moves = None if table.grid is None else BasicMoves(table.grid, table.values)
        self._flows = _flows(table)
        self._moved: dict[int, Reach] = {}  # cell → how far it was carried, and by which cells
        self._programs: LinearPrograms | None = None  # made when one is asked for
        self.low, self.high = table.values.copy(), table.values.copy()
        self._bound()

    def give_up(self, withheld: Booleans) -> None:
        """Know no more than this, which is less than before: what was seen to be possible stays so."""
        self._withheld = withheld.copy()
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

    def _widen(self, seen: Floats) -> None:
        np.minimum(self.low, seen, out=self.low)
        np.maximum(self.high, seen, out=self.high)

    def _reach(self, cell: int, reach: Reach) -> None:
        """Moves or flows carry the cell that far."""
        self.low[cell] = min(self.low[cell], self.table.values[cell] - reach.below)
        self.high[cell] = max(self.high[cell], self.table.values[cell] + reach.above)

    def _bound(self) -> None:
        """Let moves and programs keep to what is known now."""
        lower, upper = self._bounds(self._withheld)
        if self._moves is not None:
            self._moves.bound(lower, upper)
        if self._flows is not None:
            self._flows.bound(lower, upper)
        if self._programs is not None:
            self._programs.bound(lower, upper)

    def _bounds(self, withheld: Booleans) -> tuple[Floats, Floats]:
        table = self.table
        lower = np.where(withheld, table.lower, np.maximum(table.values - table.slack, 0.0))
        upper = np.where(withheld, np.minimum(table.upper, self._plenty), table.values + table.slack)
        return lower, upper

    def extreme(self, cell: int, sign: float) -> float:
        """The lowest (sign 1) or highest (sign −1) value of a cell."""
        cost = np.zeros(len(self.table.values))
        cost[cell] = sign
        self._solve(cost)
        return float(self.low[cell] if sign > 0 else self.high[cell])

    def sway(self, cells: Sequence[int], need: Floats) -> list[int]:
        """The cells that tables pulled up and down many cells at a time do not show to be free.

        What remains is looked at one by one; nearly all cells are settled here by a few programs. Where
        flows tell, what they do not show to be free is not.
        """
        rng = np.random.default_rng(0)
        left = [cell for cell in cells if not self._moves_freely(cell, float(need[cell]))]
        if self._flows is not None:
            return [cell for cell in left if not self._flows_freely(self._flows, cell, float(need[cell]))]
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
            self._widen(solved)
            self._seen = [*self._seen, solved][-_MOST_SEEN:]

    def _all_programs(self) -> LinearPrograms:
        """The table's equations, within what is known now."""
        table = self.table
        rows = np.repeat(np.arange(len(table.sums)), [len(each.members) for each in table.sums])
        columns = [member for each in table.sums for member in each.members]
        signs = [sign for each in table.sums for sign in (-1.0, *[1.0] * len(each.parts))]
        shape = (len(table.sums), len(table.values))
        equations = sparse.csr_array((signs, (rows, columns)), shape=shape)
        return LinearPrograms(equations, *self._bounds(self._withheld), table.hidden_when_withheld)

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


def _reach(table: AdditiveTable, withheld: Booleans) -> Floats:
    """(K,) at most how wide the range of a cell can be: what follows from one sum at a time."""
    low = np.where(withheld, table.lower, np.maximum(table.values - table.slack, 0.0))
    high = np.where(withheld, np.minimum(table.upper, _plenty(table)), table.values + table.slack)
    if not table.sums:
        return np.asarray(high - low)
    sums = np.repeat(np.arange(len(table.sums)), [len(each.members) for each in table.sums])
    cells = np.array([member for each in table.sums for member in each.members])
    sign = np.array([sign for each in table.sums for sign in (-1.0, *[1.0] * len(each.parts))])
    for _ in range(_ROUNDS):
        least = np.where(sign > 0, low[cells], -high[cells])
        most = np.where(sign > 0, high[cells], -low[cells])
        # a member is what the others leave: less than all of the least, more than all of the most
        others_least = np.bincount(sums, least, len(table.sums))[sums] - least
        others_most = np.bincount(sums, most, len(table.sums))[sums] - most
        np.maximum.at(low, cells, np.where(sign > 0, -others_most, others_least))
        np.minimum.at(high, cells, np.where(sign > 0, -others_least, others_most))
    return np.asarray(np.maximum(high - low, 0.0))


def _flows(table: AdditiveTable) -> MaximumFlows | None:
    """Flows that say how far its cells move; None where a cell is in more than two sums."""
    if not MaximumFlows.whole(table.values, table.lower, table.upper, np.array(table.slack)):
        return None
    arcs = arcs_of([relation.members for relation in table.sums], len(table.values))
    return None if arcs is None else MaximumFlows(arcs, table.values)


def _plenty(table: AdditiveTable) -> float:
    """Beyond anything a sum allows: keeps the programs bounded where no sum does."""
    return 2.0 * (float(table.values.sum()) + table.least_width)


def _tells_small_total(table: AdditiveTable, withheld: Booleans, relation: Sum) -> bool:
    """Whether a sum less its published cells leaves a small count, or all but a small count."""
    if withheld[relation.whole]:
        return False
    parts = np.array(relation.parts, dtype=np.int64)
    gone = parts[withheld[parts] & table.hidden_when_withheld[parts]]
    total = float(table.values[gone].sum())
    if total == 0.0:
        return False
    return total <= table.small_total or (
        table.rest is not None and float(table.rest[gone].sum()) <= table.small_total
    )


def _with_neighbours(table: AdditiveTable, near: Sequence[Sum]) -> list[Sum]:
    """Sums with a cell that can be hidden in common with these; empty where that adds none."""
    hidden = table.hidden_when_withheld
    cells = {member for relation in near for member in relation.members if hidden[member]}
    wider = [relation for relation in table.sums if not cells.isdisjoint(relation.members)]
    return wider if len(wider) > len(near) else []


def _companion(
    table: AdditiveTable, withheld: Booleans, near: Sequence[Sum], movable: Booleans
) -> int | None:
    """The unit whose loss costs least among those with a cell in these sums that can still be hidden."""
    members = np.concatenate([relation.members for relation in near])
    useful = members[~withheld[members] & table.hidden_when_withheld[members] & movable[members]]
    units = np.unique(table.unit[useful][table.unit[useful] >= 0])
    if not len(units):
        return None
    mine, first = table.by_unit
    loss = np.log1p(mine[units])
    if table.luck is not None:
        loss -= table.luck[first[units]]
    if table.series is not None:
        has_gap = np.zeros(int(table.series.max(initial=-1)) + 2, dtype=bool)  # last those that stand alone
        has_gap[table.series[withheld & table.hidden_when_withheld]] = True
        has_gap[-1] = False
        loss -= _ANOTHER_GAP * has_gap[table.series[first[units]]]
    return int(units[loss.argmin()])
