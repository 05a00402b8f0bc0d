"""The reported period is the one asked for, or the one closed when the run was due; never the clock's."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from flows.period_due import parse_period, period_just_closed
from tasks.errors import ClinicnetError, NetworkError
from tasks.network.schema import Network
from tasks.periods import Kind

NETWORK = {
    "network": {"name": "Six clinics"},
    "records": {"source": "records.duckdb"},
    "outcomes": {"seen": {"label": "Seen", "kind": "binary", "direction": "higher"}},
}


def reporting_by(kind: Kind) -> Network:
    return Network.model_validate({**NETWORK, "window": {"period": kind}})


@pytest.mark.parametrize(
    ("text", "kind"),
    [("2020-05", "month"), ("1999-12", "month"), ("2024-Q1", "quarter"), ("2020-W53", "week")],
)
def test_a_period_is_taken_as_written(text: str, kind: Kind) -> None:
    assert parse_period(text, reporting_by(kind)) == text


@pytest.mark.parametrize("text", ["2020-13", "2020-00", "2020-5", "May 2020", "2020-05-01", "", "2020-05\n"])
def test_what_is_no_month_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ClinicnetError, match="is not a month") as caught:
        parse_period(text, reporting_by("month"))
    assert "2024-05" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("text", "kind", "says", "example"),
    [
        ("2024-Q5", "quarter", "'2024-Q5' is not a quarter", "2024-Q2"),
        ("2021-W53", "week", "'2021-W53' is not a week", "2024-W05"),  # 2021 has 52
    ],
)
def test_what_is_no_quarter_or_week_is_refused_with_an_example(
    text: str, kind: Kind, says: str, example: str
) -> None:
    with pytest.raises(ClinicnetError, match=says) as caught:
        parse_period(text, reporting_by(kind))
    assert example in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("text", "kind", "says", "instead"),
    [
        ("2024-05", "quarter", "'2024-05' is a month, and this network reports by quarter", "say 2024-Q2"),
        ("2024-12", "week", "'2024-12' is a month, and this network reports by week", "say 2025-W01"),
        ("2024-Q2", "month", "'2024-Q2' is a quarter, and this network reports by month", "say 2024-06"),
    ],
)
def test_a_period_of_another_kind_is_refused_with_the_one_to_say(
    text: str, kind: Kind, says: str, instead: str
) -> None:
    with pytest.raises(ClinicnetError, match=says) as caught:
        parse_period(text, reporting_by(kind))
    assert instead in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("due", "zone", "month"),
    [
        (datetime(2020, 6, 3, 6, tzinfo=UTC), "UTC", "2020-05"),
        (datetime(2020, 1, 1, 0, tzinfo=UTC), "UTC", "2019-12"),
        # In New York it is still the evening of 31 May, so the month just closed is April.
        (datetime(2020, 6, 1, 3, tzinfo=UTC), "America/New_York", "2020-04"),
        (datetime(2020, 6, 1, 4, tzinfo=UTC), "America/New_York", "2020-05"),
        # In Auckland the new year has begun.
        (datetime(2019, 12, 31, 12, tzinfo=UTC), "Pacific/Auckland", "2019-12"),
    ],
)
def test_the_month_just_closed_is_that_of_the_network_s_calendar(
    due: datetime, zone: str, month: str
) -> None:
    assert period_just_closed(due, zone) == month


@pytest.mark.parametrize(
    ("due", "zone", "kind", "period"),
    [
        (datetime(2024, 7, 3, 6, tzinfo=UTC), "UTC", "quarter", "2024-Q2"),
        (datetime(2024, 6, 30, 23, tzinfo=UTC), "UTC", "quarter", "2024-Q1"),
        (datetime(2024, 6, 30, 23, tzinfo=UTC), "Europe/Berlin", "quarter", "2024-Q2"),
        # 1 January 2025 is in the first week of 2025, which began on 30 December: the 52nd of 2024 closed.
        (datetime(2025, 1, 1, 6, tzinfo=UTC), "UTC", "week", "2024-W52"),
        # 6 January 2021 is in the first week of 2021: 2020 had 53.
        (datetime(2021, 1, 6, 6, tzinfo=UTC), "UTC", "week", "2020-W53"),
    ],
)
def test_the_quarter_or_week_just_closed(due: datetime, zone: str, kind: Kind, period: str) -> None:
    assert period_just_closed(due, zone, kind) == period


def test_an_unknown_time_zone_is_named() -> None:
    with pytest.raises(NetworkError, match="'Mars/Olympus'"):
        period_just_closed(datetime(2020, 6, 3, tzinfo=UTC), "Mars/Olympus")
