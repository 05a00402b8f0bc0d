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
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import pandas as pd

from tasks.publishing.kept import Kept, kept_releases
from tasks.publishing.output import Output
from tasks.publishing.rights import give
from tasks.publishing.withdrawn import Withdrawal, withdrawals
from tasks.publishing.write_errors import not_written
from tasks.release import BY_CLINIC, BY_OUTCOME, CHANGES, TABLES

SCHEMA_VERSION = 1
"""Of `releases.json`: it rises when a key goes or means something else; keys may be added without."""
RELEASES, ATOM = "releases.json", "releases.atom"
_ATOM = "http://www.w3.org/2005/Atom"
_ABANDONED = 3600.0  # seconds after which nobody is still writing a file aside


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
    kept = kept_releases(output)
    taken_back = withdrawals(output)
    described = [_described(output, each, taken_back.get(each.name)) for each in reversed(kept)]
    latest = next((each["name"] for each in described if each["latest"]), None)
    updated = max(each.last_published for each in kept).astimezone(UTC)
    catalogue = {
        "schema_version": SCHEMA_VERSION,
        "network": network,
        "language": language,
        "updated": _moment(updated),
        "latest": latest,
        "releases": described,
    }
    texts = {
        RELEASES: json.dumps(catalogue, ensure_ascii=False, indent=1) + "\n",
        ATOM: _atom(network, language, updated, described, "" if url is None else f"{url.rstrip('/')}/"),
    }
    try:
        for left in (aside for name in texts for aside in output.directory.glob(f".{name}.*")):
            _clear_abandoned(left)
        return [_replace(output.directory / name, text, output.rights) for name, text in texts.items()]
    except OSError as error:
        raise not_written(error, output.directory, " and ".join(texts)) from error


def _described(output: Output, kept: Kept, withdrawal: Withdrawal | None) -> dict[str, Any]:
    path = kept.directory.relative_to(output.directory).as_posix()
    package = kept.directory / "feed/datapackage.json"
    return {
        "name": kept.name,
        "id": kept.id,
        "period": kept.period,
        "window": list(kept.window),
        "records_up_to": kept.cut_off,
        "published": _moment(kept.published),
        "latest": kept.is_latest,
        "edition": kept.edition,
        "editions": kept.n_editions,
        "clinics": kept.n_clinics,
        "clinics_shown": kept.n_shown,
        "changes": _changes(kept.directory),
        "policy": kept.policy,
        "incomplete": kept.incomplete,
        "withdrawn": withdrawal and {"because": withdrawal.because, "at": withdrawal.when},
        "path": path,
        "datapackage": {
            "path": f"{path}/feed/datapackage.json",
            "hash": f"sha256:{hashlib.sha256(package.read_bytes()).hexdigest()}",
        },
        "tables": {
            table.name: f"{path}/feed/{table.name}"
            for table in TABLES
            if (kept.directory / f"feed/{table.name}.parquet").exists()
        },
        "report": f"{path}/reports/network.pdf",
        "extracts": {
            name: f"{path}/feed/{form}"
            for name, form in (("clinic", BY_CLINIC), ("outcome", BY_OUTCOME))
            if (kept.directory / "feed" / form).parent.is_dir()
        },
    } | ({"page": f"{path}/page/index.html"} if (kept.directory / "page/index.html").exists() else {})


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
