"""`clinicnet page serve` as a person starts and ends it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


@contextmanager
def served_page(network: Path) -> Iterator[str]:
    """Where it is served, until the block ends and with it, by Ctrl-C, the command."""
    command = [sys.executable, "-m", "flows", "page", "serve", str(network), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert " is at http://127.0.0.1:" in said
        assert process.stdout.readline() == "Ctrl-C ends it.\n"
        yield said.split()[-1]
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
