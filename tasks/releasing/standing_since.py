"""Since when a clinic has stood out, as the releases before tell: the table `standing_since`.

It is worked out from what each release published, and from nothing else: whoever keeps the releases can work
it out as well, so it gives nothing away. A report that withheld the figure, or had none, breaks no series:
it said nothing to the contrary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from tasks.publishing import Earlier
from tasks.release import CLINIC_ESTIMATES, STANDING_SINCE, conform

_STANDING_OUT = ("better", "worse")

Figure = tuple[str, str]
"""Outcome and clinic."""


def standing_since(
    before: Sequence[Earlier], period: str, tables: Mapping[str, pd.DataFrame]
) -> pd.DataFrame:
    """Rows of `standing_since`, for each clinic that `tables` call better or worse on an outcome.

    Args:
        before: earlier releases under the same policy, the last of each period, the newest first.
        period: the new release's.
        tables: its tables, after disclosing.
    """
    now = {figure: side for figure, side in _compared(tables).items() if side in _STANDING_OUT}
    first, reports, unbroken = dict.fromkeys(now, period), dict.fromkeys(now, 1), set(now)
    for earlier in before:
        then = _compared(earlier.tables)
        for figure in sorted(unbroken):
            side = then.get(figure)
            if side == now[figure]:
                first[figure] = earlier.since.period
                reports[figure] += 1
            elif side is not None:
                unbroken.discard(figure)
    rows = [
        {
            "outcome": outcome,
            "clinic": clinic,
            "comparison": side,
            "first_period": first[outcome, clinic],
            "n_reports": reports[outcome, clinic],
        }
        for (outcome, clinic), side in now.items()
    ]
    return conform(STANDING_SINCE, pd.DataFrame(rows, columns=STANDING_SINCE.empty().columns))


def _compared(tables: Mapping[str, pd.DataFrame]) -> dict[Figure, str]:
    """How each clinic that is shown compares, by its best estimate."""
    rows = tables[CLINIC_ESTIMATES.name]
    told = rows[(rows["form"] == "shrunken") & (rows["status"] == "ok") & rows["comparison"].notna()]
    return {
        (str(outcome), str(clinic)): str(side)
        for outcome, clinic, side in zip(told["outcome"], told["clinic"], told["comparison"], strict=True)
    }
