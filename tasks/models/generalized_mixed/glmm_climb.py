"""The maximum of a generalized linear mixed model's likelihood, whatever its random effects."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.models.generalized_mixed.glmm_cells import ArrangedCells
from tasks.models.generalized_mixed.glmm_maximum import Maximum
from tasks.models.generalized_mixed.grouped_climb import maximise_grouped
from tasks.models.generalized_mixed.scalar_climb import maximise_scalar
from tasks.models.generalized_mixed.start_values import start_values

Floats = NDArray[np.float64]


def maximise_sized(cells: ArrangedCells, poisson: Maximum, nodes: int | None) -> Maximum | None:
    """The maximum of a negative binomial's likelihood, from the Poisson model's; None where that is higher.

    Where the likelihood falls as 1/size leaves zero, the Poisson model is the maximum: the counts vary no
    more than it allows.

    Args:
        cells: arranged for the negative binomial.
        poisson: the maximum of the Poisson model of the same cells.
        nodes: as `maximise`.
    """
    nearly = np.log(1e6 * (1.0 + cells.outcome.counts[0].max()))
    at = np.concatenate((poisson.parameters, [nearly]))
    likelihood = cells.scalar(poisson.nodes) if cells.is_scalar else cells.grouped()
    if likelihood.evaluate(at, 1).gradient[-1] >= 0.0:
        return None
    at[-1] = start_values(cells)[-1]
    return maximise(cells, at, nodes)


def maximise(cells: ArrangedCells, start: Floats, nodes: int | None) -> Maximum:
    """The maximum of the Laplace likelihood or of the quadrature likelihood with so many nodes.

    Args:
        cells: arranged cells.
        start: where to begin, e.g. `start_values(cells)`.
        nodes: 1 for Laplace, k for k nodes, None for as many as it takes.
    """
    return maximise_scalar(cells, start, nodes) if cells.is_scalar else maximise_grouped(cells, start)
