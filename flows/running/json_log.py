"""The log as JSON, one object a line on stderr, for whoever collects logs by a program.

It says what a person would be told: steps with how much they did, how a run ended, and the sentence of
an error. Those hold nothing of a patient, and nothing else is written.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

LOG = "CLINICNET_LOG"
"""Environment variable that says how the log is written: `json`, or `text` as where it is not set."""

Level = Literal["info", "warning", "error"]


def choose_log(kind: str) -> None:
    """Have the log of this process, and of those that it starts, written as `json` or as `text`."""
    os.environ[LOG] = kind


def is_json() -> bool:
    """Whether the log is JSON."""
    return os.environ.get(LOG) == "json"


def write_event(event: str, level: Level = "info", **said: object) -> None:
    """Write one event as one line; what is None is left out."""
    content = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "level": level,
        "event": event,
        **{name: value for name, value in said.items() if value is not None},
    }
    sys.stderr.write(
        json.dumps(content, ensure_ascii=False) + "\n"
    )  # one write: lines of processes stay whole
    sys.stderr.flush()


def write_error(message: str, hint: str | None = None, exit_code: int | None = None) -> None:
    """Write what ended the program."""
    write_event("error", "error", message=message, hint=hint, exit_code=exit_code)


@dataclass
class JsonLog:
    """Progress of one run: a line when a step begins, and one when it is done.

    Attributes:
        network_file: the network's file, as it was given.
        period: the label of the period that is reported; None before it is known.
        step: the step that is being done; None between steps.
    """

    network_file: str
    period: str | None = None
    step: str | None = field(default=None, init=False)

    def write(self, event: str, level: Level = "info", **said: object) -> None:
        """Write an event of this run."""
        write_event(event, level, network_file=self.network_file, period=self.period, **said)

    def plan(self, steps: Sequence[str], expected: Mapping[str, float]) -> None:
        """Nothing to write."""

    def begin(self, step: str) -> None:
        """The step begins."""
        self.step = step
        self.write("step_begun", step=step)

    def within(self, done: int, total: int) -> None:
        """Nothing to write."""

    def end(self, step: str, did: str, seconds: float) -> None:
        """The step is done."""
        self.step = None
        self.write("step_ended", step=step, did=did, seconds=round(seconds, 3))


logged: ContextVar[JsonLog | None] = ContextVar("the run that is logged as JSON", default=None)
"""The log of the run that is under way in this context."""


class _Warnings(logging.Handler):
    """Our own warnings, such as of a notice that could not be sent."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write it as an event."""
        write_event("warning", "warning", message=record.getMessage())


_warnings = _Warnings()


def take_warnings() -> None:
    """Have our own warnings written as events, once each."""
    ours = logging.getLogger("clinicnet")
    if _warnings not in ours.handlers:
        ours.addHandler(_warnings)
    ours.propagate = False
