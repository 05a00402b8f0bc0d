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

import numpy as np
from numpy.typing import NDArray

from tasks.disclosing.additive_table import AdditiveTable, Sum, tells_small_total, widest_ranges
from tasks.disclosing.cheapest_companions import CheapestCompanions
from tasks.disclosing.table_attacker import TableAttacker

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

_ANOTHER_GAP = 2.0  # a series with gaps has lost its limits: a further one costs a seventh (exp −2)
_MOST_TRIALS = 12  # companions tried whether they are needed, the dearest first


def protect(
    table: AdditiveTable, primary: Booleans, also: Booleans | None = None, first: Booleans | None = None
) -> Booleans:
    """Which cells to withhold besides the primary ones.

    Args:
        table: the cells and their sums.
        primary: (K,) cells withheld by the policy itself.
        also: (K,) cells withheld already for another reason.
        first: (K,) companions that are taken before others are looked for, where a count of their series is
            exposed.

    Returns:
        (K,) all cells withheld: primary, `also`, and their companions. Of a cell that would stay exposed with
        every free unit withheld, half of what that would protect is protected. Companions that are not
        needed beside the others are shown after all.
    """
    withheld = primary.copy() if also is None else primary | also
    before = withheld.copy()
    at_most = widest_ranges(table, withheld | (table.unit >= 0))
    movable = at_most > 0.0  # what follows from earlier releases, however much is withheld now, hides nothing
    for relation in table.sums:
        while tells_small_total(table, withheld, relation):
            companion = _companion(table, withheld, [relation], movable)
            if companion is None:
                break
            withheld |= table.unit == companion
    attacker, cheapest = TableAttacker(table, withheld), CheapestCompanions(table, withheld)
    need = np.minimum(table.least_width, (table.upper - table.lower) / 2.0)
    cells = np.flatnonzero(primary & table.hidden_when_withheld)
    taken_for: dict[int, int] = {}
    exposed = attacker.sway(cells.tolist(), need)
    if first is not None and (taken := _of_the_series(table, exposed, first & ~withheld)).any():
        withheld |= taken
        before = withheld.copy()
        attacker.give_up(withheld)
        exposed = attacker.sway(exposed, need)
    for cell in exposed:
        enough = float(need[cell])
        if at_most[cell] < enough:
            enough = float(at_most[cell]) / 2.0
        while not attacker.is_free(cell, enough):
            if not cheapest.can_free(cell, enough):
                enough = cheapest.width(cell) / 2.0
                continue
            companions, agreeing = cheapest.found(attacker, withheld, cell, enough, _prices(table, withheld))
            if not len(companions):  # should the solver give up
                companions = _nearest(table, withheld, cell, movable)
            if not len(companions):
                break
            taken_for |= dict.fromkeys(companions.tolist(), cell)
            withheld |= np.isin(table.unit, companions)
            attacker.give_up(withheld, agreeing)
        need[cell] = enough
    return _without_the_unneeded(attacker, before, withheld, cells.tolist(), need, taken_for)


def _without_the_unneeded(
    attacker: TableAttacker,
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
        if any(tells_small_total(table, trial, relation) for relation in table.sums):
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


def _of_the_series(table: AdditiveTable, cells: Sequence[int], first: Booleans) -> Booleans:
    """(K,) of `first` those that stand in a sum with one of the cells, in which no other series has any."""
    found, wanted = np.zeros(len(first), dtype=bool), set(cells)
    if table.series is None or not wanted or not first.any():
        return found
    for relation in table.sums:
        if wanted.isdisjoint(relation.members):
            continue
        members = np.array(relation.members)
        members = members[first[members]]
        if len(members) and (table.series[members] == table.series[members[0]]).all():
            found[members] = True
    return found


def _nearest(table: AdditiveTable, withheld: Booleans, cell: int, movable: Booleans) -> Integers:
    """The one companion that costs least in a cell's sums, or in those about them where they have none."""
    near = [relation for relation in table.sums if cell in relation.members]
    companion = _companion(table, withheld, near, movable)
    while companion is None and (wider := _with_neighbours(table, near)):
        near, companion = wider, _companion(table, withheld, wider, movable)
    return np.array([] if companion is None else [companion], dtype=np.int64)


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
    first = table.by_unit[1]
    return int(units[_losses(table, withheld)[first[units]].argmin()])


def _losses(table: AdditiveTable, withheld: Booleans) -> Floats:
    """(K,) what is lost with each cell's unit, as a logarithm."""
    loss = np.log1p(table.by_unit[0])[table.unit]  # of what is no unit's nobody asks
    if table.luck is not None:
        loss = loss - table.luck
    if table.series is not None:
        has_gap = np.zeros(int(table.series.max(initial=-1)) + 2, dtype=bool)  # last those that stand alone
        has_gap[table.series[withheld & table.hidden_when_withheld]] = True
        has_gap[-1] = False
        loss = loss - _ANOTHER_GAP * has_gap[table.series]
    return np.asarray(loss)


def _prices(table: AdditiveTable, withheld: Booleans) -> Floats:
    """(K,) what each shown cell pays for a record more or less: its loss, however many those are."""
    return np.exp(_losses(table, withheld))
