"""Counts of one outcome over clinics and months, with the sums that a reader of the release can form.

What is believed of a withheld count before any sum is done depends on its label: of one withheld for being
small, the policy's range; of a companion, that it is not small (its status says so), and nothing but zero if
it is zero, since no small count can hide there. What is withheld of a clinic's months is labelled the same,
so that any of them may be the small one; and as long as a month of it is in the window whose label once left
that open, no later label says that the others are not small: with sums of windows, it would tell that one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.disclosing.additive_table import AdditiveTable, Sum
from tasks.disclosing.basic_moves import Grid
from tasks.disclosing.policy import SmallNumberPolicy
from tasks.disclosing.secondary_suppression import protect

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]

NETWORK = ""  # the network's own rows in `clinic_months` and `quality`


@dataclass(frozen=True)
class Counts:
    """Counts by clinic, for the window and (C, M) by month, and for each what is believed of it.

    Attributes:
        window: (C,) count of each clinic in the whole window; NaN where it has none.
        months: (C, M) count of each clinic's months; M may be 0; NaN where none.
        network: (M,) count of the network's months.
        rest: (C, 1 + M) records without the event; None for counts that have no other side.
        small: like `window` and `months` side by side, (C, 1 + M): which the policy withholds.
        guarded: (C, 1 + M) counts that must not be worked out: the small ones, and windows from which an
            earlier release would let a small one be worked out.
        lower, upper: (C, 1 + M) what a withheld count may be for anyone who reads its status.
        known: (C, 1 + M) counts that an earlier release shows.
        labelled: (C,) clinics of whose months an earlier release says that they may be small.
        network_few: (M,) months of the network in which few people stand behind the count, however large.
        luck: (C,) by how much each clinic is thought a cheaper companion, as a logarithm; see
            `companion_draw`.
        month_luck: (M,) the same of the network's months.
    """

    window: Floats
    months: Floats
    network: Floats
    rest: Floats | None
    small: Booleans
    guarded: Booleans
    lower: Floats
    upper: Floats
    known: Booleans
    labelled: Booleans
    network_few: Booleans
    luck: Floats
    month_luck: Floats

    @property
    def cells(self) -> Floats:
        """(C, 1 + M) windows and months side by side."""
        return np.column_stack([self.window, self.months])

    def same(self, other: Counts) -> bool:
        """Whether both are the same counts, with the same guards."""
        return all(
            np.array_equal(one, another, equal_nan=True)
            for one, another in (
                (self.cells, other.cells), (self.guarded, other.guarded), (self.known, other.known),
                (self.labelled, other.labelled),
            )
        )  # fmt: skip

    def of_network(self, policy: SmallNumberPolicy, sizes: Counts | None = None) -> Counts:
        """The network's months as if they were clinics; `sizes` are those of a binary outcome's counts."""
        none = np.empty((len(self.network), 0))
        months = counts_of(policy, self.network, none, np.empty(0), few=self.network_few[:, None])
        months = replace(months, luck=self.month_luck)
        return months if sizes is None else events_of(policy, months, sizes.of_network(policy))

    def of_whole(self, policy: SmallNumberPolicy, sizes: Counts | None = None) -> Counts:
        """The network as if it were the only clinic."""
        total = np.array([np.nansum(self.network)])
        few = np.append(False, self.network_few)[None, :]
        whole = counts_of(policy, total, self.network[None, :], np.empty(0), few=few)
        whole = replace(whole, month_luck=self.month_luck)
        return whole if sizes is None else events_of(policy, whole, sizes.of_whole(policy))

    def with_none(self, clinics: int) -> Counts:
        """The same with further clinics, of which nothing is there."""
        if not clinics:
            return self

        def more(rows: NDArray[Any], value: object) -> NDArray[Any]:
            return np.concatenate([rows, np.full((clinics, *rows.shape[1:]), value, rows.dtype)])

        return replace(
            self,
            window=more(self.window, np.nan),
            months=more(self.months, np.nan),
            rest=None if self.rest is None else more(self.rest, np.nan),
            small=more(self.small, False),
            guarded=more(self.guarded, False),
            lower=more(self.lower, 0.0),
            upper=more(self.upper, 0.0),
            known=more(self.known, False),
            labelled=more(self.labelled, False),
            luck=more(self.luck, 0.0),
        )

    def guarding(self, clinics: Booleans, least: Floats, most: Floats) -> Counts:
        """The same, with these clinics' windows guarded and believed to be between `least` and `most`."""
        lower, upper, guarded = self.lower.copy(), self.upper.copy(), self.guarded.copy()
        there = clinics & ~self.small[:, 0]
        lower[there, 0], upper[there, 0] = np.maximum(least[there], 0.0), most[there]
        guarded[:, 0] |= clinics
        return replace(self, lower=lower, upper=upper, guarded=guarded)


