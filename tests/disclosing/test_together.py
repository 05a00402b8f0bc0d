"""Releases kept by someone who sets the later ones off against what the earlier ones withheld."""

import numpy as np
import pandas as pd
import pytest

from tasks.disclosing import POLICIES, disclose
from tests.disclosing.networks import MONTHS, Network, Tables, random_network
from tests.disclosing.reader import Reader
from tests.disclosing.test_earlier import POLICY, network, released

RECORDS = [[100] * 3, [110] * 3, [120] * 3, [130] * 3, [140] * 3, [150] * 3]


def test_a_later_release_does_not_show_what_an_earlier_companion_hid() -> None:
    # by February clinics 0 and 1 have 30 events together; to show clinic 1's 12 and 13 in March leaves 5
    events = [[2, 3, 15], [12, 13, 60], [20, 20, 20], [30, 30, 30], [40, 40, 40], [45, 44, 46]]
    net, key = network(RECORDS, events), ("event", "clinic 00", "window 0")
    assert Reader(released(net, [(0, 1), (0, 2)], compared=False)).range(key) == (5, 5)
    releases = released(net, [(0, 1), (0, 2)])
    low, high = Reader(releases).range(key)
    assert high - low >= 4
    shown = releases[1]["clinic_months"].query("outcome == 'positive' and value.notna()")
    assert shown["clinic"].nunique() == 4  # the network and three of six clinics


def test_two_totals_do_not_tell_the_month_between_them() -> None:
    # 36 events by February, 41 by March: 5 in March
    events = [[2, 3, 1], [2, 3, 1], [4, 2, 0], [3, 1, 1], [2, 5, 1], [4, 5, 1]]
    net, key = network(RECORDS, events), ("event", "", MONTHS[2])
    assert Reader(released(net, [(0, 1), (0, 2)], compared=False)).range(key) == (5, 5)
    first, second = released(net, [(0, 1), (0, 2)])
    low, high = Reader([first, second]).range(key)
    assert high - low >= 4
    own = second["clinic_months"].query("outcome == 'positive' and clinic == ''")
    assert own["numerator"].notna().tolist() == [True, True, False]
    mean = second["network_figures"].set_index("figure").loc["mean"]
    assert pd.isna(mean["value"])
    assert mean["status"] == "suppressed_secondary"


def test_nor_do_two_totals_of_records() -> None:
    records = [[30, 40, 0], [50, 45, 0], [60, 65, 3], [70, 60, 4]]
    net, key = network(records), ("records", "", MONTHS[2])
    releases = released(net, [(0, 1), (0, 2)])
    low, high = Reader(releases).range(key)
    assert high - low >= 4
    assert releases[1]["outcomes"]["n_records"].isna().all()
    assert (
        releases[1]["quality"].query("clinic == '' and counts != 'clinic-months'")["n_checked"].isna().all()
    )


def test_once_the_months_are_many_the_total_is_shown_again() -> None:
    events = [[2, 3, 1, 9], [2, 3, 1, 8], [4, 2, 0, 7], [3, 1, 1, 9], [2, 5, 1, 9], [4, 5, 1, 5]]
    net = network([[*row, row[0]] for row in RECORDS], events)
    releases = released(net, [(0, 1), (0, 2), (0, 3)])
    figures = [each["network_figures"].set_index("figure")["value"].notna()["mean"] for each in releases]
    assert figures == [True, False, True]
    months = releases[2]["clinic_months"].query("outcome == 'positive' and clinic == ''")
    assert months["numerator"].notna().tolist() == [True, True, False, False]
    low, high = Reader(releases).range(("event", "", MONTHS[2]))
    assert high - low >= 4


def test_months_stated_anew_do_not_stop_a_release() -> None:
    rng = np.random.default_rng(4)
    records = rng.poisson(np.exp(rng.normal(3.0, 1.0, 8))[:, None] * np.ones(3))
    first = network(records.tolist())
    late = Network(MONTHS[:3], records + rng.binomial(3, 0.2, records.shape), first.events)
    before = disclose(POLICY, first.window(0, 1).tables())
    after = disclose(POLICY, late.tables(), [before])
    assert after["clinics"]["n_records"].notna().any()
    assert not after["clinics"]["n_records"].between(1, 10).any()


