"""How many digits of the intraclass correlation may be told, where clinics' events are withheld.

The correlation is made of clinics' sizes and events alone. Where the events of few clinics are withheld,
there are few ways to share out what they have together, and whoever computes the correlation of each finds
the one that has the digits published. Here all ways are tried with the analysis-of-variance estimate, which
is quick and about as fine a sieve as the likelihood's, at one digit more than is told: the limits and the
design effect are further roundings of the same. Nine figures of one digit each tell more than one of two:
where that is all that could be told, nothing is, and of two digits one.

Not guarded: what a model without adjusters tells by its other figures. With adjusters nobody without the
patients' records can fit it; without, every weight of a shown clinic tells the spread of all.
"""

from __future__ import annotations

import numpy as np

from tasks.disclosing.additive_table import Integers
from tasks.disclosing.counts import Booleans, Counts, Floats
from tasks.disclosing.policy import SmallNumberPolicy
from tasks.disclosing.possible_events import PossibleEvents

MOST_DIGITS = 3
_MANY_UNKNOWN = 60
"""Clinics' months whose numbers are withheld, from which on sums and a few figures leave each open."""


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
    possible = PossibleEvents.of(policy, events, denominator, withheld)
    if not possible.small.any() or np.nansum(events.window) == 0.0 or possible.ways is None:
        return MOST_DIGITS
    within, gone = events.rest is not None, possible.clinics
    found = _correlations(events.window, denominator, gone, possible.ways, binary=within)
    true = _correlations(events.window, denominator, gone, possible.true[None, :], binary=within)[0]
    for digits in range(MOST_DIGITS, 0, -1):
        if possible.dark(possible.ways[_same(found, float(true), digits + 1)]):
            return digits if digits == MOST_DIGITS else digits - 1
    return 0


def volume_digits(clinics: Booleans, months: Booleans) -> int:
    """The same of numbers of records by month; 0 where too few of them are withheld to be in the dark.

    Their correlation is of clinics' months, so that each that is withheld is one unknown: of few, what the
    sums leave open the figures tell.

    Args:
        clinics: (C,) those whose numbers are withheld.
        months: (C, M) months of which they are.
    """
    unknown = int((months | clinics[:, None]).sum())
    return MOST_DIGITS if unknown == 0 or unknown >= _MANY_UNKNOWN else 0


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
