"""Matrix products on one thread of the processor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Let the matrix library use one thread within the block, whatever the number of cores.

    Sums that are split over threads are added in another order, so that their last digits would depend on the
    machine that a month is reported on. The matrices of a network (a few coefficients, a few levels) are also
    so small that threads wait for each other longer than they work: a month of the demo network state48 takes
    34 CPU seconds instead of 60, and less time by the clock as well.
    """
    import scipy.linalg  # noqa: F401  (only libraries that are loaded can be told)
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        yield
