"""The release's tables as files inside the network's PDF, for who keeps that and nothing else."""

from __future__ import annotations

from datetime import date

from tasks.release import TABLES
from tasks.rendering.document import Attached
from tasks.rendering.edition import Edition


def tables_of(edition: Edition) -> list[Attached]:
    """Every table of the release as CSV; none where the network file asks for none."""
    release = edition.release
    if not edition.network.report.attach_tables:
        return []
    day = date.fromisoformat(release.cut_off[:10])
    return [
        Attached(
            name=f"{table.name}.csv",
            description=table.row,
            data=release[table.name].to_csv(index=False).encode(),
            day=day,
        )
        for table in TABLES
    ]
