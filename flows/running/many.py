"""What a person sees while many periods are reported: which one, in which step, and how long is left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

from flows.running.json_log import is_json, logged, write_event
from flows.running.progress import Seconds, in_words


@dataclass
class Many:
    """The progress of a job that is done for one period after the other; a line stands for each.

    Attributes:
        n: how many periods there are.
        say: shows a line that stays.
        show: shows what is being done and how many periods are behind it, in place of what it showed before.
        done: periods that are behind it.
        spent: seconds that those took that were not passed over.
        worked: how many those were.
        period: the one that is being reported.
    """

    n: int
    say: Callable[[str], None]
    show: Callable[[str, int], None]
    done: int = 0
    spent: float = 0.0
    worked: int = 0
    period: str = ""

    def passed_over(self, period: str, why: str) -> None:
        """A period needs no work."""
        self.done += 1
        self._tell(period, why)

    @contextmanager
    def working(self, period: str) -> Iterator[list[str]]:
        """While a period is reported; what was done is put into the list."""
        self.period, did = period, list[str]()
        began = time.monotonic()
        yield did
        self.spent += time.monotonic() - began
        self.worked += 1
        self.done += 1
        self._tell(period, *did)

    def _tell(self, period: str, *did: str) -> None:
        left = self.n - self.done
        words = f"{left} left" if left else "all done"
        if left and self.worked:
            words += f", {in_words(left * self.spent / self.worked)}"
        self.say(f"{period} ({self.done} of {self.n}): {'; '.join(did)} ({words})")

    def plan(self, steps: Sequence[str], expected: Seconds) -> None:
        """Nothing to show."""

    def begin(self, step: str) -> None:
        """Show the step."""
        self.show(f"{self.period}: {step}", self.done)

    def within(self, done: int, total: int) -> None:
        """Nothing to show."""

    def end(self, step: str, did: str, seconds: float) -> None:
        """Nothing to show."""


class ManyLogged(Many):
    """The same where the log is JSON: each period is a run of its own there, and ends with its outcome."""

    def passed_over(self, period: str, why: str) -> None:
        """A period needs no work."""
        self.done += 1
        write_event("period_passed_over", period=period, message=why)

    def begin(self, step: str) -> None:
        """A step of the period's run begins."""
        if (log := logged.get()) is not None:
            log.begin(step)

    def end(self, step: str, did: str, seconds: float) -> None:
        """It is done."""
        if (log := logged.get()) is not None:
            log.end(step, did, seconds)

    def _tell(self, period: str, *did: str) -> None:
        """Nothing: the run has said how it ended."""


@contextmanager
def many_shown(n: int, stream: TextIO | None = None) -> Iterator[Many]:
    """The same on the terminal: a bar below the lines where it is one, the lines alone where it is not."""
    if is_json():
        yield ManyLogged(n, lambda line: write_event("said", message=line), lambda _words, _done: None)
        return
    stream = stream if stream is not None else sys.stderr
    if not stream.isatty():
        yield Many(n, lambda line: print(line, file=stream, flush=True), lambda _words, _done: None)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
    )
    with Progress(*columns, console=Console(file=stream), transient=True) as display:
        task = display.add_task("", total=n)
        yield Many(
            n,
            lambda line: display.console.print(line, highlight=False, markup=False, soft_wrap=True),
            lambda words, done: display.update(task, description=words, completed=done),
        )
