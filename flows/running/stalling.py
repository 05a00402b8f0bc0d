"""A limit of time without progress: a run that stands still is ended, not found days later."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from flows.running.json_log import is_json, write_error
from flows.running.progress import Progress, Seconds
from flows.running.stopping import end_at_once
from tasks.errors import ClinicnetError

MINUTES = "CLINICNET_STALLED_AFTER_MINUTES"
"""Environment variable with the limit."""

_DEFAULT_MINUTES = 60.0


_meant_until = [0.0]


def stand_still(seconds: float) -> None:
    """Say that this process waits on purpose for so long: no progress until then is no standstill."""
    _meant_until[0] = time.monotonic() + seconds


class StalledError(ClinicnetError):
    """A step made no progress for so long that it was given up."""


class Attended:
    """Progress that is passed on, and notes when there was some."""

    def __init__(self, progress: Progress, moved: Callable[[str | None], None]) -> None:
        self._progress = progress
        self._moved = moved

    def plan(self, steps: Sequence[str], expected: Seconds) -> None:
        """All steps to come."""
        self._progress.plan(steps, expected)

    def begin(self, step: str) -> None:
        """A step begins."""
        self._moved(step)
        self._progress.begin(step)

    def within(self, done: int, total: int) -> None:
        """The current step moved on."""
        self._moved(None)
        self._progress.within(done, total)

    def end(self, step: str, did: str, seconds: float) -> None:
        """A step is done."""
        self._moved(None)
        self._progress.end(step, did, seconds)


@contextmanager
def given_up_when_stalled(progress: Progress, patience: float = 60.0) -> Iterator[Progress]:
    """`progress`, with a `StalledError` raised in the main thread when nothing moves for too long.

    A step that does not let itself be interrupted (a library's own loop) is ended with its process. Only the
    main thread of a process can be interrupted; elsewhere nothing is watched.

    Args:
        progress: told of every step, as before.
        patience: seconds in which what was interrupted may end by itself.

    Raises:
        ClinicnetError: the limit in the environment is not a number of minutes.
        StalledError: naming the step that stood still.
    """
    minutes = _limit()
    if threading.current_thread() is not threading.main_thread():
        yield progress
        return
    moved, ended = threading.Event(), threading.Event()
    current = [""]

    def note(step: str | None) -> None:
        current[0] = step or current[0]
        moved.set()

    def error() -> StalledError:
        return StalledError(
            f"{current[0] or 'the run'} made no progress for {minutes:g} minutes and was given up; "
            "the last good release is as it was",
            hint=f"if it needs longer, set {MINUTES}; otherwise look at what it waits for",
        )

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise error()

    def watch() -> None:
        while moved.wait(60.0 * minutes) or time.monotonic() < _meant_until[0]:
            if ended.is_set():
                return
            moved.clear()
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGALRM)
        if not ended.wait(patience):
            _say(error())
            end_at_once(error().exit_code)

    before = signal.signal(signal.SIGALRM, interrupt)
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield Attended(progress, note)
    finally:
        ended.set()
        moved.set()
        signal.signal(signal.SIGALRM, before)


def _say(error: StalledError) -> None:
    if is_json():
        write_error(error.message, error.hint, error.exit_code)
    else:
        sys.stderr.write(f"clinicnet: {error.message}\n")


def _limit() -> float:
    text = os.environ.get(MINUTES, "").strip()
    if not text:
        return _DEFAULT_MINUTES
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if not 0.0 < minutes < float("inf"):
        raise ClinicnetError(
            f"{MINUTES} is {text!r}, and should be a number of minutes",
            hint=f"set it to 60, or unset {MINUTES}",
        )
    return minutes
