"""Clusters that say the same, found once: cells that agree become one, and then clusters that agree.

The likelihood of a cell is linear in its outcome and trials at a given linear predictor, for every family
here, so cells of a cluster that agree in columns and offset are one with their sums. Two clusters with the
same cells have the same likelihood: with no covariates it depends on events and trials alone, and a thousand
clinics with a rare outcome are a few hundred kinds. Kinds stand in an order of their own, which does not
depend on that of clinics or rows, and so does every sum over them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from tasks.models.generalized_mixed.families import CellOutcome

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class ClusterCells:
    """What the likelihood of one scalar random effect reads.

    Attributes:
        x: (p, N) fixed-effect columns.
        z: (N,) random-effect column, or None for a random intercept.
        offset: (N,).
        outcome: the outcome of every cell.
        starts: (J + 1,) where each cluster's cells begin, and the end.
    """

    x: Floats
    z: Floats | None
    offset: Floats
    outcome: CellOutcome
    starts: Integers

    def merged(self) -> ClusterCells:
        """The same with cells of a cluster that agree in columns and offset added up."""
        cluster = np.repeat(np.arange(self.starts.size - 1), np.diff(self.starts))
        columns = [each for each in self.x if np.ptp(each) > 0.0]
        columns += [each for each in (self.z, self.offset) if each is not None and np.ptp(each) > 0.0]
        order = np.lexsort((*reversed(columns), cluster))
        differs = np.ones(cluster.size, dtype=bool)
        differs[1:] = np.diff(cluster) > 0  # the order leaves clusters where they are
        for column in columns:
            differs[1:] |= np.diff(column[order]) != 0.0
        first = np.flatnonzero(differs)
        kept = order[first]
        outcome = replace(
            self.outcome,
            y=np.add.reduceat(self.outcome.y[order], first),
            n=np.add.reduceat(self.outcome.n[order], first),
        )
        return ClusterCells(
            np.ascontiguousarray(self.x[:, kept]),
            None if self.z is None else self.z[kept],
            self.offset[kept],
            outcome,
            np.searchsorted(cluster[kept], np.arange(self.starts.size)),
        )

    def taken(self, clusters: Integers) -> ClusterCells:
        """Some of the clusters, in the order given."""
        sizes = np.diff(self.starts)[clusters]
        starts = np.concatenate(([0], np.cumsum(sizes)))
        rows = np.arange(starts[-1]) + np.repeat(self.starts[clusters] - starts[:-1], sizes)
        return ClusterCells(
            np.ascontiguousarray(self.x[:, rows]),
            None if self.z is None else self.z[rows],
            self.offset[rows],
            replace(self.outcome, y=self.outcome.y[rows], n=self.outcome.n[rows]),
            starts,
        )


@dataclass(frozen=True)
class ClusterKinds:
    """Distinct clusters, and how many there are of each.

    Attributes:
        cells: those of each kind once, merged.
        times: (D,) clusters of each kind.
        kind: (J,) the kind of every cluster.
        example: (D,) a cluster of each kind.
    """

    cells: ClusterCells
    times: Floats
    kind: Integers
    example: Integers

    @classmethod
    def of(cls, cells: ClusterCells) -> ClusterKinds:
        """The kinds of these clusters, in an order that depends on what they hold and on nothing else."""
        merged = cells.merged()
        parts = [*merged.x, merged.offset, merged.outcome.y, merged.outcome.n]
        if merged.z is not None:
            parts.append(merged.z)
        held = np.ascontiguousarray(np.vstack(parts).T) + 0.0  # minus zero is zero
        digests = np.array(
            [
                blake2b(held[begin:end].tobytes(), digest_size=16).hexdigest()
                for begin, end in zip(merged.starts[:-1], merged.starts[1:], strict=True)
            ]
        )
        _, example, kind, times = np.unique(
            digests, return_index=True, return_inverse=True, return_counts=True
        )
        return cls(merged.taken(example), times.astype(float), kind, example)
