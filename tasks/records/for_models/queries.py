"""The two questions models ask of records: moments of a formula's columns, and its cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

import duckdb

from tasks.records.cell_blocks import CellBlocks
from tasks.records.cells import Cells
from tasks.records.data_columns import Frame, as_frame
from tasks.records.design import Design
from tasks.records.folded_moments import FoldedMoments
from tasks.records.for_models.one_read import held_moments, held_rows, is_held
from tasks.records.formulas.model_spec import Request, request
from tasks.records.in_database.blocks import blocks_in_database, memory_for
from tasks.records.in_database.cells_from_database import cells_in_database
from tasks.records.in_database.folded_from_database import folded_in_database
from tasks.records.in_database.from_database import moments_in_database
from tasks.records.in_database.row_stream import is_streamable
from tasks.records.in_database.translation import Untranslatable
from tasks.records.in_memory.from_rows import cells_in_memory, moments_in_memory
from tasks.records.moments import Moments
from tasks.records.sources.connection import Connection
from tasks.records.sources.duckdb_source import open_relation
from tasks.records.sources.records import Records


def moments_for(
    formula: str, data: Any, *, groups: Sequence[str] | str = (), extra: Sequence[str] = ()
) -> tuple[Design, Moments]:
    """Cross-products of a formula's columns per group: all a Gaussian model needs.

    Columns are the constant (always first, whether or not it is in the model), the other fixed-effect
    columns, random-effect columns not among them, those of `extra`, and the outcome last (less the
    formula's offsets).

    Args:
        formula: e.g. "sbp ~ age + program + (1 + month | patient) + (1 | clinic)".
        data: a pandas DataFrame, a pyarrow Table, a DuckDB relation or a `Records` handle; any row order.
        groups: grouping columns beside the formula's ("clinic", "region/clinic", "clinic:region").
        extra: columns, or terms of them, wanted beside the formula's.

    Returns:
        The design, and the moments per existing combination of the grouping factors' levels.

    Raises:
        FormulaError: the formula cannot be read, or names a column that is not there.
        RecordsError: the outcome is text, values are infinite, no complete row is left.
        SourceError: the database cannot be reached.
    """
    asked = request(formula, groups, extra)
    rows = held_rows(data, asked)
    if rows is not None:
        return moments_in_memory(asked, Frame(rows.table), weight=rows.weight)
    opened = open_data(data)
    if opened is None:
        return moments_in_memory(asked, as_frame(data))

    with opened as (connection, query):
        return held_moments(data, asked, lambda each: moments_in_database(each, connection, query))


def folded_moments_for(formula: str, data: Any, *, beyond: float) -> tuple[Design, FoldedMoments] | None:
    """The moments of `moments_for` with the levels of the finest group folded into what they sit in.

    None where that saves nothing or is not exact: the data are in memory or are held already; no group has a
    constant random effect alone; its products are few; its levels do not nest in the other groups; an
    expression has no portable SQL, or patients have no number.

    Args:
        formula: as in `moments_for`.
        data: a DuckDB relation or a `Records` handle; nothing else is folded.
        beyond: bytes that the products of the finest group's levels may take.

    Raises: as `moments_for`.
    """
    opened = None if is_held(data) else open_data(data)
    if opened is None:
        return None
    asked = request(formula)
    with opened as (connection, query):
        return folded_in_database(asked, connection, query, beyond=beyond)


def cells_for(
    formula: str,
    data: Any,
    *,
    groups: Sequence[str] | str = (),
    trials: str | None = None,
    exposure: str | None = None,
    offset: str | None = None,
    time: str | None = None,
    collapse: bool = True,
) -> tuple[Design, Cells]:
    """Rows collapsed where they agree in group, covariates and offset: what other models need.

    Args:
        formula: e.g. "vaccinated ~ age + sex + program + (1 | clinic)". An outcome of text with two values
            counts the second, in sorted order, as 1.
        data: a pandas DataFrame, a pyarrow Table, a DuckDB relation or a `Records` handle; any row order.
        groups: grouping columns beside the formula's.
        trials: column with the number of trials; the outcome is then a number of successes, or a proportion.
        exposure: column whose logarithm is added to the offset.
        offset: column that is added to the linear predictor.
        time: column that orders the rows of a group; rows are then not collapsed.
        collapse: False keeps one cell per row.

    Returns:
        The design, and cells sorted by the grouping factors' codes, then by time.

    Raises:
        FormulaError: the formula cannot be read, or names a column that is not there.
        RecordsError: values are infinite, trials or exposures impossible, no complete row is left.
        SourceError: the database cannot be reached.
    """
    asked = request(formula, groups, trials=trials, exposure=exposure, offset=offset, time=time)
    rows = held_rows(data, asked)
    if rows is not None:
        return cells_in_memory(asked, Frame(rows.table), collapse=collapse, weight=rows.weight)
    opened = open_data(data)
    if opened is None:
        return cells_in_memory(asked, as_frame(data), collapse=collapse)
    return cells_in_database(asked, opened, collapse=collapse)


@contextmanager
def blocks_for(
    formula: str,
    data: Any,
    *,
    groups: Sequence[str] | str = (),
    budget: float,
    exposure: str | None = None,
    offset: str | None = None,
) -> Iterator[tuple[Design, CellBlocks] | None]:
    """The cells of `cells_for` a block at a time, where all at once would take more memory than they may.

    None where they fit, and where they have to be in memory in one piece: a frame is there already, and so
    is the copy of a database whose SQL we do not speak; what no database computes (arithmetic without
    portable SQL) or tells apart (patients without a number) is computed from all rows at once.

    Args:
        formula: as in `cells_for`.
        data: a DuckDB relation or a `Records` handle; of anything else there are no blocks.
        groups: the grouping column, where the formula has no random term that names it.
        budget: bytes that the rows may take; a block takes a small part of them.
        exposure: as in `cells_for`.
        offset: as in `cells_for`.

    Yields:
        The design, and the blocks, which can be read until the block of the `with` statement ends.

    Raises: as `cells_for`.
    """
    asked = request(formula, groups, exposure=exposure, offset=offset)
    opened = None if _is_whole(data, asked) else open_data(data)
    if opened is None:
        yield None
        return
    with opened as (connection, query):
        memory = memory_for(asked, connection, query, budget)
        if memory <= budget:
            yield None
            return
        with connection.held_to(budget / 2.0):  # the rest is for blocks and sums
            found: tuple[Design, CellBlocks] | None = None
            with suppress(Untranslatable):
                found = blocks_in_database(asked, connection, query, memory=memory, budget=budget)
            yield found


def _is_whole(data: Any, asked: Request) -> bool:
    """Whether rows are in memory in one piece in any case, or their groups are more than one column's."""
    if not is_streamable(asked) or held_rows(data, asked) is not None:
        return True
    return isinstance(data, Records) and data.is_copied


def open_data(data: Any) -> AbstractContextManager[tuple[Connection, str]] | None:
    """A connection and the SELECT to read, for data that a database holds."""
    if isinstance(data, Records):
        return _opened_records(data)
    return _opened_relation(data) if isinstance(data, duckdb.DuckDBPyRelation) else None


@contextmanager
def _opened_records(records: Records) -> Iterator[tuple[Connection, str]]:
    with records.connect() as connection:
        yield connection, records.query


@contextmanager
def _opened_relation(relation: duckdb.DuckDBPyRelation) -> Iterator[tuple[Connection, str]]:
    with open_relation(relation) as connection:
        yield connection, "SELECT * FROM records"
