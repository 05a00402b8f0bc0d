"""Processes that begin without the caller's script, so that a script needs no guard to draw reports.

`spawn` runs the caller's main module again in every process it starts, so that functions of that module can
be called there. A script that reports a month without `if __name__ == "__main__"` would report it once more
in each process; one from standard input cannot be run again at all, and its caller waits for ever. What our
processes call stands in modules, which they import by name.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.popen_spawn_posix import Popen
from multiprocessing.process import BaseProcess
from types import ModuleType

_MAIN = "__main__"
_starting = threading.Lock()


class FreshProcess(SpawnProcess):
    """A process that begins with nothing of the caller's main module."""

    @staticmethod
    def _Popen(process_obj: BaseProcess) -> Popen:  # noqa: N802 (the standard library's name)
        with _without_main():
            return Popen(process_obj)


class FreshContext(SpawnContext):
    """The start method `spawn`, less the caller's main module."""

    Process = FreshProcess


@contextmanager
def _without_main() -> Iterator[None]:
    """While it lasts, an empty main module stands for the caller's: what is spawned then has none to run."""
    with _starting:
        main = sys.modules[_MAIN]
        sys.modules[_MAIN] = ModuleType(_MAIN)
        try:
            yield
        finally:
            sys.modules[_MAIN] = main
