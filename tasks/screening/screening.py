"""Screens the records of a period's window: counts what is set aside and why, and hands on the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

import pandas as pd

from reports.wording import say
from reports.wording.writing import localized
from tasks import periods
from tasks.errors import RecordsError
from tasks.network.schema import Network
from tasks.periods import Kind, Period
from tasks.records.questions import clinics_and_months, counts_by_rule
from tasks.records.questions.contract import require_contract, table_of
from tasks.records.questions.rules import Rule, column_rules, query_rule, record_rules
from tasks.records.questions.screened_records import ScreenedRecords
from tasks.records.sources.records import Records
from tasks.screening.font_coverage import undrawable_names

QUALITY_COLUMNS = ("rule", "clinic", "description", "action", "counts", "n_checked", "n_found")
_OUTSIDE = ("date_before_window", "date_after_month")
"""Rules that find what is no part of the window. They say nothing of a clinic: what a clinic has before the
window is a month more in the next report, and the difference is the month that left."""


@dataclass(frozen=True)
class Screened:
    """The records of a window, screened.

    Attributes:
        usable: the records that estimates may use, with columns clinic, region, patient, date, month (its
            period's label), period (periods since the window's first), program (0/1, where there is one),
            and every outcome, exposure and adjuster; impossible values are NULL.
        quality: rows of the release's quality table, status not yet filled in.
        clinics: one row a clinic with any record in the window, used or set aside: clinic, region,
            n_records, n_patients (missing where the records name no patients), first_month, last_month.
        window: the window's first and last period.
        first_date, cut_off: earliest and latest date among the usable records, YYYY-MM-DD.
    """

    usable: Records
    quality: pd.DataFrame
    clinics: pd.DataFrame
    window: tuple[str, str]
    first_date: str
    cut_off: str


def screen(records: Records, network: Network, period: str) -> Screened:
    """The records of the window that ends with `period`, and an account of what is not used.

    Args:
        records: what the network file's SELECT returns.
        network: the network file.
        period: the label of the reported period.

    Raises:
        SourceError: the records do not fit the network file, or the database cannot be reached.
        RecordsError: the period has no usable records, or only one clinic has any in the window.
    """
    with network.speaking(), records.held():
        return _screen(records, network, period)


def _screen(records: Records, network: Network, period: str) -> Screened:
    window = network.window.ending_with(period)
    contract = require_contract(records, network)
    for misfit in undrawable_names(contract, network):  # said before hours of work, not after
        raise RecordsError(f"{table_of(misfit.place)} {misfit.sentence}")
    by_column = column_rules(network, contract.columns)
    by_record = record_rules(window, clinic_within_region=network.records.clinic_within == "region")
    screened = ScreenedRecords(network, contract, by_record, by_column, window)

    by_rule = counts_by_rule.by_record_rule(records, screened)
    findings = list(_record_findings(by_rule, screened.record_rules))
    copies, repeated = _copies(records, screened, by_rule)
    findings += copies
    regions, differing = _regions(records, screened, "region" in contract.columns)
    usable = screened.usable_of(records, repeated=repeated, regions=regions)
    used = clinics_and_months.clinics_with_dates(usable)
    _require_period(used, records, screened)

    by_rule_of_columns = counts_by_rule.by_column_rule(records, screened)
    findings += _column_findings(by_rule_of_columns, by_column)
    findings += _lone_patients(by_rule_of_columns) if "patient" in contract.columns else []
    findings += differing
    findings += _clinic_findings(usable, window, network, tuple(used["clinic"]), contract.names.merged)
    return Screened(
        usable=usable,
        quality=pd.DataFrame(findings, columns=list(QUALITY_COLUMNS)),
        clinics=_clinics(used, by_rule, network.window.period, has_patients="patient" in contract.columns),
        window=(window[0], period),
        first_date=min(used["first_date"]),
        cut_off=max(used["last_date"]),
    )


def _findings(
    rule: Rule, found: Mapping[str | None, int], checked: Mapping[str | None, int]
) -> list[dict[str, object]]:
    """A rule's row for the network, and one for each clinic where it found anything."""
    described = say(f"rule.{rule.wording}", **{name: localized(said) for name, said in rule.names.items()})

    def row(clinic: str, n_checked: int, n_found: int) -> dict[str, object]:
        return dict(
            zip(
                QUALITY_COLUMNS,
                (rule.name, clinic, described, rule.action, rule.counts, n_checked, n_found),
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
    outside = by_rule["rule"].isin(_OUTSIDE)
    checked = _counts(_summed(by_rule[~outside]), "n")
    for rule in rules:
        found = _counts(by_rule[by_rule["rule"] == rule.name], "n")
        if rule.name in _OUTSIDE:
            everywhere: dict[str | None, int] = {None: int(by_rule["n"].sum())}
            yield from _findings(rule, {None: sum(found.values())}, everywhere)
        else:
            yield from _findings(rule, found, checked)


def _copies(
    records: Records, screened: ScreenedRecords, by_rule: pd.DataFrame
) -> tuple[list[dict[str, object]], bool]:
    """What is said of copies, and whether there are any to leave out."""
    rule = counts_by_rule.copies_rule(screened)
    if not screened.tells_copies:
        return _findings(replace(rule, action="noted", wording="duplicates_not_sought"), {}, {}), False
    found = _counts(counts_by_rule.copies(records, screened, rule), "n")
    return _findings(rule, found, _counts(by_rule[by_rule["rule"].isna()], "n")), bool(found)


def _regions(
    records: Records, screened: ScreenedRecords, has_regions: bool
) -> tuple[dict[str, str | None], list[dict[str, object]]]:
    """Clinic → usual region, for the clinics whose records do not agree on it; and what is said of them."""
    if not has_regions:
        return {}, []
    rule = query_rule("region_differs")
    counted = counts_by_rule.by_region(records, screened, rule)
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


def _require_period(used: pd.DataFrame, records: Records, screened: ScreenedRecords) -> None:
    """Refuses a period without records, and a window with one clinic."""
    first, period = screened.window[0], screened.window[-1]
    kind = screened.network.window.period
    if not len(used) or used["last_date"].max() < periods.first_day(period).isoformat():
        dated = [rule.sql for rule in screened.record_rules if rule.name not in _OUTSIDE]
        have = clinics_and_months.periods_with_records(records, screened.typed, dated, kind)
        if not have:
            raise RecordsError(
                f"there are no usable records in {period}, nor in any other {kind}",
                hint="every record lacks its clinic or a possible date; look at the SELECT",
            )
        raise RecordsError(
            f"there are no usable records in {period}",
            hint=f"these {kind}s have records: {periods.in_ranges(have)}",
        )
    if len(used) == 1:
        only = used["clinic"].iloc[0]
        when = f"in {period}" if first == period else f"from {first} to {period}"
        raise RecordsError(
            f"{when} only the clinic {only!r} has usable records",
            hint=f"comparing clinics needs at least two; widen [window] {kind}s or mend the SELECT",
        )


def _column_findings(by_rule: pd.DataFrame, rules: Iterable[Rule]) -> Iterable[dict[str, object]]:
    checked = _counts(by_rule, "n")
    for i, rule in enumerate(rules):
        yield from _findings(rule, _counts(by_rule, f"r{i}"), checked)


def _lone_patients(by_rule: pd.DataFrame) -> list[dict[str, object]]:
    """What is said of records without a patient number, where there are any."""
    found = _counts(by_rule, "without_patient")
    if not any(found.values()):
        return []
    return _findings(query_rule("patient_missing"), found, _counts(by_rule, "n"))


def _clinic_findings(
    usable: Records,
    window: tuple[str, ...],
    network: Network,
    clinics: tuple[str, ...],
    merged: tuple[str, ...],
) -> Iterable[dict[str, object]]:
    """Names alike, periods without records, and sudden drops: from each clinic's records by period."""
    rules = [
        counts_by_rule.spelling_rule(clinics),
        query_rule("months_without_records"),
        query_rule("volume_drop"),
        *counts_by_rule.encoding_rule(clinics, merged),
    ]
    kind, dated = network.window.period, network.clinics.dated.items()
    opened = {clinic: each.open_from(kind) for clinic, each in dated}
    closed = {clinic: each.open_until(kind) for clinic, each in dated}
    counted = counts_by_rule.by_clinic_month_rule(usable, window, rules, _given(opened), _given(closed))
    for rule in rules:
        its = counted[counted["rule"] == rule.name]
        yield from _findings(rule, _counts(its, "n_found"), _counts(its, "n_checked"))


def _given(declared: Mapping[str, str | None]) -> dict[str, str]:
    return {clinic: period for clinic, period in declared.items() if period is not None}


def _clinics(used: pd.DataFrame, by_rule: pd.DataFrame, kind: Kind, *, has_patients: bool) -> pd.DataFrame:
    """Clinics with any record in the window; those with none that is usable have zero."""
    inside = by_rule[~by_rule["rule"].isin(_OUTSIDE) & by_rule["clinic"].notna()]
    names = pd.Index(sorted({*map(str, inside["clinic"])}), name="clinic")
    clinics = used.set_index("clinic").reindex(names)
    for end in ("first", "last"):
        dates = clinics.pop(f"{end}_date")
        clinics[f"{end}_month"] = dates.map(lambda day: _period_of(day, kind), na_action="ignore")
    clinics["n_records"] = clinics["n_records"].fillna(0).astype("Int64")
    patients = clinics["n_patients"].astype("Int64").where(clinics["n_records"] > 0, 0)
    clinics["n_patients"] = patients if has_patients else pd.array([pd.NA] * len(clinics), dtype="Int64")
    return clinics.astype({"region": "string", "first_month": "string", "last_month": "string"}).reset_index()


def _period_of(day: str, kind: Kind) -> str:
    return str(Period.of_day(kind, date.fromisoformat(day[:10])))
