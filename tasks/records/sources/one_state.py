"""One state of a source for all questions of a run, whatever is written to it meanwhile.

A run asks many questions, minutes apart. Answered from different states of the records they contradict each
other: a clinic's own share from before a correction, its months from after. So a run keeps what it opened
first: a database file stays open, which its engine protects against writers; a server's read-only
transaction stays at its first snapshot. Files that anybody may write at any time, such as CSV and Parquet,
are recognised by their size and time of change, and a run whose files were changed is refused.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tasks.errors import SourceError, SourceUnreachableError
from tasks.records.sources.connection import Connection

Stamp = tuple[str, int, int, int]
"""A file's path, inode, size and time of change (ns)."""

_AGAIN = "run it again when nobody is writing; nothing was published"


@dataclass
class _State:
    """What a block keeps: a connection once somebody has asked, and how its files were then."""

    blocks: int = 0
    kept: ExitStack = field(default_factory=ExitStack)
    connection: Connection | None = None
    files: frozenset[Stamp] | None = None
    questions: int = 0  # answered so far
    open_questions: int = 0
    is_lost: bool = False

    def close(self) -> None:
        self.connection = None
        self.kept.close()


_states: dict[Hashable, _State] = {}
_lock = threading.RLock()


@contextmanager
def one_state(source: Hashable) -> Iterator[None]:
    """Let all questions to `source` within the block be answered from the state that the first one sees.

    Args:
        source: what tells this source from others.
    """
    with _lock:
        state = _states.setdefault(source, _State())
        state.blocks += 1
    try:
        yield
    finally:
        with _lock:
            state.blocks -= 1
            if state.blocks == 0:
                del _states[source]
                state.close()


def let_go(source: Hashable) -> None:
    """Close what is kept of `source` before its block ends: its questions have been answered."""
    with _lock:
        if source in _states:
            _states[source].close()


@contextmanager
def opened(
    source: Hashable,
    place: str,
    open_source: Callable[[], AbstractContextManager[Connection]],
    files: Callable[[], tuple[Path, ...]],
) -> Iterator[Connection]:
    """The connection that a block keeps, opened by its first question; where there is no block, a new one.

    Args:
        source: as `one_state` has it.
        place: the source as it may be shown.
        open_source: opens it.
        files: the files that may be rewritten while they are open.

    Raises:
        SourceError: the source is no longer as the block's first question saw it.
        SourceUnreachableError: it does not answer.
    """
    state = _states.get(source)
    if state is None:
        with open_source() as connection:
            yield connection
        return
    with _lock:
        if state.is_lost:
            raise SourceError(
                f"{place} went away during the run, and its records may have changed since",
                hint="run it again; nothing was published",
            )
        _see_unchanged(state, place, files)
        if state.connection is None:
            state.connection = state.kept.enter_context(open_source())
        state.open_questions += 1
    try:
        yield state.connection
    except SourceUnreachableError:
        state.is_lost = state.questions > 0
        state.close()
        raise
    finally:
        state.open_questions -= 1
    _see_unchanged(state, place, files)
    if state.open_questions == 0:
        state.questions += 1


def _see_unchanged(state: _State, place: str, files: Callable[[], tuple[Path, ...]]) -> None:
    now = frozenset(_stamps(files()))
    if state.files is None:
        state.files = now
    if state.files != now:
        raise SourceError(f"{place} was written while a run read it", hint=_AGAIN)


def _stamps(files: tuple[Path, ...]) -> Iterator[Stamp]:
    for each in files:
        try:
            found = each.stat()
        except OSError:  # gone: its stamp is missing from the set
            continue
        yield str(each), found.st_ino, found.st_size, found.st_mtime_ns
