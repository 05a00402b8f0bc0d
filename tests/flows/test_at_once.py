"""Two runs of one network at the same time: what each withholds was decided without the other's release.

Runs take turns; these two do not, as on file systems that pass no locks on when two machines begin at once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from golden.demo_feeds import undrawn
from small_network import ONE_OUTCOME, RECORDS, write_network

from flows.job_step import JobStep, Journal, plainly
from flows.monthly_job import report_period
from flows.monthly_steps import DRAW
from tasks.errors import PublishingError
from tasks.publishing import Output, run_turn

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def no_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_turn, "turn", lambda *_, **__: contextlib.nullcontext())


def test_the_later_of_two_runs_does_not_publish_beside_a_release_it_was_not_held_against(
    tmp_path: Path,
) -> None:
    network = write_network(tmp_path, RECORDS, ONE_OUTCOME)

    def meanwhile(step: JobStep[..., Any]) -> Callable[..., Any]:
        """While November is drawn, October is reported from start to end."""
        if step.name != DRAW.name:
            return plainly(step)
        return lambda *_: report_period(network, "2023-10", undrawn()) and ()

    with pytest.raises(PublishingError) as refused:
        report_period(network, "2023-11", Journal(meanwhile))
    assert "cannot become current: other releases were published since it was prepared" in str(refused.value)
    assert refused.value.hint == "make it anew: clinicnet run --period 2023-11"
    output = Output(tmp_path / "output")
    assert [name[:7] for name in output.standing()] == ["2023-10"]
    assert output.current() == tmp_path / "output/releases" / output.standing()[0]
    again = report_period(network, "2023-11", undrawn())
    assert again.is_latest
    assert [name[:7] for name in output.standing()] == ["2023-10", "2023-11"]


def test_two_runs_of_one_period_come_to_one_release(tmp_path: Path) -> None:
    network = write_network(tmp_path, RECORDS, ONE_OUTCOME)

    def meanwhile(step: JobStep[..., Any]) -> Callable[..., Any]:
        if step.name != DRAW.name:
            return plainly(step)
        return lambda *_: report_period(network, "2023-11", undrawn()) and ()

    reported = report_period(network, "2023-11", Journal(meanwhile))
    assert reported.unchanged
    assert len(Output(tmp_path / "output").standing()) == 1
