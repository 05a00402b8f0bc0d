"""Elimination of crossed factors: the largest analytically, the others densely by connected component.

Patients attend several clinics, students rate several lecturers: no factor nests in the others. The factor
with most levels (the pivot) is still block-diagonal given the rest, so it is eliminated level by level; the
Schur complement of the others is split into connected components (clinics that share no patient, directly or
through others, stay apart) and each is factorised densely. Components with the same make-up are done as one
batch. Everything is written with (I + S D)⁻¹, so D may be singular, or complex.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse
from scipy.sparse import csgraph

from tasks.errors import EstimationError
from tasks.models.numerics.small_matrices import gram, inverse, log_determinant, product, transposed

Numbers = NDArray[Any]
Integers = NDArray[np.int64]

_LARGEST_COMPONENT = 15_000
_CHUNK = 4_000_000


@dataclass(frozen=True, slots=True)
class _Batch:
    """Components with equally many levels of each remaining factor.

    Attributes:
        nodes: (k, r) the effects of each component, by factor, then column, then level.
        spans: per remaining factor and column, where its levels are in 0 … r.
        start: where the batch begins in the buffer of all components' matrices.
    """

    nodes: Integers
    spans: tuple[tuple[slice, ...], ...]
    start: int

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.nodes.shape[0], self.nodes.shape[1], self.nodes.shape[1]

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))


class Crossed:
    """The pattern of two or more crossed factors.

    Args:
        codes: (C, F) distinct combinations of their levels.
        n_levels: levels of each factor.
        columns: per factor, which of the u random columns have an effect by it.
        n_columns: u.

    Raises:
        EstimationError: one connected component is too large to be solved densely.
    """

    def __init__(
        self,
        codes: Integers,
        n_levels: Sequence[int],
        columns: Sequence[tuple[int, ...]],
        n_columns: int,
    ) -> None:
        self.codes = codes
        self.n_levels = tuple(n_levels)
        self.n_columns = n_columns
        self.columns = tuple(np.array(each, dtype=np.int64) for each in columns)
        self.pivot = max(range(len(n_levels)), key=lambda f: n_levels[f])
        self.others = tuple(f for f in range(len(n_levels)) if f != self.pivot)
        self.offsets: dict[int, int] = {}
        at = 0
        for f in self.others:
            self.offsets[f] = at
            at += self.n_levels[f] * len(self.columns[f])
        self.n_nodes = at
        # which node each combination's effect by each other factor (and column) is
        self.positions = np.concatenate([self.columns[f] for f in self.others])
        self.nodes = np.concatenate(
            [
                self.offsets[f] + codes[:, [f]] * len(self.columns[f]) + np.arange(len(self.columns[f]))
                for f in self.others
            ],
            axis=1,
        )
        self._components()

    def _components(self) -> None:
        n_pivot = self.n_levels[self.pivot]
        rows = np.repeat(self.codes[:, self.pivot], self.nodes.shape[1])
        links = sparse.coo_matrix(
            (np.ones(len(rows)), (rows, n_pivot + self.nodes.ravel())), shape=(n_pivot + self.n_nodes,) * 2
        )
        # the columns of one level are one component even where no row says so
        for f in self.others:
            d = len(self.columns[f])
            if d > 1:
                first = n_pivot + self.offsets[f] + d * np.arange(self.n_levels[f])
                for k in range(1, d):
                    tie = (np.ones(len(first)), (first, first + k))
                    links = links + sparse.coo_matrix(tie, shape=links.shape)
        found = csgraph.connected_components(links, directed=False)[1][n_pivot:]
        label = np.unique(found, return_inverse=True)[1]
        n_components = int(label.max()) + 1
        largest = int(np.bincount(label).max())
        if largest > _LARGEST_COMPONENT:
            raise EstimationError(
                f"the crossed random effects leave {largest:,} effects that are all tied together, "
                f"more than the {_LARGEST_COMPONENT:,} that can be solved at once",
                hint="leave out the random term with the second most levels, or fit the model by region",
            )
        counts = np.zeros((n_components, len(self.others)), dtype=np.int64)
        for k, f in enumerate(self.others):
            d = len(self.columns[f])
            own = label[self.offsets[f] : self.offsets[f] + d * self.n_levels[f] : d]
            counts[:, k] = np.bincount(own, minlength=n_components)
        makeups, makeup = np.unique(counts, axis=0, return_inverse=True)
        makeup = makeup.reshape(-1)
        self.batches: list[_Batch] = []
        self._component_start = np.zeros(self.n_nodes, dtype=np.int64)
        self._component_size = np.zeros(self.n_nodes, dtype=np.int64)
        self._place = np.zeros(self.n_nodes, dtype=np.int64)
        start = 0
        for shape, levels in enumerate(makeups):
            members = np.flatnonzero(makeup == shape)
            rank = np.full(n_components, -1, dtype=np.int64)
            rank[members] = np.arange(len(members))
            pieces, spans, at = [], [], 0
            for k, f in enumerate(self.others):
                d, count = len(self.columns[f]), int(levels[k])
                first = self.offsets[f] + d * np.arange(self.n_levels[f])
                mine = first[rank[label[first]] >= 0]
                mine = mine[np.argsort(rank[label[mine]], kind="stable")].reshape(len(members), count)
                pieces += [mine + column for column in range(d)]
                spans.append(tuple(slice(at + c * count, at + (c + 1) * count) for c in range(d)))
                at += d * count
            batch = _Batch(np.concatenate(pieces, axis=1), tuple(spans), start)
            self.batches.append(batch)
            self._place[batch.nodes] = np.arange(at)
            self._component_size[batch.nodes] = at
            self._component_start[batch.nodes] = start + (np.arange(len(members)) * at * at)[:, None]
            start += batch.size
        self.buffer_size = start

    def locate(self, rows: Integers, columns: Integers) -> Integers:
        """Where the entries (row node, column node) of one component are in the buffer."""
        return np.asarray(
            self._component_start[rows]
            + self._place[rows] * self._component_size[rows]
            + self._place[columns]
        )

    def factorise(self, products: Numbers, covariance: Sequence[Numbers]) -> CrossedFactor:
        """Eliminate all factors: `products` (C, u, u) cross-products, `covariance` D per factor."""
        return CrossedFactor(self, products, tuple(covariance))


class CrossedFactor:
    """Z'WZ + D⁻¹ of crossed factors, eliminated."""

    def __init__(self, plan: Crossed, products: Numbers, covariance: tuple[Numbers, ...]) -> None:
        self.plan = plan
        self.products = products
        self.covariance = covariance
        pivot, n_pivot = plan.pivot, plan.n_levels[plan.pivot]
        own = plan.columns[pivot]
        d = covariance[pivot]
        level = plan.codes[:, pivot]
        self.inner = _add_at(products[:, own[:, None], own], level, n_pivot)
        system = product(d, self.inner)
        diagonal = np.arange(len(own))
        system[:, diagonal, diagonal] += 1.0
        self.shrink = inverse(system)
        self.alone = product(self.shrink, d)
        self.coupling = products[:, plan.positions[:, None], own]
        self.coupling_matrix = self._sparse(self.coupling)
        complement = self._complement()
        self.log_determinant: Any = log_determinant(system).sum()
        self.solved = np.empty(plan.buffer_size, dtype=complement.dtype)
        self.spread = np.empty(plan.buffer_size, dtype=complement.dtype)
        for batch in plan.batches:
            here = slice(batch.start, batch.start + batch.size)
            block = complement[here].reshape(batch.shape)
            solved, logarithm = _inverse_and_log_determinant(self._times_covariance(block, batch))
            self.log_determinant = self.log_determinant + logarithm
            self.solved[here] = solved.ravel()
            self.spread[here] = self._covariance_times(solved, batch).ravel()
        self.complement = complement

    def effects(
        self, products: Numbers, by_level: Sequence[Numbers | None] | None
    ) -> tuple[list[Numbers], list[Numbers], Numbers, Numbers]:
        """Posterior means and scores per factor, the combined effects (C, u, m), and what they explain."""
        plan, m = self.plan, products.shape[-1]
        pivot = plan.pivot
        own, level, n_pivot = plan.columns[pivot], plan.codes[:, pivot], plan.n_levels[pivot]
        wanted = _add_at(products[:, own, :], level, n_pivot)
        if by_level is not None and by_level[pivot] is not None:
            wanted = wanted + by_level[pivot]
        first = product(self.alone, wanted)
        explained = gram(wanted.reshape(-1, m), first.reshape(-1, m))
        left = products[:, plan.positions, :] - product(self.coupling, first[level])
        onward = _add_at(left.reshape(-1, m), plan.nodes.ravel(), plan.n_nodes)
        for f in plan.others if by_level is not None else ():
            extra = by_level[f] if by_level is not None else None
            if extra is not None:
                d = len(plan.columns[f])
                span = slice(plan.offsets[f], plan.offsets[f] + d * plan.n_levels[f])
                onward[span] += extra.reshape(-1, m)
        rest = np.zeros_like(onward)
        rest_score = np.zeros_like(onward)
        for batch in plan.batches:
            here = slice(batch.start, batch.start + batch.size)
            mine = onward[batch.nodes]
            rest[batch.nodes] = self.spread[here].reshape(batch.shape) @ mine
            rest_score[batch.nodes] = self.solved[here].reshape(batch.shape) @ mine
        explained = explained + onward.T @ rest
        at_rows = rest[plan.nodes]
        wanted = wanted - _add_at(product(transposed(self.coupling), at_rows), level, n_pivot)
        pivot_score = product(transposed(self.shrink), wanted)
        pivot_effect = product(self.covariance[pivot], pivot_score)
        combined = np.zeros((len(products), plan.n_columns, m), dtype=pivot_effect.dtype)
        combined[:, own, :] = pivot_effect[level]
        for k, position in enumerate(plan.positions):
            combined[:, position, :] += at_rows[:, k, :]
        effects: list[Numbers] = [np.empty(0)] * len(plan.columns)
        scores: list[Numbers] = [np.empty(0)] * len(plan.columns)
        effects[pivot], scores[pivot] = pivot_effect, pivot_score
        for f in plan.others:
            d = len(plan.columns[f])
            span = slice(plan.offsets[f], plan.offsets[f] + d * plan.n_levels[f])
            effects[f] = rest[span].reshape(-1, d, m)
            scores[f] = rest_score[span].reshape(-1, d, m)
        return effects, scores, combined, explained

    def posterior(self, combined: bool) -> tuple[list[Numbers], list[Numbers], Numbers | None]:
        """Per factor the conditional covariances and Z_j'V⁻¹Z_j by level; `combined` by combination."""
        plan, pivot = self.plan, self.plan.pivot
        level, n_pivot = plan.codes[:, pivot], plan.n_levels[pivot]
        covariances: list[Numbers] = [np.empty(0)] * len(plan.columns)
        informations: list[Numbers] = [np.empty(0)] * len(plan.columns)
        passed = self._coupling_times_spread()
        through = _add_at(product(passed, self.coupling), level, n_pivot)
        through = 0.5 * (through + transposed(through))
        covariances[pivot] = self.alone + product(product(self.alone, through), self.alone)
        informations[pivot] = product(transposed(self.shrink), self.inner - product(through, self.shrink))
        for f in plan.others:
            d = len(plan.columns[f])
            nodes = plan.offsets[f] + np.arange(plan.n_levels[f] * d).reshape(-1, d)
            covariances[f] = self.spread[plan.locate(nodes[:, :, None], nodes[:, None, :])]
            informations[f] = self._rest_information(nodes)
        if not combined:
            return covariances, informations, None
        total = np.zeros((len(level), plan.n_columns, plan.n_columns), dtype=self.spread.dtype)
        own = plan.columns[pivot]
        total[:, own[:, None], own] = covariances[pivot][level]
        rest = self.spread[plan.locate(plan.nodes[:, :, None], plan.nodes[:, None, :])]
        cross = -product(self.alone[level], passed)
        for k, position in enumerate(plan.positions):
            total[:, own, position] += cross[:, :, k]
            total[:, position, own] += cross[:, :, k]
            for q, other in enumerate(plan.positions):
                total[:, position, other] += rest[:, k, q]
        return covariances, informations, total

    def _sparse(self, entries: Numbers) -> sparse.csr_array:
        """(pivot effects, nodes) sparse matrix of (C, nodes of a combination, d) entries."""
        plan = self.plan
        d = entries.shape[-1]
        rows = plan.codes[:, plan.pivot][:, None, None] * d + np.arange(d)
        rows = np.broadcast_to(rows, entries.shape)
        columns = np.broadcast_to(plan.nodes[:, :, None], entries.shape)
        shape = (plan.n_levels[plan.pivot] * d, plan.n_nodes)
        matrix = sparse.coo_array((entries.ravel(), (rows.ravel(), columns.ravel())), shape=shape)
        return matrix.tocsr()

    def _complement(self) -> Numbers:
        """Z'V₁⁻¹Z of the other factors, V₁ with the pivot's effects alone, as a buffer of components."""
        plan = self.plan
        level = plan.codes[:, plan.pivot]
        plain = self.products[:, plan.positions[:, None], plan.positions]
        where = plan.locate(plan.nodes[:, :, None], plan.nodes[:, None, :])
        buffer = _add_at(plain.ravel(), where.ravel(), plan.buffer_size)
        weighted = self._sparse(product(self.coupling, self.alone[level]))
        taken = (weighted.T @ self.coupling_matrix).tocoo()
        # a sparse product has each entry once
        where = plan.locate(taken.row.astype(np.int64), taken.col.astype(np.int64))
        buffer = buffer.astype(taken.data.dtype, copy=False)
        buffer[where] -= taken.data
        return buffer

    def _times_covariance(self, block: Numbers, batch: _Batch) -> Numbers:
        """I + S D for a batch of components."""
        result = np.zeros(batch.shape, dtype=np.result_type(block, *self.covariance))
        for spans, f in zip(batch.spans, self.plan.others, strict=True):
            d = self.covariance[f]
            for a, source in enumerate(spans):
                for b, target in enumerate(spans):
                    result[:, :, target] += block[:, :, source] * d[a, b]
        diagonal = np.arange(batch.shape[1])
        result[:, diagonal, diagonal] += 1.0
        return result

    def _covariance_times(self, block: Numbers, batch: _Batch) -> Numbers:
        """D X for a batch of components."""
        result = np.zeros_like(block)
        for spans, f in zip(batch.spans, self.plan.others, strict=True):
            d = self.covariance[f]
            for a, target in enumerate(spans):
                for b, source in enumerate(spans):
                    result[:, target, :] += d[a, b] * block[:, source, :]
        return result

    def _rest_information(self, nodes: Integers) -> Numbers:
        """(n, d, d) diagonal blocks of (I + S D)⁻¹ S at the given (n, d) nodes."""
        result = np.empty((*nodes.shape, nodes.shape[1]), dtype=self.solved.dtype)
        for batch in self.plan.batches:
            here = slice(batch.start, batch.start + batch.size)
            solved = self.solved[here].reshape(batch.shape)
            complement = self.complement[here].reshape(batch.shape)
            f = next(k for k, each in enumerate(self.plan.others) if nodes[0, 0] == self.plan.offsets[each])
            spans = batch.spans[f]
            if spans[0].start == spans[0].stop:
                continue
            d = len(spans)
            levels = (batch.nodes[:, spans[0]] - nodes[0, 0]) // d
            for a in range(d):
                for b in range(d):
                    # S is symmetric, so its columns are read as rows
                    result[levels, a, b] = np.einsum(
                        "kij,kij->ki", solved[:, spans[a], :], complement[:, spans[b], :]
                    )
        return 0.5 * (result + transposed(result))

    def _coupling_times_spread(self) -> Numbers:
        """(C, d, nodes of a combination): rows of G'K for the pivot's level, at the combination's nodes."""
        plan = self.plan
        d = self.coupling.shape[-1]
        level = plan.codes[:, plan.pivot]
        result = np.empty((len(level), d, plan.nodes.shape[1]), dtype=self.spread.dtype)
        if len(plan.batches) == 1 and plan.batches[0].shape[0] == 1:
            batch = plan.batches[0]
            spread = self.spread.reshape(batch.shape[1:])
            place = plan._place
            reordered = self.coupling_matrix[:, batch.nodes[0]]
            step = max(1, _CHUNK // (batch.shape[1] * d))
            order = np.argsort(level, kind="stable")
            bounds = np.searchsorted(level[order], np.arange(0, plan.n_levels[plan.pivot] + step, step))
            for k in range(len(bounds) - 1):
                rows = order[bounds[k] : bounds[k + 1]]
                dense = reordered[k * step * d : (k + 1) * step * d] @ spread
                at = (level[rows] - k * step)[:, None] * d + np.arange(d)
                result[rows] = dense[at[:, :, None], place[plan.nodes[rows]][:, None, :]]
            return result
        sources = [np.repeat(batch.nodes, batch.shape[1], axis=1).ravel() for batch in plan.batches]
        targets = [np.tile(batch.nodes, (1, batch.shape[1])).ravel() for batch in plan.batches]
        spread_matrix = sparse.csr_array(
            sparse.coo_array(
                (self.spread, (np.concatenate(sources), np.concatenate(targets))),
                shape=(plan.n_nodes, plan.n_nodes),
            )
        )
        matrix = sparse.csr_array(self.coupling_matrix @ spread_matrix)
        for a in range(d):
            at = np.broadcast_to((level * d + a)[:, None], plan.nodes.shape)
            result[:, a, :] = np.asarray(matrix[at.ravel(), plan.nodes.ravel()]).reshape(plan.nodes.shape)
        return result


def _inverse_and_log_determinant(matrices: Numbers) -> tuple[Numbers, Any]:
    """Inverses of (k, r, r) matrices and the sum of their log-determinants, from one factorisation."""
    if matrices.shape[0] > 1 or matrices.shape[1] < 8:
        return inverse(matrices), log_determinant(matrices).sum()
    factors, pivots = linalg.lu_factor(matrices[0], check_finite=False)
    # the determinant is positive: row exchanges and negative pivots cancel in pairs
    diagonal = np.diag(factors)
    logarithm = np.log(np.where(diagonal.real < 0.0, -diagonal, diagonal)).sum()
    find: Any = linalg.get_lapack_funcs
    getri, workspace = find(("getri", "getri_lwork"), (factors,))
    room = int(workspace(len(factors))[0].real)
    inverted, _ = getri(factors, pivots, lwork=room, overwrite_lu=True)
    return inverted[None], logarithm


def _add_at(values: Numbers, where: Integers, size: int) -> Numbers:
    """(size, …) sums of (rows, …) values by position."""
    flat = values.reshape(len(values), -1)
    if np.iscomplexobj(flat):
        result = np.empty((size, flat.shape[1]), dtype=complex)
        for k in range(flat.shape[1]):
            result[:, k] = np.bincount(where, flat[:, k].real, size) + 1j * np.bincount(
                where, flat[:, k].imag, size
            )
    else:
        result = np.empty((size, flat.shape[1]))
        for k in range(flat.shape[1]):
            result[:, k] = np.bincount(where, flat[:, k], size)
    return result.reshape(size, *values.shape[1:])
