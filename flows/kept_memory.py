"""Memory of large arrays stays in the process."""

from __future__ import annotations

import ctypes
import sys

# glibc's malloc.h
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4
_ONE_GIB, _STEP = 1 << 30, 1 << 26


def keep_memory() -> None:
    """Let the C library keep what arrays are freed of, for the arrays to come, until the process ends.

    By default every array of more than 128 KiB is fetched from the system, cleared by it, and given back: of
    a month of the demo network state48 that is 7 of 43 CPU seconds, and the peak is no higher. Where the C
    library is another than glibc nothing is changed.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter, value in ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, _ONE_GIB), (_M_TOP_PAD, _STEP)):
            mallopt(parameter, value)
