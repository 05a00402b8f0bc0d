"""Products, inverses and log-determinants of many small matrices at once, real or complex.

NumPy's own batched routines, with 1 × 1 matrices done as the scalars they are: a random intercept has only
those, and BLAS costs ten times more than a division there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[Any]


def product(left: Numbers, right: Numbers) -> Numbers:
    """(…, i, k) · (…, k, j) → (…, i, j)."""
    if left.shape[-1] == 1:
        return np.asarray(left * right)
    return np.asarray(left @ right)


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
