"""Writing that fails, in a sentence with the way out: a full disk, a missing right, a file in the way."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tasks.errors import ClinicnetError, PublishingError

_NO_ROOM = {
    errno.ENOSPC: "the disk is full: free some space and run again",
    errno.EDQUOT: "the disk quota is used up: free some space and run again",
    errno.EFBIG: "a limit on the size of files (ulimit -f) is in the way: lift it and run again",
    errno.EROFS: "the file system is read-only: name another directory under [output]",
    errno.EIO: "the disk fails (an input/output error): name a directory on another under [output]",
}
"""What ends any writing, whatever is written."""

_WAYS_OUT = _NO_ROOM | {
    errno.EACCES: "give this user the right to write there, or name another directory under [output]",
    errno.EPERM: "its owner or its file system refuses this: name another directory under [output]",
    errno.EISDIR: "'latest' must be the link that clinicnet made: move that directory away and run again",
    errno.ENOTDIR: "a file stands where a directory is needed: move it away, or name another under [output]",
    errno.EEXIST: "a file stands where a directory is needed: move it away, or name another under [output]",
}

_PROBE = 1 << 20  # bytes: more than what a failed writing leaves free of a full disk


def not_written(error: OSError, directory: Path, what: str = "the release") -> PublishingError:
    """The user's error for `what` could not be written to `directory`."""
    return PublishingError(
        f"{what} could not be written to {directory}: {os.strerror(error.errno or 0).lower()}; "
        "the last good release is as it was",
        hint=_WAYS_OUT.get(error.errno or 0),
    )


@contextmanager
def moving(directory: Path) -> Iterator[None]:
    """Say what the system refuses while directories, links and locks below `directory` are made and moved."""
    try:
        yield
    except OSError as error:
        raise not_written(error, directory) from error


@contextmanager
def filling(directory: Path, within: Path) -> Iterator[None]:
    """Say of whatever fails while files are made in `within` that it takes no more, where that is why.

    Not every library hands on what the system told it, so the place is tried. What fails for another reason
    is raised as it is.

    Args:
        directory: the output directory, as people know it.
        within: the directory below it that is being filled.
    """
    try:
        yield
    except ClinicnetError:
        raise
    except Exception as error:
        refused = error if _is_no_room(error) else _refused(within, _PROBE)
        if not isinstance(refused, OSError):
            raise
        raise not_written(refused, directory) from error


def require_writable(directory: Path) -> None:
    """See that a directory can be written, or made where it is not there; leaves nothing behind.

    Raises:
        PublishingError: it cannot.
    """
    refused = _refused(nearest_existing(directory), 1)
    if refused is not None:
        raise not_written(refused, directory)


def nearest_existing(directory: Path) -> Path:
    """`directory`, or the first above it that is there."""
    return next(each for each in (directory, *directory.absolute().parents) if os.path.lexists(each))


def _is_no_room(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno in _NO_ROOM


def _refused(directory: Path, n_bytes: int) -> OSError | None:
    """What the system says to a file of so many bytes in `directory`; None: it takes it."""
    try:
        with tempfile.TemporaryFile(dir=directory) as file:
            file.write(bytes(n_bytes))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error
    return None
