"""Both steps of disclosing in one, for tables that are not ranked between them; and who attacks one table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from disclosing.networks import Tables
from numpy.typing import NDArray

from tasks.disclosing import SmallNumberPolicy, decide, mask
from tasks.disclosing.additive_table import AdditiveTable
from tasks.disclosing.table_attacker import TableAttacker


def disclose(policy: SmallNumberPolicy, tables: Tables, earlier: Sequence[Tables] = ()) -> Tables:
    """A release as it may be seen beside earlier ones."""
    return mask(policy, tables, decide(policy, tables, earlier))


def attack(table: AdditiveTable, withheld: NDArray[np.bool_], cell: int) -> tuple[float, float]:
    """The narrowest range of a withheld cell that follows from all published cells and sums."""
    attacker = TableAttacker(table, withheld)
    return attacker.extreme(cell, 1.0), attacker.extreme(cell, -1.0)
