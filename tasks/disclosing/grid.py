"""Counts of one outcome over clinics and months, with the sums that a reader of the release can form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.disclosing.additive import AdditiveTable, Sum, protect
from tasks.disclosing.policy import SmallNumberPolicy

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]

NETWORK = ""  # the network's own rows in `clinic_months` and `quality`


@dataclass(frozen=True)
class Counts:
    """Counts by clinic, for the window and (C, M) by month, and for each what a small one is known to be.

    Attributes:
        window: (C,) count of each clinic in the whole window; NaN where it has none.
        months: (C, M) count of each clinic's months; M may be 0; NaN where none.
        network: (M,) count of the network's months, as published.
        lower, upper: like `window` and `months` side by side, (C, 1 + M): what a withheld count may be.
        small: (C, 1 + M) which the policy withholds.
    """

    window: Floats
    months: Floats
    network: Floats
    lower: Floats
    upper: Floats
    small: Booleans


def counts_of(policy: SmallNumberPolicy, window: Floats, months: Floats, network: Floats) -> Counts:
    """Counts of which the policy withholds the small ones."""
    both = np.column_stack([window, months])
    small = policy.is_small(both)
    return Counts(
        window,
        months,
        network,
        np.where(small, float(policy.low), 0.0),
        np.where(small, float(policy.high), np.inf),
        small,
    )


def events_of(policy: SmallNumberPolicy, events: Counts, sizes: Counts) -> Counts:
    """Events of a binary outcome: few with, few without, or all alike; nothing is known of a small size."""
    size = np.column_stack([sizes.window, sizes.months])
    count = np.column_stack([events.window, events.months])
    without = size - count
    few_without = policy.is_small(without)
    unanimous = (without == 0) & (size > 0) & policy.withhold_unanimous
    lower = np.where(
        few_without, np.maximum(size - policy.high, 0.0), np.where(unanimous, size - policy.high, 0.0)
    )
    lower = np.where(events.small, events.lower, np.maximum(lower, 0.0))
    upper = np.where(few_without | unanimous, size, np.where(events.small, events.upper, size))
    in_small = sizes.small
    lower, upper = np.where(in_small, 0.0, lower), np.where(in_small, float(policy.high), upper)
    small = events.small | few_without | unanimous | in_small
    return Counts(
        events.window, events.months, events.network, lower, np.nan_to_num(upper, nan=np.inf), small
    )


def withhold_windows(policy: SmallNumberPolicy, counts: Counts, also: Booleans) -> Booleans:
    """(C,) clinics whose window count is withheld: small ones, `also`, and companions."""
    clinics = len(counts.window)
    present = np.flatnonzero(~np.isnan(counts.window))
    values = np.append(np.nan_to_num(counts.window), np.nansum(counts.window))
    known = also | counts.small[:, 0]
    table = AdditiveTable(
        values,
        [Sum(clinics, tuple(int(each) for each in present))] if len(present) else [],
        np.append(np.where(known & ~counts.small[:, 0], 0.0, counts.lower[:, 0]), 0.0),
        np.append(np.where(counts.small[:, 0], counts.upper[:, 0], np.inf), np.inf),
        np.append(np.where(np.isnan(counts.window), -1, np.arange(clinics)), -1),
        policy.least_width,
        policy.slack,
    )
    return protect(table, np.append(counts.small[:, 0], False), np.append(also, False))[:clinics]


def withhold_series(policy: SmallNumberPolicy, counts: Counts, window: Booleans, also: Booleans) -> Booleans:
    """(C,) clinics whose months are withheld, all together: a series with gaps gives its gaps away.

    Args:
        policy: the small-number policy.
        counts: the counts.
        window: (C,) clinics whose window count is withheld.
        also: (C,) clinics whose series is withheld for another reason.
    """
    clinics, months = counts.months.shape
    if months == 0:
        return also.copy()
    present = ~np.isnan(counts.months)
    rows = window | also | (counts.small[:, 1:] & present).any(axis=1)
    cell = np.arange(clinics * months).reshape(clinics, months)
    windows = clinics * months + np.arange(clinics)
    networks = clinics * (months + 1) + np.arange(months)
    sums = [
        Sum(int(windows[i]), tuple(int(each) for each in cell[i, present[i]]))
        for i in range(clinics)
        if rows[i] and present[i].any()
    ]
    sums += [
        Sum(int(networks[j]), tuple(int(each) for each in cell[present[:, j], j]))
        for j in range(months)
        if present[:, j].any()
    ]
    small = counts.small[:, 1:] & present
    network = np.where(np.isnan(counts.network), np.nansum(counts.months, axis=0), counts.network)
    table = AdditiveTable(
        np.concatenate([np.nan_to_num(counts.months).ravel(), np.nan_to_num(counts.window), network]),
        sums,
        np.concatenate(
            [np.where(small, counts.lower[:, 1:], 0.0).ravel(), counts.lower[:, 0], np.zeros(months)]
        ),
        np.concatenate(
            [
                np.where(small, counts.upper[:, 1:], np.inf).ravel(),
                counts.upper[:, 0],
                np.full(months, np.inf),
            ]
        ),
        np.concatenate([np.repeat(np.arange(clinics), months), np.full(clinics + months, -1)]),
        policy.least_width,
        policy.slack,
    )
    primary = np.concatenate([small.ravel(), np.zeros(clinics + months, dtype=bool)])
    gone = np.concatenate([np.repeat(rows, months), window, np.zeros(months, dtype=bool)])
    withheld = protect(table, primary, gone)
    return np.asarray(withheld[: clinics * months].reshape(clinics, months).any(axis=1), dtype=np.bool_)


def collect(
    policy: SmallNumberPolicy,
    tables: Mapping[str, pd.DataFrame],
    outcome: str,
    column: str,
    clinics: tuple[str, ...],
) -> Counts:
    """One outcome's `numerator` or `denominator` over clinics and months."""
    estimates, by_month = tables["clinic_estimates"], tables["clinic_months"]
    raw = estimates[(estimates["outcome"] == outcome) & (estimates["form"] == "raw")].set_index("clinic")[
        column
    ]
    window = np.asarray(raw.astype("float64").reindex(clinics), dtype=np.float64)
    mine = by_month[by_month["outcome"] == outcome]
    wide = mine.assign(**{column: mine[column].astype("float64")}).pivot_table(
        index="clinic", columns="month", values=column, dropna=False
    )
    months = np.asarray(wide.reindex(clinics), dtype=np.float64)
    network = np.asarray(wide.reindex([NETWORK]), dtype=np.float64)[0]
    return counts_of(policy, window, months, network)
