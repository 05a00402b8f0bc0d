"""What the processes of the pool's tests do; processes find it by name."""

from __future__ import annotations

import os
import time
from pathlib import Path

_started: list[int] = []


def start(number: int) -> None:
    """Note what a process was started with."""
    _started.append(number)


def process(_item: int) -> int:
    """Which process this is."""
    return os.getpid()


def who(_item: int) -> tuple[int, list[int]]:
    """Which process this is, and what it was started with."""
    return os.getpid(), _started


def slow(directory: str) -> None:
    """Say that this process is at work, and be at it for a minute."""
    (Path(directory) / str(os.getpid())).touch()
    time.sleep(60)
