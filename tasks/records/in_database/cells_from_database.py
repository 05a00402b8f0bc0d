"""Cells from a database: counted there, made of the rows that it hands over, or filled in as they come."""

from __future__ import annotations

from contextlib import AbstractContextManager, suppress

import sqlalchemy as sa

from tasks.records.cells import Cells
from tasks.records.data_columns import Frame
from tasks.records.design import Design
from tasks.records.formulas.model_spec import Request
from tasks.records.in_database.filled_cells import filled_in
from tasks.records.in_database.from_database import collapses, fetch_rows, rows_of
from tasks.records.in_database.row_stream import is_streamable, row_stream
from tasks.records.in_database.translation import Translator, Untranslatable
from tasks.records.in_memory.from_rows import cells_in_memory
from tasks.records.in_memory.rows import check_names
from tasks.records.sources.connection import Connection

_MANY = 500_000
"""Rows from which two more passes over them cost less than holding them twice."""


def cells_in_database(
    asked: Request, opened: AbstractContextManager[tuple[Connection, str]], *, collapse: bool = True
) -> tuple[Design, Cells]:
    """The cells of a request over a SELECT's rows, grouped there where that makes fewer of them.

    Many rows fill in the design as they come, and are dropped. Of fewer the database is let go of, with what
    it keeps in memory, before cells are made of them.
    """
    with opened as (connection, query):
        if is_streamable(asked) and _are_many(asked, connection, query, collapse):
            with suppress(Untranslatable), connection.held_to(0.0):  # each row is read but three times
                stream, first = row_stream(asked, connection, query)
                return stream.binding.design(stream.found.dropped), filled_in(stream, first)
        table, weight = fetch_rows(asked, connection, query, collapse=collapse)
        frame = Frame(table)
        del table  # nobody but the frame holds the rows
    return cells_in_memory(asked, frame, collapse=collapse, weight=weight)


def _are_many(asked: Request, connection: Connection, query: str, collapse: bool) -> bool:
    """Whether there are so many rows that do not agree."""
    kinds = connection.columns(query)
    check_names(asked, tuple(kinds))
    rows = rows_of(asked, Translator(query, kinds))
    counted = connection.table(sa.select(sa.func.count().label("n")).select_from(rows.subquery("rows")))
    if int(counted.column("n")[0].as_py()) < _MANY:
        return False
    return not (collapse and not asked.bends and collapses(connection, rows, kinds, asked))
