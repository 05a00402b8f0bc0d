"""What releases too old to be held against still tell, in chains of windows that each overlap the next.

Windows of two and of four months from January tell what March and April have together. The next release that
shares neither month holds against neither window; but whoever kept all of them subtracts on, from window to
window, up to this month. Each clinic's windows and months are differences between its running totals at two
dates, so that all that follows of them are the totals that shown numbers connect. Those between months that
are still held against are added as sums that are known; the old releases themselves take no part.

Only exact numbers connect: under a policy that rounds, every step adds what rounding took. What clinics tell
of each other in a month that is out of reach is not followed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tasks.disclosing.count_columns import Shown

Floats = NDArray[np.float64]


def told_by_chains(near: Sequence[Shown], beyond: Sequence[Shown]) -> list[Shown]:
    """Sums of months that follow from releases beyond those held against, and not from these alone.

    Args:
        near: the column in the releases that are held against.
        beyond: in older ones, in the order they were published.

    Returns:
        A column for each run of months of which something follows, as if a release had shown that window.
    """
    exact = [each for each in beyond if each.policy.round_to == 1 and each.names]
    if not exact or not near:
        return []
    names = sorted({name for each in (*near, *exact) for name in each.names})
    place = {name: j for j, name in enumerate(names)}
    held = {name for each in near for name in each.names}
    # running totals stand before each month and after the last; those that a month held against touches count
    dates = [j for j in range(len(names) + 1) if {*names[max(j - 1, 0) : j + 1]} & held]
    clinics = len(exact[0].window)
    found: dict[tuple[int, int], Floats] = {}
    for row in range(clinics + 1):  # the network last
        of_near, of_beyond = _Totals(), _Totals()
        for totals, releases in ((of_near, near), (of_beyond, exact)):
            for release in releases:
                for begin, end, count in _differences(release, place, row):
                    totals.link(begin, end, count)
        for group in of_beyond.groups(dates):
            for begin, end in pairwise(group):
                if of_near.between(begin, end) is None and not _has_gap(names[begin:end], held):
                    told = found.setdefault((begin, end), np.full(clinics + 1, np.nan))
                    told[row] = of_beyond.between(begin, end)
    policy = exact[-1].policy
    return [
        Shown.of_sums(tuple(names[begin:end]), counts[:-1], float(counts[-1]), policy)
        for (begin, end), counts in sorted(found.items())
    ]


def _has_gap(months: Sequence[str], held: set[str]) -> bool:
    """Whether a month among these is held against by no release."""
    return not held.issuperset(months)


def _differences(release: Shown, place: dict[str, int], row: int) -> Iterable[tuple[int, int, float]]:
    """What a release shows of a clinic as running totals: from where, to where, by how much."""
    clinics = len(release.window)
    window, months = (
        (release.window[row], release.months[row]) if row < clinics else (release.total, release.network)
    )
    at = [place[name] for name in release.names]
    if row == clinics and release.total_within is not None:
        window = np.nan  # a range of counts is no difference of running totals
    if not np.isnan(window) and at == list(range(at[0], at[0] + len(at))):
        yield at[0], at[-1] + 1, float(window)
    for j in np.flatnonzero(~np.isnan(months)):
        yield at[j], at[j] + 1, float(months[j])


class _Totals:
    """Running totals of a clinic as far as they are known beside each other (union–find with differences)."""

    def __init__(self) -> None:
        self._above: dict[int, tuple[int, float]] = {}  # date → another one, and how much more there is here

    def link(self, begin: int, end: int, count: float) -> None:
        """From `begin` to `end` there are so many; a number that was stated anew later is left as it was."""
        (root, of_begin), (other, of_end) = self._root(begin), self._root(end)
        if root != other:
            self._above[other] = (root, of_begin + count - of_end)

    def between(self, begin: int, end: int) -> float | None:
        """How many there are from `begin` to `end`; None where that is not told."""
        (root, of_begin), (other, of_end) = self._root(begin), self._root(end)
        return of_end - of_begin if root == other else None

    def groups(self, dates: Sequence[int]) -> list[list[int]]:
        """The dates whose totals are known beside each other."""
        found: dict[int, list[int]] = {}
        for date in dates:
            found.setdefault(self._root(date)[0], []).append(date)
        return [each for each in found.values() if len(each) > 1]

    def _root(self, date: int) -> tuple[int, float]:
        more = 0.0
        while date in self._above:
            date, here = self._above[date]
            more += here
        return date, more
