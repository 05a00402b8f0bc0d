"""Products of long matrices, taken in chunks of rows that stay on one processor."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_ON_ONE_THREAD = 240_000
"""Multiplications below which OpenBLAS starts no threads (it does from 65,536 × 4). For products of few
columns over runs of rows that fit a cache, its threads cost up to twenty times what they save."""


def chunked_product(left: Floats, right: Floats) -> Floats:
    """(p, q) left right' of (p, n) and (q, n), in runs of rows short enough for one thread.

    The same sums in the same order on any machine with the same BLAS, whatever else runs there.
    """
    p, n = left.shape
    q = right.shape[0]
    step = max(1, _ON_ONE_THREAD // max(1, p * q))
    total = left[:, :step] @ right[:, :step].T
    for begin in range(step, n, step):
        total += left[:, begin : begin + step] @ right[:, begin : begin + step].T
    return np.asarray(total)
