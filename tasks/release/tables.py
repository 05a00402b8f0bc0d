"""The tables that one run publishes, with every column described once: what it holds, and what it tells.

What a column tells decides what is masked of it, and nothing else does. A new column or table is masked by
what it declares, without a word anywhere else.

Descriptions have {period}, {periods} and {label} in them for what the network reports by, and are English;
the feed puts them into the network's language. Names are the same in all: a column called month holds the
label of a period, whichever its kind, so that one dashboard reads every network.
"""

from __future__ import annotations

from tasks.release.common_columns import NOTHING, column
from tasks.release.derived_tables import (
    CHANGES,
    INDICATORS,
    LAST_SHOWN,
    LATEST_PERIODS,
    MEASURES,
    STANDING_SINCE,
)
from tasks.release.estimated_tables import (
    CLINIC_ESTIMATES,
    CLINIC_MONTHS,
    CLINIC_RANKS,
    CLINICS,
    NETWORK_FIGURES,
    OUTCOMES,
    PATIENT_GROUPS,
    PROGRAM_EFFECTS,
    QUALITY,
    REGION_ESTIMATES,
)
from tasks.release.table_columns import Table

RELEASE_COLUMNS = (
    column("release", "string", NOTHING, "id of the release that published the row", required=True),
    column("period", "string", NOTHING, "the reported {period}, {label}", required=True),
)
"""Columns that stand before each table's own in the feed: rows of several releases can be put together."""

FROM_MASKED = (CHANGES, LAST_SHOWN, LATEST_PERIODS, STANDING_SINCE, INDICATORS, MEASURES)
"""Tables that are made of masked ones, of what was published before and of the network file: they are empty
until then."""

TABLES: tuple[Table, ...] = (
    CLINICS,
    OUTCOMES,
    CLINIC_ESTIMATES,
    CLINIC_RANKS,
    NETWORK_FIGURES,
    PROGRAM_EFFECTS,
    CLINIC_MONTHS,
    PATIENT_GROUPS,
    REGION_ESTIMATES,
    QUALITY,
    CHANGES,
    LAST_SHOWN,
    LATEST_PERIODS,
    STANDING_SINCE,
    INDICATORS,
    MEASURES,
)

BY_CLINIC, BY_OUTCOME = "clinics/{slug}.json", "outcomes/{outcome}.json"
"""In the feed: the rows of all tables about one clinic, and about one outcome."""