def counts_of(
    policy: SmallNumberPolicy,
    window: Floats,
    months: Floats,
    network: Floats,
    *,
    few: Booleans | None = None,
    network_few: Booleans | None = None,
) -> Counts:
    """Counts of which the policy withholds the small ones, and those of few people.

    Args:
        policy: the small-number policy.
        window: (C,) counts of the clinics.
        months: (C, M) counts of their months.
        network: (M,) counts of the network's months.
        few: (C, 1 + M) counts behind which few people stand, however large they are.
        network_few: (M,) the same of the network's months.
    """
    count = np.column_stack([window, months])
    small = policy.is_small(count)
    withheld = small if few is None else small | (few & (count > 0))
    lower = np.where(withheld, float(policy.low), np.where(count > 0, policy.high + 1.0, 0.0))
    upper = np.where(small, float(policy.high), np.where(count > 0, np.inf, 0.0))
    if network_few is None:
        network_few = np.zeros(len(network), dtype=bool)
    known = np.zeros(count.shape, dtype=bool)
    return Counts(
        window,
        months,
        network,
        None,
        withheld,
        withheld,
        lower,
        upper,
        known,
        np.zeros(len(window), dtype=bool),
        network_few,
        np.zeros(len(window)),
        np.zeros(months.shape[1]),
    )


def exposures_of(
    policy: SmallNumberPolicy,
    window: Floats,
    months: Floats,
    network: Floats,
    *,
    few: Booleans,
    network_few: Booleans,
) -> Counts:
    """Exposures, of which those of few people are withheld; how small an exposure is says nothing of itself.

    Arguments as for `counts_of`; a withheld exposure may be anything.
    """
    counts = counts_of(policy, window, months, network, network_few=network_few)
    exposed = counts.cells > 0
    small = few & exposed
    upper = np.where(exposed, np.inf, 0.0)
    return replace(counts, small=small, guarded=small, lower=np.zeros_like(upper), upper=upper)


def events_of(
    policy: SmallNumberPolicy, events: Counts, sizes: Counts, few_without: Booleans | None = None
) -> Counts:
    """Events of a binary outcome: few with, few without, or all alike; nothing is known of a small size.

    `few_without` (C, 1 + M) are those without whom few people stand, however many their records are.
    """
    size, count = sizes.cells, events.cells
    rest = size - count
    few_people = np.zeros(size.shape, dtype=bool) if few_without is None else few_without & (rest > 0)
    few_without = policy.is_small(rest) | few_people
    unanimous = (rest == 0) & (size > 0) & policy.withhold_unanimous
    by_rest = ~events.small & (few_without | unanimous)
    small = events.small | by_rest | sizes.small
    least = np.where(few_people & ~policy.is_small(rest), 0.0, np.maximum(size - policy.high, 0.0))
    lower = np.where(by_rest, least, events.lower)
    # of a companion everyone knows that not few are without
    upper = np.where(by_rest, size, np.where(small, events.upper, size - policy.high - 1.0))
    lower, upper = np.where(sizes.small, 0.0, lower), np.where(sizes.small, sizes.upper, upper)
    zero = ~small & (count == 0)
    return replace(
        events,
        rest=rest,
        small=small,
        guarded=small,
        lower=lower,
        upper=np.where(zero, 0.0, np.nan_to_num(upper, nan=np.inf)),
    )


def withhold_windows(policy: SmallNumberPolicy, counts: Counts, also: Booleans) -> Booleans:
    """(C,) clinics whose window count is withheld: guarded ones, `also`, and companions."""
    clinics = len(counts.window)
    present = ~np.isnan(counts.window)
    values = np.append(np.nan_to_num(counts.window), np.nansum(counts.window))
    table = AdditiveTable(
        values,
        [Sum(clinics, tuple(np.flatnonzero(present).tolist()))] if present.any() else [],
        *_believed(counts.window, counts.lower[:, 0], counts.upper[:, 0], counts.known[:, 0], total=True),
        np.append(np.where(present, np.arange(clinics), -1), -1),
        policy.least_width,
        policy.slack,
        float(policy.high),
        None if counts.rest is None else np.append(np.nan_to_num(counts.rest[:, 0]), 0.0),
        np.append(counts.luck, 0.0),
        published=policy.rounded(values),
    )
    return protect(table, np.append(counts.guarded[:, 0], False), np.append(also, False))[:clinics]


def withhold_alike(policy: SmallNumberPolicy, sizes: Counts, alike: Booleans, also: Booleans) -> Booleans:
    """(C,) those whose records all have one value, so that the mean tells each; `also`, and companions.

    A mean is hidden by any other, whatever is known of their sizes.
    """
    nothing = np.zeros_like(sizes.small)
    means = replace(
        sizes,
        small=nothing,
        guarded=np.column_stack([alike, nothing[:, 1:]]),
        lower=np.zeros_like(sizes.lower),
        upper=np.full_like(sizes.upper, np.inf),
        known=nothing,
    )
    return withhold_windows(policy, means, also | alike)


