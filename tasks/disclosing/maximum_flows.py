"""Maximum flows: exactly how far a withheld count can move, where no count stands in more than two sums.

A release by itself is such a table: a month of a clinic is in the clinic's window and in the network's month.
Its sums are then the nodes of a network and its counts the arcs (Cox 1995, "Network models for complementary
cell suppression", J Am Stat Assoc 90:1453, sec. 3). One count can be larger by as much as can flow back from
its arc's head to its tail through what the other counts may change (Ford & Fulkerson 1956). That takes a
tenth of the time of a linear program, with the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import dijkstra, maximum_flow

from tasks.disclosing.basic_moves import Reach

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_PER_COUNT = 2.0  # what flows is counted in halves: a count that is rounded to 5 may be off by 2.5
_PLENTY = 1_000_000  # more than anybody asks of a count
_NEARER = 1e-9  # of two paths of one price, the one of fewer counts


@dataclass(frozen=True, slots=True)
class Arcs:
    """A table's counts as arcs between its sums.

    Attributes:
        tail, head: (K,) the nodes of each count. One that is larger brings its head more and its tail less;
            sums in which nothing else of that is are made even by a node that stands for the outside.
        nodes: how many there are, the outside among them.
    """

    tail: Integers
    head: Integers
    nodes: int


def arcs_of(sums: Sequence[tuple[int, ...]], cells: int) -> Arcs | None:
    """The network of a table; None where it has no sums, or a count in more than two.

    Args:
        sums: members of each sum, the whole first.
        cells: K, how many counts there are.
    """
    if not sums:
        return None
    sizes = [len(members) for members in sums]
    node = np.repeat(np.arange(len(sums)), sizes)
    cell = np.array([member for members in sums for member in members], dtype=np.int64)
    sign = np.ones(len(cell), dtype=np.int64)
    sign[np.cumsum([0, *sizes[:-1]])] = -1
    order = np.argsort(cell, kind="stable")
    node, cell, sign = node[order], cell[order], sign[order]
    times = np.bincount(cell, minlength=cells)
    if times.max() > 2:
        return None
    first = np.searchsorted(cell, np.arange(cells))
    both = np.flatnonzero(times == 2)
    one, other = first[both], first[both] + 1
    turned = _turned(node[one], node[other], -sign[one] * sign[other], len(sums))
    if turned is None:
        return None
    outside = len(sums)
    tail, head = np.full((2, cells), outside)
    brings = sign * turned[node]  # whether the count adds to the node, its equation turned
    for at in (first[times > 0], other):
        head[cell[at][brings[at] > 0]] = node[at][brings[at] > 0]
        tail[cell[at][brings[at] < 0]] = node[at][brings[at] < 0]
    return Arcs(tail, head, outside + 1)


def _turned(one: Integers, other: Integers, alike: Integers, nodes: int) -> Integers | None:
    """(nodes,) ±1 by which to multiply equations so that each count is once added and once taken off.

    Args:
        one, other: the two nodes of each count in two sums.
        alike: whether their equations turn alike (1) or one against the other (−1).
        nodes: how many there are.

    Returns:
        None where no turning does it.
    """
    turned = np.zeros(nodes, dtype=np.int64)
    for start in range(nodes):
        if turned[start]:
            continue
        turned[start] = 1
        while True:
            onward, back = (
                (turned[one] != 0) & (turned[other] == 0),
                (turned[other] != 0) & (turned[one] == 0),
            )
            if not (onward.any() or back.any()):
                break
            turned[other[onward]] = turned[one[onward]] * alike[onward]
            turned[one[back]] = turned[other[back]] * alike[back]
    return turned if np.array_equal(turned[one] * alike, turned[other]) else None


class MaximumFlows:
    """How far counts move, from the true table, within bounds."""

    def __init__(self, arcs: Arcs, values: Floats) -> None:
        self._values = values
        self._arcs = arcs
        # what a count may be more goes one way along its arc, what it may be less the other
        ways = np.concatenate([arcs.tail * arcs.nodes + arcs.head, arcs.head * arcs.nodes + arcs.tail])
        self._pairs, slot = np.unique(ways, return_inverse=True)
        self._onward, self._back = slot.reshape(2, -1)
        starts = np.searchsorted(self._pairs, np.arange(arcs.nodes + 1) * arcs.nodes)
        # last a source, with one arc to wherever a flow begins
        self._starts = np.append(starts, starts[-1] + 1).astype(np.int32)
        self._ends = np.append(self._pairs % arcs.nodes, 0).astype(np.int32)
        self._more, self._less = np.zeros((2, len(values)), dtype=np.int64)
        self._capacity = np.zeros(len(self._ends), dtype=np.int64)

    @staticmethod
    def whole(*of_cells: Floats) -> bool:
        """Whether bounds and counts are halves or wholes, as flows have to be."""
        parts = (_PER_COUNT * np.minimum(each, _PLENTY) for each in of_cells)
        return all(np.array_equal(np.rint(each), each) for each in parts)

    def bound(self, lower: Floats, upper: Floats) -> None:
        """Bounds of all counts, (K,), for the flows to come."""
        self._more, self._less = self._rooms(lower, upper)
        rooms = np.concatenate([self._more, self._less])
        slots = np.concatenate([self._onward, self._back])
        self._capacity = np.bincount(slots, rooms, len(self._capacity)).astype(np.int64)

    def _rooms(self, lower: Floats, upper: Floats) -> tuple[Integers, Integers]:
        """(K,) by how much counts may be more, and less."""
        more, less = (
            np.rint(_PER_COUNT * np.clip(room, 0.0, _PLENTY)).astype(np.int64)
            for room in (upper - self._values, self._values - lower)
        )
        return more, less

    def reach(self, cell: int, need: float) -> Reach:
        """How far a count moves, up to `need` in both directions together."""
        used: set[int] = {cell}
        above = self._carried(cell, self._arcs.head[cell], self._arcs.tail[cell], self._more, need, used)
        below = self._carried(
            cell, self._arcs.tail[cell], self._arcs.head[cell], self._less, need - above, used
        )
        return Reach(below, above, np.array(sorted(used), dtype=np.int64))

    def _carried(self, cell: int, begin: int, end: int, room: Integers, need: float, used: set[int]) -> float:
        """By how much a count changes if that much flows from `begin` to `end` through the others."""
        most = min(int(room[cell]), int(np.ceil(_PER_COUNT * need)))
        if most <= 0:
            return 0.0
        if begin == end:  # in no sum: nothing else changes
            return most / _PER_COUNT
        capacity = self._capacity.copy()
        capacity[self._onward[cell]] -= self._more[cell]
        capacity[self._back[cell]] -= self._less[cell]
        ends = self._ends.copy()
        ends[-1], capacity[-1] = begin, most
        size = self._arcs.nodes + 1
        capacity = np.minimum(capacity, _PLENTY).astype(np.int32)
        network = sparse.csr_array((capacity, ends, self._starts), shape=(size, size))
        found = maximum_flow(network, size - 1, end)
        flow = found.flow.tocoo()
        flowing = (flow.data > 0) & (flow.row < self._arcs.nodes) & (flow.col < self._arcs.nodes)
        pairs = flow.row[flowing].astype(np.int64) * self._arcs.nodes + flow.col[flowing]
        slots = np.zeros(len(capacity), dtype=bool)
        slots[np.searchsorted(self._pairs, pairs)] = True
        used.update(np.flatnonzero(slots[self._onward] | slots[self._back]).tolist())
        return float(found.flow_value) / _PER_COUNT

    @property
    def has_parallels(self) -> bool:
        """Whether two counts stand in the same two sums: an arc does not say which of them changes."""
        return len(self._pairs) < 2 * len(self._values)

    def cheapest(
        self, cell: int, amount: float, widest: tuple[Floats, Floats], prices: Floats, *, above: bool
    ) -> tuple[Integers, float]:
        """The counts whose departure from what is known of them lets one change at the least price.

        Paths are looked for by price (Dijkstra 1959), each for all of what is still missing, or for half of
        it where none carries so much. A count is paid for once.

        Args:
            cell: the count.
            amount: by how much it is to change.
            widest: (K,) bounds of all counts if everything is withheld that may be.
            prices: (K,) of counts.
            above: whether it is to be more, or less.

        Returns:
            The counts that depart, and by how much less than `amount` this one then changes.
        """
        more, less = self._rooms(*widest)
        arcs = self._arcs
        begin, end = arcs.head[cell], arcs.tail[cell]
        if not above:
            begin, end = end, begin
        changed, departs = np.zeros(len(prices), dtype=np.int64), np.zeros(len(prices), dtype=bool)
        left = step = int(np.ceil(_PER_COUNT * amount))
        while left and step:
            weights = np.full(len(self._pairs), np.inf)
            for slots, ahead, known, most in (
                (self._onward, changed + step, self._more, more),
                (self._back, step - changed, self._less, less),
            ):
                price = np.where(departs | (ahead <= known), 0.0, prices) + _NEARER
                price[(ahead > most) | (np.arange(len(prices)) == cell)] = np.inf
                weights[slots] = price
            path = self._path(weights, begin, end)
            if not path:
                step //= 2
                continue
            onward, back = self._cells_of[0, path], self._cells_of[1, path]
            changed[onward[onward >= 0]] += step
            changed[back[back >= 0]] -= step
            departs |= (changed > self._more) | (-changed > self._less)
            left -= step
            step = min(step, left)
        return np.flatnonzero(departs), left / _PER_COUNT

    @cached_property
    def _cells_of(self) -> Integers:
        """(2, A) the count that is more, or less, along each arc; −1 for none."""
        cells = np.full((2, len(self._pairs)), -1)
        cells[0, self._onward] = cells[1, self._back] = np.arange(len(self._values))
        return cells

    def _path(self, weights: Floats, begin: int, end: int) -> list[int]:
        """The arcs of the shortest path; none where there is no path."""
        nodes = self._arcs.nodes
        starts = self._starts[:-1]
        network = sparse.csr_array((weights, self._ends[:-1], starts), shape=(nodes, nodes))
        length, before = dijkstra(network, indices=begin, return_predecessors=True)
        if not np.isfinite(length[end]):
            return []
        pairs = []
        while end != begin:
            pairs.append(int(before[end]) * nodes + end)
            end = int(before[end])
        return [int(arc) for arc in np.searchsorted(self._pairs, pairs)]
