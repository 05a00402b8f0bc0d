"""Whether clinics may be put in an order at all: a verdict that callers obey, with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tasks.models.clinics.rankability import Rankability

Decision = Literal["rank", "grade", "do_not_rank"]

RANKS_FROM = 0.75
GRADES_FROM = 0.50
IMPROBABLE = 0.10
"""Posterior probability under which an earlier decision is given up."""
SURE_ENOUGH = 0.90
"""Posterior probability of half the band: ranked clinics could be graded, graded ones have 0.25."""
FEWEST = 5
"""With fewer clinics an order says less than the figures beside it."""


@dataclass(frozen=True)
class Verdict:
    """What may be published about the order of clinics.

    Attributes:
        decision: `rank` (ranks with their intervals, and grades), `grade` (grades only) or `do_not_rank`.
        rankability: ρ, the share of what clinics' own figures differ by that is not sampling error.
        kept: whether the decision is an earlier one's, which the records do not contradict clearly enough.
        sentence: the reason, in the words of `ranked` in `reports/wording/en.toml`; a test holds them equal.
    """

    decision: Decision
    rankability: Rankability
    kept: bool
    sentence: str

    @property
    def may_rank(self) -> bool:
        """Whether ranks may be shown."""
        return self.decision == "rank"

    @property
    def may_grade(self) -> bool:
        """Whether grades may be shown."""
        return self.decision in ("rank", "grade")


def verdict(rankability: Rankability, n: int, before: Decision | None = None) -> Verdict:
    """The verdict for `n` clinics that can be compared, by the rankability of all that have enough records.

    Under 0.5 there is no order, from 0.5 to 0.75 there are grades, over 0.75 ranks with their intervals. An
    earlier decision stands until it has become improbable: near a bound, two years of the same truth would
    else be told apart by chance.

    Args:
        rankability: of every clinic with enough records. That of the reliable ones alone could hardly be low.
        n: clinics that can be compared.
        before: what was decided of them last.

    Source of the bands: Lingsma et al. (2010), Eur J Epidemiol 25:639; van Dishoeck et al. (2011).
    """
    if n < FEWEST:
        count = "no clinic" if n == 0 else f"{n} clinic{'' if n == 1 else 's'}"
        sentence = f"Clinics are not ranked: {count} can be compared, and ranking needs at least {FEWEST}."
        return Verdict("do_not_rank", rankability, False, sentence)
    now = _supported(_by_value(rankability.value), rankability)
    kept = before is not None and before != now and _probability(rankability, before) >= IMPROBABLE
    decision = before if kept and before is not None else now
    return Verdict(decision, rankability, kept, _sentence(decision, rankability, kept))


def is_unsure(decision: Decision, rankability: Rankability, kept: bool) -> bool:
    """Whether a decision is less than its value allows, because the interval reaches too low for more."""
    return not kept and decision != _by_value(rankability.value)


def _sentence(decision: Decision, rankability: Rankability, kept: bool) -> str:
    low, high = (f"{100.0 * end:.0f}%" for end in rankability.interval())
    share = f"{100.0 * round(rankability.value, 2):.0f}% ({low} to {high})"
    decided = {
        "rank": "Clinics can be ranked, with the intervals beside the ranks: for a clinic of middling size,",
        "grade": "Clinics are graded, not ranked: for a clinic of middling size,",
        "do_not_rank": "Clinics are not ranked: for a clinic of middling size, only",
    }[decision]
    doubt = "" if decision == "do_not_rank" else ", though it may still be unmeasured patients or recording"
    bands = {
        "rank": "ranks from 0.75",
        "grade": "grades from 0.50, ranks from 0.75",
        "do_not_rank": "grades from 0.50",
    }[decision]
    if is_unsure(decision, rankability, kept):
        more = "be graded or ranked" if decision == "do_not_rank" else "be ranked"
        decided = decided.removesuffix(" only")
        doubt = ""
        bands = f"too uncertain for clinics to {more} by it"
    stands = " This is the last report’s verdict; it stands until the records make it improbable."
    return (
        f"{decided} {share} of the variance of adjusted figures is not sampling error{doubt} "
        f"(rankability {rankability.value:.2f}; {bands}).{stands if kept else ''}"
    )


def _supported(decision: Decision, rankability: Rankability) -> Decision:
    """The decision, or a lesser one where rankability may well be far under its band."""
    if decision == "rank" and rankability.probability_above(GRADES_FROM) < SURE_ENOUGH:
        decision = "grade"
    if decision == "grade" and rankability.probability_above(0.5 * GRADES_FROM) < SURE_ENOUGH:
        return "do_not_rank"
    return decision


def _by_value(rankability: float) -> Decision:
    if rankability < GRADES_FROM:
        return "do_not_rank"
    return "grade" if rankability <= RANKS_FROM else "rank"


def _probability(rankability: Rankability, decision: Decision) -> float:
    """Posterior probability that ρ is in the band of a decision, or beyond it from where it is now."""
    over_half, over_three_quarters = (
        rankability.probability_above(each) for each in (GRADES_FROM, RANKS_FROM)
    )
    return {
        "do_not_rank": 1.0 - over_half,
        "grade": over_half if rankability.value < GRADES_FROM else 1.0 - over_three_quarters,
        "rank": over_three_quarters,
    }[decision]
