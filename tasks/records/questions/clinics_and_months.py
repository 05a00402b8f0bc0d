"""Clinics and their months: counts and sums by clinic and month, never a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import pandas as pd

from tasks.periods import Kind
from tasks.records.questions.aggregates import aggregate, aggregate_frame
from tasks.records.sources.records import Records
from tasks.records.sql_text import quoted

_MOMENTS = {
    "n": "float64",
    "mean": "float64",
    "squares": "float64",
    "total": "float64",
    "exposure": "float64",
    "total_squares": "float64",
    "exposure_squares": "float64",
}

PATIENTS = "COUNT(DISTINCT patient) + COUNT(*) - COUNT(patient)"
"""Patients among records: a record without a patient number is a patient of its own."""


def clinics(records: Records) -> pd.DataFrame:
    """One row a clinic: `clinic`, `region`, `n_records`, `n_patients`, `first_month`, `last_month`."""
    return aggregate_frame(
        records,
        f"SELECT clinic, min(region) AS region, count(*) AS n_records, {PATIENTS} AS n_patients, "
        "min(month) AS first_month, max(month) AS last_month FROM {records} GROUP BY clinic ORDER BY clinic",
    )


def patients_with_values(records: Records, columns: Sequence[str]) -> dict[str, int]:
    """Column → how many patients have a value of it, those without a number each on their own."""
    if not columns:
        return {}
    valued = [f"CASE WHEN {quoted(column)} IS NOT NULL THEN patient END" for column in columns]
    counts = (
        f"COUNT(DISTINCT {patient}) + COUNT({quoted(column)}) - COUNT({patient}) AS p{i}"
        for i, (column, patient) in enumerate(zip(columns, valued, strict=True))
    )
    (row,) = aggregate(records, f'SELECT {", ".join(counts)} FROM {{records}} AS "every record"').to_pylist()
    return {column: int(row[f"p{i}"]) for i, column in enumerate(columns)}


def clinics_with_dates(records: Records) -> pd.DataFrame:
    """The same with each clinic's `first_date` and `last_date` as text in place of months."""
    counted = aggregate_frame(
        records,
        f"SELECT clinic, MIN(region) AS region, COUNT(*) AS n_records, {PATIENTS} AS n_patients, "
        "MIN(date) AS first_date, MAX(date) AS last_date FROM {records} GROUP BY clinic",
    )
    return counted.astype({"first_date": "string", "last_date": "string"}).sort_values(
        "clinic", ignore_index=True
    )


def counted_by_month(records: Records) -> pd.DataFrame:
    """Records of each clinic in each month: `clinic`, `month`, `n`."""
    return aggregate_frame(
        records,
        "SELECT clinic, month, count(*) AS n FROM {records} GROUP BY clinic, month ORDER BY clinic, month",
    )


def moments_by_month(records: Records, column: str, *, log: bool, exposure: str | None) -> pd.DataFrame:
    """Moments of a column by clinic and month.

    Args:
        records: the records.
        column: of the outcome.
        log: whether `mean` and `squares` are those of its logarithm.
        exposure: column with the exposure of counts.

    Returns:
        `clinic`, `month`, `n` (values), `mean`, `squares` (Σ(y − mean)²), `total` (Σy), `exposure` (Σe, or
        n), `total_squares` (Σy²) and `exposure_squares` (Σe²).
    """
    value = f"ln({quoted(column)})" if log else f"CAST({quoted(column)} AS FLOAT8)"
    share = f"CAST({quoted(exposure)} AS FLOAT8)" if exposure else "1.0"
    plain, valued = f"CAST({quoted(column)} AS FLOAT8)", f"{quoted(column)} IS NOT NULL"
    moments = aggregate_frame(
        records,
        f"SELECT clinic, month, count({value}) AS n, avg({value}) AS mean, "
        f"coalesce(var_pop({value}), 0) * count({value}) AS squares, "
        f"coalesce(sum({plain}), 0) AS total, "
        f"coalesce(sum(CASE WHEN {valued} THEN {share} END), 0) AS exposure, "
        f"coalesce(sum({plain} * {plain}), 0) AS total_squares, "
        f"coalesce(sum(CASE WHEN {valued} THEN {share} * {share} END), 0) AS exposure_squares "
        'FROM {records} AS "every record" GROUP BY clinic, month ORDER BY clinic, month',
    )
    return moments.astype(_MOMENTS)


def sums_by_patient(records: Records, column: str, *, log: bool, exposure: str | None) -> pd.DataFrame:
    """How much patients' sums of an outcome vary, by clinic; those without a number are each on their own.

    Args:
        records: the records.
        column: of the outcome.
        log: whether sums are of its logarithm.
        exposure: column with the exposure of counts.

    Returns:
        Indexed by clinic: `outcome_squared` (Σ o² over patients, o a patient's sum), `outcome_size` (Σ om)
        and `size_squared` (Σ m²), m a patient's values, or exposure.
    """
    value = f"ln({quoted(column)})" if log else f"CAST({quoted(column)} AS FLOAT8)"
    share = f"CAST({quoted(exposure)} AS FLOAT8)" if exposure else "CAST(1 AS FLOAT8)"
    valued = f"{quoted(column)} IS NOT NULL"
    sums = aggregate_frame(
        records,
        "SELECT clinic, SUM(o * o) AS outcome_squared, SUM(o * m) AS outcome_size, "
        "SUM(m * m) AS size_squared "
        f'FROM (SELECT clinic, SUM({value}) AS o, SUM({share}) AS m FROM {{records}} AS "a number" '
        f"WHERE patient IS NOT NULL AND {valued} GROUP BY clinic, patient "
        f'UNION ALL SELECT clinic, {value} AS o, {share} AS m FROM {{records}} AS "no number" '
        f"WHERE patient IS NULL AND {valued}) AS patients GROUP BY clinic ORDER BY clinic",
    )
    return sums.set_index("clinic").astype("float64")


def first_and_last_date(records: Records) -> tuple[date, date] | None:
    """The first and the last date of the records, dates that cannot be left out; None without any."""
    (row,) = aggregate(
        records,
        "SELECT min(CASE WHEN day >= DATE '1900-01-01' AND day < DATE '2200-01-01' THEN day END) AS first, "
        "max(CASE WHEN day >= DATE '1900-01-01' AND day < DATE '2200-01-01' THEN day END) AS last "
        "FROM (SELECT CAST(date AS DATE) AS day FROM {records} AS every) AS days",
    ).to_pylist()
    return None if row["first"] is None else (row["first"], row["last"])


_PARTS: Mapping[Kind, tuple[str, str, str]] = {
    "month": ("YEAR", "MONTH", "{:04d}-{:02d}"),
    "quarter": ("YEAR", "QUARTER", "{:04d}-Q{}"),
    "week": ("ISOYEAR", "WEEK", "{:04d}-W{:02d}"),
}
"""Kind of period → the parts of a date that it is made of, and its label."""


def periods_with_records(records: Records, typed: str, conditions: Sequence[str], kind: Kind) -> list[str]:
    """Periods in which any record meets none of the conditions; `typed` is a SELECT over `{records}`."""
    met = " AND ".join(f"({each}) IS NOT TRUE" for each in conditions)
    year, within, label = _PARTS[kind]
    found = aggregate_frame(
        records,
        f"SELECT DISTINCT EXTRACT({year} FROM date) AS y, EXTRACT({within} FROM date) AS within "
        f"FROM ({typed}) AS typed WHERE {met}",
    )
    return [label.format(int(y), int(part)) for y, part in zip(found["y"], found["within"], strict=True)]
