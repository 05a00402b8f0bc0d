"""Outcomes that say something of one another, protected together.

Whoever sees all visits and the planned ones sees the unplanned ones, whatever is withheld of those; and the
records with an event and those without are two outcomes of one count. So a part of a whole hides all that is
withheld of any outcome it is related to, and of the whole less the part, whether that is an outcome or not.
The whole itself hides its own: with all its parts hidden, it tells no more than their sum.

What is withheld of a clinic is labelled alike in all of them: of 15 visits, 12 planned ones whose status said
that they are not few would leave at most 4.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np

from tasks.disclosing.counts import Booleans, Counts, counts_of, withhold_months, withhold_windows
from tasks.disclosing.policy import SmallNumberPolicy
from tasks.disclosing.withholding import PRIMARY, SECONDARY, Status, Withheld, WithheldOfOutcome
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
    """What is withheld, and of what a status may say that it is small.

    Attributes:
        windows, clinic_months, months: (C,) clinics' windows, (C, M) their months, and (M,) months of the
            network that are withheld.
        few, few_in_series, few_months: (C,) clinics with a small window, (C,) with a small month or window,
            and (M,) small months of the network.
    """

    windows: Booleans
    clinic_months: Booleans
    months: Booleans
    few: Booleans
    few_in_series: Booleans
    few_months: Booleans

    def __or__(self, other: Hidden) -> Hidden:
        return Hidden(
            self.windows | other.windows,
            self.clinic_months | other.clinic_months,
            self.months | other.months,
            self.few | other.few,
            self.few_in_series | other.few_in_series,
            self.few_months | other.few_months,
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

    def few(names: tuple[str, ...], status: Status) -> Booleans:
        return np.array([status.get(name) == PRIMARY for name in names], dtype=bool)

    of_clinics = [[month in withheld.clinic_months.get(clinic, ()) for month in months] for clinic in clinics]
    return Hidden(
        those(clinics, withheld.clinics),
        np.array(of_clinics, dtype=bool).reshape(len(clinics), len(months)),
        those(months, withheld.months),
        few(clinics, withheld.clinics),
        few(clinics, withheld.series),
        few(months, withheld.months),
    )


def _hiding(
    withheld: WithheldOfOutcome,
    hidden: Hidden,
    totals: Of,
    clinics: tuple[str, ...],
    months: tuple[str, ...],
) -> WithheldOfOutcome:
    def said(names: tuple[str, ...], gone: Booleans, few: Booleans) -> dict[str, str]:
        return {
            name: PRIMARY if small else SECONDARY
            for name, each, small in zip(names, gone, few, strict=True)
            if each
        }

    gone = hidden.clinic_months | hidden.windows[:, None]
    return replace(
        withheld,
        clinics=said(clinics, hidden.windows, hidden.few),
        series=said(clinics, np.asarray(gone.any(axis=1), dtype=np.bool_), hidden.few_in_series),
        clinic_months=Withheld(gone, gone).by_clinic(clinics, months),
        months=said(months, hidden.months, hidden.few_months),
        totals=withheld.totals | totals,
        related=True,
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
    few = rest.small[:, 0]
    return Hidden(
        windows, of_clinics, gone, few, np.asarray(rest.small.any(axis=1), dtype=np.bool_), months.small[:, 0]
    )
