"""Several releases of one network, read together."""

import numpy as np
import pandas as pd
import pytest

from tasks.disclosing import POLICIES, disclose
from tests.disclosing.networks import MONTHS, Network, Tables
from tests.disclosing.reader import Reader

POLICY = POLICIES["suppress-1-10"]


def network(records: list[list[int]], events: list[list[int]] | None = None) -> Network:
    counted = np.array(records)
    found = np.zeros_like(counted) if events is None else np.array(events)
    return Network(MONTHS[: counted.shape[1]], counted, found)


def released(net: Network, windows: list[tuple[int, int]], *, compared: bool = True) -> list[Tables]:
    """Releases of some windows, one after the other."""
    published: list[Tables] = []
    for first, last in windows:
        published.append(disclose(POLICY, net.window(first, last).tables(), published if compared else ()))
    return published


def test_a_companion_of_last_month_protects_nothing() -> None:
    # in the first window clinic 1 is the smallest and hides clinic 0's small month, in the second clinic 2 is
    net = network([[4, 90, 90, 90], [20, 20, 20, 200], [60, 40, 30, 12], [99, 99, 99, 99], [98, 97, 96, 95]])
    key = ("records", "clinic 00", MONTHS[0])
    apart = Reader(released(net, [(0, 2), (0, 3)], compared=False)).range(key)
    together = Reader(released(net, [(0, 2), (0, 3)])).range(key)
    assert apart == (4, 4)
    assert together[1] - together[0] >= 4


def test_a_window_that_grew_by_few_records_waits_for_more() -> None:
    net = network([[40, 6, 9, 90], [80, 90, 95, 85], [70, 75, 65, 60], [99, 90, 80, 70]])
    first, second, third, fourth = released(net, [(0, 0), (0, 1), (0, 2), (0, 3)])
    sizes = [each["clinics"].set_index("clinic")["n_records"] for each in (first, second, third, fourth)]
    assert sizes[0]["clinic 00"] == 40
    assert pd.isna(sizes[1]["clinic 00"])  # 46 - 40 = 6
    assert sizes[1].isna().sum() == 2  # with a companion, or the total would tell
    assert sizes[2]["clinic 00"] == 55  # 15 more than was last shown
    assert sizes[3]["clinic 00"] == 145
    low, high = Reader([first, second, third, fourth]).range(("records", "clinic 00", MONTHS[1]))
    assert high - low >= 4
    assert Reader(released(net, [(0, 0), (0, 1)], compared=False)).range(
        ("records", "clinic 00", MONTHS[1])
    ) == (6, 6)


def test_so_does_one_with_few_new_events() -> None:
    records = [[100, 100], [110, 110], [120, 120], [130, 130]]
    net = network(records, [[20, 3], [30, 30], [40, 40], [50, 50]])
    first, second = released(net, [(0, 0), (0, 1)])
    raw = second["clinic_estimates"].query("form == 'raw' and outcome == 'positive'").set_index("clinic")
    assert raw["numerator"].isna().tolist() == [True, True, False, False]
    assert second["clinics"]["n_records"].notna().all()
    low, high = Reader([first, second]).range(("event", "clinic 00", MONTHS[1]))
    assert high - low >= 4


def test_or_with_few_new_records_that_lack_the_event() -> None:
    records = [[100, 100], [110, 110], [120, 120], [130, 130]]
    net = network(records, [[20, 97], [30, 30], [40, 40], [50, 50]])
    _, second = released(net, [(0, 0), (0, 1)])
    raw = second["clinic_estimates"].query("form == 'raw' and outcome == 'positive'").set_index("clinic")
    assert pd.isna(raw.loc["clinic 00", "numerator"])


def test_a_month_that_left_the_window_is_not_told_by_what_came() -> None:
    # the new month is shown, so the dropped one would be 96 - 100 = new - dropped
    net = network([[4, 96, 100], [5, 90, 95], [70, 75, 65], [99, 90, 80], [60, 61, 62]])
    releases = released(net, [(0, 1), (1, 2)])
    low, high = Reader(releases).range(("records", "clinic 00", MONTHS[0]))
    assert high - low >= 4


def test_the_same_release_again_is_the_same() -> None:
    rng = np.random.default_rng(3)
    net = network(rng.poisson(np.exp(rng.normal(3.0, 1.0, 12)), (4, 12)).T.tolist())
    first, second = released(net, [(0, 2), (0, 3)])
    for window, before, once in (((0, 2), [first, second], first), ((0, 3), [first, second], second)):
        again = disclose(POLICY, net.window(*window).tables(), before)
        for name, frame in once.items():
            pd.testing.assert_frame_equal(frame, again[name])


@pytest.mark.parametrize("seed", range(3))
def test_no_small_count_follows_from_three_releases(seed: int) -> None:
    rng = np.random.default_rng(seed)
    records = rng.poisson(np.exp(rng.normal(4.0, 0.9, 10))[:, None] * np.ones(5))
    net = network(records.tolist(), rng.binomial(records, 0.3).tolist())
    reader = Reader(released(net, [(0, 2), (1, 3), (2, 4)]))
    for (column, clinic, month), i in reader.cells.items():
        if not clinic or "window" in month or reader.lower[i] == reader.upper[i]:
            continue
        value = net.count(column, clinic, month)
        if 1 <= value <= 10:
            low, high = reader.range((column, clinic, month))
            assert low <= value <= high
            assert high - low >= 3, (column, clinic, month, low, high)
