"""Waiting for a period's records to be complete, up to a deadline; then going on with what there is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from flows.job_step import Journal
from flows.monthly_steps import SEE_COMPLETE
from flows.running.stalling import stand_still

if TYPE_CHECKING:
    from tasks.network.schema import Network
    from tasks.screening import Completeness

_PAUSES = (10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
_LATER = 900.0
_SLACK = 300.0  # for the next look itself


def see_complete(network: Network, period: str, journal: Journal) -> Completeness | None:
    """What is known of the period's records, once they are complete or the deadline is over.

    A run that nobody watches looks again, soon at first and then every quarter of an hour, until the network
    file's `wait_hours` are over since it was due. Each look asks the source as it is then. A run at a
    terminal looks once. None where the network file says nothing of when records are complete.

    Raises:
        SourceError: the records or the network's SELECT cannot be used.
        SourceUnreachableError: the records' database does not answer.
    """
    asked = network.schedule.complete
    if not asked.declared:
        return None
    done = len(journal.steps)
    found = journal.do(SEE_COMPLETE, network, period)
    if journal.due is None:
        return found
    deadline = journal.due + timedelta(hours=asked.wait_hours)
    pauses = _pauses()
    while not found.is_complete and (left := (deadline - datetime.now(UTC)).total_seconds()) > 0.0:
        pause = min(next(pauses), left)
        stand_still(pause + _SLACK)
        time.sleep(pause)
        del journal.steps[done:]  # a record of one look says enough
        found = journal.do(SEE_COMPLETE, network, period)
    return found


def _pauses() -> Iterator[float]:
    yield from _PAUSES
    while True:
        yield _LATER
