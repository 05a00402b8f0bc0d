"""What clinics' months have in common because the same patients come in both: sums over those patients."""

from __future__ import annotations

import pandas as pd

from tasks.records.questions.aggregates import aggregate_frame
from tasks.records.sources.records import Records
from tasks.records.sql_text import quoted

SUMS = ("products", "outcome_by_size", "size_by_outcome", "sizes", "more_size", "size_more")
_SUMMED = (
    "SUM(o * p) AS products, SUM(o * q) AS outcome_by_size, SUM(m * p) AS size_by_outcome, "
    "SUM(m * q) AS sizes, SUM(m * m * q) AS more_size, SUM(m * q * q) AS size_more"
)


def patients_by_months(records: Records, column: str, *, log: bool, exposure: str | None) -> pd.DataFrame:
    """Sums over a clinic's patients of what they have in one month and in another, or twice in one.

    Records without a patient number are each a patient of its own, who comes in one month.

    Args:
        records: the records.
        column: of the outcome.
        log: whether sums are of its logarithm.
        exposure: column with the exposure of counts.

    Returns:
        One row a clinic and two months, the second not before the first, that any patient comes in: `clinic`,
        `month`, `period` (the second); and with o, m a patient's sum and values (or exposure) in the first
        and p, q in the second `products` (Σ op), `outcome_by_size` (Σ oq), `size_by_outcome` (Σ mp), `sizes`
        (Σ mq), `more_size` (Σ m²q) and `size_more` (Σ mq²).
    """
    value = f"ln({quoted(column)})" if log else f"CAST({quoted(column)} AS FLOAT8)"
    share = f"CAST({quoted(exposure)} AS FLOAT8)" if exposure else "CAST(1 AS FLOAT8)"
    valued = f"{quoted(column)} IS NOT NULL"
    first, second = (
        f"SELECT clinic, patient, {month}, SUM({value}) AS {outcome}, SUM({share}) AS {size} "
        f'FROM {{records}} AS "a number" WHERE patient IS NOT NULL AND {valued} '
        "GROUP BY clinic, patient, month"
        for month, outcome, size in (("month", "o", "m"), ("month AS period", "p", "q"))
    )
    found = aggregate_frame(
        records,
        f"SELECT clinic, month, period, {_SUMMED} FROM ({first}) AS one JOIN ({second}) AS other "
        "USING (clinic, patient) WHERE month <= period GROUP BY clinic, month, period "
        f"UNION ALL SELECT clinic, month, month AS period, {_SUMMED} FROM ("
        f"SELECT clinic, month, {value} AS o, {share} AS m, {value} AS p, {share} AS q "
        f'FROM {{records}} AS "no number" WHERE patient IS NULL AND {valued}) AS lone GROUP BY clinic, month',
    )
    by_months = found.astype(dict.fromkeys(SUMS, "float64")).groupby(["clinic", "month", "period"], sort=True)
    return by_months[list(SUMS)].sum().reset_index()
