"""What both demos publish is what they published before, to the byte, over three successive months."""

from __future__ import annotations

import difflib
from pathlib import Path

import pandas as pd
import pytest
from golden import demo_feeds

pytestmark = [pytest.mark.slow, pytest.mark.golden]


@pytest.mark.parametrize("name", list(demo_feeds.MONTHS))
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
