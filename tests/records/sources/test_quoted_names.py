"""Columns that are called as a database's own words."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tasks.network.drafting.draft_text import save_draft
from tasks.network.drafting.guessing import guess
from tasks.records.questions.source_profile import SourceLook
from tasks.records.sources.records import Records
from tasks.screening import check_network


def test_every_word_that_duckdb_keeps_for_itself_is_quoted(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "words.duckdb")) as connection:
        keywords = [row[0] for row in connection.sql("SELECT keyword_name FROM duckdb_keywords()").fetchall()]
        listed = ", ".join(f'1 AS "{each}"' for each in keywords)
        connection.execute(f"CREATE TABLE records AS SELECT {listed}")
    records = Records("words.duckdb", "SELECT * FROM records", directory=str(tmp_path))
    with records.connect() as connection:
        quote = connection.dialect.identifier_preparer.quote
        table = connection.table(f"SELECT {', '.join(quote(each) for each in keywords)} FROM records")
    assert table.column_names == keywords


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lambda", "order", "by"])
def test_an_outcome_may_be_called_as_one_of_them(tmp_path: Path, name: str) -> None:
    rows = "\n".join(f"C{i % 5},{i},{i * 7 % 50 / 3}" for i in range(100))
    (tmp_path / "r.csv").write_text(f"clinic,patient,{name}\n{rows}\n")
    look = SourceLook("r.csv", tmp_path)
    save_draft(guess(look.profile("records"), look=look), tmp_path / "network.toml")
    assert list(check_network(tmp_path / "network.toml").outcomes) == [name]
