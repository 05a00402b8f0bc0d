"""`clinicnet run` reads the network file once and screens once, before Prefect is started."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from small_network import MONTH, write_network

import tasks.network.reading
import tasks.screening.checking
import tasks.screening.screening
from flows.commands import run
from flows.job_step import DoneBefore, Journal
from flows.monthly_job import report_network
from flows.monthly_steps import DRAW, READ, SCREEN


@pytest.mark.slow
def test_the_file_is_read_once_and_the_records_are_screened_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: Counter[str] = Counter()
    for module, name in ((tasks.network.reading, "examine"), (tasks.screening.screening, "_screen")):
        function = getattr(module, name)
        monkeypatch.setattr(
            module, name, lambda *each, _name=name, _of=function: (counted.update([_name]), _of(*each))[1]
        )
    monkeypatch.setattr(tasks.screening.checking, "examine", tasks.network.reading.examine)

    def here(file: Path, month: str, progress: object, before: dict[str, DoneBefore], **_: object) -> object:
        """The job as the flow does it, without a server."""
        journal = Journal(done_before=before)
        before[DRAW.shown] = DoneBefore((), 0.0)
        return report_network(journal.do(READ, file), file, month, journal)

    monkeypatch.setattr(run, "_in_prefect", here)
    reported = run.run_here(write_network(tmp_path), MONTH, debug=False)
    assert counted == {"examine": 1, "_screen": 1}
    assert [step for step in (READ.shown, SCREEN.shown) if step in reported.record.read_text()] == [
        READ.shown,
        SCREEN.shown,
    ]
