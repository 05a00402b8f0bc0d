"""One run of a network at a time, on one machine or several that share its output directory.

Who has the turn holds the system's lock on a file for as long as it runs; that ends with the process. Where a
file system does not pass locks on to other machines, its heart beats beside it: a file that it touches every
few seconds. The beat is read by the clock of whoever keeps the files, so that machines' clocks need not
agree; one that has stopped is that of a machine that went down, and the turn is free.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tasks.errors import PublishingError
from tasks.publishing.write_errors import moving

BEAT = 10.0
"""Seconds between two beats."""
STOPPED = 6 * BEAT
"""Seconds without a beat after which a run on another machine is taken for dead."""
_LOOK = 1.0
_SETTLED = 0.2


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose turn it is.

    Attributes:
        machine: name of the machine.
        process: number of the process there.
        since: when its turn began, in UTC.
    """

    machine: str
    process: int
    since: str

    @classmethod
    def this(cls) -> Holder:
        """This process, from now on."""
        return cls(socket.gethostname(), os.getpid(), datetime.now(UTC).isoformat(timespec="seconds"))

    def __str__(self) -> str:
        return f"process {self.process} on {self.machine}, since {self.since}"


@contextmanager
def turn(directory: Path, *, wait: bool, waits: Callable[[Holder | None], None]) -> Iterator[None]:
    """Have the turn while the block runs; another run of the network waits, or is refused.

    Args:
        directory: the output directory, which is made where it is not there.
        wait: whether to wait for another run to end.
        waits: is told once that it waits, and for whom where that is known.

    Raises:
        PublishingError: another run has the turn, and `wait` is false; the directory cannot be written.
    """
    with moving(directory):
        directory.mkdir(parents=True, exist_ok=True)
        lock = os.open(directory / ".turn.lock", os.O_CREAT | os.O_RDWR, 0o644)
    try:
        told = False
        while not _taken(directory, lock):
            holder = _holder(directory)
            if not wait:
                raise PublishingError(
                    f"another run of this network is at work ({holder or 'it has only begun'})",
                    hint='start this one when it has ended, or let it wait: second_run = "wait" in [output]',
                )
            if not told:
                waits(holder)
                told = True
            time.sleep(_LOOK)
        with _beating(directory / ".turn"):
            yield
    finally:
        os.close(lock)


def _taken(directory: Path, lock: int) -> bool:
    """Whether the turn is this process's now."""
    with moving(directory):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        holder = _holder(directory)
        if holder is not None and holder.machine != socket.gethostname() and _beats(directory):
            fcntl.flock(lock, fcntl.LOCK_UN)
            return False
        this = Holder.this()
        aside = directory / f".turn.{secrets.token_hex(4)}"
        aside.write_text(json.dumps(asdict(this)), encoding="utf-8")
        aside.replace(directory / ".turn")
        if holder is not None and holder.machine == this.machine:
            return True  # the lock was this machine's, and whoever had it is gone
        time.sleep(_SETTLED)  # two machines may have looked at once: the later one has it
        if _holder(directory) == this:
            return True
        fcntl.flock(lock, fcntl.LOCK_UN)
    return False


def _holder(directory: Path) -> Holder | None:
    """Who wrote that it has the turn; None where nobody did, or what is written says nothing."""
    try:
        said: dict[str, Any] = json.loads((directory / ".turn").read_text(encoding="utf-8"))
        return Holder(str(said["machine"]), int(said["process"]), str(said["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _beats(directory: Path) -> bool:
    """Whether the heart of who has the turn beats, by the clock of whoever keeps the files."""
    probe = directory / f".turn.{secrets.token_hex(4)}"
    try:
        probe.touch()
        return probe.stat().st_mtime - (directory / ".turn").stat().st_mtime < STOPPED
    except FileNotFoundError:
        return False
    finally:
        probe.unlink(missing_ok=True)


@contextmanager
def _beating(file: Path) -> Iterator[None]:
    """Touch a file every few seconds, and take it away at the end."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(BEAT):
            try:
                os.utime(file)
            except OSError:  # the directory is away: the run itself will say so
                continue

    heart = threading.Thread(target=beat, name="turn", daemon=True)
    heart.start()
    try:
        yield
    finally:
        over.set()
        heart.join()
        file.unlink(missing_ok=True)
