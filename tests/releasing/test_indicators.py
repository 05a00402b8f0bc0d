"""A row of `indicators` says why its value is as it is."""

from __future__ import annotations

import pandas as pd
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
    within = shown[shown["target_reach"] == "open"]
    assert ((within["lower"] <= 3.0) & (within["upper"] > 3.0)).all()
