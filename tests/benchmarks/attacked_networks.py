"""Networks of counts for the attacker, each of a kind that has given small counts away or might.

A network is what is true at each of its releases. No model is fitted: counts go from here to what decides
what is withheld, through tables as estimating leaves them. A kind and a number make a network (seeds are
fixed).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from disclosing.attacker import RECORDS, Edition, Knowledge
from disclosing.networks import Network, Tables

from tasks.disclosing import POLICIES, SmallNumberPolicy
from tasks.disclosing.related import Related

Counts = dict[str, np.ndarray]
Rng = np.random.Generator

OUTCOME, PART, OTHER_PART, OPPOSITE = "positive", "planned", "unplanned", "negative"
TOLD = ", and he knows where"
ADDED = ", and he knows that none is taken away"
_CLINICS = 8
_MOST_MONTHS = 24


@dataclass(frozen=True)
class Case:
    """A network through its releases.

    Attributes:
        kind, number: which it is.
        editions: the truth at each release.
        knowledge: what its readers know besides.
        related: what the network knows of its outcomes.
    """

    kind: str
    number: int
    editions: tuple[Edition, ...]
    knowledge: Knowledge = field(default_factory=Knowledge)
    related: Related = field(default_factory=Related)


def case(kind: str, number: int, policy: SmallNumberPolicy, months: int) -> Case:
    """Network `number` of a kind: one month's releases, or those of `months` months.

    Args:
        kind: one of `KINDS`.
        number: its seed.
        policy: under which the first release is published.
        months: how many months are published; with one, the window has three months, and kinds that are
            about two releases publish it twice.
    """
    name = kind.removesuffix(TOLD).removesuffix(ADDED)
    rng = np.random.default_rng([*name.encode(), number, months])
    return KINDS[kind](_Plan(kind, number, policy, months, rng))


@dataclass(frozen=True)
class _Plan:
    kind: str
    number: int
    policy: SmallNumberPolicy
    months: int
    rng: Rng

    def windows(self, *, twice: bool) -> list[tuple[int, int]]:
        """First and last month of each release's window: it grows to a year, or to four months and moves."""
        if self.months == 1:
            return [(0, 2)] * (2 if twice else 1)
        most = 12 if self.number % 2 else 4
        return [(max(0, last + 1 - most), last) for last in range(self.months)]

    @property
    def names(self) -> tuple[str, ...]:
        months = pd.period_range("2023-01", periods=_MOST_MONTHS, freq="M")
        return tuple(str(month) for month in months[: max(3, self.months)])

    def draw(self, means: np.ndarray, rate: float = 0.2) -> Counts:
        """Records about means of the clinics, a month, and events at rates of their own."""
        records = self.rng.poisson(means[:, None] * np.ones(len(self.names)))
        rates = self.rng.beta(10.0 * rate, 10.0 * (1.0 - rate), len(means))
        return {RECORDS: records, OUTCOME: self.rng.binomial(records, rates[:, None])}

    def published(
        self, states: list[Counts], policies: list[SmallNumberPolicy] | None = None
    ) -> tuple[Edition, ...]:
        """Editions of what is true at each release: a clinic is in those whose window has records of it."""
        found = []
        for k, (first, last) in enumerate(self.windows(twice=len(states) > 1 or policies is not None)):
            state = states[min(k, len(states) - 1)]
            part = {column: counts[:, first : last + 1] for column, counts in state.items()}
            there = part[RECORDS].sum(axis=1) > 0
            names = tuple(f"clinic {i:02d}" for i in np.flatnonzero(there))
            policy = policies[k % len(policies)] if policies else self.policy
            counts = {column: rows[there] for column, rows in part.items()}
            found.append(Edition(policy, self.names[first : last + 1], names, counts))
        return tuple(found)

    def case(self, editions: tuple[Edition, ...], **more: object) -> Case:
        return Case(self.kind, self.number, editions, **more)  # type: ignore[arg-type]


def _sizes(rng: Rng, clinics: int = _CLINICS, mean: float = 3.2, spread: float = 1.0) -> np.ndarray:
    return np.exp(rng.normal(mean, spread, clinics))


def _any_network(plan: _Plan) -> Case:
    return plan.case(plan.published([plan.draw(_sizes(plan.rng))]))


