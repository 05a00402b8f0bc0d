"""What deciding took: how often flows and linear programs were asked, of how many counts, and how long."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Effort:
    """How many linear programs and maximum flows, of how many cells at most, in how many seconds."""

    programs: int = 0
    flows: int = 0
    most_cells: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        size = f" of at most {self.most_cells:,} cells" if self.most_cells else ""
        return f"{self.programs:,} linear programs and {self.flows:,} flows{size} in {self.seconds:.1f} s"


_efforts: ContextVar[tuple[Effort, ...]] = ContextVar("efforts", default=())


@contextmanager
def measured() -> Iterator[Effort]:
    """Adds up what protecting tables takes until the end of the block; it changes nothing of what is done."""
    effort = Effort()
    token = _efforts.set((*_efforts.get(), effort))
    try:
        yield effort
    finally:
        _efforts.reset(token)


@contextmanager
def spent(cells: int, *, programs: int = 0, flows: int = 0) -> Iterator[None]:
    """Counts what is done in the block, on a table of so many cells."""
    began = time.perf_counter()
    yield
    for effort in _efforts.get():
        effort.programs += programs
        effort.flows += flows
        effort.most_cells = max(effort.most_cells, cells)
        effort.seconds += time.perf_counter() - began
