"""What moves prove is held against what linear programs find, which know nothing of moves."""

from dataclasses import replace

import numpy as np
import pytest

from tasks.disclosing import POLICIES, overlapping_releases
from tasks.disclosing.additive_table import AdditiveTable
from tasks.disclosing.basic_moves import BasicMoves, Grid, covering_groups
from tasks.disclosing.secondary_suppression import protect
from tests.disclosing.both_steps import attack, disclose
from tests.disclosing.networks import Tables, random_network

pytestmark = pytest.mark.attack

POLICY = POLICIES["suppress-1-10"]


def test_a_trade_goes_as_far_as_the_tightest_of_four_cells() -> None:
    # rows are clinics, columns months: 5 4     the first cell may be 1 to 10, as may all
    #                                   3 6
    values = np.array([5.0, 4.0, 3.0, 6.0])
    moves = BasicMoves(Grid(np.arange(4).reshape(2, 2, 1), np.ones(2, dtype=int)), values)
    moves.bound(np.full(4, 1.0), np.full(4, 10.0))
    reach = moves.reach(0, 9.0)
    assert reach is not None
    assert reach.above == 2.0  # 4 may lose 3, 3 may lose 2, 6 may gain 4
    assert reach.below == 4.0  # 5 may lose 4, 4 may gain 6, 3 may gain 7, 6 may lose 5
    assert reach.used.tolist() == [0, 1, 2, 3]


def test_what_is_shown_trades_nothing() -> None:
    values = np.array([5.0, 4.0, 3.0, 6.0])
    moves = BasicMoves(Grid(np.arange(4).reshape(2, 2, 1), np.ones(2, dtype=int)), values)
    moves.bound(np.array([1.0, 1.0, 3.0, 1.0]), np.array([10.0, 10.0, 3.0, 10.0]))
    assert moves.reach(0, 9.0) is None


def test_several_trades_add_up() -> None:
    values = np.array([5.0, 4.0, 9.0, 6.0, 9.0, 6.0])
    moves = BasicMoves(Grid(np.arange(6).reshape(3, 2, 1), np.ones(2, dtype=int)), values)
    moves.bound(np.array([0.0, 0.0, 8.0, 6.0, 7.0, 6.0]), np.array([20.0, 20.0, 9.0, 20.0, 9.0, 20.0]))
    reach = moves.reach(0, 9.0)
    assert reach is not None
    assert reach.above == 3.0  # one from the second row, two from the third
    assert reach.below == 0.0  # neither may have more in the first column


def test_a_window_has_more_when_its_month_has_more() -> None:
    # a month of each clinic, and its window: 5 | 9
    #                                         3 | 8    the windows, too, are withheld
    values = np.array([5.0, 9.0, 3.0, 8.0])
    moves = BasicMoves(Grid(np.arange(4).reshape(2, 2, 1), np.array([1, -1])), values)
    moves.bound(np.array([1.0, 1.0, 1.0, 7.0]), np.full(4, 10.0))
    month, window = moves.reach(0, 9.0), moves.reach(1, 9.0)
    assert month is not None
    assert window is not None
    assert (month.below, month.above) == (2.0, 1.0)  # the other window may be 7 to 10, this one at most 10
    assert (window.below, window.above) == (2.0, 1.0)


def test_months_that_move_together_stand_in_each_window_once() -> None:
    windows = [range(4), range(1, 5), range(2, 6)]
    assert covering_groups(windows, 6) == [(0, 4), (1, 5), (2,), (3,)]
    # a window that grew: what is new has nothing that left for it
    assert covering_groups([range(3), range(4)], 4) == [(0,), (1,), (2,)]
    # a release was left out
    assert covering_groups([range(4), range(2, 6)], 6) == [(0, 4), (1, 5), (2,), (3,)]


@pytest.mark.before_release
@pytest.mark.slow
@pytest.mark.parametrize("windows", [[(0, 3), (1, 4), (2, 5)], [(0, 2), (0, 3), (1, 4)]])
@pytest.mark.parametrize("corrected", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_how_far_moves_carry_is_possible(
    seed: int, windows: list[tuple[int, int]], corrected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[AdditiveTable, np.ndarray]] = []

    def kept(table: AdditiveTable, primary: np.ndarray, also: np.ndarray, first: np.ndarray) -> np.ndarray:
        withheld = protect(table, primary, also, first)
        asked.append((table, withheld))
        return withheld

    monkeypatch.setattr(overlapping_releases, "protect", kept)
    net = random_network(seed, clinics=8, months=6, mean=2.6)
    published: list[Tables] = []
    for first, last in windows:
        published.append(disclose(POLICY, net.window(first, last).tables(), published))
        if corrected:
            net.records[3:5, 1:3] += 1
    carried = 0
    for table, withheld in asked:
        if table.grid is None:
            continue
        moves = BasicMoves(table.grid, table.values)
        lower = np.where(withheld, table.lower, table.values)
        upper = np.where(withheld, table.upper, table.values)
        moves.bound(lower, upper)
        for cell in np.flatnonzero(withheld & table.hidden_when_withheld):
            reach = moves.reach(int(cell), 5.0)
            if reach is None:
                continue
            carried += 1
            low, high = attack(replace(table, grid=None), withheld, int(cell))
            assert low <= table.values[cell] - reach.below + 1e-6
            assert high >= table.values[cell] + reach.above - 1e-6
            assert reach.above + reach.below <= 5.0
    assert carried > 20


@pytest.mark.before_release
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_the_same_is_withheld_with_moves_and_without(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    net = random_network(seed, clinics=9, months=5, mean=2.8)
    windows = [(0, 2), (1, 3), (2, 4)]

    def months() -> list[np.ndarray]:
        published: list[Tables] = []
        for first, last in windows:
            published.append(disclose(POLICY, net.window(first, last).tables(), published))
        return [each["clinic_months"]["numerator"].isna().to_numpy() for each in published]

    with_moves = months()
    monkeypatch.setattr(BasicMoves, "reach", lambda *_: None)
    without = months()
    for one, other in zip(with_moves, without, strict=True):
        np.testing.assert_array_equal(one, other)