def _tiny_clinics(plan: _Plan) -> Case:
    """Half of the clinics have a record or two a month."""
    means = _sizes(plan.rng, mean=3.8)
    means[: _CLINICS // 2] = plan.rng.uniform(0.2, 2.5, _CLINICS // 2)
    return plan.case(plan.published([plan.draw(means)]))


def _few_clinics(plan: _Plan) -> Case:
    """Three clinics, one of them small: there is hardly anything to hide a count behind."""
    means = _sizes(plan.rng, clinics=3, mean=3.5)
    means[0] = plan.rng.uniform(1.0, 8.0)
    return plan.case(plan.published([plan.draw(means)]))


def _nearly_all(plan: _Plan) -> Case:
    """99 in 100 records have the event."""
    return plan.case(plan.published([plan.draw(_sizes(plan.rng, mean=3.8), rate=0.99)]))


def _sums(plan: _Plan) -> Case:
    """Events are planned or unplanned, and all three are outcomes."""
    state = plan.draw(_sizes(plan.rng, mean=4.0), rate=0.3)
    state[PART] = plan.rng.binomial(state[OUTCOME], 0.7)
    state[OTHER_PART] = state[OUTCOME] - state[PART]
    return plan.case(
        plan.published([state]),
        knowledge=Knowledge(wholes=((OUTCOME, (PART, OTHER_PART)),)),
        related=Related(parts=((PART, OUTCOME), (OTHER_PART, OUTCOME))),
    )


def _complements(plan: _Plan) -> Case:
    """Those with the event and those without are two outcomes."""
    state = plan.draw(_sizes(plan.rng, mean=3.8), rate=0.5)
    state[OPPOSITE] = state[RECORDS] - state[OUTCOME]
    return plan.case(
        plan.published([state]),
        knowledge=Knowledge(wholes=((RECORDS, (OUTCOME, OPPOSITE)),)),
        related=Related(sides=((OPPOSITE, OUTCOME),)),
    )


def _corrections(plan: _Plan) -> Case:
    """At each release after the first, a few clinic-months lose or gain some records."""

    def corrected(state: Counts) -> Counts:
        records, events = state[RECORDS].copy(), state[OUTCOME].copy()
        for _ in range(plan.rng.integers(1, 4)):
            c, m = plan.rng.integers(len(records)), plan.rng.integers(records.shape[1])
            records[c, m] = max(0, records[c, m] + plan.rng.integers(-6, 7))
            events[c, m] = plan.rng.binomial(records[c, m], 0.2)
        return {RECORDS: records, OUTCOME: events}

    told = plan.kind.endswith(TOLD)
    return plan.case(
        plan.published(_changing(plan, corrected)), knowledge=Knowledge(corrected=True, told_where=told)
    )


def _late_records(plan: _Plan) -> Case:
    """At each release after the first, some of the months before have records more."""

    def later(state: Counts) -> Counts:
        more = plan.rng.poisson(4.0, state[RECORDS].shape) * (plan.rng.random(state[RECORDS].shape) < 0.1)
        return {RECORDS: state[RECORDS] + more, OUTCOME: state[OUTCOME] + plan.rng.binomial(more, 0.2)}

    told = plan.kind.endswith(TOLD)
    return plan.case(
        plan.published(_changing(plan, later)),
        knowledge=Knowledge(only_added=plan.kind.endswith(ADDED), corrected=True, told_where=told),
    )


def _changing(plan: _Plan, change: Callable[[Counts], Counts]) -> list[Counts]:
    """The network at each release; a month that is not published yet may change unseen."""
    states = [plan.draw(_sizes(plan.rng))]
    for _ in range(max(1, plan.months - 1)):
        states.append(change(states[-1]))
    return states


def _open_and_close(plan: _Plan) -> Case:
    """Some clinics open in the middle, some close, and some do both."""
    state = plan.draw(_sizes(plan.rng))
    months = len(plan.names)
    for c in range(0, _CLINICS, 2):
        opens, closes = sorted(plan.rng.choice(months + 1, 2, replace=False))
        outside = np.ones(months, dtype=bool)
        outside[opens:closes] = False
        for counts in state.values():
            counts[c, outside] = 0
    return plan.case(plan.published([state]))


def _changed_policy(plan: _Plan) -> Case:
    """From release to release the policy is another one, and the first again."""
    names = [name for name, policy in POLICIES.items() if policy.withholds]
    other = POLICIES[names[(names.index(plan.policy.name) + 1) % len(names)]]
    editions = plan.published([plan.draw(_sizes(plan.rng))], [plan.policy, other])
    return plan.case(editions)


KINDS: dict[str, Callable[[_Plan], Case]] = {
    "any network": _any_network,
    "tiny clinics": _tiny_clinics,
    "three clinics": _few_clinics,
    "prevalence of 99%": _nearly_all,
    "outcomes that add up": _sums,
    "an outcome and its opposite": _complements,
    "corrections": _corrections,
    "late records": _late_records,
    f"corrections{TOLD}": _corrections,
    f"late records{TOLD}": _late_records,
    f"late records{ADDED}": _late_records,
    "clinics that open and close": _open_and_close,
    "policy changed between releases": _changed_policy,
}


def tables(edition: Edition) -> Tables:
    """The release's tables as estimating leaves them: every outcome, and the records themselves."""
    made = [_of_outcome(edition, outcome) for outcome in edition.outcomes]
    first = made[0]
    for more in made[1:]:
        for name, frame in first.items():
            if "outcome" in frame.columns and len(frame):
                mine = more[name][more[name]["outcome"] != "tests"]
                first[name] = pd.concat([frame, mine], ignore_index=True)
    return first


def _of_outcome(edition: Edition, outcome: str) -> Tables:
    network = Network(edition.months, edition.counts[RECORDS], edition.counts[outcome])
    network.names = edition.clinics
    made = network.tables()
    for frame in made.values():
        if "outcome" in frame.columns:
            frame["outcome"] = frame["outcome"].replace({"positive": outcome})
    return made
