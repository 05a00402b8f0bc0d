"""The program's effects as they may be seen, where they rest on a part of the network.

A before/after figure is made of four sums: events and records without the program and with it. With what
clinics' months show beside it, it tells the sums of those that show nothing, and of a single pilot clinic
what its own months come to before and after; where anything of a clinic is withheld, it is too. A model's
effect rests on all months of all clinics; where no patient is adjusted for, it is a function of counts as
well, and must be of the clinics of which every month is shown. The records of a part of the network less the
clinics shown are those of the others.

Over the whole network the same figure tells four counts: events and records without, before and after. None
of them may be small.

Whatever the model, an effect that rests on few people under the program, or on few without it, is theirs:
one patient's value less everybody's mean. So is the effect of a month since the start in which few people
were, or one clinic whose months are withheld. The average of all months less the months shown is the one
withheld, so that one withheld month takes another with it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from tasks.disclosing.people import WINDOW, People
from tasks.disclosing.policy import SmallNumberPolicy
from tasks.disclosing.withholding import (
    PRIMARY,
    SECONDARY,
    EffectKey,
    WithheldEffects,
    WithheldOfOutcome,
)
from tasks.models.numerics.distributions import norm
from tasks.periods import Period
from tasks.release import PROGRAM_EFFECTS

FEWEST_OF_EFFECTS = 4
"""Clinics of which every month is shown, of fewer of which no effect is told."""
_NEAR = 0.01  # a count solved for is a whole number to within the digits of an estimate


def decide_effects(
    policy: SmallNumberPolicy,
    tables: Mapping[str, pd.DataFrame],
    decided: Mapping[str, WithheldOfOutcome | None],
    people: People,
) -> WithheldEffects:
    """What a part of the network's clinics would tell of those withheld, and an effect of those few it is of.

    Args:
        policy: the small-number policy.
        tables: the release's tables, as estimated.
        decided: what is withheld of each outcome.
        people: patients behind the counts.
    """
    effects = tables["program_effects"]
    if effects.empty:
        return WithheldEffects()
    whole = tables["outcomes"].set_index("outcome")
    series = {name: each.in_part for name, each in decided.items() if each}
    apart = {name for name, each in decided.items() if each and each.effects_apart}
    there = len(tables["clinics"])
    too_few = {name for name in apart if there - len(series[name]) < FEWEST_OF_EFFECTS}
    concerned = effects["outcome"].isin([outcome for outcome, clinics in series.items() if clinics])
    fewer_clinics = _fewer(effects, whole, "n_clinics")
    naive = effects["model"] == "naive"
    # those of clinics of which every month is shown are made of what is published
    of_all = ~effects["outcome"].isin(apart)
    gone = concerned & naive & of_all
    gone |= naive & ~fewer_clinics & effects["outcome"].isin(_telling_small(policy, tables)) & of_all
    gone |= effects["outcome"].isin(too_few)
    why = pd.Series(SECONDARY, index=effects.index, dtype=object).where(gone)
    if people.known:
        for outcome, clinics in series.items():
            left_out = clinics if outcome in apart else frozenset()
            why = why.fillna(_of_few(policy, effects, outcome, clinics, people.without(left_out)))
    why = why.where(effects["status"] == "ok")
    keys = _keys(effects)
    estimates = {key: status for key, status in zip(keys, why, strict=True) if isinstance(status, str)}
    parts = [key for key, part in zip(keys, concerned & fewer_clinics, strict=True) if part]
    return WithheldEffects(estimates, frozenset(parts))


def _of_few(
    policy: SmallNumberPolicy, effects: pd.DataFrame, outcome: str, withheld: Collection[str], people: People
) -> pd.Series:
    """Why effects on an outcome are withheld that rest on few people, or on a withheld clinic alone."""
    mine, shown = effects["outcome"] == outcome, pd.Series(np.nan, index=effects.index, dtype=object)
    table = people.table[people.table["outcome"] == outcome]
    window = table[table["month"] == WINDOW]
    if (window[["exposed", "unexposed"]].sum() <= policy.high).any():
        return shown.mask(mine, PRIMARY)
    since = effects["months_since_start"].astype("float64")
    behind = _by_months_since_start(table[table["month"] != WINDOW])
    alone = behind["clinics"].map(lambda clinics: len(clinics) == 1 and clinics[0] in withheld).astype(bool)
    few = set(behind.index[(behind["people"] <= policy.high) | alone])
    after = sorted(int(each) for each in since[mine].dropna().unique() if each >= 0)
    of_few = [each for each in after if each in few or each not in behind.index]
    before = [each for each in few if each < 0]
    why = shown.mask(mine & since.isin([*of_few, *before]), PRIMARY)
    if len(of_few) == 1:
        others = behind["people"].reindex([each for each in after if each not in of_few])
        why = why.mask(mine & since.isin(others.sort_values(kind="stable").index[:1]), SECONDARY)
    return why


def _by_months_since_start(table: pd.DataFrame) -> pd.DataFrame:
    """Months since the start → `people` with a value in them, and `clinics` they came to.

    A clinic starts in the first period with people under the program. One that is under it from the first
    period of the window on may have started before; its months are then later than they seem, and are taken
    for those they seem.
    """
    periods = table["month"].map(lambda label: Period.of_label(label).ordinal)
    start = periods.where(table["exposed"] > 0).groupby(table["clinic"]).transform("min")
    side = table["exposed"].where(periods >= start, table["unexposed"])
    kept = table[["clinic"]].assign(since=periods - start, people=side)[(side > 0) & start.notna()]
    by_month = kept.groupby("since")
    return pd.DataFrame({"people": by_month["people"].sum(), "clinics": by_month["clinic"].agg(list)})


def _keys(effects: pd.DataFrame) -> list[EffectKey]:
    return list(effects[list(PROGRAM_EFFECTS.key)].astype(str).itertuples(index=False, name=None))


def _fewer(effects: pd.DataFrame, whole: pd.DataFrame, column: str) -> pd.Series:
    """Effects that rest on fewer than the outcome's own; none where either is not said."""
    used = effects[column].to_numpy(dtype=float, na_value=np.nan)
    there = effects["outcome"].map(whole[column]).to_numpy(dtype=float, na_value=np.nan)
    return pd.Series(used < there, index=effects.index)


