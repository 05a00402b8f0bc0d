"""Chance in the choice of companions, drawn with a key that readers do not have.

Were the cheapest companion always taken, whoever has the program could run it on every value that a withheld
count may have, and keep those for which it withholds what was withheld: 8 would be known to be 7 to 9. So
units are compared by the logarithm of what they lose less a number drawn for each; one that loses half as
much again is taken a quarter of the time, one that loses four times as much one time in fifty. No value can
be excluded then. (Choosing by a cost with standard Gumbel noise is choosing with odds that are a power of
it: Luce 1959; Yellott 1977, theorem 5.)

A unit's number is made of the key and its name alone, so that the same companions are chosen from month to
month, for every outcome, and when a release is made again.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SPREAD = 0.35
_BYTES = 8


@dataclass(frozen=True, slots=True)
class Draw:
    """Numbers for names.

    Attributes:
        key: what only the network has; without one nothing is left to chance.
    """

    key: bytes = b""

    def luck(self, names: Sequence[str]) -> NDArray[np.float64]:
        """(N,) by how much each name's loss is thought smaller, as a logarithm; zero without a key."""
        if not self.key:
            return np.zeros(len(names))
        digests = (hmac.digest(self.key, name.encode(), hashlib.sha256)[:_BYTES] for name in names)
        share = np.array([(int.from_bytes(each) + 0.5) / 2.0 ** (8 * _BYTES) for each in digests])
        return np.asarray(-_SPREAD * np.log(-np.log(share)))
