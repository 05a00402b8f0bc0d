"""Months since the start without events: they cost neither the average nor one another."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tasks.models import program_effect
from tasks.models.program_effects.rollout import rollout_declared
from tasks.models.program_effects.sparse_months import FEWEST_EVENTS, shared_months
from tasks.records import cells_for


def rolled_out(events_late: int) -> pd.DataFrame:
    """Eight clinics of 40 records a month start in months 2 to 5 of eight; 4 in 40 have the event.

    From the fourth month since the start on, only `events_late` records in all do.
    """
    rows = []
    left = events_late
    for clinic in range(8):
        for month in range(8):
            since = month - (2 + clinic // 2)
            events = 3 + (clinic + month) % 3
            if since >= 4:
                events, left = min(left, 1), left - min(left, 1)
            rows += [(f"c{clinic}", month, int(since >= 0), int(each < events)) for each in range(40)]
    return pd.DataFrame(rows, columns=["clinic", "month", "program", "y"])


def test_a_month_without_events_shares_the_effect_of_the_one_before() -> None:
    """Nobody has the event in months 4 and 5: each alone has no finite odds ratio, and cost the model."""
    frame = rolled_out(0)
    found = program_effect("y ~ 1", frame, family="binomial", effect="exposure-time")
    assert found.data.shared == {5.0: 3.0, 4.0: 3.0}
    assert found.data.months_of("program3") == (3.0, 4.0, 5.0)
    assert (found.table["status"] == "ok").all()
    months = found.by_month().set_index("term")
    assert list(months.index) == [str(each) for each in range(6)]
    assert months.loc["3", "value"] == months.loc["5", "value"] != months.loc["2", "value"]
    # the average counts each month alike, however many share an effect
    odds = np.log(months["value"].astype(float))
    average = found.table[(found.table["model"] == "mixed") & (found.table["measure"] == "odds_ratio")]
    assert np.log(float(average["value"].iloc[0])) == pytest.approx(float(odds.mean()), rel=1e-9)


def test_months_with_enough_events_keep_their_own() -> None:
    frame = rolled_out(6)  # one each in six of six clinics' months: four in month 4, two in month 5
    _, cells = cells_for("y ~ 1", frame, groups=("clinic", "month"))
    starts = {f"c{clinic}": 2 + clinic // 2 for clinic in range(8)}
    rollout = rollout_declared(cells.levels, cells.codes, cells.weight, "program", starts)
    # two events in month 5 are too few; with the four in month 4 they are enough
    assert FEWEST_EVENTS == 5
    assert shared_months(cells, rollout, binary=True) == {5.0: 4.0}


@pytest.mark.parametrize("binary", [True, False])
def test_everybody_is_as_little_as_nobody_where_there_are_no_counts_beyond_one(binary: bool) -> None:
    frame = rolled_out(0)
    frame["y"] = 1 - frame["y"]
    _, cells = cells_for("y ~ 1", frame, groups=("clinic", "month"))
    starts = {f"c{clinic}": 2 + clinic // 2 for clinic in range(8)}
    rollout = rollout_declared(cells.levels, cells.codes, cells.weight, "program", starts)
    assert shared_months(cells, rollout, binary=binary) == ({5.0: 3.0, 4.0: 3.0} if binary else {})
