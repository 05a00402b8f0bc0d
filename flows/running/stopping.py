"""Stopping a run that a person or the system wants stopped: within seconds, and with nothing left behind."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

_PATIENCE = 10.0
"""Seconds in which a run that was told to stop may end by itself."""

_LOST = 2.5
"""Seconds after which a stop that nobody has taken up is raised once more: a library swallowed it."""

_AGAIN = signal.SIGUSR2
"""What this process tells itself, where a stop got lost."""

_NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "the system (SIGTERM)"}


class Stopped(BaseException):  # not an error, and nothing that handles errors may swallow it
    """Whoever runs this wants it stopped.

    Attributes:
        signal: what it was told by.
        stands: what was there before, and is as it was.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = signal.Signals(number)
        self.stands = "the last good release is as it was"

    @property
    def exit_code(self) -> int:
        """What shells expect of a program that a signal ended: 128 and the signal's number."""
        return 128 + self.signal

    @property
    def sentence(self) -> str:
        """Who stopped it."""
        return f"stopped by {_NAMES.get(self.signal, self.signal.name)}"


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Turn Ctrl-C and SIGTERM into `Stopped` in the main thread, and see to it that the process then ends.

    What does not end within ten seconds (a library that waits for an answer) is ended, with every process
    that it started; a second signal does so at once. After the block the process is about to end by itself,
    and signals no longer interrupt its tidying up.
    """
    for number in _NAMES:
        signal.signal(number, _stop)
    before = sys.unraisablehook
    sys.unraisablehook = _unswallowed(before)
    signal.signal(_AGAIN, _stop_again)
    try:
        yield
    except Exception as error:
        if _told:  # a library that was interrupted in the middle made an error of its own of it
            raise Stopped(_told[0]) from error
        raise
    finally:
        _taken_up.set()
        sys.unraisablehook = before
        signal.signal(_AGAIN, signal.SIG_IGN)
        if not _told:
            for number in _NAMES:
                signal.signal(number, signal.SIG_IGN)


def hear_sigterm_again() -> None:
    """Let SIGTERM raise `Stopped` again, where this process listens and a library took the signal over.

    Prefect does for as long as a flow runs. What its exception breaks on its way (a half-made object, a lock)
    ends as an error of its own, and nothing would tell that somebody wanted the run stopped.
    """
    if signal.getsignal(signal.SIGINT) is _stop:
        signal.signal(signal.SIGTERM, _stop)


_told: list[int] = []
_taken_up = threading.Event()


def stopped() -> Stopped | None:
    """What this process was told to stop by; None where it was not. Who asks is taken to be stopping."""
    if not _told:
        return None
    _taken_up.set()
    return Stopped(_told[0])


def _stop(number: int, _frame: FrameType | None) -> None:
    if _told:
        end_at_once(128 + number)
    _told.append(number)
    threading.Thread(target=_end_soon, args=(128 + number,), daemon=True).start()
    raise Stopped(number)


def _stop_again(_number: int, _frame: FrameType | None) -> None:
    if _told:
        raise Stopped(_told[0])


def _unswallowed(otherwise: Callable[[sys.UnraisableHookArgs], object]) -> Callable[..., None]:
    """A hook for what Python cannot raise: a stop that came in a finalizer is raised once more outside it."""

    def hook(unraisable: sys.UnraisableHookArgs) -> None:
        if isinstance(unraisable.exc_value, Stopped):
            threading.Timer(0.05, _interrupt_again).start()
        else:
            otherwise(unraisable)

    return hook


def _end_soon(exit_code: int) -> None:
    end = time.monotonic() + _PATIENCE
    while not _taken_up.wait(_LOST) and time.monotonic() < end:
        _interrupt_again()
    time.sleep(max(end - time.monotonic(), 0.0))
    end_at_once(exit_code)


def _interrupt_again() -> None:
    signal.pthread_kill(threading.main_thread().ident or 0, _AGAIN)


def end_at_once(exit_code: int) -> None:
    """End this process and all that it started, without another word to anybody."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    for child in _descendants(os.getpid()):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(child, signal.SIGKILL)
    os._exit(exit_code)


def _descendants(process: int) -> list[int]:
    """Processes started by `process`, and by those, as Linux lists them; none are known elsewhere."""
    children: list[int] = []
    for listed in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):
            children += [int(each) for each in listed.read_text().split()]
    return children + [each for child in children for each in _descendants(child)]
