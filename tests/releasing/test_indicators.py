"""A row of `indicators` says why its value is as it is."""

from __future__ import annotations

import pandas as pd
import pytest
from rendering.releases import chop_like

from tasks.network.schema import Network
from tasks.releasing.indicators import indicators
from tasks.releasing.measures import measures

WINDOW = ("2020-01", "2020-06")


def _chop_tables(target: float | None = None) -> dict[str, pd.DataFrame]:
    """A release's tables before `indicators` is made of them; the target is of the hours."""
    release, network = chop_like()
    hours = network.outcomes["hours"].model_copy(update={"target": target})
    told = Network.model_copy(network, update={"outcomes": {**network.outcomes, "hours": hours}})
    return {**release.tables, "measures": measures(told)}


@pytest.mark.slow
def test_an_outcome_without_an_estimate_is_not_called_ok() -> None:
    tables = _chop_tables()
    name = "positive"
    estimates, outcomes = tables["clinic_estimates"], tables["outcomes"].copy()
    own = (estimates["outcome"] != name) | (estimates["form"] == "raw")
    outcomes.loc[outcomes["outcome"] == name, ["status", "reason"]] = [
        "not_estimable",
        "all clinics are alike",
    ]
    tables |= {"clinic_estimates": estimates[own], "outcomes": outcomes}
    rows = indicators(tables, WINDOW).query("outcome == @name")
    shown = rows["own_value"].notna()
    assert shown.any()
    assert rows["value"].isna().all()
    assert set(rows.loc[shown, "status"]) == {"not_estimable"}
    assert set(rows.loc[shown, "reason"]) == {"all clinics are alike"}
    withheld = rows["status"].str.startswith("suppressed")
    assert withheld.any()  # is still called that
    assert not (withheld & shown).any()


def test_of_others_the_best_estimate_says_it() -> None:
    tables = _chop_tables()
    best = tables["clinic_estimates"].query("form == 'shrunken'").set_index(["outcome", "clinic"])
    rows = indicators(tables, WINDOW).set_index(["outcome", "clinic"])
    status = rows["status"].reindex(best.index)
    pd.testing.assert_series_equal(status, best["status"], check_dtype=False)


def test_a_clinic_is_held_against_what_its_own_patients_would_have_elsewhere() -> None:
    tables = _chop_tables()
    estimates = tables["clinic_estimates"].copy()
    best = (estimates["form"] == "shrunken") & estimates["value"].notna() & (estimates["outcome"] == "hours")
    estimates.loc[best, ["expected", "pe", "pe_lower", "pe_upper"]] = [4.0, 1.1, 0.9, 1.3]
    tables |= {"clinic_estimates": estimates}
    rows = indicators(tables, WINDOW).set_index(["outcome", "clinic"])
    hours = rows.loc["hours"].dropna(subset="expected")
    assert len(hours) == best.sum()
    for ratio, own in (("oe", "own_value"), ("oe_lower", "own_lower"), ("oe_upper", "own_upper")):
        assert hours[ratio].to_numpy() == pytest.approx(hours[own].to_numpy() / 4.0)
    assert set(hours["pe"]) == {1.1}
    others = rows.drop(index="hours", level=0)
    assert others[["expected", "oe", "pe"]].isna().all(axis=None)
    # no ratio to what is not above 0
    estimates.loc[best, "expected"] = 0.0
    without = indicators({**tables, "clinic_estimates": estimates}, WINDOW)
    assert without["oe"].isna().all()


def test_a_best_estimate_reaches_a_target_where_its_whole_interval_does() -> None:
    rows = indicators(_chop_tables(target=3.0), WINDOW)
    assert rows.query("outcome != 'hours'")[["target", "target_reach"]].isna().all(axis=None)
    hours = rows.query("outcome == 'hours'")
    assert set(hours["target"]) == {3.0}
    shown = hours[hours["value"].notna()]
    assert hours.loc[hours["value"].isna(), "target_reach"].isna().all()
    assert set(shown["target_reach"]) == {"met", "missed", "open"}
    # fewer hours are better
    assert (shown.loc[shown["target_reach"] == "met", "upper"] <= 3.0).all()
    assert (shown.loc[shown["target_reach"] == "missed", "lower"] > 3.0).all()
    open_to = shown[shown["target_reach"] == "open"]
    few = open_to["reason_coded"].str.contains("why.few").fillna(False).astype(bool)
    within = open_to[~few]  # of few records nothing is said, wherever the interval lies
    assert few.any()
    assert ((within["lower"] <= 3.0) & (within["upper"] > 3.0)).all()
