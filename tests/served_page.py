"""`clinicnet page serve` and `feed serve` as a person starts and ends them, and how they are asked."""

from __future__ import annotations

import http.client
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


@contextmanager
def served_page(network: Path) -> Iterator[str]:
    """Where the page is served, until the block ends and with it, by Ctrl-C, the command."""
    with served("page", network) as address:
        yield address


@contextmanager
def served(what: str, network: Path, *options: str) -> Iterator[str]:
    """The same of what a command's group is called."""
    command = [sys.executable, "-m", "flows", what, "serve", str(network), "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said.startswith(f"The {what} of ")
        assert " is at http://127.0.0.1:" in said
        assert process.stdout.readline() == "Ctrl-C ends it.\n"
        yield said.split()[-1]
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    content: bytes


def asked(address: str, path: str, method: str = "GET", **headers: str) -> Answer:
    """An answer to a path sent as it is: no client here tidies it first. If_None_Match is a header's name."""
    host, port = address.removeprefix("http://").rstrip("/").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=20)
    connection.putrequest(method, path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    answer = connection.getresponse()
    said = {name.lower(): value for name, value in answer.getheaders()}
    content = answer.read()
    connection.close()
    return Answer(answer.status, said, content)
