"""The counts of all releases as one table, in which what one of them shows is known in every other.

A month's count stands in every release whose window holds it, and each release shows sums of its own: a
clinic's window, the network's month, the total. Whoever keeps them all solves for what any of them withheld.
So the counts of all of them are one table here, where what one release shows is known in every other, and a
new release withholds what would let a small count be worked out, whichever release withheld that: of a month
that left the window and was never shown nobody here knows whether it was small, and it is guarded as if.

What the labels of earlier releases say is known as well: that a window is small, or that a month that is
withheld is not, under the policy of their day.

A count that a release shows otherwise than the new one was restated since: late records came. That number
binds only that release's own sums. Of a withheld count nobody here knows whether it was restated; it is taken
for the new one, as far as what was shown agrees with it. Months that left the window and were never shown
are unknown here too, and something is put in their place that agrees with what was shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tasks.disclosing.additive_table import AdditiveTable, Integers, Sum
from tasks.disclosing.basic_moves import Grid, covering_groups
from tasks.disclosing.count_columns import Shown
from tasks.disclosing.counts import Counts, Floats, WithheldCounts, believed_months
from tasks.disclosing.policy import SmallNumberPolicy
from tasks.disclosing.unknown_months import months_of_all

_ADDED_UP = 1e-6  # exposures are no whole numbers, and sums of them differ in their last digits


@dataclass
class _TableCells:
    """Cells of a table as they are added; see `AdditiveTable`."""

    values: list[float] = field(default_factory=list)
    lower: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)
    unit: list[int] = field(default_factory=list)
    withheld: list[bool] = field(default_factory=list)
    guarded: list[bool] = field(default_factory=list)
    luck: list[float] = field(default_factory=list)
    series: list[int] = field(default_factory=list)
    places: list[tuple[int, int]] = field(default_factory=list)
    sums: dict[tuple[int, ...], Sum] = field(default_factory=dict)

    def add(
        self,
        value: float,
        lower: float = 0.0,
        upper: float = np.inf,
        *,
        known: bool = False,
        unit: int = -1,
        withheld: bool = True,
        guarded: bool = False,
        luck: float = 0.0,
        series: int = -1,
        place: tuple[int, int] = (-1, -1),
    ) -> int:
        """One cell's position; what is `known` is known however it is withheld."""
        self.values.append(value)
        self.lower.append(value if known else min(lower, value))
        self.upper.append(value if known else max(upper, value))
        self.unit.append(unit)
        self.withheld.append(withheld)
        self.guarded.append(guarded)
        self.luck.append(luck)
        self.series.append(series)
        self.places.append(place)
        return len(self.values) - 1

    def bind(self, whole: int, parts: Sequence[int]) -> None:
        """`whole` is the sum of `parts`."""
        relation = Sum(int(whole), tuple(int(part) for part in parts))
        self.sums.setdefault(relation.members, relation)

    def sum_of(self, parts: Sequence[int]) -> float:
        """What cells add up to."""
        return float(sum(self.values[part] for part in parts))


