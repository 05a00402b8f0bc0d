"""One door: only `tasks.records` opens databases (what it may import: tests/test_architecture.py)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas as pd
import pytest
import sqlglot
from sqlglot import exp

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
_QUERY = re.compile(r"\b(?:select|with)\b", re.IGNORECASE)
_ENDS = re.compile(r"\w+|[)'\"]")
_CLAUSE = re.compile(r"\s*(?:from|where|(?:group|order)\s+by)\b", re.IGNORECASE)
_EXPRESSION = re.compile(r"\b(?:case|cast\s*\(|count\s*\()", re.IGNORECASE)
_COMPARE = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.In, exp.Between, exp.Like, exp.Null)
_WORDS = frozenset({"a", "an", "each", "it", "its", "no", "that", "the", "this", "what", "which", "your"})
"""What sentences have beside nouns, and nobody calls a table or a column."""
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


def _parsed(text: str) -> exp.Expr | None:
    """What a text is as SQL; None of what cannot be read, and of sentences that can."""
    try:
        found = sqlglot.parse_one(text, read="duckdb")
    except sqlglot.errors.SqlglotError:
        return None
    return None if _WORDS & {each.name.lower() for each in found.find_all(exp.Identifier)} else found


def _has_query(text: str) -> bool:
    """Whether a query with a FROM stands anywhere in a text."""
    for begun in _QUERY.finditer(text):
        rest = text[begun.start() :]
        ends = [end.end() for end in _ENDS.finditer(rest)] if re.search(r"\bfrom\b", rest, re.I) else []
        for end in reversed(ends):
            query = _parsed(rest[:end])
            if isinstance(query, exp.Query) and query.find(exp.From) is not None:
                return True
    return False


def _is_part_of_query(text: str) -> bool:
    """Whether a text is a clause, or an expression that only SQL has."""
    if _CLAUSE.match(text):
        query = _parsed(
            f"SELECT x {text}" if text.strip()[:4].lower() == "from" else f"SELECT x FROM x {text}"
        )
        if query is None:
            return False
        compares = any(each.find(*_COMPARE) for each in query.find_all(exp.Where))
        return compares or query.find(exp.Group, exp.Order) is not None
    query = _parsed(f"SELECT {text}") if _EXPRESSION.search(text) else None
    return query is not None and query.find(exp.Case, exp.Cast, exp.Count) is not None


def _is_sql(text: str) -> bool:
    return _has_query(text) or _is_part_of_query(text)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT patient FROM records",
        "select patient from records",
        "select max(name) n from records r where r.clinic = 'A'",
        "Select *\nFrom records",
        "select x from x where x = 7",  # an f-string
        "with t as (select 1 as n) select n from t",
        "ask the SELECT again: SELECT patient FROM records; then go on",
        "in the SELECT (select name from records) it stands",
        "insert into t select name from records",
        "case when x = 1 then 0 end",
        "SUM(CASE WHEN x THEN 1 END)",
        "count(*)",
        "CAST(x AS DATE)",
        " where x = 7",
        "group by clinic",
        "ORDER BY x",
    ],
)
def test_sql_is_found(text: str) -> None:
    assert _is_sql(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "the SELECT returns no records; look at its WHERE and at the source",
        "the SELECT that reads from the records",
        "select a clinic from the menu",
        "Select your clinic from the list, with one click",
        "read from a variable",
        "where nothing is said, by month",
        "a formula of it may use month, and group by clinic and region",
        "the order by which clinics stand",
        "in that case nothing is counted",
        "Where     x",
    ],
)
def test_a_sentence_is_no_sql(text: str) -> None:
    assert not _is_sql(text)


@pytest.mark.slow
def test_nobody_else_writes_sql() -> None:
    for place, tree in _outside():
        if place in WRITES_THE_USER_S_SELECT:  # into the network file, for a person to read
            continue
        assert not [each for each in _texts(tree) if _is_sql(each)], place


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
