"""What was published before a release: what it must not be set off against, and is compared with.

Every release of another month that shares months with the new one counts, except those that the runs'
records tell to be published after this month first was: they were held against it, and not it against
them. So a month that is run again comes out the same, whatever was published since.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.errors import PublishingError
from tasks.publishing.feed import RELEASE_COLUMNS
from tasks.publishing.output import Output
from tasks.release import CLINIC_ESTIMATES, CLINIC_MONTHS, CLINICS, OUTCOMES, Since, conform

_HELD_AGAINST = (CLINICS, OUTCOMES, CLINIC_ESTIMATES, CLINIC_MONTHS)
"""The tables that are read; others may be younger than the release."""


@dataclass(frozen=True)
class Earlier:
    """One release that was published before another.

    Attributes:
        since: its id and the month it reports.
        policy: the disclosure policy that was applied to it.
        tables: `clinics`, `outcomes`, `clinic_estimates` and `clinic_months`, as published.
    """

    since: Since
    policy: str
    tables: Mapping[str, pd.DataFrame]


def latest_before(earlier: Sequence[Earlier], month: str, policy: str) -> Earlier | None:
    """The release that one of `month` is compared with: the last of the months before; None without one.

    What another policy let be seen is another set of figures, and may be more than this one would let be
    seen: it is passed over.

    Args:
        earlier: as `earlier_releases` gives them; of two of one month the later one is taken.
        month: YYYY-MM.
        policy: the disclosure policy of the release to come.
    """
    before = [each for each in earlier if each.since.period < month and each.policy == policy]
    last = max((each.since.period for each in before), default=None)
    return next((each for each in reversed(before) if each.since.period == last), None)


def earlier_releases(output: Output, window: tuple[str, str]) -> list[Earlier]:
    """The releases that the release to come must be held against, in the order they were published.

    Args:
        output: where releases are published; it need not exist.
        window: first and last month of the release to come; the last is the month it reports.

    Raises:
        PublishingError: a release cannot be read, so that nobody can say what a new one would give away.
    """
    before, later = _published(output, window[1])
    directories = sorted(
        (output.directory / "releases").glob("*"), key=lambda each: (before.get(each.name, -1), each.name)
    )
    found: list[Earlier] = []
    for directory in directories:
        try:
            described = _read(directory / "feed/datapackage.json")["release"]
            first, last = described["window"]
            if directory.name in later or last == window[1] or last < window[0] or window[1] < first:
                continue
            itself = Since(described["id"], described["period"])
            found.append(Earlier(itself, described["disclosure_policy"], _tables(directory)))
        except (OSError, ValueError, KeyError) as error:
            raise PublishingError(
                f"the release in {directory} cannot be read, so a new one cannot be compared with it",
                hint="restore its feed from a copy, or move that directory away if it was never published",
            ) from error
    return found


def _published(output: Output, month: str) -> tuple[dict[str, int], set[str]]:
    """Names of the releases published before `month` first was, each with its turn, and of the later ones.

    Where the month never was, all came before. A release that was published in both times came before, in
    the turn that it had then: the order must not change when the month is run again.
    """
    before: dict[str, int] = {}
    later: set[str] = set()
    reached = False
    for turn, file in enumerate(sorted(output.runs.glob("*.json"))):
        try:
            record = _read(file)
        except (OSError, ValueError):  # without its record a release counts
            continue
        if not record.get("release"):
            continue
        reached = reached or record.get("month") == month
        name = Path(str(record["release"])).name
        if reached:
            later.add(name)
        else:
            before[name] = turn
    return before, later - set(before)


def _tables(directory: Path) -> dict[str, pd.DataFrame]:
    """The tables as they were published, without the release's own columns."""
    own = [column.name for column in RELEASE_COLUMNS]
    read = {table: pd.read_parquet(directory / f"feed/{table.name}.parquet") for table in _HELD_AGAINST}
    return {table.name: conform(table, rows.drop(columns=own)) for table, rows in read.items()}


def _read(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content
