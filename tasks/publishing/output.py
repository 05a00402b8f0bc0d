"""The output directory: a release is prepared aside, and made current by one rename.

Every step before the rename touches only what no reader looks at, so a kill at any moment leaves readers
with the last good release. Locks are the operating system's (`flock`): they end with the process that
holds them, so nothing has to be cleared by hand after a crash.
"""

from __future__ import annotations

import fcntl
import filecmp
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from tasks.errors import PublishingError
from tasks.periods import Period
from tasks.publishing.rights import give, give_directory
from tasks.publishing.run_record import close_killed
from tasks.publishing.write_errors import filling, moving

PARTS = ("feed", "reports", "page")
"""What of a release is for readers."""


@dataclass(frozen=True, slots=True)
class Staging:
    """A directory that only one run sees; what is in it when it is published becomes the release.

    Attributes:
        path: where the run writes; it is gone when the run ends. Its name tells the run from others.
    """

    path: Path

    @property
    def feed(self) -> Path:
        """Where the feed is prepared."""
        return self.path / "feed"

    @property
    def reports(self) -> Path:
        """Where the PDFs are prepared."""
        return self.path / "reports"

    def filled(self) -> AbstractContextManager[None]:
        """While files are made in it: what fails because the disk takes no more is said as that.

        Raises (within):
            PublishingError: the disk is full, or fails.
        """
        return filling(self.path.parent.parent, self.path)


