"""The page of a network's releases, served to a browser: published releases, and nothing else of the output.

It is for looking at the page before a web server has it, and for a network that has none. What is held,
taken back, recorded or secret stands in the same output directory and cannot be reached.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route

from flows.published_output import output_of
from flows.running.stopping import Stopped
from tasks.errors import ClinicnetError
from tasks.network import read_network
from tasks.publishing import Output, withdrawals
from tasks.publishing.catalogue import ATOM, RELEASES

_SHOWN = ("page", "reports", "feed")  # what of a release is for readers
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",  # asked again each time, and answered in a word where nothing changed
    "X-Frame-Options": "DENY",
}
_TYPES = {".parquet": "application/vnd.apache.parquet", ".atom": "application/atom+xml"}


def serve_page(network_file: Path, host: str, port: int, say: Callable[[str], None]) -> None:
    """Serve the page until Ctrl-C.

    Args:
        network_file: the network's file.
        host: the address to listen at; anything but this machine's own lets others in.
        port: the port; 0 takes any that is free.
        say: called with where it is.

    Raises:
        ClinicnetError: nothing is published yet, or the port is taken.
    """
    network = read_network(network_file)
    output = output_of(network)
    if output.current() is None:
        raise ClinicnetError(
            f"nothing is published in {output.directory}", hint="report a month first: clinicnet run"
        )
    listening = _listen(host, port)
    address = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}/"
    say(f"The page of {network.network.name} is at {address}\nCtrl-C ends it.")
    config = uvicorn.Config(site(output, host), log_level="warning", server_header=False)
    try:
        uvicorn.Server(config).run(sockets=[listening])
    except (Stopped, KeyboardInterrupt):
        pass
    finally:
        listening.close()


def site(output: Output, host: str) -> Starlette:
    """What answers.

    Args:
        output: the output directory.
        host: where it listens; on this machine alone only names of this machine are answered, or a page
            elsewhere could read it under a name of its own.
    """

    async def first(_: Request) -> Response:
        return RedirectResponse("/latest/page/index.html")

    async def icon(_: Request) -> Response:  # browsers ask for one that no page names
        return Response(status_code=204)

    def file(request: Request) -> Response:
        path = _published(output, request.path_params["path"])
        return FileResponse(path, media_type=_TYPES.get(path.suffix), headers=_HEADERS)

    own = ["localhost", "127.0.0.1", "[::1]"] if _is_this_machine(host) else ["*"]
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
    if len(parts) < 4 or parts[0] != "releases" or parts[1].startswith(".") or parts[2] not in _SHOWN:
        raise HTTPException(404)
    if parts[1] in withdrawals(output):
        raise HTTPException(410, "This release was withdrawn.")
    shown = (output.directory / "releases" / parts[1] / parts[2]).resolve()
    try:
        file = shown.joinpath(*parts[3:]).resolve()
        there = file.is_relative_to(shown) and file.is_file()
    except (OSError, ValueError):  # no file has such a name
        there = False
    if not there:
        raise HTTPException(404)
    return file


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise ClinicnetError(
            f"cannot listen at {host}, port {port}: {error.strerror or error}",
            hint="another program may have the port: name another with --port, or --port 0 for any",
        ) from error


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
