"""The ways to share out events that are withheld: what sums and statuses leave to whoever tries them all."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tasks.disclosing.additive_table import Integers
from tasks.disclosing.counts import Booleans, Counts, Floats
from tasks.disclosing.policy import SmallNumberPolicy

_MOST_WAYS = 300_000
_PLAUSIBLE = 4.0  # SDs of a count
_MUCH = 2.0  # times what they are, where nobody knows what they are together


@dataclass(frozen=True)
class PossibleEvents:
    """What the events of K withheld clinics may be, for anyone who reads their statuses and knows their sum.

    Attributes:
        clinics: (K,) which they are.
        small: (K,) whether they are few.
        true: (K,) what they are.
        lower, upper: (K,) the least and the most that each may be.
        need: (K,) how wide the range of each must stay: half of what is believed, at most the policy's.
        ways: (W, K) all ways that give what they have together; None where they are very many.
        known_total: whether anyone knows what they have together.
    """

    clinics: Integers
    small: Booleans
    true: Integers
    lower: Integers
    upper: Integers
    need: Floats
    ways: Integers | None
    known_total: bool

    @classmethod
    def of(
        cls,
        policy: SmallNumberPolicy,
        events: Counts,
        denominator: Floats,
        withheld: Booleans,
        *,
        known_total: bool = True,
    ) -> PossibleEvents:
        """Read them from an outcome's events.

        Args:
            policy: the small-number policy.
            events: an outcome's events.
            denominator: (C,) records, or exposure.
            withheld: (C,) clinics whose events are withheld.
            known_total: whether the network's own events are told, to the last digit.
        """
        gone = np.flatnonzero(withheld & (denominator > 0) & ~np.isnan(events.window))
        true = events.window[gone]
        total = float(true.sum())
        most = total if known_total else _MUCH * (total + policy.high)
        lower = np.floor(np.minimum(events.lower[gone, 0], true)).astype(np.int64)
        upper = np.floor(np.minimum(np.maximum(events.upper[gone, 0], true), most)).astype(np.int64)
        ways = _ways(lower, upper, round(total) if known_total else None)
        if ways is not None and len(ways):
            lower, upper = ways.min(axis=0), ways.max(axis=0)
        need = np.minimum(policy.least_width, (upper - lower) / 2.0)
        small = events.small[gone, 0]
        return cls(gone, small, true.astype(np.int64), lower, upper, need, ways, known_total)

    @property
    def plausible(self) -> PossibleEvents:
        """The same without counts so far from the true ones that hardly any way agrees that has them."""
        reach = np.where(self.small, np.inf, np.ceil(_PLAUSIBLE * np.sqrt(self.true + 1.0)))
        lower, upper = np.maximum(self.lower, self.true - reach), np.minimum(self.upper, self.true + reach)
        return replace(self, lower=lower.astype(np.int64), upper=upper.astype(np.int64))

    def dark(self, agreeing: Integers) -> bool:
        """Whether the small counts of (A, K) ways that cannot be told apart lie far enough apart."""
        if not len(agreeing):
            return False
        return bool((np.ptp(agreeing[:, self.small], axis=0) >= self.need[self.small]).all())


def _ways(low: Integers, high: Integers, total: int | None) -> Integers | None:
    """(W, K) ways to share a total out within bounds, or any total; None where they are very many."""
    ways = np.zeros((1, 0), dtype=np.int64)
    for i in range(len(low)):
        choices = np.arange(low[i], high[i] + 1)
        if total is not None and i == len(low) - 1:
            rest = total - ways.sum(axis=1)
            return np.asarray(np.column_stack([ways, rest])[(rest >= low[i]) & (rest <= high[i])])
        if len(ways) * len(choices) > _MOST_WAYS:
            return None
        ways = np.column_stack([np.repeat(ways, len(choices), axis=0), np.tile(choices, len(ways))])
        if total is None:
            continue
        rest = total - ways.sum(axis=1)
        ways = ways[(rest >= low[i + 1 :].sum()) & (rest <= high[i + 1 :].sum())]
    return ways
