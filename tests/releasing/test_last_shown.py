"""What a reader is told of a withheld figure: what the last release that could shows, and nothing newer."""

from __future__ import annotations

from typing import Any

import pandas as pd

from tasks.publishing import Earlier, latest_editions
from tasks.release import CLINIC_ESTIMATES, Since, conform
from tasks.releasing.last_shown import last_shown

POLICY = "suppress-1-10"
Figures = dict[str, float | str]


def estimates(figures: Figures) -> dict[str, pd.DataFrame]:
    """Clinic → its own figure of `hours`, or the status that says why it has none; the best is one more."""
    rows: list[dict[str, Any]] = []
    for clinic, figure in figures.items():
        for form, more in (("raw", 0.0), ("shrunken", 1.0)):
            row = {"outcome": "hours", "clinic": clinic, "form": form, "estimand": "mean"}
            if isinstance(figure, str):
                rows.append({**row, "status": figure, "comparison": "not_compared"})
            else:
                rows.append({**row, "status": "ok", "comparison": "better", "value": figure + more})
    return {CLINIC_ESTIMATES.name: conform(CLINIC_ESTIMATES, pd.DataFrame(rows))}


def released(period: str, figures: Figures, *, edition: str = "a", policy: str = POLICY) -> Earlier:
    return Earlier(Since(f"{edition}{period}", period), policy, estimates(figures))


def shown(earlier: list[Earlier], now: Figures) -> dict[str, tuple[str, float]]:
    """Clinic → the period and own figure that is told for it, where its best is of the same release."""
    rows = last_shown(latest_editions(earlier, "2020-06", POLICY), estimates(now))
    own, best = (rows[rows["form"] == form].set_index("clinic") for form in ("raw", "shrunken"))
    assert (best["value"] == own["value"] + 1).all()
    assert (best["last_release"] == own["last_release"]).all()
    return {str(clinic): (row["last_period"], row["value"]) for clinic, row in own.iterrows()}


WITHHELD = {"a": "suppressed_secondary", "b": "suppressed_primary", "c": 5.0, "d": "no_records"}


def test_the_last_release_that_shows_a_figure_is_told() -> None:
    april = released("2020-04", {"a": 3.0, "b": 4.0, "c": 5.0, "d": 6.0})
    may = released("2020-05", {"a": 3.5, "b": "suppressed_primary", "c": 5.5, "d": 6.5})
    assert shown([april, may], WITHHELD) == {"a": ("2020-05", 3.5), "b": ("2020-04", 4.0)}


def test_what_was_never_shown_is_not_told() -> None:
    assert last_shown([released("2020-05", WITHHELD)], estimates(WITHHELD)).empty


def test_of_two_releases_of_a_period_the_later_speaks() -> None:
    first = released("2020-05", {"a": 3.0, "b": 4.0})
    again = released("2020-05", {"a": 3.1, "b": "suppressed_primary"}, edition="b")
    assert shown([first, again], WITHHELD) == {"a": ("2020-05", 3.1)}


def test_another_policy_and_later_periods_are_passed_over() -> None:
    open_ = released("2020-05", {"a": 3.0}, policy="none")
    later = released("2020-07", {"a": 3.0})
    same = released("2020-06", {"a": 3.0})
    assert latest_editions([open_, same, later], "2020-06", POLICY) == []
