"""A year of scheduled reports: one killed, one late, one held, one made again; and who was told what.

    python tests/benchmarks/scheduled_year.py [--write]

Six clinics send records by the month. `clinicnet schedule` keeps a Prefect server of its own; each month has
a run of its deployment, due on the third of the next month. April's is killed while it draws; July's is begun
in September; of August only a third has arrived, so that its release waits until a person approves it;
and late records of May come in autumn. A webhook and each clinic's folder keep what came.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import duckdb
import numpy as np
import pandas as pd
from benchmarks.machine import RESULTS, description, markdown
from prefect_server import REPOSITORY, PrefectServer, until

from flows.monthly_steps import DRAW

_CLINICS, _RECORDS = 6, 70  # records of a clinic's month
_BEGIN = pd.Period("2022-01", "M")
_YEAR = pd.period_range("2023-01", "2023-12", freq="M")
_KILLED, _LATE, _HELD, _RESTATED = (pd.Period(f"2023-{month:02}", "M") for month in (4, 7, 8, 5))
_BEGUN_LATE = date(2023, 9, 20)
_ALL_ARRIVED = date(2023, 9, 6)
_NETWORK = '''
[network]
name = "A year"
time_zone = "UTC"

[records]
source = "records.duckdb"
select = """
SELECT clinic, patient, date, vaccinated FROM visits
"""

[outcomes.vaccinated]
label = "Vaccinated"
kind = "binary"
direction = "higher"

[window]
months = 12

[release.hold_when]
volume_below = 0.5

[notify]
urls = ["{url}"]

[delivery]
folder = "letters"
'''


@dataclass
class Happened:
    """What was done, and what came of it.

    Attributes:
        what: in words.
        latest: the period that `latest` leads to afterwards.
        told: titles of what the team was told.
        letters: reports that clinics got.
    """

    what: str
    latest: str
    told: tuple[str, ...]
    letters: int


@dataclass
class Year:
    """A network as it goes through the year.

    Attributes:
        directory: of its file, its records and what is published.
        server: the Prefect server that its schedule keeps.
        schedule: the process that keeps it.
        told: what the webhook took since it was last looked at.
        visits: all records, with the day on which each arrives.
        happened: so far.
    """

    directory: Path
    server: PrefectServer
    schedule: int
    told: list[str]
    visits: pd.DataFrame
    happened: list[Happened] = field(default_factory=list)
    letters: int = 0

    def arrive(self, until_day: date) -> None:
        """The source as it is on a day."""
        file, aside = self.directory / "records.duckdb", self.directory / "arriving.duckdb"
        aside.unlink(missing_ok=True)
        with duckdb.connect(str(aside)) as connection:
            connection.register("there", self.visits[self.visits["arrives"] <= pd.Timestamp(until_day)])
            connection.execute("CREATE TABLE visits AS SELECT * EXCLUDE (arrives) FROM there")
        aside.replace(file)

    def begin(self, period: pd.Period) -> str:
        """The scheduled run that is due on the third of the month after `period`, begun now; its id."""
        path = "monthly-report/a-year"
        monthly = until(lambda: self._deployment(path), 60.0, "the deployment")
        due = (period + 1).to_timestamp().to_pydatetime().replace(day=3, hour=6, tzinfo=UTC).isoformat()
        state = {"type": "SCHEDULED", "state_details": {"scheduled_time": due}}
        made = self.server.ask(f"deployments/{monthly['id']}/create_flow_run", {"state": state})
        run: str = made["id"]
        return run

    def report(self, period: pd.Period, what: str) -> None:
        """Let a scheduled run come to its end."""
        run = self.server.finished(self.begin(period), within=600.0)
        if run["state_type"] != "COMPLETED":
            raise RuntimeError(f"{period}: {run['state_name']}\n{self.server.logs(run['id'])}")
        self.note(f"{period}: {what}")

    def kill(self, period: pd.Period) -> None:
        """Begin a scheduled run and kill it, and whatever works for it, while it draws."""
        begun = self.begin(period)
        until(lambda: self._draws(begun), 300.0, "the run to draw")
        for process in list(_working_for(self.schedule)):
            os.kill(process, signal.SIGKILL)
        run = self.server.finished(begun, within=300.0)
        self.note(
            f"{period}: killed (-9) while it draws; on the server the run is {run['state_name'].lower()}"
        )

    def command(self, what: str, *arguments: str) -> None:
        """What a person types."""
        ended = subprocess.run(
            [sys.executable, "-m", "flows", *arguments],
            cwd=REPOSITORY,
            env=self.server.environment,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if ended.returncode:
            raise RuntimeError(f"{arguments}: {ended.returncode}\n{ended.stderr}")
        self.note(what)

    def note(self, what: str) -> None:
        """Keep what came of it, and say it."""
        latest = self.directory / "output" / "latest"
        led = latest.resolve().name[:7] if latest.exists() else "nothing"
        files = len(list((self.directory / "letters").rglob("*.pdf")))
        self.happened.append(Happened(what, led, tuple(self.told), files - self.letters))
        self.letters = files
        self.told.clear()
        print(self.happened[-1], file=sys.stderr, flush=True)

    def _draws(self, run: str) -> bool:
        steps = self.server.ask("task_runs/filter", {"flow_runs": {"id": {"any_": [run]}}})
        return any((each["name"], each["state_type"]) == (DRAW.name, "RUNNING") for each in steps)

    def _deployment(self, path: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self.server.ask(f"deployments/name/{path}")
        except OSError:
            return None
        return found


def visits(rng: np.random.Generator) -> pd.DataFrame:
    """Two years of six clinics; records arrive at the end of their month, but for those that are late."""
    months = pd.period_range(_BEGIN, _YEAR[-1], freq="M")
    clinic, month, record = (each.ravel() for each in np.indices((_CLINICS, len(months), _RECORDS)))
    dates = months.to_timestamp()[month] + pd.to_timedelta(record % 28, unit="D")
    rows = pd.DataFrame(
        {
            "clinic": [f"Clinic {'ABCDEF'[each]}" for each in clinic],
            "patient": clinic * 1000 + (month * _RECORDS + record) % 900,
            "date": dates,
            "vaccinated": (rng.random(len(clinic)) < 0.4 + 0.06 * clinic).astype(int),
            "arrives": months.to_timestamp(how="end").normalize()[month],
        }
    )
    of = rows["date"].dt.to_period("M")
    rows.loc[(of == _HELD) & (record % 3 > 0), "arrives"] = pd.Timestamp(_ALL_ARRIVED)
    rows.loc[(of == _RESTATED) & (rows["clinic"] == "Clinic B") & (record % 2 > 0), "arrives"] = pd.Timestamp(
        _ALL_ARRIVED
    )
    return rows


def _working_for(process: int) -> Iterator[int]:
    """Processes that run a flow for the one that serves it, and those that draw for them."""
    for child in _children(process):
        if "prefect.engine" in Path(f"/proc/{child}/cmdline").read_text(encoding="utf-8").replace("\0", " "):
            yield child
            yield from _descendants(child)


def _descendants(process: int) -> Iterator[int]:
    for child in _children(process):
        yield child
        yield from _descendants(child)


def _children(process: int) -> list[int]:
    files = Path(f"/proc/{process}/task").glob("*/children")
    return [int(each) for file in files for each in file.read_text(encoding="utf-8").split()]


@contextmanager
def _listening(told: list[str]) -> Iterator[str]:
    """A webhook; its address as Apprise writes it."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["title"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"json://127.0.0.1:{server.server_port}/told"
    finally:
        server.shutdown()


