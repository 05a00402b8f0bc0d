"""A release, and the id that stands for all that it publishes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from tasks.release.conforming import conform, rounded
from tasks.release.tables import TABLES


@dataclass(frozen=True, slots=True)
class Since:
    """The release that another is compared with: its id and the label of the period it reports."""

    id: str
    period: str


@dataclass(frozen=True)
class Release:
    """What one run publishes.

    Attributes:
        id: short digest of the network's configuration, period, policy, program version and tables: the
            same records and configuration give the same id.
        network: the network's name.
        period: the label of the reported period: 2024-05, 2024-Q2 or 2024-W05.
        window: first and last period the estimates use.
        cut_off: latest date among the records used, YYYY-MM-DD.
        policy: name of the disclosure policy applied; None before disclosing.
        versions: package → version, of what computed it.
        tables: table name → frame with that table's columns.
        since: the earlier release that `changes` compares this one with; None where there is none.
        counts_patients: whether the records name patients; where they do, a missing count is withheld.
        incomplete: why the reported period's records are known not to be all there, in the network's
            language and without a full stop; None where nothing says so.
        first_date: earliest date among the records used, YYYY-MM-DD; None where a release is read again.
    """

    id: str
    network: str
    period: str
    window: tuple[str, str]
    cut_off: str
    policy: str | None
    versions: Mapping[str, str]
    tables: Mapping[str, pd.DataFrame]
    since: Since | None = None
    counts_patients: bool = True
    first_date: str | None = None
    incomplete: str | None = None

    def __getitem__(self, table: str) -> pd.DataFrame:
        return self.tables[table]


def release_id(
    configuration: str,
    period: str,
    policy: str,
    tables: Mapping[str, pd.DataFrame],
    since: Since | None = None,
) -> str:
    """Twelve hexadecimal digits that stand for what is published: the same content has the same id.

    Args:
        configuration: the network file, its SELECT and the program's version, as one text.
        period: the label of the reported period: 2024-05, 2024-Q2 or 2024-W05.
        policy: the disclosure policy that was applied.
        tables: the tables after disclosure; their numbers are rounded before they are digested.
        since: the release compared with; it is named in the reports even where nothing changed.
    """
    digest = hashlib.sha256()
    for part in (configuration, period, policy, "" if since is None else since.id):
        digest.update(part.encode() + b"\0")
    for table in TABLES:
        digest.update(table.name.encode() + b"\0")
        for row in rounded(conform(table, tables[table.name])).itertuples(index=False, name=None):
            cells = ("\1" if pd.isna(cell) else str(cell) for cell in row)
            digest.update("\2".join(cells).encode() + b"\0")
    return digest.hexdigest()[:12]
