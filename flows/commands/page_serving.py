"""The page of a network's releases, served to a browser: published releases, and nothing else of the output.

It is for looking at the page before a web server has it, and for a network that has none.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route

from flows.commands.serving import (
    HEADERS,
    names_answered,
    published,
    published_file,
    serve_until_ctrl_c,
    unless_known,
)
from tasks.publishing import Output, withdrawals
from tasks.publishing.catalogue import ATOM, RELEASES
from tasks.publishing.output import PARTS

_TYPES = {".parquet": "application/vnd.apache.parquet", ".atom": "application/atom+xml"}


def serve_page(network_file: Path, host: str, port: int, say: Callable[[str], None]) -> None:
    """Serve the page until Ctrl-C.

    Args:
        network_file: the network's file.
        host, port, say: as for `serve_until_ctrl_c`.

    Raises:
        ClinicnetError: nothing is published yet, or the port is taken.
    """
    network, output = published(network_file)
    serve_until_ctrl_c(site(output, host), f"The page of {network.network.name}", host, port, say)


def site(output: Output, host: str) -> Starlette:
    """What answers.

    Args:
        output: the output directory.
        host: where it listens.
    """

    async def first(_: Request) -> Response:
        return RedirectResponse("/latest/page/index.html")

    async def icon(_: Request) -> Response:  # browsers ask for one that no page names
        return Response(status_code=204)

    def file(request: Request) -> Response:
        path = _published(output, request.path_params["path"])
        type_ = _TYPES.get(path.suffix)
        answer = FileResponse(path, media_type=type_, headers=HEADERS, stat_result=path.stat())
        return unless_known(request, answer)

    own = names_answered(host)
    return Starlette(
        routes=[Route("/", first), Route("/favicon.ico", icon), Route("/{path:path}", file)],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=own, www_redirect=False)],
    )


def _published(output: Output, path: str) -> Path:
    """The file of a published release that an address names.

    Raises:
        HTTPException: 404 where there is none, 410 where its release was withdrawn.
    """
    parts = path.split("/")
    if parts in ([RELEASES], [ATOM]) and (output.directory / path).is_file():
        return output.directory / path
    latest = output.current()
    if parts[0] == "latest" and latest is not None:
        parts = ["releases", latest.name, *parts[1:]]
    if len(parts) < 4 or parts[0] != "releases" or parts[1].startswith(".") or parts[2] not in PARTS:
        raise HTTPException(404)
    if parts[1] in withdrawals(output):
        raise HTTPException(410, "This release was withdrawn.")
    file = published_file(output, *parts[1:])
    if file is None:
        raise HTTPException(404)
    return file
