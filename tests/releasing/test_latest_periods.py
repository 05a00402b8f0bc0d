"""Which clinics' latest months are set beside those before, and with which words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.release import CLINIC_MONTHS, OUTCOMES, conform
from tasks.releasing.latest_periods import latest_periods

MONTHS = [f"2024-{month:02d}" for month in range(1, 13)]
Shares = list[float | None]
WITHHELD = -1.0


def told(
    kind: str,
    series: dict[str, Shares],
    denominator: float | None = 200.0,
    starts: dict[str, str] | None = None,
    in_part: tuple[str, ...] = (),
) -> pd.DataFrame:
    """Rows of `latest_periods` of clinics with these values by month; None is a month without records."""
    outcome = {"outcome": "y", "label": "Y", "kind": kind, "direction": "higher", "comparator": "c"}
    rows: list[dict[str, Any]] = [
        {"outcome": "y", "clinic": clinic, "month": month}
        | (
            {"status": "no_records"}
            if value is None
            else {"status": "suppressed_secondary"}
            if value == WITHHELD
            else {"value": value, "denominator": denominator, "status": "ok"}
        )
        for clinic, values in series.items()
        for month, value in zip(MONTHS, values, strict=True)
    ]
    tables = {
        "outcomes": conform(OUTCOMES, pd.DataFrame([outcome | {"unit": "%", "status": "ok"}])),
        "clinic_months": conform(CLINIC_MONTHS, pd.DataFrame(rows)),
    }
    return latest_periods(tables, MONTHS, "month", starts, in_part).set_index("clinic")


def test_a_clear_rise_a_clear_fall_and_neither() -> None:
    level: Shares = [30.0, 32.0, 28.0, 31.0, 29.0, 30.0, 30.0, 31.0, 29.0]
    rows = told(
        "binary",
        {"up": [*level, 50.0, 51.0, 49.0], "down": [*level, 10.0, 11.0, 9.0], "": [*level, *level[:3]]},
    )
    assert rows["change"].to_dict() == {"up": "higher", "down": "lower", "": "no_clear_change"}
    up = rows.loc["up"]
    assert (up["first_latest"], up["last_latest"], up["n_latest"], up["n_before"]) == (
        "2024-10",
        "2024-12",
        3,
        9,
    )
    assert (up["value_latest"], up["value_before"], up["difference"]) == pytest.approx((50.0, 30.0, 20.0))
    assert up["lower"] < 20.0 < up["upper"]


def test_no_month_of_the_latest_may_be_missing_and_enough_must_stand_before() -> None:
    level: Shares = [30.0] * 9
    rows = told(
        "binary",
        {
            "gap": [*level, 30.0, None, 30.0],
            "new": [*[None] * 4, *level[:5], 30.0, 30.0, 30.0],
            "some": [*[None] * 3, *level[:6], 30.0, 30.0, 30.0],
        },
    )
    assert list(rows.index) == ["some"]
    assert rows.loc["some", "n_before"] == 6


@pytest.mark.parametrize(("kind", "compared"), [("binary", False), ("count", False), ("continuous", True)])
def test_where_few_events_are_withheld_the_others_are_no_mean(kind: str, compared: bool) -> None:
    """The months that are left were 0.45 visits, where all nine before had been 0.41."""
    series: Shares = [30.0, 31.0, WITHHELD, 29.0, 30.0, 31.0, WITHHELD, 30.0, 29.0, 30.0, 31.0, 29.0]
    assert (len(told(kind, {"some": series})) > 0) == compared


def test_a_volume_that_collapses_is_told() -> None:
    """46 to 51 a month and then 3, 4 and 19: its run chart's limits, of so few months, give no signal."""
    falls: Shares = [46.0, 35.0, 30.0, 48.0, 35.0, 34.0, 46.0, 29.0, 51.0, 3.0, 4.0, 19.0]
    usual: Shares = [40.0, 35.0, 30.0, 48.0, 35.0, 34.0, 46.0, 29.0, 41.0, 38.0, 33.0, 36.0]
    rows = told("count", {"falls": falls, "usual": usual, "": usual}, denominator=None)
    assert rows["change"].to_dict() == {"falls": "lower", "usual": "no_clear_change", "": "no_clear_change"}
    assert rows.loc["falls", "value_latest"] == pytest.approx((3 + 4 + 19) / 3)
    # the last month is not over: the three before it are the latest whole ones
    part = told("count", {"usual": usual}, denominator=None, in_part=("2024-12",)).loc["usual"]
    assert (part["first_latest"], part["last_latest"], part["n_before"]) == ("2024-09", "2024-11", 8)


