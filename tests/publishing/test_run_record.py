"""The run's record is one JSON file, whole, named so that runs sort by their start."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tasks.publishing import RunRecord, Step, recorded_runs, write_run_record


def test_a_record_says_what_ran_and_how_it_ended(tmp_path: Path) -> None:
    record = RunRecord(
        network="A network",
        network_file="network.toml",
        month="2020-05",
        started=datetime(2020, 6, 3, 4, 0, 0, tzinfo=UTC),
        finished=datetime(2020, 6, 3, 4, 0, 41, 500_000, tzinfo=UTC),
        ended="published",
        steps=(Step("Screen records", "15,524 records, 312 set aside", 0.4),),
        release="output/releases/2020-05-a",
        release_id="a",
        not_estimated={"visits": "one clinic only"},
        versions={"clinicnet": "0.1.0"},
    )
    path = write_run_record(record, tmp_path / "runs")
    assert path.name.startswith("20200603T040000.000Z-2020-05-published-")
    read = json.loads(path.read_text())
    assert read["seconds"] == 41.5
    assert read["started"] == "2020-06-03T04:00:00.000+00:00"
    assert read["steps"] == [
        {"name": "Screen records", "did": "15,524 records, 312 set aside", "seconds": 0.4}
    ]
    assert read["not_estimated"] == {"visits": "one clinic only"}
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_runs_that_began_within_a_second_keep_their_order(tmp_path: Path) -> None:
    """Undrawn, a small network's run takes less: its editions were in the order of chance."""
    began = datetime(2020, 6, 3, 4, 0, 0, tzinfo=UTC)
    written = []
    for run in range(12):
        at = began + timedelta(milliseconds=80 * run)
        record = RunRecord("A", "a.toml", "2020-05", at, at, "published", release=f"releases/2020-05-{run}")
        written.append(write_run_record(record, tmp_path).name)
    assert sorted(written) == written
    assert [each.release for each in recorded_runs(tmp_path)] == [f"2020-05-{run}" for run in range(12)]
