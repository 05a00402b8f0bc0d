"""What a static server tells of the releases: `releases.json`, and an Atom feed of them.

A dashboard that reads over HTTP cannot list a directory, nor follow the link `latest`: `releases.json` names
every release with its files and their digests, and which is the last one. Both files are made anew after each
publishing, by one rename each; whoever reads them in between sees the releases of before.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import pandas as pd

from tasks.publishing.kept import Kept, kept_releases
from tasks.publishing.output import PARTS, Output
from tasks.publishing.rights import give
from tasks.publishing.withdrawn import Withdrawal, withdrawals
from tasks.publishing.write_errors import not_written
from tasks.release import BY_CLINIC, BY_OUTCOME, CHANGES, TABLES

SCHEMA_VERSION = 1
"""Of `releases.json`: it rises when a key goes or means something else; keys may be added without."""
RELEASES, ATOM = "releases.json", "releases.atom"
_ATOM = "http://www.w3.org/2005/Atom"
_NEVER = datetime.fromtimestamp(0, UTC)
_ABANDONED = 3600.0  # seconds after which nobody is still writing a file aside


@dataclass(frozen=True, slots=True)
class Copied:
    """What of the releases stands where a catalogue is a copy's: it names nothing that is not there.

    Attributes:
        releases: names of those whose files are there.
        parts: of `page`, `reports` and `feed` those that are.
    """

    releases: frozenset[str]
    parts: frozenset[str]


def write_catalogue(output: Output, network: str, language: str, url: str | None = None) -> list[Path]:
    """Write `releases.json` and `releases.atom` into the output directory.

    Args:
        output: with at least one release.
        network: the network's name.
        language: of its reports.
        url: the address at which the output directory is served: feed readers keep entries away from it, so
            links are whole where it is known.

    Raises:
        PublishingError: a release cannot be read, or the directory cannot be written.
    """
    texts = catalogue_texts(output, kept_releases(output), network, language, url)
    try:
        for left in (aside for name in texts for aside in output.directory.glob(f".{name}.*")):
            _clear_abandoned(left)
        return [_replace(output.directory / name, text, output.rights) for name, text in texts.items()]
    except OSError as error:
        raise not_written(error, output.directory, " and ".join(texts)) from error


def catalogue_texts(
    output: Output,
    kept: Sequence[Kept],
    network: str,
    language: str,
    url: str | None = None,
    copied: Copied | None = None,
) -> dict[str, str]:
    """`releases.json` and `releases.atom`: name → text.

    Args:
        output, network, language, url: as for `write_catalogue`.
        kept: the releases that stand, at least one.
        copied: what of them stands where the texts are to be read; None: all that is in the output directory.
            A withdrawn release is told of there, without a file; `latest` is the newest of those there.

    Raises:
        PublishingError: a release or a withdrawal cannot be read.
    """
    taken_back = withdrawals(output)
    latest = next((each.name for each in kept if each.is_latest), None)
    if copied is not None:
        kept = [each for each in kept if each.name in copied.releases or each.name in taken_back]
        there = [each for each in kept if each.name in copied.releases]
        if latest not in copied.releases:
            newest = max(there, key=lambda each: (each.period, each.last_published), default=None)
            latest = None if newest is None else newest.name
    described = [
        _described(each, taken_back.get(each.name), latest) | _files(output, each, copied)
        for each in reversed(kept)
    ]
    updated = max((each.last_published for each in kept), default=_NEVER).astimezone(UTC)
    catalogue = {
        "schema_version": SCHEMA_VERSION,
        "network": network,
        "language": language,
        "updated": _moment(updated),
        "latest": latest,
        "releases": described,
    }
    return {
        RELEASES: json.dumps(catalogue, ensure_ascii=False, indent=1) + "\n",
        ATOM: _atom(network, language, updated, described, "" if url is None else f"{url.rstrip('/')}/"),
    }


def _described(kept: Kept, withdrawal: Withdrawal | None, latest: str | None) -> dict[str, Any]:
    return {
        "name": kept.name,
        "id": kept.id,
        "period": kept.period,
        "window": list(kept.window),
        "records_up_to": kept.cut_off,
        "published": _moment(kept.published),
        "latest": kept.name == latest,
        "edition": kept.edition,
        "editions": kept.n_editions,
        "clinics": kept.n_clinics,
        "clinics_shown": kept.n_shown,
        "changes": _changes(kept.directory),
        "policy": kept.policy,
        "incomplete": kept.incomplete,
        "withdrawn": withdrawal and {"because": withdrawal.because, "at": withdrawal.when},
    }


def _files(output: Output, kept: Kept, copied: Copied | None) -> dict[str, Any]:
    """Where the files of a release are; nothing of what is not there."""
    path = kept.directory.relative_to(output.directory).as_posix()
    parts = frozenset(PARTS) if copied is None else copied.parts
    if copied is not None and kept.name not in copied.releases:
        return {}
    found: dict[str, Any] = {"path": path}
    if "feed" in parts:
        found |= _feed(kept, path)
    if "reports" in parts and (copied is None or (kept.directory / "reports/network.pdf").exists()):
        found["report"] = f"{path}/reports/network.pdf"
    if "page" in parts and (kept.directory / "page/index.html").exists():
        found["page"] = f"{path}/page/index.html"
    return found


def _feed(kept: Kept, path: str) -> dict[str, Any]:
    package = kept.directory / "feed/datapackage.json"
    return {
        "datapackage": {
            "path": f"{path}/feed/datapackage.json",
            "hash": f"sha256:{hashlib.sha256(package.read_bytes()).hexdigest()}",
        },
        "tables": {
            table.name: f"{path}/feed/{table.name}"
            for table in TABLES
            if (kept.directory / f"feed/{table.name}.parquet").exists()
        },
        "extracts": {
            name: f"{path}/feed/{form}"
            for name, form in (("clinic", BY_CLINIC), ("outcome", BY_OUTCOME))
            if (kept.directory / "feed" / form).parent.is_dir()
        },
    }


def _changes(directory: Path) -> dict[str, int]:
    """How many things of each kind the release says otherwise than the one before."""
    kinds = pd.read_parquet(directory / f"feed/{CHANGES.name}.parquet", columns=["change"])["change"]
    return {str(kind): int(count) for kind, count in kinds.value_counts().sort_index().items()}


def _atom(
    network: str, language: str, updated: datetime, described: Sequence[dict[str, Any]], root: str
) -> str:
    """One entry a release (RFC 4287), the newest period first; links begin with `root`."""
    feed = ElementTree.Element("feed", {"xmlns": _ATOM, "xml:lang": language})
    _add(feed, "title", network)
    _add(feed, "id", f"urn:clinicnet:{hashlib.sha256(network.encode()).hexdigest()[:32]}")
    _add(feed, "updated", _moment(updated))
    _add(feed, "author").append(_text("name", network))
    for each in described:
        entry = _add(feed, "entry")
        _add(entry, "title", f"{network}, {each['period']}")
        if each["withdrawn"]:
            _add(entry, "summary", each["withdrawn"]["because"])
        _add(entry, "id", f"urn:clinicnet:{each['id']}:{each['name']}")
        _add(entry, "updated", each["published"])
        for form, type_ in (("page", "text/html"), ("report", "application/pdf")):
            if form in each:
                link = {"rel": "alternate", "type": type_, "href": f"{root}{quote(each[form])}"}
                ElementTree.SubElement(entry, "link", link)
    ElementTree.indent(feed, " ")
    return ElementTree.tostring(feed, encoding="unicode", xml_declaration=True) + "\n"


def _add(parent: ElementTree.Element, tag: str, text: str | None = None) -> ElementTree.Element:
    child = _text(tag, text)
    parent.append(child)
    return child


def _text(tag: str, text: str | None) -> ElementTree.Element:
    element = ElementTree.Element(tag)
    element.text = text
    return element


def _clear_abandoned(aside: Path) -> None:
    """Remove what a run left that was killed between writing and renaming, unless another is writing it."""
    with contextlib.suppress(FileNotFoundError):  # it was renamed in between
        if time.time() - aside.stat().st_mtime > _ABANDONED:
            aside.unlink()


def _moment(moment: datetime) -> str:
    """A moment in UTC by RFC 3339, to the second."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _replace(path: Path, text: str, rights: int | None) -> Path:
    """Put a text in the place of what stands there, by one rename."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        aside.write_text(text, encoding="utf-8")
        if rights is not None:
            give(rights, aside)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    return path