def test_a_difference_ends_where_shares_and_rates_do() -> None:
    few: Shares = [2.0, 1.0, 3.0, 2.0, 1.0, 2.0, 2.0, 3.0, 1.0, 1.0, 9.0, 2.0]
    row = told("binary", {"a": few}, denominator=12.0).loc["a"]
    assert row["lower"] == pytest.approx(-row["value_before"])  # not 8 points below 2%
    many: Shares = [100.0 - (each or 0.0) for each in few]
    assert told("binary", {"a": many}, denominator=12.0).loc["a", "upper"] == pytest.approx(17 / 9)


@pytest.mark.parametrize(
    ("kind", "by_sampling"), [("binary", 30.0 * 70.0), ("count", 30.0), ("continuous", 0.0)]
)
def test_what_sampling_alone_gives_depends_on_the_kind(kind: str, by_sampling: float) -> None:
    row = told(kind, {"": [30.0] * 12}).loc[""]
    # Student's 97.5% point of 10 degrees of freedom is 2.2281
    assert row["upper"] == pytest.approx(2.22814 * (by_sampling * (1 / 600 + 1 / 1800)) ** 0.5, rel=1e-4)


def test_a_declared_start_is_a_change_of_level_and_no_likeness_of_months() -> None:
    """30 before May, 50 since: what months vary by is seen about either, and the last are higher."""
    wiggle = [1.0, -1.0, 2.0, -2.0, 1.0, -1.0, 2.0, -2.0, 0.0, 1.0, -1.0, 0.0]
    stepped: Shares = [(30.0 if month < 4 else 50.0) + each for month, each in enumerate(wiggle)]
    unaware = told("continuous", {"a": stepped}).loc["a"]
    aware = told("continuous", {"a": stepped}, starts={"a": "2024-05"}).loc["a"]
    assert unaware["change"] == "no_clear_change"
    assert aware["change"] == "higher"
    assert aware["difference"] == unaware["difference"]


@pytest.mark.slow
def test_a_start_that_changed_nothing_is_not_found_to_have() -> None:
    rng = np.random.default_rng(23)
    called = []
    for _ in range(60):
        series: dict[str, Shares] = {
            f"c{clinic}": [float(each) for each in 30.0 + 10.0 * rng.normal(size=12)] for clinic in range(20)
        }
        starts = {clinic: MONTHS[3 + place % 6] for place, clinic in enumerate(series)}
        called += list(told("binary", series, starts=starts)["change"] != "no_clear_change")
    assert 0.03 < np.mean(called) < 0.07


@pytest.mark.slow
def test_months_of_all_clinics_that_are_alike_widen_the_interval_of_each() -> None:
    """Shocks that last months, without any change: as many are called changed as are promised."""
    rng = np.random.default_rng(21)
    called = []
    for _ in range(60):
        series: dict[str, Shares] = {}
        for clinic in range(20):
            shock = rng.normal()
            values: Shares = []
            for _ in MONTHS:
                shock = 0.7 * shock + np.sqrt(1 - 0.7**2) * rng.normal()
                values.append(float(30.0 + 10.0 * shock))
            series[f"c{clinic}"] = values
        called += list(told("binary", series)["change"] != "no_clear_change")
    assert np.mean(called) < 0.07


@pytest.mark.slow
def test_months_that_are_not_alike_are_compared_as_before() -> None:
    rng = np.random.default_rng(22)
    called = []
    for _ in range(60):
        series: dict[str, Shares] = {
            f"c{clinic}": [float(each) for each in 30.0 + 10.0 * rng.normal(size=12)] for clinic in range(20)
        }
        called += list(told("binary", series)["change"] != "no_clear_change")
    assert 0.03 < np.mean(called) < 0.06


@pytest.mark.parametrize(
    ("kind", "value", "compared"),
    [("binary", 0.0, False), ("binary", 100.0, False), ("count", 0.0, False), ("continuous", 0.0, True)],
)
def test_where_nobody_ever_had_the_event_nothing_is_said_of_a_change(
    kind: str, value: float, compared: bool
) -> None:
    """ "No clear change (a difference of 0.0 to 0.0)" of a clinic whose rate is nearly 1%."""
    assert bool(len(told(kind, {"a": [value] * 12}))) is compared
    assert len(told(kind, {"a": [value] * 11 + [value + 1.0 if value == 0.0 else 99.0]}))
