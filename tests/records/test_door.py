"""One door: only `tasks.records` opens databases, and it leans on nothing above it."""

from __future__ import annotations

import ast
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from tasks.errors import SourceError
from tasks.records import Records

ROOT = Path(__file__).parents[2]
DRIVERS = {"duckdb", "sqlalchemy", "psycopg", "adbc_driver_postgresql", "adbc_driver_manager", "sqlite3"}
MAKES_ITS_OWN_RECORDS = {"tasks/demo"}


def imported(path: Path) -> set[str]:
    """Modules a file imports when it runs (imports for type checking alone left out)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    checking = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    names: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in checking:
            continue
        if isinstance(node, ast.Import):
            names.update(each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def test_only_the_door_opens_databases() -> None:
    for package in ("tasks", "flows", "reports", "sql"):
        for path in (ROOT / package).rglob("*.py"):
            place = path.relative_to(ROOT).as_posix()
            if place.startswith(("tasks/records/", *MAKES_ITS_OWN_RECORDS)):
                continue
            drivers = {name.split(".")[0] for name in imported(path)} & DRIVERS
            assert not drivers, f"{place} imports {drivers}"


def test_the_door_leans_on_nothing_above_it() -> None:
    for path in (ROOT / "tasks" / "records").glob("*.py"):
        ours = {name for name in imported(path) if name.startswith(("tasks", "flows", "reports"))}
        assert all(name.startswith(("tasks.records", "tasks.errors")) for name in ours), path.name
        assert "prefect" not in {name.split(".")[0] for name in imported(path)}


def test_a_select_cannot_read_our_variables(tmp_path: Path) -> None:
    patients = pd.DataFrame({"name": ["Jane Canary-Doe"]})
    assert len(patients) == 1  # a variable that DuckDB would find if it looked for one
    duckdb.connect(str(tmp_path / "empty.duckdb")).close()
    with pytest.raises(SourceError, match="no table 'patients'"):
        Records(str(tmp_path / "empty.duckdb"), "SELECT * FROM patients").columns()
