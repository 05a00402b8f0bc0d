"""Cells arranged as a mixed-model likelihood reads them: columns centred, levels and terms numbered."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tasks.errors import EstimationError
from tasks.models.generalized_mixed.arrangement import Arrangement, Term
from tasks.models.generalized_mixed.combination_columns import CellColumns, CombinationRuns, RandomColumns
from tasks.models.generalized_mixed.equal_clusters import ClusterCells
from tasks.models.generalized_mixed.families import CellOutcome, FamilyName
from tasks.models.generalized_mixed.laplace import GroupedLikelihood
from tasks.models.generalized_mixed.quadrature import ScalarLikelihood
from tasks.records.cells import Cells
from tasks.records.design import Design
from tasks.records.moments import INTERCEPT

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_LOOKED_AT = 20_000  # for where a column lies
_SAMPLE = 40_000
_NEAR_ZERO = 10.0  # means of so many SDs cost two digits of a Hessian, and not more


@dataclass(frozen=True, slots=True)
class WorkingUnits:
    """Where the columns of a model of one scalar random effect are centred, and the unit of its effect.

    Attributes:
        centre: (p,) of the fixed-effect columns.
        scale: of the random-effect column; 1 for an intercept.
    """

    centre: Floats
    scale: float


@dataclass(frozen=True)
class ArrangedCells:
    """What a likelihood is made of. Coefficients of centred columns differ only in the intercept.

    Attributes:
        names: (p,) fixed-effect columns.
        x: (p, N) those columns, each less its centre.
        centre: (p,) centres; zero for the intercept, and everywhere without one.
        z: distinct random-effect columns, each (N,) and of unit root mean square, or None for a constant 1;
            in a term with an intercept they are centred too, which changes its effects linearly.
        offset: (N,).
        outcome: the outcome under its family.
        rows: (N,) rows in each cell.
        groups: names of the grouping factors.
        levels: their labels.
        terms: the random-effects terms.
        back: per term, (d, d) working effects → effects of the columns as they are.
        codes: (C, F) levels in each combination of levels.
        starts: (C + 1,) where each combination's cells begin.
    """

    names: tuple[str, ...]
    x: Floats
    centre: Floats
    z: tuple[Floats | None, ...]
    offset: Floats
    outcome: CellOutcome
    rows: Floats
    groups: tuple[str, ...]
    levels: tuple[tuple[Hashable, ...], ...]
    terms: tuple[Term, ...]
    back: tuple[Floats, ...]
    codes: Integers
    starts: Integers

    @classmethod
    def of(
        cls, design: Design, cells: Cells, family: FamilyName, about: WorkingUnits | None = None
    ) -> ArrangedCells:
        """Arrange the cells of a design.

        Args:
            design: the formula bound to the data.
            cells: of its columns.
            family: of the outcome.
            about: units to take, for a part of the cells that these are of all; None finds them.

        Raises:
            EstimationError: a group has the same random effect twice.
        """
        z: dict[tuple[str, bool], Floats | None] = {}
        terms, back = [], []
        taken: set[tuple[str, str]] = set()
        for term, columns in zip(design.random, cells.random, strict=True):
            shifted = INTERCEPT in term.columns
            to_raw, positions = np.eye(len(term.columns)), []
            for i, (name, column) in enumerate(zip(term.columns, columns.T, strict=True)):
                if (term.group, name) in taken:
                    raise EstimationError(
                        f"{term.group} has the random effect {name} in two terms; write it in one of them"
                    )
                taken.add((term.group, name))
                key = (name, shifted)
                if name == INTERCEPT:
                    key = (name, False)
                    z.setdefault(key, None)
                else:
                    mean, scale = (
                        _location_scale(column, cells.weight, shifted)
                        if about is None
                        else (0.0, about.scale)
                    )
                    if key not in z:
                        z[key] = np.ascontiguousarray((column - mean) / scale)
                    to_raw[i, i] = 1.0 / scale
                    if shifted:
                        to_raw[term.columns.index(INTERCEPT), i] = -mean / scale
                positions.append(list(z).index(key))
            terms.append(Term(cells.factors.index(term.group), tuple(positions)))
            back.append(to_raw)
        centre = centre_of(design, cells.fixed) if about is None else about.centre
        changes = np.flatnonzero(np.any(cells.codes[1:] != cells.codes[:-1], axis=1)) + 1
        first = np.concatenate(([0], changes))
        return cls(
            names=design.fixed,
            x=_less(cells.fixed, centre),
            centre=centre,
            z=tuple(z.values()),
            offset=np.asarray(cells.offset, dtype=float),
            outcome=CellOutcome.of(cells, family),
            rows=cells.weight,
            groups=cells.factors,
            levels=cells.levels,
            terms=tuple(terms),
            back=tuple(back),
            codes=cells.codes[first],
            starts=np.concatenate((first, [len(cells.codes)])),
        )

    @property
    def is_scalar(self) -> bool:
        """Whether there is one random effect, by one group: what quadrature needs."""
        return len(self.terms) == 1 and self.terms[0].size == 1

    def scalar(self, nodes: int) -> ScalarLikelihood:
        """The quadrature likelihood of one scalar random effect."""
        cells = self._by_cluster
        return ScalarLikelihood(cells.x, cells.z, cells.offset, cells.outcome, cells.starts, nodes)

    @cached_property
    def _by_cluster(self) -> ClusterCells:
        """What the likelihood of a scalar effect reads.

        A negative binomial's rows are read one by one, for its constant; what depends on coefficients and
        effects is the same of rows that agree, added up.
        """
        cells = self.clusters()
        return cells.merged() if self.outcome.has_size else cells

    def grouped(self) -> GroupedLikelihood:
        """The Laplace likelihood, whatever the random effects."""
        levels = tuple(len(each) for each in self.levels)
        arrangement = Arrangement(self.terms, self.codes, levels, len(self.z))
        runs = CombinationRuns(self.starts)
        x, z = CellColumns.of(self.x, runs), RandomColumns.of(self.z, runs)
        return GroupedLikelihood(x, z, self.offset, self.outcome, arrangement)

    def level_of(self, factor: int) -> Integers:
        """(N,) level of one grouping factor in each cell."""
        return np.repeat(self.codes[:, factor], np.diff(self.starts))

    def sampled(self) -> ArrangedCells:
        """Some 40,000 of many cells, spread evenly: enough to begin a climb from."""
        return self.thinned(self.offset.size // _SAMPLE)

    def some_clusters(self, rows: int) -> ScalarLikelihood:
        """Laplace's likelihood of clusters of a scalar effect that have about so many rows, spread evenly."""
        step = max(1, round(self.starts[-1] / rows))
        chosen = np.arange(0, self.starts.size - 1, step)
        part = self.clusters().taken(chosen)
        return ScalarLikelihood(part.x, part.z, part.offset, part.outcome, part.starts)

    def clusters(self) -> ClusterCells:
        """The cells of a scalar effect, as they are."""
        return ClusterCells(self.x, self.z[0], self.offset, self.outcome, self.starts)

    def thinned(self, step: int) -> ArrangedCells:
        """Every step-th cell: a sample to find starting values on."""
        kept = np.arange(step // 2, self.offset.size, step)
        combination = np.repeat(np.arange(len(self.codes)), np.diff(self.starts))[kept]
        first = np.flatnonzero(np.concatenate(([True], combination[1:] != combination[:-1])))
        outcome = self.outcome
        return ArrangedCells(
            names=self.names,
            x=np.ascontiguousarray(self.x[:, kept]),
            centre=self.centre,
            z=tuple(None if each is None else each[kept] for each in self.z),
            offset=self.offset[kept],
            outcome=CellOutcome(
                outcome.family, outcome.y[kept], outcome.n[kept], 0.0, outcome.log_size, outcome.counts
            ),
            rows=self.rows[kept],
            groups=self.groups,
            levels=self.levels,
            terms=self.terms,
            back=self.back,
            codes=self.codes[combination[first]],
            starts=np.concatenate((first, [kept.size])),
        )

    def uncentring(self) -> Floats:
        """(p, p) T with β = T β of the centred columns."""
        matrix = np.eye(len(self.names))
        if INTERCEPT in self.names:
            matrix[self.names.index(INTERCEPT)] -= self.centre
        return matrix


def centre_of(design: Design, fixed: Floats, mean: Floats | None = None) -> Floats:
    """(p,) means of the columns where an intercept can take those up, zero elsewhere.

    Many rows whose columns lie about zero as they are (by a sample) are not copied: nothing is taken off.

    Args:
        design: names of the columns.
        fixed: (N, p) the columns, or rows from all over them.
        mean: (p,) means of all rows, where `fixed` has some of them only.
    """
    centre = np.zeros(fixed.shape[1])
    if INTERCEPT in design.fixed:
        constant = design.fixed.index(INTERCEPT)
        some = np.delete(fixed[:: max(1, fixed.shape[0] // _LOOKED_AT)], constant, axis=1)
        few = fixed.shape[0] <= _LOOKED_AT
        if few or np.any(np.abs(some.mean(axis=0)) > _NEAR_ZERO * some.std(axis=0)):
            centre = fixed.mean(axis=0) if mean is None else mean.copy()
        centre[constant] = 0.0
    return centre


def _less(fixed: Floats, centre: Floats) -> Floats:
    """(p, N) the columns as rows of a contiguous array, less their centres."""
    if not centre.any():
        return np.ascontiguousarray(fixed.T)
    x = np.empty((fixed.shape[1], fixed.shape[0]))
    np.subtract(fixed.T, centre[:, None], out=x)
    return x


def _location_scale(column: Floats, rows: Floats, shifted: bool) -> tuple[float, float]:
    """Mean (0 unless shifted) and root mean square about it; a scale of 1 for a column of zeros."""
    mean = float(np.average(column, weights=rows)) if shifted else 0.0
    scale = float(np.sqrt(np.average((column - mean) ** 2, weights=rows)))
    return mean, unit(scale, mean)


def unit(scale: float, mean: float = 0.0) -> float:
    """A root mean square as a unit; 1 for a column of zeros."""
    return scale if scale > 1e-12 * (abs(mean) + 1e-300) else 1.0
