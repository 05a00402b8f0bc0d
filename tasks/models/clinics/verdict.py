"""Whether clinics may be put in an order at all: a verdict that callers obey, with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

Decision = Literal["rank", "grade", "do_not_rank"]

RANKS_FROM = 0.75
GRADES_FROM = 0.50
FEWEST = 5
"""With fewer clinics an order says less than the figures beside it."""


@dataclass(frozen=True)
class Verdict:
    """What may be published about the order of clinics.

    Attributes:
        decision: `rank` (ranks with their intervals, and grades), `grade` (grades only) or `do_not_rank`.
        rankability: ρ, the share of what clinics' own figures differ by that is not chance.
        sentence: the reason, as it stands on the report.
    """

    decision: Decision
    rankability: float
    sentence: str

    @property
    def may_rank(self) -> bool:
        """Whether ranks may be shown."""
        return self.decision == "rank"

    @property
    def may_grade(self) -> bool:
        """Whether grades may be shown."""
        return self.decision in ("rank", "grade")


def verdict(rankability: float, n: int) -> Verdict:
    """The verdict for `n` clinics that can be compared, by their rankability.

    Under 0.5 there is no order, from 0.5 to 0.75 there are grades, over 0.75 ranks with their intervals.
    Source of the bands: Lingsma et al. (2010), Eur J Epidemiol 25:639; van Dishoeck et al. (2011).
    """
    share = f"{100.0 * rankability:.0f}%"
    differ = f"{share} of the variance between clinics' adjusted figures is not sampling error"
    beyond = f"{differ}, though it may still be unmeasured patients or recording"
    if n < FEWEST:
        count = "no clinic" if n == 0 else f"{n} clinic{'' if n == 1 else 's'}"
        return Verdict(
            "do_not_rank",
            rankability,
            f"Clinics are not ranked: {count} can be compared, and ranking needs at least {FEWEST}.",
        )
    if rankability < GRADES_FROM:
        return Verdict(
            "do_not_rank",
            rankability,
            f"Clinics are not ranked: only {differ} (rankability {rankability:.2f}, under 0.50).",
        )
    if rankability <= RANKS_FROM:
        return Verdict(
            "grade",
            rankability,
            f"Clinics are graded, not ranked: {beyond} (rankability {rankability:.2f}, between 0.50 and "
            "0.75).",
        )
    return Verdict(
        "rank",
        rankability,
        f"Clinics can be ranked, with the intervals beside the ranks: {beyond} (rankability "
        f"{rankability:.2f}, over 0.75).",
    )


def rankability(sd_between: float, own_sd: Floats) -> float:
    """ρ = τ²/(τ² + median s²): share of what clinics' own figures differ by that is not chance.

    Source: van Houwelingen, Brand & Louis (1999); Lingsma et al. (2010), Eur J Epidemiol 25:639.
    """
    known = own_sd[np.isfinite(own_sd)]
    if sd_between <= 0.0 or len(known) == 0:
        return 0.0
    return float(sd_between**2 / (sd_between**2 + np.median(known**2)))
