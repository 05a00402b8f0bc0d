"""How many patients stand behind an outcome's records: by clinic, and by clinic and month."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from tasks.records.questions.aggregates import aggregate_frame
from tasks.records.sources.records import Records
from tasks.records.sql_text import quoted

ALL_RECORDS = ""
"""Stands for the records whatever they hold, where an outcome's name would stand."""
WINDOW = ""
"""Stands for the whole window, where a month would stand."""
SIDES = ("people", "with_event", "without_event", "exposed", "unexposed")


def patient_counts(records: Records, columns: Mapping[str, str], *, program: bool) -> pd.DataFrame:
    """Patients by outcome, clinic and month; a record without a patient number is a patient of its own.

    Args:
        records: the records.
        columns: outcome → its column.
        program: whether the records say which of them are under a program.

    Returns:
        `outcome` (`ALL_RECORDS` for any record), `clinic`, `month` (`WINDOW` for all together), `people`
        (with a value), `with_event` (with any value above zero), `without_event` (with any other),
        `exposed` and `unexposed` (with a value under the program, and without it; 0 where there is none).
    """
    named = {ALL_RECORDS: None, **columns}
    flags = [flag for column in named.values() for flag in _flags(column, program=program)]
    parts = [_by(keys, flags, records) for keys in (("clinic",), ("clinic", "month"))]
    wide = pd.concat([parts[0].assign(month=WINDOW), parts[1]], ignore_index=True)
    frames = [
        wide[["clinic", "month"]].assign(
            outcome=outcome,
            **{side: wide[f"f{len(SIDES) * i + j}"].astype("int64") for j, side in enumerate(SIDES)},
        )
        for i, outcome in enumerate(named)
    ]
    return pd.concat(frames, ignore_index=True)[["outcome", "clinic", "month", *SIDES]]


def _flags(column: str | None, *, program: bool) -> list[str]:
    """Conditions that make a patient one of each side, in their order."""
    value = f"{quoted(column)} IS NOT NULL" if column is not None else "1 = 1"
    above = f"{quoted(column)} > 0" if column is not None else "1 = 0"
    other = f"{quoted(column)} <= 0" if column is not None else "1 = 0"
    exposed = f"{value} AND program = 1" if program else "1 = 0"
    unexposed = f"{value} AND program = 0" if program else "1 = 0"
    return [value, above, other, exposed, unexposed]


def _by(keys: tuple[str, ...], flags: list[str], records: Records) -> pd.DataFrame:
    by = ", ".join(keys)
    one = [f"CASE WHEN {flag} THEN 1 END AS f{i}" for i, flag in enumerate(flags)]
    any_of = [f"MAX(CASE WHEN {flag} THEN 1 END) AS f{i}" for i, flag in enumerate(flags)]
    counted = [f"COUNT(f{i}) AS f{i}" for i in range(len(flags))]
    return aggregate_frame(
        records,
        f"SELECT {by}, {', '.join(counted)} FROM ("
        f'SELECT {by}, {", ".join(any_of)} FROM {{records}} AS "a number" '
        f"WHERE patient IS NOT NULL GROUP BY {by}, patient "
        f'UNION ALL SELECT {by}, {", ".join(one)} FROM {{records}} AS "no number" WHERE patient IS NULL'
        f") AS patients GROUP BY {by} ORDER BY {by}",
    )
