"""Published releases in another place, such as a bucket, whose readers never see half of one.

    <target>/releases.json, releases.atom      every release whose files are there
    <target>/releases/2024-05-3fa9c1d2e801/    its files, and SHA256SUMS, which says what they are

A release's files go there first, and only then the catalogue that names it; what is to vanish goes out of
the catalogue before its files do. Whatever ends this leaves a catalogue that names whole releases alone, and
the same again does the rest: what is missing, or differs by its size or checksum.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tasks.errors import PublishingError
from tasks.publishing.catalogue import RELEASES, Copied, catalogue_texts
from tasks.publishing.earlier import RELEASE_NAME
from tasks.publishing.kept import Kept, kept_releases
from tasks.publishing.mirror_store import BELOW, Found, Store
from tasks.publishing.output import Output
from tasks.publishing.write_errors import moving

SUMS = "SHA256SUMS"
"""As `sha256sum --check` reads it, in the release's own directory; the last of its files to be put there."""

_NAMES_PART = {"datapackage": "feed", "report": "reports", "page": "page"}
"""Key of a release in the catalogue → the part of the release that it names."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose releases they are, as the catalogue says.

    Attributes:
        network: the network's name.
        language: of its reports.
        url: the address at which releases are served.
    """

    network: str
    language: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Mirrored:
    """What bringing a mirror up to date did.

    Attributes:
        standing: releases that stand there.
        put, removed: files that were copied there and taken out, the catalogue aside.
    """

    standing: int
    put: int
    removed: int


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A release as it is to stand there: path in the store → our file and its digest."""

    name: str
    files: Mapping[str, Path]
    digests: Mapping[str, str]

    @property
    def sums(self) -> str:
        """What SHA256SUMS says."""
        start = len(f"{BELOW}/{self.name}/")
        return "".join(f"{digest}  {path[start:]}\n" for path, digest in sorted(self.digests.items()))

    @property
    def sums_path(self) -> str:
        """Where that stands."""
        return f"{BELOW}/{self.name}/{SUMS}"


def mirror(output: Output, store: Store, whose: Identity, parts: Collection[str]) -> Mirrored:
    """Bring a store to what is published in an output directory; releases that are withdrawn go.

    Args:
        output: the output directory.
        store: where to.
        whose: releases of another network are never touched.
        parts: of `feed`, `reports` and `page` those that go there.

    Raises:
        PublishingError: nothing is published, a release cannot be read, the store holds another network's
            releases, or fails; its catalogue names only what is there.
    """
    if not output.standing():
        raise PublishingError(
            f"nothing is published in {output.directory}, so there is nothing to mirror",
            hint="report a month first: clinicnet run",
        )
    with _alone(output), tempfile.TemporaryDirectory() as aside:
        kept = kept_releases(output)
        named = _named_there(store, whose)
        gone = output.withdrawn()
        wanted = [_wanted(each, parts) for each in kept if each.name not in gone]
        there = _without_links(store)
        sums = {each.name: store.read(each.sums_path) for each in wanted if each.sums_path in there}
        missing = {each.name: _missing(store, each, there, sums.get(each.name, b"")) for each in wanted}
        catalogue = _Catalogue(output, kept, whose, store, Path(aside))
        sound = named.sound(missing, parts)
        if named.releases - sound.releases:
            catalogue.put(sound)
        for each in wanted:
            if missing[each.name]:
                store.put(missing[each.name])
            if sums.get(each.name) != each.sums.encode():
                catalogue.put_text(each.sums_path, each.sums)
        catalogue.put(Copied(frozenset(missing), frozenset(parts)))
        return Mirrored(
            standing=len(wanted),
            put=sum(map(len, missing.values())),
            removed=_remove_others(store, wanted, there),
        )


def require_own(store: Store, whose: Identity) -> None:
    """See that a store can be reached and holds no other network's releases.

    Raises:
        PublishingError: it cannot, or does.
    """
    store.require_there()
    _named_there(store, whose)


@dataclass(frozen=True, slots=True)
class _Catalogue:
    """What names the releases of a store."""

    output: Output
    kept: Sequence[Kept]
    whose: Identity
    store: Store
    aside: Path

    def put(self, copied: Copied) -> None:
        """Let it name these releases' files and no others."""
        who = self.whose
        texts = catalogue_texts(self.output, self.kept, who.network, who.language, who.url, copied)
        for name, text in texts.items():
            if self.store.read(name) != text.encode():
                self.put_text(name, text)

    def put_text(self, path: str, text: str) -> None:
        """Put a small file there."""
        file = self.aside / Path(path).name
        file.write_text(text, encoding="utf-8")
        self.store.put({path: file})


