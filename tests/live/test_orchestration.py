"""What Prefect costs: under a tenth of the run, its start-up aside."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prefect import flow
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.testing.utilities import prefect_test_harness

from flows.artifacts import leave_artifacts
from flows.in_prefect import as_task
from flows.job_step import JobStep, Journal
from flows.monthly_job import report_month
from tasks.demo import DEMO_MONTHS, make_demo

pytestmark = [pytest.mark.live, pytest.mark.slow]


@pytest.fixture(scope="module")
def harness() -> Iterator[None]:
    with (
        prefect_test_harness(server_startup_timeout=120),
        temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
    ):
        yield


def test_orchestration_costs_under_a_tenth_of_the_run(harness: None, tmp_path: Path) -> None:
    network = make_demo("chop", tmp_path)
    working: list[float] = []

    def timed(step: JobStep[..., Any]) -> Callable[..., Any]:
        def run(*args: Any) -> Any:
            began = time.perf_counter()
            try:
                return step.run(*args)
            finally:
                working.append(time.perf_counter() - began)

        return as_task(replace(step, run=run))

    @flow(persist_result=False)
    def nothing() -> None:
        """The first flow of a process pays for what the others find there."""

    @flow(persist_result=False)
    def measured() -> None:
        leave_artifacts(report_month(network, DEMO_MONTHS["chop"], Journal(timed)))

    nothing()
    began = time.perf_counter()
    measured()
    whole = time.perf_counter() - began
    assert whole - sum(working) < 0.1 * whole
