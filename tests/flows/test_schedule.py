"""Without a schedule of its own, a network reports each period on the third day after it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from prefect.server.schemas.schedules import CronSchedule

from flows.period_due import CLOSED, period_just_closed
from tasks.periods import KINDS, Kind, Period


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Pacific/Auckland"])
def test_every_period_is_reported_once_and_on_the_third_day_after_it(kind: Kind, zone: str) -> None:
    schedule = CronSchedule(cron=CLOSED[kind], timezone=zone)
    dates = asyncio.run(schedule.get_dates(60, start=datetime(2020, 11, 1, tzinfo=UTC)))
    times = [date.astimezone(ZoneInfo(zone)) for date in dates]
    closed = [Period.of_label(period_just_closed(time.astimezone(UTC), zone, kind)) for time in times]
    assert closed == list(closed[-1].window(60))
    for time, period in zip(times, closed, strict=True):
        assert ((time.date() - period.day_after).days, time.hour) == (2, 6)
