"""A release as it was published, read again with all its tables."""

from __future__ import annotations

import pandas as pd

from tasks.errors import PublishingError
from tasks.publishing.kept import Kept
from tasks.release import RELEASE_COLUMNS, TABLES, Release, conform


def read_whole(kept: Kept, network: str) -> Release:
    """A release with every table that it was published with; those that came later are empty.

    Args:
        kept: the release.
        network: the network's name.

    Raises:
        PublishingError: it cannot be read.
    """
    own = [column.name for column in RELEASE_COLUMNS]
    tables: dict[str, pd.DataFrame] = {}
    for table in TABLES:
        file = kept.directory / f"feed/{table.name}.parquet"
        try:
            rows = pd.read_parquet(file).drop(columns=own) if file.exists() else pd.DataFrame()
            tables[table.name] = conform(table, rows)
        except (OSError, ValueError, KeyError) as error:
            raise PublishingError(
                f"the table {table.name} of the release in {kept.directory} cannot be read",
                hint="restore its feed from a copy",
            ) from error
    return Release(
        id=kept.id,
        network=network,
        period=kept.period,
        window=kept.window,
        cut_off=kept.cut_off,
        policy=kept.policy,
        versions=kept.computed_with,
        tables=tables,
        since=kept.since,
        incomplete=kept.incomplete,
    )
