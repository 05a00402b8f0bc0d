"""Steps as Prefect tasks: recognisable names, retries where trying again can help, and nothing stored."""

from __future__ import annotations

import functools
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import prefect
from prefect import Task
from prefect.blocks.system import Secret
from prefect.cache_policies import NO_CACHE
from prefect.context import refresh_global_settings_context
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_SERVER_ALLOW_EPHEMERAL_MODE,
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS,
    get_current_settings,
)
from pydantic import Field

from flows.job_step import DoneBefore, JobStep, Journal, guarded
from flows.on_prefect.server import ServerError, server_of_this_process
from flows.running.json_log import logged
from flows.running.progress import Progress, Silent
from flows.running.stalling import stand_still
from flows.running.stopping import hear_sigterm_again
from tasks.errors import SourceError, SourceUnreachableError
from tasks.periods import PATTERN
from tasks.publishing import Step
from tasks.records.sources.records import BLOCK_PASSWORD

if TYPE_CHECKING:
    from tasks.network.schema import Network

PeriodLabel = Annotated[str, Field(pattern=f"^{PATTERN}$")]
START = "Start Prefect"
RETRY_DELAYS = [2.0, 10.0, 30.0]
_LATER_DELAYS = [60.0, 120.0, 300.0, 600.0]  # after these a quarter of an hour
_QUARTER = 900.0
_MOST_TRIES = 50  # Prefect's limit for a task


def retry_delays(seconds: float) -> list[float]:
    """Seconds between tries: soon at first, then every quarter of an hour, until `seconds` have gone by."""
    delays: list[float] = []
    soon = [*RETRY_DELAYS, *_LATER_DELAYS]
    usual, later = iter(soon), max(_QUARTER, seconds / (_MOST_TRIES - len(soon) - 1))
    while (left := seconds - sum(delays)) > 0.0:
        delays.append(min(next(usual, later), left))
    return delays


def as_task(step: JobStep[..., Any], delays: Sequence[float] = RETRY_DELAYS) -> Callable[..., Any]:
    """The step as a task of the flow that is running.

    Args:
        step: the step.
        delays: seconds before each further try of one that finds its database away.
    """
    delays = list(delays) if step.reads_records else []

    def can_be_tried_again(_task: Any, _run: Any, state: Any) -> bool:
        """Only a database that went away; another try gives a singular fit or a missing column once more."""
        away = isinstance(state.data, SourceUnreachableError)
        if away:
            stand_still(max(delays, default=0.0))
        return away

    return Task(
        guarded(step),
        name=step.name,
        task_run_name=step.shown.replace("{", "{{").replace("}", "}}"),
        persist_result=False,
        cache_policy=NO_CACHE,
        retries=len(delays),
        retry_delay_seconds=delays or None,
        retry_condition_fn=can_be_tried_again,
    )


@dataclass(frozen=True)
class _Watcher:
    """Who watches the runs of this process, since when, and what was done for them before."""

    progress: Progress
    before: dict[str, DoneBefore]
    since: float = field(default_factory=time.monotonic)


_watchers: list[_Watcher] = []


@contextmanager
def watching(progress: Progress, before: dict[str, DoneBefore]) -> Iterator[None]:
    """Let `progress` be told of a flow that runs in this process, and the flow use what was done before.

    They cannot be the flow's parameters: Prefect's server stores those.
    """
    _watchers.append(_Watcher(progress, before))
    progress.begin(START)
    try:
        yield
    finally:
        _watchers.pop()


def start_server() -> None:
    """Start a server for the runs of this process, where no other is named; it ends with the process.

    Ctrl-C goes to every process of a terminal. This one must outlive it for a moment, to be told that the run
    was stopped, so it begins in a thread that does not hear Ctrl-C.

    Raises:
        ServerError: it did not start, or Prefect's settings do not allow it.
    """
    if PREFECT_API_URL.value():
        return
    if not PREFECT_SERVER_ALLOW_EPHEMERAL_MODE.value():
        raise ServerError(
            "no Prefect server is named, and PREFECT_SERVER_ALLOW_EPHEMERAL_MODE forbids a temporary one",
            hint="name one in the environment: PREFECT_API_URL=http://prefect.example:4200/api",
        )
    settings = get_current_settings().to_environment_variables(exclude_unset=True)
    patience = float(PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS.value())
    started: list[str | Exception] = []

    def start() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            started.append(server_of_this_process(Path(prefect.__file__).parents[1], settings, patience))
        except Exception as problem:  # noqa: BLE001  # told to whoever waits, below
            started.append(problem)

    thread = threading.Thread(target=start, daemon=True)
    thread.start()
    thread.join()
    (api,) = started
    if isinstance(api, Exception):
        raise api
    os.environ[PREFECT_API_URL.name] = api
    refresh_global_settings_context()  # Prefect's own threads look there


def journal() -> Journal:
    """The journal of the flow that is running: its steps are tasks, told to whoever watches."""
    if not _watchers:
        return Journal(as_task, logged.get() or Silent())
    hear_sigterm_again()
    watcher = _watchers[-1]
    seconds, did = time.monotonic() - watcher.since, "a server for this run"
    watcher.progress.end(START, did, seconds)
    started = Step(START, did, round(seconds, 3))
    return Journal(as_task, watcher.progress, [started], watcher.before)


def watched() -> bool:
    """Whether a person at a terminal watches the run."""
    return bool(_watchers)


def wait_for_records(done: Journal, network: Network) -> None:
    """Let a run that nobody watches wait for its records for as long as the network file says.

    Steps that find the database away try again, and a period's records may take until the deadline.
    """
    if watched():
        return
    done.due = prefect.runtime.flow_run.scheduled_start_time
    delays = retry_delays(3600.0 * network.schedule.retry_hours)
    done.runner = functools.partial(as_task, delays=delays)


def provide_password(network: Network) -> None:
    """Put the password that a network file leaves to a Prefect block where the records look for it.

    Raises:
        SourceError: there is no such block.
    """
    block = network.records.password_block
    if block is None or BLOCK_PASSWORD in os.environ:
        return
    try:
        secret: Any = Secret.load(block)
        os.environ[BLOCK_PASSWORD] = str(secret.get())
    except ValueError:
        raise SourceError(
            f"there is no Prefect Secret block {block!r}, which the network file names for the password",
            hint="make it in Prefect's UI under Blocks, or use password_env",
        ) from None
