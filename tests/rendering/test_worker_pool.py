"""The pool that draws: replaced in time, and gone at once when it is not needed any more."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from rendering.pool_work import slow, start, who

from tasks.rendering.worker_pool import in_batches

pytestmark = pytest.mark.faults


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    return state != "Z"


@pytest.mark.slow
def test_all_is_done_and_no_process_does_more_than_it_may() -> None:
    done = dict(in_batches(who, list(range(10)), workers=2, recycle_after=3, start=start, start_with=(7,)))
    assert sorted(done) == list(range(10))
    assert all(started == [7] for _, started in done.values())
    by_process = Counter(process for process, _ in done.values())
    assert max(by_process.values()) <= 6  # a batch has two processes, and one of them may do it all
    assert len(by_process) >= 2


@pytest.mark.slow
def test_a_caller_that_stops_early_leaves_no_process(tmp_path: Path) -> None:
    items = [str(tmp_path)] * 40
    drawn = in_batches(slow, items, workers=2, recycle_after=20, start=start, start_with=(0,))
    before = signal.signal(signal.SIGUSR1, _raise)
    threading.Thread(target=_interrupt_when_two_work, args=(tmp_path,), daemon=True).start()
    try:
        with pytest.raises(TimeoutError):
            list(drawn)
    finally:
        signal.signal(signal.SIGUSR1, before)
    interrupted = (tmp_path / "interrupted").stat().st_mtime
    assert time.time() - interrupted < 20.0  # each of them would have worked for a minute
    working = [int(each.name) for each in tmp_path.iterdir() if each.name != "interrupted"]
    assert len(working) == 2
    assert not any(_alive(process) for process in working)


def _interrupt_when_two_work(directory: Path) -> None:
    while len(list(directory.iterdir())) < 2:
        time.sleep(0.1)
    (directory / "interrupted").touch()
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)


def _raise(_number: int, _frame: object) -> None:
    raise TimeoutError


_CALLER = """
import sys
sys.path[:0] = [{tests!r}, {root!r}]
from rendering.pool_work import slow, start
from tasks.rendering.worker_pool import in_batches
if __name__ == "__main__":
    list(in_batches(slow, [sys.argv[1]] * 4, workers=2, recycle_after=2, start=start, start_with=(0,)))
"""


@pytest.mark.slow
def test_a_caller_that_is_killed_leaves_no_process(tmp_path: Path) -> None:
    tests = Path(__file__).parents[1]
    script = tmp_path / "caller.py"
    script.write_text(_CALLER.format(tests=str(tests), root=str(tests.parent)))
    where = tmp_path / "working"
    where.mkdir()
    caller = subprocess.Popen([sys.executable, str(script), str(where)])
    deadline = time.monotonic() + 60.0
    while len(list(where.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    working = [int(each.name) for each in where.iterdir()]
    assert len(working) == 2
    caller.kill()
    caller.wait()
    deadline = time.monotonic() + 10.0
    while any(_alive(process) for process in working) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(_alive(process) for process in working)


_STOPPED_WHILE_TELLING = """
import os, pathlib, signal, sys, threading, time
sys.path[:0] = [{tests!r}, {root!r}]
from rendering.pool_work import process, start
from tasks.rendering.worker_pool import in_batches

def stop(number, frame):
    raise KeyboardInterrupt

def stop_when_one_begins():
    me = pathlib.Path(f"/proc/{{os.getpid()}}/task/{{threading.main_thread().native_id}}/children")
    while not any(b"spawn_main" in pathlib.Path(f"/proc/{{each}}/cmdline").read_bytes()
                  for each in me.read_text().split()):
        time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGTERM)

signal.signal(signal.SIGTERM, stop)
threading.Thread(target=stop_when_one_begins, daemon=True).start()
try:
    told = ("x" * 50_000_000,)  # far more than a pipe holds: the caller waits until it is read
    list(in_batches(process, [1, 2], workers=2, recycle_after=1, start=start, start_with=told))
except KeyboardInterrupt:
    print("stopped")
"""


@pytest.mark.slow
def test_a_caller_that_stops_while_a_process_begins_leaves_no_word_of_it(tmp_path: Path) -> None:
    tests = Path(__file__).parents[1]
    script = tmp_path / "caller.py"
    script.write_text(_STOPPED_WHILE_TELLING.format(tests=str(tests), root=str(tests.parent)))
    ran = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60.0)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "stopped\n", "")


_SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from rendering.pool_work import start, who
from tasks.rendering.worker_pool import in_batches
print("began")
done = list(in_batches(who, [1, 2], workers=2, recycle_after=1, start=start, start_with=(7,)))
print(len(done))
"""


@pytest.mark.slow
@pytest.mark.parametrize("from_stdin", [False, True], ids=["a-file", "standard-input"])
def test_a_script_without_a_main_guard_runs_once(from_stdin: bool, tmp_path: Path) -> None:
    script = tmp_path / "report.py"
    script.write_text(_SCRIPT)
    tests = Path(__file__).parents[1]
    ran = subprocess.run(
        [sys.executable, "-" if from_stdin else str(script), str(tests)],
        input=_SCRIPT if from_stdin else None,
        cwd=tests.parent,
        env={**os.environ, "PYTHONPATH": str(tests.parent)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.stdout.split() == ["began", "2"], ran.stderr
