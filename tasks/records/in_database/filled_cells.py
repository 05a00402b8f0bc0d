"""Cells that are filled in as rows come, in no order: of all rows, or of all rows of some levels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.errors import SourceError
from tasks.records.cells import Cells
from tasks.records.in_database.row_stream import ALL, FirstPass, RowStream, is_constant
from tasks.records.in_memory.outcomes import log_constant

Floats = NDArray[np.float64]


def filled_in(stream: RowStream, first: FirstPass, levels: slice = ALL) -> Cells:
    """Rows as cells of one row, sorted by their group: each is put where its group's next one belongs.

    Args:
        stream: the rows.
        first: what the first pass over them found.
        levels: whose rows, by the levels' positions.

    Raises:
        SourceError: a level has other numbers of rows than it had in the first pass.
    """
    sizes = first.rows[levels].astype(np.int64)
    begin = levels.indices(len(first.rows))[0]
    n, following = int(sizes.sum()), np.cumsum(sizes) - sizes
    ends = following + sizes
    binding = stream.binding
    fixed = np.empty((n, len(binding.fixed)), order="F")
    # a random intercept takes no memory
    random = tuple(
        np.broadcast_to(1.0, (n, 1)) if is_constant(term) else np.empty((n, len(term)), order="F")
        for term in binding.random
    )
    total, offset, constant = np.empty(n), None, 0.0
    for cells in stream.with_random(levels):
        codes = cells.codes[:, 0] - begin
        if codes[0] < 0 or codes[-1] >= len(sizes):  # they are sorted
            raise _other_rows()
        counts = np.bincount(codes, minlength=len(sizes))
        if np.any(following + counts > ends):
            raise _other_rows()
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
    if np.any(following != ends):
        raise _other_rows()
    ones = np.broadcast_to(1.0, n)
    return Cells(
        fixed=fixed,
        random=random,
        codes=np.repeat(np.arange(begin, begin + len(sizes)), sizes)[:, None],
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


def _other_rows() -> SourceError:
    return SourceError(
        "the records are not the same each time they are read", hint="run it again; nothing was published"
    )
