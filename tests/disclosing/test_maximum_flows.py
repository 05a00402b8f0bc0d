"""How far a withheld count moves, by flows: worked by hand, and as linear programs have it."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.disclosing.additive_table import AdditiveTable, Sum
from tasks.disclosing.maximum_flows import MaximumFlows, arcs_of
from tests.disclosing.both_steps import attack

pytestmark = pytest.mark.attack


def _flows(table: AdditiveTable, withheld: np.typing.NDArray[np.bool_]) -> MaximumFlows:
    arcs = arcs_of([each.members for each in table.sums], len(table.values))
    assert arcs is not None
    flows = MaximumFlows(arcs, table.values)
    shown = np.maximum(table.values - table.slack, 0.0), table.values + table.slack
    flows.bound(np.where(withheld, table.lower, shown[0]), np.where(withheld, table.upper, shown[1]))
    return flows


def _two_way(
    values: np.typing.NDArray[np.float64], *, both_ways: bool = False
) -> tuple[list[Sum], np.ndarray]:
    """Clinics by months with their windows, the network's months and its total, as a release has them."""
    rows, columns = values.shape
    cell = np.arange(rows * columns).reshape(rows, columns)
    of_row, of_column = rows * columns + np.arange(rows), rows * (columns + 1) + np.arange(columns)
    total = rows * (columns + 1) + columns
    sums = [Sum(int(of_row[i]), tuple(cell[i].tolist())) for i in range(rows)]
    sums += [Sum(int(of_column[j]), tuple(cell[:, j].tolist())) for j in range(columns)]
    sums.append(Sum(total, tuple(of_column.tolist())))
    if both_ways:
        sums.append(Sum(total, tuple(of_row.tolist())))
    return sums, np.concatenate([values.ravel(), values.sum(axis=1), values.sum(axis=0), [values.sum()]])


def test_three_clinics_hand_counts_round() -> None:
    # withheld, of three clinics in three months:  2 5 .    no two of them share two months, so no two can
    #                                              . 4 6    trade; but all three can: the first may have one
    #                                              3 . 7    more in its first month and one less in its second
    values = np.array([[2.0, 5.0, 20.0], [20.0, 4.0, 6.0], [3.0, 20.0, 7.0]])
    sums, cells = _two_way(values)
    withheld = np.zeros(len(cells), dtype=bool)
    withheld[[0, 1, 4, 5, 6, 8]] = True
    lower = np.where(withheld, 1.0, cells)
    upper = np.where(withheld, 8.0, cells)
    table = AdditiveTable(cells, sums, lower, upper, np.full(len(cells), -1), 4.5)
    reach = _flows(table, withheld).reach(0, 20.0)
    # more by 2: the third's 3 falls to 1, its 7 rises to 9 but for the 8 it is believed to be at most
    assert (reach.below, reach.above) == (1.0, 1.0)
    assert set(reach.used) == {0, 1, 4, 5, 6, 8}


@pytest.mark.slow
@pytest.mark.parametrize("slack", [0.0, 2.5])
@pytest.mark.parametrize("both_ways", [False, True])
def test_flows_find_what_linear_programs_find(slack: float, both_ways: bool) -> None:
    rng = np.random.default_rng(4)
    compared = 0
    for _ in range(25):
        sums, cells = _two_way(rng.integers(0, 9, rng.integers(2, 6, 2)).astype(float), both_ways=both_ways)
        lower = np.maximum(cells - rng.integers(0, 9, len(cells)), 0.0)
        upper = cells + np.where(rng.random(len(cells)) < 0.3, np.inf, rng.integers(0, 9, len(cells)))
        table = AdditiveTable(cells, sums, lower, upper, np.full(len(cells), -1), 4.5, slack)
        withheld = rng.random(len(cells)) < 0.5
        flows = _flows(table, withheld)
        for cell in np.flatnonzero(withheld).tolist():
            least, most = attack(table, withheld, cell)
            reach = flows.reach(cell, 1000.0)
            assert reach.below == pytest.approx(min(cells[cell] - least, 1000.0), abs=1e-6)
            if reach.above < 1000.0:
                assert reach.above == pytest.approx(most - cells[cell], abs=1e-6)
            compared += 1
    assert compared > 200


def test_no_further_than_is_asked() -> None:
    sums, cells = _two_way(np.full((2, 2), 50.0))
    table = AdditiveTable(
        cells, sums, np.zeros(len(cells)), np.full(len(cells), np.inf), np.full(len(cells), -1), 4.5
    )
    reach = _flows(table, np.arange(len(cells)) < 4).reach(0, 4.5)
    assert reach.above + reach.below == 4.5


def test_a_count_in_three_sums_is_no_arc() -> None:
    assert arcs_of([(3, 0, 1), (4, 0, 2), (5, 0, 1, 2)], 6) is None
    assert arcs_of([], 3) is None


def test_sums_that_cannot_be_turned_are_no_network() -> None:
    # two of any three counts together: whichever way the equations are turned, one count is added twice
    assert arcs_of([(3, 0, 1), (4, 1, 2), (5, 2, 0)], 6) is None


def test_thirds_are_left_to_programs() -> None:
    assert MaximumFlows.whole(np.array([1.0, 2.5, 1e308, np.inf]))
    assert not MaximumFlows.whole(np.array([1.0, 1.0 / 3.0]))
