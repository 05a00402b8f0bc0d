"""Several inputs as one network, an outcome each, so that one run reports them all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pandas as pd
from corpus.case import SHOWN, Case
from corpus.inputs import CASES

MONTH = "2024-03"
SIDE_BY_SIDE = 8
MOST_RECORDS = 190


def merged() -> Iterator[tuple[Case, ...]]:
    """The inputs that can stand side by side in a network, in groups."""
    alike = [case for case in CASES if _stands_beside_others(case)]
    for first in range(0, len(alike), SIDE_BY_SIDE):
        yield tuple(alike[first : first + SIDE_BY_SIDE])


def network_of(cases: tuple[Case, ...]) -> Case:
    """One input of all their records; y of the third is y2, and missing in the records of the others."""
    tables = [case.rows().rename(columns={"y": f"y{i}"}) for i, case in enumerate(cases)]
    outcomes = [
        case.network.removesuffix(SHOWN)
        .replace("outcomes.y", f"outcomes.y{i}")
        .replace('"Y"', f'"{case.name}"')
        for i, case in enumerate(cases)
    ]
    figures = tuple(
        replace(figure, where={**figure.where, "outcome": f"y{i}"})
        for i, case in enumerate(cases)
        for figure in case.figures
        if "outcome" in figure.where
    )
    return Case(
        name=", ".join(case.name for case in cases)[:60],
        source="theirs",
        rows=lambda: pd.concat(tables, ignore_index=True),
        network="".join(outcomes) + SHOWN,
        month=MONTH,
        figures=figures,
    )


def _stands_beside_others(case: Case) -> bool:
    ordinary = (
        case.month == MONTH
        and (case.select, case.records, case.time_zone, case.types)
        == ("SELECT * FROM records", "", "UTC", {})
        and case.network.endswith(SHOWN)
        and case.network.count("[outcomes.") == 1
        and not any((case.refused, case.doubted))
    )
    if not ordinary or "[outcomes.y]" not in case.network or "[program]" in case.network:
        return False
    rows = case.rows()
    return len(rows) <= MOST_RECORDS and rows["clinic"].dtype == object
