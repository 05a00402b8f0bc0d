"""A published table that adds up: its counts, the sums that bind them, and what may never be withheld."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tasks.disclosing.basic_moves import Grid

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

_ROUNDS = 4  # of reading one sum after the other


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
        published: (K,) what is published of cells that are shown; None where that is the true counts.
        small_total: the withheld cells of a sum must together come to more than this, or to nothing.
        rest: (K,) what lies on the other side of each count (those without the event), of which the same
            is asked; none where a count has no other side.
        luck: (K,) by how much the loss of each cell's unit is thought smaller when companions are compared,
            as a logarithm; none where chance has no part.
        series: (K,) cells of one number are read as one series (a clinic's months), where one more gap costs
            less than the first; −1 stands alone. None where none are.
        grid: cells that may trade without changing a sum; none where none are known to.
        places: (K, 2) row and column of each cell, where most sums are of a row (a clinic's months and
            windows) or of a column; −1 for neither. None where none are known.
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
    published: Floats | None = None
    places: Integers | None = None

    @cached_property
    def hidden_when_withheld(self) -> Booleans:
        """(K,) cells that withholding really hides."""
        return np.asarray(self.upper > self.lower)

    @cached_property
    def equations(self) -> sparse.csr_array:
        """(R, K) the sums: the parts less the whole are nothing."""
        rows = np.repeat(np.arange(len(self.sums)), [len(each.members) for each in self.sums])
        columns = [member for each in self.sums for member in each.members]
        signs = [sign for each in self.sums for sign in (-1.0, *[1.0] * len(each.parts))]
        return sparse.csr_array((signs, (rows, columns)), shape=(len(self.sums), len(self.values)))

    @cached_property
    def by_unit(self) -> tuple[Floats, Integers]:
        """By unit, what its cells come to and the first of them."""
        cells = np.flatnonzero(self.unit >= 0)
        units = int(self.unit.max(initial=-1)) + 1
        first = np.full(units, -1, dtype=np.int64)
        first[self.unit[cells][::-1]] = cells[::-1]
        total = np.bincount(self.unit[cells], self.values[cells], units)
        return np.asarray(total, dtype=np.float64), first

    @cached_property
    def as_shown(self) -> tuple[Floats, Floats]:
        """(K,) the lowest and highest that each count can be, if it is shown."""
        published = self.values if self.published is None else self.published
        return np.maximum(published - self.slack, 0.0), published + self.slack

    @cached_property
    def plenty(self) -> float:
        """Beyond anything a sum allows: keeps programs bounded where no sum does."""
        return 2.0 * (float(self.values.sum()) + self.least_width)


def bounds_of(table: AdditiveTable, withheld: Booleans) -> tuple[Floats, Floats]:
    """(K,) the lowest and highest that each count can be by itself, if that is withheld."""
    least, most = table.as_shown
    lower = np.where(withheld, table.lower, least)
    upper = np.where(withheld, np.minimum(table.upper, table.plenty), most)
    return lower, upper


def widest_ranges(table: AdditiveTable, withheld: Booleans) -> Floats:
    """(K,) at most how wide the range of a cell can be: what follows from one sum at a time."""
    low, high = bounds_of(table, withheld)
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


def tells_small_total(table: AdditiveTable, withheld: Booleans, relation: Sum) -> bool:
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
