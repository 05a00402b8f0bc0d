"""What a person sees while a job runs: what is being done, what was done, and how long is left."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TextIO

from flows.running.json_log import logged

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

Seconds = Mapping[str, float]
"""Step, as it is shown → how long it is expected to take."""

_UNKNOWN = 1.0


class Progress(Protocol):
    """Where a job tells what it does; every call is cheap and none may fail the job."""

    def plan(self, steps: Sequence[str], expected: Seconds) -> None:
        """All steps to come, and what is known of how long they take."""

    def begin(self, step: str) -> None:
        """A step begins."""

    def within(self, done: int, total: int) -> None:
        """How far the current step is."""

    def end(self, step: str, did: str, seconds: float) -> None:
        """A step is done."""


class Silent:
    """Shows nothing: for tests, workers and pipes that want none."""

    def plan(self, steps: Sequence[str], expected: Seconds) -> None:
        """Nothing."""

    def begin(self, step: str) -> None:
        """Nothing."""

    def within(self, done: int, total: int) -> None:
        """Nothing."""

    def end(self, step: str, did: str, seconds: float) -> None:
        """Nothing."""


@dataclass
class TimeLeft:
    """How long a job still takes, from what its steps are expected to take and how fast they have been."""

    expected: dict[str, float] = field(default_factory=dict)
    finished: float = 0.0
    spent: float = 0.0
    share: float = 0.0
    current: str | None = None

    def plan(self, steps: Sequence[str], expected: Seconds) -> None:
        """Set the steps to come; steps already finished stay counted."""
        for step in steps:
            self.expected[step] = max(expected.get(step, _UNKNOWN), 0.01)

    def begin(self, step: str) -> None:
        """A step begins; one that was not planned counts for little."""
        self.expected.setdefault(step, _UNKNOWN)
        self.current, self.share = step, 0.0

    def end(self, step: str, seconds: float) -> None:
        """A step took `seconds`."""
        self.finished += self.expected.get(step, _UNKNOWN)
        self.spent += seconds
        self.current, self.share = None, 0.0

    @property
    def done(self) -> float:
        """Share of the job that is done, 0 to 1."""
        total = sum(self.expected.values())
        current = self.expected[self.current] * self.share if self.current else 0.0
        return min((self.finished + current) / total, 1.0) if total else 0.0

    def left(self, in_current: float) -> float:
        """Seconds left, `in_current` seconds into the current step.

        Once a fifth of the job is behind it, the pace so far corrects what was expected.
        """
        total = sum(self.expected.values())
        pace = self.spent / self.finished if self.finished > 0.2 * total else 1.0
        left = (total - self.finished) * pace
        if self.current:
            whole = self.expected[self.current] * pace
            behind = max(whole * self.share, min(in_current, 0.95 * whole))
            left -= min(behind, whole)
        return max(left, 0.0)


class Lines:
    """One line for each finished step: for logs and pipes."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream if stream is not None else sys.stderr

    def plan(self, steps: Sequence[str], expected: Seconds) -> None:
        """Nothing to show."""

    def begin(self, step: str) -> None:
        """Nothing to show: the line comes when the step is done."""

    def within(self, done: int, total: int) -> None:
        """Nothing to show."""

    def end(self, step: str, did: str, seconds: float) -> None:
        """The step's line."""
        print(_line(step, did, seconds), file=self._stream, flush=True)


class Bar:
    """A bar with what is being done and the time left; finished steps stand above it."""

    def __init__(self, display: RichProgress, task: TaskID) -> None:
        self._display = display
        self._task = task
        self.time_left = TimeLeft()
        self.began = time.monotonic()

    def plan(self, steps: Sequence[str], expected: Seconds) -> None:
        """Set the steps to come."""
        self.time_left.plan(steps, expected)

    def begin(self, step: str) -> None:
        """Show the step as what is being done."""
        self.began = time.monotonic()
        self.time_left.begin(step)
        self._show(step)

    def within(self, done: int, total: int) -> None:
        """Show how far the step is."""
        self.time_left.share = done / total if total else 0.0
        self._show(f"{self.time_left.current} ({done:,} of {total:,})")

    def end(self, step: str, did: str, seconds: float) -> None:
        """Leave the step's line above the bar."""
        self.time_left.end(step, seconds)
        self._display.console.print(_line(step, did, seconds), highlight=False, markup=False, soft_wrap=True)
        self._show("")

    def _show(self, words: str) -> None:
        self._display.update(self._task, description=words, completed=100 * self.time_left.done)


@contextmanager
def shown(stream: TextIO | None = None) -> Iterator[Progress]:
    """Progress on the terminal: a bar where it is one, lines where it is not; the log where that is JSON."""
    log = logged.get()
    if log is not None:
        yield log
        return
    stream = stream if stream is not None else sys.stderr
    if not stream.isatty():
        yield Lines(stream)
        return
    from rich.console import Console
    from rich.progress import BarColumn, ProgressColumn, SpinnerColumn, TextColumn
    from rich.progress import Progress as RichProgress
    from rich.text import Text

    class Left(ProgressColumn):
        def render(self, _: object) -> Text:
            return Text(in_words(bar.time_left.left(time.monotonic() - bar.began)), style="dim")

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        Left(),
    )
    with RichProgress(*columns, console=Console(file=stream), transient=True) as display:
        bar = Bar(display, display.add_task("", total=100))
        yield bar


def expected_seconds(runs: Path) -> Seconds:
    """How long each step took in the last run that was recorded in `runs`; empty before the first."""
    for record in sorted(runs.glob("*.json"), reverse=True):
        try:
            content = json.loads(record.read_text(encoding="utf-8"))
            if content["ended"] in ("published", "unchanged"):
                return {step["name"]: float(step["seconds"]) for step in content["steps"]}
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return {}


def in_words(seconds: float) -> str:
    """A time as people say it.

    >>> in_words(4), in_words(47), in_words(130)
    ('a few seconds left', 'about 50 s left', 'about 2 min left')
    """
    if seconds < 7:
        return "a few seconds left"
    if seconds < 90:
        return f"about {round(seconds / 10) * 10 if seconds >= 15 else round(seconds)} s left"
    return f"about {round(seconds / 60)} min left"


def _line(step: str, did: str, seconds: float) -> str:
    return f"  {step:<50} {did:<46} {seconds:6.1f} s"
