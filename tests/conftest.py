"""Fixtures for every test."""

from __future__ import annotations

import atexit
import fcntl
import gc
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
"""Before numpy is imported, here and in what tests start: every core has a test of its own to run."""


os.environ.setdefault("CLINICNET_WITHHOLDING_KEY", "of all tests")
"""What one output directory withholds besides small counts, another does too: releases can be compared."""

LONGEST = ("golden/test_demo_feeds.py", "models/test_frame_and_database.py", "corpus/test_corpus.py")
"""Files of more than a minute."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files, then others with slow tests: one begun last keeps a process waiting."""
    slow = {item.path for item in items if item.get_closest_marker("slow") or item.get_closest_marker("live")}
    items.sort(key=lambda item: (not str(item.path).endswith(LONGEST), item.path not in slow))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """No garbage is looked for among tests and modules: it took a quarter of the time to the first test."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_configure() -> None:
    """What is left out of it is garbage again when the interpreter ends, as modules in C++ expect.

    Not before: pytest looks for garbage several times at its end, a second each among all modules.
    """
    atexit.register(gc.unfreeze)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[object]:
    """A running PostgreSQL server (tests that use it are marked `live`)."""
    import postgres

    if postgres.binaries() is None:
        pytest.skip("PostgreSQL is not installed")
    with postgres.running() as server:
        yield server


@pytest.fixture
def postgresql_url(postgresql: object, monkeypatch: pytest.MonkeyPatch) -> str:
    """URL of the running PostgreSQL, without its password, which is in the variable PGPASSWORD_FOR_TESTS."""
    import postgres

    monkeypatch.setenv("PGPASSWORD_FOR_TESTS", postgres.PASSWORD)
    return postgresql.url  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def prefect_database(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Prefect's database as it is before anything is in it, made once: its migrations take three seconds."""
    base = tmp_path_factory.getbasetemp()
    home = (base if worker_id == "master" else base.parent) / "prefect-database"
    home.mkdir(exist_ok=True)
    database = home / "prefect.db"
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until it is closed: other workers wait
        if not (home / "made").exists():
            environment = {name: value for name, value in os.environ.items() if name[:8] != "PREFECT_"}
            subprocess.run(
                [sys.executable, "-m", "prefect", "server", "database", "upgrade", "-y"],
                env=environment | {"PREFECT_HOME": str(home)},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=True,
            )
            (home / "made").touch()
    return database


@pytest.fixture(scope="session")
def new_prefect_home(prefect_database: Path) -> Callable[[Path], Path]:
    """Makes a home of Prefect's own in which nothing has happened; live/test_demo.py starts without one."""

    def made(home: Path) -> Path:
        home.mkdir(parents=True, exist_ok=True)
        shutil.copy(prefect_database, home)
        return home

    return made


@pytest.fixture(scope="session")
def prefect_home(tmp_path_factory: pytest.TempPathFactory, new_prefect_home: Callable[[Path], Path]) -> Path:
    """A home of Prefect's own for these tests, used by all of them: a fresh one is slow to start."""
    return new_prefect_home(tmp_path_factory.mktemp("prefect-home"))


@pytest.fixture
def clinicnet(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `python -m flows …` in a directory of its own, as a person without a Prefect server would.

    Prefect starts in tests that are slow alone: a home that it can use quickly is made for those.
    """
    slow = request.node.get_closest_marker("slow") is not None
    home = request.getfixturevalue("prefect_home") if slow else tmp_path / "prefect"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment["PREFECT_HOME"] = str(home)

    def run(*arguments: str | Path, answers: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "flows", *map(str, arguments)],
            cwd=tmp_path,
            env=environment | more,
            capture_output=True,
            text=True,
            check=False,
            input=answers,
            timeout=300,
        )

    return run


@pytest.fixture
def clinicnet_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The same in this process: a twentieth of the time, for commands that end before Prefect starts."""
    from flows.commands import command_line

    def run(*arguments: str | Path, answers: str = "") -> subprocess.CompletedProcess[str]:
        given = ["clinicnet", *map(str, arguments)]
        with monkeypatch.context() as patched, pytest.raises(SystemExit) as ended:
            patched.chdir(tmp_path)
            patched.setattr(sys, "argv", given)
            patched.setattr(sys, "stdin", io.StringIO(answers))
            capsys.readouterr()
            command_line.main()
        said = capsys.readouterr()
        return subprocess.CompletedProcess(given, int(ended.value.code or 0), said.out, said.err)

    return run
