"""Clinics in order, with the uncertainty of the order.

A rank is a function of all clinics at once, so its posterior comes from joint draws of all their effects: in
every draw clinics are put in order, and a clinic's ranks over the draws are its posterior. Sorting shrunken
figures instead would give the order of the estimates, not of the clinics (Goldstein & Spiegelhalter 1996).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.errors import EstimationError, nearest
from tasks.models.clinics.rank_sets import rank_sets
from tasks.models.clinics.shrinkage import Shrunken
from tasks.models.clinics.verdict import Decision, Verdict, verdict

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

Better = Literal["higher", "lower"]

SURE = 0.975
"""A clinic is graded above or below when the posterior probability of that side passes this."""

MOST_WITH_SETS = 300
"""Clinics up to which confidence sets are worked out unasked."""

RANK_COLUMNS = (
    "rank_expected",
    "rank_median",
    "rank_lower",
    "rank_upper",
    "p_top_tenth",
    "p_bottom_tenth",
    "set_lower",
    "set_upper",
    "joint_lower",
    "joint_upper",
)


@dataclass(frozen=True)
class Ranks:
    """Ranks of clinics and what can be said of them.

    Attributes:
        group: what is ranked.
        better: which direction is.
        level: coverage of intervals and sets.
        table: one row a clinic: `rank_expected` and `rank_median` (1 is best), `rank_lower` and `rank_upper`
            (posterior interval), `p_top_tenth` and `p_bottom_tenth` (rank/(n + 1) within 0.1 of an end;
            NaN among fewer than nine, of which none is a tenth), `p_better` (posterior probability of being
            better than the average clinic), `grade` (above, typical or below), and confidence sets for
            the rank: `set_lower`, `set_upper` (each by itself), `joint_lower`, `joint_upper` (all at once).
        verdict: whether ranks or grades may be published; callers obey it, or call `publishable`.
        grade_error: expected share of wrong grades among those above or below (posterior; 0 without any).
    """

    group: str
    better: Better
    level: float
    table: pd.DataFrame
    verdict: Verdict
    grade_error: float

    def publishable(self) -> pd.DataFrame:
        """The table with what the verdict does not allow left out: blank ranks, or blank ranks and grades."""
        shown = self.table.copy()
        if not self.verdict.may_rank:
            shown[list(RANK_COLUMNS)] = np.nan
        if not self.verdict.may_grade:
            shown["grade"] = None
        return shown

    def __str__(self) -> str:
        return f"{self.verdict.sentence}\n{self.publishable().to_string(float_format=lambda v: f'{v:.3g}')}"


def ranks(
    estimates: Shrunken,
    *,
    better: Better,
    among: Sequence[Hashable] | None = None,
    draws: int = 4_000,
    level: float = 0.95,
    sure: float = SURE,
    sets: bool | None = None,
    seed: int = 0,
    rankable: Sequence[Hashable] | None = None,
    before: Decision | None = None,
) -> Ranks:
    """Ranks of clinics from their joint posterior, with the verdict on whether they may be shown.

    Args:
        estimates: what `shrink` gave.
        better: "higher" or "lower": which effects are better.
        among: the clinics to rank, where some are too uncertain to compare; all by default. Ranks are among
            these.
        draws: joint posterior draws.
        level: coverage of rank intervals and confidence sets.
        sure: posterior probability from which a clinic is graded above or below.
        sets: whether to work out confidence sets, which take a second with a thousand clinics; None: up to
            300 clinics. Without, their columns are empty.
        seed: of the draws and of the confidence sets' simulated errors.
        rankable: the clinics that rankability is of: those with enough records, however reliable; all by
            default.
        before: what was decided of these clinics last.

    Raises:
        EstimationError: a direction that is neither "higher" nor "lower", a clinic that is not there, or a
            fit in the place of its shrunken estimates.

    Sources: Laird & Louis (1989), J Educ Stat 14:29; Lin, Louis, Paddock & Ridgeway (2006), Bayesian Anal
    1:915 (ranks and tail probabilities by loss functions); Normand, Glickman & Gatsonis (1997), JASA 92:803
    (grades by posterior probability); Mogstad et al. (2024) for the sets, Lingsma et al. (2010) the bands.
    """
    if better not in ("higher", "lower"):
        raise EstimationError(
            f"better is {better!r}; it says which effects are better, 'higher' or 'lower'",
            hint="an outcome without a better direction has no ranks",
        )
    if not isinstance(estimates, Shrunken):
        raise EstimationError(
            f"ranks come from shrunken estimates, not from a {type(estimates).__name__}",
            hint="say ranks(shrink(fit), better=…)",
        )
    table = estimates.table
    chosen = _places(table.index, among)
    kept = table.iloc[chosen]
    sign = 1.0 if better == "higher" else -1.0
    placed = _ranks(sign * estimates.draws(draws, seed)[:, chosen])
    n = len(chosen)
    tenth = (n + 1) // 10
    low, high = (1.0 - level) / 2.0, (1.0 + level) / 2.0
    above = kept["p_above"].to_numpy()
    p_better = above if better == "higher" else 1.0 - above
    own, se = sign * kept["own"].to_numpy(), kept["own_sd"].to_numpy()
    shared = sign * estimates.own_shared[chosen]
    wanted = n <= MOST_WITH_SETS if sets is None else sets
    held = {
        name: rank_sets(own, se, shared, level=level, simultaneous=name == "joint", seed=seed)
        for name in ("set", "joint")
        if wanted
    }
    grade = np.select([p_better > sure, p_better < 1.0 - sure], ["above", "below"], default="typical")
    result = pd.DataFrame(
        {
            "rank_expected": placed.mean(axis=0),
            "rank_median": np.quantile(placed, 0.5, axis=0, method="inverted_cdf"),
            "rank_lower": np.quantile(placed, low, axis=0, method="inverted_cdf"),
            "rank_upper": np.quantile(placed, high, axis=0, method="inverted_cdf"),
            "p_top_tenth": (placed <= tenth).mean(axis=0) if tenth else np.nan,
            "p_bottom_tenth": (placed > n - tenth).mean(axis=0) if tenth else np.nan,
            "p_better": p_better,
            "grade": grade,
        },
        index=kept.index,
    )
    for name in ("set", "joint"):
        result[f"{name}_lower"] = held[name].lower if wanted else np.nan
        result[f"{name}_upper"] = held[name].upper if wanted else np.nan
    graded = grade != "typical"
    wrong = np.where(grade == "above", 1.0 - p_better, p_better)[graded]
    return Ranks(
        group=estimates.group,
        better=better,
        level=level,
        table=result,
        verdict=verdict(estimates.rankability(rankable), n, before),
        grade_error=float(wrong.mean()) if graded.any() else 0.0,
    )


def _places(index: pd.Index, among: Sequence[Hashable] | None) -> Integers:
    if among is None:
        return np.arange(len(index))
    at = {label: i for i, label in enumerate(index)}
    for label in among:
        if label not in at:
            raise EstimationError(
                f"no {index.name} {label!r} among the estimates; {nearest(str(label), map(str, at))}"
            )
    wanted = set(among)
    return np.array([i for label, i in at.items() if label in wanted], dtype=np.int64)


def _ranks(effects: Floats) -> Integers:
    """(draws, n) ranks of each draw's effects, 1 for the largest."""
    order = np.argsort(-effects, axis=1, kind="stable")
    result = np.empty_like(order)
    np.put_along_axis(result, order, np.arange(1, effects.shape[1] + 1)[None, :], axis=1)
    return result
