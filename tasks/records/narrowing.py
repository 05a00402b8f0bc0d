"""SELECTs that narrow or regroup records by labels; each calls what it is made of {records}."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np


def without_levels(levels: Sequence[Mapping[str, Hashable]]) -> str:
    """Records but those that have all the labels of one of the mappings (column → label)."""
    of_each = [
        " AND ".join(f"{_column(name)} = {_literal(label)}" for name, label in each.items())
        for each in levels
    ]
    conditions = " AND ".join(f"({each}) IS NOT TRUE" for each in of_each)
    return f"SELECT * FROM {{records}} AS every WHERE {conditions}"


def with_merged_labels(column: str, merged: str, shared: Mapping[str, str]) -> str:
    """Records with a further column, `merged`: the label of `column`, or the one that it shares."""
    cases = " ".join(f"WHEN {_literal(one)} THEN {_literal(other)}" for one, other in shared.items())
    of = _column(column)
    return f"SELECT *, CASE {of} {cases} ELSE {of} END AS {_column(merged)} FROM {{records}} AS every"


def _column(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(value: Hashable) -> str:
    if isinstance(value, bool | np.bool_):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float | np.integer | np.floating):
        return repr(value.item() if isinstance(value, np.generic) else value)
    return "'" + str(value).replace("'", "''") + "'"
