"""`clinicnet status --prometheus`, read by Prometheus' own parsers and held to what the run left behind."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from golden.demo_feeds import undrawn
from prometheus_client.openmetrics.parser import text_string_to_metric_families as strictly
from prometheus_client.parser import text_string_to_metric_families as as_text
from readme import DEPLOYING, blocks
from small_network import MONTH, ONE_OUTCOME, RECORDS, Run, write_network

from flows.commands.metrics import metrics
from flows.commands.status import status_of
from flows.monthly_job import report_period

NAME = 'North "N"\\South'
TWICE = RECORDS + "; INSERT INTO visits SELECT * FROM visits ORDER BY ALL LIMIT 13"
AFTER = datetime(2024, 1, 10, tzinfo=UTC)

Samples = Mapping[tuple[str, str], float]


def _read(text: str) -> Samples:
    """Metric and its labels beside the network's, by name → value; both parsers must see the same."""
    found, again = [
        [(one.name, one.labels, one.value) for family in families for one in family.samples]
        for families in (as_text(text), strictly(text + "# EOF\n"))
    ]
    assert found == again
    samples: dict[tuple[str, str], float] = {}
    for name, labels, value in found:
        assert labels.pop("network") == NAME
        key = name.removeprefix("clinicnet_"), ",".join(value for _, value in sorted(labels.items()))
        assert key not in samples
        samples[key] = value
    return samples


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    named = ONE_OUTCOME.replace('"Six clinics"', f"'{NAME}'")
    file = write_network(tmp_path_factory.mktemp("metrics"), TWICE, named)
    report_period(file, MONTH, undrawn())
    return file


@pytest.mark.slow
def test_every_figure_is_what_the_run_left_behind(reported: Path) -> None:
    moment = datetime.now(UTC)
    samples = _read(metrics(status_of(reported, moment)))
    output = reported.parent / "output"
    (record,) = (json.loads(file.read_text()) for file in (output / "runs").glob("*.json"))
    ended = datetime.fromisoformat(record["finished"]).timestamp()
    assert samples["last_success_timestamp_seconds", ""] == pytest.approx(ended, abs=1e-3)
    assert samples["last_run_timestamp_seconds", ""] == pytest.approx(ended, abs=1e-3)
    assert samples["latest_age_seconds", ""] == pytest.approx(moment.timestamp() - ended, abs=1)
    assert samples["latest_info", f"{MONTH},{(output / 'latest').resolve().name}"] == 1
    assert samples["last_run_success", ""] == 1
    assert samples["last_run_duration_seconds", ""] == record["seconds"]
    steps = {step: value for (name, step), value in samples.items() if "step_duration" in name}
    assert steps == {each["name"]: each["seconds"] for each in record["steps"]}
    assert "Estimate: Vaccinated" in steps
    quality = pd.read_parquet(output / "latest/feed/quality.parquet").query("clinic == ''")
    rules = {rule: value for (name, rule), value in samples.items() if name == "rows_set_aside"}
    assert rules == dict(quality.query("action == 'set_aside'")[["rule", "n_found"]].values)
    assert rules["duplicates"] == 13
    assert samples["releases_held", ""] == 0
    assert samples["periods_missed", ""] == len(status_of(reported, moment).missed)


@pytest.mark.slow
def test_a_run_that_fails_is_told_and_the_last_success_stays(reported: Path) -> None:
    before = _read(metrics(status_of(reported, AFTER)))
    rest = reported.parent / "output/runs"
    (good,) = rest.glob("*.json")
    failed = json.loads(good.read_text()) | {
        "ended": "failed",
        "started": "2030-01-01T00:00:00+00:00",
        "finished": "2030-01-01T00:00:09+00:00",
        "steps": [{"name": "Read the network file", "did": "1 outcome", "seconds": 0.5}],
    }
    (rest / "20300101T000000.000Z-2023-12-failed-ab.json").write_text(json.dumps(failed))
    samples = _read(metrics(status_of(reported, AFTER)))
    (rest / "20300101T000000.000Z-2023-12-failed-ab.json").unlink()
    assert samples["last_run_success", ""] == 0
    assert samples["last_success_timestamp_seconds", ""] == before["last_success_timestamp_seconds", ""]
    assert [step for name, step in samples if "step_duration" in name] == ["Read the network file"]


@pytest.mark.slow
def test_a_withheld_count_has_no_sample(reported: Path) -> None:
    quality = reported.parent / "output/latest/feed/quality.parquet"
    whole = quality.read_bytes()
    table = pd.read_parquet(quality)
    table.loc[table["rule"] == "duplicates", "n_found"] = None
    table.to_parquet(quality)
    rules = [rule for name, rule in _read(metrics(status_of(reported, AFTER))) if name == "rows_set_aside"]
    quality.write_bytes(b"no Parquet")
    with pytest.raises(Exception, match="cannot be read"):
        metrics(status_of(reported, AFTER))
    quality.write_bytes(whole)
    assert "date_missing" in rules
    assert "duplicates" not in rules


@pytest.mark.slow
def test_the_collector_s_command_writes_a_file_that_is_whole_or_the_last_one(
    reported: Path, tmp_path: Path
) -> None:
    """The line of deploy/watching.md, as cron runs it."""
    (line,) = (block for block in blocks("sh", DEPLOYING) if "node_exporter" in block)
    line = line.replace("/var/lib/node_exporter", str(tmp_path))

    def run(network: Path) -> int:
        command = line.replace("/srv/clinics/network.toml", str(network))
        path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
        return subprocess.run(["sh", "-c", command], check=False, env={"PATH": path}).returncode

    assert run(reported) == 0
    written = (tmp_path / "north.prom").read_text()
    assert _read(written)["last_run_success", ""] == 1
    assert run(reported.with_name("gone.toml")) == 2
    assert (tmp_path / "north.prom").read_text() == written


def test_before_the_first_run_what_is_not_known_has_no_sample(tmp_path: Path, clinicnet_here: Run) -> None:
    file = write_network(tmp_path / "n", network=ONE_OUTCOME.replace('"Six clinics"', f"'{NAME}'"))
    ended = clinicnet_here("status", file, "--prometheus")
    assert ended.returncode == 0  # what is missed is a figure, and the collector's file is written
    samples = _read(ended.stdout)
    assert {name for name, _ in samples} == {
        "releases_held",
        "periods_missed",
        "next_due_timestamp_seconds",
    }
    assert samples["periods_missed", ""] == 1
    assert clinicnet_here("status", file).returncode == 3


def test_one_form_at_a_time(network_file: Path, clinicnet_here: Run) -> None:
    ended = clinicnet_here("status", network_file, "--prometheus", "--json")
    assert (ended.returncode, ended.stdout) == (2, "")
