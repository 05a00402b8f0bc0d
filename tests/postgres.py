"""A real PostgreSQL for the tests: its own cluster in a temporary directory, stopped at the end."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PASSWORD = "only-for-tests"  # noqa: S105


@dataclass(frozen=True)
class PostgreSQL:
    """A running server.

    Attributes:
        url: for SQLAlchemy, without the password.
        admin_url: the same with the password.
        stop: the command that takes it down at once.
    """

    url: str
    admin_url: str
    stop: tuple[str, ...]


def binaries() -> Path | None:
    """Where PostgreSQL's programs are, the newest version there is."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


@contextlib.contextmanager
def running() -> Iterator[PostgreSQL]:
    """Start a server as an unprivileged user (it refuses to run as root), and stop it at the end."""
    programs = binaries()
    assert programs is not None, "PostgreSQL is not installed: apt-get install postgresql"
    directory = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    user, port = _user(), _free_port()
    try:
        shutil.chown(directory, user=user)
        secret = directory / "password"
        secret.write_text(PASSWORD)
        shutil.chown(secret, user=user)
        data = directory / "data"
        log = directory / "log"
        _run(
            user,
            programs / "initdb",
            "-D",
            data,
            "-U",
            "reader",
            "-A",
            "scram-sha-256",
            f"--pwfile={secret}",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        )
        options = f"-p {port} -c listen_addresses=127.0.0.1 -k {directory} -c fsync=off -c max_connections=20"
        start = (programs / "pg_ctl", "-D", data, "-l", log, "-o", options, "-w", "-t", "60", "start")
        stop = (programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
        _run(user, *start)
        try:
            place = f"127.0.0.1:{port}/postgres"
            yield PostgreSQL(
                f"postgresql://reader@{place}",
                f"postgresql+psycopg://reader:{PASSWORD}@{place}",
                tuple(_as_user(user, *stop)),
            )
        finally:
            subprocess.run(_as_user(user, *stop), check=False, capture_output=True, cwd="/")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _user() -> str:
    """The user the server runs as: ourselves, or an unprivileged one where we are root."""
    me = pwd.getpwuid(os.geteuid()).pw_name
    if os.geteuid() != 0:
        return me
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise AssertionError("no unprivileged user to run PostgreSQL as")


def _as_user(user: str, *command: object) -> list[str]:
    words = [str(word) for word in command]
    return words if os.geteuid() != 0 else ["runuser", "-u", user, "--", *words]


def _run(user: str, *command: object) -> None:
    # output goes to a file: the server would keep a pipe open, and we would wait for it for ever
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(
            _as_user(user, *command),
            check=False,
            stdout=output,
            stderr=output,
            cwd="/",
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        )
        output.seek(0)
        assert done.returncode == 0, output.read().decode()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
