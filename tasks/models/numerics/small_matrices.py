"""Products, inverses and log-determinants of many small matrices at once, real or complex.

NumPy's own batched routines, with 1 × 1 matrices done as the scalars they are: a random intercept has only
those, and BLAS costs ten times more than a division there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[Any]

_UNTHREADED = 200_000  # multiplications


def product(left: Numbers, right: Numbers) -> Numbers:
    """(…, i, k) · (…, k, j) → (…, i, j)."""
    if left.shape[-1] == 1:
        return np.asarray(left * right)
    return np.asarray(left @ right)


def gram(left: Numbers, right: Numbers) -> Numbers:
    """Σ_n left_n right_n' of (n, i) and (n, j) rows → (i, j).

    In blocks below the size from which BLAS starts threads: these products are small and many, and on a
    busy machine each would wait for a second processor longer than it computes.
    """
    n = len(left)
    step = max(1, _UNTHREADED // max(1, left.shape[1] * right.shape[1]))
    blocks = n // step
    if blocks < 2:
        return np.asarray(left.T @ right)
    whole = blocks * step
    result = np.matmul(
        left[:whole].reshape(blocks, step, -1).swapaxes(1, 2), right[:whole].reshape(blocks, step, -1)
    ).sum(axis=0)
    if whole < n:
        result += left[whole:].T @ right[whole:]
    return np.asarray(result)


def transposed(matrices: Numbers) -> Numbers:
    """(…, i, j) → (…, j, i); plain transpose, no conjugate."""
    return np.swapaxes(matrices, -1, -2)


def inverse(matrices: Numbers) -> Numbers:
    """Inverses of (…, d, d) matrices."""
    if matrices.shape[-1] == 1:
        return np.asarray(1.0 / matrices)
    return np.asarray(np.linalg.inv(matrices))


def log_determinant(matrices: Numbers) -> Numbers:
    """(…) log-determinants of (…, d, d) matrices with positive determinant (or near one)."""
    if matrices.shape[-1] == 1:
        return np.asarray(np.log(matrices[..., 0, 0]))
    sign, logarithm = np.linalg.slogdet(matrices)
    if np.iscomplexobj(matrices):
        return np.asarray(logarithm + np.log(sign))
    return np.asarray(logarithm)
