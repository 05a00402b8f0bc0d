"""A model of one scalar random effect whose rows come in blocks of whole clusters.

Clusters are independent, so that the log-likelihood and its derivatives are sums over blocks, each of which
is read, arranged, added up and dropped before the next is read; what is found for each cluster (modes,
curvatures, slopes of the modes) is put together. For K clusters of p columns a pass holds one block and K × p
numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tasks.models.generalized_mixed.between_within import WithinLevels, degrees_of_freedom
from tasks.models.generalized_mixed.equal_clusters import ClusterCells
from tasks.models.generalized_mixed.families import CellOutcome, FamilyName
from tasks.models.generalized_mixed.fitted_rows import FittedRows
from tasks.models.generalized_mixed.glmm_cells import ArrangedCells, WorkingUnits, centre_of, unit
from tasks.models.generalized_mixed.glmm_maximum import Maximum
from tasks.models.generalized_mixed.quadrature import LikelihoodEvaluation, ScalarLikelihood
from tasks.models.generalized_mixed.separation import PredictorReach, is_separated, sides
from tasks.records.cell_blocks import CellBlocks
from tasks.records.cells import Cells
from tasks.records.design import Design

Floats = NDArray[np.float64]

T = TypeVar("T")


@dataclass(frozen=True)
class BlockModel:
    """The model as a climb asks for it.

    Attributes:
        design: the formula bound to the data; one random term of one column.
        blocks: the rows, by the term's group.
        family: binomial or poisson.
    """

    design: Design
    blocks: CellBlocks
    family: FamilyName

    @cached_property
    def units(self) -> WorkingUnits:
        """Those that one piece would have: they rest on all rows."""
        blocks = self.blocks
        scale = float(np.sqrt(blocks.squares[0][0] / blocks.n_obs))
        return WorkingUnits(centre_of(self.design, blocks.sample.fixed, blocks.mean), unit(scale))

    @cached_property
    def sample(self) -> ArrangedCells:
        """Rows from all over the data; names, terms and units are those of all rows."""
        sample = self.blocks.sample
        return self._arranged(sample.taken(np.argsort(sample.codes[:, 0], kind="stable")))

    def sampled(self) -> ArrangedCells:
        """The sample: enough to begin a climb from."""
        return self.sample

    def scalar(self, nodes: int) -> BlockLikelihood:
        """The quadrature likelihood."""
        return BlockLikelihood(self, nodes)

    def of_blocks(self, act: Callable[[Cells, ArrangedCells, slice], T]) -> list[T]:
        """What a pass over blocks of whole clusters gives, in the clusters' order.

        Args:
            act: what to do with a block's cells, the same arranged, and the positions of their clusters; no
                block is held once it has been done.
        """
        found: list[T] = []
        first = 0
        for read in self.blocks.of_whole_levels:
            last, done = self._of_block(act, read(), first)
            found.append(done)
            first = last
        return found

    def some_clusters(self, rows: int) -> ScalarLikelihood:
        """Laplace's likelihood of clusters that have about so many rows, spread evenly."""
        step = max(1, round(self.blocks.n_obs / rows))
        return _together(
            self.of_blocks(
                lambda _, arranged, those: arranged.clusters().taken(
                    np.arange(-those.start % step, those.stop - those.start, step)
                )
            )
        )

    def is_separated(self, parameters: Floats) -> bool:
        """Whether covariates separate the outcome; looked into where these parameters reach suspiciously far.

        Args:
            parameters: (σ, coefficients).
        """
        reach, beta = PredictorReach(self.family), parameters[1:]
        for cells in self.blocks.blocks():
            reach.see(beta @ (cells.fixed - self.units.centre).T, cells.offset)
        if not reach.is_suspect:
            return False
        sample = self.sample
        return is_separated(self._columns_and_sides, sample.x, sides(sample.outcome))

    def at(self, best: Maximum) -> tuple[FittedRows, Floats]:
        """What a fit says of its rows, and the degrees of freedom of its coefficients."""
        within = WithinLevels(len(self.design.fixed))

        def of_block(cells: Cells, arranged: ArrangedCells, _: slice) -> FittedRows:
            within.see(cells.fixed.T, cells.codes[:, 0])
            return FittedRows.of(cells, arranged, best, self.family, None)

        found = reduce(FittedRows.plus, self.of_blocks(of_block))
        levels = [len(each) for each in self.blocks.levels]
        return found, degrees_of_freedom(within.constant[None], levels, found.rows)

    def _of_block(
        self, act: Callable[[Cells, ArrangedCells, slice], T], cells: Cells, first: int
    ) -> tuple[int, T]:
        arranged = self._arranged(cells)
        those = slice(first, first + arranged.starts.size - 1)
        return those.stop, act(cells, arranged, those)

    def _columns_and_sides(self) -> Iterator[tuple[Floats, Floats]]:
        for cells in self.blocks.blocks():
            columns = (cells.fixed - self.units.centre).T
            yield columns, sides(CellOutcome.of(cells, self.family))

    def _arranged(self, cells: Cells) -> ArrangedCells:
        return ArrangedCells.of(self.design, cells, self.family, self.units)


