"""Fits whose covariance is a sandwich: tests with the df of the variance estimate itself."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pandas as pd

from tasks.errors import EstimationError
from tasks.models.estimating_equations.sandwich import ClusterScores, Covariance
from tasks.models.fit import Fit, Floats, Wald
from tasks.models.hypotheses import Hypothesis
from tasks.models.numerics import distributions as stats
from tasks.records.moments import INTERCEPT

_FEW_DF = 4.0


def few_df_note(df: pd.Series) -> tuple[str, ...]:
    """A note on coefficients whose variance estimate rests on very few clusters.

    Below about four degrees of freedom the t approximation itself is doubtful (Bell & McCaffrey 2002;
    Pustejovsky & Tipton 2018).
    """
    few = df[(df < _FEW_DF) & (df.index != INTERCEPT)]
    if few.empty:
        return ()
    listed = ", ".join(f"{name} ({value:.1f})" for name, value in few.head(4).items())
    more = f" and {len(few) - 4} more" if len(few) > 4 else ""
    return (
        f"very few clusters carry the information on {listed}{more} (df in brackets): the interval is rough.",
    )


@dataclass(frozen=True, kw_only=True)
class RobustFit(Fit):
    """A fit judged by how its clusters' scores vary.

    Attributes:
        scores: each cluster's information and score, for any of the covariances.
        satterthwaite: the covariance whose Satterthwaite df tests use; None where they use `df` as it is.
    """

    scores: ClusterScores = field(repr=False)
    satterthwaite: Covariance | None

    def _contrast_df(self, contrast: Floats) -> float:
        """Satterthwaite df of one combination, or the denominator η − q + 1 of q of them."""
        if self.satterthwaite is None:
            return super()._contrast_df(contrast)
        if len(contrast) == 1:
            return self.scores.degrees_of_freedom(self.satterthwaite, contrast[0])
        return self.scores.joint_degrees_of_freedom(self.satterthwaite, contrast) - len(contrast) + 1.0

    def test(self, hypothesis: Hypothesis) -> Wald:
        """A Wald test of linear hypotheses; see `Fit.test`.

        With Satterthwaite df, several combinations are tested by Hotelling's T² with the df of
        Pustejovsky & Tipton (2018, JBES 36, 672), which holds its level with few clusters.

        Raises:
            EstimationError: a name is not a coefficient, the combinations are linearly dependent, or there
                are too few clusters for that many of them.
        """
        plain = super().test(hypothesis)
        if plain.df_num == 1 or self.satterthwaite is None:
            return plain
        if not plain.df > 0.0:
            raise EstimationError(
                f"{self.scores.n_clusters} clusters are too few to test {plain.df_num} combinations at once",
                hint="test fewer coefficients together",
            )
        statistic = plain.statistic * plain.df / (plain.df + plain.df_num - 1.0)
        return replace(plain, statistic=statistic, p=float(stats.f.sf(statistic, plain.df_num, plain.df)))
