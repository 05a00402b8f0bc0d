"""What was last shown of a figure that a release withholds: the table `last_shown`.

A window that grows by a month of few records is withheld until more have come. The figure of the release
before still stands, and whoever looks for the clinic is better served by it, with its date, than by nothing.
All of it was published: it gives nothing away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from tasks.publishing import Earlier
from tasks.release import CLINIC_ESTIMATES, LAST_SHOWN, conform, plain_rows
from tasks.releasing.changes import shows

_KEPT = ("value", "lower", "upper", "level", "numerator", "denominator", "comparison")

Figure = tuple[str, str]
"""Outcome and clinic."""
Rows = list[dict[str, Any]]


def last_shown(before: Sequence[Earlier], tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Rows of `last_shown`, for each clinic's figures of an outcome that `tables` withhold altogether.

    Args:
        before: earlier releases under the same policy, the newest first.
        tables: the new release's tables, after disclosing.
    """
    wanted = {
        figure
        for figure, forms in _by_figure(tables).items()
        if any(row["status"].startswith("suppressed") for row in forms) and not any(map(shows, forms))
    }
    rows: Rows = []
    for earlier in before:
        shown = {
            figure: [row for row in forms if shows(row)]
            for figure, forms in _by_figure(earlier.tables).items()
            if figure in wanted
        }
        rows += [row for forms in shown.values() for row in _of_release(earlier, forms)]
        wanted -= {figure for figure, forms in shown.items() if forms}
    return conform(LAST_SHOWN, pd.DataFrame(rows, columns=LAST_SHOWN.empty().columns))


def _of_release(earlier: Earlier, forms: Rows) -> Iterator[dict[str, Any]]:
    for row in forms:
        yield {name: row[name] for name in ("outcome", "clinic", "form", *_KEPT)} | {
            "last_period": earlier.since.period,
            "last_release": earlier.since.id,
            "last_status": row["status"],
        }


def _by_figure(tables: Mapping[str, pd.DataFrame]) -> dict[Figure, Rows]:
    found: dict[Figure, Rows] = {}
    for row in plain_rows(tables[CLINIC_ESTIMATES.name]):
        found.setdefault((row["outcome"], row["clinic"]), []).append(row)
    return found
