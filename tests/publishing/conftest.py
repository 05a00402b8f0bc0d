"""A small release with every table filled, and what a reader of it expects."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from tasks.release import (
    CHANGES,
    CLINIC_ESTIMATES,
    CLINIC_MONTHS,
    CLINIC_RANKS,
    CLINICS,
    INDICATORS,
    LAST_SHOWN,
    LATEST_PERIODS,
    MEASURES,
    NETWORK_FIGURES,
    OUTCOMES,
    PATIENT_GROUPS,
    PROGRAM_EFFECTS,
    QUALITY,
    REGION_ESTIMATES,
    STANDING_SINCE,
    Release,
    Since,
    Table,
    conform,
)

_ROWS: dict[Table, list[dict[str, object]]] = {
    CLINICS: [
        {"clinic": "Ward 1", "slug": "ward-1", "n_records": 140, "reportable": True, "status": "ok"},
        {"clinic": 'Smith, "Old" & Çelik', "slug": "smith-old-celik", "reportable": False}
        | {"status": "suppressed_primary", "reason": "fewer than 11 records"},
    ],
    OUTCOMES: [
        {"outcome": "positive", "label": "Positive tests", "kind": "binary", "direction": "lower"}
        | {"comparator": "network", "comparator_value": 7.25, "status": "ok"},
    ],
    CLINIC_ESTIMATES: [
        {"outcome": "positive", "clinic": clinic, "form": form, "estimand": "share of tests", "value": value}
        | {"lower": value and value - 1 / 3, "numerator": 12, "denominator": 140.0, "status": status}
        for clinic, form, value, status in [
            ("Ward 1", "raw", 100 * 12 / 140, "ok"),
            ("Ward 1", "shrunken", 7.123456789012345, "ok"),
            ('Smith, "Old" & Çelik', "raw", None, "suppressed_primary"),
        ]
    ],
    CLINIC_RANKS: [
        {"outcome": "positive", "clinic": "Ward 1", "rank_median": 1.0, "n_ranked": 1, "status": "ok"},
    ],
    NETWORK_FIGURES: [
        {"outcome": "positive", "figure": "icc", "label": "ICC", "value": 0.2, "lower": 1e-17}
        | {"method": "REML", "status": "ok"},
    ],
    PROGRAM_EFFECTS: [
        {"outcome": "positive", "model": "gee", "estimand": "marginal", "measure": "risk_difference"}
        | {"term": "effect", "question": "policy", "words": "down by 2 points", "status": "ok"},
    ],
    CLINIC_MONTHS: [
        {"outcome": "positive", "clinic": clinic, "month": month, "value": 8.5, "status": "ok"}
        for clinic in ("", "Ward 1")
        for month in ("2020-04", "2020-05")
    ],
    PATIENT_GROUPS: [
        {"outcome": "positive", "column": "age", "group": "<18", "place": 1, "column_label": "Age"}
        | {"label": "Under 18", "value": 9.0, "numerator": 40, "denominator": 444.0, "status": "ok"},
    ],
    REGION_ESTIMATES: [
        {"outcome": "positive", "region": "North", "n_clinics": 2, "n_in_region": 3, "value": 7.5}
        | {"lower": 6.0, "upper": 9.25, "comparison": "no_different"},
    ],
    QUALITY: [
        {"rule": "null_clinic", "clinic": "", "description": "no clinic", "action": "set_aside"}
        | {"n_checked": 200, "n_found": 3, "status": "ok"},
    ],
    CHANGES: [
        {"outcome": outcome, "clinic": clinic, "month": month, "change": change, **said}
        | {"since": "2020-04", "since_release": "92855d900e68"}
        for outcome, clinic, month, change, said in [
            ("", "Ward 1", "", "clinic_new", {"before": "no_records", "after": "ok"}),
            ("positive", "", "", "verdict", {"before": "grade", "after": "rank"}),
            ("positive", "", "2020-04", "restated", {"value_before": 25 / 3, "value_after": 8.5}),
            ("positive", 'Smith, "Old" & Çelik', "", "withheld", {"after": "suppressed_primary"}),
        ]
    ],
    INDICATORS: [
        {"outcome": "positive", "clinic": "Ward 1", "slug": "ward-1", "label": "Positive tests"}
        | {"kind": "binary", "direction": "lower", "window_first": "2020-01", "window_last": "2020-05"}
        | {"value": 7.123456789012345, "verdict": "worse", "verdict_label": "worse", "status": "ok"},
    ],
    MEASURES: [
        {"outcome": "positive", "label": "Positive tests", "why": "to see outbreaks", "target": 5.0}
        | {"target_direction": "at_most", "reviewed": "2026-01-15", "minimum_denominator": 25},
    ],
    STANDING_SINCE: [
        {"outcome": "positive", "clinic": "Ward 1", "comparison": "worse", "first_period": "2020-03"}
        | {"n_reports": 3},
    ],
    LATEST_PERIODS: [
        {"outcome": "positive", "clinic": "Ward 1", "first_latest": "2020-03", "last_latest": "2020-05"}
        | {"n_latest": 3, "n_before": 9, "value_latest": 8.5, "value_before": 7.5, "difference": 1.0}
        | {"lower": -0.5, "upper": 2.5, "change": "no_clear_change"},
    ],
    LAST_SHOWN: [
        {"outcome": "positive", "clinic": 'Smith, "Old" & Çelik', "form": "raw", "value": 25.0}
        | {"last_period": "2020-04", "last_release": "92855d900e68", "last_status": "ok"},
    ],
}


def _release(**changes: object) -> Release:
    whole: dict[str, object] = {
        "id": "3fa9c1d2e801",
        "network": "A network",
        "period": "2020-05",
        "window": ("2020-03", "2020-05"),
        "cut_off": "2020-05-31",
        "policy": "suppress-1-10",
        "versions": {"clinicnet": "0.1.0"},
        "tables": {table.name: conform(table, pd.DataFrame(rows)) for table, rows in _ROWS.items()},
        "since": Since("92855d900e68", "2020-04"),
    }
    return Release(**(whole | changes))  # type: ignore[arg-type]


@pytest.fixture
def make_release() -> Callable[..., Release]:
    """Call it with attributes to change."""
    return _release


@pytest.fixture
def release() -> Release:
    return _release()