@dataclass(frozen=True)
class BlockLikelihood:
    """Its log-likelihood by K-node adaptive quadrature: sums of `ScalarLikelihood` over the blocks.

    Attributes:
        model: the model.
        nodes: K ≥ 1.
    """

    model: BlockModel
    nodes: int

    @property
    def n_cells(self) -> int:
        """N, rows in all."""
        return round(self.model.blocks.n_obs)

    @property
    def n_fixed(self) -> int:
        """p, fixed-effect columns."""
        return len(self.model.design.fixed)

    @property
    def has_size(self) -> bool:
        """No family that comes in blocks has a parameter of its own."""
        return False

    def evaluate(
        self, parameters: Floats, order: int = 2, near: LikelihoodEvaluation | None = None
    ) -> LikelihoodEvaluation:
        """As `ScalarLikelihood.evaluate`, by one pass over the blocks."""

        def of_block(_: Cells, arranged: ArrangedCells, those: slice) -> LikelihoodEvaluation:
            here = None if near is None else _part_of(near, those)
            return arranged.scalar(self.nodes).evaluate(parameters, order, here)

        found = self.model.of_blocks(of_block)
        return LikelihoodEvaluation(
            parameters.copy(),
            sum(each.value for each in found),
            np.sum([each.gradient for each in found], axis=0),
            np.sum([each.hessian for each in found], axis=0),
            np.concatenate([each.modes for each in found]),
            np.concatenate([each.precision for each in found]),
            np.concatenate([each.mode_slopes for each in found], axis=1),
            sum(each.next_order for each in found),
        )

    def posterior(self, parameters: Floats, nodes: int, near: LikelihoodEvaluation) -> tuple[Floats, Floats]:
        """As `ScalarLikelihood.posterior`, by one pass over the blocks."""
        found = self.model.of_blocks(
            lambda _, arranged, those: arranged.scalar(self.nodes).posterior(
                parameters, nodes, _part_of(near, those)
            )
        )
        return np.concatenate([mean for mean, _ in found]), np.concatenate([sd for _, sd in found])


def _part_of(near: LikelihoodEvaluation, those: slice) -> LikelihoodEvaluation:
    slopes = near.mode_slopes
    return replace(near, modes=near.modes[those], mode_slopes=slopes[:, those] if slopes.size else slopes)


def _together(parts: list[ClusterCells]) -> ScalarLikelihood:
    z = [each.z for each in parts if each.z is not None]
    sizes = np.concatenate([np.diff(each.starts) for each in parts])
    outcome = replace(
        parts[0].outcome,
        y=np.concatenate([each.outcome.y for each in parts]),
        n=np.concatenate([each.outcome.n for each in parts]),
    )
    return ScalarLikelihood(
        np.concatenate([each.x for each in parts], axis=1),
        np.concatenate(z) if z else None,
        np.concatenate([each.offset for each in parts]),
        outcome,
        np.concatenate(([0], np.cumsum(sizes))),
    )
