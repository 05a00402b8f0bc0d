"""Cells from a database: counted there, made of the rows that it hands over, or filled in as they come."""

from __future__ import annotations

from contextlib import AbstractContextManager, suppress

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from tasks.records.cells import Cells
from tasks.records.data_columns import Frame
from tasks.records.design import Design
from tasks.records.formulas.model_spec import Request
from tasks.records.in_database.from_database import collapses, fetch_rows, rows_of
from tasks.records.in_database.row_stream import FirstPass, RowStream, is_streamable, row_stream
from tasks.records.in_database.translation import Translator, Untranslatable
from tasks.records.in_memory.from_rows import cells_in_memory
from tasks.records.in_memory.outcomes import log_constant
from tasks.records.in_memory.rows import check_names
from tasks.records.sources.connection import Connection

Floats = NDArray[np.float64]

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
                return stream.binding.design(stream.found.dropped), _filled_in(stream, first)
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


def _filled_in(stream: RowStream, first: FirstPass) -> Cells:
    """All rows as cells of one row, sorted by their group: each is put where its group's next one belongs."""
    sizes = first.rows.astype(np.int64)
    n, following = int(sizes.sum()), np.cumsum(sizes) - sizes
    binding = stream.binding
    fixed = np.empty((n, len(binding.fixed)), order="F")
    # a random intercept takes no memory
    random = tuple(
        np.empty((n, len(term)), order="F")
        if any(column.elements for column in term)
        else np.broadcast_to(1.0, (n, len(term)))
        for term in binding.random
    )
    total, offset, constant = np.empty(n), None, 0.0
    for cells in stream.with_random():
        codes = cells.codes[:, 0]
        counts = np.bincount(codes, minlength=len(sizes))
        place = (following - (np.cumsum(counts) - counts))[codes] + np.arange(len(codes))
        following += counts
        for target, source in ((fixed, cells.fixed), *zip(random, cells.random, strict=True)):
            if target.strides != (0, 0):
                for j in range(target.shape[1]):
                    target[place, j] = source[:, j]
        total[place] = cells.total
        if cells.offset.strides != (0,):
            offset = np.empty(n) if offset is None else offset
            offset[place] = cells.offset
        if first.outcome == "count":
            constant += log_constant(stream.asked, cells.total, cells.trials, cells.weight)
    ones = np.broadcast_to(1.0, n)
    return Cells(
        fixed=fixed,
        random=random,
        codes=np.repeat(np.arange(len(sizes)), sizes)[:, None],
        factors=(stream.asked.groupings[0].name,),
        levels=(stream.levels,),
        weight=ones,
        total=total,
        total_squares=total if first.outcome == "binary" else total * total,
        trials=ones,
        offset=np.broadcast_to(0.0, n) if offset is None else offset,
        time=None,
        log_constant=constant,
        outcome=first.outcome,
    )
