"""Where rows are that cannot be used: the clinics by name, and never a patient."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from tasks.records.data_columns import label_text

_NAMED = 3
_ROWS_PER_LEVEL = 5.0
"""Groups with fewer rows each could be patients, who are not named in an error: it can end in a log."""


def in_levels(
    factors: Sequence[str],
    levels: Sequence[Sequence[Hashable]],
    codes: NDArray[np.integer],
    bad: NDArray[np.bool_],
    rows: float,
) -> str:
    """ " in clinic R01, R02, R03 and 4 more": the levels of the coarsest factor that have bad rows.

    Empty where there is no factor, or where its levels have so few rows that they could be patients.

    Args:
        factors: names of the F grouping factors.
        levels: per factor, its labels.
        codes: (N, F) level of each row or cell; negative where missing.
        bad: (N,) which of them cannot be used.
        rows: how many rows there are in all.
    """
    if not factors:
        return ""
    coarsest = min(range(len(factors)), key=lambda f: len(levels[f]))
    found = np.unique(codes[bad, coarsest])
    return in_named(
        factors[coarsest],
        [levels[coarsest][code] for code in found if code >= 0],
        rows / max(len(levels[coarsest]), 1),
    )


def in_named(factor: str, labels: Sequence[Hashable], rows_per_level: float) -> str:
    """The same from the labels themselves."""
    if not labels or rows_per_level < _ROWS_PER_LEVEL:
        return ""
    parts = [label_text(label) for label in labels[:_NAMED]]
    if more := len(labels) - len(parts):
        parts.append(f"{more} more")
    return f" in {factor} " + " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


def counted(rows: float) -> str:
    """ "1 row", "1,200 rows"."""
    return "1 row" if round(rows) == 1 else f"{round(rows):,} rows"
