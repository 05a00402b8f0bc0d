"""Block elimination against plain dense algebra."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.models.numerics.elimination import Elimination, GroupingFactor


def _problem(kind: str, seed: int = 3):
    """Codes, levels and columns of one structure; a small table of rows with random columns."""
    rng = np.random.default_rng(seed)
    n = 160
    if kind == "single":
        codes = rng.integers(0, 9, (n, 1))
        levels, columns = (9,), ((0, 1, 2),)
    elif kind == "scalar":
        codes = rng.integers(0, 9, (n, 1))
        levels, columns = (9,), ((0,),)
    elif kind == "part-of-the-columns":
        codes = rng.integers(0, 9, (n, 1))
        levels, columns = (9,), ((2, 0),)
    elif kind == "nested":
        patient = rng.integers(0, 40, n)
        codes = np.column_stack([patient // 10, patient // 2, patient])
        levels, columns = (4, 20, 40), ((0,), (0, 1), (1, 2))
    elif kind == "nested-shared-intercept":
        patient = rng.integers(0, 40, n)
        codes = np.column_stack([patient, patient // 10, patient // 2])
        levels, columns = (40, 4, 20), ((0,), (0,), (0,))
    elif kind == "absent-levels":
        patient = rng.integers(0, 20, n) * 2
        codes = np.column_stack([patient // 10, patient])
        levels, columns = (6, 43), ((0, 1), (0,))
    elif kind == "crossed":
        codes = np.column_stack([rng.integers(0, 7, n), rng.integers(0, 15, n), rng.integers(0, 4, n)])
        levels, columns = (7, 15, 4), ((0, 1), (0,), (2,))
    elif kind == "crossed-in-components":
        region = rng.integers(0, 5, n)
        codes = np.column_stack(
            [region * 4 + rng.integers(0, 4, n), region * 6 + rng.integers(0, 6, n), region]
        )
        levels, columns = (20, 30, 5), ((0, 1), (0, 2), (0,))
    elif kind == "nested-below-crossed":
        a, b = rng.integers(0, 6, n), rng.integers(0, 5, n)
        visit = (a * 5 + b) * 3 + rng.integers(0, 3, n)
        codes = np.column_stack([a, b, visit])
        levels, columns = (6, 5, 90), ((0,), (0, 1), (0, 2))
    else:
        raise AssertionError(kind)
    rows = np.column_stack([np.ones(n), rng.normal(size=(n, 2)) + 0.5])
    right = rng.normal(size=(n, 3))
    weight = rng.uniform(0.5, 2.0, n)
    return codes.astype(np.int64), levels, columns, rows, right, weight


def _covariances(columns, rng, singular: bool):
    result = []
    for each in columns:
        root = rng.normal(size=(len(each), len(each)))
        if singular:
            root[:, -1] = 0.0
        result.append(root @ root.T)
    return result


def _dense(codes, levels, columns, rows):
    """The indicator matrix Z, and the slice of each factor's effects in it."""
    blocks, where, at = [], [], 0
    for f, (n, own) in enumerate(zip(levels, columns, strict=True)):
        z = np.zeros((len(rows), n * len(own)))
        for k, column in enumerate(own):
            z[np.arange(len(rows)), codes[:, f] * len(own) + k] = rows[:, column]
        blocks.append(z)
        where.append(slice(at, at + z.shape[1]))
        at += z.shape[1]
    return np.hstack(blocks), where


KINDS = [
    "single",
    "scalar",
    "part-of-the-columns",
    "nested",
    "nested-shared-intercept",
    "absent-levels",
    "crossed",
    "crossed-in-components",
    "nested-below-crossed",
]


