"""What Windows lacks is taken away: the model library does without, and the command line does not."""

from __future__ import annotations

import subprocess
import sys

import pytest

_WITHOUT = """
import asyncio, multiprocessing, signal, subprocess, sys, tempfile  # Python's own know their system
for name in ("fcntl", "pwd", "grp", "termios", "resource"):
    sys.modules[name] = None
for name in ("SIGUSR1", "SIGUSR2", "SIGALRM", "SIGHUP", "pthread_kill", "pthread_sigmask"):
    delattr(signal, name)
"""
_FIT = """
import pandas as pd
from tasks.models import lmm
data = pd.DataFrame({"y": [1.0, 2.0, 2.5, 4.0, 3.0, 6.0, 5.5, 7.0], "clinic": list("aabbccdd")})
print(lmm("y ~ 1 + (1 | clinic)", data).summary())
"""


def _done(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _WITHOUT + code], capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.slow
def test_the_model_library_needs_nothing_of_posix() -> None:
    done = _done(_FIT)
    assert done.returncode == 0, done.stderr
    assert "clinic" in done.stdout


@pytest.mark.slow
def test_the_command_line_does() -> None:
    """deploy/server.md says so; once this fails, it can say something better."""
    assert _done("import flows.commands.command_line").returncode == 1
