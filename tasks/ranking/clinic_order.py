"""One outcome's clinics in order, as far as the verdict allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from reports.wording import say
from reports.wording.coded_sentences import coded
from reports.wording.notation import as_published
from tasks.errors import ClinicnetError
from tasks.estimating import OutcomeEstimates
from tasks.estimating.attempting import attempted, reason_of
from tasks.models import ranks
from tasks.models.clinics.outlying import FEWEST_FOR_TAILS, few_far_out, rankability_of
from tasks.models.clinics.shrinkage import Shrunken
from tasks.models.clinics.verdict import FEWEST, GRADES_FROM, Decision, Verdict, is_unsure
from tasks.network.schema import Network, PolicySection

DRAWS = 4_000
SEED = 0  # of the posterior draws: a rerun gives the same ranks
_HARDLY = 0.3  # rankability of those compared, where a clinic that is not compared makes the spread
_STEADY = 0.1  # about the bounds for clinics without those far out


@dataclass(frozen=True)
class OutcomeRanks:
    """The order of an outcome's clinics, and whether there is one.

    Attributes:
        verdict: rank, grade or do_not_rank.
        reason: why, as a coded sentence.
        rows: its rows of `clinic_ranks`: every clinic, with a reason where it has no place.
        figures: its rows of `network_figures`: rankability.
    """

    verdict: str
    reason: str
    rows: pd.DataFrame
    figures: pd.DataFrame

    @property
    def verdict_row(self) -> dict[str, object]:
        """What the verdict adds to the outcome's row of `outcomes`."""
        return {"verdict": self.verdict, "verdict_reason": self.reason}


def rank_outcome(
    network: Network, estimates: OutcomeEstimates, before: Decision | None = None
) -> OutcomeRanks:
    """Put the clinics of an outcome in order, or say why they are not.

    Clinics under the policy's minimums take no part in the order; they have a row that says so.

    Args:
        network: the network's description.
        estimates: the outcome's.
        before: the verdict of the last release, which stands until the records make it improbable.
    """
    with network.speaking():
        return _ranked(estimates, network.policy_for(estimates.question.name), before)


def _ranked(estimates: OutcomeEstimates, policy: PolicySection, before: Decision | None) -> OutcomeRanks:
    outcome = estimates.question.outcome
    clinics = tuple(estimates.clinics.loc[estimates.clinics["form"] == "raw", "clinic"])
    if estimates.shrunken is None:
        return _unranked(estimates, clinics, coded("ranked.not_estimated"))
    if outcome.direction == "neither":
        return _unranked(estimates, clinics, coded("ranked.neither"))
    if outcome.counts_records:
        return _unranked(estimates, clinics, coded("ranked.volume"))
    if not estimates.compared:
        return _unranked(estimates, clinics, _none_compared(estimates, policy))
    try:
        shrunken, better = estimates.shrunken, outcome.direction
        found = attempted(
            lambda: ranks(
                shrunken,
                better=better,
                among=estimates.compared,
                draws=DRAWS,
                seed=SEED,
                rankable=estimates.numerous,
                before=before,
            )
        )
    except ClinicnetError as problem:
        return _unranked(estimates, clinics, coded("ranked.failed", reason=reason_of(problem)))
    decision, sentence = found.verdict.decision, reason_of_verdict(found.verdict, len(estimates.compared))
    if found.verdict.may_grade and (theirs := _order_of_a_few(shrunken, estimates.compared, before)):
        decision, sentence = "do_not_rank", theirs
        found = replace(found, verdict=replace(found.verdict, decision=decision))
    shown = found.publishable()
    shown.index = shown.index.astype(str)
    rows = shown.reindex(list(clinics))
    excluded = ~rows.index.isin(shown.index)
    columns = [
        "rank_median",
        "rank_expected",
        "rank_lower",
        "rank_upper",
        "set_lower",
        "set_upper",
        "p_top_tenth",
        "p_bottom_tenth",
        "grade",
    ]
    named = {"set_lower": "rank_set_lower", "set_upper": "rank_set_upper"}
    table = rows[columns].rename(columns=named).reset_index(names="clinic")
    not_shown = excluded | (decision == "do_not_rank")
    table["n_ranked"] = len(estimates.compared)
    table["status"] = np.where(not_shown, "not_ranked", "ok")
    undecided = sentence if decision == "do_not_rank" else None
    told = estimates.clinics[
        (estimates.clinics["form"] == "shrunken") & (estimates.clinics["status"] == "ok")
    ]
    small = set(told.loc[told["reason"].notna(), "clinic"])  # beyond doubt on one side, too small for a place
    table["reason"] = [
        coded("why.unplaced" if clinic in small else "why.uncertain") if out else undecided
        for clinic, out in zip(table["clinic"], excluded, strict=True)
    ]
    low, high = found.verdict.rankability.interval()
    rankability = pd.DataFrame(
        {
            "outcome": [estimates.question.name],
            "figure": "rankability",
            "label": say("figure.rankability"),
            "value": found.verdict.rankability.value,
            "lower": low,
            "upper": high,
            "method": coded("figure_method.rankability"),
            "status": "ok",
        }
    )
    return OutcomeRanks(decision, sentence, table.assign(outcome=estimates.question.name), rankability)


