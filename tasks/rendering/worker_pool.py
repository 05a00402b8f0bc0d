"""Worker processes for drawing: replaced before their memory has grown, and gone when they are not needed.

CPython 3.11's `ProcessPoolExecutor(max_tasks_per_child=…)` stands still once workers reach their limit where
tasks were submitted in bulk (python/cpython #115634). So the work goes in batches, each with its own pool.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from tasks.rendering.fresh_processes import FreshContext

T = TypeVar("T")
R = TypeVar("R")


def in_batches(
    work: Callable[[T], R],
    items: Sequence[T],
    *,
    workers: int,
    recycle_after: int,
    start: Callable[..., None],
    start_with: tuple[Any, ...],
) -> Iterator[tuple[T, R]]:
    """Each item with what `work` made of it, as they are done.

    When the caller stops early (an error, Ctrl-C, the end of its process however it comes), the workers end
    at once, with what they have in hand.

    Args:
        work: a function of a module, called in a worker. What it returns must be small: of a worker that ends
            while it hands over more than a pipe takes at once, the caller would wait for the rest.
        items: what it is called with, one by one.
        workers: how many processes.
        recycle_after: items after which a process is replaced.
        start: called once in every process, with `start_with`.
        start_with: what it needs to begin.
    """
    batch = workers * recycle_after
    for first in range(0, len(items), batch):
        some = items[first : first + batch]
        with _pool(min(workers, len(some)), start, start_with) as pool:
            waiting = {}
            with _signals_held():
                for item in some:
                    waiting[pool.submit(work, item)] = item
            for future in as_completed(waiting):
                yield waiting[future], future.result()


@contextmanager
def _pool(
    workers: int, start: Callable[..., None], start_with: tuple[Any, ...]
) -> Iterator[ProcessPoolExecutor]:
    # spawn: a forked copy of a process with threads (a flow's) may hang
    context = FreshContext()
    theirs, ours = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(
        max_workers=workers, mp_context=context, initializer=_begin, initargs=(theirs, start, start_with)
    )
    try:
        yield pool
    except BaseException:
        ours.close()
        pool.shutdown(cancel_futures=True)
        raise
    finally:
        pool.shutdown()
        ours.close()
        theirs.close()


@contextmanager
def _signals_held() -> Iterator[None]:
    """Let processes begin undisturbed: whoever stops the caller meanwhile is heard at the end.

    They are told what to do through a pipe, which takes as long as their start where that is much. A caller
    that stops in the middle of it has no name for the process yet, and leaves it to end by itself, with a
    traceback. And they shall not hear Ctrl-C, which goes to all of a terminal: they take over which signals
    are blocked.
    """
    heard: list[int] = []
    masked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    before = {}
    if threading.current_thread() is threading.main_thread():  # no other hears signals
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not None:
                before[number] = signal.signal(number, lambda told, _frame: heard.append(told))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, masked)
        for number, handler in before.items():
            signal.signal(number, handler)
        if heard:
            signal.raise_signal(heard[0])


def _begin(caller: Connection, start: Callable[..., None], start_with: tuple[Any, ...]) -> None:
    threading.Thread(target=_end_with, args=(caller,), daemon=True).start()
    start(*start_with)


def _end_with(caller: Connection) -> None:
    """End when the caller closes its side of the pipe, as the system does for one that was killed."""
    try:
        caller.poll(None)
    finally:
        os._exit(1)
