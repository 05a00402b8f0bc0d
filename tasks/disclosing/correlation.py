"""How many digits of the intraclass correlation may be told, where clinics' events are withheld.

The correlation is made of clinics' sizes and events alone. Where the events of few clinics are withheld,
there are few ways to share out what they have together, and whoever computes the correlation of each finds
the one that has the digits published. Here all ways are tried with the analysis-of-variance estimate, which
is quick and about as fine a sieve as the likelihood's, at one digit more than is told: the limits and the
design effect are further roundings of the same.

Not guarded: what a model without adjusters tells by its other figures. With adjusters nobody without the
patients' records can fit it; without, every weight of a shown clinic tells the spread of all.
"""

from __future__ import annotations

import numpy as np

from tasks.disclosing.counts import Booleans, Counts, Floats
from tasks.disclosing.policy import SmallNumberPolicy
from tasks.disclosing.secondary_suppression import Integers

MOST_DIGITS = 3
_MOST_WAYS = 300_000  # more ways than these digits tell apart


def correlation_digits(
    policy: SmallNumberPolicy, events: Counts, denominator: Floats, withheld: Booleans
) -> int:
    """Digits of an outcome's intraclass correlation that leave its small counts in the dark; 0 for none.

    Args:
        policy: the small-number policy.
        events: an outcome's events.
        denominator: (C,) records, or exposure.
        withheld: (C,) clinics whose events are withheld.
    """
    gone = np.flatnonzero(withheld & (denominator > 0) & ~np.isnan(events.window))
    small = events.small[gone, 0]
    if not small.any() or np.nansum(events.window) == 0.0:
        return MOST_DIGITS
    lower, upper = (
        np.minimum(events.lower, events.cells)[gone, 0],
        np.maximum(events.upper, events.cells)[gone, 0],
    )
    ways = _ways(lower, upper, float(events.window[gone].sum()))
    if ways is None:
        return MOST_DIGITS
    within = events.rest is not None
    found = _correlations(events.window, denominator, gone, ways, binary=within)
    true = _correlations(events.window, denominator, gone, events.window[gone][None, :], binary=within)[0]
    need = np.minimum(policy.least_width, np.ptp(ways[:, small], axis=0) / 2.0)
    for digits in range(MOST_DIGITS, 0, -1):
        agreeing = ways[_same(found, float(true), digits + 1)][:, small]
        if len(agreeing) and (np.ptp(agreeing, axis=0) >= need).all():
            return digits
    return 0


def _ways(lower: Floats, upper: Floats, total: float) -> Integers | None:
    """(W, K) ways to share a total out within bounds; None where they are very many."""
    low, high = np.floor(lower).astype(np.int64), np.floor(np.minimum(upper, total)).astype(np.int64)
    ways = np.zeros((1, 0), dtype=np.int64)
    for i in range(len(low)):
        choices = np.arange(low[i], high[i] + 1)
        if i == len(low) - 1:
            rest = np.int64(total) - ways.sum(axis=1)
            return np.asarray(np.column_stack([ways, rest])[(rest >= low[i]) & (rest <= high[i])])
        if len(ways) * len(choices) > _MOST_WAYS:
            return None
        ways = np.column_stack([np.repeat(ways, len(choices), axis=0), np.tile(choices, len(ways))])
        rest = np.int64(total) - ways.sum(axis=1)
        ways = ways[(rest >= low[i + 1 :].sum()) & (rest <= high[i + 1 :].sum())]
    return ways


def _correlations(
    events: Floats, denominator: Floats, gone: Integers, ways: Integers | Floats, *, binary: bool
) -> Floats:
    """(W,) intraclass correlation by analysis of variance if the events of `gone` are as in each way.

    Source: Donner & Koval (1980), eq. 2.1, with the Poisson variance within clinics for counts.
    """
    there = np.flatnonzero((denominator > 0) & ~np.isnan(events))
    rest = there[~np.isin(there, gone)]
    n, clinics = denominator[there].sum(), len(there)
    mean = events[there].sum() / n
    share, others = ways / denominator[gone], events[rest] / denominator[rest]
    between = (denominator[rest] * (others - mean) ** 2).sum()
    between = (between + (denominator[gone] * (share - mean) ** 2).sum(axis=1)) / max(clinics - 1, 1)
    within = np.full(len(ways), mean)
    if binary:
        within = (denominator[gone] * share * (1.0 - share)).sum(axis=1)
        within = (within + (denominator[rest] * others * (1.0 - others)).sum()) / max(n - clinics, 1.0)
    size = (n - (denominator[there] ** 2).sum() / n) / max(clinics - 1, 1)
    whole = between + (size - 1.0) * within
    return np.asarray((between - within) / np.where(whole == 0.0, np.nan, whole))


def _same(values: Floats, true: float, digits: int) -> Booleans:
    """(W,) those that are the same as the true one to so many digits."""
    unit = 10.0 ** (np.floor(np.log10(max(abs(true), 1e-12))) - digits + 1)
    return np.asarray(np.round(values / unit) == np.round(true / unit), dtype=np.bool_)
