"""How a run ended, in the words of its record, and the same as the last line of its log."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.job_step import UnexpectedError
from flows.period_reported import PeriodReported
from flows.running.json_log import JsonLog, is_json, logged, take_warnings
from flows.running.stopping import Stopped, stopped
from tasks.errors import ClinicnetError


def how_ended(error: BaseException) -> tuple[str, str]:
    """`failed` or `stopped`, and the sentence for it: of a bug its kind and place, never its message."""
    why = stopped() or error
    if isinstance(why, ClinicnetError):
        return "failed", why.message
    if isinstance(why, Stopped):
        return "stopped", why.sentence
    if isinstance(why, UnexpectedError):
        return "failed", str(why)
    return "stopped", f"stopped by {type(why).__name__}"


class RunLog:
    """What is told of a run while it is under way; silent where nobody chose a log as JSON."""

    def __init__(self, log: JsonLog | None) -> None:
        self._log = log
        self.outcome: dict[str, object] = {}

    def is_of(self, period: str) -> None:
        """The run reports this period."""
        if self._log is not None:
            self._log.period = period

    def reported(self, reported: PeriodReported) -> PeriodReported:
        """The run ended well; gives back what it left behind."""
        ended = "held" if reported.held else "unchanged" if reported.unchanged else "published"
        self.outcome = {
            "ended": ended,
            "release": reported.directory.name,
            "is_latest": reported.is_latest,
            "held": list(reported.held) or None,
            "not_estimated": dict(reported.not_estimated) or None,
        }
        return reported


@contextmanager
def run_logged(network_file: Path | str, period: str | None) -> Iterator[RunLog]:
    """Log the block as one run, where the log is JSON and no run around it is logged already.

    Args:
        network_file: the network's file.
        period: the label of the period; None where it is not known yet.
    """
    if not is_json() or logged.get() is not None:
        yield RunLog(None)
        return
    take_warnings()
    log = JsonLog(str(network_file), period)
    run, began = RunLog(log), time.monotonic()
    before = logged.set(log)
    log.write("run_begun")
    try:
        yield run
    except BaseException as error:
        ended, sentence = how_ended(error)
        hint = error.hint if isinstance(error, ClinicnetError) else None
        seconds = round(time.monotonic() - began, 3)
        log.write(
            "run_ended", "error", ended=ended, error=sentence, hint=hint, step=log.step, seconds=seconds
        )
        raise
    else:
        log.write("run_ended", "info", **run.outcome, seconds=round(time.monotonic() - began, 3))
    finally:
        logged.reset(before)