@dataclass(frozen=True, slots=True)
class Published:
    """What `latest` leads to after publishing.

    Attributes:
        directory: the release's own directory, which later releases do not touch.
        latest: the link that readers follow.
        unchanged: whether the very same files had been published before.
        is_latest: whether `latest` leads to it; not to a period made again after a later one was reported.
        held: why it waits for a person instead; empty where it is published.
        withdrawn: whether it was published before and taken back.
    """

    directory: Path
    latest: Path
    unchanged: bool
    is_latest: bool = True
    held: tuple[str, ...] = ()
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Output:
    """An output directory; see `tasks.publishing` for what is in it.

    Attributes:
        directory: where it is.
        rights: those of a release's files, such as 0o644; None: as the umask of the user who reports has it.
    """

    directory: Path
    rights: int | None = None

    @property
    def latest(self) -> Path:
        """The link to the last good release."""
        return self.directory / "latest"

    @property
    def runs(self) -> Path:
        """Where the runs' records are."""
        return self.directory / "runs"

    def current(self) -> Path | None:
        """The last good release's own directory; None before the first."""
        return self.latest.resolve() if self.latest.exists() else None

    @contextmanager
    def staging(self) -> Iterator[Staging]:
        """A fresh directory to prepare a release in, removed at the end whatever happens.

        Raises:
            PublishingError: the output directory cannot be written.
        """
        with moving(self.directory), self.locked():
            self._remove_abandoned()
            token = secrets.token_hex(8)
            path = self._staged / token
            # the lock first: it is what the next run finds abandoned directories by
            lock = os.open(self._staged / f"{token}.lock", os.O_CREAT | os.O_RDWR, 0o644)
            fcntl.flock(lock, fcntl.LOCK_EX)
            path.mkdir()
        try:
            yield Staging(path)
        finally:
            shutil.rmtree(path, ignore_errors=True)
            (self._staged / f"{token}.lock").unlink(missing_ok=True)
            os.close(lock)

    def standing(self) -> tuple[str, ...]:
        """Names of the releases that stand, in order."""
        releases = self.directory / "releases"
        return tuple(sorted(each.name for each in releases.iterdir())) if releases.is_dir() else ()

    def publish(self, staging: Staging, name: str, beside: Sequence[str] | None) -> Published:
        """Make what was prepared in `staging` the current release, called `name`, in one atomic step.

        A release whose files are all the same as one published before is that release. If the name was
        used for other files (a newer version draws the same numbers differently), a number is added to it;
        what was published is never changed. `latest` leads to the newest release of the last period: an
        earlier period that is made again does not take it back.

        Args:
            staging: what was prepared.
            name: the release's.
            beside: the releases that stood when it was decided what to withhold; None where nothing was.

        Raises:
            PublishingError: others were published since, or the output directory cannot be written; `latest`
                is as it was.
        """
        with moving(self.directory), self.locked():
            releases = self.directory / "releases"
            releases.mkdir(exist_ok=True)
            self._give_rights(staging.path)
            _write_through(staging.path)
            target, unchanged = _place(releases, name, staging.path)
            if unchanged:
                self._give_rights(target)
            else:
                if beside is not None and self.standing() != tuple(beside):
                    raise _others_came(name)
                staging.path.rename(target)
                _sync(releases)
            withdrawn = target.name in self.withdrawn()
            newest = not (withdrawn or self._leads_beyond(name))
            if newest:
                self._point_latest_at(target)
            return Published(target, self.latest, unchanged, newest, withdrawn=withdrawn)

    def has(self, staging: Staging, name: str) -> bool:
        """Whether what was prepared in `staging` is published already as a release called `name`."""
        return _place(self.directory / "releases", name, staging.path)[1]

    def _give_rights(self, release: Path) -> None:
        """Let those read a release who may, and come to it."""
        if self.rights is not None:
            give_directory(self.rights, self.directory, self.directory / "releases")
            give(self.rights, release)

    def withdrawal(self, name: str) -> Path:
        """The file that says that a release is withdrawn."""
        return self.directory / "withdrawn" / f"{name}.json"

    def withdrawn(self) -> frozenset[str]:
        """Names of the releases that are taken back; see `tasks.publishing.withdrawn`."""
        return frozenset(each.stem for each in (self.directory / "withdrawn").glob("*.json"))

    def lead_to(self, release: Path | None) -> None:
        """Let `latest` lead to a release, or to none.

        Raises:
            PublishingError: the output directory cannot be written.
        """
        with moving(self.directory), self.locked():
            if release is None:
                self.latest.unlink(missing_ok=True)
            else:
                self._point_latest_at(release)

    def abandoned(self) -> frozenset[str]:
        """Tokens of the runs that were killed and whose places nobody has cleared yet."""
        return frozenset(
            lock_file.stem for lock_file in self._staged.glob("*.lock") if not _is_held(lock_file)
        )

    @property
    def _staged(self) -> Path:
        return self.directory / ".staging"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Alone with what is published, until the end of the block."""
        self._staged.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.directory / ".lock", os.O_CREAT | os.O_RDWR, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _remove_abandoned(self) -> None:
        """Remove what killed runs were preparing: a directory whose lock nobody holds."""
        for lock_file in self._staged.glob("*.lock"):
            lock = os.open(lock_file, os.O_RDWR)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            else:
                shutil.rmtree(lock_file.with_suffix(""), ignore_errors=True)
                close_killed(self.runs, lock_file.stem)
                lock_file.unlink()
            finally:
                os.close(lock)
        for link in self.directory.glob(".latest-*"):
            link.unlink()

    def _leads_beyond(self, name: str) -> bool:
        """Whether `latest` leads to a release of a later period than the one called `name`."""
        current = self.current()
        if current is None:
            return False
        there, new = _period(current.name), _period(name)
        return there is not None and new is not None and there.kind == new.kind and there > new

    def _point_latest_at(self, target: Path) -> None:
        fresh = self.directory / f".latest-{secrets.token_hex(4)}"
        fresh.symlink_to(target.relative_to(self.directory), target_is_directory=True)
        try:
            fresh.replace(self.latest)
        except OSError:
            fresh.unlink()
            raise
        _sync(self.directory)


def _others_came(name: str) -> PublishingError:
    period = name.rpartition("-")[0]
    return PublishingError(
        f"{name} cannot become current: other releases were published since it was prepared, and together "
        "with them it might tell small numbers",
        hint=f"make it anew: clinicnet run --period {period}",
    )


def address(path: Path, release: Path, url: str) -> str:
    """Where a file of a release is read, given the address at which the output directory is served.

    >>> release = Path("output/releases/2024-05-3fa9c1d2e801")
    >>> address(release / "reports/network.pdf", release, "https://reports.example/north/")
    'https://reports.example/north/releases/2024-05-3fa9c1d2e801/reports/network.pdf'
    """
    below = path.relative_to(release.parent.parent).as_posix()
    return f"{url.rstrip('/')}/{quote(below)}"


def _period(name: str) -> Period | None:
    """The period that a release is of, by its directory's name: 2024-05-<id>."""
    try:
        return Period.of_label(name.rpartition("-")[0])
    except ValueError:
        return None


def _is_held(lock_file: Path) -> bool:
    """Whether some process holds a lock; asking changes nothing, and needs no right to write."""
    try:
        lock = os.open(lock_file, os.O_RDONLY)
    except FileNotFoundError:  # given back in between
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _place(releases: Path, name: str, prepared: Path) -> tuple[Path, bool]:
    """Where a release called `name` goes, and whether these very files are already there."""
    target, number = releases / name, 1
    while target.exists():
        if _same_files(prepared, target):
            return target, True
        number += 1
        target = releases / f"{name}.{number}"
    return target, False


def _same_files(one: Path, other: Path) -> bool:
    files = sorted(each.relative_to(one) for each in one.rglob("*") if each.is_file())
    if files != sorted(each.relative_to(other) for each in other.rglob("*") if each.is_file()):
        return False
    return all(filecmp.cmp(one / each, other / each, shallow=False) for each in files)


def _write_through(directory: Path) -> None:
    """Flush every file below `directory` to the disk, so that a power cut cannot empty a published one."""
    for path in sorted(directory.rglob("*"), reverse=True):
        _sync(path)
    _sync(directory)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
