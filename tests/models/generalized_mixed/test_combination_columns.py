"""Sums over columns that are one number in each combination of levels are those over their cells."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.models.generalized_mixed.combination_columns import CellColumns, CombinationRuns, RandomColumns

Floats = NDArray[np.float64]

SIZES = np.array([3, 1, 7, 2, 5])
RUNS = CombinationRuns(np.concatenate(([0], np.cumsum(SIZES))))
N = int(SIZES.sum())


def columns(shared: tuple[bool, ...]) -> Floats:
    """(p, N) columns, those that are shared one number in each combination."""
    rng = np.random.default_rng(1)
    return np.array([np.repeat(rng.normal(size=5), SIZES) if one else rng.normal(size=N) for one in shared])


def by_combination(cells: Floats) -> Floats:
    """(…, C) sums of (…, N), one combination after another."""
    ends = np.cumsum(SIZES)
    return np.stack([cells[..., e - n : e].sum(axis=-1) for e, n in zip(ends, SIZES, strict=True)], axis=-1)


@pytest.mark.parametrize(
    "shared", [(True, False, True), (False, False), (True, True)], ids=["both", "cellwise", "shared"]
)
def test_columns(shared: tuple[bool, ...]) -> None:
    x = columns(shared)
    rng = np.random.default_rng(2)
    weights, coefficients = rng.uniform(0.5, 2.0, N), rng.normal(size=len(x))
    found = CellColumns.of(x, RUNS)
    assert found.shared_at.tolist() == np.flatnonzero(shared).tolist()
    assert found.size == len(x)
    np.testing.assert_allclose(found.predictor(coefficients), coefficients @ x, rtol=1e-13)
    np.testing.assert_allclose(found.totals(weights), x @ weights, rtol=1e-12)
    np.testing.assert_allclose(found.products(weights), (x * weights) @ x.T, rtol=1e-12)
    np.testing.assert_allclose(found.sums(weights), by_combination(x * weights), rtol=1e-12)


@pytest.mark.parametrize("shared", [(True, False), (False, False), (True, True)])
@pytest.mark.parametrize("constant", [True, False])
def test_random_columns(shared: tuple[bool, ...], constant: bool) -> None:
    """With a constant, which is written as None, and without."""
    z = columns(shared)
    listed: list[Floats | None] = [*z]
    if constant:
        listed, z = [None, *listed], np.vstack([np.ones(N), z])
    u, x = len(z), columns((False, True, False))
    rng = np.random.default_rng(3)
    weights, effects, root = rng.uniform(0.5, 2.0, N), rng.normal(size=(5, u)), rng.normal(size=(5, u, u))
    covariance = root @ root.transpose(0, 2, 1)
    found = RandomColumns.of(listed, RUNS)
    assert found.shared == ((True,) if constant else ()) + shared
    np.testing.assert_allclose(
        found.predictor(effects), (np.repeat(effects, SIZES, axis=0).T * z).sum(axis=0), rtol=1e-12
    )
    np.testing.assert_allclose(found.sums(weights), by_combination(z * weights).T, rtol=1e-12)
    pairs = by_combination(z[:, None] * z[None] * weights)
    np.testing.assert_allclose(found.products(weights), pairs.transpose(2, 0, 1), rtol=1e-12)
    with_fixed = by_combination(z[:, None] * x[None] * weights)
    crossed = found.crossed(CellColumns.of(x, RUNS), weights)
    np.testing.assert_allclose(crossed, with_fixed.transpose(2, 0, 1), rtol=1e-12)
    leverage = np.einsum("in,nij,jn->n", z, np.repeat(covariance, SIZES, axis=0), z)
    np.testing.assert_allclose(found.quadratic(covariance), leverage, rtol=1e-11)
