"""The feed's tables as its readers have them: release and period in front, described in their language."""

from __future__ import annotations

from dataclasses import replace

from reports.wording import say, spoken_period, spoken_wording
from reports.wording.feed_descriptions import feed_description
from tasks.release import RELEASE_COLUMNS, STATUSES, TABLES, Table


def feed_tables() -> tuple[Table, ...]:
    """The tables of the feed, described in the language spoken and of the periods that it speaks of."""
    return tuple(
        _described(Table(table.name, table.row, ("release", *table.key), RELEASE_COLUMNS + table.columns))
        for table in TABLES
    )


def statuses() -> dict[str, str]:
    """What each status means, in the language spoken."""
    return {status: feed_description(f"status.{status}", meaning) for status, meaning in STATUSES.items()}


def _described(table: Table) -> Table:
    columns = tuple(
        replace(column, description=_filled(f"{table.name}.{column.name}", column.description))
        for column in table.columns
    )
    return replace(table, row=_filled(f"{table.name}.row", table.row), columns=columns)


def _filled(key: str, english: str) -> str:
    period = spoken_period()
    words = spoken_wording().periods[period]
    return feed_description(key, english).format(**words, label=say(f"feed.label_{period}"))
