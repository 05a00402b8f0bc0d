"""Sums over clusters of rows that come block by block, and where the iterations over them start.

A cluster's sums are the sums of its sums in every block, in whatever order its rows come; so each pass holds
one block and, for K clusters of p columns, K × p numbers (K × p² once, at the solution).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from tasks.errors import EstimationError
from tasks.models.estimating_equations.gee_family import Family
from tasks.models.estimating_equations.gee_solver import EquationsEvaluation, likelihood_of, solve
from tasks.models.estimating_equations.gee_sums import CellSums, Centre, ClusterSums
from tasks.models.estimating_equations.working_correlation import Independence
from tasks.models.generalized_mixed.separation import SUSPECT
from tasks.records.cell_blocks import CellBlocks
from tasks.records.design import Design
from tasks.records.moments import INTERCEPT

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class BlockSums:
    """Sums by a pass over blocks, for any family; the cluster is the unit.

    Args:
        blocks: rows by cluster.
        fixed: names of the columns of the blocks' `fixed`.
        family: mean and variance functions.
    """

    def __init__(self, blocks: CellBlocks, fixed: tuple[str, ...], family: Family) -> None:
        self.blocks, self.fixed, self.family = blocks, fixed, family
        self.centre = Centre.at(fixed, blocks.mean)
        self.rows = blocks.rows
        self.first: Integers = np.arange(len(blocks.rows), dtype=np.int64)

    @property
    def n_rows(self) -> float:
        """Rows in all."""
        return self.blocks.n_obs

    def sums(self, coefficients: Floats) -> ClusterSums:
        """Sums at these coefficients of the centred columns."""
        k, p = len(self.rows), len(self.fixed)
        zz, ze, ee = np.zeros((p, p)), np.zeros(p), 0.0
        z1, e1 = np.zeros((k, p)), np.zeros(k)
        for clusters, part in self._parts(coefficients):
            zz += part.zz
            ze += part.ze
            ee += part.ee
            z1[clusters] += part.z1
            e1[clusters] += part.e1
        return ClusterSums(zz, ze, ee, z1, e1, self.rows, self.first, lambda: self._products(coefficients))

    def reach(self, coefficients: Floats) -> float:
        """The largest linear predictor of any row or the distance between two, whichever is larger."""
        beta = self.centre.back @ coefficients
        lowest, highest = np.inf, -np.inf
        for cells in self.blocks.blocks():
            eta = cells.offset + cells.fixed @ beta
            lowest, highest = min(lowest, float(eta.min())), max(highest, float(eta.max()))
        return max(highest - lowest, abs(lowest), abs(highest))

    def _products(self, coefficients: Floats) -> tuple[Floats, Floats]:
        """(K, p, p) Σzz' and (K, p) Σze, in a pass of their own."""
        k, p = len(self.rows), len(self.fixed)
        zz, ze = np.zeros((k, p, p)), np.zeros((k, p))
        for clusters, part in self._parts(coefficients):
            more = part.products()
            zz[clusters] += more[0]
            ze[clusters] += more[1]
        return zz, ze

    def _parts(self, coefficients: Floats) -> Iterator[tuple[Integers, ClusterSums]]:
        """Of each block, the clusters that it has rows of, and its sums."""
        for cells in self.blocks.blocks():
            source = CellSums(cells, self.fixed, self.family, centre=self.centre)
            yield cells.codes[source.starts, 0], source.sums(coefficients)


def start_from_sample(design: Design, source: BlockSums) -> Floats | None:
    """Coefficients near enough to start from: maximum likelihood of a sample, or of all rows.

    None where neither has finite coefficients that can be told from endless ones: only all rows at once show
    whether covariates separate the outcome, and which.

    Args:
        design: the formula bound to the data.
        source: sums over the blocks.
    """
    sample = source.blocks.sample
    varies = np.ptp(sample.fixed, axis=0) > 0.0
    if all(varies[j] or name == INTERCEPT for j, name in enumerate(design.fixed)):  # no rare level is missing
        with suppress(EstimationError):  # a rare level separates the sample's outcomes
            return likelihood_of(sample, design, source.family, source.centre)
    taken = float(len(design.fixed))

    def evaluate(coefficients: Floats) -> EquationsEvaluation:
        sums = source.sums(coefficients)
        scale = sums.ee / (source.n_rows - taken)
        return EquationsEvaluation(scale, Independence().weigh(sums, scale, taken))

    found = solve(evaluate, _flat(design, source))
    if not found.converged or source.reach(found.coefficients) > SUSPECT:
        return None
    return found.coefficients


def _flat(design: Design, source: BlockSums) -> Floats:
    """No effects, and the intercept at the mean of all rows."""
    mean = source.blocks.total / source.n_rows
    level = {"gaussian": mean, "binomial": np.log(mean / (1.0 - mean)) if 0.0 < mean < 1.0 else 0.0}
    level["poisson"] = np.log(mean) if mean > 0.0 else 0.0
    return np.array([level[source.family.name] if name == INTERCEPT else 0.0 for name in design.fixed])
