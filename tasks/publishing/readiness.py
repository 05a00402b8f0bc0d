"""What can be known before the work: whether a release could be written, and what stands there be read."""

from __future__ import annotations

import shutil
from pathlib import Path

from tasks.errors import PublishingError
from tasks.publishing.earlier import require_readable
from tasks.publishing.output import Output
from tasks.publishing.write_errors import nearest_existing, require_writable

_LEAST = 16 * 1024**2
_SHARE = 1.25
"""Room that a release needs: that of the last one and a quarter more, and never less than `_LEAST` bytes."""


def require_ready(output: Output, window: tuple[str, str] | None = None) -> int:
    """See that a release can be published in an output directory, and return how many stand that were read.

    Args:
        output: where releases are published; it need not exist, and is not made.
        window: first and last period of the release to come; None: every release is read.

    Raises:
        PublishingError: it cannot be written, has no room, `latest` is no link, or a release that the new
            one has to be held against cannot be read.
    """
    require_writable(output.directory)
    if output.latest.exists() and not output.latest.is_symlink():
        raise PublishingError(
            f"{output.latest} is not the link that clinicnet makes",
            hint="move it away and run again",
        )
    _require_room(output)
    return require_readable(output, window)


def _require_room(output: Output) -> None:
    current = output.current()
    needed = max(_LEAST, int(_SHARE * _size(current)) if current is not None else 0)
    free = shutil.disk_usage(nearest_existing(output.directory)).free
    if free < needed:
        raise PublishingError(
            f"the disk of {output.directory} has {_megabytes(free)} left, and a release needs some "
            f"{_megabytes(needed)}",
            hint="free some space, or name a directory on another disk under [output]",
        )


def _size(directory: Path) -> int:
    return sum(each.stat().st_size for each in directory.rglob("*") if each.is_file())


def _megabytes(n_bytes: int) -> str:
    return f"{n_bytes / 1024**2:,.0f} MB"
