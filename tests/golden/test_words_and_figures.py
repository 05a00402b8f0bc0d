"""A sentence about a program's effect says the figures of its own row, as tables write them."""

from __future__ import annotations

import pandas as pd
import pytest
from golden import demo_feeds

from reports.wording.notation import PUBLISHED_DIGITS, effect_notation
from tasks.release.table_columns import MODELLED

pytestmark = pytest.mark.golden

RELEASES = [f"{name}-{month}" for name, months in demo_feeds.MONTHS.items() for month in months]


def told(release: str) -> pd.DataFrame:
    """Rows with an estimate and a sentence of it."""
    effects = demo_feeds.kept_tables(release)["program_effects"]
    return effects[(effects["status"] == "ok") & effects["value"].notna() & effects["lower"].notna()]


@pytest.mark.parametrize("release", RELEASES)
def test_a_sentence_says_what_the_table_says(release: str) -> None:
    """Once a sentence said 1.04 and the table 1.03: each had rounded, from other digits."""
    rows = told(release)
    assert len(rows) >= 5
    for row in rows.to_dict("records"):
        ratio = str(row["measure"]).endswith("ratio")
        value, lower, upper = row["value"], row["lower"], row["upper"]
        notation = effect_notation(value, lower, upper, ratio=ratio)
        said = row["words"].removeprefix("".join(row["words"].partition(": ")[:2]))
        assert (
            notation.number(value if ratio else abs(value)) in said.split(" times")[0].split(" compared")[0]
        )
        if ratio or lower * upper > 0.0:
            ends = (lower, upper) if ratio or lower > 0.0 else (abs(upper), abs(lower))
            assert f"95% interval {notation.range(*ends)}" in said
        else:
            ends = (notation.limit(abs(each), lower, upper) for each in (lower, upper))
            assert "95% interval {} lower to {} higher".format(*ends) in said


@pytest.mark.parametrize("release", [each for each in RELEASES if each.startswith("state48")])
def test_what_it_would_be_without_a_trend_is_the_row_that_says_so(release: str) -> None:
    rows = told(release).set_index(["outcome", "estimand", "measure", "term"])
    leads = rows[rows.index.get_level_values("term") == "trend"]
    assert len(leads) >= 8
    for (outcome, estimand, measure, _), lead in leads.iterrows():
        value, lower, upper = rows.loc[(outcome, estimand, measure, "cohorts"), ["value", "lower", "upper"]]
        notation = effect_notation(value, lower, upper, ratio=measure.endswith("ratio"))
        ends = (lower, upper) if measure.endswith("ratio") or lower > 0.0 else (abs(upper), abs(lower))
        without = lead["words"].partition("moved in parallel: ")[2]
        assert f"{notation.number(value if measure.endswith('ratio') else abs(value))} " in without
        assert f"(95% interval {notation.range(*ends)})" in without


def test_sentences_are_made_from_as_many_digits_as_are_published() -> None:
    assert MODELLED.kept == MODELLED.kept_of_rounded == PUBLISHED_DIGITS
