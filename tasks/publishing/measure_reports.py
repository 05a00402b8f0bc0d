"""The clinics' figures as HL7 FHIR R4 MeasureReports, for systems of care that read those.

`fhir/measure-reports-<outcome>.json` is a Bundle of one report a clinic: the counts and the own figure of the
window, and the best estimate beside it. What is withheld is there with the reason masked (FHIR R4,
MeasureReport: https://hl7.org/fhir/R4/measurereport.html; data absent reason:
https://hl7.org/fhir/R4/codesystem-data-absent-reason.html).
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reports.wording import say
from tasks.periods import Period
from tasks.release import INDICATORS, OUTCOMES, SHOWN, Release, conform, plain_rows, rounded

FOLDER = "fhir"
_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_POPULATION = "http://terminology.hl7.org/CodeSystem/measure-population"
_IMPROVEMENT = "http://terminology.hl7.org/CodeSystem/measure-improvement-notation"
_UNITS = "http://unitsofmeasure.org"
_NOTATION = {"higher": "increase", "lower": "decrease"}
_COUNTED = {
    "binary": {"denominator": "denominator", "numerator": "numerator"},
    "count": {"denominator": "denominator", "numerator": "numerator"},
    "continuous": {"denominator": "measure-population"},
}
"""Kind of an outcome → column of `indicators` → what FHIR calls it."""

Resource = dict[str, Any]


def write_measure_reports(release: Release, directory: Path) -> list[Path]:
    """Write a Bundle for each outcome below `directory`, in the language spoken, and return them.

    Args:
        release: what is published.
        directory: the feed's.
    """
    rows = list(plain_rows(rounded(conform(INDICATORS, release[INDICATORS.name]))))
    written = []
    for outcome in plain_rows(release[OUTCOMES.name]):
        mine = [row for row in rows if row["outcome"] == outcome["outcome"]]
        path = directory / FOLDER / f"measure-reports-{outcome['outcome']}.json"
        path.parent.mkdir(exist_ok=True)
        text = json.dumps(bundle(release, mine), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        path.write_text(text + "\n", encoding="utf-8")
        written.append(path)
    return written


def bundle(release: Release, rows: Sequence[Mapping[str, Any]]) -> Resource:
    """One outcome's reports.

    Args:
        release: what is published.
        rows: of `indicators`, of one outcome.
    """
    reports = [_report(release, row) for row in rows]
    entries = [{"fullUrl": f"urn:uuid:{report['id']}", "resource": report} for report in reports]
    return {"resourceType": "Bundle", "type": "collection"} | ({"entry": entries} if entries else {})


def _report(release: Release, row: Mapping[str, Any]) -> Resource:
    first, last = (Period.of_label(label) for label in (row["window_first"], row["window_last"]))
    improvement = _NOTATION.get(row["direction"])
    return {
        "resourceType": "MeasureReport",
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, _address(release, f"{row['outcome']}:{row['clinic']}"))),
        "contained": [{"resourceType": "Organization", "id": "clinic", "name": row["clinic"]}],
        "status": "complete",
        "type": "summary",
        "measure": _address(release, row["outcome"]),
        "date": release.cut_off[:10],
        "reporter": {"reference": "#clinic", "display": row["clinic"]},
        "period": {"start": first.first_day.isoformat(), "end": last.last_day.isoformat()},
        **({"improvementNotation": _coded(_IMPROVEMENT, improvement)} if improvement else {}),
        "group": [
            {
                "code": {"text": f"{row['label']}: {say('clinic.own')}"},
                "population": _populations(row),
                "measureScore": _score(row, "own_value"),
            },
            {
                "code": {"text": f"{row['label']}: {say('clinic.fair')}"},
                "measureScore": _score(row, "value"),
            },
        ],
    }


def _populations(row: Mapping[str, Any]) -> list[Resource]:
    """The counts behind the own figure; an exposure that is no whole number is no population."""
    populations = []
    for column, code in _COUNTED[row["kind"]].items():
        count = row[column]
        if count is not None and not float(count).is_integer():
            continue
        told = {"_count": _absent(row)} if count is None else {"count": int(count)}
        populations.append({"code": _coded(_POPULATION, code), **told})
    return populations


def _score(row: Mapping[str, Any], column: str) -> Resource:
    value = row[column]
    if value is None:
        return _absent(row)
    unit = row["unit"] or "1"
    ucum = {"system": _UNITS, "code": unit} if unit in ("%", "1") else {}
    return {"value": value, "unit": unit, **ucum}


def _absent(row: Mapping[str, Any]) -> Resource:
    """Why a number is not there: masked to protect patients, not applicable, or not known."""
    status = str(row["status"])
    reason = (
        "masked" if status.startswith("suppressed") else "not-applicable" if status in SHOWN else "unknown"
    )
    return {"extension": [{"url": _ABSENT, "valueCode": reason}]}


def _coded(system: str, code: str) -> Resource:
    return {"coding": [{"system": system, "code": code}]}


def _address(release: Release, name: str) -> str:
    """A name that is the same in every release of a network, and of no other's."""
    network = hashlib.sha256(release.network.encode()).hexdigest()[:16]
    return f"urn:clinicnet:{network}:{name}"
