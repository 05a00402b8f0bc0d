"""The release: the tables that one run publishes, with every column described once.

Estimating and ranking fill these tables, disclosing masks what must not be seen, rendering draws them,
publishing writes them. Everything a person or a dashboard reads comes from here, so a PDF and a feed
cannot disagree. No table has a row or a value that stands for a single patient.
"""

from tasks.release.common_columns import CODED, NOTHING, SHOWN, STATUSES
from tasks.release.comparisons import TONES
from tasks.release.conforming import SIGNIFICANT_DIGITS, conform, plain_rows, plain_values, rounded
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
from tasks.release.figure_names import FIGURES, NetworkFigure, network_figure
from tasks.release.identity import Release, Since, release_id
from tasks.release.over_expected import over_expected
from tasks.release.part_periods import first_in_part, reported_in_part
from tasks.release.table_columns import About, Column, Kind, Of, Table, Tells
from tasks.release.tables import BY_CLINIC, BY_OUTCOME, FROM_MASKED, RELEASE_COLUMNS, TABLES
from tasks.release.targets import Reach, reach

__all__ = [
    "BY_CLINIC",
    "BY_OUTCOME",
    "CHANGES",
    "CLINICS",
    "CLINIC_ESTIMATES",
    "CLINIC_MONTHS",
    "CLINIC_RANKS",
    "CODED",
    "FIGURES",
    "FROM_MASKED",
    "INDICATORS",
    "LAST_SHOWN",
    "LATEST_PERIODS",
    "MEASURES",
    "NETWORK_FIGURES",
    "NOTHING",
    "OUTCOMES",
    "PATIENT_GROUPS",
    "PROGRAM_EFFECTS",
    "QUALITY",
    "REGION_ESTIMATES",
    "RELEASE_COLUMNS",
    "SHOWN",
    "SIGNIFICANT_DIGITS",
    "STANDING_SINCE",
    "STATUSES",
    "TABLES",
    "TONES",
    "About",
    "Column",
    "Kind",
    "NetworkFigure",
    "Of",
    "Reach",
    "Release",
    "Since",
    "Table",
    "Tells",
    "conform",
    "first_in_part",
    "network_figure",
    "over_expected",
    "plain_rows",
    "plain_values",
    "reach",
    "release_id",
    "reported_in_part",
    "rounded",
]
