"""What was published before a release: the tables that a new one must not be set off against.

Which releases those are is decided by the order of publishing, as the runs' records tell it, and only up to
the first time a month was published. So a month that is run again is held against the same releases as the
first time, whatever was published since, and comes out the same.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.publishing.feed import RELEASE_COLUMNS
from tasks.publishing.output import Output
from tasks.release import TABLES, conform

Tables = dict[str, pd.DataFrame]


def earlier_releases(output: Output, window: tuple[str, str]) -> list[Tables]:
    """Tables of the releases that were published before the month `window[1]` was, and share months with it.

    Args:
        output: where releases are published.
        window: first and last month of the release to come; the last is the month it reports.
    """
    directories = dict.fromkeys(_published_before(output, window[1]))
    return [_tables(directory) for directory in directories if _overlaps(directory, window)]


def _published_before(output: Output, month: str) -> Sequence[Path]:
    """Directories of the releases of other months, in the order in which they were published."""
    directories: list[Path] = []
    for file in sorted(output.runs.glob("*.json")):
        record = _read(file)
        if record.get("ended") not in ("published", "unchanged") or not record.get("release"):
            continue
        if record.get("month") == month:
            break
        directories.append(output.directory / "releases" / Path(str(record["release"])).name)
    return directories


def _overlaps(directory: Path, window: tuple[str, str]) -> bool:
    if not (directory / "feed/datapackage.json").exists():
        return False
    first, last = _read(directory / "feed/datapackage.json")["release"]["window"]
    return bool(first <= window[1] and window[0] <= last)


def _tables(directory: Path) -> Tables:
    """The tables as they were published, without the release's own columns."""
    own = [column.name for column in RELEASE_COLUMNS]
    return {
        table.name: conform(
            table, pd.read_parquet(directory / f"feed/{table.name}.parquet").drop(columns=own)
        )
        for table in TABLES
    }


def _read(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content
