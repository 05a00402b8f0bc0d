"""Who may read what is published, whatever the umask of the user who reports."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path


def give(files: int, *paths: Path) -> None:
    """Give directories with all that is in them, or files, the rights of a network file's `[output] mode`.

    A directory lets in whoever may read its files; its set-group-ID bit and the like stay.

    Args:
        files: the rights of a file, such as 0o644.
        paths: what gets them; links are left alone.

    Raises:
        OSError: the system refuses, as for what another user owns.
    """
    for path in paths:
        for each in (path, *_below(path)):
            _give(files, each)


def give_directory(files: int, *directories: Path) -> None:
    """The same for directories alone, without what is in them."""
    for directory in directories:
        _give(files, directory)


def _below(path: Path) -> Iterator[Path]:
    return path.rglob("*") if path.is_dir() else iter(())


def _give(files: int, path: Path) -> None:
    now = path.lstat().st_mode
    if stat.S_ISLNK(now):
        return
    wanted = (files | (files & 0o444) >> 2) if stat.S_ISDIR(now) else files
    kept = now & 0o7000
    if stat.S_IMODE(now) != wanted | kept:
        path.chmod(wanted | kept)
