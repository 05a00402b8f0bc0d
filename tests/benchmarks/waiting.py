"""How long a person waits: for the demo, for an answer, for help; and what of the job is Prefect's.

    python tests/benchmarks/waiting.py [--repeats 5] [--write]

Commands are timed as whole processes, from the shell's point of view, with a warm disk: the first of each is
not counted. The share of orchestration is of one monthly job on the demo's records inside a Prefect flow,
its start-up aside: what the whole took less what its steps took. `--write` keeps the table in results/.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.machine import RESULTS, description, markdown

FORMULAS = {
    "a logistic mixed model": ["positive ~ age + gender + drive_thru + (1 | clinic)"],
    "a linear mixed model": ["log(hours) ~ age + drive_thru + (1 | clinic)"],
    "GEE": ["positive ~ age + gender + drive_thru", "--model", "gee"],
}


def seconds(command: Sequence[str], directory: Path, repeats: int) -> list[float]:
    """Seconds that a command takes as a process, warmed up once.

    Raises:
        subprocess.CalledProcessError: the command failed.
    """
    run = [sys.executable, "-m", "flows", *command]
    found = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        subprocess.run(run, cwd=directory, check=True, capture_output=True)
        found.append(time.perf_counter() - began)
    return found[1:]


def orchestration(directory: Path) -> tuple[float, float]:
    """Seconds of a monthly job as a Prefect flow, and of its steps alone."""
    from prefect import flow
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
    from prefect.testing.utilities import prefect_test_harness

    from flows.job_step import JobStep, Journal
    from flows.monthly_job import report_period
    from flows.on_prefect.artifacts import leave_artifacts
    from flows.on_prefect.in_prefect import as_task
    from tasks.demo import DEMO_MONTHS, make_demo

    network = make_demo("chop", directory)
    working: list[float] = []

    def timed(step: JobStep[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any) -> Any:
            began = time.perf_counter()
            try:
                return step.run(*arguments)
            finally:
                working.append(time.perf_counter() - began)

        return as_task(replace(step, run=run))

    @flow(persist_result=False)
    def nothing() -> None:
        """The first flow of a process pays for what the others find there."""

    @flow(persist_result=False)
    def measured() -> None:
        leave_artifacts(report_period(network, DEMO_MONTHS["chop"], Journal(timed)))

    # a flow's end waits up to a second for its heartbeat, which says nothing of what the steps cost
    with (
        prefect_test_harness(server_startup_timeout=120),
        temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
    ):
        nothing()
        began = time.perf_counter()
        measured()
        return time.perf_counter() - began, sum(working)


def main() -> None:
    """Measure, print, and keep the table where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="keep the table in results/")
    asked = parser.parse_args()
    rows: list[tuple[str, str, str, str]] = []

    def add(what: str, times: Sequence[float], wanted: str) -> None:
        rows.append((what, f"{min(times):.2f}", f"{np.median(times):.2f}", wanted))
        print(f"{what}: {', '.join(f'{each:.2f}' for each in times)} s", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        add("`clinicnet --help`", seconds(["--help"], directory, asked.repeats), "0.5")
        add("`clinicnet demo`, set up before", seconds(["demo"], directory, 1), "120")
        for what, question in FORMULAS.items():
            command = ["ask", *question, "--network", "demo/chop/network.toml"]
            add(f"`clinicnet ask`, {what}", seconds(command, directory, asked.repeats), "2")
        whole, steps = orchestration(directory / "orchestration")
    share = 100.0 * (whole - steps) / whole
    text = "\n\n".join(
        (
            markdown(("a person waits for", "seconds, least", "median", "asked, at most"), rows),
            f"Of {whole:.1f} s of the monthly job as a Prefect flow {whole - steps:.1f} s ({share:.0f}%) are "
            "orchestration, its start-up aside (asked: under 10%).",
            f"Made on {description(['prefect', 'duckdb', 'weasyprint'])}.",
        )
    )
    print(text)
    if asked.write:
        (RESULTS / "waiting.md").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
