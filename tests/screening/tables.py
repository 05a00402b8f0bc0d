"""Small record tables in real DuckDB files, and networks that describe them."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import duckdb

from tasks.network.schema import Network
from tasks.records.sources.records import Records

TYPES = {
    "clinic": "VARCHAR",
    "region": "VARCHAR",
    "patient": "INTEGER",
    "record": "INTEGER",
    "date": "DATE",
    "vaccinated": "INTEGER",
    "sbp": "DOUBLE",
    "visits": "INTEGER",
    "months": "DOUBLE",
    "age": "DOUBLE",
    "sex": "VARCHAR",
    "outreach": "INTEGER",
}


_PATIENTS = itertools.count(1)


def write_table(path: Path, rows: list[dict[str, Any]], **types: str) -> None:
    """A table `visits_table` with the columns that the rows name, in a new DuckDB file."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    declared = ", ".join(f'"{name}" {types.get(name, TYPES.get(name, "DOUBLE"))}' for name in columns)
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"CREATE TABLE visits_table ({declared})")
        if rows:
            marks = ", ".join(f"({', '.join('?' for _ in columns)})" for _ in rows)
            values = [row.get(name) for row in rows for name in columns]
            connection.execute(f"INSERT INTO visits_table VALUES {marks}", values)


def network(directory: Path, **sections: Any) -> Network:
    """A network over `records.duckdb` in the directory; one binary outcome unless others are given."""
    content: dict[str, Any] = {
        "network": {"name": "Test"},
        "records": {"source": "records.duckdb", "select": "SELECT * FROM visits_table"},
        "outcomes": {"vaccinated": {"label": "Vaccinated", "kind": "binary", "direction": "higher"}},
        "window": {"months": 3},
        "directory": directory,
    }
    return Network.model_validate(content | sections)


def records_of(directory: Path, rows: list[dict[str, Any]], **sections: Any) -> tuple[Records, Network]:
    """The rows in a DuckDB file, and the network that describes them."""
    types = sections.pop("types", {})
    write_table(directory / "records.duckdb", rows, **types)
    described = network(directory, **sections)
    return Records.of(described), described


def months_of(clinic: str, *counts: int, first: str = "2024-01", **values: Any) -> list[dict[str, Any]]:
    """`counts[i]` records of a clinic in the i-th month from `first`, each of another patient."""
    year, month = (int(part) for part in first.split("-"))
    rows = []
    for i, count in enumerate(counts):
        number = year * 12 + month - 1 + i
        for j in range(count):
            date = f"{number // 12:04d}-{number % 12 + 1:02d}-{j % 28 + 1:02d}"
            rows.append(
                {"clinic": clinic, "patient": next(_PATIENTS), "date": date, "vaccinated": j % 2} | values
            )
    return rows
