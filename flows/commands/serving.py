"""What is published, served from this machine until Ctrl-C: what the page's and the feed's servers share.

What is held, taken back, recorded or secret stands in the same output directory and cannot be reached: a file
is given out when it is one of a published release, and really lies there.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from email.utils import parsedate
from pathlib import Path

import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import NotModifiedResponse
from starlette.types import ASGIApp

from flows.published_output import network_and_output
from flows.running.stopping import Stopped
from tasks.errors import ClinicnetError
from tasks.network import Network
from tasks.publishing import Output

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",  # asked again each time, and answered in a word where nothing changed
    "X-Frame-Options": "DENY",
}
"""Of every answer."""


def published(network_file: Path) -> tuple[Network, Output]:
    """A network with something to serve.

    Raises:
        ClinicnetError: the network file cannot be read, or nothing is published yet.
    """
    network, output = network_and_output(network_file)
    if output.current() is None:
        raise ClinicnetError(
            f"nothing is published in {output.directory}", hint="report a month first: clinicnet run"
        )
    return network, output


def serve_until_ctrl_c(app: ASGIApp, what: str, host: str, port: int, say: Callable[[str], None]) -> None:
    """Serve until Ctrl-C.

    Args:
        app: what answers.
        what: is served, as people are told.
        host: the address to listen at; anything but this machine's own lets others in.
        port: the port; 0 takes any that is free.
        say: called with where it is.

    Raises:
        ClinicnetError: the port is taken.
    """
    listening = _listen(host, port)
    address = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}/"
    say(f"{what} is at {address}\nCtrl-C ends it.")
    config = uvicorn.Config(app, log_level="warning", server_header=False)
    try:
        uvicorn.Server(config).run(sockets=[listening])
    except (Stopped, KeyboardInterrupt):
        pass
    finally:
        listening.close()


def names_answered(host: str) -> list[str]:
    """The names by which a server is asked that listens at `host`.

    On this machine alone only names of this machine are answered, or a page elsewhere could read it under a
    name of its own.
    """
    return ["localhost", "127.0.0.1", "[::1]"] if _is_this_machine(host) else ["*"]


def published_file(output: Output, release: str, *below: str) -> Path | None:
    """A file of a release that stands, and lies there itself; None where there is none.

    Args:
        output: the output directory.
        release: the name of its directory.
        below: the path in it.
    """
    try:
        place = (output.directory / "releases").resolve() / release
        shown = place / below[0]
        file = shown.joinpath(*below[1:]).resolve()
        there = place.name == release and file.is_relative_to(shown) and file.is_file()
    except (OSError, ValueError):  # no file has such a name
        return None
    return file if there else None


def unless_known(request: Request, response: Response) -> Response:
    """The answer, or that what the asker has is still it (RFC 9110): by its tag, or else by its date."""
    if tags := request.headers.get("if-none-match"):
        known = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
        if "*" in known or response.headers["etag"] in known:
            return NotModifiedResponse(response.headers)
        return response
    since = parsedate(request.headers.get("if-modified-since"))
    changed = parsedate(response.headers.get("last-modified"))
    if since is not None and changed is not None and since >= changed:
        return NotModifiedResponse(response.headers)
    return response


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        raise ClinicnetError(
            f"cannot listen at {host}, port {port}: {error.strerror or error}",
            hint="another program may have the port: name another with --port, or --port 0 for any",
        ) from error
    # or an answer's body waits 40 ms until the asker has acknowledged its headers
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
