"""Rate ratios within clinics: the fixed-effects Poisson estimator.

Given a clinic's total count, how it falls on the clinic's rows does not depend on the clinic's own level
(a multinomial likelihood), so clinic effects need not be estimated (Hausman, Hall & Griliches 1984,
Econometrica 52, 909). The estimates need only the mean to be right (Wooldridge 1999, J Econometrics 90, 77);
the clinic-robust covariance takes care of the rest.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from tasks.errors import EstimationError
from tasks.models.fit import Floats
from tasks.models.robust_fit import RobustFit
from tasks.models.sandwich import ClusterScores
from tasks.records.cells import Cells
from tasks.records.design import Design
from tasks.records.moments import INTERCEPT

_MOST_STEPS = 60
_TOLERANCE = 1e-10


def fixed_effects_poisson(design: Design, cells: Cells) -> RobustFit:
    """Log rate ratios within clusters (the cells' first factor), with Kauermann–Carroll errors.

    Raises:
        EstimationError: no cluster has counts that could be compared, or effects grow without end.
    """
    names = [name for name in design.fixed if name != INTERCEPT]
    columns = np.array([design.fixed.index(name) for name in names])
    x = cells.fixed[:, columns] - cells.fixed[:, columns].mean(axis=0)
    starts = cells.starts()[:-1]
    totals = np.add.reduceat(cells.total, starts)
    if not np.any(totals > 0.0):
        raise EstimationError(f"{design.response} is 0 in every row, so no effect on it can be estimated")
    b = np.zeros(len(names))
    value, step_size = -np.inf, np.inf
    for _ in range(_MOST_STEPS):
        loglik, information, score = _evaluate(cells, x, starts, totals, b)
        total = information.sum(axis=0)
        step = np.linalg.lstsq(total, score.sum(axis=0), rcond=None)[0]
        step_size = float(np.max(np.abs(step) * np.sqrt(np.diag(total))))
        if step_size < _TOLERANCE:
            break
        value = loglik
        for _ in range(40):
            if _evaluate(cells, x, starts, totals, b + step)[0] >= value - 1e-12 * abs(value):
                break
            step = step / 2.0
        b = b + step
    else:
        raise EstimationError(
            f"the effects on {design.response} within {cells.factors[0]} grow without end",
            hint="leave out covariates with rare levels, or merge those levels",
        )
    scores = ClusterScores(information, score, 1.0, np.eye(len(names)))
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
        n_groups=pd.Series({group: len(starts)}),
        converged=True,
        scores=scores,
        satterthwaite="kauermann-carroll",
    )


def _evaluate(
    cells: Cells, x: Floats, starts: np.ndarray[tuple[int], np.dtype[np.int64]], totals: Floats, b: Floats
) -> tuple[float, Floats, Floats]:
    """Conditional log-likelihood (to a constant), and each cluster's information and score."""
    eta = x @ b + cells.offset
    sizes = np.diff(np.append(starts, len(eta)))
    largest = np.repeat(np.maximum.reduceat(eta, starts), sizes)
    raw = cells.weight * np.exp(eta - largest)
    within = np.add.reduceat(raw, starts)
    share = raw / np.repeat(within, sizes)
    loglik = float(cells.total @ eta - totals @ (np.log(within) + largest[starts]))
    mean = np.add.reduceat(x * share[:, None], starts, axis=0)
    score = np.add.reduceat(x * cells.total[:, None], starts, axis=0) - totals[:, None] * mean
    p = x.shape[1]
    information = np.empty((len(starts), p, p))
    for j in range(p):
        information[:, j] = np.add.reduceat(x * (share * x[:, j])[:, None], starts, axis=0)
    information -= mean[:, :, None] * mean[:, None, :]
    return loglik, totals[:, None, None] * information, score
