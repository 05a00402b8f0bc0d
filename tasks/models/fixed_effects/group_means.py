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
from tasks.records.design import Design, RandomTerm, unused_name
from tasks.records.moments import INTERCEPT, Moments

MEAN = "_mean"


def with_means(
    design: Design, moments: Moments, names: Sequence[str], *, centred: bool = False
) -> tuple[Design, Moments]:
    """Add the cluster means of some columns (named `x_mean`), and a random intercept by cluster.

    The means come last in the design, in the order of `names`; where `x_mean` is a column already, the mean
    is `x_mean (2)`.

    Args:
        design, moments: by cluster (the first factor), perhaps by finer groups too.
        names: fixed-effect columns whose means are added, after the formula's own columns.
        centred: whether the columns themselves become deviations from their cluster means.
    """
    cluster, k = moments.codes[:, 0], len(moments.levels[0])
    columns = moments.position(*names)
    sums = np.zeros((k, len(names)))
    np.add.at(sums, cluster, moments.products[:, 0, columns])
    n = np.bincount(cluster, moments.n, minlength=k)
    added = tuple(unused_name(name + MEAN, moments.columns) for name in names)
    # about the same reference point as the columns themselves
    means = (sums / n[:, None])[cluster]
    widened = with_constants(moments, added, means, moments.reference[columns])
    if centred:
        turn, reference = np.eye(len(widened.columns)), widened.reference.copy()
        turn[columns, widened.position(*added)] = -1.0
        reference[columns] = 0.0
        widened = replace(widened, reference=reference, products=turn @ widened.products @ turn.T)
    group = moments.factors[0]
    sources = {
        **design.sources,
        **{mean: design.sources.get(name, (name,)) for mean, name in zip(added, names, strict=True)},
    }
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


def with_constants(moments: Moments, names: Sequence[str], values: Floats, reference: Floats) -> Moments:
    """Add columns that are constant within each row of the moments, before the outcome.

    Args:
        moments: any.
        names: m names.
        values: (G, m) each column's value less its reference point.
        reference: (m,) the reference points.
    """
    m, last = len(names), len(moments.columns) - 1
    old, new, outcome = slice(0, last), slice(last, last + m), last + m
    given = moments.products
    products = np.empty((len(given), last + 1 + m, last + 1 + m))
    products[:, old, old] = given[:, :last, :last]
    products[:, old, outcome] = given[:, :last, last]
    products[:, outcome, old] = given[:, last, :last]
    products[:, outcome, outcome] = given[:, last, last]
    crossed = values[:, :, None] * given[:, 0, None, :]
    products[:, new, old] = crossed[:, :, :last]
    products[:, old, new] = crossed[:, :, :last].transpose(0, 2, 1)
    products[:, new, outcome] = products[:, outcome, new] = crossed[:, :, last]
    products[:, new, new] = (moments.n[:, None] * values)[:, :, None] * values[:, None, :]
    point = moments.reference
    return replace(
        moments,
        columns=(*moments.columns[:last], *names, moments.columns[last]),
        reference=np.concatenate([point[:last], reference, point[last:]]),
        products=products,
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
