"""One door: only `tasks.records` opens databases (what it may import: tests/test_architecture.py)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from tasks.errors import SourceError
from tasks.records import Records

pytestmark = pytest.mark.attack

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
            names.update(f"{node.module}.{each.name}" for each in node.names)
    return names


WRITES_WHAT_IS_PUBLISHED = ("tasks/publishing/warehouse.py", "flows/warehouse_filling.py")
"""They open the network's own database of published tables, and know nothing of records."""


@pytest.mark.slow
def test_only_the_door_opens_databases() -> None:
    for place in WRITES_WHAT_IS_PUBLISHED:
        assert not {name for name in imported(ROOT / place) if name.startswith("tasks.records")}
    for package in ("tasks", "flows", "reports", "sql"):
        for path in (ROOT / package).rglob("*.py"):
            place = path.relative_to(ROOT).as_posix()
            if place.startswith(("tasks/records/", *MAKES_ITS_OWN_RECORDS, *WRITES_WHAT_IS_PUBLISHED)):
                continue
            drivers = {name.split(".")[0] for name in imported(path)} & DRIVERS
            assert not drivers, f"{place} imports {drivers}"


def test_the_door_knows_nothing_of_what_schedules_it() -> None:
    for path in (ROOT / "tasks" / "records").rglob("*.py"):
        assert "prefect" not in {name.split(".")[0] for name in imported(path)}, path.name


WRITES_THE_USER_S_SELECT = {
    "tasks/network/drafting/coding.py",
    "tasks/network/drafting/draft_dates.py",
    "tasks/network/drafting/draft_dates_sqlite.py",
    "tasks/network/drafting/draft_text.py",
    "tasks/network/drafting/guessing.py",
    "tasks/network/schema.py",
}
_SQL = re.compile(
    r"\bselect\b[\s\S]*\bfrom\b|\bgroup\s+by\b|\border\s+by\b|\bwhere\b[\s\S]*=|\bcount\(|\bcase\s+when\b",
    re.IGNORECASE,
)
_ONLY_THE_DOOR = {
    "tasks.records.sources.connection",
    "tasks.records.in_memory.rows",
    "tasks.records.in_memory.from_rows",
    "tasks.records.in_database.from_database",
    "tasks.records.questions.aggregates",
    "tasks.records.sql_text",
}


def _outside() -> Iterator[tuple[str, ast.Module]]:
    for package in ("tasks", "flows", "reports"):
        for path in (ROOT / package).rglob("*.py"):
            place = path.relative_to(ROOT).as_posix()
            if not place.startswith(("tasks/records/", *MAKES_ITS_OWN_RECORDS)):
                yield place, ast.parse(path.read_text(encoding="utf-8"))


def _texts(tree: ast.Module) -> Iterator[str]:
    """Texts in a module, f-strings whole, docstrings left out."""
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node.value


@pytest.mark.slow
def test_nobody_else_writes_sql() -> None:
    for place, tree in _outside():
        if place in WRITES_THE_USER_S_SELECT:  # into the network file, for a person to read
            continue
        # a sentence may name the SELECT; statements have their words in capitals here, sentences have not
        sql = [each for each in _texts(tree) if _SQL.search(each) and re.search(r"\b[A-Z]{4,} ", each)]
        sentences = [each for each in sql if re.search(r"the SELECT|in the SELECT", each)]
        assert sql == sentences, place


@pytest.mark.slow
def test_nobody_else_opens_the_records_or_makes_others_of_them() -> None:
    for place, tree in _outside():
        called = {
            node.func.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        }
        assert not called & {"connect", "connect_source", "made_of_these"}, place
        reached = {name for name in imported(ROOT / place) if name in _ONLY_THE_DOOR}
        assert not reached, f"{place} imports {reached}"


def test_a_select_cannot_read_our_variables(tmp_path: Path) -> None:
    patients = pd.DataFrame({"name": ["Jane Canary-Doe"]})
    assert len(patients) == 1  # a variable that DuckDB would find if it looked for one
    duckdb.connect(str(tmp_path / "empty.duckdb")).close()
    with pytest.raises(SourceError, match="no table 'patients'"):
        Records(str(tmp_path / "empty.duckdb"), "SELECT * FROM patients").columns()
