"""A step of a job, and doing it: told to whoever watches, timed, and with no patient's data in its errors."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Generic, ParamSpec, TypeVar

from flows.running.progress import Progress, Silent
from tasks.errors import ClinicnetError, where_raised
from tasks.publishing.run_record import Step

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class JobStep(Generic[P, R]):
    """A plain function as a step of a job.

    Attributes:
        name: as it stands in the progress display and in Prefect's UI.
        run: what it does.
        did: its result in a few words: how much, never what.
        reads_records: whether it talks to the records' database, so that trying again can help.
        subject: what it is about, where a job does it several times: an outcome's label.
    """

    name: str
    run: Callable[P, R]
    did: Callable[[R], str]
    reads_records: bool = False
    subject: str = ""

    def about(self, subject: str) -> JobStep[P, R]:
        """The same step about `subject`."""
        return replace(self, subject=subject)

    @property
    def shown(self) -> str:
        """The step as people see it: its name, and what it is about."""
        return f"{self.name}: {self.subject}" if self.subject else self.name


class UnexpectedError(Exception):
    """A bug: where it happened and of what kind, without the message, which may hold a patient's values.

    `original` is for the terminal of the person who asked for it (`--debug`), and is never stored.
    """

    def __init__(self, where: str, original: BaseException | None = None) -> None:
        super().__init__(where)
        self.original = original

    def __reduce__(self) -> tuple[object, ...]:
        return (UnexpectedError, (str(self),))


def guarded(step: JobStep[P, R]) -> Callable[P, R]:
    """The step's function, whose errors are safe to store: the user's to mend, or an `UnexpectedError`."""

    @functools.wraps(step.run)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return step.run(*args, **kwargs)
        except ClinicnetError as error:
            raise error.with_traceback(None) from None
        except Exception as error:  # noqa: BLE001  # whatever it is, its message may hold values
            raise UnexpectedError(f"{step.name}: {where_raised(error)}", error) from None

    return run


Runner = Callable[[JobStep[..., Any]], Callable[..., Any]]
"""Gives the function that does a step."""


def plainly(step: JobStep[..., Any]) -> Callable[..., Any]:
    """The step as a plain call, without Prefect."""
    return guarded(step)


@dataclass(frozen=True, slots=True)
class DoneBefore:
    """A step's result that is there before the job begins, and how long it took."""

    result: Any
    seconds: float

    @classmethod
    def by(cls, step: JobStep[P, R], *args: P.args, **kwargs: P.kwargs) -> DoneBefore:
        """Do a step ahead of its job."""
        began = time.monotonic()
        result = guarded(step)(*args, **kwargs)
        return cls(result, time.monotonic() - began)


def _unnoted() -> None:
    """Nobody keeps a record."""


@dataclass
class Journal:
    """Does steps with `runner`, tells `progress`, and keeps what was done for the run's record.

    Attributes:
        runner: gives the function that does a step.
        progress: told of every step.
        steps: those that are done.
        done_before: results of steps, by name, that were done before the job began; each is used once.
        step: the step that is being done; empty between steps.
        noted: called when a step begins.
        due: when the run was due, where nobody watches it, so that it can wait for its records; None where
            it goes on with what there is.
    """

    runner: Runner = plainly
    progress: Progress = field(default_factory=Silent)
    steps: list[Step] = field(default_factory=list)
    done_before: dict[str, DoneBefore] = field(default_factory=dict)
    step: str = ""
    noted: Callable[[], None] = _unnoted
    due: datetime | None = None

    def do(self, step: JobStep[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Do `step`, unless it was done before, and write it down."""
        self.step = step.shown
        self.noted()
        self.progress.begin(step.shown)
        began = time.monotonic()
        before = self.done_before.pop(step.shown, None)
        result: R = self.runner(step)(*args, **kwargs) if before is None else before.result
        seconds = time.monotonic() - began + (0.0 if before is None else before.seconds)
        self.steps.append(Step(step.shown, step.did(result), round(seconds, 3)))
        self.progress.end(step.shown, self.steps[-1].did, seconds)
        return result
