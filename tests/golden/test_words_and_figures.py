"""A sentence about a program's effect says the figures of its own row, as tables write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd
import pytest
from golden import demo_feeds

from reports.wording.notation import PUBLISHED_DIGITS, Notation, as_change, effect_notation
from tasks.release.table_columns import MODELLED

pytestmark = pytest.mark.golden

RELEASES = [f"{name}-{month}" for name, months in demo_feeds.MONTHS.items() for month in months]


def told(release: str) -> pd.DataFrame:
    """Rows with an estimate and a sentence of it."""
    effects = demo_feeds.kept_tables(release)["program_effects"]
    return effects[(effects["status"] == "ok") & effects["value"].notna() & effects["lower"].notna()]


def figures(row: Mapping[str, Any]) -> tuple[Notation, float, float, float, bool]:
    """How a row's figures are written, they as they are told, and whether none is among the plausible."""
    ends = value, lower, upper = row["value"], row["lower"], row["upper"]
    ratio = str(row["measure"]).endswith("ratio")
    doubtful = bool(lower <= (1.0 if ratio else 0.0) <= upper)
    change = as_change(row["measure"], *ends)
    if change is not None:
        value, lower, upper = (100.0 * (each - 1.0) for each in ends)
        return change, value, lower, upper, doubtful
    return effect_notation(*ends, ratio=ratio), value, lower, upper, doubtful


def written_interval(notation: Notation, lower: float, upper: float) -> str:
    """An interval beside a side that is in words."""
    return notation.range(lower, upper) if lower >= 0.0 else notation.range(abs(upper), abs(lower))


@pytest.mark.parametrize("release", RELEASES)
def test_a_sentence_says_what_the_table_says(release: str) -> None:
    """Once a sentence said 1.04 and the table 1.03: each had rounded, from other digits."""
    rows = told(release)
    assert len(rows) >= 5
    for row in rows.to_dict("records"):
        notation, value, lower, upper, doubtful = figures(row)
        said = row["words"].removeprefix("".join(row["words"].partition(": ")[:2]))
        if doubtful:
            low, high = (notation.limit(abs(each), lower, upper) for each in (lower, upper))
            between = re.search(rf"Between (?:a rate )?{re.escape(low)}\D* and {re.escape(high)}\D", said)
            assert between, said
            assert f"best estimate {notation.number(abs(value))}" in said
        else:
            assert said.partition(" compared")[0].startswith(
                tuple(f"{of}{notation.number(abs(value))}" for of in ("", "rate ", "odds ", "risk "))
            )
            assert f"95% interval {written_interval(notation, lower, upper)}" in said


@pytest.mark.parametrize("release", [each for each in RELEASES if each.startswith("state48")])
def test_what_it_would_be_without_a_trend_is_the_row_that_says_so(release: str) -> None:
    rows = told(release).set_index(["outcome", "estimand", "measure", "term"])
    leads = rows[rows.index.get_level_values("term") == "trend"]
    assert len(leads) >= 8
    for (outcome, estimand, measure, _), lead in leads.iterrows():
        row = rows.loc[(outcome, estimand, measure, "cohorts"), ["value", "lower", "upper"]]
        notation, value, lower, upper, _ = figures({"measure": measure, **row})
        without = lead["words"].partition("moved in parallel: ")[2]
        assert notation.number(abs(value)) in without.partition("(")[0]
        assert f"(95% interval {written_interval(notation, lower, upper)})" in without


def test_sentences_are_made_from_as_many_digits_as_are_published() -> None:
    assert MODELLED.kept == MODELLED.kept_of_rounded == PUBLISHED_DIGITS
