"""What was published of clinics that have another name by now, under the name of today.

A clinic that several have merged into has as many pasts: it must not be set off against any of them. The
tables are therefore given once for each, with the others of that merger left out.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from tasks.release import CLINIC_ESTIMATES, CLINIC_MONTHS, CLINICS, conform

Tables = Mapping[str, pd.DataFrame]


def under_names_of_today(tables: Tables, now: Mapping[str, str]) -> list[Tables]:
    """The tables of a release with each clinic under its name of today, once for each past of the mergers.

    Args:
        tables: as published.
        now: old name → name of today.
    """
    clinics = [str(each) for each in tables[CLINICS.name]["clinic"]]
    pasts: dict[str, list[str]] = {}
    # the clinic that kept its name comes first: it goes on, and the others have joined it
    for clinic in sorted(clinics, key=lambda each: (each in now, each)):
        pasts.setdefault(now.get(clinic, clinic), []).append(clinic)
    found: list[Tables] = []
    for turn in range(max(map(len, pasts.values()), default=1)):
        chosen = {past[min(turn, len(past) - 1)]: name for name, past in pasts.items()}
        found.append(
            {
                **tables,
                **{table.name: _named(table.name, tables, chosen) for table in (CLINICS, CLINIC_ESTIMATES)},
                CLINIC_MONTHS.name: _named(CLINIC_MONTHS.name, tables, chosen | {"": ""}),
            }
        )
    return found


_TABLES = {table.name: table for table in (CLINICS, CLINIC_ESTIMATES, CLINIC_MONTHS)}


def _named(table: str, tables: Tables, chosen: Mapping[str, str]) -> pd.DataFrame:
    """The rows of the chosen clinics, under their names of today."""
    names = tables[table]["clinic"].map(lambda clinic: chosen.get(str(clinic)))
    kept = names.notna()
    return conform(_TABLES[table], tables[table][kept].assign(clinic=names[kept]))
