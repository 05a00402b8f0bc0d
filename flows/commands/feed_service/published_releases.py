"""What the feed's service may read: what `releases.json` names, stands, and is not withdrawn."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Path as InPath
from starlette.exceptions import HTTPException

from flows.commands.feed_service.answers import Facts
from flows.commands.feed_service.problem_details import CANNOT_BE_READ
from flows.commands.serving import published_file
from tasks.publishing import Output
from tasks.publishing.catalogue import RELEASES
from tasks.publishing.earlier import RELEASE_NAME

LATEST = "latest"
"""Stands for the name of the latest release."""
Name = Annotated[str, InPath(description=f"a release's name, or {LATEST}", examples=[LATEST])]


@dataclass(frozen=True, slots=True)
class ReadableRelease:
    """A release that may be read.

    Attributes:
        name: of its directory.
        facts: what the catalogue says of it.
        changed: when what is said of it last changed, as seconds.
    """

    name: str
    facts: dict[str, Any]
    changed: float

    @property
    def href(self) -> str:
        """Its own address, whatever name it was asked by."""
        return f"/releases/{quote(self.name)}"

    def as_answered(self) -> Facts:
        """What is said of it."""
        return Facts(**(self.facts | {"href": self.href}))


@dataclass(frozen=True, slots=True)
class PublishedReleases:
    """What may be read of an output directory, as it is at each request."""

    output: Output

    def catalogue(self) -> tuple[dict[str, Any], float]:
        """What `releases.json` says, of releases that may be read alone, and when it was written.

        Raises:
            HTTPException: 503, it cannot be read.
        """
        file = self.output.directory / RELEASES
        try:
            said: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            changed = file.stat().st_mtime
        except (OSError, ValueError):
            raise HTTPException(503, CANNOT_BE_READ) from None
        withdrawn, standing = self.output.withdrawn(), set(self.output.standing())
        said["withdrawn"] = withdrawn
        said["releases"] = [
            each
            for each in said["releases"]
            if each["name"] in standing - withdrawn and RELEASE_NAME.fullmatch(each["name"])
        ]
        if said["latest"] not in {each["name"] for each in said["releases"]}:
            said["latest"] = None
        return said, changed

    def release(self, name: str) -> ReadableRelease:
        """The release of a name, or the latest one.

        Raises:
            HTTPException: 404 where there is none, 410 where it was withdrawn.
        """
        said, changed = self.catalogue()
        wanted = said["latest"] if name == LATEST else name
        for each in said["releases"]:
            if each["name"] == wanted:
                return ReadableRelease(each["name"], each, changed)
        if name in said["withdrawn"]:
            raise HTTPException(410, "this release was withdrawn; /releases lists those that stand")
        raise HTTPException(404, "there is no such release; /releases lists those that stand")

    def file(self, release: ReadableRelease, *below: str) -> Path:
        """A file of its feed.

        Raises:
            HTTPException: 404, there is none.
        """
        file = published_file(self.output, release.name, "feed", *below)
        if file is None:
            raise HTTPException(
                404, f"there is nothing of this name in it; {release.href} says what there is"
            )
        return file
