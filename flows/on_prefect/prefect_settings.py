"""How this process uses Prefect: offline, patient with a slow start, and quiet on the terminal.

Set before Prefect is imported, and only where the person has not decided otherwise in the environment.
"""

from __future__ import annotations

import os

_DEFAULTS = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "90",  # a fresh home takes 25 s, the default is 20
}
_QUIET = {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL"}  # the server keeps its log all the same


def prepare_prefect(*, debug: bool) -> None:
    """Put our defaults into the environment; with `debug`, Prefect's own log is seen as well."""
    for name, value in (_DEFAULTS if debug else _DEFAULTS | _QUIET).items():
        os.environ.setdefault(name, value)
