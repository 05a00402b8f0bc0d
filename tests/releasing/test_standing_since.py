"""Since when clinics stand out, from releases whose comparisons are written out."""

from __future__ import annotations

import pandas as pd

from tasks.publishing import Earlier
from tasks.release import CLINIC_ESTIMATES, Since, conform
from tasks.releasing.standing_since import standing_since

Said = dict[str, str | None]
"""Clinic → how it compares; None where small numbers keep it from being shown."""


def estimates(said: Said) -> dict[str, pd.DataFrame]:
    rows = [
        {"outcome": "y", "clinic": clinic, "form": "shrunken", "comparison": side}
        | {"status": "ok" if side else "suppressed_primary", "value": 1.0 if side else None}
        for clinic, side in said.items()
    ]
    empty = CLINIC_ESTIMATES.empty()
    frame = pd.DataFrame(rows, columns=empty.columns).assign(estimand="", numerator=None, denominator=None)
    return {CLINIC_ESTIMATES.name: conform(CLINIC_ESTIMATES, frame)}


def released(period: str, said: Said) -> Earlier:
    return Earlier(Since("a" * 12, period), "", estimates(said))


def since(now: Said, **before: Said) -> dict[str, tuple[str, int]]:
    earlier = [released(f"2024-{name[1:]}", said) for name, said in sorted(before.items(), reverse=True)]
    rows = standing_since(earlier, "2024-06", estimates(now))
    return {row.clinic: (str(row.first_period), int(row.n_reports)) for row in rows.itertuples(index=False)}


def test_the_series_ends_where_a_report_said_otherwise() -> None:
    found = since(
        {"a": "worse", "b": "better", "c": "no_different", "d": "worse"},
        m05={"a": "worse", "b": "no_different", "d": "better"},
        m04={"a": "worse", "b": "better", "d": "worse"},
        m03={"a": "no_different", "b": "better"},
        m02={"a": "worse"},
    )
    assert found == {"a": ("2024-04", 3), "b": ("2024-06", 1), "d": ("2024-06", 1)}


def test_a_report_that_showed_nothing_says_nothing_to_the_contrary() -> None:
    found = since(
        {"a": "worse", "b": "worse"}, m05={"a": None}, m04={"a": "worse", "b": "worse"}, m03={"a": None}
    )
    assert found == {"a": ("2024-04", 2), "b": ("2024-04", 2)}


def test_what_is_withheld_now_is_not_told() -> None:
    assert since({"a": None}, m05={"a": "worse"}) == {}
