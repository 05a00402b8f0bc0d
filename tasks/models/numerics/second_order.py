"""What an optimiser reads of a function at one place: its value, gradient and Hessian."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class SecondOrder(Protocol):
    """A function at one place; derivatives may be worked out when first asked for."""

    @property
    def value(self) -> float:
        """The function."""
        ...

    @property
    def gradient(self) -> Floats:
        """(m,) its first derivatives."""
        ...

    @property
    def hessian(self) -> Floats:
        """(m, m) its second derivatives, or an approximation."""
        ...


class SecondOrderAt(SecondOrder, Protocol):
    """The same, with the place itself."""

    @property
    def parameters(self) -> Floats:
        """(m,) the place."""
        ...