@pytest.mark.parametrize("singular", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_everything_agrees_with_dense_algebra(kind: str, singular: bool) -> None:
    codes, levels, columns, rows, right, weight = _problem(kind)
    rng = np.random.default_rng(8)
    covariance = _covariances(columns, rng, singular)
    plan = Elimination(
        codes, [GroupingFactor(n, own) for n, own in zip(levels, columns, strict=True)], rows.shape[1]
    )
    products = (weight[:, None] * rows)[:, :, None] * rows[:, None, :]
    sides = (weight[:, None] * rows)[:, :, None] * right[:, None, :]
    eliminated = plan.factorise(products, covariance)
    by_level = [rng.normal(size=(n, len(own), 3)) for n, own in zip(levels, columns, strict=True)]

    z, where = _dense(codes, levels, columns, rows)
    d = np.zeros((z.shape[1],) * 2)
    for f, n in enumerate(levels):
        d[where[f], where[f]] = np.kron(np.eye(n), covariance[f])
    inner = z.T @ (weight[:, None] * z)
    k = d @ np.linalg.inv(np.eye(len(d)) + inner @ d)
    assert eliminated.log_determinant == pytest.approx(
        np.linalg.slogdet(np.eye(len(d)) + inner @ d)[1], rel=1e-12
    )

    r = z.T @ (weight[:, None] * right)
    for extra in (None, by_level):
        wanted = r if extra is None else r + np.concatenate([each.reshape(-1, 3) for each in extra])
        b = k @ wanted
        got = eliminated.effects(sides, extra)
        for f in range(len(levels)):
            np.testing.assert_allclose(got.effects[f].reshape(-1, 3), b[where[f]], rtol=1e-9, atol=1e-11)
            np.testing.assert_allclose(
                got.scores[f].reshape(-1, 3), (wanted - inner @ b)[where[f]], rtol=1e-9, atol=1e-10
            )
        np.testing.assert_allclose(got.explained, wanted.T @ b, rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(np.einsum("nu,num->nm", rows, got.combined), z @ b, rtol=1e-9, atol=1e-10)

    information = inner - inner @ k @ inner
    posterior = eliminated.posterior(combined=True)
    for f, (n, own) in enumerate(zip(levels, columns, strict=True)):
        size = len(own)
        for got_blocks, dense in ((posterior.covariance[f], k), (posterior.information[f], information)):
            blocks = dense[where[f], where[f]].reshape(n, size, n, size)[np.arange(n), :, np.arange(n), :]
            np.testing.assert_allclose(got_blocks, blocks, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(
        np.einsum("nu,nuv,nv->n", rows, posterior.combined, rows),
        np.einsum("ni,ij,nj->n", z, k, z),
        rtol=1e-9,
        atol=1e-11,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_complex_step_differentiates_through_the_elimination(kind: str) -> None:
    """∂ log|V| / ∂D is the sum of Z_j'V⁻¹Z_j, whatever the structure."""
    codes, levels, columns, rows, _, weight = _problem(kind)
    covariance = _covariances(columns, np.random.default_rng(8), False)
    plan = Elimination(
        codes, [GroupingFactor(n, own) for n, own in zip(levels, columns, strict=True)], rows.shape[1]
    )
    products = (weight[:, None] * rows)[:, :, None] * rows[:, None, :]
    information = plan.factorise(products, covariance).posterior().information
    for f in range(len(levels)):
        moved = [each.astype(complex) for each in covariance]
        moved[f][-1, -1] += 1e-30j
        slope = plan.factorise(products, moved).log_determinant.imag / 1e-30
        assert slope == pytest.approx(float(information[f][:, -1, -1].sum()), rel=1e-11)


def test_a_chain_is_recognised_whatever_the_order_of_the_factors() -> None:
    codes, levels, columns, *_ = _problem("nested-shared-intercept")
    assert Elimination(
        codes, [GroupingFactor(n, c) for n, c in zip(levels, columns, strict=True)], 3
    ).is_chain
    codes, levels, columns, *_ = _problem("crossed")
    assert not Elimination(
        codes, [GroupingFactor(n, c) for n, c in zip(levels, columns, strict=True)], 3
    ).is_chain


def test_components_without_a_shared_level_stay_apart() -> None:
    codes, levels, columns, *_ = _problem("crossed-in-components")
    plan = Elimination(codes, [GroupingFactor(n, c) for n, c in zip(levels, columns, strict=True)], 3)
    assert plan._crossed is not None
    assert sum(batch.shape[0] for batch in plan._crossed.batches) == 5
