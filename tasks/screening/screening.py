"""Screens the records of a month's window: counts what is set aside and why, and hands on the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from tasks.errors import RecordsError
from tasks.network.schema import Network
from tasks.records.sources import Records
from tasks.screening import months
from tasks.screening.contract import require_contract
from tasks.screening.rules import Rule, column_rules, query, query_rule, record_rules
from tasks.screening.statements import Statements

QUALITY_COLUMNS = ("rule", "clinic", "description", "action", "counts", "n_checked", "n_found")
_OUTSIDE = ("date_before_window", "date_after_month")


@dataclass(frozen=True)
class Screened:
    """The records of a window, screened.

    Attributes:
        usable: the records that estimates may use, with columns clinic, region, patient, date, month
            (YYYY-MM), period (months since the window's first), program (0/1, where the network has one),
            and every outcome, exposure and adjuster; impossible values are NULL.
        quality: rows of the release's quality table, status not yet filled in.
        clinics: one row a clinic with any record in the window, used or set aside: clinic, region,
            n_records, n_patients (missing where the records name no patients), first_month, last_month.
        window: the window's first and last month.
        cut_off: latest date among the usable records, YYYY-MM-DD.
    """

    usable: Records
    quality: pd.DataFrame
    clinics: pd.DataFrame
    window: tuple[str, str]
    cut_off: str


def screen(records: Records, network: Network, month: str) -> Screened:
    """The records of the window that ends with `month`, and an account of what is not used.

    Args:
        records: what the network file's SELECT returns.
        network: the network file.
        month: the reported month, YYYY-MM.

    Raises:
        SourceError: the records do not fit the network file, or the database cannot be reached.
        RecordsError: the month has no usable records, or only one clinic has any in the window.
    """
    with records.held():
        return _screen(records, network, month)


def _screen(records: Records, network: Network, month: str) -> Screened:
    window = months.window(month, network.window.months)
    contract = require_contract(records, network)
    by_column = column_rules(network, contract.columns)
    statements = Statements(network, contract, record_rules(month, len(window)), by_column, window)

    by_rule = _frame(records, statements.by_rule)
    findings = list(_record_findings(by_rule, statements.record_rules))
    copies, repeated = _copies(records, statements, by_rule)
    findings += copies
    kept = records.with_select(statements.kept)
    regions, differing = _regions(kept, "region" in contract.columns)
    usable = records.with_select(statements.usable(repeated=repeated, regions=regions))
    used = _used(usable)
    _require_month(used, usable, records, statements, month)

    findings += _column_findings(_frame(records, statements.by_column_rule), by_column)
    findings += differing
    findings += _clinic_findings(usable, window)
    return Screened(
        usable=usable,
        quality=pd.DataFrame(findings, columns=list(QUALITY_COLUMNS)),
        clinics=_clinics(used, by_rule, has_patients="patient" in contract.columns),
        window=(window[0], month),
        cut_off=max(used["last_date"]),
    )


def _frame(records: Records, sql: str) -> pd.DataFrame:
    frame: pd.DataFrame = records.query_table(sql).to_pandas()
    return frame


def _findings(
    rule: Rule, found: Mapping[str | None, int], checked: Mapping[str | None, int]
) -> list[dict[str, object]]:
    """A rule's row for the network, and one for each clinic where it found anything."""

    def row(clinic: str, n_checked: int, n_found: int) -> dict[str, object]:
        return dict(
            zip(
                QUALITY_COLUMNS,
                (rule.name, clinic, rule.description, rule.action, rule.counts, n_checked, n_found),
                strict=True,
            )
        )

    clinics = sorted(clinic for clinic, n in found.items() if clinic is not None and n)
    rows = [row("", sum(checked.values()), sum(found.values()))]
    return rows + [row(clinic, checked[clinic], found[clinic]) for clinic in clinics]


def _counts(frame: pd.DataFrame, column: str) -> dict[str | None, int]:
    """Clinic → count; records without a clinic under None."""
    return {
        None if pd.isna(clinic) else str(clinic): int(n)
        for clinic, n in zip(frame["clinic"], frame[column], strict=True)
    }


def _summed(counted: pd.DataFrame) -> pd.DataFrame:
    return counted.groupby("clinic", dropna=False)[["n"]].sum().reset_index()


def _record_findings(by_rule: pd.DataFrame, rules: Iterable[Rule]) -> Iterable[dict[str, object]]:
    checked = _counts(_summed(by_rule), "n")
    for rule in rules:
        yield from _findings(rule, _counts(by_rule[by_rule["rule"] == rule.name], "n"), checked)


def _copies(
    records: Records, statements: Statements, by_rule: pd.DataFrame
) -> tuple[list[dict[str, object]], bool]:
    """What is said of copies, and whether there are any to leave out."""
    rule = query_rule("duplicates", columns=", ".join(statements.compared))
    if not statements.tells_copies:
        described = (
            "not looked for: without a patient or record column, equal records may be different patients"
        )
        return _findings(Rule(rule.name, described, "noted", rule.sql), {}, {}), False
    kept = records.with_select(statements.kept)
    found = _counts(_frame(kept, rule.sql), "n")
    return _findings(rule, found, _counts(by_rule[by_rule["rule"].isna()], "n")), bool(found)


def _regions(kept: Records, has_regions: bool) -> tuple[dict[str, str | None], list[dict[str, object]]]:
    """Clinic → usual region, for the clinics whose records do not agree on it; and what is said of them."""
    if not has_regions:
        return {}, []
    rule = query_rule("region_differs")
    counted = _frame(kept, rule.sql)
    counted["region"] = counted["region"].astype(object).where(counted["region"].notna(), None)
    counted["unnamed"] = counted["region"].isna()
    counted = counted.sort_values(
        ["clinic", "unnamed", "n", "region"], ascending=[True, True, False, True], kind="stable"
    )
    usual = counted.drop_duplicates("clinic")
    other = counted.drop(index=usual.index)
    disagreed = set(other["clinic"])
    differing = {
        str(clinic): region
        for clinic, region in zip(usual["clinic"], usual["region"], strict=True)
        if clinic in disagreed
    }
    return differing, _findings(rule, _counts(_summed(other), "n"), _counts(_summed(counted), "n"))


def _used(usable: Records) -> pd.DataFrame:
    """The usable records of each clinic, counted."""
    counted = _frame(
        usable,
        "SELECT clinic, MIN(region) AS region, COUNT(*) AS n_records, COUNT(DISTINCT patient) AS n_patients, "
        "MIN(date) AS first_date, MAX(date) AS last_date FROM {records} GROUP BY clinic",
    )
    return counted.astype({"first_date": "string", "last_date": "string"}).sort_values(
        "clinic", ignore_index=True
    )


def _require_month(
    used: pd.DataFrame, usable: Records, records: Records, statements: Statements, month: str
) -> None:
    """Refuses a month without records, and a window with one clinic."""
    if not len(used) or used["last_date"].max()[:7] < month:
        dated = [rule for rule in statements.record_rules if rule.name not in _OUTSIDE]
        conditions = " AND ".join(f"({rule.sql}) IS NOT TRUE" for rule in dated)
        found = _frame(
            records,
            "SELECT DISTINCT EXTRACT(YEAR FROM date) AS y, EXTRACT(MONTH FROM date) AS m "
            f"FROM ({statements.typed}) AS typed WHERE {conditions}",
        )
        have = [f"{int(y):04d}-{int(m):02d}" for y, m in zip(found["y"], found["m"], strict=True)]
        if not have:
            raise RecordsError(
                f"there are no usable records in {month}, nor in any other month",
                hint="every record lacks its clinic or a possible date; look at the SELECT",
            )
        raise RecordsError(
            f"there are no usable records in {month}",
            hint=f"these months have records: {months.in_ranges(have)}",
        )
    if len(used) == 1:
        only = used["clinic"].iloc[0]
        raise RecordsError(
            f"from {statements.months[0]} to {month} only the clinic {only!r} has usable records",
            hint="comparing clinics needs at least two; widen [window] months or mend the SELECT",
        )


def _column_findings(by_rule: pd.DataFrame, rules: Iterable[Rule]) -> Iterable[dict[str, object]]:
    checked = _counts(by_rule, "n")
    for i, rule in enumerate(rules):
        yield from _findings(rule, _counts(by_rule, f"r{i}"), checked)


def _clinic_findings(usable: Records, window: tuple[str, ...]) -> Iterable[dict[str, object]]:
    """Names alike, months without records, and sudden drops: from each clinic's records by month."""
    rules = [query_rule(name) for name in ("clinic_spelling", "months_without_records", "volume_drop")]
    by_month = usable.with_select(query("clinic_months", months=", ".join(f"('{each}')" for each in window)))
    asked = (
        f"SELECT '{rule.name}' AS rule, clinic, n_checked, n_found FROM ({rule.sql}) AS {rule.name}"
        for rule in rules
    )
    counted = _frame(by_month, " UNION ALL ".join(asked))
    for rule in rules:
        its = counted[counted["rule"] == rule.name]
        yield from _findings(rule, _counts(its, "n_found"), _counts(its, "n_checked"))


def _clinics(used: pd.DataFrame, by_rule: pd.DataFrame, *, has_patients: bool) -> pd.DataFrame:
    """Clinics with any record in the window; those with none that is usable have zero."""
    inside = by_rule[~by_rule["rule"].isin(_OUTSIDE) & by_rule["clinic"].notna()]
    names = pd.Index(sorted({*map(str, inside["clinic"])}), name="clinic")
    clinics = used.set_index("clinic").reindex(names)
    clinics["first_month"] = clinics.pop("first_date").str[:7]
    clinics["last_month"] = clinics.pop("last_date").str[:7]
    clinics["n_records"] = clinics["n_records"].fillna(0).astype("Int64")
    patients = clinics["n_patients"].astype("Int64").where(clinics["n_records"] > 0, 0)
    clinics["n_patients"] = patients if has_patients else pd.array([pd.NA] * len(clinics), dtype="Int64")
    return clinics.astype({"region": "string", "first_month": "string", "last_month": "string"}).reset_index()
