"""The feed as a small service for programs: releases, their tables by rows, one clinic's or outcome's of all.

It only reads, and only what is published. Its answers are the feed's own rows, a page at a time, as JSON or
CSV; its OpenAPI document is made of the feed's dictionary.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import FastAPI
from fastapi import Path as InPath
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from flows.commands.feed_service.answers import (
    AWAY,
    JSON,
    KNOWN,
    NO_RELEASE,
    Extract,
    Releases,
    Start,
    TableFacts,
    Whole,
    answer,
)
from flows.commands.feed_service.problem_details import ProblemsOfMiddleware, say_problems
from flows.commands.feed_service.published_releases import (
    LATEST,
    Name,
    PublishedReleases,
    ReadableRelease,
)
from flows.commands.feed_service.table_rows import add_rows
from flows.commands.serving import names_answered, published, serve_until_ctrl_c
from tasks.errors import ClinicnetError
from tasks.publishing import Output
from tasks.publishing.dictionary import feed_tables
from tasks.release import Table

_ORIGIN = re.compile(r"https?://[^\s/?#@]+")
_ABOUT = f"""\
Only what is published, in the same rows as in the feed's files. No row stands for a patient. `{LATEST}` is
another name of the latest release. Errors are problem details (RFC 9457)."""


def serve_feed(
    network_file: Path, host: str, port: int, origins: Sequence[str], say: Callable[[str], None]
) -> None:
    """Serve the feed until Ctrl-C.

    Args:
        network_file: the network's file.
        host, port, say: as for `serve_until_ctrl_c`.
        origins: sites whose pages may read it in a browser, as https://dashboard.example; "*": all.

    Raises:
        ClinicnetError: nothing is published yet, an origin is none, or the port is taken.
    """
    for origin in origins:
        if origin != "*" and not _ORIGIN.fullmatch(origin):
            raise ClinicnetError(
                f"{origin!r} is no origin of pages",
                hint='write it as https://dashboard.example, without a path; "*" lets every site in',
            )
    network, output = published(network_file)
    with network.speaking():
        tables = feed_tables()
    name = network.network.name
    serve_until_ctrl_c(
        feed_service(output, name, tables, host, origins), f"The feed of {name}", host, port, say
    )


def feed_service(
    output: Output, network: str, tables: Sequence[Table], host: str, origins: Sequence[str] = ()
) -> FastAPI:
    """What answers.

    Args:
        output: the output directory.
        network: the network's name.
        tables: the feed's, described in the network's language.
        host: where it listens.
        origins: sites whose pages may read it.
    """
    app = FastAPI(
        title=network,
        summary="Published releases and the rows of their tables.",
        description=_ABOUT,
        version=importlib.metadata.version("clinicnet"),
        docs_url=None,  # what shows it in a browser would be fetched from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    say_problems(app)
    _add_releases(app, PublishedReleases(output), network)
    _add_extracts(app, PublishedReleases(output))
    for table in tables:
        add_rows(app, PublishedReleases(output), table)
    app.add_middleware(_HeadAsGet)
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(origins),
            allow_methods=["GET", "HEAD"],
            expose_headers=["Content-Location", "ETag", "Last-Modified", "Link"],
        )
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=names_answered(host), www_redirect=False)
    app.add_middleware(ProblemsOfMiddleware)
    return app


def _add_releases(app: FastAPI, there: PublishedReleases, network: str) -> None:
    @app.get("/", response_model=Start, responses=KNOWN, operation_id="start")
    def start(request: Request) -> Response:
        """Where to begin."""
        latest = f"/releases/{LATEST}"
        first = Start(network=network, releases="/releases", latest=latest, openapi="/openapi.json")
        return answer(request, first.model_dump_json().encode(), JSON)

    @app.get("/releases", response_model=Releases, responses=KNOWN | AWAY, operation_id="releases")
    def releases(request: Request) -> Response:
        """All published releases, the newest period first."""
        said, changed = there.catalogue()
        listed = [ReadableRelease(each["name"], each, changed).as_answered() for each in said["releases"]]
        whole = Releases(network=network, latest=said["latest"], releases=listed)
        return answer(request, whole.model_dump_json().encode(), JSON, changed)

    @app.get(
        "/releases/{release}",
        response_model=Whole,
        responses=KNOWN | NO_RELEASE | AWAY,
        operation_id="release",
    )
    def one(request: Request, release: Name) -> Response:
        """A release with its tables."""
        found = there.release(release)
        package = json.loads(there.file(found, "datapackage.json").read_text(encoding="utf-8"))
        whole = Whole(
            release=found.as_answered(),
            tables=[
                TableFacts(
                    name=each["name"],
                    description=each["description"],
                    key=each["schema"]["primaryKey"],
                    columns=each["schema"]["fields"],
                    href=f"{found.href}/tables/{each['name']}",
                )
                for each in package["resources"]
                if "schema" in each
            ],
            statuses=package["statuses"],
            datapackage=f"{found.href}/datapackage.json",
        )
        return answer(request, whole.model_dump_json().encode(), JSON, found.changed, found.href)

    @app.get(
        "/releases/{release}/datapackage.json",
        response_model=dict[str, Any],
        responses=KNOWN | NO_RELEASE | AWAY,
        operation_id="datapackage",
    )
    def datapackage(request: Request, release: Name) -> Response:
        """What is in the release's files, as a Frictionless data package, with the files' own paths."""
        found = there.release(release)
        return _file(request, there, found, release, "datapackage.json", "datapackage.json")


def _add_extracts(app: FastAPI, there: PublishedReleases) -> None:
    @app.get(
        "/releases/{release}/clinics/{slug}",
        response_model=Extract,
        responses=KNOWN | NO_RELEASE | AWAY,
        operation_id="clinic",
    )
    def clinic(
        request: Request,
        release: Name,
        slug: Annotated[str, InPath(description="as in the column `slug` of the table clinics")],
    ) -> Response:
        """Every table's rows about one clinic."""
        found = there.release(release)
        return _file(request, there, found, release, f"clinics/{slug}", "clinics", f"{slug}.json")

    @app.get(
        "/releases/{release}/outcomes/{outcome}",
        response_model=Extract,
        responses=KNOWN | NO_RELEASE | AWAY,
        operation_id="outcome",
    )
    def outcome(
        request: Request,
        release: Name,
        outcome: Annotated[str, InPath(description="as in the column `outcome` of the table outcomes")],
    ) -> Response:
        """Every table's rows about one outcome, but its clinics' months."""
        found = there.release(release)
        return _file(request, there, found, release, f"outcomes/{outcome}", "outcomes", f"{outcome}.json")


def _file(
    request: Request, there: PublishedReleases, found: ReadableRelease, asked: str, address: str, *below: str
) -> Response:
    """A file of a release's feed as it stands."""
    file = there.file(found, *below)
    changed = found.changed if asked == LATEST else file.stat().st_mtime
    return answer(request, file.read_bytes(), JSON, changed, f"{found.href}/{quote(address)}")


class _HeadAsGet:
    """Answers HEAD as GET, whose body the server leaves out."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on."""
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        await self._app(scope, receive, send)
