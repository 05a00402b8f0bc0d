"""What the reader of a linear mixed model must know of its fit."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tasks.models.fit import VarianceComponents
from tasks.models.linear_mixed.lmm_optimum import Optimum

_FEW = 6
_NO_INFORMATION = 1e-9


def messages_of(optimum: Optimum, varcomp: VarianceComponents, levels: Mapping[str, int]) -> tuple[str, ...]:
    """Sentences about the boundary, undetermined variances, few groups and convergence."""
    said: list[str] = []
    if not optimum.converged:
        said.append(
            f"the search for the variances stopped after {optimum.record.iterations} steps without meeting "
            "its test; rescale covariates with extreme values or simplify the random terms"
        )
    data = optimum.point.criterion.data
    for f, group in enumerate(data.groups):
        relative = optimum.point.covariance[f]
        for term in group.terms:
            own = relative[np.ix_(term, term)]
            names = [group.columns[k] for k in term]
            zero = [name for name, value in zip(names, np.diag(own), strict=True) if value <= 0.0]
            said += [f"the variance of {name} by {group.group} is estimated as zero" for name in zero]
            rest = np.flatnonzero(np.diag(own) > 0.0)
            if len(rest) > 1:
                sd = np.sqrt(np.diag(own)[rest])
                smallest = np.linalg.eigvalsh(own[np.ix_(rest, rest)] / np.outer(sd, sd))[0]
                if smallest < 1e-9:
                    tied = " and ".join(names[k] for k in rest)
                    said.append(
                        f"the effects {tied} by {group.group} are estimated as exactly tied to each other "
                        f"(correlation of ±1 or a singular covariance); a simpler term may do"
                    )
        if levels[group.group] < _FEW:
            said.append(
                f"only {levels[group.group]} levels of {group.group}: their variance is very imprecise"
            )
    return (*said, *_undetermined(optimum))


def _undetermined(optimum: Optimum) -> list[str]:
    """A sentence if a combination of variances changes nothing: the information about it is zero."""
    criterion = optimum.point.criterion
    if criterion.shape.size < 2:
        return []
    information = optimum.point.average_quadratic
    size = np.sqrt(np.diag(information))
    if not np.all(size > 0.0):
        return []
    values, vectors = np.linalg.eigh(information / np.outer(size, size))
    if values[0] > _NO_INFORMATION:
        return []
    names: dict[str, None] = {}
    for weight, (factor, row, column) in zip(vectors[:, 0], criterion.shape.entries, strict=True):
        if abs(weight) > 0.1:
            group = criterion.data.groups[factor]
            for k in (row, column):
                names[f"{group.columns[k]} by {group.group}"] = None
    return [
        f"the data do not tell the variances and covariances of {', '.join(names)} apart: other values fit "
        "equally well, and those given are one choice"
    ]
