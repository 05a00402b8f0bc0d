"""Whoever runs the program on every value that a withheld count may have learns nothing from its choice."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.disclosing import POLICIES, Draw
from tasks.disclosing.counts import counts_of, withhold_windows

pytestmark = pytest.mark.attack

POLICY = POLICIES["suppress-1-10"]
NAMES = tuple("ABCDEF")
SIZES = np.array([8.0, 12.0, 13.0, 40.0, 55.0, 70.0])


def withheld(sizes: np.ndarray, draw: Draw) -> tuple[bool, ...]:
    """Which sizes a release withholds that shows their sum."""
    counts = counts_of(POLICY, sizes, np.empty((len(sizes), 0)), np.empty(0))
    counts.luck[:] = draw.luck(NAMES)
    gone = withhold_windows(POLICY, counts, np.zeros(len(sizes), dtype=bool))
    return tuple(gone.tolist())


def values_left(pattern: tuple[bool, ...], draw: Draw) -> list[int]:
    """Values of A for which the program withholds this, where A and B are withheld and their sum is known."""
    both = SIZES[0] + SIZES[1]
    candidates = [np.array([a, both - a, *SIZES[2:]]) for a in range(POLICY.low, POLICY.high)]
    return [int(each[0]) for each in candidates if withheld(each, draw) == pattern]


def test_the_cheapest_companion_tells_the_count_it_protects() -> None:
    pattern = withheld(SIZES, Draw())
    assert pattern == (True, True, False, False, False, False)
    # not 4 to 6: B would be dearer than C, which would do (for 1 to 3 it would not)
    assert values_left(pattern, Draw()) == [1, 2, 3, 7, 8, 9]


@pytest.mark.before_release
@pytest.mark.slow
def test_with_a_key_no_value_can_be_excluded() -> None:
    keys = [Draw(b"%d" % i) for i in range(100)]
    chosen = [withheld(SIZES, draw) for draw in keys]
    pattern = (True, True, False, False, False, False)
    # whichever value A has, some key gives what was published, and none is far likelier than another
    left = [values_left(pattern, draw) for draw in keys]
    n = np.array([sum(a in each for each in left) for a in range(1, 10)])
    assert (n >= 10).all()
    assert n.max() < 4 * n.min()
    # C loses about as much as B and is taken about as often; F, six times as much, hardly ever
    taken = np.array(chosen).sum(axis=0)
    assert taken[0] == 100
    assert 30 < taken[1] < 70 > taken[2] > 30
    assert taken[5] <= 3


def test_a_name_has_the_same_luck_whatever_stands_beside_it() -> None:
    draw = Draw(b"key")
    assert draw.luck(["B", "A"]).tolist() == draw.luck(["A", "B", "C"])[[1, 0]].tolist()
    assert draw.luck(["A"]) != Draw(b"another").luck(["A"])
