"""Within the block the matrix library has one thread, and afterwards what it had."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
from threadpoolctl import threadpool_info
from flows.one_thread import one_thread

def threads():
    return [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]

with one_thread():
    inside = threads()
print(inside, threads())
"""


@pytest.mark.slow
def test_one_thread_inside_and_as_many_as_before_outside() -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={"OPENBLAS_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
        check=True,
    )
    inside, outside = run.stdout.split("] [")
    assert set(inside.strip("[] \n").split(", ")) == {"1"}
    assert set(outside.strip("[] \n").split(", ")) == {"2"}
