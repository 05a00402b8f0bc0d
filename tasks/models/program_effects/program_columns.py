"""Columns that are constant within a clinic's period, added to moments and cells."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from tasks.errors import EstimationError
from tasks.models.fixed_effects.group_means import with_constants
from tasks.models.generalized_mixed.combination_columns import CellColumns, CombinationRuns
from tasks.models.program_effects.cohort_months import CohortMonth, cohort_months
from tasks.models.program_effects.rollout import Rollout
from tasks.records.cells import Cells
from tasks.records.data_columns import nested_label
from tasks.records.design import Design
from tasks.records.moments import INTERCEPT, Moments

Floats = NDArray[np.float64]

# what earlier columns leave of a column, against its own size, below which it is one of their combinations
_NOTHING_LEFT = 1e-10


@dataclass(frozen=True)
class Added:
    """Columns by clinic and period.

    Attributes:
        names: m names.
        values: (K, T, m) values.
        program: which of them are the program's.
        cohorts: what the program's columns are of, where each cohort's months have effects of their own.
        trend_is_told: whether early starters' own trend, if asked for, can be told within clinics.
        shared: month since the start → the month whose column it shares.
    """

    names: tuple[str, ...]
    values: Floats
    program: tuple[str, ...]
    cohorts: tuple[CohortMonth, ...] = ()
    trend_is_told: bool = True
    shared: Mapping[float, float] = field(default_factory=dict)


def columns_of(
    rollout: Rollout,
    period: str,
    effect: str,
    program: str,
    leads: int,
    horizon: int | None,
    *,
    as_column: bool,
    own_trend: bool = False,
    shared: Mapping[float, float] | None = None,
) -> Added:
    """Period effects, and for effects by exposure time an indicator of each month since the start.

    Args:
        rollout: the program's start by clinic.
        period: name of the period column.
        effect: "immediate", "exposure-time", "event-study" or "cohort-month".
        program: name of the program's column.
        leads: months before the start that get an indicator too (event study).
        horizon: months since the start from which on they share one indicator (event study).
        as_column: the program's own column is in the formula already.
        own_trend: a column too of the periods' positions times clinics' shares of periods under the program:
            early and late starters may have trends of their own.
        shared: month since the start → the month whose indicator it shares (exposure time, event study).
    """
    shared = shared or {}
    k, t = len(rollout.clinics), len(rollout.periods)
    names = [f"{period}{label}" for label in rollout.periods[1:]]
    periods = np.broadcast_to(np.eye(t)[:, 1:], (k, t, t - 1))
    if own_trend:
        under = np.mean(rollout.since >= 0.0, axis=1)
        trend = np.outer(under - under.mean(), rollout.months - rollout.months.mean())
        names.append(f"{program}_share:{period}")
        periods = np.concatenate([periods, trend[:, :, None]], axis=2)
    since = rollout.since
    if as_column:
        return Added(tuple(names), periods, (program,))
    cohorts: tuple[CohortMonth, ...] = ()
    if effect == "immediate":
        own, indicator = [program], [np.nan_to_num(rollout.program, nan=0.0)]
    elif effect == "cohort-month":
        cohorts = cohort_months(rollout, program)
        own, indicator = [each.column for each in cohorts], [each.among(rollout) for each in cohorts]
    else:
        finite = since[np.isfinite(since) & ~np.isnan(rollout.program)]
        after = np.unique(finite[finite >= 0.0])
        pooling = horizon is not None and effect == "event-study"
        last = min(float(horizon), after.max()) if pooling and horizon is not None else after.max()
        own, indicator = [], []
        for lead in range(leads if effect == "event-study" else 0, 0, -1):
            own.append(f"{program}{-lead}")
            indicator.append(since == -lead)
        for month in after[after <= last]:
            if month in shared:
                continue
            pooled = pooling and month == last
            own.append(f"{program}{month:g}" + ("+" if pooled and np.any(after > last) else ""))
            together = [month, *(each for each, with_it in shared.items() if with_it == month)]
            indicator.append((since >= month if pooled else np.isin(since, together)).astype(float))
    values = np.concatenate([periods, np.stack(indicator, axis=2).astype(float)], axis=2)
    told = not own_trend or _told_within(values, names.index(f"{program}_share:{period}"), rollout)
    return Added((*names, *own), values, tuple(own), cohorts, told, shared)


def _told_within(values: Floats, column: int, rollout: Rollout) -> bool:
    """Whether a column is no combination of the others and of clinics' own levels where records are."""
    there = ~np.isnan(rollout.program)
    levels = np.repeat(np.eye(len(there))[:, None, :], there.shape[1], axis=1)[there]
    others = np.hstack([levels, np.delete(values, column, axis=2)[there]])
    target = values[there][:, column]
    left = target - others @ np.linalg.lstsq(others, target, rcond=None)[0]
    return bool(left @ left > _NOTHING_LEFT * (target @ target))


