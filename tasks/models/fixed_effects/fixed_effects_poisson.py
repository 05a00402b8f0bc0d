"""Rate ratios within clinics: the fixed-effects Poisson estimator.

Given a clinic's total count, how it falls on the clinic's rows does not depend on the clinic's own level
(a multinomial likelihood), so clinic effects need not be estimated (Hausman, Hall & Griliches 1984,
Econometrica 52, 909). The estimates need only the mean to be right (Wooldridge 1999, J Econometrics 90, 77);
the clinic-robust covariance takes care of the rest.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.errors import EstimationError
from tasks.models.estimating_equations.gee_sums import segment_products
from tasks.models.estimating_equations.robust_fit import RobustFit
from tasks.models.estimating_equations.sandwich import ClusterScores
from tasks.models.fit import Floats
from tasks.records.cells import Cells
from tasks.records.design import Design
from tasks.records.moments import INTERCEPT

Integers = NDArray[np.int64]

_MOST_STEPS = 60
_TOLERANCE = 1e-10


def fixed_effects_poisson(design: Design, cells: Cells, *, clusters: Integers | None = None) -> RobustFit:
    """Log rate ratios within clusters (the cells' first factor), with Kauermann–Carroll errors.

    Args:
        design: the formula bound to the data.
        cells: by cluster.
        clusters: (K,) a coarser unit of each cluster, by which errors are clustered instead.

    Raises:
        EstimationError: no cluster has counts that could be compared, or effects grow without end.
    """
    names = [name for name in design.fixed if name != INTERCEPT]
    columns = np.array([design.fixed.index(name) for name in names])
    likelihood = _Conditional(cells, cells.fixed[:, columns])
    if not np.any(likelihood.totals > 0.0):
        raise EstimationError(f"{design.response} is 0 in every row, so no effect on it can be estimated")
    b = np.zeros(len(names))
    value = likelihood.value(b)
    for _ in range(_MOST_STEPS):
        information, score = likelihood.by_cluster(b)
        total = information.sum(axis=0)
        step = np.linalg.lstsq(total, score.sum(axis=0), rcond=None)[0]
        if float(np.max(np.abs(step) * np.sqrt(np.diag(total)))) < _TOLERANCE:
            break
        reached = likelihood.value(b + step)
        while not reached >= value - 1e-12 * abs(value) and np.any(step != 0.0):
            step = step / 2.0
            reached = likelihood.value(b + step)
        b, value = b + step, reached
    else:
        raise EstimationError(
            f"the effects on {design.response} within {cells.factors[0]} grow without end",
            hint="leave out covariates with rare levels, or merge those levels",
        )
    scores = ClusterScores(information, score, 1.0, np.eye(len(names)))
    if clusters is not None:
        scores = scores.together(clusters)
    index = pd.Index(names)
    vcov = scores.covariance("kauermann-carroll")
    df = [scores.degrees_of_freedom("kauermann-carroll", row) for row in np.eye(len(names))]
    group = cells.factors[0]
    return RobustFit(
        method="Fixed-effects Poisson",
        design=design,
        estimand=f"within {group}: log rate ratio between rows of the same {group}",
        coef=pd.Series(b, index=index, name="estimate"),
        vcov=pd.DataFrame(vcov, index=index, columns=index),
        df=pd.Series(df, index=index, name="df"),
        df_method="Satterthwaite (Bell–McCaffrey)",
        loglik=None,
        n_parameters=len(names),
        n_obs=round(cells.n_obs),
        n_groups=pd.Series({group: len(likelihood.starts)}),
        converged=True,
        scores=scores,
        satterthwaite="kauermann-carroll",
    )


class _Conditional:
    """The multinomial likelihood of how each cluster's total falls on its rows."""

    def __init__(self, cells: Cells, x: Floats) -> None:
        self.cells, self.x = cells, x - x.mean(axis=0)
        self.starts = cells.starts()[:-1]
        self.sizes = np.diff(cells.starts())
        self.totals = np.add.reduceat(cells.total, self.starts)
        self.observed = np.add.reduceat(self.x * cells.total[:, None], self.starts, axis=0)

    def value(self, b: Floats) -> float:
        """Log-likelihood, to a constant."""
        return self._shares(b)[0]

    def by_cluster(self, b: Floats) -> tuple[Floats, Floats]:
        """(K, p, p) information and (K, p) score."""
        _, share = self._shares(b)
        expected = share * np.repeat(self.totals, self.sizes)
        squares, _ = segment_products(self.x * np.sqrt(expected)[:, None], np.zeros(len(share)), self.starts)
        sums = np.add.reduceat(self.x * expected[:, None], self.starts, axis=0)
        present = self.totals > 0.0
        shrink = np.divide(1.0, self.totals, out=np.zeros_like(self.totals), where=present)
        information = squares - shrink[:, None, None] * sums[:, :, None] * sums[:, None, :]
        return information, self.observed - sums

    def _shares(self, b: Floats) -> tuple[float, Floats]:
        """The log-likelihood, and each row's expected share of its cluster's total."""
        eta = self.x @ b + self.cells.offset
        largest = np.maximum.reduceat(eta, self.starts)
        raw = self.cells.weight * np.exp(eta - np.repeat(largest, self.sizes))
        within = np.add.reduceat(raw, self.starts)
        loglik = float(self.cells.total @ eta - self.totals @ (np.log(within) + largest))
        return loglik, raw / np.repeat(within, self.sizes)
