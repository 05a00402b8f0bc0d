"""From a release's tables to an edition. A withheld row gives its status and nothing else."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from reports.wording.coded_sentences import codes, value_of
from tasks.network.outcome_section import OutcomeSection
from tasks.network.schema import Network
from tasks.release import (
    LAST_SHOWN,
    LATEST_PERIODS,
    PATIENT_GROUPS,
    REGION_ESTIMATES,
    SHOWN,
    STANDING_SINCE,
    Release,
    plain_rows,
)
from tasks.rendering.edition import FORMS, Clinic, Edition, Line, Outcome
from tasks.rendering.shown_figures import (
    Change,
    Effect,
    Estimate,
    Figure,
    Finding,
    LastShown,
    Latest,
    Month,
    PatientGroup,
    Rank,
    RegionEstimate,
)
from tasks.rendering.words.shown_names import with_shown_names


def read_edition(release: Release, network: Network) -> Edition:
    """The release's tables as plain objects; outcomes in the order of the network file."""
    release = with_shown_names(release)
    outcome_rows = {str(row["outcome"]): row for row in plain_rows(release["outcomes"])}
    order = [name for name in network.outcomes if name in outcome_rows]
    order += [name for name in outcome_rows if name not in order]
    places = {"": -1} | {name: place for place, name in enumerate(order)}
    estimates = _grouped(release["clinic_estimates"], "outcome", "clinic", "form")
    ranks = _grouped(release["clinic_ranks"], "outcome", "clinic")
    months = _many(release["clinic_months"], "outcome", "clinic")
    clinics = tuple(
        sorted((_clinic(row) for row in plain_rows(release["clinics"])), key=lambda each: _natural(each.name))
    )
    figures = _many(release["network_figures"], "outcome")
    effects = _many(release["program_effects"], "outcome")
    before = _many(release[LAST_SHOWN.name], "outcome", "clinic")
    latest = _grouped(release[LATEST_PERIODS.name], "outcome", "clinic")
    standing = _grouped(release[STANDING_SINCE.name], "outcome", "clinic")
    groups = _many(release[PATIENT_GROUPS.name], "outcome")
    regions = _many(release[REGION_ESTIMATES.name], "outcome")

    def line(outcome: str, clinic: Clinic) -> Line:
        unestimated = outcome_rows[outcome]["status"] not in SHOWN
        missing = (
            Estimate(status=outcome_rows[outcome]["status"], reason=outcome_rows[outcome]["reason"])
            if unestimated
            else Estimate()
        )
        forms = {form: _estimate(estimates.get((outcome, clinic.name, form)), missing) for form in FORMS}
        return Line(
            clinic=clinic.name,
            region=clinic.region,
            rank=_rank(ranks.get((outcome, clinic.name))),
            months=tuple(_month(row) for row in months.get((outcome, clinic.name), [])),
            before=_last_shown(before.get((outcome, clinic.name), [])),
            latest=_latest(latest.get((outcome, clinic.name))),
            since=(standing.get((outcome, clinic.name)) or {}).get("first_period"),
            **forms,
        )

    return Edition(
        release=release,
        network=network,
        clinics=clinics,
        outcomes=tuple(
            _outcome(
                outcome_rows[name],
                lines=tuple(line(name, clinic) for clinic in clinics),
                months=tuple(_month(row) for row in months.get((name, ""), [])),
                figures={str(row["figure"]): _figure(row) for row in figures.get((name,), [])},
                effects=tuple(_effect(row) for row in effects.get((name,), [])),
                latest=_latest(latest.get((name, ""))),
                groups=_patient_groups(groups.get((name,), []), list(network.groups)),
                regions=tuple(_region(row) for row in regions.get((name,), [])),
                logarithmic=name in network.outcomes and network.outcomes[name].scale == "log",
                monthly=name in network.outcomes and network.outcomes[name].counts_records,
                **({} if name not in network.outcomes else _declared(network.outcomes[name])),
            )
            for name in order
        ),
        quality=tuple(_finding(row) for row in plain_rows(release["quality"])),
        changes=tuple(
            sorted(
                (_change(row) for row in plain_rows(release["changes"])),
                key=lambda each: (places.get(each.outcome, len(order)), _natural(each.clinic), each.month),
            )
        ),
    )


def _region(row: dict[str, Any]) -> RegionEstimate:
    return RegionEstimate(**{each.name: row[each.name] for each in dataclasses.fields(RegionEstimate)})


def _patient_groups(rows: list[dict[str, Any]], columns: list[str]) -> tuple[PatientGroup, ...]:
    """Groups of patients, columns as the network file has them."""
    order = {column: place for place, column in enumerate(columns)}
    rows = sorted(rows, key=lambda row: (order.get(row["column"], len(order)), row["column"], row["place"]))
    return tuple(
        PatientGroup(
            row["column_label"],
            row["label"],
            Estimate(
                value=row["value"],
                lower=row["lower"],
                upper=row["upper"],
                numerator=row["numerator"],
                denominator=row["denominator"],
                status=row["status"],
                reason=row["reason"],
            ),
            row["difference"],
            row["difference_lower"],
            row["difference_upper"],
        )
        for row in rows
    )


def _declared(section: OutcomeSection) -> dict[str, Any]:
    """What the network file alone says of an outcome."""
    return {"exposure": section.exposure, "target": section.target, "about": section.about}


def _natural(name: str) -> tuple[tuple[int, str, int], ...]:
    """A key that puts "ward 2" before "ward 10"."""
    parts = re.split(r"(\d+)", name.casefold())
    return tuple((1, "", int(part)) if part.isdecimal() else (0, part, 0) for part in parts)


