"""Cells a block at a time: for data that take more memory than there may be, read again for every pass.

Sums over clinics are sums over blocks, so that whoever needs only such sums need never hold the rows: each
block is read, added up and dropped. Blocks come in the order in which the database hands rows over; a
clinic's rows may be in many of them. Sorting them first would take a database four times as long a pass,
and put rows on disk that do not fit into memory. Who needs a clinic's rows together has blocks of whole
clinics, for each of which the database goes through all rows.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.records.cells import Cells, Outcome

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, repr=False)
class CellBlocks:
    """Rows of one grouping factor in blocks, each of them cells of one row.

    Attributes:
        blocks: reads the rows once more; gives cells with this factor's codes, sorted within each block.
        of_whole_levels: each reads one block once more, with the random terms' columns: all rows of some
            levels, as many of these as fit into a block and at least one. Their levels follow each other.
        factors: the name of the grouping factor.
        levels: its labels, in sorted order.
        rows: (K,) rows of each level.
        mean: (p,) means of the fixed-effect columns.
        total: sum of the outcome.
        lowest: least outcome.
        highest: greatest outcome.
        outcome: what the outcomes are; see `Cells`.
        squares: per random term, (d,) sums of squares of its columns.
        sample: cells of some rows from all over the data, as many as a start of iterations takes, with the
            random terms' columns; in no order.
        memory: bytes that all rows at once would take.
        budget: bytes that they may take.
    """

    blocks: Callable[[], Iterator[Cells]]
    of_whole_levels: tuple[Callable[[], Cells], ...]
    factors: tuple[str]
    levels: tuple[tuple[Hashable, ...]]
    rows: Floats
    mean: Floats
    total: float
    lowest: float
    highest: float
    outcome: Outcome
    squares: tuple[Floats, ...]
    sample: Cells
    memory: float
    budget: float

    def __repr__(self) -> str:
        """Sizes only: a row is a patient, and what is printed can end in a log."""
        return f"CellBlocks({self.n_obs:,.0f} rows of {len(self.rows):,} groups, {len(self.mean)} columns)"

    @property
    def n_obs(self) -> float:
        """Rows in all."""
        return float(self.rows.sum())

    @property
    def reason(self) -> str:
        """Why the rows are read in blocks, in a sentence."""
        return (
            f"{self.n_obs:,.0f} rows would take about {_size(self.memory)} of memory, of which there may be "
            f"{_size(self.budget)}: they were read again, block by block, for each pass over them."
        )


def _size(memory: float) -> str:
    return f"{memory / 1e9:.1f} GB" if memory >= 5e7 else f"{memory / 1e6:.2g} MB"
