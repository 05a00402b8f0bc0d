"""How a program reached the clinics: its start in each, and the months since, by clinic and period.

Everything a program-effect model adds to the records (period effects, the program, months since its start)
is constant within a clinic's period, so it is added to moments or cells by clinic and period; no row is
read for it.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks import months
from tasks.errors import EstimationError, RecordsError
from tasks.records.cells import Cells

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Rollout:
    """The program's start by clinic.

    Attributes:
        clinics: K labels.
        periods: T labels, in order.
        months: (T,) position of each period in time, in months where the labels say so.
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

    def starts(self) -> pd.Series:
        """Each clinic's first period with the program; missing where it never came."""
        labels = [
            self.periods[int(np.argmin(np.abs(self.months - month)))] if np.isfinite(month) else None
            for month in self.start
        ]
        return pd.Series(labels, index=pd.Index(self.clinics), name="start", dtype=object)


def rollout_of(cells: Cells, program: str, starts: Mapping[Any, Any] | None) -> Rollout:
    """The rollout from cells by clinic and period whose outcome is the program column.

    Args:
        cells: by (clinic, period).
        program: what the program is called.
        starts: clinic → first period with the program, where it is declared; None for clinics without.

    Raises:
        RecordsError: the program column is not 0 or 1, a declared clinic or start is not there.
        EstimationError: the program was everywhere all the time, or nowhere.
    """
    clinics, periods = cells.levels[0], cells.levels[1]
    shape = (len(clinics), len(periods))
    place = np.ravel_multi_index((cells.codes[:, 0], cells.codes[:, 1]), shape)
    rows = np.bincount(place, cells.weight, minlength=shape[0] * shape[1]).reshape(shape)
    total = np.bincount(place, cells.total, minlength=shape[0] * shape[1]).reshape(shape)
    share = np.divide(total, rows, out=np.full(shape, np.nan), where=rows > 0.0)
    position = _positions(periods)
    if starts is None:
        if cells.outcome not in ("binary",):
            raise RecordsError(
                f"{program} has values other than 0 and 1", hint="code it as 1 where the program was running"
            )
        start = np.where(share > 0.0, position, np.inf).min(axis=1)
    else:
        start = _declared(starts, clinics, periods, position)
        share = np.where(np.isnan(share), np.nan, (position[None, :] >= start[:, None]).astype(float))
    running = position[None, :] > start[:, None]
    ends = tuple(
        label for label, off in zip(clinics, np.any(running & (share == 0.0), axis=1), strict=True) if off
    )
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
    return Rollout(clinics, periods, position, start, share, ends)


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
        month = _month(value)
        if month is None or _month(periods[0]) is None:
            raise RecordsError(
                f"the start declared for {clinic} is not one of the periods in the records",
                hint="write it as the period column does, for example '2020-05'",
            )
        result[k] = first + month - float(_month(periods[0]) or 0.0)
    result[result > position[-1]] = np.inf
    return result


def _positions(periods: Sequence[Hashable]) -> Floats:
    """Positions in time: months where labels are months, dates or whole numbers, else places in the order."""
    known = [_month(label) for label in periods]
    if any(each is None for each in known):
        return np.arange(len(periods), dtype=float)
    return np.array(known, dtype=float)


def _month(label: Any) -> float | None:
    """Number of a period in months, or None for a label that says nothing about time."""
    if isinstance(label, date):  # datetimes and timestamps are dates too
        return float(months.numbered(label.year, label.month))
    if isinstance(label, np.datetime64):
        return float(months.numbered(1970, 1) + label.astype("datetime64[M]").astype(int))
    if isinstance(label, int | float | np.integer | np.floating) and not isinstance(label, bool):
        return float(label)
    return float(months.number(str(label))) if months.is_month(str(label)) else None
