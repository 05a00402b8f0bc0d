"""Estimating one thing at a time, so that a figure that cannot be had costs that figure and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pandas as pd

from reports.wording.coded_sentences import TECHNICAL, coded, told
from tasks.errors import ClinicnetError, EstimationError, SourceError, where_raised

T = TypeVar("T")

FAULT = "an error in clinicnet"
"""With this a reason begins that is not the records' but ours; whoever runs the job is told of it."""


def attempted(estimate: Callable[[], T]) -> T:
    """What `estimate` gives.

    Raises:
        SourceError: the database went away, which another try may mend.
        ClinicnetError: it cannot be had, and why; a bug of ours too has a sentence, which names its place and
            holds no patient's value.
    """
    try:
        return estimate()
    except (ClinicnetError, MemoryError):
        raise
    except Exception as error:
        raise EstimationError(f"{FAULT} ({where_raised(error)}) kept it from being estimated") from error


def rows_or_reason(estimate: Callable[[], pd.DataFrame]) -> tuple[pd.DataFrame, list[str]]:
    """A table, or none and the reason as a coded sentence.

    Raises:
        SourceError: as `attempted`.
    """
    try:
        return attempted(estimate), []
    except SourceError:
        raise
    except ClinicnetError as problem:
        return pd.DataFrame(), [reason_of(problem)]


class SaidError(EstimationError):
    """It cannot be estimated; `reason`: why, as a coded sentence of the report's own wording."""

    def __init__(self, reason: str) -> None:
        super().__init__(told(reason))
        self.reason = reason


def reason_of(problem: ClinicnetError, *, with_hint: bool = False) -> str:
    """Why something cannot be had, as a coded sentence around the estimator's own, which is English."""
    if isinstance(problem, SaidError):
        return problem.reason
    hint = problem.hint if with_hint else None
    return coded(TECHNICAL, detail="; ".join(filter(None, (problem.message, hint))))
