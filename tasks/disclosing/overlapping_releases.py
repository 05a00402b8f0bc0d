"""Releases with overlapping windows, read as one table: what they tell together that none tells alone.

Three things would undo what one release withholds, and each is asked in turn:

- `known_before`: a count that an earlier release shows, and that has not changed since, is known, whatever
  this one withholds: it protects nothing;
- `told_by_difference`: two windows of a clinic differ by the months that are new less the months that were
  dropped. If the new ones are few and the others known, the clinic's window stays withheld until more months
  have come; so it does if those dropped are few, of counts that no month adds up to and of those without the
  event;
- `withhold_across_releases`: what follows from more than a difference, from the sums of all of them.

What a release rounds is looked at twice: as if it were the count, and as who reads it has it, who knows no
more than what is rounded to that number. Of several policies the one that asks for most decides how free a
count must stay.

Not guarded: what came late. A month stated anew differs from its first statement by the records that came
in between, and both are published; withholding every clinic with a few late records would withhold most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tasks.disclosing.count_columns import Shown
from tasks.disclosing.counts import Booleans, Counts, Floats, WithheldCounts
from tasks.disclosing.policy import SmallNumberPolicy
from tasks.disclosing.secondary_suppression import protect
from tasks.disclosing.table_of_releases import TableOfReleases


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
    hid = _never_shown(names, shown, len(counts.window))
    found = _withheld_beside(TableOfReleases(*parts, gone, of_network=of_network), gone, hid)
    if all(release.policy.round_to == 1 for release in shown):
        return found
    # As if rounded numbers were the counts themselves, much follows that nobody who reads them can know,
    # and what follows is given up. As he reads them it is not told yet, and may still be kept from him.
    union = TableOfReleases(*parts, found, of_network=of_network, as_rounded=True)
    return _withheld_beside(union, found, hid)


def _never_shown(names: Sequence[str], shown: Sequence[Shown], clinics: int) -> Booleans:
    """(C, M) months that no release of an earlier period showed, although one had the clinic's window."""
    there, seen = np.zeros((2, clinics, len(names)), dtype=bool)
    for release in shown:
        if not release.is_release or release.names[-1:] >= tuple(names[-1:]):
            continue  # a period made again hides what it hid
        now = [j for j, name in enumerate(names) if name in release.names]
        then = [release.names.index(names[j]) for j in now]
        there[:, now] |= ~np.isnan(release.window[:clinics, None])
        seen[:, now] |= ~np.isnan(release.months[:clinics, then])
    return there & ~seen


def _withheld_beside(union: TableOfReleases, gone: WithheldCounts, hid: Booleans) -> WithheldCounts:
    """What is withheld, with companions in the table of all releases.

    `hid` (C, M) are months that hid something before. Where something of their clinic is exposed they are
    taken for it again, and not asked about: each companion of a year would be found anew, by programs of its
    own. So a month costs what is new.
    """
    also = np.array(union.cells.withheld, dtype=bool)
    first = np.zeros(len(also), dtype=bool)
    first[union.month[:, union.now][hid]] = True
    guarded = np.array(union.cells.guarded, dtype=bool) & also
    more = protect(union.table(), guarded, also, first) & ~also
    months = more[union.month][:, union.now]
    found = replace(gone, windows=gone.windows | more[union.window], months=gone.months | months)
    if union.of_network:
        return found
    return replace(
        found,
        network=gone.network | more[union.network[union.now]],
        total=gone.total or bool(more[union.total]),
    )