def test_a_clinic_that_is_gone_still_counts_in_the_releases_that_had_it() -> None:
    net = network([[5, 6, 0], [30, 20, 40], [60, 61, 62], [70, 71, 72], [80, 81, 82]])
    first = disclose(POLICY, net.window(0, 1).tables())
    left = network(net.records[1:].tolist())
    left.names = net.names[1:]
    part = left.window(1, 2)
    part.names = left.names
    after = disclose(POLICY, part.tables(), [first])
    assert set(after["clinics"]["clinic"]) == set(net.names[1:])
    assert after["clinics"]["n_records"].notna().any()


def without(tables: Tables, *outcomes: str) -> Tables:
    """A release before these outcomes were in the network file."""
    return {
        name: frame[~frame["outcome"].isin(outcomes)] if "outcome" in frame else frame
        for name, frame in tables.items()
    }


@pytest.mark.parametrize("kind", ["binary", "continuous", "count"])
@pytest.mark.parametrize("added", [("positive",), ("tests",), ("positive", "tests")])
def test_an_outcome_that_no_release_had_before_is_disclosed_as_if_it_were_the_first(
    kind: str, added: tuple[str, ...]
) -> None:
    net = random_network(2, 8)
    net.kind = kind
    first = disclose(POLICY, net.tables())
    again = disclose(POLICY, net.tables(), [without(first, *added)])
    for name, frame in first.items():
        pd.testing.assert_frame_equal(frame, again[name])


def test_nor_do_clinics_under_other_names_stop_a_release() -> None:
    net = random_network(2, 8, 4)
    first = disclose(POLICY, net.window(0, 2).tables())
    later = net.window(1, 3)
    later.names = tuple(f"{name} (moved)" for name in later.names)
    after = disclose(POLICY, later.tables(), [first])
    assert set(after["clinics"]["clinic"]) == set(later.names)
    assert after["clinics"]["n_records"].notna().any()
    assert not after["clinics"]["n_records"].between(1, 10).any()


@pytest.mark.parametrize("table", ["clinics", "clinic_estimates", "clinic_months", "network_figures"])
def test_nor_does_a_table_that_was_empty_then(table: str) -> None:
    net = random_network(2, 8, 4)
    first = disclose(POLICY, net.window(0, 2).tables())
    after = disclose(POLICY, net.window(0, 3).tables(), [first | {table: first[table].iloc[:0]}])
    assert after["clinics"]["n_records"].notna().any()
    assert not after["clinics"]["n_records"].between(1, 10).any()


@pytest.mark.parametrize("policy", ["suppress-1-4", "nhs-7-round-5"])
def test_other_policies_look_at_earlier_releases_too(policy: str) -> None:
    rng = np.random.default_rng(5)
    records = rng.poisson(np.exp(rng.normal(3.5, 1.0, 10))[:, None] * np.ones(4))
    net = network(records.tolist(), rng.binomial(records, 0.3).tolist())
    published = [disclose(POLICIES[policy], net.window(0, 2).tables())]
    published.append(disclose(POLICIES[policy], net.window(1, 3).tables(), published))
    for tables in published:
        assert tables["clinic_estimates"]["value"].notna().any()


@pytest.mark.parametrize("seed", range(3))
def test_no_small_count_follows_from_releases_that_grow(seed: int) -> None:
    rng = np.random.default_rng(seed)
    records = rng.poisson(np.exp(rng.normal(4.0, 0.9, 8))[:, None] * np.ones(4))
    net = network(records.tolist(), rng.binomial(records, 0.2).tolist())
    windows = [(0, 1), (0, 2), (0, 3)]
    reader = Reader(released(net, windows))
    for (column, clinic, month), i in reader.cells.items():
        if reader.lower[i] == reader.upper[i]:
            continue
        part = net.window(*windows[int(month[-1])]) if "window" in month else net
        value = part.count(column, clinic, month)
        if 1 <= value <= 10:
            low, high = reader.range((column, clinic, month))
            assert low <= value <= high
            assert high - low >= 3, (column, clinic, month, low, high)
