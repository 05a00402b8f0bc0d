"""Releases with overlapping windows, read as one table: what they tell together that none tells alone.

Three things would undo what one release withholds, and each is asked in turn:

- `known_before`: a count that an earlier release shows, and that has not changed since, is known, whatever
  this one withholds: it protects nothing;
- `told_by_difference`: two windows of a clinic differ by the months that are new less the months that were
  dropped. If the new ones are few and the others known, the clinic's window stays withheld until more months
  have come; so it does if those dropped are few, of counts that no month adds up to and of those without the
  event;
- `withhold_across_releases`: what follows from more than a difference, from the sums of all of them.

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

What a release rounds is looked at twice: as if it were the count, and as who reads it has it, who knows no
more than what is rounded to that number. Of several policies the one that asks for most decides how free a
count must stay.

Not guarded: what came late. A month stated anew differs from its first statement by the records that came
in between, and both are published; withholding every clinic with a few late records would withhold most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tasks.disclosing.additive_table import AdditiveTable, Integers, Sum
from tasks.disclosing.basic_moves import Grid, covering_groups
from tasks.disclosing.count_columns import Shown
from tasks.disclosing.counts import Booleans, Counts, Floats, believed_months
from tasks.disclosing.policy import SmallNumberPolicy
from tasks.disclosing.secondary_suppression import protect
from tasks.disclosing.unknown_months import months_of_all

_ADDED_UP = 1e-6  # exposures are no whole numbers, and sums of them differ in their last digits


def known_before(names: Sequence[str], shown: Sequence[Shown], cells: Floats) -> Booleans:
    """(C, 1 + M) counts of clinics' windows and of their months that an earlier release shows as they are.

    Args:
        names: the new release's months.
        shown: the column in each earlier release; the new one's clinics come first there.
        cells: (C, 1 + M) the counts.
    """
    known = np.zeros(cells.shape, dtype=bool)
    for release in shown:
        if release.names == tuple(names) and release.window_within is None:
            known[:, 0] |= release.states(cells[:, 0], release.window[: len(cells)])
        for j, month in enumerate(names):
            if 1 + j < cells.shape[1] and month in release.names:
                stated = release.months[: len(cells), release.names.index(month)]
                known[:, 1 + j] |= release.states(cells[:, 1 + j], stated)
    return known


def told_by_difference(
    policy: SmallNumberPolicy,
    window: Floats,
    months: Floats,
    names: Sequence[str],
    shown: Sequence[Shown],
    may_show: Booleans,
) -> tuple[Booleans, Floats, Floats]:
    """Windows whose difference from one shown before would tell a small count.

    Args:
        policy: the small-number policy.
        window: (C,) counts of the new release.
        months: (C, M) counts of its months; NaN where none are to be seen.
        names: its months.
        shown: the column in each earlier release.
        may_show: (C, M) months that the new release may show, of which what was dropped would follow.

    Returns:
        (C,) the clinics, and how far below and above its window each may be believed to be once it is
        withheld.
    """
    clinics = len(window)
    told = np.zeros(clinics, dtype=bool)
    below, above = np.zeros((2, clinics))
    for release in shown:
        fresh = [j for j, month in enumerate(names) if month not in release.names]
        dropped = [month for month in release.names if month not in names]
        if not fresh and not dropped:
            continue
        change = window - release.window[:clinics]
        # without months dropped, all of the change is new, whatever came late with it
        new = np.nansum(months[:, fresh], axis=1) if dropped else np.abs(change)
        old = new - change if dropped else np.zeros(clinics)
        old_known = old == 0
        if dropped:
            before = [[_shows_month(each, month, clinics) for each in shown] for month in dropped]
            old_known |= np.all([np.any(each, axis=0) for each in before], axis=0)
        tells_new = policy.is_small(new) & old_known & ~np.isnan(change)
        new_known = may_show[:, fresh].all(axis=1)
        tells_old = policy.is_small(old) & ~old_known & new_known & ~np.isnan(change)
        below = np.where(tells_new, new - policy.low, np.where(tells_old, policy.high - old, below))
        above = np.where(tells_new, policy.high - new, np.where(tells_old, old - policy.low, above))
        told |= tells_new | tells_old
    return told, below, above


def _shows_month(release: Shown, month: str, clinics: int) -> Booleans:
    """(C,) clinics whose count of that month stands in a release."""
    if month not in release.names:
        return np.zeros(clinics, dtype=bool)
    return ~np.isnan(release.months[:clinics, release.names.index(month)])


@dataclass(frozen=True)
class WithheldCounts:
    """What a release withholds of one column.

    Attributes:
        windows: (C,) clinics' windows.
        months: (C, M) their months.
        network: (M,) months of the network.
        total: whether the network's window.
    """

    windows: Booleans
    months: Booleans
    network: Booleans
    total: bool = False

    def with_none(self, clinics: int) -> WithheldCounts:
        """The same with further clinics, of which nothing is there."""
        more = np.zeros((clinics, self.months.shape[1]), dtype=bool)
        windows = np.append(self.windows, np.zeros(clinics, dtype=bool))
        return replace(self, windows=windows, months=np.vstack([self.months, more]))


def withhold_across_releases(
    policy: SmallNumberPolicy,
    counts: Counts,
    names: Sequence[str],
    shown: Sequence[Shown],
    gone: WithheldCounts,
    *,
    of_network: bool = False,
) -> WithheldCounts:
    """What to withhold besides, so that no small count follows from all releases together.

    Args:
        policy: the small-number policy.
        counts: the new release's counts.
        names: its months.
        shown: what earlier ones show.
        gone: what it withholds already.
        of_network: whether they are the network's, as if it were the only clinic.
    """
    if not shown:
        return gone
    parts = policy, counts, tuple(names), shown
    found = _withheld_beside(_Union(*parts, gone, of_network=of_network), gone)
    if all(release.policy.round_to == 1 for release in shown):
        return found
    # As if rounded numbers were the counts themselves, much follows that nobody who reads them can know,
    # and what follows is given up. As he reads them it is not told yet, and may still be kept from him.
    return _withheld_beside(_Union(*parts, found, of_network=of_network, as_rounded=True), found)


def _withheld_beside(union: _Union, gone: WithheldCounts) -> WithheldCounts:
    """What is withheld, with companions in the table of all releases."""
    also = np.array(union.cells.withheld, dtype=bool)
    more = protect(union.table(), np.array(union.cells.guarded, dtype=bool) & also, also) & ~also
    months = more[union.month][:, union.now]
    found = replace(gone, windows=gone.windows | more[union.window], months=gone.months | months)
    if union.of_network:
        return found
    return replace(
        found,
        network=gone.network | more[union.network[union.now]],
        total=gone.total or bool(more[union.total]),
    )


@dataclass
class _Cells:
    """Cells of a table as they are added; see `AdditiveTable`."""

    values: list[float] = field(default_factory=list)
    lower: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)
    unit: list[int] = field(default_factory=list)
    withheld: list[bool] = field(default_factory=list)
    guarded: list[bool] = field(default_factory=list)
    luck: list[float] = field(default_factory=list)
    series: list[int] = field(default_factory=list)
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
        return len(self.values) - 1

    def bind(self, whole: int, parts: Sequence[int]) -> None:
        """`whole` is the sum of `parts`."""
        relation = Sum(int(whole), tuple(int(part) for part in parts))
        self.sums.setdefault(relation.members, relation)

    def sum_of(self, parts: Sequence[int]) -> float:
        return float(sum(self.values[part] for part in parts))


class _Union:
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
        self.cells = _Cells()
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
                    self.month[c, u] = self.cells.add(value, least, most, guarded=guarded)
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
            month[c, j] = self.cells.add(float(release.months[c, j]), known=True)
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
        if not np.isnan(stated):
            if not release.states_window(c, value):
                return self.cells.add(stated, known=True)
            between = self._between(release, value, stated, release.window_within)
            position = self.cells.add(value, *between)
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
        position = self.cells.add(value, *bounds, guarded=bool(guarded))
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
