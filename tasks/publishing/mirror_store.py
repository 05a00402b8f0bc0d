"""Where releases are copied to: a folder, or what fsspec has a file system for (s3://, gs://, sftp:// …).

In either a file appears whole: an object by its own upload, a file by a rename.
"""

from __future__ import annotations

import contextlib
import filecmp
import hashlib
import logging
import os
import re
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tasks.errors import ClinicnetError, PublishingError
from tasks.publishing.rights import give, give_directory
from tasks.publishing.write_errors import nearest_existing

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

BELOW = "releases"
_OBJECTS = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oss", "oci"})
_AT_ONCE = 16
_ABANDONED = 3600.0  # seconds after which nobody is still writing a file aside
_MD5 = re.compile(r'"?([0-9a-f]{32})"?')
_WAY_OUT = (
    "see that it is there and may be read and written; the next release, or clinicnet mirror, tries again"
)


@dataclass(frozen=True, slots=True)
class Found:
    """A file that a store has.

    Attributes:
        size: in bytes.
        md5: of its content, where the store tells.
        is_link: whether it only leads to another place: nothing of ours does.
    """

    size: int
    md5: str | None = None
    is_link: bool = False


class Store(Protocol):
    """A place that releases are copied to. Paths are relative to it, with slashes."""

    @property
    def shown(self) -> str:
        """What it is called where people read of it."""

    def require_there(self) -> None:
        """See that it can be reached, as far as that shows without writing.

        Raises:
            PublishingError: it cannot.
        """

    def files(self) -> dict[str, Found]:
        """Everything below `releases`."""

    def read(self, path: str) -> bytes | None:
        """What stands in a file; None where there is none."""

    def is_the_same(self, path: str, found: Found, file: Path) -> bool:
        """Whether a file holds the bytes of ours; False where that is not known."""

    def put(self, files: Mapping[str, Path]) -> None:
        """Copy our files there: path → ours. Each is there whole, or as it was before."""

    def remove(self, paths: Collection[str]) -> None:
        """Take files or links out."""


def opened(address: str, shown: str, start: Path, rights: int | None) -> Store:
    """The store at an address.

    Args:
        address: a path, file:// or what fsspec has a file system for; with its secrets.
        shown: the same as people are told of it.
        start: where a relative path starts.
        rights: of files in a folder; None: as the umask has it.

    Raises:
        PublishingError: there is no library for it.
    """
    scheme, is_url, rest = address.partition("://")
    if not is_url or scheme in ("file", "local"):
        return FolderStore(start / (rest if is_url else address), shown, rights)
    return _remote(scheme, address, shown)


def _remote(scheme: str, address: str, shown: str) -> Store:
    import fsspec
    from fsspec.registry import known_implementations

    for library in ("fsspec", "s3fs"):
        logging.getLogger(library).setLevel(logging.CRITICAL + 1)  # they would print addresses
    try:
        system, root = fsspec.core.url_to_fs(address, skip_instance_cache=True)
    except ImportError:
        module = str(known_implementations.get(scheme, {}).get("class", "")).partition(".")[0]
        library = "its library" if module in ("", "fsspec") else module
        extra = " (or clinicnet with it: pip install 'clinicnet[s3]')" if module == "s3fs" else ""
        raise PublishingError(
            f"the mirror {shown} cannot be reached: the library for {scheme}:// is not installed",
            hint=f"install {library} where the report runs{extra}, or name a folder",
        ) from None
    except Exception:  # noqa: BLE001  # whatever a file system's library says may quote the address
        raise PublishingError(
            f"the mirror {shown} cannot be reached: it is no address that fsspec knows",
            hint="write it as s3://bucket/folder, or name a folder",
        ) from None
    return _FsspecStore(system, str(root).rstrip("/"), shown, keeps_objects=scheme in _OBJECTS)


@dataclass(frozen=True, slots=True)
class FolderStore:
    """A directory of this machine, or one that is mounted; see `Store`.

    Attributes:
        folder: the directory, made if it is not there.
        shown: as people are told of it.
        rights: of the files in it.
    """

    folder: Path
    shown: str
    rights: int | None = None

    def require_there(self) -> None:
        """See `Store`."""
        with _told(self.shown), tempfile.TemporaryFile(dir=nearest_existing(self.folder)):
            pass

    def files(self) -> dict[str, Found]:
        """See `Store`; what links lead to is not looked at."""
        with _told(self.shown):
            return dict(self._walk(self.folder / BELOW))

    def read(self, path: str) -> bytes | None:
        """See `Store`."""
        with _told(self.shown):
            try:
                return (self.folder / path).read_bytes()
            except FileNotFoundError:
                return None

    def is_the_same(self, path: str, found: Found, file: Path) -> bool:
        """See `Store`."""
        with _told(self.shown):
            return not found.is_link and filecmp.cmp(self.folder / path, file, shallow=False)

    def put(self, files: Mapping[str, Path]) -> None:
        """See `Store`."""
        with _told(self.shown):
            for path, file in files.items():
                whole = self.folder / path
                self._make(whole.parent)
                if whole.parent == self.folder:  # below releases they are found and taken out
                    _clear_abandoned(whole)
                aside = whole.with_name(f".{whole.name}.{secrets.token_hex(4)}.part")
                try:
                    shutil.copyfile(file, aside)
                    if self.rights is not None:
                        give(self.rights, aside)
                    aside.replace(whole)
                finally:
                    aside.unlink(missing_ok=True)

    def remove(self, paths: Collection[str]) -> None:
        """See `Store`; directories that nothing is left in go too."""
        with _told(self.shown):
            for path in paths:
                (self.folder / path).unlink(missing_ok=True)
            for path in sorted(paths, reverse=True):
                for above in (self.folder / path).relative_to(self.folder).parents:
                    if len(above.parts) < 2 or not _empty(self.folder / above):
                        break
                    (self.folder / above).rmdir()

    def _walk(self, directory: Path) -> Iterator[tuple[str, Found]]:
        if directory.is_symlink():
            raise PublishingError(
                f"the mirror {self.shown} has a link for its directory {BELOW}, which may lead anywhere",
                hint="take the link away, or name the folder that it leads to",
            )
        if not directory.is_dir():
            return
        for each in os.scandir(directory):
            path = Path(each.path)
            if each.is_dir(follow_symlinks=False):
                yield from self._walk(path)
            else:
                said = each.stat(follow_symlinks=False)
                name = path.relative_to(self.folder).as_posix()
                yield name, Found(said.st_size, is_link=not stat.S_ISREG(said.st_mode))

    def _make(self, directory: Path) -> None:
        """Make a directory with those above it that are not there, each with its rights."""
        if not directory.is_dir():
            self._make(directory.parent)
            directory.mkdir(exist_ok=True)
            if self.rights is not None:
                give_directory(self.rights, directory)


