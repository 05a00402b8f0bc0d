"""How a program reached the clinics: its start in each, and the months since, by clinic and period.

Everything a program-effect model adds to the records (period effects, the program, months since its start)
is constant within a clinic's period, so it is added to moments or cells by clinic and period; no row is
read for it.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.errors import EstimationError, RecordsError
from tasks.periods import Period, first_day, is_label
from tasks.records.cells import Cells

Adoption = Literal["rollout", "whole-clinics", "patients"]

_JANUARY_1970 = Period.of_label("1970-01").ordinal

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Rollout:
    """The program's start by clinic.

    Attributes:
        clinics: K labels.
        periods: T labels, in order.
        months: (T,) position of each period in time: in months, quarters or weeks where the labels say so.
        start: (K,) month of each clinic's first period with the program; infinity where it never came.
        program: (K, T) share of the clinic's rows of the period that had the program; NaN without rows.
        ends: clinics where the program stopped again.
    """

    clinics: tuple[Hashable, ...]
    periods: tuple[Hashable, ...]
    months: Floats
    start: Floats
    program: Floats
    ends: tuple[Hashable, ...]

    @property
    def since(self) -> Floats:
        """(K, T) months since the clinic's start: 0 in the first, negative before, −∞ without a start."""
        return np.asarray(self.months[None, :] - self.start[:, None])

    @property
    def ever(self) -> NDArray[np.bool_]:
        """(K,) clinics that the program reached within the data."""
        return np.isfinite(self.start)

    @property
    def followed(self) -> frozenset[float]:
        """Months since the start in which a clinic was seen that was seen before its start too.

        Of other months only clinics tell that had the program all along: what they show is how those clinics
        differ, not what the program changed.
        """
        there = ~np.isnan(self.program)
        before = np.any(there & (self.since < 0.0) & self.ever[:, None], axis=1)
        return frozenset(float(month) for month in self.since[there & before[:, None] & (self.since >= 0.0)])

    @property
    def switching(self) -> int:
        """How many clinics are seen both with and without the program."""
        without, having = (
            np.nan_to_num(self.program, nan=1.0) < 1.0,
            np.nan_to_num(self.program, nan=0.0) > 0.0,
        )
        return int(np.sum(without.any(axis=1) & having.any(axis=1)))

    @property
    def alone(self) -> frozenset[float]:
        """Followed months since the start in which no clinic without the program was seen beside it.

        By then every clinic has it. Their effects are told from the period's own only through clinics that
        started at other times, so they rest on the effect being alike whenever a clinic started
        (Goodman-Bacon 2021, J Econometrics 225:254; Callaway & Sant'Anna 2021, J Econometrics 225:200).
        """
        without = np.any(np.nan_to_num(self.program, nan=1.0) < 1.0, axis=0)
        beside = self.since[~np.isnan(self.program) & without[None, :]]
        return self.followed - frozenset(float(month) for month in beside)

    @property
    def adoption(self) -> Adoption:
        """Whether whole clinics took the program up, and at different times, or single patients did.

        A clinic took it up whole where its records change from without to with it once, within one period at
        most. A clinic that is with it in part, and never changes, gave it to single patients.
        """
        stepwise, changed, shared = True, False, False
        for shares in self.program:
            known = shares[~np.isnan(shares)]
            partly = np.flatnonzero((known > 0.0) & (known < 1.0))
            stepwise &= bool(np.all(np.diff(known) >= 0.0)) and len(partly) <= 1
            changed |= len(np.unique(known)) > 1
            shared |= len(partly) > 0
        if not stepwise or (shared and not changed):
            return "patients"
        return "rollout" if changed else "whole-clinics"

    def starts(self) -> pd.Series:
        """Each clinic's first period with the program; missing where it never came."""
        labels = [
            self.periods[int(np.argmin(np.abs(self.months - month)))] if np.isfinite(month) else None
            for month in self.start
        ]
        return pd.Series(labels, index=pd.Index(self.clinics), name="start", dtype=object)


def rollout_among(whole: Rollout, levels: Sequence[Sequence[Hashable]], program: str) -> Rollout:
    """The rollout in the clinics and periods that an outcome has values in; where it began is known of all.

    Args:
        whole: the rollout of all records.
        levels: the clinics' and the periods' labels.
        program: what the program is called.

    Raises:
        EstimationError: the program was everywhere all the time, or nowhere, in these.
    """
    clinics, periods = tuple(levels[0]), tuple(levels[1])
    if (clinics, periods) == (whole.clinics, whole.periods):
        return whole
    rows = [whole.clinics.index(each) for each in clinics]
    columns = [whole.periods.index(each) for each in periods]
    kept = Rollout(
        clinics,
        periods,
        whole.months[columns],
        whole.start[rows],
        whole.program[np.ix_(rows, columns)],
        tuple(each for each in whole.ends if each in clinics),
    )
    return _checked(kept, program)


def rollout_of(cells: Cells, program: str) -> Rollout:
    """The rollout from cells by clinic and period whose outcome is the program column.

    Args:
        cells: by (clinic, period).
        program: what the program is called.

    Raises:
        RecordsError: the program column is not 0 or 1.
        EstimationError: the program was everywhere all the time, or nowhere.
    """
    rows = _by_period(cells.levels, cells.codes, cells.weight)
    total = _by_period(cells.levels, cells.codes, cells.total)
    share = np.divide(total, rows, out=np.full(rows.shape, np.nan), where=rows > 0.0)
    if cells.outcome not in ("binary",):
        raise RecordsError(
            f"{program} has values other than 0 and 1", hint="code it as 1 where the program was running"
        )
    position = _positions(cells.levels[1])
    start = np.where(share > 0.0, position, np.inf).min(axis=1)
    return _checked(Rollout(cells.levels[0], cells.levels[1], position, start, share, ()), program)


