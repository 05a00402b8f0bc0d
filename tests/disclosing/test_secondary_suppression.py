"""Whoever knows every published number still cannot work a withheld one out: checked by trying."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.disclosing.additive_table import AdditiveTable, Sum, bounds_of
from tasks.disclosing.secondary_suppression import protect
from tests.disclosing.both_steps import attack

pytestmark = pytest.mark.attack

LOW, HIGH = 1, 3  # a small policy, so that every table can be enumerated


def one_line(parts: list[int], *, least_width: float = 1.0) -> tuple[AdditiveTable, np.ndarray]:
    """Parts and their published total."""
    values = np.array([*parts, sum(parts)], dtype=float)
    small = (values >= LOW) & (values <= HIGH)
    small[-1] = False
    table = AdditiveTable(
        values,
        [Sum(len(parts), tuple(range(len(parts))))],
        np.where(small, LOW, 0.0),
        np.where(small, HIGH, np.inf),
        np.array([*range(len(parts)), -1]),
        least_width,
    )
    return table, small


def two_way(rows: list[list[int]]) -> tuple[AdditiveTable, np.ndarray]:
    """Rows × columns with both margins published; a row is withheld whole."""
    inner = np.array(rows, dtype=float)
    r, c = inner.shape
    values = np.concatenate([inner.ravel(), inner.sum(axis=1), inner.sum(axis=0)])
    small = np.concatenate([((inner >= LOW) & (inner <= HIGH)).ravel(), np.zeros(r + c, dtype=bool)])
    cell = np.arange(r * c).reshape(r, c)
    sums = [Sum(r * c + i, tuple(cell[i].tolist())) for i in range(r)]
    sums += [Sum(r * c + r + j, tuple(cell[:, j].tolist())) for j in range(c)]
    table = AdditiveTable(
        values,
        sums,
        np.where(small, LOW, 0.0),
        np.where(small, HIGH, np.inf),
        np.concatenate([np.repeat(np.arange(r), c), np.full(r + c, -1)]),
        1.0,
    )
    return table, small


def solutions(table: AdditiveTable, withheld: np.ndarray) -> np.ndarray:
    """Every table of whole numbers that agrees with what is published, by trying them all."""
    gaps = np.flatnonzero(withheld)
    most = int(table.values.max())
    ranges = [
        range(int(table.lower[i]), (most if np.isinf(table.upper[i]) else int(table.upper[i])) + 1)
        for i in gaps
    ]
    found = []
    for guess in itertools.product(*ranges):
        trial = table.values.copy()
        trial[gaps] = guess
        if all(trial[s.whole] == trial[list(s.parts)].sum() for s in table.sums):
            found.append(trial)
    return np.array(found)


def open_at_best(table: AdditiveTable, small: np.ndarray, cell: int) -> bool:
    """Whether a cell has a range as wide as it needs when all is withheld: otherwise the totals decide it."""
    low, high = attack(table, small | (table.unit >= 0), cell)
    return high - low >= 2 * table.least_width


def test_a_single_gap_takes_a_companion_with_it() -> None:
    table, small = one_line([2, 40, 17, 30])
    withheld = protect(table, small)
    assert withheld.tolist() == [True, False, True, False, False]  # 17: the smallest of the others


def test_two_gaps_that_their_sum_gives_away_need_a_third() -> None:
    # 1 + 1 = 2: nothing else adds up, so both would be known
    table, small = one_line([1, 1, 40, 17])
    assert attack(table, small, 0) == pytest.approx((1.0, 1.0))
    withheld = protect(table, small)
    assert withheld.tolist() == [True, True, False, True, False]
    low, high = attack(table, withheld, 0)
    assert high - low >= 1.0


def test_gaps_that_hide_each_other_need_nothing_more() -> None:
    table, small = one_line([2, 2, 40, 17])
    assert protect(table, small).tolist() == small.tolist()


def test_nothing_small_withholds_nothing() -> None:
    table, small = one_line([20, 40, 17])
    assert not protect(table, small).any()


def test_a_row_is_withheld_whole_and_its_companion_too() -> None:
    table, small = two_way([[2, 20, 30], [15, 25, 35], [40, 50, 60]])
    withheld = protect(table, small)
    assert withheld[:9].reshape(3, 3).any(axis=1).tolist() == [True, True, False]
    low, high = attack(table, withheld, 0)
    assert high - low >= 1.0


def test_what_the_withheld_parts_come_to_together_is_not_small_either() -> None:
    table, small = one_line([1, 2, 40, 17])
    table = replace(table, small_total=HIGH)
    assert protect(table, small).tolist() == [True, True, False, True, False]  # 1 + 2 = 3 is small itself


def test_nor_is_what_lies_on_the_other_side_of_them() -> None:
    table, small = one_line([2, 2, 40, 17])
    rest = np.array([1.0, 1.0, 60.0, 30.0, 92.0])  # without the event
    table = replace(table, small_total=HIGH, rest=rest)
    assert protect(table, small).tolist() == [True, True, False, True, False]


def test_a_companion_that_is_known_all_the_same_is_no_companion() -> None:
    table, small = one_line([2, 40, 17, 30])
    known = np.array([False, False, True, False, False])
    table = replace(
        table,
        lower=np.where(known, table.values, table.lower),
        upper=np.where(known, table.values, table.upper),
    )
    assert protect(table, small).tolist() == [True, False, False, True, False]


def test_a_cell_that_nothing_protects_takes_nothing_with_it() -> None:
    # 1 of 1 is in the row's first column: no other column matters
    table, small = two_way([[1, 20], [0, 30], [0, 25]])
    lower, upper = table.lower.copy(), table.upper.copy()
    lower[[2, 4]], upper[[2, 4]] = 0.0, 0.0  # zero, and known to be
    assert protect(replace(table, lower=lower, upper=upper), small).sum() == 1


def test_without_free_units_it_stops() -> None:
    table, small = one_line([2])
    assert protect(table, small).tolist() == [True, False]


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=2, max_size=4))
def test_the_attackers_range_is_the_range_of_all_solutions(parts: list[int]) -> None:
    table, small = one_line(parts)
    withheld = protect(table, small)
    for cell in np.flatnonzero(small):
        tables = solutions(table, withheld)
        low, high = attack(table, withheld, int(cell))
        assert tables[:, cell].min() == pytest.approx(np.ceil(low - 1e-6))
        assert tables[:, cell].max() == pytest.approx(min(np.floor(high + 1e-6), tables[:, cell].max()))
        if open_at_best(table, small, int(cell)):
            assert tables[:, cell].max() > tables[:, cell].min()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(0, 5), min_size=2, max_size=2), min_size=2, max_size=3))
def test_no_withheld_cell_of_a_two_way_table_can_be_solved_for(rows: list[list[int]]) -> None:
    table, small = two_way(rows)
    withheld = protect(table, small)
    if withheld[table.unit >= 0].all():
        return  # nothing left to withhold: the margins alone may decide it
    tables = solutions(table, withheld)
    for cell in np.flatnonzero(small):
        if open_at_best(table, small, int(cell)):
            assert tables[:, cell].max() > tables[:, cell].min()


def test_a_companion_is_looked_for_further_away_where_none_is_near() -> None:
    # the first total's parts were published before; one of them is a total itself, of which a part may go
    values = np.array([2, 25, 27, 12, 13, 1, 1], dtype=float)
    sums = [Sum(2, (0, 1)), Sum(1, (3, 4)), Sum(0, (5, 6))]
    small = np.array([True, False, False, False, False, False, False])
    also = np.array([True, True, False, False, False, True, True])
    lower, upper = np.zeros(7), np.array([LOW, *[100.0] * 6])
    lower[0], upper[0] = LOW, HIGH
    lower[2] = upper[2] = 27
    unit = np.array([-1, -1, -1, 0, 1, -1, -1])
    table = AdditiveTable(values, sums, lower, upper, unit, 1.0)
    withheld = protect(table, small, also)
    assert withheld[3] or withheld[4]
    low, high = attack(table, withheld, 0)
    assert high - low >= 1


def test_a_rounded_count_is_off_by_so_much_from_what_is_published() -> None:
    # 6 is withheld, and 12 of the 18 is shown as 10, the 18 as 20: 20 - 10, give or take two and a half each;
    # reckoned from the true counts it might be 1
    table, _ = one_line([6, 12])
    table = replace(table, slack=2.5, published=np.array([5.0, 10.0, 20.0]))
    withheld = np.array([True, False, False])
    lower, upper = bounds_of(table, withheld)
    assert (lower[1:].tolist(), upper[1:].tolist()) == ([7.5, 17.5], [12.5, 22.5])
    assert attack(table, withheld, 0) == (pytest.approx(5.0), pytest.approx(15.0))
