"""A running Prefect server as tests talk to it, and processes that end when a block ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class PrefectServer:
    """A running server: where it is, and what a process must have in its environment to use it."""

    api: str
    home: Path
    environment: dict[str, str]

    @property
    def answers(self) -> bool:
        """Whether it is up."""
        try:
            return bool(self.ask("health"))
        except OSError:
            return False

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """POST (with a body) or GET a path of the REST API."""
        request = urllib.request.Request(  # noqa: S310  # our own server
            f"{self.api}/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        for attempt in range(20):
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                    return json.load(answer)
            except urllib.error.HTTPError as refused:
                if refused.code != 503 or attempt == 19:  # its SQLite is busy: Prefect's own client waits too
                    raise
                time.sleep(1)
        raise AssertionError("unreachable")

    def prefect(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the prefect command line from the repository's root."""
        return self._run("prefect", *arguments, check=check)

    def clinicnet(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run our own in the same way."""
        return self._run("flows", *arguments, check=check)

    def _run(self, module: str, *arguments: str, check: bool) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=REPOSITORY,
            env=self.environment,
            capture_output=True,
            text=True,
            check=check,
            stdin=subprocess.DEVNULL,
        )

    def finished(self, run_id: str, within: float = 240.0) -> dict[str, Any]:
        """The flow run, once it has ended."""
        return until(lambda: self._ended(run_id), within, f"flow run {run_id} to end")

    def _ended(self, run_id: str) -> dict[str, Any] | None:
        run: dict[str, Any] = self.ask(f"flow_runs/{run_id}")
        return run if run["state_type"] in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"} else None

    def logs(self, run_id: str) -> str:
        """What a run wrote to the server's log."""
        found = self.ask("logs/filter", {"logs": {"flow_run_id": {"any_": [run_id]}}})
        return "\n".join(each["message"] for each in found)


def until(found: Callable[[], Any], within: float, what: str) -> Any:
    """What `found` finds, asked again and again until it finds something."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        result = found()
        if result:
            return result
        time.sleep(0.5)
    pytest.fail(f"waited {within:.0f} s in vain for {what}")


class Process:
    """A prefect process with its children, ended when the block ends."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self.log = log.open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "prefect", *command],
            cwd=REPOSITORY,
            env=environment,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.log.close()
