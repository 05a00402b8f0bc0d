"""Cells in blocks from a database, where all of them would take more memory than they may."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from tasks.errors import ClinicnetError
from tasks.records.cell_blocks import CellBlocks
from tasks.records.cells import Cells
from tasks.records.design import Design
from tasks.records.formulas.model_spec import Request, bind
from tasks.records.in_database.filled_cells import filled_in
from tasks.records.in_database.first_pass import few_rows
from tasks.records.in_database.from_database import collapses, rows_of
from tasks.records.in_database.row_stream import Learning, row_stream
from tasks.records.in_database.translation import Translator, Untranslatable
from tasks.records.in_memory.rows import check_names
from tasks.records.sources.connection import Connection

Floats = NDArray[np.float64]

_BLOCKS = 4  # at least
_WIDEST = 1_000  # columns, before anybody looks
_DOUBLE = 8.0
_BESIDE = 6  # doubles a row beside its columns: code, outcome, what is computed


def memory_for(asked: Request, connection: Connection, query: str, enough: float) -> float:
    """Bytes that making cells of a SELECT's rows takes at most; 0 where `enough` surely is, or rows agree.

    The design is filled in as rows come (`cells_from_database`); some doubles a row come with it.

    Args:
        asked: the request.
        connection: where the records are.
        query: the SELECT.
        enough: bytes that there may be.
    """
    kinds = connection.columns(query)
    check_names(asked, tuple(kinds))
    rows = rows_of(asked, Translator(query, kinds))
    counted = connection.table(sa.select(sa.func.count().label("n")).select_from(rows.subquery("rows")))
    n = int(counted.column("n")[0].as_py())
    if n * _DOUBLE * _WIDEST <= enough:
        return 0.0
    if not asked.bends and collapses(connection, rows, kinds, asked):
        return 0.0
    wide = len(asked.names)
    with suppress(ClinicnetError, Untranslatable):  # what is wrong with the formula is said by who uses it
        few = few_rows(connection, query, kinds)
        wide = len(bind(asked, Learning(few)).columns)
    return n * _DOUBLE * (wide + _BESIDE)


def blocks_in_database(
    asked: Request, connection: Connection, query: str, *, memory: float, budget: float
) -> tuple[Design, CellBlocks]:
    """The cells of a request in blocks, for as long as the connection is open.

    Args:
        asked: a request that is streamable.
        connection: where the records are.
        query: the SELECT.
        memory: bytes that all rows at once would take.
        budget: bytes that they may take.

    Raises: as `row_stream`; Untranslatable: there are random effects, and groups that cannot be told apart by
        an order.
    """
    stream, first = row_stream(asked, connection, query, budget / memory / _BLOCKS)
    if asked.formula.random:
        stream.found.sql.among(asked.labels[0], stream.levels)  # it has to be possible
    ranges = _ranges(first.rows, budget / memory / _BLOCKS * first.rows.sum())
    blocks = CellBlocks(
        blocks=stream.cells,
        of_whole_levels=tuple(partial(filled_in, stream, first, levels) for levels in ranges),
        factors=(asked.groupings[0].name,),
        levels=(stream.levels,),
        rows=first.rows,
        mean=first.mean,
        total=first.total,
        lowest=first.lowest,
        highest=first.highest,
        outcome=first.outcome,
        squares=first.squares,
        sample=_joined(first.sample),
        memory=memory,
        budget=budget,
    )
    return stream.binding.design(stream.found.dropped), blocks


def _ranges(rows: Floats, most: float) -> list[slice]:
    """Levels one after the other in parts that have so many rows at most, or one level."""
    ends, ranges, begin = np.cumsum(rows), [], 0
    while begin < len(rows):
        before = ends[begin - 1] if begin else 0.0
        end = max(int(np.searchsorted(ends, before + most, side="right")), begin + 1)
        ranges.append(slice(begin, end))
        begin = end
    return ranges


def _joined(blocks: Sequence[Cells]) -> Cells:
    """Rows of several blocks as if they were one; sorted within each only."""
    return replace(
        blocks[0],
        fixed=np.concatenate([each.fixed for each in blocks]),
        random=tuple(np.concatenate(parts) for parts in zip(*(each.random for each in blocks), strict=True)),
        codes=np.concatenate([each.codes for each in blocks]),
        weight=np.concatenate([each.weight for each in blocks]),
        total=np.concatenate([each.total for each in blocks]),
        total_squares=np.concatenate([each.total_squares for each in blocks]),
        trials=np.concatenate([each.trials for each in blocks]),
        offset=np.concatenate([each.offset for each in blocks]),
    )