def withhold_months(
    policy: SmallNumberPolicy, counts: Counts, window: Booleans, also: Booleans, network: Booleans
) -> Booleans:
    """(C, M) clinics' months that are withheld: small ones, `also`, and companions.

    Where a month is small, those without any go with it: else whoever sees them knows that none of the others
    is nothing, and twenty months of twenty records would be one each.

    Args:
        policy: the small-number policy.
        counts: the counts.
        window: (C,) clinics whose window count is withheld.
        also: (C, M) months withheld for another reason.
        network: (M,) months whose network count is withheld.
    """
    clinics, months = counts.months.shape
    if months == 0:
        return also.copy()
    present = ~np.isnan(counts.months)
    none = _labelled_small(counts)[:, None] & (counts.months == 0)
    hidden = also | ((counts.guarded[:, 1:] | none) & present)
    lower, upper = believed_months(counts)
    cell = np.arange(clinics * months).reshape(clinics, months)
    of_clinic = clinics * months + np.arange(clinics)
    of_network = clinics * (months + 1) + np.arange(months)
    total = clinics * (months + 1) + months
    sums = [
        Sum(int(of_clinic[i]), tuple(cell[i, present[i]].tolist()))
        for i in range(clinics)
        if present[i].any()
    ]
    sums += [
        Sum(int(of_network[j]), tuple(cell[present[:, j], j].tolist()))
        for j in range(months)
        if present[:, j].any()
    ]
    sums.append(Sum(total, tuple(of_network.tolist())))
    by_month = _believed(counts.months, lower, upper, counts.known[:, 1:])
    by_window = _believed(counts.window, counts.lower[:, 0], counts.upper[:, 0], counts.known[:, 0])
    margins = np.append(np.nansum(counts.months, axis=0), np.nansum(counts.months))
    fixed = clinics + months + 1
    values = np.concatenate([np.nan_to_num(counts.months).ravel(), np.nan_to_num(counts.window), margins])
    table = AdditiveTable(
        values,
        sums,
        np.concatenate([by_month[0], by_window[0], np.zeros(months + 1)]),
        np.concatenate([by_month[1], by_window[1], np.full(months + 1, np.inf)]),
        np.concatenate([cell.ravel(), np.full(fixed, -1)]),
        policy.least_width,
        policy.slack,
        float(policy.high),
        None
        if counts.rest is None
        else np.concatenate([np.nan_to_num(counts.rest[:, 1:]).ravel(), np.zeros(fixed)]),
        np.concatenate([np.repeat(counts.luck, months), np.zeros(fixed)]),
        np.concatenate([np.repeat(np.arange(clinics), months), np.full(fixed, -1)]),
        Grid(np.column_stack([cell, of_clinic])[:, :, None], np.append(np.ones(months, dtype=np.int64), -1)),
        policy.rounded(values),
    )
    guarded = np.concatenate(
        [(counts.guarded[:, 1:] & present).ravel(), counts.guarded[:, 0], np.zeros(months + 1, dtype=bool)]
    )
    gone = np.concatenate([hidden.ravel(), window, network, [False]])
    withheld = protect(table, guarded & gone, gone)
    return np.asarray(withheld[: clinics * months].reshape(clinics, months), dtype=np.bool_)


def believed_months(counts: Counts) -> tuple[Floats, Floats]:
    """(C, M) what is believed of withheld months: no label says which of a clinic's is small."""
    lower, upper = counts.lower[:, 1:], counts.upper[:, 1:]
    labelled = np.broadcast_to(_labelled_small(counts)[:, None], lower.shape)
    most = np.inf if counts.rest is None else counts.months + counts.rest[:, 1:]
    return np.where(labelled, 0.0, lower), np.where(labelled & ~counts.small[:, 1:], most, upper)


def _labelled_small(counts: Counts) -> Booleans:
    """(C,) clinics whose status says that something of theirs may be small."""
    small = (counts.small[:, 1:] & ~np.isnan(counts.months)).any(axis=1)
    small |= counts.small[:, 0] | counts.labelled
    return np.asarray(small, dtype=np.bool_)


def _believed(
    values: Floats, lower: Floats, upper: Floats, known: Booleans, *, total: bool = False
) -> tuple[Floats, Floats]:
    """What is believed of withheld counts, in one line: what an earlier release shows is known."""
    shown = known | np.isnan(values)
    low = np.where(shown, np.nan_to_num(values), np.minimum(lower, values)).ravel()
    high = np.where(shown, np.nan_to_num(values), np.maximum(upper, values)).ravel()
    return (np.append(low, 0.0), np.append(high, np.inf)) if total else (low, high)


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
