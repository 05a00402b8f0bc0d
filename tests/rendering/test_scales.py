from __future__ import annotations

import itertools

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reports.wording import speaking
from tasks.rendering.charts.scales import Scale, quantile, spanning

sizes = st.floats(1e-3, 1e6)


@given(st.floats(-1e6, 1e6), sizes, st.integers(2, 8))
def test_ticks_of_a_linear_scale_are_on_it_evenly_spaced_and_written_truly(
    low: float, span: float, about: int
) -> None:
    assume(span > 1e-9 * abs(low))
    scale = Scale(low, low + span, 0.0, 100.0)
    ticks = scale.ticks(about)
    assert 1 <= len(ticks) <= 2 * about + 2
    places = [tick.at for tick in ticks]
    assert places == sorted(places)
    gaps = [right - left for left, right in itertools.pairwise(places)]
    assert max(gaps, default=0.0) - min(gaps, default=0.0) <= 0.021
    for tick in ticks:
        value = float(tick.label.replace(",", "").replace("−", "-"))
        assert abs(scale(value) - tick.at) <= 0.011 + 100 * 1e-9 * abs(value) / span


@given(st.floats(1e-3, 1e3), st.floats(1.05, 1e6), st.integers(3, 6))
def test_ticks_of_a_logarithmic_scale_are_on_it_and_few(low: float, ratio: float, about: int) -> None:
    scale = Scale(low, low * ratio, 0.0, 100.0, logarithmic=True)
    ticks = scale.ticks(about)
    assert len(ticks) <= about + 4
    assert all(0 <= tick.at <= 100 for tick in ticks)


def test_equal_ratios_take_equal_space_on_a_logarithmic_scale() -> None:
    scale = Scale(1.0, 100.0, 0.0, 200.0, logarithmic=True)
    assert (scale(1.0), scale(10.0), scale(100.0)) == (0.0, 100.0, 200.0)


def test_a_value_beyond_the_axis_stands_at_its_end_and_is_known_to_be_beyond() -> None:
    scale = Scale(0.0, 10.0, 0.0, 100.0)
    assert scale(15.0) == 100.0
    assert not scale.holds(15.0)
    assert scale.holds(10.0)


def test_an_upward_axis_runs_from_bottom_to_top() -> None:
    scale = Scale(0.0, 10.0, 90.0, 10.0)
    assert scale(0.0) == 90.0
    assert scale(10.0) == 10.0


def test_percentages_never_leave_nought_to_a_hundred() -> None:
    scale = spanning([0.5, 99.0], 0.0, 100.0, floor=0.0, ceiling=100.0)
    assert scale.low == 0.0
    assert scale.high == 100.0


@pytest.mark.parametrize("values", [[], [None], [5.0], [5.0, 5.0], [float("nan")]])
def test_a_scale_of_nothing_or_of_one_value_is_still_a_scale(values: list[float | None]) -> None:
    assert spanning(values, 0.0, 100.0).low < spanning(values, 0.0, 100.0).high
    assert spanning(values, 0.0, 100.0, logarithmic=True).low > 0


def test_a_scale_refuses_what_is_none() -> None:
    with pytest.raises(ValueError, match="low < high"):
        Scale(1.0, 1.0, 0.0, 1.0)
    with pytest.raises(ValueError, match="low > 0"):
        Scale(0.0, 1.0, 0.0, 1.0, logarithmic=True)


def test_quantiles() -> None:
    assert quantile([4.0, 1.0, 3.0, 2.0], 0.5) == 2.5
    assert quantile([7.0], 0.9) == 7.0


def test_an_axis_that_counts_has_whole_ticks() -> None:
    labels = [tick.label for tick in Scale(1.0, 4.0, 0.0, 100.0).ticks(8, whole=True)]
    assert labels == ["1", "2", "3", "4"]


def test_ticks_of_a_logarithmic_axis_have_no_more_decimals_than_they_need_in_any_language() -> None:
    said = {}
    for language in ("en", "es"):
        with speaking(language):
            small = [tick.label for tick in Scale(0.05, 20.0, 0.0, 100.0, logarithmic=True).ticks()]
            large = [tick.label for tick in Scale(10.0, 2_000.0, 0.0, 100.0, logarithmic=True).ticks()]
        said[language] = (*small, *large)
    assert said["en"] == tuple(
        each.replace(".", "#").replace(",", ".").replace("#", ",") for each in said["es"]
    )
    assert {"0.1", "1", "10", "100", "1,000"} <= set(said["en"])


@pytest.mark.parametrize(("low", "high"), [(1e-6, 1e4), (1e-3, 1e7), (1.0, 2e5), (2.0, 3e10), (30.0, 9e6)])
@pytest.mark.parametrize("width", [92.0, 112.0, 226.0])
def test_labels_of_many_decades_stand_clear_of_each_other(low: float, high: float, width: float) -> None:
    ticks = Scale(low, high, 4.0, width - 4.0, logarithmic=True).ticks(4)
    assert len(ticks) >= 2
    assert not [tick.label for tick in ticks if tick.label.startswith("<")]
    for tick, after in itertools.pairwise(ticks):
        assert after.at - tick.at >= 3.9 * (len(tick.label) + len(after.label)) / 2.0


def test_the_powers_of_a_sparse_axis_are_at_equal_distance_and_one_is_among_them() -> None:
    labels = [tick.label for tick in Scale(1e-6, 1e4, 0.0, 226.0, logarithmic=True).ticks(4)]
    assert labels == ["0.000001", "0.001", "1", "1,000"]
