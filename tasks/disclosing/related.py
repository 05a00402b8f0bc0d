"""Outcomes that say something of one another, protected together.

Whoever sees all visits and the planned ones sees the unplanned ones, whatever is withheld of those; and the
records with an event and those without are two outcomes of one count. So a part of a whole hides all that is
withheld of any outcome it is related to, and of the whole less the part, whether that is an outcome or not.
The whole itself hides its own: with all its parts hidden, it tells no more than their sum.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np

from tasks.disclosing.counts import Booleans, Counts, counts_of, withhold_months, withhold_windows
from tasks.disclosing.policy import SmallNumberPolicy
from tasks.disclosing.withholding import SECONDARY, Status, Withheld, WithheldOfOutcome
from tasks.release import Of

Pairs = Collection[tuple[str, str]]
Decided = Mapping[str, WithheldOfOutcome | None]


@dataclass(frozen=True)
class Related:
    """Which outcomes are related.

    Attributes:
        parts: (part, whole): every event of the part is one of the whole.
        sides: two outcomes of which one is there where the other is not, or that are always the same.
    """

    parts: Pairs = ()
    sides: Pairs = ()

    def groups(self) -> list[set[str]]:
        """Outcomes that are related to one another, directly or through others."""
        found: list[set[str]] = []
        for pair in sorted([*self.parts, *self.sides]):
            touched = [group for group in found if group & set(pair)]
            found = [group for group in found if group not in touched]
            found.append(set(pair).union(*touched))
        return found

    def wholes(self, group: Collection[str]) -> set[str]:
        """Outcomes of a group that are no part of another, nor a side of one that is not."""
        inner = {part for part, _ in self.parts} | {each for pair in self.sides for each in pair}
        return set(group) - inner


@dataclass(frozen=True)
class Hidden:
    """(C,) clinics' windows, (C, M) their months, and (M,) months of the network that are withheld."""

    windows: Booleans
    clinic_months: Booleans
    months: Booleans

    def __or__(self, other: Hidden) -> Hidden:
        return Hidden(
            self.windows | other.windows,
            self.clinic_months | other.clinic_months,
            self.months | other.months,
        )


def protected_together(
    policy: SmallNumberPolicy,
    decided: Decided,
    events: Mapping[str, Counts],
    related: Related,
    clinics: tuple[str, ...],
    months: tuple[str, ...],
) -> dict[str, WithheldOfOutcome | None]:
    """What is withheld of each outcome once nothing follows from another.

    Args:
        policy: the small-number policy.
        decided: outcome → what is withheld of it by itself; None of one that is rare in the whole network.
        events: outcome → its events, for outcomes that are counted.
        related: which of them are related.
        clinics, months: their names, in order.
    """
    found = dict(decided)
    for group in related.groups():
        wholes = related.wholes(group)
        if any(found.get(each) is None for each in group - wholes):  # the other parts would tell the rare one
            found |= dict.fromkeys(group - wholes, None)
            continue
        withheld = {name: each for name in group if (each := found.get(name)) is not None}
        hidden = [_hidden(each, clinics, months) for each in withheld.values()]
        hidden += [
            _of_difference(policy, events[whole], events[part])
            for part, whole in related.parts
            if part in withheld and whole in withheld
        ]
        everything = hidden[0]
        for more in hidden[1:]:
            everything |= more
        totals = Of.NOTHING
        for one in withheld.values():
            totals |= one.totals
        for name in withheld.keys() - wholes:
            found[name] = _hiding(withheld[name], everything, totals, clinics, months)
    return found


def _hidden(withheld: WithheldOfOutcome, clinics: tuple[str, ...], months: tuple[str, ...]) -> Hidden:
    def those(names: tuple[str, ...], status: Status) -> Booleans:
        return np.array([name in status for name in names], dtype=bool)

    of_clinics = [[month in withheld.clinic_months.get(clinic, ()) for month in months] for clinic in clinics]
    return Hidden(
        those(clinics, withheld.clinics),
        np.array(of_clinics, dtype=bool).reshape(len(clinics), len(months)),
        those(months, withheld.months),
    )


def _hiding(
    withheld: WithheldOfOutcome,
    hidden: Hidden,
    totals: Of,
    clinics: tuple[str, ...],
    months: tuple[str, ...],
) -> WithheldOfOutcome:
    def more(names: tuple[str, ...], gone: Booleans, status: Status) -> dict[str, str]:
        companions = {name: SECONDARY for name, each in zip(names, gone, strict=True) if each}
        return companions | dict(status)

    gone = hidden.clinic_months | hidden.windows[:, None]
    return replace(
        withheld,
        clinics=more(clinics, hidden.windows, withheld.clinics),
        series=more(clinics, np.asarray(gone.any(axis=1), dtype=np.bool_), withheld.series),
        clinic_months=Withheld(gone, gone).by_clinic(clinics, months),
        months=more(months, hidden.months, withheld.months),
        totals=withheld.totals | totals,
    )


def _of_difference(policy: SmallNumberPolicy, whole: Counts, part: Counts) -> Hidden:
    """What would be withheld of the whole less the part, if it were an outcome."""
    rest = counts_of(
        policy, whole.window - part.window, whole.months - part.months, whole.network - part.network
    )
    rest = replace(rest, luck=whole.luck, month_luck=whole.month_luck)
    clinics = len(rest.window)
    windows = withhold_windows(policy, rest, np.zeros(clinics, dtype=bool))
    months = rest.of_network(policy)
    gone = withhold_windows(policy, months, np.zeros(len(rest.network), dtype=bool))
    of_clinics = np.broadcast_to(windows[:, None], rest.months.shape)
    if rest.small.any():
        of_clinics = withhold_months(policy, rest, windows, of_clinics, gone)
    return Hidden(windows, of_clinics, gone)
