"""The small network as a file in a directory of its own, and its report without a server."""

from __future__ import annotations

from pathlib import Path

import pytest
from golden.demo_feeds import undrawn
from small_network import write_network

from flows.commands import run
from flows.job_step import DoneBefore
from flows.monthly_job import report_period
from flows.period_reported import PeriodReported
from flows.running.progress import Progress


@pytest.fixture
def network_file(tmp_path: Path) -> Path:
    return write_network(tmp_path / "network")


@pytest.fixture
def without_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A period is reported as the flow does it, without a server and undrawn."""

    def here(
        file: Path, period: str, progress: Progress, _before: dict[str, DoneBefore], **_: object
    ) -> PeriodReported:
        journal = undrawn()
        journal.progress = progress
        return report_period(file, period, journal)

    monkeypatch.setattr(run, "in_prefect", here)
