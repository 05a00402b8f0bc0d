"""Months since the start with too few events for an effect of their own share a neighbour's.

The odds or rate of a month in which nobody has the event, or everybody, has no finite estimate, and one such
month would cost the whole model. Few clinics have had the program for long, so it is the last months that are
sparse.
"""

from __future__ import annotations

import numpy as np

from tasks.models.program_effects.rollout import Rollout
from tasks.records.cells import Cells

FEWEST_EVENTS = 5
"""Events, and of a binary outcome records without one, for an effect of a month's own."""


def shared_months(cells: Cells, rollout: Rollout, *, binary: bool) -> dict[float, float]:
    """Month since the start → the month whose effect it shares, for those that share one.

    From the last month on, a sparse month joins the one before it until they have enough together; the first
    ones join those after.

    Args:
        cells: of a binary outcome or of counts, by (clinic, period).
        rollout: the program's start by clinic.
        binary: whether records without an event are counted as well.
    """
    since = rollout.since[cells.codes[:, 0], cells.codes[:, 1]]
    groups: list[list[float]] = []
    waiting: list[float] = []
    events, others = 0.0, 0.0
    for month in sorted(np.unique(since[since >= 0.0]).tolist(), reverse=True):
        there = since == month
        waiting.append(month)
        events += float(cells.total[there].sum())
        others += float((cells.trials[there] - cells.total[there]).sum())
        if events >= FEWEST_EVENTS and (not binary or others >= FEWEST_EVENTS):
            groups.append(waiting)
            waiting, events, others = [], 0.0, 0.0
    if waiting and groups:
        groups[-1] += waiting
    return {month: min(group) for group in groups for month in group if month != min(group)}
