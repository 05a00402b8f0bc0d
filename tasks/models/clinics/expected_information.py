"""What a clinic's records would tell whatever outcomes they happen to have.

A clinic's own information depends on its own events: few of them, and its log odds are uncertain, though few
bad events are what a good clinic has. Whether a clinic is large enough to be compared must not depend on how
it did, so it is judged by what its patients would be expected to have: events at the network's rate (as in
indirect standardisation), and information at the typical clinic (effect 0).

A clinic too small by that measure can still have events that no typical clinic would: how improbable they
are there needs no approximation, and is told beside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from tasks.models.fit import Floats
from tasks.models.generalized_mixed.glmm_fit import GlmmFit
from tasks.records import Cells, Design


@dataclass(frozen=True, slots=True)
class Expected:
    """Per level of the grouping factor, in the order of the fit's labels.

    Attributes:
        events: (n,) events that the level's rows would have at the rate of all levels together.
        information: (n,) Fisher information about the level's effect there: Σ np(1 − p) of binomial outcomes,
            Σ μ/(1 + μ/k) of counts of size k (Σ μ of a Poisson's).
        tail: (n,) probability that a typical clinic's rows have events as far from what is expected of them
            as the level's own, on the same side: Poisson's, which is at least the binomial's there.
    """

    events: Floats
    information: Floats
    tail: Floats


def expected_by_level(fit: GlmmFit, group: str) -> Expected | None:
    """Expected events and information by level; None where the fit does not remember its data.

    Source: McCullagh & Nelder (1989), §2.5 (information of a generalized linear model); Lawless (1987), Can J
    Stat 15:209 (negative binomial); Anderson & Samuels (1967), Proc 5th Berkeley Symp 1:1 (Poisson tails are
    no smaller than binomial ones).
    """
    if fit.data is None or len(fit.varcomp) != 1:
        return None
    return _of_cells(*fit.cells(), fit, group)


def _of_cells(design: Design, cells: Cells, fit: GlmmFit, group: str) -> Expected:
    eta = cells.offset + cells.fixed @ fit.coef.loc[list(design.fixed)].to_numpy()
    if fit.family == "binomial":
        chance = special.expit(eta)
        events = cells.trials * chance
        information = events * (1.0 - chance)
    else:
        mean = np.exp(eta)
        events = cells.weight * mean
        information = events if fit.size is None else events / (1.0 + mean / fit.size)
    order, n = places_of_levels(cells, fit, group)
    # alike rows tell less, and have as many events as others
    each = fit.design_effects or {}
    counted = np.array([each.get(level, 1.0) for level in cells.levels[0]])[cells.codes[:, 0]]
    at_network = counted * events * float(counted @ cells.total) / float(counted @ events)

    def by_level(values: Floats) -> Floats:
        return np.asarray(np.bincount(order, values, minlength=n), dtype=float)

    typical, told = by_level(events), by_level(information)
    worth = np.ones(n)
    if fit.family != "binomial":  # counts that scatter more than a Poisson's are worth fewer of them
        worth = np.divide(told, typical, out=worth, where=typical > 0.0)
    tail = _poisson_tail(worth * by_level(cells.total), worth * typical)
    return Expected(by_level(at_network), told, tail)


def _poisson_tail(events: Floats, mean: Floats) -> Floats:
    """Probability of as many events or more where there are more than the mean, else of as many or fewer."""
    above = special.gammainc(np.maximum(events, 1e-300), mean)
    below = special.gammaincc(events + 1.0, mean)
    return np.asarray(np.where(events > mean, above, below))


def places_of_levels(cells: Cells, fit: GlmmFit, group: str) -> tuple[NDArray[np.int64], int]:
    """The place of each cell's level among the fit's labels, and how many there are."""
    codes = cells.codes[:, cells.factors.index(group)]
    place = {label: i for i, label in enumerate(fit.labels[group])}
    order = np.array([place[label] for label in cells.levels[cells.factors.index(group)]])[codes]
    return order, len(place)