def widen_moments(design: Design, moments: Moments, added: Added) -> tuple[Design, Moments]:
    """Moments by (clinic, period) with the added columns."""
    values = added.values[moments.codes[:, 0], moments.codes[:, 1]]
    widened = with_constants(moments, added.names, values, np.zeros(len(added.names)))
    return _named(design, added.names), widened


def widen_cells(design: Design, cells: Cells, added: Added) -> tuple[Design, Cells]:
    """Cells by (clinic, period) with the added columns."""
    values = added.values[cells.codes[:, 0], cells.codes[:, 1]]
    return _named(design, added.names), replace(cells, fixed=np.concatenate([cells.fixed, values], axis=1))


def moments_of_cells(design: Design, cells: Cells) -> Moments:
    """The moments of the cells' columns and outcome, by the cells' combinations of levels."""
    weight = cells.trials
    names = design.fixed if INTERCEPT in design.fixed else (INTERCEPT, *design.fixed)
    columns = (
        cells.fixed if INTERCEPT in design.fixed else np.column_stack([np.ones(len(weight)), cells.fixed])
    )
    mean = cells.total.sum() / weight.sum()
    squares = cells.total if cells.outcome in ("binary", "successes") else cells.total_squares
    reference = np.append(weight @ columns / weight.sum(), mean)
    reference[0] = 0.0
    total = cells.total - weight * mean
    starts = np.flatnonzero(np.any(np.diff(cells.codes, axis=0, prepend=-1) != 0, axis=1))
    runs = CombinationRuns(np.append(starts, len(weight)))
    # whole columns are added up faster than rows, and periods' and the program's are not added up at all
    z = CellColumns.of(np.ascontiguousarray((columns - reference[:-1]).T), runs)
    p = len(names)
    products = np.zeros((len(starts), p + 1, p + 1))
    weighted = z.sums(weight)
    for j, shared in zip(z.shared_at, z.shared, strict=True):
        products[:, j, :p] = (weighted * shared).T
    for j, cellwise in zip(z.cellwise_at, z.cellwise, strict=True):
        products[:, j, :p] = z.sums(weight * cellwise).T
    products[:, p, :p] = products[:, :p, p] = z.sums(total).T
    products[:, p, p] = runs.sums(squares - mean * (cells.total + total))
    return Moments(
        (*names, design.response), reference, products, cells.factors, cells.levels, cells.codes[starts]
    )


def by_clinic(moments: Moments) -> Moments:
    """Moments by (clinic, period) summed to clinics."""
    first = np.flatnonzero(np.diff(moments.codes[:, 0], prepend=-1))
    return replace(
        moments,
        products=np.add.reduceat(moments.products, first, axis=0),
        factors=moments.factors[:1],
        levels=moments.levels[:1],
        codes=moments.codes[first, :1],
    )


def nested_codes(
    codes: NDArray[np.int64], factors: Sequence[str], levels: Sequence[tuple[Hashable, ...]]
) -> tuple[NDArray[np.int64], tuple[str, str], tuple[tuple[Hashable, ...], tuple[Hashable, ...]]]:
    """(clinic, period) codes as (clinic, period:clinic): the second factor nested in the first."""
    cells, which = np.unique(codes, axis=0, return_inverse=True)
    labels = tuple(nested_label((levels[1][period], levels[0][clinic])) for clinic, period in cells)
    stacked = np.column_stack([codes[:, 0], which.ravel()]).astype(np.int64)
    return stacked, (factors[0], f"{factors[1]}:{factors[0]}"), (tuple(levels[0]), labels)


def independent(
    design: Design, moments: Moments, program: Sequence[str], name: str
) -> tuple[Design, dict[str, str]]:
    """Leave out columns that earlier ones determine; period effects go before the program's columns do.

    Returns:
        The design without them, and why each was left out.

    Raises:
        EstimationError: nothing of the program is left.
    """
    fixed = [column for column in design.fixed if column not in program] + list(program)
    columns = moments.position(*fixed)
    total = moments.products.sum(axis=0)[np.ix_(columns, columns)]
    scale = np.sqrt(np.where(np.diag(total) > 0.0, np.diag(total), 1.0))
    total = total / np.outer(scale, scale)
    kept: list[int] = []
    reasons: dict[str, str] = {}
    for j, column in enumerate(fixed):
        weights = (
            np.linalg.lstsq(total[np.ix_(kept, kept)], total[kept, j], rcond=None)[0] if kept else np.zeros(0)
        )
        left = total[j, j] - total[j, kept] @ weights
        if left > _NOTHING_LEFT:
            kept.append(j)
        else:
            reasons[column] = "cannot be told from the columns before it"
    names = tuple(fixed[j] for j in kept)
    if not any(column in names for column in program):
        raise EstimationError(
            f"{name} started in the same period everywhere, so its effect and the period's are one",
            hint="include clinics that started later or never, or compare before and after with that caveat",
        )
    dropped = replace(design.dropped, columns={**design.dropped.columns, **reasons})
    return replace(design, fixed=names, dropped=dropped), reasons


def _named(design: Design, names: Sequence[str]) -> Design:
    return replace(design, fixed=(*design.fixed, *names), spec=None)
