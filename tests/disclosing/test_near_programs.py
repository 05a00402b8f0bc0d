"""What a count's neighbours show, held against programs over the whole table."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
import pytest

from tasks.disclosing import POLICIES, decide, mask, overlapping_releases
from tasks.disclosing.additive_table import AdditiveTable, bounds_of
from tasks.disclosing.near_programs import NearPrograms
from tasks.disclosing.secondary_suppression import protect
from tests.disclosing.both_steps import attack
from tests.disclosing.networks import Tables, random_network

pytestmark = pytest.mark.attack

POLICY = POLICIES["suppress-1-10"]
Asked = tuple[AdditiveTable, np.ndarray, np.ndarray]


@functools.cache
def asked_of(seed: int, clinics: int) -> tuple[Asked, ...]:
    """Tables of all releases as they are protected, with what is guarded and what is withheld before."""
    found, net = list[Asked](), random_network(seed, clinics, 10)

    def noted(table: AdditiveTable, primary: np.ndarray, also: np.ndarray, first: np.ndarray) -> np.ndarray:
        found.append((table, primary, also))
        return protect(table, primary, also, first)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(overlapping_releases, "protect", noted)
        published = list[Tables]()
        for first in range(4):
            tables = net.window(first, first + 6).tables()
            published.append(mask(POLICY, tables, decide(POLICY, tables, published)))
    return tuple(each for each in found if each[0].places is not None)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_neighbours_find_no_more_than_there_is_and_a_clinic_s_sums_no_less(seed: int) -> None:
    compared = reached = narrow = 0
    for table, primary, also in asked_of(seed, 8)[-2:]:
        near = NearPrograms(table)
        near.bound(*bounds_of(table, also))
        for cell in np.flatnonzero(primary)[:12]:
            low, high = attack(replace(table, places=None, grid=None), also, int(cell))
            value, found = table.values[cell], near.reach(int(cell), np.inf)
            assert found is not None
            assert value - found.below >= low - 1e-6
            assert value + found.above <= high + 1e-6
            assert near.widest(int(cell)) >= high - low - 1e-6
            compared += 1
            reached += found.below + found.above > high - low - 1e-6
            narrow += near.widest(int(cell)) < high - low + 1e-6
    assert compared >= 10
    # eight clinics are all near one another, and most that is exposed is by the clinic's own sums
    assert reached == compared
    assert narrow > 0


@pytest.mark.slow
def test_the_cheapest_companions_agree_with_all_that_is_then_shown() -> None:
    found = 0
    for table, primary, also in asked_of(1, 12):
        near, everything = NearPrograms(table), also | (table.unit >= 0)
        lower, upper = bounds_of(table, also)
        near.bound(lower, upper)
        widest = bounds_of(table, everything)
        for cell in np.flatnonzero(primary)[:6]:
            to = float(table.values[cell] + table.least_width)
            prices = np.ones(len(table.values))
            agreeing = near.cheapest(int(cell), to, also, widest, prices, above=True)
            if agreeing is None:
                continue
            found += 1
            assert agreeing[cell] >= to - 1e-6
            assert np.abs(table.equations @ agreeing).max() < 1e-6
            departs = np.abs(agreeing - table.values) > 1e-6
            gone = also | np.isin(table.unit, np.unique(table.unit[departs & (table.unit >= 0)]))
            least, most = bounds_of(table, gone)
            least[cell], most[cell] = widest[0][cell], widest[1][cell]
            assert (agreeing >= least - 1e-6).all()
            assert (agreeing <= most + 1e-6).all()
    assert found >= 5


@pytest.mark.slow
@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(each, marks=pytest.mark.before_release) for each in (1, 2))]
)
def test_a_table_with_places_is_protected_as_one_without(seed: int) -> None:
    for table, primary, also in asked_of(seed, 14):
        beside, alone = (protect(each, primary, also).sum() for each in (table, replace(table, places=None)))
        assert abs(int(beside) - int(alone)) <= 2  # of companions that cost alike either may be taken
        withheld = protect(table, primary, also)
        need = np.minimum(table.least_width, (table.upper - table.lower) / 2.0)
        at_best = replace(table, places=None, grid=None)
        for cell in np.flatnonzero(primary & table.hidden_when_withheld)[::5]:
            low, high = attack(at_best, withheld, int(cell))
            widest = attack(at_best, also | (table.unit >= 0), int(cell))
            assert high - low >= min(need[cell], (widest[1] - widest[0]) / 2.0) - 1e-6


def test_a_table_of_which_nobody_knows_what_is_near_is_refused() -> None:
    table, *_ = asked_of(1, 12)[0]
    with pytest.raises(ValueError, match="the table has no places"):
        NearPrograms(replace(table, places=None))
