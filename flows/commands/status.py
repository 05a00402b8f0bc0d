"""How a network stands: what was reported last, what is due next, and what was due and was missed.

A run that fails can say so; one that never began cannot. So it is looked for what should be there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from flows.period_due import Due, due_after, due_before
from flows.published_output import network_and_output
from tasks.network import Network
from tasks.publishing import (
    HeldRelease,
    Kept,
    Output,
    Recorded,
    held_releases,
    kept_releases,
    pruned_releases,
    recorded_runs,
)

_DECIDED = ("held", "refused", "withdrawn", "restored")  # that is said otherwise, or no failure


@dataclass(frozen=True, slots=True)
class Status:
    """How a network stands at a moment.

    Attributes:
        network_file: the network's file.
        network: its description.
        moment: when.
        latest: the release that `latest` leads to; None before the first.
        success: the last run whose release stood at its end; None where there is none.
        last: the last run, however it ended; None where there is none.
        next: the report that is due next.
        missed: reports that were due and are neither there nor held, the oldest first.
        held: releases that wait for a person, by period.
        measured: the last run that has ended and did steps; None where there is none.
    """

    network_file: Path
    network: Network
    moment: datetime
    latest: Kept | None
    success: Recorded | None
    last: Recorded | None
    next: Due
    missed: Sequence[Due]
    held: Sequence[HeldRelease] = ()
    measured: Recorded | None = None

    @property
    def output(self) -> Output:
        """Where its releases are."""
        return Output(self.network.directory / self.network.output.directory)

    def lines(self) -> Iterator[str]:
        """As people read it."""
        yield f"Network   {self.network.network.name} (times in {self.network.network.time_zone})"
        if self.latest is None and self.success is not None:
            yield "Latest    nothing: what was published is withdrawn"
        elif self.latest is None:
            yield "Latest    nothing is published yet"
        else:
            yield f"Latest    {self.latest.name}, of {self.latest.period}, {_age(self.age_of_latest)} old"
        if self.success is None:
            yield "Reported  no run has ended well yet"
        else:
            yield f"Reported  {self._at(self.success.finished)}: {self.success.period}, {self.success.ended}"
        for held in self.held:
            yield f"HELD      {held.name}, since {self._at(held.since)}: {'; '.join(held.reasons)}"
            command = f"clinicnet approve {held.name} --network {self.network_file} --by NAME"
            yield f"          To publish it: {command}"
        if self.last is not None and not self.last.published and self.last.ended not in _DECIDED:
            why = f": {self.last.error}" if self.last.error else ""
            yield f"Last run  {self._at(self.last.started)}: {self.last.period}, {self.last.ended}{why}"
        yield f"Next due  {self._at(self.next.at)}: {self.next.period}"
        for each in self.missed:
            yield f"MISSED    {each.period} was due on {self._at(each.at)} and is not reported"
        if self.missed:
            yield f"To report it: clinicnet run {self.network_file} --period {self.missed[0].period}"

    def as_json(self) -> str:
        """As a program reads it: times by ISO 8601, ages in seconds."""
        latest, success, last = self.latest, self.success, self.last
        return json.dumps(
            {
                "network": self.network.network.name,
                "ok": not self.missed,
                "latest": latest
                and {
                    "release": latest.name,
                    "period": latest.period,
                    "published": _iso(latest.published),
                    "age_seconds": round(self.age_of_latest.total_seconds()),
                },
                "last_success": success and _run(success),
                "last_run": last and _run(last),
                "next_due": _due(self.next),
                "missed": [_due(each) for each in self.missed],
                "held": [
                    {"release": each.name, "since": _iso(each.since), "reasons": list(each.reasons)}
                    for each in self.held
                ],
            },
            ensure_ascii=False,
            indent=2,
        )

    @property
    def age_of_latest(self) -> timedelta:
        """How long ago the release was published that `latest` leads to; nothing where there is none."""
        return timedelta() if self.latest is None else self.moment - self.latest.published

    def _at(self, when: datetime) -> str:
        return f"{when.astimezone(ZoneInfo(self.network.network.time_zone)):%Y-%m-%d %H:%M}"


def status_of(network_file: Path, moment: datetime, cron: str | None = None, hours: float = 3.0) -> Status:
    """How the network stands at `moment`.

    A report counts as missed that was due since the first run, or was the last one due, and whose period has
    no release `hours` later, or that long after the last moment at which it waits for its records.

    Args:
        network_file: the network's file.
        moment: now.
        cron: when reports are due, where not as the network file says.
        hours: how long a report may take.

    Raises:
        ClinicnetError: the network file or a release cannot be read, or `cron` is no schedule.
    """
    network, output = network_and_output(network_file)
    kept, runs = kept_releases(output), recorded_runs(output.runs, output.abandoned())
    held = held_releases(output)
    there = {each.period for each in kept} | {each.period for each in held}
    there |= {each.period for each in pruned_releases(output)}
    complete = network.schedule.complete
    late = moment - timedelta(hours=hours + (complete.wait_hours if complete.declared else 0.0))
    since = min((run.started for run in runs), default=late)
    return Status(
        network_file=network_file,
        network=network,
        moment=moment,
        latest=next((each for each in kept if each.is_latest), None),
        success=next((run for run in reversed(runs) if run.published), None),
        last=runs[-1] if runs else None,
        next=next(due_after(network, moment, cron)),
        missed=[each for each in _expected(network, since, late, cron) if each.period not in there],
        held=held,
        measured=next((run for run in reversed(runs) if run.steps and run.ended != "running"), None),
    )


def _expected(network: Network, since: datetime, until: datetime, cron: str | None) -> list[Due]:
    """The reports that were due from `since` to `until`, and the last one in any case; oldest first."""
    found: dict[str, Due] = {}
    for each in due_before(network, until, cron):
        if found and each.at < since:
            break
        found[each.period] = each  # of two times for one period the first counts
    return list(reversed(found.values()))


def _run(run: Recorded) -> dict[str, str | None]:
    return {
        "period": run.period,
        "started": _iso(run.started),
        "finished": _iso(run.finished),
        "ended": run.ended,
        "error": run.error,
    }


def _due(due: Due) -> dict[str, str]:
    return {"period": due.period, "at": _iso(due.at)}


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _age(age: timedelta) -> str:
    """How old something is, as people say it.

    >>> _age(timedelta(days=3, hours=5)), _age(timedelta(hours=1, minutes=50)), _age(timedelta(minutes=1))
    ('3 days', '1 hour', '1 minute')
    """
    for seconds, unit in ((86_400, "day"), (3_600, "hour")):
        n = int(age.total_seconds() // seconds)
        if n:
            return f"{n} {unit}{'s' if n > 1 else ''}"
    minutes = int(age.total_seconds() // 60)
    return f"{minutes} minute{'s' if minutes != 1 else ''}"
