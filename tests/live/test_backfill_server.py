"""`clinicnet backfill` as a person types it: one server for all of its periods."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_network import ONE_OUTCOME, Run, write_network

from flows.on_prefect.in_prefect import START
from tasks.publishing import Output, kept_releases, recorded_runs

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.before_release]


def test_several_periods_take_one_server(tmp_path: Path, clinicnet: Run) -> None:
    network = write_network(tmp_path / "network", network=ONE_OUTCOME)
    ended = clinicnet("backfill", network, "2023-10", "2023-12")
    assert ended.returncode == 2
    assert "clinicnet: 2023-12: there are no usable records in 2023-12" in ended.stderr.splitlines()
    output = Output(network.parent / "output")
    assert [each.period for each in kept_releases(output)] == ["2023-10", "2023-11"]
    assert [each.ended for each in recorded_runs(output.runs)] == ["published", "published", "failed"]
    first, second, third = (_seconds_to_start(file) for file in sorted(output.runs.glob("*.json")))
    assert max(second, third) < 0.5 * first


def _seconds_to_start(record: Path) -> float:
    steps = {step["name"]: step["seconds"] for step in json.loads(record.read_text())["steps"]}
    return float(steps[START])