def _telling_small(policy: SmallNumberPolicy, tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Outcomes whose plain before/after figures would tell a small count of the whole network."""
    effects, estimates = tables["program_effects"], tables["clinic_estimates"]
    events = estimates[estimates["form"] == "raw"].groupby("outcome")["numerator"].sum().astype("float64")
    naive = effects[(effects["model"] == "naive") & effects["value"].notna() & effects["n_records"].notna()]
    found = []
    for outcome, rows in naive.groupby("outcome"):
        figures = rows.set_index("measure")[["value", "lower", "upper"]].astype("float64")
        size = float(rows["n_records"].iloc[0])
        counts = _counts_of_shares(figures, float(events[outcome]), size)
        counts += _counts_of_rates(figures, float(events[outcome]))
        whole = [
            each for each in counts if min(each) > -_NEAR and all(abs(x - round(x)) < _NEAR for x in each)
        ]
        if policy.is_small(np.round(whole)).any():
            found.append(str(outcome))
    return found


def _counts_of_shares(figures: pd.DataFrame, events: float, size: float) -> list[tuple[float, ...]]:
    """Events and records without, before and after, that give a risk difference (and odds ratio)."""
    if "risk_difference" not in figures.index or figures["value"]["risk_difference"] == 0.0:
        return []
    difference = float(figures["value"]["risk_difference"]) / 100.0
    before = [0.0, 1.0, -difference, 1.0 - difference]  # without an odds ratio one of the counts is nothing
    if "odds_ratio" in figures.index:
        ratio = float(figures["value"]["odds_ratio"])
        root = np.sqrt(max((1.0 - difference) ** 2 + 4.0 * difference / (1.0 - ratio), 0.0))
        before = [(1.0 - difference + root) / 2.0, (1.0 - difference - root) / 2.0]
    found: list[tuple[float, ...]] = []
    for share in before:
        after = (events - size * share) / difference
        with_it = (size - after) * share, after * (share + difference)
        found.append((with_it[0], size - after - with_it[0], with_it[1], after - with_it[1]))
    return found


def _counts_of_rates(figures: pd.DataFrame, events: float) -> list[tuple[float, ...]]:
    """Events before and after whose Poisson error gives the interval of a rate ratio."""
    if "rate_ratio" not in figures.index or events == 0.0:
        return []
    lower, upper = (float(figures[end]["rate_ratio"]) for end in ("lower", "upper"))
    error = np.log(upper / lower) / (2.0 * norm.ppf(0.975))
    root = np.sqrt(max(events**2 - 4.0 * events / error**2, 0.0))
    return [((events - root) / 2.0, (events + root) / 2.0)]