@dataclass(frozen=True, slots=True)
class _Catalogued:
    """What a store's catalogue names: releases, and parts of any of them."""

    releases: frozenset[str] = frozenset()
    parts: frozenset[str] = frozenset()

    def sound(self, missing: Mapping[str, Collection[str]], parts: Collection[str]) -> Copied:
        """What of all that is to be there can be named before anything is copied.

        Args:
            missing: release → paths that are not there as they should be.
            parts: of releases that are to be there; some may be new.
        """
        kept = self.parts & frozenset(parts)
        sound = (
            name for name, paths in missing.items() if not any(path.split("/")[2] in kept for path in paths)
        )
        return Copied(frozenset(sound), kept)


def _named_there(store: Store, whose: Identity) -> _Catalogued:
    """What a store's catalogue names.

    Raises:
        PublishingError: it cannot be read, or is another network's.
    """
    text = store.read(RELEASES)
    if text is None:
        return _Catalogued()
    try:
        said = json.loads(text)
        network = str(said["network"])
        there = [each for each in said["releases"] if "path" in each]
        named = _Catalogued(
            frozenset(str(each["name"]) for each in there),
            frozenset(part for each in there for key, part in _NAMES_PART.items() if key in each),
        )
    except (ValueError, KeyError, TypeError):
        raise PublishingError(
            f"the mirror {store.shown} has a {RELEASES} that is not clinicnet's",
            hint="name a folder of its own for the releases, or take that file away",
        ) from None
    if network != whose.network:
        raise PublishingError(
            f"the mirror {store.shown} holds the releases of another network",
            hint="give each network a folder of its own; after a change of name, empty it first",
        )
    return named


def _wanted(kept: Kept, parts: Collection[str]) -> _Wanted:
    files = {
        f"{BELOW}/{kept.name}/{file.relative_to(kept.directory).as_posix()}": file
        for part in sorted(parts)
        for file in sorted((kept.directory / part).rglob("*"))
        if file.is_file() and not file.is_symlink()
    }
    with moving(kept.directory):
        return _Wanted(kept.name, files, {path: _sha256(file) for path, file in files.items()})


def _missing(
    store: Store, wanted: _Wanted, there: Mapping[str, Found], sums: bytes | None
) -> dict[str, Path]:
    """Files of a release that are not there as they should be, by `sums` that are there: path → ours."""
    lines = (line.partition("  ") for line in (sums or b"").decode(errors="replace").splitlines())
    told = {f"{BELOW}/{wanted.name}/{path}": digest for digest, _, path in lines}
    return {
        path: file
        for path, file in wanted.files.items()
        if (found := there.get(path)) is None
        or found.size != file.stat().st_size
        or not (told.get(path) == wanted.digests[path] or store.is_the_same(path, found, file))
    }


def _without_links(store: Store) -> dict[str, Found]:
    """What a store has; links among it, which could lead our files elsewhere, are taken out."""
    there = store.files()
    links = [path for path, found in there.items() if found.is_link and _is_of_a_release(path)]
    if links:
        store.remove(links)
    return {path: found for path, found in there.items() if not found.is_link}


def _remove_others(store: Store, wanted: Sequence[_Wanted], there: Mapping[str, Found]) -> int:
    """Take out the files of releases that do not stand there, and what no release has; return how many."""
    ours = {path for each in wanted for path in (*each.files, each.sums_path)}
    others = [path for path in there if path not in ours and _is_of_a_release(path)]
    if others:
        store.remove(others)
    return len(others)


def _is_of_a_release(path: str) -> bool:
    """Whether a path is within what is called as a release is: all else there is somebody's own."""
    return RELEASE_NAME.fullmatch(path.split("/")[1]) is not None


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


@contextmanager
def _alone(output: Output) -> Iterator[None]:
    """One at a time: the system's lock, which ends with the process that holds it."""
    with moving(output.directory):
        lock = os.open(output.directory / ".mirror.lock", os.O_CREAT | os.O_RDWR, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
