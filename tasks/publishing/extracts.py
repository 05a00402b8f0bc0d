"""The feed by clinic and by outcome: what a page about one of them reads, in kilobytes instead of a table.

`clinics/<slug>.json` holds every row of every table that is about a clinic, `outcomes/<outcome>.json` what is
about an outcome but its clinics' months. Rows are those of the tables' own JSON, to the letter.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tasks.release import BY_CLINIC, BY_OUTCOME, CLINIC_MONTHS, CLINICS, LAST_SHOWN, Release

_LONG = (CLINIC_MONTHS.name, LAST_SHOWN.name)
"""Tables of which an outcome's file has the rows of the whole network alone."""


@dataclass(frozen=True)
class JsonRows:
    """A table's rows as JSON, with the clinic and outcome that each is about; None where it names none."""

    lines: Sequence[str]
    clinics: Sequence[str] | None
    outcomes: Sequence[str] | None


def write_extracts(release: Release, tables: Mapping[str, JsonRows], directory: Path) -> list[Path]:
    """Write the files of clinics and outcomes below `directory`, and return them.

    Args:
        release: what is published.
        tables: name of each table → its rows.
        directory: the feed's.
    """
    by_clinic: dict[str, dict[str, list[str]]] = {}
    by_outcome: dict[str, dict[str, list[str]]] = {}
    for name, rows in tables.items():
        for at, line in enumerate(rows.lines):
            clinic = rows.clinics[at] if rows.clinics is not None else ""
            if clinic:
                by_clinic.setdefault(clinic, {}).setdefault(name, []).append(line)
            if rows.outcomes is not None and rows.outcomes[at] and not (clinic and name in _LONG):
                by_outcome.setdefault(rows.outcomes[at], {}).setdefault(name, []).append(line)
    clinics = release[CLINICS.name]
    slugs = dict(zip(clinics["clinic"].astype(str), clinics["slug"].astype(str), strict=True))
    heads = {
        BY_CLINIC.format(slug=slugs[clinic]): found for clinic, found in by_clinic.items() if clinic in slugs
    } | {BY_OUTCOME.format(outcome=outcome): found for outcome, found in by_outcome.items()}
    written = []
    for name, found in sorted(heads.items()):
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(_text(release, found), encoding="utf-8")
        written.append(path)
    return written


def _text(release: Release, found: Mapping[str, Sequence[str]]) -> str:
    told = {"release": release.id, "network": release.network, "period": release.period}
    head = ",\n".join(
        f"{json.dumps(key)}:{json.dumps(each, ensure_ascii=False)}" for key, each in told.items()
    )
    tables = ",\n".join(
        f"{json.dumps(name)}:[\n" + ",\n".join(lines) + "\n]" for name, lines in found.items()
    )
    return "{\n" + head + ',\n"tables":{\n' + tables + "\n}\n}\n"
