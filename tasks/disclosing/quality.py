"""The quality table as it may be seen.

Rows of a clinic whose size is withheld are left out, and those that count months where its months are
withheld: that nothing was found at a clinic is said by the absence of a row, and to know that no month is
without records is to know that 24 records in 24 months are one in each. The network's row of such a rule goes
with the first of them. Of the other rows, small numbers of
records found are withheld, with companions so that a rule's total gives none away. What the whole source has
before or after the window goes where a month of the network is withheld: two releases differ by the month
that left.

How many values of a column are missing, or not possible, is told however few they are. A clinic's records
less the size of one of its outcomes are the gaps of that outcome, and sizes stand beside every figure: to
hide that three results are missing, the figure itself would have to go, at most clinics. Gaps say how records
were kept, and of no patient that they have anything; a withheld number that a subtraction gives would be a
promise that does not hold. A policy that rounds is another matter: of rounded sizes no small gap follows, and
there it is withheld; and so it is of a column that patients are grouped by, whose gaps are a group.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from tasks.disclosing.companion_draw import Draw
from tasks.disclosing.counts import NETWORK, Booleans, counts_of, withhold_windows
from tasks.disclosing.policy import SmallNumberPolicy
from tasks.disclosing.withholding import PRIMARY, SECONDARY, QualityKey, WithheldQuality

_OUTSIDE_THE_WINDOW = ("date_before_window", "date_after_month")


def decide_quality(
    policy: SmallNumberPolicy,
    quality: pd.DataFrame,
    sizes: Collection[str],
    series: Collection[str],
    *,
    network_month: bool,
    network_size: bool,
    draw: Draw,
) -> WithheldQuality:
    """What the quality table must not show.

    Args:
        policy: the small-number policy.
        quality: the table.
        sizes: clinics whose size is withheld.
        series: clinics whose months are.
        network_month: whether a month of the network is withheld, of any outcome.
        network_size: whether the number of an outcome's values in the network is: all records less those
            without a value would tell it.
        draw: chance in the choice of companions.
    """
    of_records = quality["counts"].fillna("records") != "clinic-months"
    untold = quality["clinic"].isin(sizes) | (~of_records & quality["clinic"].isin(series))
    if series:  # of all clinics, too: what the others have is shown
        untold |= ~of_records & (quality["clinic"] == NETWORK)
    of_gaps = (quality["counts"].fillna("records") == "values") & (policy.round_to == 1)
    found: dict[QualityKey, str] = {}
    for _, rows in quality[of_records & ~of_gaps].groupby("rule", sort=True):
        found |= _withheld_found(policy, rows, untold[rows.index].to_numpy(dtype=bool), draw)
    if network_size:
        untold |= (quality["counts"].fillna("records") == "values") & (quality["clinic"] == NETWORK)
    if network_month:
        untold |= quality["rule"].isin(_OUTSIDE_THE_WINDOW)
    left_out = quality.loc[untold, ["rule", "clinic"]].itertuples(index=False, name=None)
    return WithheldQuality(frozenset(left_out), found)


def _withheld_found(
    policy: SmallNumberPolicy, rows: pd.DataFrame, untold: Booleans, draw: Draw
) -> Mapping[QualityKey, str]:
    """One rule's small numbers found, and companions, given the rows that are left out."""
    found = rows["n_found"].to_numpy(dtype=float, na_value=np.nan)
    network = (rows["clinic"] == NETWORK).to_numpy(dtype=bool)
    small = policy.is_small(found)
    withheld = small
    if not (small & network).any():  # from a total that is withheld nothing can be taken away
        counts = counts_of(policy, np.where(network, np.nan, found), np.empty((len(found), 0)), np.empty(0))
        counts = replace(counts, luck=draw.luck([str(clinic) for clinic in rows["clinic"]]))
        withheld = small | withhold_windows(policy, counts, untold)
    return {
        (str(rule), str(clinic)): PRIMARY if few else SECONDARY
        for rule, clinic, few, gone in zip(rows["rule"], rows["clinic"], small, withheld, strict=True)
        if gone
    }
