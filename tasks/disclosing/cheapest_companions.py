"""The cheapest companions of one count: what must be withheld beside it so that it may lie far enough away.

Of one release the cheapest paths of a flow find them (`maximum_flows.py`). Of several, one linear program
asks for a table in which the count lies there and all sums hold. Counts that are withheld move freely; each
that is shown pays for every record by which it departs from what is shown. Those that depart in the cheapest
such table are the companions (Kelly, Golden & Assad 1992, "Cell suppression: disclosure protection for
sensitive tabular data", Networks 22:397, sec. 4). Taking the cheapest count near by, one after the other
until that happened to be enough, withheld a whole network where the sums of eleven releases overlapped.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tasks.disclosing.additive_table import AdditiveTable, bounds_of
from tasks.disclosing.effort import spent
from tasks.disclosing.linear_programs import LinearPrograms
from tasks.disclosing.maximum_flows import MaximumFlows
from tasks.disclosing.table_attacker import TableAttacker

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

_NONE = np.zeros(0, dtype=np.int64)
_NOTHING = 1e-6  # a count that departs by less does not


class CheapestCompanions:
    """Programs over what counts may do if every unit may be withheld.

    Attributes:
        table: the counts and their sums.
    """

    def __init__(self, table: AdditiveTable, withheld: Booleans) -> None:
        self.table = table
        self._everything = withheld | (table.unit >= 0)
        self._programs: LinearPrograms | None = None  # made when one is asked for

    @cached_property
    def _best(self) -> TableAttacker:
        """Who knows nothing but what can never be withheld; most tables need not ask."""
        return TableAttacker(self.table, self._everything)

    def can_free(self, cell: int, need: float) -> bool:
        """Whether a count lies anywhere in a range at least `need` wide once everything is withheld."""
        return self._best.is_free(cell, need)

    def width(self, cell: int) -> float:
        """How wide a range of the count was seen, with everything withheld."""
        return self._best.width(cell)

    def found(
        self, attacker: TableAttacker, withheld: Booleans, cell: int, need: float, prices: Floats
    ) -> tuple[Integers, Floats | None]:
        """The units to withhold and, where one was found, a table that agrees with what is then shown.

        Args:
            attacker: who has found all that follows of the count now.
            withheld: (K,) what is withheld now.
            cell: the count.
            need: how wide its range must become; where that takes more both above and below, one of them.
            prices: (K,) what it costs to withhold each count.

        Returns:
            No units where nothing helps further.
        """
        flows = attacker.flows
        if flows is not None and not flows.has_parallels:
            return self._by_paths(flows, attacker, cell, need, prices)
        low, high = float(attacker.low[cell]), float(attacker.high[cell])
        options = self._near_by(attacker, withheld, cell, (low, high), need, prices)
        if options:
            return min(options, key=lambda each: self._price(each[0], prices))
        for above in (True, False):
            to = self._at_best(cell, low + need if above else high - need, above=above)
            if (to > high + _NOTHING) if above else (to < low - _NOTHING):
                options += self._reaching(withheld, cell, to, prices, above=above)
        if not options:
            return _NONE, None
        whole = [each for each in options if self._frees(each[1], cell, low, high, need)]
        return min(whole or options, key=lambda each: self._price(each[0], prices))

    def _near_by(
        self,
        attacker: TableAttacker,
        withheld: Booleans,
        cell: int,
        seen: tuple[float, float],
        need: float,
        prices: Floats,
    ) -> list[tuple[Integers, Floats]]:
        """Companions among a count's neighbours that make its range wide enough; none where none do."""
        if attacker.near is None:
            return []
        low, high = seen
        widest = bounds_of(self.table, self._everything)
        options = []
        for above, to in ((True, low + need), (False, high - need)):
            found = attacker.near.cheapest(cell, to, withheld, widest, prices, above=above)
            if found is not None:
                departs = np.abs(found - self.table.values) > _NOTHING
                units = np.unique(self.table.unit[departs & ~withheld])
                options.append((units[units >= 0], found))
        return [each for each in options if len(each[0])]

    def _at_best(self, cell: int, to: float, *, above: bool) -> float:
        """How far towards `to` a count can be, with everything withheld."""
        best = self._best
        if above:
            return to if best.high[cell] >= to else min(to, best.extreme(cell, -1.0))
        return to if best.low[cell] <= to else max(to, best.extreme(cell, 1.0))

    def _by_paths(
        self, flows: MaximumFlows, attacker: TableAttacker, cell: int, need: float, prices: Floats
    ) -> tuple[Integers, None]:
        """The same where flows tell: by the cheapest paths."""
        value = self.table.values[cell]
        options = []
        for above, already in ((True, value - attacker.low[cell]), (False, attacker.high[cell] - value)):
            with spent(len(prices), flows=1):
                departs, missing = flows.cheapest(
                    cell, need - float(already), bounds_of(self.table, self._everything), prices, above=above
                )
            units = np.unique(self.table.unit[departs])
            if len(units):
                options.append((missing, self._price(units, prices), units))
        return (min(options, key=lambda each: each[:2])[2] if options else _NONE), None

    def _frees(self, agreeing: Floats, cell: int, low: float, high: float, need: float) -> bool:
        """Whether the count's range is wide enough with this table in it."""
        return max(high, float(agreeing[cell])) - min(low, float(agreeing[cell])) >= need - _NOTHING

    def _price(self, units: Integers, prices: Floats) -> float:
        """What withholding these units costs."""
        return float(prices[self.table.by_unit[1][units]].sum())

    def _reaching(
        self, withheld: Booleans, cell: int, to: float, prices: Floats, *, above: bool
    ) -> list[tuple[Integers, Floats]]:
        """The units that depart in the cheapest table whose count lies at `to` or beyond, and that table."""
        lower, upper = bounds_of(self.table, withheld)
        widest = bounds_of(self.table, self._everything)
        if above:
            lower[cell] = to
        else:
            upper[cell] = to
        shown = self._everything & ~withheld
        more = np.where(shown, np.maximum(widest[1] - upper, 0.0), 0.0)
        less = np.where(shown, np.maximum(lower - widest[0], 0.0), 0.0)
        none = np.zeros(len(more))
        bounds = np.concatenate([lower, none, none]), np.concatenate([upper, more, less])
        with spent(len(prices), programs=1):
            if self._programs is None:
                equations = self.table.equations
                movable = self.table.hidden_when_withheld | (upper > lower)
                may_depart = shown & movable  # what is withheld now stays so, and need not depart
                may_move = np.concatenate([movable, may_depart, may_depart])
                self._programs = LinearPrograms(
                    sparse.csr_array(sparse.hstack([equations, equations, -equations])),
                    *bounds,
                    may_move,
                    costs_change=False,
                )
            self._programs.bound(*bounds)
            solved = self._programs.solve(np.concatenate([none, prices, prices]))
        if solved is None:
            return []
        itself, above_shown, below_shown = np.split(solved, 3)
        departs = above_shown - below_shown
        units = np.unique(self.table.unit[np.abs(departs) > _NOTHING])
        return [(units[units >= 0], itself + departs)]
