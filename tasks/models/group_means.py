"""Cluster means as columns, added to moments without reading a row.

The mean of a covariate in cluster g is s_g/n_g, and a column that is constant within a cluster has products
with every other column that are its value times that column's sum: so the moments of (covariates, their
cluster means) follow from the moments of the covariates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tasks.models.fit import Floats
from tasks.records.design import Design, RandomTerm
from tasks.records.moments import INTERCEPT, Moments

MEAN = "_mean"


def with_means(
    design: Design, moments: Moments, names: Sequence[str], *, centred: bool = False
) -> tuple[Design, Moments]:
    """Add the cluster means of some columns (named `x_mean`), and a random intercept by cluster.

    Args:
        design, moments: by cluster (the first factor), perhaps by finer groups too.
        names: fixed-effect columns whose means are added, after the formula's own columns.
        centred: whether the columns themselves become deviations from their cluster means.
    """
    cluster = moments.codes[:, 0]
    k, q, last = len(moments.levels[0]), len(moments.columns), len(moments.columns) - 1
    columns = moments.position(*names)
    n = np.bincount(cluster, moments.n, minlength=k)
    sums = np.zeros((k, len(names)))
    np.add.at(sums, cluster, moments.products[:, 0, columns])
    # about the same reference point as the columns themselves
    means = (sums / n[:, None])[cluster]
    m = len(names)
    products = np.zeros((len(moments.products), q + m, q + m))
    old = np.concatenate([np.arange(last), [last + m]])
    new = np.arange(last, last + m)
    products[:, old[:, None], old] = moments.products
    crossed = means[:, :, None] * moments.products[:, 0, None, :]
    products[:, new[:, None], old] = crossed
    products[:, old[:, None], new] = crossed.transpose(0, 2, 1)
    products[:, new[:, None], new] = moments.n[:, None, None] * means[:, :, None] * means[:, None, :]
    reference = np.concatenate(
        [moments.reference[:last], moments.reference[columns], moments.reference[last:]]
    )
    added = tuple(name + MEAN for name in names)
    if centred:
        turn = np.eye(q + m)
        turn[columns, new] = -1.0
        products = turn @ products @ turn.T
        reference[columns] = 0.0
    widened = replace(
        moments,
        columns=(*moments.columns[:last], *added, moments.columns[last]),
        reference=reference,
        products=products,
    )
    group = moments.factors[0]
    sources = {**design.sources, **{name + MEAN: design.sources.get(name, (name,)) for name in names}}
    return (
        replace(
            design,
            formula=f"{design.formula} + cluster means of {', '.join(names)} + (1 | {group})",
            fixed=(*design.fixed, *added),
            random=(RandomTerm(group, (INTERCEPT,)),),
            sources=sources,
            spec=None,
        ),
        widened,
    )


def least_squares(moments: Moments, fixed: Sequence[str]) -> tuple[Floats, Floats, Floats]:
    """Pooled regression on columns that include the constant, with what its sandwich needs.

    Returns:
        (p,) coefficients about the reference point, (K, p, p) information and (K, p) score per cluster.
    """
    columns, last = moments.position(*fixed), len(moments.columns) - 1
    first = np.flatnonzero(np.diff(moments.codes[:, 0], prepend=-1))
    products = np.add.reduceat(moments.products, first, axis=0)
    xx, xy = products[:, columns[:, None], columns], products[:, columns, last]
    b = np.linalg.solve(xx.sum(axis=0), xy.sum(axis=0))
    return b, xx, xy - xx @ b
