"""A row of `indicators` says why its value is as it is."""

from __future__ import annotations

import pandas as pd
from rendering.releases import chop_like

from tasks.releasing.indicators import indicators

WINDOW = ("2020-01", "2020-06")


def test_an_outcome_without_an_estimate_is_not_called_ok() -> None:
    tables = dict(chop_like()[0].tables)
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
    tables = chop_like()[0].tables
    best = tables["clinic_estimates"].query("form == 'shrunken'").set_index(["outcome", "clinic"])
    rows = indicators(tables, WINDOW).set_index(["outcome", "clinic"])
    status = rows["status"].reindex(best.index)
    pd.testing.assert_series_equal(status, best["status"], check_dtype=False)
