"""What is withheld beside a small count: close to the least that any choice would withhold."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.disclosing.additive_table import AdditiveTable, Sum
from tasks.disclosing.cheapest_companions import CheapestCompanions
from tasks.disclosing.secondary_suppression import protect
from tasks.disclosing.table_attacker import TableAttacker

pytestmark = pytest.mark.attack

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

LEAST_WIDTH = 4.5


def months_of(inner: Floats, windows: list[range]) -> tuple[AdditiveTable, Booleans]:
    """Clinics' months, their windows in one or more releases, and the network's months.

    Months can be withheld, each by itself; windows and the network are shown. Small are 1 to 10.
    """
    clinics, months = inner.shape
    cell = np.arange(clinics * months).reshape(clinics, months)
    values, sums = list(inner.ravel()), []
    for j in range(months):
        sums.append(Sum(len(values), tuple(cell[:, j].tolist())))
        values.append(inner[:, j].sum())
    for window in windows:
        for i in range(clinics):
            sums.append(Sum(len(values), tuple(cell[i, list(window)].tolist())))
            values.append(inner[i, list(window)].sum())
    counts = np.array(values)
    shown = len(counts) - cell.size
    small = np.append((inner.ravel() >= 1) & (inner.ravel() <= 10), np.zeros(shown, dtype=bool))
    table = AdditiveTable(
        counts,
        sums,
        np.where(small, 1.0, 0.0),
        np.where(small, 10.0, np.inf),
        np.append(np.arange(cell.size), np.full(shown, -1)),
        LEAST_WIDTH,
    )
    return table, small


def protects(table: AdditiveTable, small: Booleans, withheld: Booleans) -> bool:
    attacker = TableAttacker(table, withheld)
    return all(attacker.is_free(int(cell), LEAST_WIDTH) for cell in np.flatnonzero(small))


def least_loss(table: AdditiveTable, small: Booleans) -> float:
    """The least that companions lose, of all choices there are."""
    choices = np.flatnonzero((table.unit >= 0) & ~small)
    best = np.inf
    for size in range(len(choices) + 1):
        for chosen in itertools.combinations(choices, size):
            loss = float((1.0 + table.values[list(chosen)]).sum())
            if loss >= best:
                continue
            withheld = small.copy()
            withheld[list(chosen)] = True
            if protects(table, small, withheld):
                best = loss
        if size >= 5 and np.isfinite(best):  # six months more lose more than those found
            return best
    return best


@pytest.mark.before_release
@pytest.mark.slow
@pytest.mark.parametrize(
    ("windows", "most"),
    [([range(3)], 1.10), ([range(2), range(3)], 1.10)],
    ids=["one release", "two that overlap"],
)
def test_companions_lose_little_more_than_the_least(windows: list[range], most: float) -> None:
    rng = np.random.default_rng(12)
    lost, least = 0.0, 0.0
    for _ in range(6):
        inner = rng.integers(15, 60, (4, 3)).astype(float)
        inner[rng.integers(4), rng.integers(3)] = rng.integers(1, 11)
        table, small = months_of(inner, windows)
        withheld = protect(table, small)
        best = least_loss(table, small)
        if not np.isfinite(best):  # the sums tell it whatever is withheld
            continue
        assert protects(table, small, withheld)
        lost += float((1.0 + table.values[withheld & ~small]).sum())
        least += best
    assert least > 250.0
    assert lost <= most * least


def test_a_path_is_paid_for_once() -> None:
    # the first clinic's first month is small: it trades with its second, and with the cheapest pair of months
    # of another clinic, so that windows and months still add up
    inner = np.array([[4.0, 30.0, 90.0], [25.0, 26.0, 95.0], [80.0, 85.0, 20.0], [70.0, 75.0, 88.0]])
    table, small = months_of(inner, [range(3)])
    withheld = protect(table, small)
    assert np.flatnonzero(withheld).tolist() == [0, 1, 3, 4]


def test_should_the_search_find_nothing_the_nearest_are_withheld(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CheapestCompanions, "found", lambda *_: (np.zeros(0, dtype=np.int64), None))
    inner = np.array([[4.0, 30.0, 90.0], [25.0, 26.0, 95.0], [80.0, 85.0, 20.0], [70.0, 75.0, 88.0]])
    table, small = months_of(inner, [range(2), range(3)])
    assert protects(table, small, protect(table, small))
