"""A network file's SELECT: what is none is refused by what it is, not by the words in it."""

from __future__ import annotations

import pytest

from tasks.errors import SourceError
from tasks.records.questions.users_select import refuse_all_but_a_select

pytestmark = pytest.mark.attack


@pytest.mark.parametrize(
    "select",
    [
        "SELECT * FROM visits",
        "SELECT clinic, 'DROP TABLE visits; --' AS note FROM visits;  -- delete nothing",
        "WITH every AS (SELECT * FROM visits) SELECT clinic FROM every",
        "SELECT clinic FROM a UNION ALL SELECT clinic FROM b",
        "FROM visits SELECT clinic",
        "(SELECT * FROM visits)",
        'SELECT "update", "insert" FROM visits',
    ],
)
def test_a_select_is_taken(select: str) -> None:
    refuse_all_but_a_select(select, "visits.duckdb")


@pytest.mark.parametrize(
    ("select", "said"),
    [
        ("", "is empty"),
        ("-- nothing", "is empty"),
        ("SELECT 1; SELECT 2", "is 2 statements"),
        ("SELECT * FROM visits; DROP TABLE visits", "is 2 statements"),
        ("DELETE FROM visits", "begins with DELETE"),
        ("INSERT INTO visits SELECT * FROM other", "begins with INSERT"),
        ("UPDATE visits SET clinic = 'A'", "begins with UPDATE"),
        ("DROP TABLE visits", "begins with DROP"),
        ("CREATE TABLE copy AS SELECT * FROM visits", "begins with CREATE"),
        ("COPY visits TO 'out.csv'", "begins with COPY"),
        ("WITH gone AS (DELETE FROM visits RETURNING *) SELECT * FROM gone", "has DELETE in it"),
    ],
)
@pytest.mark.parametrize("source", ["visits.duckdb", "postgresql://db.example.org/visits"])
def test_what_is_no_select_is_refused(select: str, said: str, source: str) -> None:
    with pytest.raises(SourceError, match=said):
        refuse_all_but_a_select(select, source)


def test_duckdb_s_own_statements_are_refused() -> None:
    with pytest.raises(SourceError, match="begins with ATTACH"):
        refuse_all_but_a_select("ATTACH 'other.duckdb' AS other", "visits.duckdb")


def test_what_is_not_known_here_is_left_to_the_database() -> None:
    refuse_all_but_a_select("SELECT clinic FROM visits QUALIFY row_number() OVER (", "visits.duckdb")
