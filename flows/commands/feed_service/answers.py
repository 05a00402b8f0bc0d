"""What the feed's service answers: what each answer holds, its tag, and whether the asker has it already."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from flows.commands.feed_service.problem_details import documented
from flows.commands.serving import HEADERS, unless_known

JSON, CSV = "application/json", "text/csv; charset=utf-8"
Documented = dict[int | str, dict[str, Any]]
"""Status → what an OpenAPI document says of it."""
KNOWN: Documented = {304: {"description": "what the asker has is still it"}}
AWAY: Documented = documented(s503="what is published cannot be read just now")
NO_RELEASE: Documented = documented(
    s404="there is no such release, or nothing of this name in it", s410="it was withdrawn"
)


class Facts(BaseModel):
    """One published release."""

    model_config = ConfigDict(extra="ignore")

    name: str = Field(description="its name in addresses")
    id: str = Field(description="digest of its content")
    period: str = Field(description="the period it reports")
    window: list[str] = Field(description="first and last period that its estimates use")
    records_up_to: str = Field(description="latest date among its records")
    published: str = Field(description="when")
    latest: bool = Field(description="whether it is the latest release")
    edition: int = Field(description="which of its period's editions it is")
    editions: int = Field(description="how many there are")
    clinics: int = Field(description="clinics in it")
    clinics_shown: int = Field(description="those with anything that may be shown")
    policy: str = Field(description="of small numbers")
    incomplete: str | None = Field(default=None, description="why its records were known not to be all there")
    href: str = Field(description="address of the release")


class Releases(BaseModel):
    """All published releases, the newest period first."""

    network: str
    latest: str | None = Field(description="name of the latest release")
    releases: list[Facts]


class Columns(BaseModel):
    """One column of a table."""

    name: str
    type: str
    description: str


class TableFacts(BaseModel):
    """One table of a release."""

    name: str
    description: str
    key: list[str] = Field(
        description="columns that tell its rows apart; rows are asked for by all but the first"
    )
    columns: list[Columns]
    href: str = Field(description="address of its rows")


class Whole(BaseModel):
    """A published release with its tables."""

    release: Facts
    tables: list[TableFacts]
    statuses: dict[str, str] = Field(description="what each status means")
    datapackage: str = Field(description="address of its data package, which says what is in the files")


class Extract(BaseModel):
    """Every table's rows about one clinic or one outcome."""

    release: str
    network: str
    period: str
    tables: dict[str, list[dict[str, Any]]]


class Start(BaseModel):
    """Where to begin."""

    network: str
    releases: str
    latest: str
    openapi: str


def answer(
    request: Request,
    content: bytes,
    type_: str,
    changed: float | None = None,
    itself: str | None = None,
    more: Mapping[str, str] | None = None,
) -> Response:
    """An answer with its tag, or that nothing changed.

    Args:
        request: what was asked.
        content: what is answered; its tag is a digest of it.
        type_: its media type.
        changed: when it last changed, as seconds; what `latest` leads to changes with the catalogue.
        itself: its own address, where it was asked for as the latest.
        more: further headers.
    """
    headers = HEADERS | {"ETag": f'"{hashlib.sha256(content).hexdigest()[:32]}"'} | dict(more or {})
    if changed is not None:
        headers["Last-Modified"] = formatdate(changed, usegmt=True)
    if itself is not None:
        headers["Content-Location"] = itself
    return unless_known(request, Response(content, headers=headers, media_type=type_))
