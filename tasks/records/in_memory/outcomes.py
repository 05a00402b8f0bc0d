"""Outcomes as counts: two-valued text, proportions of trials, and the likelihood's constant."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from tasks.errors import RecordsError
from tasks.records.cells import Outcome
from tasks.records.clinic_names import counted
from tasks.records.data_columns import Kind
from tasks.records.formulas.model_spec import Request

Floats = NDArray[np.float64]


class _Labels(Protocol):
    def kind(self, name: str) -> Kind: ...

    def levels(self, name: str) -> tuple[Hashable, ...]: ...


def success_label(asked: Request, rows: _Labels) -> Hashable | None:
    """The label that counts as 1 where the outcome is text: the second of its two, as in R.

    Raises:
        RecordsError: text with another number of different values.
    """
    response = asked.formula.response
    if not response.is_column or rows.kind(response.names[0]) != "text":
        return None
    levels = rows.levels(response.names[0])
    if len(levels) != 2:
        raise RecordsError(
            f"the outcome {response.text} is text with {len(levels)} different values; "
            "it needs numbers, or two values",
            hint="make it 0 and 1 in the SELECT or the data frame",
        )
    return levels[1]


def successes_and_trials(asked: Request, y: Floats, trials: Floats | None) -> tuple[Floats, Floats]:
    """Successes and trials of each row; without a trials column, the outcome itself and 1.

    Where every outcome is between 0 and 1 and some are fractions, they are proportions of the trials, as
    in lme4 with `weights`.

    Raises:
        RecordsError: trials that are not counts, more successes than trials, proportions that are not whole
            numbers of successes.
    """
    if trials is None:
        return y, np.broadcast_to(1.0, len(y))
    name, column = asked.formula.response.text, asked.roles["trials"]
    if np.any((trials < 0) | (trials != np.round(trials))):
        raise RecordsError(
            f"the trials in {column} are not whole numbers from 0 up",
            hint="mend those rows or leave them out",
        )
    if np.any(y < 0):
        raise RecordsError(
            f"the outcome {name} is negative in {counted((y < 0).sum())}",
            hint="successes go from 0 up: mend those rows or leave them out",
        )
    if np.any(y != np.round(y)):
        counts = np.round(y * trials)
        if np.any(y > 1) or np.any(np.abs(y * trials - counts) > 1e-6 * np.maximum(trials, 1.0)):
            raise RecordsError(
                f"the outcome {name} is neither a number of successes nor a proportion "
                f"of the trials in {column}",
                hint="give whole successes, or successes divided by trials",
            )
        y = counts
    if np.any(y > trials):
        raise RecordsError(
            f"the outcome {name} exceeds the trials in {column} in {counted((y > trials).sum())}",
            hint="the outcome counts successes among the trials: check which column is which",
        )
    return y, trials


def outcome_kind(y: Floats, has_trials: bool) -> Outcome:
    """What every row's outcome is: 0 or 1, successes of trials, a count, or another number."""
    if has_trials:
        return "successes"
    if np.all((y == 0) | (y == 1)):
        return "binary"
    return "count" if np.all((y >= 0) & (y == np.round(y))) else "number"


def log_constant(asked: Request, y: Floats, trials: Floats, weight: Floats) -> float:
    """Σ log C(trials, y) with a trials column; else −Σ log y! for counts; else 0."""
    if "trials" in asked.roles:
        each = gammaln(trials + 1) - gammaln(y + 1) - gammaln(trials - y + 1)
        return float(weight @ each)
    if outcome_kind(y, False) != "count":
        return 0.0
    return -float(weight @ gammaln(y + 1))
