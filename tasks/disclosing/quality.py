"""The quality table as it may be seen.

Rows of a clinic whose size is withheld are left out, and those that count months where its months are
withheld: that nothing was found at a clinic is said by the absence of a row, and to know that no month is
without records is to know that 24 records in 24 months are one in each. Of the other rows, small numbers of
records found are withheld, with companions so that a rule's total gives none away.

They are not guarded against everything else in the release. A clinic's records less the size of one of its
outcomes is the number without a value, and sizes stand beside every figure: to hide that three results are
missing, the figure itself would have to go, at most clinics. It is a number of gaps in the records, not of
patients with anything.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from tasks.disclosing.blanking import PRIMARY, SECONDARY, Tables, mark, round_column
from tasks.disclosing.grid import NETWORK, counts_of, withhold_windows
from tasks.disclosing.policy import SmallNumberPolicy

_COUNTS = ("n_checked", "n_found")


def withhold_quality(
    policy: SmallNumberPolicy, tables: Tables, size: Iterable[str], series: Iterable[str]
) -> None:
    """Withhold what the quality table must not show (in place).

    Args:
        policy: the small-number policy.
        tables: the release's tables.
        size: clinics whose size is withheld.
        series: clinics whose months are.
    """
    quality = tables["quality"]
    of_records = quality["counts"].fillna("records") == "records"
    untold = quality["clinic"].isin(list(size)) | (~of_records & quality["clinic"].isin(list(series)))
    for rows in quality[of_records].groupby("rule", sort=True).groups.values():
        _withhold_found(policy, quality, pd.Index(rows), untold)
    for column in _COUNTS:
        round_column(policy, quality, quality.index[of_records], column)
    tables["quality"] = quality[~untold].reset_index(drop=True)


def _withhold_found(
    policy: SmallNumberPolicy, quality: pd.DataFrame, rows: pd.Index, untold: pd.Series
) -> None:
    """One rule's small numbers found, and companions, given the rows that are left out."""
    found = quality.loc[rows, "n_found"].to_numpy(dtype=float, na_value=np.nan)
    network = (quality.loc[rows, "clinic"] == NETWORK).to_numpy(dtype=bool)
    small = policy.is_small(found)
    withheld = small
    if not (small & network).any():  # from a total that is withheld nothing can be taken away
        counts = counts_of(policy, np.where(network, np.nan, found), np.empty((len(found), 0)), np.empty(0))
        withheld = small | withhold_windows(policy, counts, untold.loc[rows].to_numpy(dtype=bool))
    status = np.where(small, PRIMARY, SECONDARY)
    mark(policy, quality, pd.Series(status[withheld], index=rows[withheld], dtype="string"), _COUNTS)
