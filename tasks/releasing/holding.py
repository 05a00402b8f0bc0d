"""Why a release is held aside: what a person should look at before it becomes current.

Nothing is wrong with such a release as far as its records tell; but half of a period's records, or a fifth of
the clinics compared otherwise than last time, are more often a broken delivery than the truth. All of it is
read from tables as they are published, so that a reason gives nothing away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from reports.wording import say
from reports.wording.writing import counted, decimal, listed, percent, period_name
from tasks.network import Network
from tasks.network.operation import ReleaseSection
from tasks.release import SHOWN, Release, plain_rows

Tables = Mapping[str, pd.DataFrame]

_FEWEST_PERIODS = 3  # beside the last, of which a median is taken


def reasons_to_hold(network: Network, release: Release, before: Tables | None) -> list[str]:
    """Why the network wants a release to wait, in its language; none where it becomes current.

    Args:
        network: the network's description.
        release: small numbers withheld.
        before: `outcomes`, `clinic_estimates` and `network_figures` of the release that it is compared
            with; None where there is none.
    """
    rules = network.release
    with network.speaking():
        reasons = [say("held.approval")] if rules.approval == "required" else []
        if release.incomplete is not None and network.schedule.complete.at_deadline == "hold":
            reasons.append(release.incomplete)
        reasons += _few_records(rules, release)
        if before is not None:
            reasons += _compared_otherwise(rules, release)
            reasons += _lost(rules, release, before)
            reasons += _moved(rules, release, before)
    return reasons


def _few_records(rules: ReleaseSection, release: Release) -> Iterator[str]:
    """The last period beside the median of the others of the window, by the outcome with most records."""
    share = rules.hold_when.volume_below
    if share is None:
        return
    months = release["clinic_months"]
    own = months[months["clinic"] == ""]
    is_count = own["outcome"].map(release["outcomes"].set_index("outcome")["kind"]) == "count"
    # a count's denominator is an exposure; where it has none, the count is of the records themselves
    of_records = own["numerator"].where(own["denominator"].isna())
    counts = own["denominator"].mask(is_count, of_records).astype("float64")
    by_period = counts.groupby(own["month"]).max().sort_index()
    last, others = (
        by_period.get(release.period, np.nan),
        by_period[by_period.index != release.period].dropna(),
    )
    if len(others) < _FEWEST_PERIODS or np.isnan(last):
        return
    usual = float(others.median())
    if last < share * usual:
        yield say(
            "held.volume",
            reported=period_name(release.period),
            records=decimal(last, 0),
            usual=decimal(usual, 0),
        )


def _compared_otherwise(rules: ReleaseSection, release: Release) -> Iterator[str]:
    share = rules.hold_when.comparisons_changed
    if share is None:
        return
    changes, estimates = release["changes"], release["clinic_estimates"]
    changed = changes[(changes["change"] == "comparison") & (changes["clinic"] != "")]
    compared = estimates[(estimates["form"] == "shrunken") & estimates["status"].isin(SHOWN)]
    for outcome in plain_rows(release["outcomes"]):
        mine = sorted(set(changed.loc[changed["outcome"] == outcome["outcome"], "clinic"]))
        of = int((compared["outcome"] == outcome["outcome"]).sum())
        if of and len(mine) > share * of:
            yield say(
                "held.comparisons",
                outcome=outcome["label"],
                clinics=counted(len(mine), "clinic"),
                all=decimal(of, 0),
                share=percent(100.0 * len(mine) / of, 0),
            )


def _lost(rules: ReleaseSection, release: Release, before: Tables) -> Iterator[str]:
    if not rules.hold_when.estimate_lost:
        return
    then = {row["outcome"] for row in plain_rows(before["outcomes"]) if row["status"] in SHOWN}
    gone = [
        row["label"]
        for row in plain_rows(release["outcomes"])
        if row["outcome"] in then and row["status"] not in SHOWN
    ]
    if gone:
        yield say("held.lost", outcomes=listed(gone))


def _moved(rules: ReleaseSection, release: Release, before: Tables) -> Iterator[str]:
    if not rules.hold_when.icc_moved:
        return
    then = {row["outcome"]: row for row in plain_rows(before["network_figures"]) if row["figure"] == "icc"}
    labels = {row["outcome"]: row["label"] for row in plain_rows(release["outcomes"])}
    for row in plain_rows(release["network_figures"]):
        was = then.get(row["outcome"])
        if row["figure"] != "icc" or was is None:
            continue
        numbers = (row["value"], was["lower"], was["upper"])
        if None not in numbers and not was["lower"] <= row["value"] <= was["upper"]:
            value, lower, upper = (decimal(float(number), 3) for number in numbers)
            yield say("held.icc", outcome=labels[row["outcome"]], value=value, lower=lower, upper=upper)
