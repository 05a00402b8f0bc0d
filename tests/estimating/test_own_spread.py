"""How much wider than chance clinics' own figures spread, by hand."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pandas as pd
import pytest

from tasks.estimating.own_spread import own_spread
from tasks.network.outcome_section import OutcomeSection

CONTINUOUS = OutcomeSection.model_validate(
    {"label": "Y", "kind": "continuous", "direction": "lower", "unit": "points"}
)
BINARY = OutcomeSection.model_validate({"label": "Y", "kind": "binary", "direction": "lower"})


def moments(rows: list[tuple[int, int]]) -> pd.DataFrame:
    """Clinics of (events, records)."""
    frame = pd.DataFrame(rows, columns=["total", "n"]).astype(float)
    return frame.assign(exposure=frame["n"], mean=frame["total"] / frame["n"], squares=0.0)


def test_chance_alone_has_an_overdispersion_of_one() -> None:
    # 20 clinics of 100 records about 50%: z = (y − 50) / 5 is +1 or −1, so the mean square is 1
    found = own_spread(moments([(55, 100), (45, 100)] * 10), BINARY, np.ones(20))
    assert found is not None
    assert found.overdispersion == pytest.approx(1.0)
    assert found.between == 0.0


def test_of_means_it_says_how_records_of_one_clinic_spread() -> None:
    # 10 clinics of 3 records, one below the mean, one at it, one above: squares of 2 on 2 degrees of freedom
    frame = pd.DataFrame({"n": [3.0] * 10, "mean": [5.0, 7.0] * 5, "squares": [2.0] * 10})
    found = own_spread(frame.assign(total=0.0, exposure=0.0), CONTINUOUS, np.full(10, 3.0))
    assert found is not None
    assert found.within == pytest.approx(1.0)
    assert found.overdispersion == pytest.approx(1.0)  # each lies 1 off, of a variance of 1/3 · 3
    assert np.isnan(own_spread(moments([(55, 100), (45, 100)] * 10), BINARY, np.ones(20)).within)  # type: ignore[union-attr]


def test_what_is_beyond_chance_adds_to_it() -> None:
    """z is ±2: φ = 4; τ² = (20 · 4 − 19) / (20w − w), where w is 1/5² of a square point."""
    found = own_spread(moments([(60, 100), (40, 100)] * 10), BINARY, np.ones(20))
    assert found is not None
    assert found.overdispersion == pytest.approx(4.0)
    assert found.between == pytest.approx(sqrt((20 * 4 - 19) / (19 / 25)))


def test_clinics_of_very_unequal_sizes_spread_as_they_do() -> None:
    """60 clinics of 20 to 15,000 records, SD 10: by DerSimonian & Laird's weights it came to 5.5."""
    found = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        sizes = np.geomspace(20, 15_000, 60).astype(int)
        share = np.clip(rng.normal(0.5, 0.1, 60), 0.05, 0.95)
        rows = list(zip(rng.binomial(sizes, share).tolist(), sizes.tolist(), strict=True))
        spread = own_spread(moments(rows), BINARY, np.ones(60))
        assert spread is not None
        found.append(spread.between)
    # the outermost tenths are drawn in: of normal levels that leaves 0.82 of the SD
    assert np.mean(found) == pytest.approx(8.2, abs=0.8)


def test_records_that_are_alike_leave_less_beyond_chance() -> None:
    found = own_spread(moments([(60, 100), (40, 100)] * 10), BINARY, np.full(20, 4.0))
    assert found is not None
    assert found.overdispersion == pytest.approx(1.0)


def test_one_clinic_far_out_is_drawn_in() -> None:
    """Its z of 8 counts as the ninth decile of all, which is the others' 1."""
    rows = moments([(55, 100), (45, 100)] * 20 + [(90, 100)])
    found = own_spread(rows, BINARY, np.ones(41))
    assert found is not None
    assert found.overdispersion < 1.3


def test_few_clinics_say_nothing() -> None:
    assert own_spread(moments([(60, 100)] * 9), BINARY, np.ones(9)) is None