@contextmanager
def _scheduled(directory: Path) -> Iterator[tuple[PrefectServer, int]]:
    """`clinicnet schedule`: its server, and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = directory / "prefect"
    home.mkdir()
    own = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment = {**own, "PREFECT_HOME": str(home), "PREFECT_SERVER_API_PORT": str(port)}
    with (directory / "schedule.log").open("wb") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "flows",
                "schedule",
                str(directory / "network.toml"),
                "--cron",
                "0 6 3 * *",
            ],
            cwd=REPOSITORY,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
    server = PrefectServer(f"http://127.0.0.1:{port}/api", home, environment)
    try:
        until(lambda: server.answers, 120.0, "the server")
        yield server, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=120)


def year(directory: Path) -> list[Happened]:
    """Let it pass."""
    told: list[str] = []
    with _listening(told) as url:
        network = directory / "network.toml"
        network.write_text(_NETWORK.replace("{url}", url), encoding="utf-8")
        with _scheduled(directory) as (server, schedule):
            it = Year(directory, server, schedule, told, visits(np.random.default_rng(1)))
            for period in _YEAR:
                due = (period + 1).to_timestamp().date().replace(day=3)
                it.arrive(_BEGUN_LATE if period == _LATE else due)
                if period == _KILLED:
                    it.kill(period)
                    it.report(period, "begun again")
                elif period == _LATE:
                    continue  # its server is away; what was missed is begun after August's
                else:
                    it.report(period, "a third of the records" if period == _HELD else "as due")
                if period == _HELD:
                    it.arrive(_BEGUN_LATE)
                    because = ("--by", "A. Lovelace", "--because", "the rest comes on the sixth")
                    approve = ("approve", str(period), "--network", str(network), *because)
                    it.command(f"{period}: approved by A. Lovelace", *approve)
                    it.report(_LATE, f"begun on {_BEGUN_LATE}, 48 days late")
                    it.command(
                        f"{_RESTATED}: made again, with the late records of Clinic B",
                        "run",
                        str(network),
                        "--month",
                        "2023-05",
                    )
    return it.happened


def report(happened: list[Happened]) -> str:
    """The table as Markdown."""
    rows = [
        (each.what, each.latest, "; ".join(each.told) or "nobody", each.letters or "") for each in happened
    ]
    return "\n".join(
        [
            markdown(("what happened", "`latest` leads to", "the team was told", "reports sent"), rows),
            "",
            f"Made on {description(['prefect', 'duckdb', 'weasyprint'])}.",
        ]
    )


def main() -> None:
    """Let the year pass and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="keep the table in results/")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        text = report(year(Path(directory)))
    print(text)
    if asked.write:
        (RESULTS / "scheduled_year.md").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
