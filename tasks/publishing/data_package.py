"""The feed's description as a Frictionless data package: every file, column and status in words.

Source: Data Package specification, version 2.0 (https://datapackage.org), Table Schema and Table Dialect.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reports.wording import say
from tasks.publishing.dictionary import statuses
from tasks.release import (
    BY_CLINIC,
    BY_OUTCOME,
    CHANGES,
    LAST_SHOWN,
    LATEST_PERIODS,
    MEASURES,
    SIGNIFICANT_DIGITS,
    STATUSES,
    Column,
    Release,
    Table,
)

_FORMATS: dict[str, dict[str, Any]] = {
    "csv": {
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "dialect": {"delimiter": ",", "lineTerminator": "\n", "quoteChar": '"', "header": True},
    },
    "json": {"mediatype": "application/json", "encoding": "utf-8"},
    "parquet": {"mediatype": "application/vnd.apache.parquet"},
}

_NO_VALUE = {
    CHANGES.name: "feed.no_value_changes",
    LAST_SHOWN.name: "feed.no_value_last_shown",
    LATEST_PERIODS.name: "feed.no_value_latest_periods",
    MEASURES.name: "feed.no_value_measures",
}
"""What an empty cell means where a table's rows have no status of their own to say it."""


def data_package(release: Release, tables: Sequence[Table], directory: Path) -> dict[str, Any]:
    """The package descriptor of the feed whose files stand in `directory`.

    A table's CSV is the resource of its name and carries the schema; the same rows as JSON and Parquet are
    the files `<name>-json` and `<name>-parquet`. It is written in the language spoken, and holds no time of
    day and no place: the same release, the same descriptor.
    """
    return {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": f"clinicnet-{release.period}",
        "id": release.id,
        "title": f"{release.network}, {release.period}",
        "description": say(
            "feed.description",
            network=release.network,
            reported=release.period,
            window=_window(release),
            cut_off=release.cut_off,
            digits=SIGNIFICANT_DIGITS,
        ),
        "version": release.id,
        "release": {
            "id": release.id,
            "network": release.network,
            "period": release.period,
            "window": list(release.window),
            "cut_off": release.cut_off,
            "disclosure_policy": release.policy,
            "compared_with": release.since and {"id": release.since.id, "period": release.since.period},
            "computed_with": dict(sorted(release.versions.items())),
            **({} if release.incomplete is None else {"incomplete": release.incomplete}),
        },
        "statuses": statuses(),
        "extracts": {"clinic": BY_CLINIC, "outcome": BY_OUTCOME, "description": say("feed.extracts")},
        "resources": [
            _resource(table, suffix, directory) for table in tables for suffix in ("csv", "json", "parquet")
        ],
    }


def _window(release: Release) -> str:
    first, last = release.window
    return say("feed.window_one" if first == last else "feed.window", first=first, last=last)


def _resource(table: Table, suffix: str, directory: Path) -> dict[str, Any]:
    content = (directory / f"{table.name}.{suffix}").read_bytes()
    whole = {
        "path": f"{table.name}.{suffix}",
        "format": suffix,
        **_FORMATS[suffix],
        "bytes": len(content),
        "hash": f"sha256:{hashlib.sha256(content).hexdigest()}",
    }
    if suffix != "csv":
        return {
            "name": f"{table.name}-{suffix}",
            "description": say("feed.same_rows", table=table.name),
            "type": "file",
            **whole,
        }
    return {
        "name": table.name,
        "title": table.name.replace("_", " "),
        "description": say("feed.row", row=table.row),
        "type": "table",
        **whole,
        "schema": {
            "fields": [_field(column) for column in table.columns],
            "primaryKey": list(table.key),
            "missingValues": [{"value": "", "label": say(_no_value(table))}],
        },
    }


def _no_value(table: Table) -> str:
    """The key of what an empty cell of a table means.

    A label speaks of all cells of a table, and most tables have cells that are empty for several reasons: it
    names them all, and the column of the row that tells which it is.
    """
    if any(column.name == "status" for column in table.columns):
        return "feed.no_value_status"
    return _NO_VALUE.get(table.name, "feed.no_value")


def _field(column: Column) -> dict[str, Any]:
    field: dict[str, Any] = {
        "name": column.name,
        "type": column.kind,
        "description": column.description,
    }
    constraints: dict[str, Any] = {}
    if column.required:
        constraints["required"] = True
        if column.kind == "string":
            field["missingValues"] = []  # an empty text is a value here, not a missing one
    if column.name == "status":
        constraints["enum"] = list(STATUSES)
    if constraints:
        field["constraints"] = constraints
    return field