def _grouped(frame: pd.DataFrame, *key: str) -> dict[tuple[str, ...], dict[str, Any]]:
    return {tuple(str(row[name]) for name in key): row for row in plain_rows(frame)}


def _many(frame: pd.DataFrame, *key: str) -> dict[tuple[str, ...], list[dict[str, Any]]]:
    grouped: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in plain_rows(frame):
        grouped.setdefault(tuple(str(row[name]) for name in key), []).append(row)
    return grouped


def _estimate(row: Mapping[str, Any] | None, missing: Estimate) -> Estimate:
    if row is None:
        return missing
    if row["status"] not in SHOWN:
        return Estimate(estimand=row["estimand"], status=row["status"], reason=row["reason"])
    return Estimate(
        value=row["value"],
        lower=row["lower"],
        upper=row["upper"],
        estimand=row["estimand"],
        numerator=row["numerator"],
        denominator=row["denominator"],
        expected=row.get("expected"),
        pe=row.get("pe"),
        pe_lower=row.get("pe_lower"),
        pe_upper=row.get("pe_upper"),
        reliability=row["reliability"],
        p_better=row["p_better"],
        p_important=row["p_important"],
        place=row["place"],
        place_lower=row["place_lower"],
        place_upper=row["place_upper"],
        outlying=row["outlying"],
        comparison=row["comparison"],
        status=row["status"],
        reason=row["reason"],
        why=codes(row["reason_coded"]),
    )


def _last_shown(rows: list[dict[str, Any]]) -> LastShown | None:
    if not rows:
        return None
    names = ("value", "lower", "upper", "numerator", "denominator", "comparison")
    forms = {
        row["form"]: Estimate(status=row["last_status"], **{name: row[name] for name in names})
        for row in rows
    }
    return LastShown(rows[0]["last_period"], forms.get("raw", Estimate()), forms.get("shrunken", Estimate()))


def _latest(row: Mapping[str, Any] | None) -> Latest | None:
    return None if row is None else Latest(**{name: row[name] for name in Latest.__dataclass_fields__})


def _rank(row: Mapping[str, Any] | None) -> Rank:
    if row is None:
        return Rank()
    if row["status"] not in SHOWN:
        return Rank(status=row["status"], reason=row["reason"])
    return Rank(
        median=row["rank_median"],
        lower=row["rank_lower"],
        upper=row["rank_upper"],
        set_lower=row["rank_set_lower"],
        set_upper=row["rank_set_upper"],
        p_top_tenth=row["p_top_tenth"],
        p_bottom_tenth=row["p_bottom_tenth"],
        grade=row["grade"],
        n_ranked=row["n_ranked"],
        status=row["status"],
        reason=row["reason"],
    )


def _month(row: Mapping[str, Any]) -> Month:
    if row["status"] not in SHOWN:
        return Month(month=row["month"], status=row["status"])
    kept = {name: row[name] for name in Month.__dataclass_fields__}
    return Month(**kept)


def _figure(row: Mapping[str, Any]) -> Figure:
    seen = row["status"] in SHOWN
    return Figure(
        figure=row["figure"],
        label=row["label"],
        value=row["value"] if seen else None,
        lower=row["lower"] if seen else None,
        upper=row["upper"] if seen else None,
        unit=row["unit"] or "",
        method=row["method"],
        status=row["status"],
        reason=row["reason"],
        column=value_of(row["method_coded"], "column"),
        how=codes(row["method_coded"]),
    )


def _effect(row: Mapping[str, Any]) -> Effect:
    kept = {name: row[name] for name in Effect.__dataclass_fields__}
    kept["unit"], kept["condition"] = kept["unit"] or "", kept["condition"] or ""
    if row["status"] not in SHOWN:
        kept["condition"] = ""
        kept |= dict.fromkeys(
            ("value", "lower", "upper", "band_lower", "band_upper", "p", "n_records", "n_clinics")
        )
        if row["status"] != "not_estimable":  # of such an effect the words say why
            kept["words"] = ""
    return Effect(**kept)


def _clinic(row: Mapping[str, Any]) -> Clinic:
    seen = row["status"] in SHOWN
    return Clinic(
        name=row["clinic"],
        slug=row["slug"],
        region=row["region"],
        n_records=row["n_records"] if seen else None,
        n_patients=row["n_patients"] if seen else None,
        first_month=row["first_month"],
        last_month=row["last_month"],
        reportable=bool(row["reportable"]),
        status=row["status"],
        reason=row["reason"],
    )


def _finding(row: Mapping[str, Any]) -> Finding:
    kept = {name: row[name] for name in Finding.__dataclass_fields__}
    if row["status"] not in SHOWN:
        kept |= {"n_checked": None, "n_found": None}
    return Finding(**kept)


def _change(row: Mapping[str, Any]) -> Change:
    return Change(**{name: row[name] for name in Change.__dataclass_fields__})


def _outcome(row: Mapping[str, Any], **parts: Any) -> Outcome:
    names = (
        "label",
        "kind",
        "direction",
        "comparator",
        "comparator_value",
        "important_difference",
        "n_records",
        "n_clinics",
    )
    adjusters = tuple(each.strip() for each in (row["adjusters"] or "").split(",") if each.strip())
    return Outcome(
        name=row["outcome"],
        unit=row["unit"] or "",
        adjusters=adjusters,
        verdict=row["verdict"],
        verdict_reason=row["verdict_reason"],
        verdict_why=codes(row["verdict_reason_coded"]),
        status=row["status"],
        reason=row["reason"],
        **{name: row[name] for name in names},
        **parts,
    )
