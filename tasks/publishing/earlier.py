"""What was published before a release: the tables that a new one must not be set off against.

Every release of another month that shares months with the new one counts, except those that the runs'
records tell to be published after this month first was: they were held against it, and not it against
them. So a month that is run again comes out the same, whatever was published since.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.errors import PublishingError
from tasks.publishing.feed import RELEASE_COLUMNS
from tasks.publishing.output import Output
from tasks.release import TABLES, conform


def earlier_releases(output: Output, window: tuple[str, str]) -> list[Mapping[str, pd.DataFrame]]:
    """Tables, as published, of the releases that the release to come must be held against.

    Args:
        output: where releases are published; it need not exist.
        window: first and last month of the release to come; the last is the month it reports.

    Raises:
        PublishingError: a release cannot be read, so that nobody can say what a new one would give away.
    """
    since = _published_since(output, window[1])
    found: list[Mapping[str, pd.DataFrame]] = []
    for directory in sorted((output.directory / "releases").glob("*")):
        try:
            first, last = _read(directory / "feed/datapackage.json")["release"]["window"]
            if directory.name in since or last == window[1] or last < window[0] or window[1] < first:
                continue
            found.append(_tables(directory))
        except (OSError, ValueError, KeyError) as error:
            raise PublishingError(
                f"the release in {directory} cannot be read, so a new one cannot be compared with it",
                hint="restore its feed from a copy, or move that directory away if it was never published",
            ) from error
    return found


def _published_since(output: Output, month: str) -> set[str]:
    """Names of the releases first published after `month` was; none where it never was."""
    before: set[str] = set()
    since: set[str] = set()
    reached = False
    for file in sorted(output.runs.glob("*.json")):
        try:
            record = _read(file)
        except (OSError, ValueError):  # without its record a release counts
            continue
        if not record.get("release"):
            continue
        reached = reached or record.get("month") == month
        (since if reached else before).add(Path(str(record["release"])).name)
    return since - before


def _tables(directory: Path) -> dict[str, pd.DataFrame]:
    """The tables as they were published, without the release's own columns."""
    own = [column.name for column in RELEASE_COLUMNS]
    read = {table: pd.read_parquet(directory / f"feed/{table.name}.parquet") for table in TABLES}
    return {table.name: conform(table, rows.drop(columns=own)) for table, rows in read.items()}


def _read(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content
