"""The reported month is the one asked for, or the one closed when the run was due; never the clock's."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from flows.month_due import month_just_closed, parse_month
from tasks.errors import ClinicnetError, NetworkError


@pytest.mark.parametrize("text", ["2020-05", "1999-12", "2024-01"])
def test_a_month_is_taken_as_written(text: str) -> None:
    assert parse_month(text) == text


@pytest.mark.parametrize("text", ["2020-13", "2020-00", "2020-5", "May 2020", "2020-05-01", "", "2020-05\n"])
def test_what_is_no_month_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ClinicnetError, match="is not a month") as caught:
        parse_month(text)
    assert "2020-05" in (caught.value.hint or "")


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
    assert month_just_closed(due, zone) == month


def test_an_unknown_time_zone_is_named() -> None:
    with pytest.raises(NetworkError, match="'Mars/Olympus'"):
        month_just_closed(datetime(2020, 6, 3, tzinfo=UTC), "Mars/Olympus")
