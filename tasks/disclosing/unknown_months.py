"""Months that left the window unseen: something in their place that agrees with all that was said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import optimize, sparse

from tasks.disclosing.additive_table import Integers
from tasks.disclosing.count_columns import Shown
from tasks.disclosing.counts import Counts, Floats

_A_LABEL = 1e-3  # what it costs to contradict a label, beside a count by which a sum that is shown is missed


def months_of_all(
    counts: Counts,
    now: Integers,
    months: int,
    shown: Sequence[Shown],
    places: Sequence[Integers],
    not_small: Floats,
) -> Floats:
    """(C, U) months of the new release, and of those before as far as they show or allow.

    Args:
        counts: the new release's.
        now: (M,) positions of its months among all U.
        months: U.
        shown: what earlier releases show.
        places: positions of the months of each of them.
        not_small: (C, U) at least how many a month has, if it has any, as labels say; 0 where they do not.
    """
    values = np.full((len(counts.window), months), np.nan)
    off = np.zeros(values.shape)
    for release, at in zip(shown, places, strict=True):
        agrees = release.states(values[:, at], release.months)  # and may be rounded where it was exact
        stated = ~np.isnan(release.months) & ~agrees
        values[:, at] = np.where(stated, release.months, values[:, at])
        off[:, at] = np.where(stated, _half(release), off[:, at])
    values[:, now] = np.nan_to_num(counts.months)
    off[:, now] = 0.0
    return _filled(values, off, shown, places, not_small)


def _half(release: Shown) -> float:
    """How far a count may be from what a release rounded it to."""
    return (release.policy.round_to - 1) / 2.0


def _filled(
    values: Floats, off: Floats, shown: Sequence[Shown], places: Sequence[Integers], not_small: Floats
) -> Floats:
    """Unknown months with something in their place that agrees with what is shown, as nearly as can be.

    With the sums that releases show first of all, and then with what their labels say: that a window is
    small, or that a month is not. Known months may be `off` by so much (C, U).
    """
    unknown = np.isnan(values)
    if not unknown.any():
        return values
    position = np.full(values.shape, -1)
    position[unknown] = np.arange(unknown.sum())
    said = _SoftConstraints()
    for release, at in zip(shown, places, strict=True):
        half = _half(release)
        of_windows = half if release.window_within is None else release.window_within
        of_total = half if release.total_within is None else release.total_within
        lines: list[tuple[Any, float, float]] = []
        lines += [((c, at), whole, of_windows) for c, whole in enumerate(release.window)]
        lines += [((slice(None), u), whole, half) for u, whole in zip(at, release.network, strict=True)]
        lines.append(((slice(None), at), release.total, of_total))
        for line, whole, within in lines:
            if not np.isnan(whole):
                known, loose = np.nansum(values[line]), within + off[line].sum()
                said.add(position[line].ravel(), whole - known - loose, whole - known + loose, 1.0)
        for c in np.flatnonzero(release.small):
            known, loose = np.nansum(values[c, at]), off[c, at].sum()
            low, high = release.policy.low - known - loose, release.policy.high - known + loose
            said.add(position[c, at], low, high, _A_LABEL)
    for cell in np.argwhere(unknown & (not_small > 0.0)):
        said.add(position[*cell][None], not_small[*cell], np.inf, _A_LABEL)
    filled = values.copy()
    filled[unknown] = said.agreeing(int(unknown.sum()))
    return filled


@dataclass
class _SoftConstraints:
    """What sums of unknown counts lie between, and what it costs where they do not."""

    parts: list[Integers] = field(default_factory=list)
    least: list[float] = field(default_factory=list)
    most: list[float] = field(default_factory=list)
    cost: list[float] = field(default_factory=list)

    def add(self, cells: Integers, least: float, most: float, cost: float) -> None:
        """One more, if any of the cells is unknown (not −1)."""
        if (cells >= 0).any():
            self.parts.append(cells[cells >= 0])
            self.least.append(float(least))
            self.most.append(float(most))
            self.cost.append(cost)

    def agreeing(self, unknowns: int) -> Floats:
        """Counts that agree with the statements at the least cost; 0 each should the solver find none."""
        if not self.parts:
            return np.zeros(unknowns)
        lengths = [len(each) for each in self.parts]
        index = (np.repeat(np.arange(len(lengths)), lengths), np.concatenate(self.parts))
        cells = sparse.csr_array((np.ones(sum(lengths)), index), shape=(len(lengths), unknowns))
        off = sparse.eye_array(len(lengths))
        agree = optimize.LinearConstraint(
            sparse.hstack([cells, off, -off], format="csr"), self.least, self.most
        )
        solved = optimize.milp(np.concatenate([np.zeros(unknowns), self.cost, self.cost]), constraints=agree)
        return np.round(solved.x[:unknowns], 6) if solved.status == 0 else np.zeros(unknowns)