@dataclass(frozen=True, slots=True)
class _FsspecStore:
    """What fsspec has a file system for; see `Store`.

    Attributes:
        system: the file system.
        root: where in it.
        shown: as people are told of it.
        keeps_objects: whether a file appears there whole when its upload ends.
    """

    system: AbstractFileSystem
    root: str
    shown: str
    keeps_objects: bool

    def require_there(self) -> None:
        """See `Store`."""
        self.files()

    def files(self) -> dict[str, Found]:
        """See `Store`."""
        with _told(self.shown):
            self.system.invalidate_cache()
            try:
                listed: dict[str, dict[str, Any]] = self.system.find(f"{self.root}/{BELOW}", detail=True)
            except FileNotFoundError:
                if self.keeps_objects and not self.system.exists(self.root.split("/", 1)[0]):
                    raise
                return {}
            start = f"{self.root}/"
            return {
                name.removeprefix(start): Found(int(said["size"] or 0), _md5(said))
                for name, said in listed.items()
                if name.startswith(f"{start}{BELOW}/")
            }

    def read(self, path: str) -> bytes | None:
        """See `Store`."""
        with _told(self.shown):
            try:
                return bytes(self.system.cat_file(f"{self.root}/{path}"))
            except FileNotFoundError:
                return None

    def is_the_same(self, path: str, found: Found, file: Path) -> bool:
        """See `Store`; only what the listing tells is compared."""
        return found.md5 == hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()

    def put(self, files: Mapping[str, Path]) -> None:
        """See `Store`."""
        with _told(self.shown):
            if self.keeps_objects:
                there = [f"{self.root}/{path}" for path in files]
                self.system.put([str(file) for file in files.values()], there, batch_size=_AT_ONCE)
                return
            for path, file in files.items():
                folder, _, name = f"{self.root}/{path}".rpartition("/")
                aside = f"{folder}/.{name}.{secrets.token_hex(4)}.part"
                self.system.makedirs(folder, exist_ok=True)
                self.system.put_file(str(file), aside)
                self.system.mv(aside, f"{folder}/{name}")

    def remove(self, paths: Collection[str]) -> None:
        """See `Store`."""
        with _told(self.shown):
            if paths and self.keeps_objects:
                self.system.rm([f"{self.root}/{path}" for path in paths])
                return
            for path in paths:
                self.system.rm_file(f"{self.root}/{path}")
            for folder in sorted({path.rpartition("/")[0] for path in paths}, reverse=True):
                with contextlib.suppress(Exception):  # other files are in it
                    self.system.rmdir(f"{self.root}/{folder}")


@contextmanager
def _told(shown: str) -> Iterator[None]:
    """Say what fails in a sentence without the library's own words, which may quote a secret."""
    try:
        yield
    except ClinicnetError:
        raise
    except Exception as error:  # noqa: BLE001  # every file system has errors of its own
        raise PublishingError(f"the mirror {shown} failed: {_kind(error)}", hint=_WAY_OUT) from None


def _kind(error: BaseException) -> str:
    """What kind of failure it is: the system's words, or the error's name."""
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno).lower()
    if isinstance(error, FileNotFoundError):
        return "there is no such bucket or folder"
    if isinstance(error, PermissionError):
        return "access is denied"
    return type(error).__name__


def _md5(said: Mapping[str, Any]) -> str | None:
    """What a store that tells it, as S3 does of files that came in one part, has as the content's MD5."""
    told = _MD5.fullmatch(str(said.get("ETag", "")))
    return None if told is None else told[1]


def _clear_abandoned(whole: Path) -> None:
    """Remove what was left of a file by who was killed before its renaming, unless another is writing it."""
    for left in whole.parent.glob(f".{whole.name}.*.part"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > _ABANDONED:
                left.unlink()


def _empty(directory: Path) -> bool:
    return directory.is_dir() and not any(directory.iterdir())
