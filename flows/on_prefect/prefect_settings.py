"""How this process uses Prefect: offline, patient with a slow start, and quiet on the terminal.

Set before Prefect is imported, and only where the person has not decided otherwise in the environment.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from tasks.errors import ClinicnetError
from tasks.publishing.write_errors import nearest_existing

_DEFAULTS = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "90",  # a fresh home takes 25 s, the default is 20
}
_ANOTHER = "name a directory that this user can write in the environment: PREFECT_HOME=/var/tmp/prefect"
_QUIET = {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL"}  # the server keeps its log all the same


class PrefectHomeError(ClinicnetError):
    """Prefect has nowhere to keep its files."""


def prepare_prefect(*, debug: bool) -> None:
    """Put our defaults into the environment; with `debug`, Prefect's own log is seen as well.

    Raises:
        PrefectHomeError: the directory where Prefect keeps its files cannot be written, which it would find
            out after minutes of waiting for a server.
    """
    require_home()
    _find_a_home()
    for name, value in (_DEFAULTS if debug else _DEFAULTS | _QUIET).items():
        os.environ.setdefault(name, value)


def require_home() -> None:
    """See that the directory where Prefect keeps its files can be written, or made; leaves nothing behind.

    Raises:
        PrefectHomeError: it cannot.
    """
    home = _home()
    try:
        with tempfile.TemporaryFile(dir=nearest_existing(home)):
            pass
    except OSError as error:
        why = os.strerror(error.errno or 0).lower()
        raise PrefectHomeError(
            f"Prefect keeps its files in {home}, which cannot be written: {why}", hint=_ANOTHER
        ) from error


def _find_a_home() -> None:
    """Prefect ends where the user has no home directory, although PREFECT_HOME says all it needs."""
    try:
        Path.home()
    except RuntimeError:  # a container's user that no file of users knows
        os.environ["HOME"] = str(_home())


def _home() -> Path:
    named = os.environ.get("PREFECT_HOME")
    try:
        return Path(named or "~/.prefect").expanduser()
    except RuntimeError:  # the user has no home directory, and HOME names none
        raise PrefectHomeError(
            "Prefect keeps its files in the user's home directory, and this user has none", hint=_ANOTHER
        ) from None