def _none_compared(estimates: OutcomeEstimates, policy: PolicySection) -> str:
    """Why not one clinic can be compared: few records or events, little difference, or all are withheld."""
    shrunken = estimates.clinics[estimates.clinics["form"] == "shrunken"]
    if ((shrunken["status"] == "ok") & shrunken["reason"].isna()).any():
        return coded("ranked.none_shown")
    few_events = coded("why.few_events", fewest=policy.minimum_count)
    few = {coded("why.few_records", fewest=policy.minimum_denominator), few_events}
    reasons = {*shrunken["reason"].dropna()}
    if not reasons & few:
        alike = not (shrunken["reliability"].fillna(0.0) > 0.0).any() and not shrunken["outlying"].any()
        if alike and _differ_by_more_than_chance(estimates.figures):
            return coded("ranked.none_lasting")
        return coded("ranked.none_differ" if alike else "ranked.none_reliable")
    if not reasons <= few:
        return coded("ranked.none_enough")
    if few_events in reasons:  # then clinics with still fewer records have too few as well
        return coded("ranked.none_events", fewest=policy.minimum_count)
    return coded("ranked.none_compared")


def _differ_by_more_than_chance(figures: pd.DataFrame) -> bool:
    """Whether records of one clinic are alike by more than chance, though by nothing known to last."""
    correlation = figures.loc[figures["figure"] == "icc", "lower"]
    return bool((correlation.fillna(0.0) > 0.0).any())


def reason_of_verdict(verdict: Verdict, n: int) -> str:
    """Why the order of `n` clinics may be published, or not, as a coded sentence."""
    if n < FEWEST:
        return coded("ranked.few_one" if n == 1 else "ranked.few_many", count=n, fewest=FEWEST)
    # no more digits than the sentence has: with all of them, withheld counts could be solved for
    value, *ends = map(as_published, (verdict.rankability.value, *verdict.rankability.interval()))
    low, high = (round(100.0 * end) for end in ends)
    rankability = round(value, 2)
    share = round(100.0 * rankability)  # the same number, in per cent
    unsure = is_unsure(verdict.decision, verdict.rankability, verdict.kept)
    key = f"ranked.{verdict.decision}_unsure" if unsure else f"ranked.{verdict.decision}"
    said = coded(key, share=share, low=low, high=high, rankability=rankability)
    return coded("ranked.stands", verdict=said) if verdict.kept else said


def _order_of_a_few(shrunken: Shrunken, compared: Sequence[str], before: Decision | None) -> str | None:
    """Why there is no order where a few clinics far out make it, and the others would have none.

    The few can be too small to be compared themselves. Near the bound what was decided last stands.
    """
    table = shrunken.table.set_axis(shrunken.table.index.astype(str)).loc[list(compared)]
    own, own_sd = (table[each].to_numpy(dtype=float) for each in ("own", "own_sd"))
    far = few_far_out(own, own_sd)
    one_of_few = not far.any() and len(own) < FEWEST_FOR_TAILS
    if one_of_few:  # one alone can make the order, however near it lies
        without = [rankability_of(np.delete(own, i), np.delete(own_sd, i)) for i in range(len(own))]
        far[int(np.argmin(without))] = min(without) < GRADES_FROM <= rankability_of(own, own_sd)
    others = rankability_of(own[~far], own_sd[~far])
    steady = {None: 0.0, "do_not_rank": _STEADY}.get(before, -_STEADY)
    count = int(far.sum())
    bound = GRADES_FROM if count else _HARDLY
    if others >= bound + steady:
        return None
    rankability = round(as_published(others), 2)
    if not count:
        return coded("ranked.compared_alike", rankability=rankability)
    if one_of_few:
        return coded("ranked.rests_on_one", rankability=rankability)
    return coded("ranked.far_one" if count == 1 else "ranked.far_many", count=count, rankability=rankability)


def _unranked(estimates: OutcomeEstimates, clinics: tuple[str, ...], reason: str) -> OutcomeRanks:
    rows = pd.DataFrame(
        {
            "outcome": estimates.question.name,
            "clinic": list(clinics),
            "status": "not_ranked",
            "reason": reason,
        }
    )
    return OutcomeRanks("do_not_rank", reason, rows, pd.DataFrame())
