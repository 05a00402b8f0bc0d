"""Drafts of small tables that nobody prepared."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from tasks.network.drafting.draft import Draft
from tasks.network.drafting.draft_text import save_draft
from tasks.network.drafting.guessing import guess
from tasks.network.drafting.interview import Interview
from tasks.network.drafting.prompts import Prompt
from tasks.network.schema import Network
from tasks.records.questions.source_profile import SourceLook
from tasks.records.sources.records import Records
from tasks.screening import check_network

TODAY = date(2026, 11, 17)
Column = Callable[[int], Any]


def drafted(directory: Path, n: int = 120, **columns: Column) -> Draft:
    """The draft for a table of `n` rows, each column a function of the row's number."""
    frame = table(n, columns)
    with duckdb.connect(str(directory / "r.duckdb")) as connection:
        connection.register("frame", frame)
        connection.execute("CREATE TABLE records AS SELECT * FROM frame")
    look = SourceLook("r.duckdb", directory)
    with look.held():
        return guess(look.profile("records"), look=look, today=TODAY)


def drafted_from_sqlite(directory: Path, n: int = 120, **columns: Column) -> Draft:
    """The same of a table in SQLite, whose rows are copied and which has no dates."""
    with closing(sqlite3.connect(directory / "r.sqlite")) as connection, connection:
        table(n, columns).to_sql("records", connection, index=False)
    look = SourceLook("sqlite:///r.sqlite", directory)
    return guess(look.profile("records"), look=look, today=TODAY)


def table(n: int, columns: Mapping[str, Column]) -> pd.DataFrame:
    return pd.DataFrame({name: [value(i) for i in range(n)] for name, value in columns.items()})


def checked(directory: Path, draft: Draft) -> Network:
    save_draft(draft, directory / "network.toml", overwrite=True)
    return check_network(directory / "network.toml")


def selected(directory: Path, draft: Draft) -> pd.DataFrame:
    """What the draft's SELECT returns."""
    network = checked(directory, draft)
    records = Records.of(network)
    with records.connect() as connection:
        frame: pd.DataFrame = connection.table(records.query).to_pandas()
    return frame


def clinic(i: int) -> str:
    return f"Clinic {i % 5}"


def outcome(i: int) -> int:
    return int(i % 3 == 0)


def day(i: int) -> str:
    return f"2024-{1 + i % 12:02}-{1 + i % 28:02}"


def talk(questions: Interview, answers: Mapping[str, str | list[str]]) -> tuple[Draft, list[Prompt]]:
    """Answer each question by the first key that its text holds; without one, take the default."""
    asked: list[Prompt] = []
    left = {key: list(value) if isinstance(value, list) else [value] for key, value in answers.items()}
    question = next(questions)
    while len(asked) < 100:
        asked.append(question)
        mine = next((key for key in left if key in question.text and left[key]), None)
        try:
            question = questions.send(left[mine].pop(0) if mine is not None else "")
        except StopIteration as end:
            return end.value, asked
    raise AssertionError(f"asked again and again: {question}")


def look_in(directory: Path) -> Callable[[str, str | None], SourceLook]:
    return lambda source, password_env: SourceLook(source, directory, password_env)
