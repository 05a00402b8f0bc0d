"""Releases that were published before, as far as a new one must be compared with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from tasks.errors import PublishingError

_COMPARED = ("clinics", "clinic_estimates", "clinic_months")


def earlier_releases(output: Path, months: Sequence[str]) -> Sequence[Mapping[str, pd.DataFrame]]:
    """Tables of the releases in an output directory that report some of these months.

    Args:
        output: the network's output directory; it need not exist.
        months: months of the new release, YYYY-MM.

    Raises:
        PublishingError: a release cannot be read, so that nobody can say what a new one would give away.
    """
    found = []
    for feed in sorted((output / "releases").glob("*/feed")):
        try:
            tables = {name: pd.read_parquet(feed / f"{name}.parquet") for name in _COMPARED}
        except (OSError, ValueError) as error:
            raise PublishingError(
                f"the release in {feed.parent} cannot be read, so the new one cannot be compared with it",
                hint="restore its feed from a copy, or move that directory away if it was never published",
            ) from error
        if set(tables["clinic_months"]["month"]) & set(months):
            found.append(tables)
    return found
