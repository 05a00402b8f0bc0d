"""A release's id stands for all that is published."""

from __future__ import annotations

import pandas as pd
import pytest

from tasks.release import CHANGES, TABLES, Since, conform, release_id

EMPTY = {table.name: table.empty() for table in TABLES}
APRIL = Since("92855d900e68", "2020-04")


def test_the_release_compared_with_is_part_of_it_even_where_nothing_changed() -> None:
    ids = {release_id("a", "2020-05", "none", EMPTY, since) for since in (None, APRIL, Since("b", "2020-04"))}
    assert len(ids) == 3


@pytest.mark.slow
def test_what_changed_is_part_of_it() -> None:
    row = {"outcome": "hours", "clinic": "", "month": "", "change": "verdict", "after": "rank"}
    changed = conform(CHANGES, pd.DataFrame([row | {"since": APRIL.period, "since_release": APRIL.id}]))
    same = release_id("a", "2020-05", "none", EMPTY, APRIL)
    assert release_id("a", "2020-05", "none", {**EMPTY, "changes": changed}, APRIL) != same
