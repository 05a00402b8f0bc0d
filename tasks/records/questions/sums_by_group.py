"""Outcomes by group of patients: sums by clinic and month, and how many patients stand behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from tasks.records.questions.aggregates import aggregate_frame
from tasks.records.sources.records import Records
from tasks.records.sql_text import literal, quoted

WINDOW = ""
"""Stands for the whole window, where a month would stand."""
SIDES = ("people", "with_event", "without_event")


@dataclass(frozen=True)
class Groups:
    """Groups that the values of a column make; what is in none of them is the last.

    Attributes:
        column: the column.
        codes: the groups' names, in order, the rest's last.
        values: the value that is each group; none for bands.
        bands: where one band of numbers ends and the next begins; none for values.
    """

    column: str
    codes: tuple[str, ...]
    values: tuple[str | int, ...] = ()
    bands: tuple[float, ...] = ()

    def conditions(self) -> tuple[str, ...]:
        """What puts a record into each group, as SQL; every record meets one."""
        column = quoted(self.column)
        if self.values:
            each = [f"{column} = {literal(value)}" for value in self.values]
        else:
            ends = [literal(end) for end in self.bands]
            each = [
                f"{column} < {ends[0]}",
                *(f"{column} >= {low} AND {column} < {high}" for low, high in pairwise(ends)),
                f"{column} >= {ends[-1]}",
            ]
        any_of = " OR ".join(f"({condition})" for condition in each)
        return (*each, f"({any_of}) IS NOT TRUE")


def moments_by_group(
    records: Records, groups: Groups, column: str, *, log: bool, exposure: str | None
) -> pd.DataFrame:
    """Sums of an outcome by group, clinic and month.

    Args:
        records: the records.
        groups: which records are of which group.
        column: of the outcome.
        log: whether `sum` is that of its logarithm.
        exposure: column with the exposure of counts.

    Returns:
        `group`, `clinic`, `month`, `n` (values), `sum` (Σy on the scale of analysis), `squares` (Σy² on it),
        `total` (Σy) and `exposure` (Σ, or n).
    """
    value = f"ln({quoted(column)})" if log else f"CAST({quoted(column)} AS FLOAT8)"
    share = f"CAST({quoted(exposure)} AS FLOAT8)" if exposure else "1.0"
    summed = {"n": "1.0", "sum": value, "squares": f"{value} * {value}", "exposure": share}
    summed["total"] = f"CAST({quoted(column)} AS FLOAT8)"
    valued = f"{quoted(column)} IS NOT NULL"
    sums = [
        f"coalesce(sum(CASE WHEN {valued} AND ({condition}) THEN {what} END), 0) AS {name}{i}"
        for i, condition in enumerate(groups.conditions())
        for name, what in summed.items()
    ]
    wide = aggregate_frame(
        records,
        f'SELECT clinic, month, {", ".join(sums)} FROM {{records}} AS "every record" '
        "GROUP BY clinic, month ORDER BY clinic, month",
    )
    frames = [
        wide[["clinic", "month"]].assign(
            group=code, **{name: wide[f"{name}{i}"].astype("float64") for name in summed}
        )
        for i, code in enumerate(groups.codes)
    ]
    return pd.concat(frames, ignore_index=True)[["group", "clinic", "month", *summed]]


def patients_by_group(records: Records, groups: Groups, columns: Sequence[str]) -> pd.DataFrame:
    """How many patients stand behind each group's values, in the window and in each month.

    A record without a patient number is a patient of its own; one who changes groups is counted in each.

    Args:
        records: the records.
        groups: which records are of which group.
        columns: of the outcomes.

    Returns:
        `column`, `group`, `month` (`WINDOW` for all together) and of patients with a value `people`, with any
        value above zero `with_event` and with any other `without_event`.
    """
    flags = [
        f"({condition}) AND {quoted(column)} {side}"
        for column in columns
        for condition in groups.conditions()
        for side in ("IS NOT NULL", "> 0", "<= 0")
    ]
    wide = pd.concat(
        [_counted(records, "", flags).assign(month=WINDOW), _counted(records, "month", flags)],
        ignore_index=True,
    )
    frames = []
    for c, column in enumerate(columns):
        for g, code in enumerate(groups.codes):
            first = (c * len(groups.codes) + g) * len(SIDES)
            counts = {side: wide[f"f{first + j}"].astype("int64") for j, side in enumerate(SIDES)}
            frames.append(wide[["month"]].assign(column=column, group=code, **counts))
    return pd.concat(frames, ignore_index=True)[["column", "group", "month", *SIDES]]


def _counted(records: Records, key: str, flags: Sequence[str]) -> pd.DataFrame:
    """Patients who meet each condition, in all or by `key`."""
    by, also = f"{key}, " if key else "", f" GROUP BY {key}" if key else ""
    one = ", ".join(f"CASE WHEN {flag} THEN 1 END AS f{i}" for i, flag in enumerate(flags))
    any_of = ", ".join(f"MAX(CASE WHEN {flag} THEN 1 END) AS f{i}" for i, flag in enumerate(flags))
    counted = ", ".join(f"COUNT(f{i}) AS f{i}" for i in range(len(flags)))
    grouped = f"{by}patient" if key else "patient"
    return aggregate_frame(
        records,
        f'SELECT {by}{counted} FROM (SELECT {by}{any_of} FROM {{records}} AS "a number" '
        f"WHERE patient IS NOT NULL GROUP BY {grouped} "
        f'UNION ALL SELECT {by}{one} FROM {{records}} AS "no number" '
        f"WHERE patient IS NULL) AS patients{also}",
    )
