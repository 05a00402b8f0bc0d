"""Records read once: while a block lasts, rows and sums that were read answer what is asked of them again.

Rows are held as a database hands them over, equal ones counted, for outcomes whose models need cells; sums
are held for all. Nothing of it outlives the block, or leaves the door: callers go on asking `Records`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from tasks.errors import FormulaError, RecordsError
from tasks.records.data_columns import Frame
from tasks.records.design import Design
from tasks.records.for_models.narrower_moments import narrower_moments
from tasks.records.formulas.model_spec import Request, request
from tasks.records.in_database.from_database import fetch_rows
from tasks.records.in_memory.from_rows import moments_in_memory
from tasks.records.moments import Moments
from tasks.records.sources.records import Records


@dataclass(frozen=True, repr=False)
class CountedRows:
    """Rows of some columns, equal ones counted.

    Attributes:
        table: the columns.
        weight: the column that counts equal rows; None where none were.
    """

    table: pa.Table
    weight: str | None

    def one_by_one(self) -> CountedRows:
        """Every row by itself, as often as it is there: a spline's knots are quantiles of rows."""
        if self.weight is None:
            return self
        times = self.table[self.weight].to_numpy()
        each = self.table.take(pa.array(np.repeat(np.arange(len(times)), times.astype(np.int64))))
        return CountedRows(each.drop_columns([self.weight]), None)


@dataclass
class _HeldRecords:
    """What a block holds of its records."""

    columns: Request | None
    sums: Request | None
    sources: Request | None = None
    from_rows: bool = False
    rows: CountedRows | None = None
    summed: CountedRows | None = None
    moments: dict[Any, tuple[Design, Moments]] = field(default_factory=dict)


_held: ContextVar[dict[Records, _HeldRecords] | None] = ContextVar("held", default=None)


@contextmanager
def read_once(
    records: Records,
    *,
    cells_of: str | None = None,
    moments_of: str | None = None,
    moments_by: Sequence[str] = (),
    rows_of: str | None = None,
    from_rows: bool = False,
    groups: Sequence[str] = (),
    exposure: str | None = None,
) -> Iterator[None]:
    """Let questions about `records` be answered from what was read before, until the end of the block.

    Args:
        records: this very handle; records made of it are others.
        cells_of: a formula with every column that cells will be asked of; None where sums are enough.
        moments_of: a formula with the columns that most moments will be asked of, which are read first.
        moments_by: groups that some of those moments have beside the formula's.
        rows_of: a formula with every column that other moments will be asked of. Where moments are asked for
            that the first reading has not, and no database sums them (splines) or more will be asked for
            (some rows lacked a column), the rows of these columns are read, and answer all that comes later.
        from_rows: more moments will be asked for in any case.
        groups: the grouping columns of such cells.
        exposure: the exposure of counts.

    Raises:
        FormulaError: the formula cannot be read.
    """
    columns = None if cells_of is None else request(cells_of, groups, exposure=exposure)
    sums = None if moments_of is None else request(moments_of, moments_by)
    sources = None if rows_of is None else request(rows_of)
    before = _held.get() or {}
    token = _held.set({**before, records: _HeldRecords(columns, sums, sources, from_rows)})
    try:
        yield
    finally:
        _held.reset(token)


def held_rows(data: Any, asked: Request) -> CountedRows | None:
    """The rows that answer a request, read if they were not yet; None where nothing is held that does."""
    held = _of(data)
    if held is None or held.columns is None or not _covers(held.columns, asked):
        return None
    if held.rows is None:
        with data.connect() as connection:
            held.rows = CountedRows(*fetch_rows(held.columns, connection, data.query))
    return held.rows.one_by_one() if asked.bends else held.rows


def held_moments(
    data: Any, asked: Request, read: Callable[[Request], tuple[Design, Moments]]
) -> tuple[Design, Moments]:
    """The moments of a request, by `read` unless what was read before has them."""
    held = _of(data)
    if held is None:
        return read(asked)
    if held.sums is not None:
        widest, held.sums = held.sums, None
        with suppress(RecordsError, FormulaError):  # what cannot be read whole may be read in part
            held.moments[_key(widest)] = read(widest)
    if _key(asked) not in held.moments:
        earlier = (narrower_moments(asked, *each) for each in held.moments.values())
        found = next((each for each in earlier if each is not None), None)
        if found is None:
            rows = _summed_rows(data, held, asked)
            found = read(asked) if rows is None else moments_in_memory(asked, Frame(rows.table))
        held.moments[_key(asked)] = found
    return held.moments[_key(asked)]


def _summed_rows(data: Records, held: _HeldRecords, asked: Request) -> CountedRows | None:
    """The rows that moments are summed from; None where the database had better sum what is asked.

    That is where nothing else will be asked for: sums cost it less than handing over the rows.
    """
    if held.sources is None or not _covers(held.sources, asked):
        return None
    if held.summed is None and (held.from_rows or asked.bends or _is_incomplete(held, asked)):
        with data.connect() as connection:
            held.summed = CountedRows(*fetch_rows(held.sources, connection, data.query, collapse=False))
    return held.summed


def _is_incomplete(held: _HeldRecords, asked: Request) -> bool:
    """Whether rows lacked a column beside the outcome: moments of fewer columns are then of more rows."""
    outcome = {f"{name} is missing" for name in asked.formula.response.names}
    return any(set(design.dropped.rows) - outcome for design, _ in held.moments.values())


def _key(asked: Request) -> tuple[Any, ...]:
    groups = tuple(each.name for each in asked.groupings)
    return asked.formula.text, groups, asked.extra.terms, *asked.roles.items()


def is_held(data: Any) -> bool:
    """Whether a block holds what it reads of these records."""
    return _of(data) is not None


def _of(data: Any) -> _HeldRecords | None:
    blocks = _held.get()
    return None if blocks is None or not isinstance(data, Records) else blocks.get(data)


def _covers(columns: Request, asked: Request) -> bool:
    """Whether rows of `columns` have all that is asked; time's order is not in them."""
    if "time" in asked.roles:
        return False
    return set(asked.names) <= set(columns.names)
