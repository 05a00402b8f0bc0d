"""Without a schedule of its own, a network reports each period on the third day after it."""

from __future__ import annotations

import asyncio
import itertools
import tomllib
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from small_network import NETWORK

from flows.period_due import CLOSED, due_after, due_before, period_just_closed
from tasks.network import Network
from tasks.periods import KINDS, Kind, Period


def _reporting_by(kind: Kind, zone: str) -> Network:
    said = tomllib.loads(NETWORK)
    said["network"]["time_zone"] = zone
    return Network.model_validate({**said, "window": {"period": kind}})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Pacific/Auckland"])
def test_every_period_is_reported_once_and_on_the_third_day_after_it(kind: Kind, zone: str) -> None:
    from prefect.server.schemas.schedules import CronSchedule  # loads all of Prefect's server

    schedule = CronSchedule(cron=CLOSED[kind], timezone=zone)
    dates = asyncio.run(schedule.get_dates(60, start=datetime(2020, 11, 1, tzinfo=UTC)))
    times = [date.astimezone(ZoneInfo(zone)) for date in dates]
    network = _reporting_by(kind, zone)
    ours = [each.at for each in itertools.islice(due_after(network, datetime(2020, 11, 1, tzinfo=UTC)), 60)]
    assert ours == times
    end = ours[-1] + timedelta(hours=1)
    assert [each.at for each in itertools.islice(due_before(network, end), 60)] == ours[::-1]
    closed = [Period.of_label(period_just_closed(time.astimezone(UTC), zone, kind)) for time in times]
    assert closed == list(closed[-1].window(60))
    for time, period in zip(times, closed, strict=True):
        assert ((time.date() - period.day_after).days, time.hour) == (2, 6)
