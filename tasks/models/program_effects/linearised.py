"""A generalized linear mixed model as the linear one that it resembles at its maximum.

About the fitted linear predictor η the outcome y is nearly linear in the effects: the working outcome
z = η + (y − μ)/(dμ/dη), with the working weight (dμ/dη)²/Var(y), follows a linear mixed model with the same
columns and effects (Breslow & Clayton 1993, J Am Stat Assoc 88:9; Schall 1991, Biometrika 78:719). What
linear models have for few clinics, restricted likelihood and the adjustment of Kenward and Roger, holds for
it, where Laplace's likelihood takes the spread of few clinics for smaller than it is and for known.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from tasks.models.fit import Floats
from tasks.models.generalized_mixed.families import mean_of
from tasks.models.generalized_mixed.glmm_fit import GlmmFit
from tasks.models.linear_mixed.lmm import LmmFit, lmm_from_moments
from tasks.models.program_effects.program_columns import moments_of_cells
from tasks.records.cells import Cells
from tasks.records.design import Design
from tasks.records.moments import INTERCEPT, Moments


@dataclass(frozen=True, kw_only=True)
class SmallSampleGlmm(GlmmFit):
    """A generalized linear mixed model whose errors and degrees of freedom are its linear likeness's.

    Attributes:
        likeness: the linear mixed model of the working outcome, by REML, with Kenward–Roger's adjustment.
    """

    likeness: LmmFit = field(repr=False)

    def _contrast_reference(self, contrast: Floats) -> tuple[float, float]:
        return self.likeness._contrast_reference(contrast)


def for_few_clinics(fit: GlmmFit, design: Design, cells: Cells) -> SmallSampleGlmm:
    """The fit with errors that allow for how little few clinics tell of their spread.

    The covariance is Laplace's, and what Kenward–Roger's of the linear likeness has more of.

    Args:
        fit: a mixed model of a binary outcome or of counts.
        design, cells: what it was fitted to.
    """
    likeness = linearised(fit, design, cells)
    names = list(fit.coef.index)
    own, theirs = fit.vcov.to_numpy(), likeness.vcov.loc[names, names].to_numpy()
    size = np.sqrt(np.diag(own))
    values, vectors = np.linalg.eigh((theirs - own) / np.outer(size, size))
    more = (vectors * np.maximum(values, 0.0)) @ vectors.T * np.outer(size, size)
    joint = fit.joint_vcov.copy()
    joint.loc[names, names] += more
    kept = {name: getattr(fit, name) for name in fit.__dataclass_fields__}
    return SmallSampleGlmm(
        **kept
        | {
            "vcov": pd.DataFrame(own + more, index=names, columns=names),
            "joint_vcov": joint,
            "df": likeness.df.loc[names],
            "df_method": "Kenward–Roger, of the linearised model",
        },
        likeness=likeness,
    )


def linearised(fit: GlmmFit, design: Design, cells: Cells) -> LmmFit:
    """The linear mixed model of the working outcome.

    Args:
        fit: the maximum about which it is linear.
        design, cells: what it was fitted to.
    """
    eta = cells.offset + cells.fixed @ fit.coef.to_numpy()
    for term, columns in zip(fit.loadings, cells.random, strict=True):
        names = list(fit.varcomp[term.group].index)
        effects = fit.modes[term.group][0][:, [names.index(each) for each in term.columns]]
        eta = eta + np.sum(effects[cells.codes[:, cells.factors.index(term.group)]] * columns, axis=1)
    mean = mean_of(fit.family, eta)
    # the log link's slope is the mean, the logit's the variance of one trial
    slope = mean * (1.0 - mean) if fit.family == "binomial" else mean
    variance = slope if fit.size is None else mean + mean**2 / fit.size
    rows, precision = cells.trials, slope**2 / variance
    observed = cells.total / rows
    working = eta - cells.offset + (observed - mean) / slope
    # what a cell's rows scatter by about their mean, working outcomes do too
    squares = cells.total if cells.outcome in ("binary", "successes") else cells.total_squares
    scatter = np.maximum(squares - rows * observed**2, 0.0) / slope**2
    # in units in which a row's precision is 1 on average, so that rows count as what they are
    precision = precision * float(rows.sum() / (rows @ precision))
    pseudo = replace(
        cells,
        trials=rows * precision,
        total=rows * precision * working,
        total_squares=precision * (rows * working**2 + scatter),
        outcome="number",
    )
    return lmm_from_moments(design, _moments(design, pseudo), df="kenward-roger")


def _moments(design: Design, cells: Cells) -> Moments:
    """Moments of the fixed columns and of those that only have random effects."""
    columns = {
        name: column
        for term, values in zip(design.random, cells.random, strict=True)
        for name, column in zip(term.columns, values.T, strict=True)
        if name not in design.fixed and name != INTERCEPT
    }
    wider = replace(design, fixed=(*design.fixed, *columns))
    return moments_of_cells(wider, replace(cells, fixed=np.column_stack([cells.fixed, *columns.values()])))
