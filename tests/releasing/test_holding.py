"""What a release waits for: each rule met, and just not met."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import pytest
from rendering.releases import chop_like

from tasks.network.operation import HoldWhen, ReleaseSection
from tasks.network.schema import Network
from tasks.release import Release
from tasks.releasing.holding import reasons_to_hold

RELEASE, NETWORK = chop_like()


def reasons(
    rules: HoldWhen, before: Mapping[str, pd.DataFrame] | None = None, **tables: pd.DataFrame
) -> list[str]:
    network = Network(**{**dict(NETWORK), "release": ReleaseSection(hold_when=rules)})
    release = Release(**{**vars(RELEASE), "tables": {**RELEASE.tables, **tables}})
    return reasons_to_hold(network, release, before)


def months(last: int, *others: int) -> pd.DataFrame:
    """The network's own rows, and a clinic's, which does not count."""
    table = RELEASE["clinic_months"]
    row = table[(table["clinic"] == "") & (table["outcome"] == "positive")].iloc[:1]
    labels = [str(pd.Period(RELEASE.period, "M") - i) for i in range(len(others) + 1)]
    rows = [row.assign(month=m, denominator=float(n)) for m, n in zip(labels, (last, *others), strict=True)]
    return pd.concat([*rows, row.assign(clinic="a clinic", month=RELEASE.period, denominator=1e6)])


def test_nothing_waits_without_rules() -> None:
    assert reasons(HoldWhen(), RELEASE.tables) == []


@pytest.mark.parametrize(("last", "waits"), [(499, True), (500, False)])
def test_under_half_of_the_median_of_the_other_months_waits(last: int, waits: bool) -> None:
    # the others are 900, 1,000 and 1,200: the median is 1,000
    said = reasons(HoldWhen(volume_below=0.5), clinic_months=months(last, 900, 1200, 1000))
    assert said == (
        ["May 2020 has 499 records, and the median of the window's other months is 1,000"] if waits else []
    )


def test_exposures_are_no_records() -> None:
    table = months(499, 900, 1200, 1000)
    days = table.assign(outcome="days", denominator=table["denominator"] * 30.0)
    outcomes = pd.concat(
        [RELEASE["outcomes"], RELEASE["outcomes"].iloc[:1].assign(outcome="days", kind="count")]
    )
    tables = {"clinic_months": pd.concat([days, table]), "outcomes": outcomes}
    (said,) = reasons(HoldWhen(volume_below=0.5), **tables)
    assert said.startswith("May 2020 has 499 records, and the median")
    assert reasons(HoldWhen(volume_below=0.5), **(tables | {"clinic_months": days})) == []
    volume = days.assign(numerator=table["denominator"], denominator=float("nan"))  # a count of the records
    (said,) = reasons(HoldWhen(volume_below=0.5), **(tables | {"clinic_months": volume}))
    assert said.startswith("May 2020 has 499 records, and the median")


def test_two_other_months_have_no_usual_number() -> None:
    assert reasons(HoldWhen(volume_below=0.5), clinic_months=months(1, 900, 1000)) == []


def test_clinics_compared_otherwise_wait_past_their_share() -> None:
    estimates = RELEASE["clinic_estimates"]
    mine = estimates[(estimates["outcome"] == "hours") & (estimates["form"] == "shrunken")].copy()
    ten = mine.iloc[:10].assign(status="ok")
    columns = RELEASE["changes"].columns
    changed = pd.DataFrame(
        [
            {"outcome": "hours", "clinic": clinic, "month": "", "change": "comparison"}
            for clinic in ten["clinic"][:3]
        ],
        columns=columns,
    )
    tables = {"clinic_estimates": ten, "changes": changed}
    (said,) = reasons(HoldWhen(comparisons_changed=0.2), RELEASE.tables, **tables)
    assert said.endswith("3 clinics of 10 compared (30%) are compared otherwise than in the last release")
    assert reasons(HoldWhen(comparisons_changed=0.3), RELEASE.tables, **tables) == []
    assert reasons(HoldWhen(comparisons_changed=0.2), None, **tables) == []  # there is no last release


def test_a_lost_estimate_and_a_moved_icc_wait() -> None:
    outcomes = RELEASE["outcomes"].copy()
    outcomes.loc[outcomes["outcome"] == "hours", "status"] = "not_estimable"
    (said,) = reasons(HoldWhen(estimate_lost=True), RELEASE.tables, outcomes=outcomes)
    label = outcomes.set_index("outcome").loc["hours", "label"]
    assert said == f"without an estimate now, and with one in the last release: {label}"
    assert reasons(HoldWhen(estimate_lost=True), RELEASE.tables) == []
    figures = RELEASE["network_figures"].copy()
    icc = (figures["figure"] == "icc") & (figures["outcome"] == "hours")
    figures.loc[icc, ["value", "lower", "upper"]] = [0.3, 0.2, 0.4]
    moved = figures.assign(value=figures["value"].mask(icc, 0.41))
    then = {**RELEASE.tables, "network_figures": figures}
    (said,) = reasons(HoldWhen(icc_moved=True), then, network_figures=moved)
    assert said.endswith("correlation of 0.410, outside the interval of the last release (0.200 to 0.400)")
    inside = figures.assign(value=figures["value"].mask(icc, 0.4))
    assert reasons(HoldWhen(icc_moved=True), then, network_figures=inside) == []
