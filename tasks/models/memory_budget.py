"""How much memory the rows of a model may take, before they are read block by block."""

from __future__ import annotations

from tasks.errors import EstimationError

MEMORY_BUDGET = 2e9
"""Bytes that a database's rows may take in memory: fourteen million of ten covariates."""


def check_budget(memory_budget: float) -> None:
    """Refuse a memory budget that is no number of bytes.

    Raises:
        EstimationError: it is none.
    """
    if isinstance(memory_budget, bool | str) or not float(memory_budget) > 0.0:
        raise EstimationError(
            f"memory_budget is {memory_budget!r}; it is a number of bytes",
            hint="memory_budget=4e9 lets the rows take 4 GB",
        )
