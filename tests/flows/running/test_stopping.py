"""A stop is not lost where Python cannot raise it, nor where a library took the signal over."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.faults

_IN_A_FINALIZER = """
class Finalized:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(1000):
            pass
"""


def _told(program: str) -> subprocess.CompletedProcess[str]:
    """What becomes of a program that runs `program` where it listens, then waits a minute."""
    whole = f"""
import os, signal, sys, time
from flows.running.stopping import Stopped, hear_sigterm_again, stopped_by_signals
{_IN_A_FINALIZER}
try:
    with stopped_by_signals():
{program}
        time.sleep(60)
except Stopped as stopped:
    print(stopped.sentence)
    sys.exit(stopped.exit_code)
"""
    return subprocess.run(
        [sys.executable, "-c", whole], capture_output=True, text=True, timeout=50, check=False
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "program",
    [
        "        os.kill(os.getpid(), signal.SIGTERM)",
        "        Finalized()",
        "        try:\n"
        "            os.kill(os.getpid(), signal.SIGTERM)\n"
        "            time.sleep(1)\n"
        "        except BaseException:\n"
        "            pass",
        "        signal.signal(signal.SIGTERM, lambda *_: None)\n"
        "        hear_sigterm_again()\n"
        "        os.kill(os.getpid(), signal.SIGTERM)",
    ],
    ids=["anywhere", "in a finalizer", "swallowed", "taken over"],
)
def test_it_ends_the_program(program: str) -> None:
    ended = _told(program)
    assert (ended.returncode, ended.stdout) == (143, "stopped by the system (SIGTERM)\n"), ended.stderr


def test_a_program_that_does_not_listen_is_left_alone() -> None:
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            "import signal; signal.signal(signal.SIGTERM, signal.SIG_DFL);"  # whatever this process inherits
            "from flows.running.stopping import hear_sigterm_again; hear_sigterm_again();"
            "assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL",
        ],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
