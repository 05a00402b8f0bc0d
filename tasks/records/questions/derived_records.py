"""Records made of records: narrowed, regrouped or counted; still behind the door, as a handle."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from tasks.records.sources.records import Records
from tasks.records.sql_text import literal, quoted


def without_levels(records: Records, levels: Sequence[Mapping[str, Hashable]]) -> Records:
    """The records but those that have all the labels of one of the mappings (column → label)."""
    of_each = [
        " AND ".join(f"{quoted(name)} = {literal(label)}" for name, label in each.items()) for each in levels
    ]
    conditions = " AND ".join(f"({each}) IS NOT TRUE" for each in of_each)
    return records.made_of_these(f"SELECT * FROM {{records}} AS every WHERE {conditions}")


def with_merged_months(records: Records, shared: Mapping[str, str]) -> Records:
    """The records with a column `merged_month`: their month, or the month whose effect it shares."""
    cases = " ".join(f"WHEN {literal(one)} THEN {literal(other)}" for one, other in shared.items())
    merged = f"CASE month {cases} ELSE month END AS merged_month"
    return records.made_of_these(f"SELECT *, {merged} FROM {{records}} AS every")


def clinic_month_counts(records: Records, column: str, *, described: bool = False) -> Records:
    """Clinics' months as the records: how many records each has, in `column`.

    From a clinic's first month with records to its last, months without any have 0; before it opened and
    after it closed it has no months.

    Args:
        records: the screened records.
        column: what the count is called.
        described: with the clinic's `region` and the month's `period`, its place in the window, as well.
    """
    region, period = (", MIN(region) AS region", ", MIN(period) AS period") if described else ("", "")
    named = ", every.region AS region, every.period AS period" if described else ""
    grouped = ", every.region, every.period" if described else ""
    inner = ", clinics.region AS region, months.period AS period" if described else ""
    months = (
        f"SELECT month{period} FROM {{records}} GROUP BY month"
        if described
        else ("SELECT DISTINCT month FROM {records}")
    )
    return records.made_of_these(
        f"SELECT every.clinic AS clinic, every.month AS month{named}, "
        f"CAST(count(counted.month) AS INTEGER) AS {quoted(column)} "
        f"FROM (SELECT clinics.clinic AS clinic, months.month AS month{inner} "
        f"FROM (SELECT clinic{region}, MIN(month) AS opened, MAX(month) AS closed FROM {{records}} "
        f"GROUP BY clinic) AS clinics JOIN ({months}) AS months "
        "ON months.month BETWEEN clinics.opened AND clinics.closed) AS every "
        "LEFT JOIN {records} AS counted ON counted.clinic = every.clinic AND counted.month = every.month "
        f"GROUP BY every.clinic, every.month{grouped}"
    )
