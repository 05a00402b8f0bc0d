"""What both demos publish is what they published before, to the byte, over three successive months."""

from __future__ import annotations

import difflib
from pathlib import Path

import pandas as pd
import pytest
from golden import demo_feeds

pytestmark = [pytest.mark.slow, pytest.mark.golden]


@pytest.mark.parametrize("name", ["chop", pytest.param("state48", marks=pytest.mark.before_release)])
def test_a_demo_publishes_the_same_feeds(name: demo_feeds.DemoName, tmp_path: Path) -> None:
    for release, text in demo_feeds.made(name, tmp_path):
        before = demo_feeds.kept(release)
        different = list(
            difflib.unified_diff(before.splitlines(), text.splitlines(), "kept", release, lineterm="", n=0)
        )
        assert not different, "\n".join(different[:60])


@pytest.mark.parametrize("name", list(demo_feeds.MONTHS))
def test_what_was_last_shown_is_what_the_release_before_shows(name: demo_feeds.DemoName) -> None:
    key = ["outcome", "clinic", "form"]
    shown: dict[str, pd.DataFrame] = {}
    for month in demo_feeds.MONTHS[name]:
        tables = demo_feeds.kept_tables(f"{name}-{month}")
        last = tables["last_shown"].set_index(key)
        now = tables["clinic_estimates"].set_index(key)
        assert now.loc[last.index, "status"].str.startswith("suppressed").all()
        for period, of_period in last.groupby("last_period"):
            before = shown[str(period)].loc[of_period.index]
            for column in ("value", "lower", "upper", "numerator", "denominator", "comparison"):
                pd.testing.assert_series_equal(of_period[column], before[column], check_dtype=False)
        if shown:
            assert len(last) > 20
        shown[month] = now


@pytest.mark.parametrize("name", list(demo_feeds.MONTHS))
def test_the_wide_table_says_what_the_narrow_ones_say(name: demo_feeds.DemoName) -> None:
    tables = demo_feeds.kept_tables(f"{name}-{demo_feeds.MONTHS[name][-1]}")
    key = ["outcome", "clinic"]
    wide, estimates = tables["indicators"].set_index(key), tables["clinic_estimates"]
    assert wide.index.is_unique
    assert set(wide.index) == set(estimates.set_index(key).index)
    for form, columns in {
        "shrunken": {"value": "value", "lower": "lower", "upper": "upper", "reliability": "reliability"},
        "raw": {
            "own_value": "value",
            "own_lower": "lower",
            "own_upper": "upper",
            "denominator": "denominator",
        },
    }.items():
        narrow = estimates[estimates["form"] == form].set_index(key).reindex(wide.index)
        for column, of in columns.items():
            pd.testing.assert_series_equal(wide[column], narrow[of], check_names=False)
    best = estimates[estimates["form"] == "shrunken"].set_index(key).reindex(wide.index)
    told = best["status"].isin(["ok", "low_reliability"])
    pd.testing.assert_series_equal(wide["verdict"], best["comparison"].where(told), check_names=False)
    assert (wide.loc[told, "verdict_label"] != "not shown").all()
    assert (wide.loc[best["status"].str.startswith("suppressed"), "verdict_label"] == "not shown").all()
    since = tables["standing_since"].set_index(key)["first_period"]
    pd.testing.assert_series_equal(
        wide["standing_since"].dropna().sort_index(), since.sort_index(), check_names=False
    )
    assert (since <= demo_feeds.MONTHS[name][-1]).all()