class TableOfReleases:
    """The table of all releases.

    Attributes:
        names: all months, in order; `now` are the new release's among them (positions).
        month: (C, U) positions of the cells of clinics' months.
        window: (C,) positions of those of the new release's windows.
        network: (U,) positions of those of the network's months; total: of its window. They are withheld as
            the last resort, where all that could hide a clinic's count is known from earlier releases.
        of_network: whether the counts are the network's, as if it were the only clinic.
    """

    def __init__(
        self,
        policy: SmallNumberPolicy,
        counts: Counts,
        names: tuple[str, ...],
        shown: Sequence[Shown],
        gone: WithheldCounts,
        *,
        of_network: bool,
        as_rounded: bool = False,
    ) -> None:
        self._policy, self._counts, self._shown, self._gone = policy, counts, shown, gone
        self.cells = _TableCells()
        self.names = tuple(sorted({*names, *(name for each in shown for name in each.names)}))
        self.now = self._positions(names)
        self._places = [self._positions(each.names) for each in shown]
        self._not_small = self._said_not_small(len(counts.window))
        self._values = months_of_all(counts, self.now, len(self.names), shown, self._places, self._not_small)
        self.of_network = of_network
        self._as_rounded = as_rounded
        there = counts.cells[~np.isnan(counts.cells)]
        self._whole = np.array_equal(there, np.round(there))
        self._windows: list[Integers] = []  # (C,) positions of the new release's windows, then of the others'
        self._restated = np.zeros(self._values.shape, dtype=bool)  # (C, U) stated otherwise by some release
        self._add_months()
        self._add_networks_months()
        self._add_windows()
        for release, places in zip(shown, self._places, strict=True):
            if release.is_release:
                self._add_release(release, places)
            else:
                self._add_sums(release, places)

    def _positions(self, months: Sequence[str]) -> Integers:
        """Positions of months among all; none for a release that does not have the outcome."""
        return np.array([self.names.index(month) for month in months], dtype=np.int64)

    def _said_not_small(self, clinics: int) -> Floats:
        """(C, U) at least how many a month has, if it has any, as earlier labels say; 0 where they do not."""
        least = np.zeros((clinics, len(self.names)))
        for release, places in zip(self._shown, self._places, strict=True):
            said = np.where(release.not_small[:clinics], release.policy.high + 1.0, 0.0)
            least[:, places] = np.maximum(least[:, places], said)
        return least

    def table(self) -> AdditiveTable:
        """The cells and the sums that bind them, for who protects what is withheld."""
        cells = self.cells
        return AdditiveTable(
            np.array(cells.values),
            list(cells.sums.values()),
            np.array(cells.lower),
            np.array(cells.upper),
            np.array(cells.unit, dtype=np.int64),
            max(each.least_width for each in (self._policy, *(release.policy for release in self._shown))),
            self._policy.slack,
            luck=np.array(cells.luck),
            series=np.array(cells.series, dtype=np.int64),
            grid=self._grid(),
            published=self._policy.rounded(cells.values),
            places=None if self.of_network else np.array(cells.places, dtype=np.int64),
        )

    def _grid(self) -> Grid | None:
        """Months that move together so that no window changes; none of a clinic that was stated otherwise."""
        of_releases = zip(self._shown, self._places, strict=True)
        windows = [self.now, *(places for each, places in of_releases if each.is_release)]
        order = sorted(range(len(windows)), key=lambda j: windows[j].max(initial=-1))
        groups = covering_groups([windows[j].tolist() for j in order if len(windows[j])], len(self.names))
        if self.of_network or not groups:
            return None
        depth = max(len(self._windows), *(len(group) for group in groups))
        cells = np.full((len(self.month), len(groups) + 1, depth), -1)
        for b, group in enumerate(groups):
            cells[:, b, : len(group)] = self.month[:, group]
            cells[self._restated[:, group].any(axis=1), b] = -1
        cells[:, -1, : len(self._windows)] = np.transpose(self._windows)
        cells[self._restated.any(axis=1), -1] = -1
        return Grid(cells, np.append(np.ones(len(groups), dtype=np.int64), -1))

    def _add_months(self) -> None:
        """Clinics' months; those that left the window can no longer be withheld."""
        counts, gone = self._counts, self._gone
        clinics, months = self._values.shape
        least_told, most_told = self._told([each.months for each in self._shown])
        lower, upper = counts.lower[:, 1:], counts.upper[:, 1:]
        if not self.of_network:
            lower, upper = believed_months(counts)
        present = ~np.isnan(counts.months)
        self.month = np.empty((clinics, months), dtype=np.int64)
        when = {int(place): j for j, place in enumerate(self.now)}
        for c in range(clinics):
            for u in range(months):
                value, j = float(self._values[c, u]), when.get(u)
                many = float(self._not_small[c, u])
                if j is None:
                    least = max(float(least_told[c, u]), many if value else 0.0)
                    most, guarded = float(most_told[c, u]), bool(np.isinf(most_told[c, u]))
                    self.month[c, u] = self.cells.add(value, least, most, guarded=guarded, place=(c, u))
                    continue
                nothing = not present[c, j]
                most = float(upper[c, j])
                if many and counts.rest is not None:
                    most = min(most, value + float(np.nan_to_num(counts.rest[c, 1 + j])) - many)
                self.month[c, u] = self.cells.add(
                    value,
                    max(float(lower[c, j]), many, float(least_told[c, u])),
                    min(most if value or not many else 0.0, float(most_told[c, u])),
                    known=nothing,
                    unit=-1 if nothing else c * len(self.now) + j,
                    withheld=bool(gone.months[c, j]) or nothing,
                    guarded=bool(counts.guarded[c, 1 + j]) and not nothing,
                    luck=float(counts.month_luck[j] if self.of_network else counts.luck[c]),
                    series=c,
                    place=(c, u),
                )

    def _add_networks_months(self) -> None:
        """The network's months, which the clinics add up to."""
        if self.of_network:
            return
        least, most = self._told([each.network[None, :] for each in self._shown])
        when = {int(place): j for j, place in enumerate(self.now)}
        self.network = np.empty(len(self.names), dtype=np.int64)
        unit = len(self._values) * (len(self.now) + 1) + 1
        for u in range(len(self.names)):
            parts = self.month[:, u].tolist()
            shown_now = u in when and not self._gone.network[when[u]]
            self.network[u] = self.cells.add(
                self.cells.sum_of(parts),
                float(least[0, u]),
                float(most[0, u]),
                unit=unit + u if shown_now else -1,
                withheld=not shown_now,
                luck=float(self._counts.month_luck[when[u]]) if shown_now else 0.0,
            )
            self.cells.bind(self.network[u], parts)

    def _add_windows(self) -> None:
        """The new release's windows and total."""
        counts, gone = self._counts, self._gone
        clinics, unit = len(counts.window), len(counts.window) * len(self.now)
        positions = []
        for c in range(clinics):
            nothing = bool(np.isnan(counts.window[c]))
            parts = self.month[c, self.now].tolist()
            position = self.cells.add(
                self.cells.sum_of(parts),
                float(counts.lower[c, 0]),
                float(counts.upper[c, 0]),
                known=nothing,
                unit=-1 if nothing else unit + c,
                withheld=bool(gone.windows[c]) or nothing,
                guarded=bool(counts.guarded[c, 0]) and not nothing,
                luck=float(counts.luck[c]),
                place=(c, len(self.names)),
            )
            self.cells.bind(position, parts)
            positions.append(position)
        self.window = np.array(positions, dtype=np.int64)
        self._windows.append(self.window)
        if not self.of_network:
            self.total = self.cells.add(
                self.cells.sum_of(positions), unit=unit + clinics, withheld=gone.total
            )
            self.cells.bind(self.total, positions)
            self.cells.bind(self.total, self.network[self.now].tolist())

    def _add_release(self, release: Shown, places: Integers) -> None:
        """An earlier release: sums of its own, of the months as it stated them."""
        month = self.month[:, places].copy()
        restated = ~np.isnan(release.months) & ~release.states(self._values[:, places], release.months)
        for c, j in zip(*np.nonzero(restated), strict=True):
            month[c, j] = self.cells.add(float(release.months[c, j]), known=True, place=(c, -1))
            self._restated[c, places[j]] = True
        windows = [self._earlier_window(release, c, places, month[c].tolist()) for c in range(len(month))]
        if len(places):  # else it is a sum of nothing, which no month moves
            self._windows.append(np.array(windows, dtype=np.int64))
        if self.of_network:
            return
        network = [
            int(self.network[u])
            if np.array_equal(month[:, j], self.month[:, u])
            else self._sum(release, month[:, j].tolist(), float(release.network[j]))
            for j, u in enumerate(places)
        ]
        total = self._total(release, windows)
        if self.cells.sum_of(network) == self.cells.values[total]:
            self.cells.bind(total, network)

    def _add_sums(self, sums: Shown, places: Integers) -> None:
        """Sums that follow from releases of long ago, where they are of the months as they stand now."""
        for c in np.flatnonzero(~np.isnan(sums.window)):
            self._add_sum(self.month[c, places].tolist(), float(sums.window[c]))
            self._restated[c, places] = True  # moves of months that leave windows alone would change it
        if not self.of_network and not np.isnan(sums.total):
            self._add_sum(self.network[places].tolist(), sums.total)

    def _add_sum(self, parts: list[int], stated: float) -> None:
        value = self.cells.sum_of(parts)
        if np.isclose(value, stated, rtol=0.0, atol=_ADDED_UP):  # else the months were stated anew since
            self.cells.bind(self.cells.add(value, known=True), parts)

    def _earlier_window(self, release: Shown, c: int, places: Integers, parts: list[int]) -> int:
        value, stated, policy = self.cells.sum_of(parts), float(release.window[c]), release.policy
        place = (c, len(self.names) + len(self._windows))
        if not np.isnan(stated):
            if not release.states_window(c, value):
                return self.cells.add(stated, known=True, place=place)
            between = self._between(release, value, stated, release.window_within)
            position = self.cells.add(value, *between, place=place)
            self.cells.bind(position, parts)
            return position
        few, rest = bool(policy.is_small(value)), self._without(c, places)
        few_without = value > 0 and rest <= policy.high
        bounds = (0.0, np.inf)
        if not release.small[c]:  # everyone can read that it is not small
            bounds = (policy.high + 1.0, np.inf) if value else (0.0, 0.0)
        elif few:
            bounds = (float(policy.low), float(policy.high))
        elif few_without:
            bounds = (value + rest - policy.high, value + rest)
        now = np.isin(places, self.now).all()
        guarded = few or few_without if now else release.small[c]
        position = self.cells.add(value, *bounds, guarded=bool(guarded), place=place)
        self.cells.bind(position, parts)
        return position

    def _without(self, c: int, places: Integers) -> float:
        """How many records without the event an earlier window had; infinite where nobody here knows."""
        if self._counts.rest is None or not np.isin(places, self.now).all():
            return np.inf
        return float(np.nansum(self._counts.rest[c, 1:][np.isin(self.now, places)]))

    def _sum(self, release: Shown, parts: list[int], stated: float) -> int:
        """A sum of an earlier release; one that it states otherwise was restated since and tells nothing."""
        value = self.cells.sum_of(parts)
        agrees = bool(release.states(np.array(value), np.array(stated)))
        bounds = self._between(release, value, stated) if agrees else (0.0, np.inf)
        position = self.cells.add(value, *bounds)
        self.cells.bind(position, parts)
        return position

    def _total(self, release: Shown, parts: list[int]) -> int:
        """The network's window in an earlier release, as `_sum`."""
        value, bounds = self.cells.sum_of(parts), (0.0, np.inf)
        if release.states_total(value):
            bounds = self._between(release, value, release.total, release.total_within)
        position = self.cells.add(value, *bounds)
        self.cells.bind(position, parts)
        return position

    def _between(
        self, release: Shown, value: float, stated: float, within: float | None = None
    ) -> tuple[float, float]:
        """Between what a count lies that a release states: it is the count, or what that was rounded to.

        A share of rounded counts tells it `within` so many, however it is looked at.
        """
        half = self._half(release) if within is None else within
        return (stated - half, stated + half) if half else (value, value)

    def _half(self, release: Shown) -> float:
        """How far a count may be from what a release states: of rounded ones, whole ones less than others."""
        if release.policy.round_to == 1 or not self._as_rounded:
            return 0.0
        return (release.policy.round_to - float(self._whole)) / 2.0

    def _told(self, stated: Sequence[Floats]) -> tuple[Floats, Floats]:
        """(C, U) between what each month lies that a release states as it is; 0 and infinity elsewhere."""
        values = self._values if len(stated[0]) == len(self._values) else self._values.sum(axis=0)[None, :]
        low, high = np.zeros(values.shape), np.full(values.shape, np.inf)
        for release, each, places in zip(self._shown, stated, self._places, strict=True):
            agrees, half = release.states(values[:, places], each), self._half(release)
            about = each if half else values[:, places]
            low[:, places] = np.where(agrees, np.maximum(low[:, places], about - half), low[:, places])
            high[:, places] = np.where(agrees, np.minimum(high[:, places], about + half), high[:, places])
        return low, high