def rollout_declared(
    levels: Sequence[Sequence[Hashable]],
    codes: Integers,
    rows: Floats,
    program: str,
    starts: Mapping[Any, Any],
) -> Rollout:
    """The rollout from declared starts, over the clinics and periods that records are from.

    Args:
        levels: the clinics' and the periods' labels.
        codes: (G, 2) clinic and period of each group of rows.
        rows: (G,) how many rows.
        program: what the program is called.
        starts: clinic → first period with the program; clinics without it are left out, or None.

    Raises:
        RecordsError: a declared clinic or start is not there.
        EstimationError: the program was everywhere all the time, or nowhere.
    """
    clinics, periods = tuple(levels[0]), tuple(levels[1])
    position = _positions(periods)
    start = _declared(starts, clinics, periods, position)
    running = (position[None, :] >= start[:, None]).astype(float)
    share = np.where(_by_period(levels, codes, rows) > 0.0, running, np.nan)
    return _checked(Rollout(clinics, periods, position, start, share, ()), program)


def _by_period(levels: Sequence[Sequence[Hashable]], codes: Integers, values: Floats) -> Floats:
    """(K, T) sums by clinic and period."""
    shape = (len(levels[0]), len(levels[1]))
    place = np.ravel_multi_index((codes[:, 0], codes[:, 1]), shape)
    summed = np.bincount(place, values, minlength=shape[0] * shape[1])
    return np.asarray(summed.reshape(shape), dtype=float)


def _checked(rollout: Rollout, program: str) -> Rollout:
    """The rollout with the clinics where the program stopped; refused where there is nothing to compare."""
    share = rollout.program
    if not np.any(np.nan_to_num(share, nan=0.0) > 0.0):
        raise EstimationError(
            f"{program} never runs in these records, so it has no effect to estimate",
            hint="use a window that includes its start",
        )
    if not np.any(np.nan_to_num(share, nan=1.0) < 1.0):
        raise EstimationError(
            f"{program} runs in all of these records, so there is nothing to compare with",
            hint="use a window that begins before its start, or include clinics without it",
        )
    stopped = np.any((rollout.since > 0.0) & (share == 0.0), axis=1)
    ends = tuple(label for label, off in zip(rollout.clinics, stopped, strict=True) if off)
    return replace(rollout, ends=ends)


def _declared(
    starts: Mapping[Any, Any], clinics: Sequence[Hashable], periods: Sequence[Hashable], position: Floats
) -> Floats:
    """(K,) declared start months."""
    by_text = {str(label): value for label, value in starts.items()}
    unknown = [label for label in by_text if label not in {str(clinic) for clinic in clinics}]
    if unknown:
        raise RecordsError(
            f"a start is declared for {unknown[0]!r}, which has no records here",
            hint="check the clinic's name, or leave its start out",
        )
    first = float(position[0])
    by_label = {str(label): month for label, month in zip(periods, position, strict=True)}
    result = np.full(len(clinics), np.inf)
    for k, clinic in enumerate(clinics):
        value = by_text.get(str(clinic))
        if value is None:
            continue
        if str(value) in by_label:
            result[k] = by_label[str(value)]
            continue
        ordinal = _ordinal_beside(value, periods[0])
        if ordinal is None:
            raise RecordsError(
                f"the start declared for {clinic} is not one of the periods in the records",
                hint="write it as the period column does, for example '2020-05'",
            )
        result[k] = first + ordinal - float(_ordinal(periods[0]) or 0.0)
    result[result > position[-1]] = np.inf
    return result


def _positions(periods: Sequence[Hashable]) -> Floats:
    """Positions in time: where labels are periods, dates (by month) or numbers, else places in the order."""
    known = [_ordinal(label) for label in periods]
    if any(each is None for each in known):
        return np.arange(len(periods), dtype=float)
    return np.array(known, dtype=float)


def _ordinal(label: Any) -> float | None:
    """Number of a period in its own calendar, or None for a label that says nothing about time."""
    if isinstance(label, date):  # datetimes and timestamps are dates too
        return float(Period.of_day("month", label).ordinal)
    if isinstance(label, np.datetime64):
        return float(_JANUARY_1970 + label.astype("datetime64[M]").astype(int))
    if isinstance(label, int | float | np.integer | np.floating) and not isinstance(label, bool):
        return float(label)
    return float(Period.of_label(str(label)).ordinal) if is_label(str(label)) else None


def _ordinal_beside(start: Any, label: Any) -> float | None:
    """Number of the period of a start among periods that are written as `label`; None where none can be told.

    A start that is a day, or a period of another kind, is in the period that its first day is in.
    """
    if not is_label(str(label)):
        return _ordinal(start) if _ordinal(label) is not None else None
    try:
        day = start if isinstance(start, date) else first_day(str(start))
    except ValueError:
        return None
    return float(Period.of_day(Period.of_label(str(label)).kind, day).ordinal)
