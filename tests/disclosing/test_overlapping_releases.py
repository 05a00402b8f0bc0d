"""Releases kept by someone who sets the later ones off against what the earlier ones withheld."""

import functools
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.disclosing import POLICIES, decide, mask, overlapping_releases
from tasks.disclosing.cheapest_companions import CheapestCompanions
from tests.disclosing.both_steps import disclose
from tests.disclosing.networks import MONTHS, Network, Tables, random_network
from tests.disclosing.reader import Reader

pytestmark = pytest.mark.attack

POLICY = POLICIES["suppress-1-10"]


RECORDS = [[100] * 3, [110] * 3, [120] * 3, [130] * 3, [140] * 3, [150] * 3]


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


@pytest.mark.slow
def test_a_companion_of_last_month_protects_nothing() -> None:
    # in the first window clinic 1 is the smallest and hides clinic 0's small month; in the second clinic 3
    # does, which has a small month of its own
    net = network([[4, 90, 90, 90], [20, 20, 20, 200], [60, 40, 30, 12], [99, 99, 99, 5], [98, 97, 96, 95]])
    key = ("records", "clinic 00", MONTHS[0])
    apart = Reader(released(net, [(0, 2), (0, 3)], compared=False)).range(key)
    together = Reader(released(net, [(0, 2), (0, 3)])).range(key)
    assert apart == (4, 4)
    assert together[1] - together[0] >= 4


@pytest.mark.slow
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


@pytest.mark.slow
def test_so_does_one_with_few_new_events() -> None:
    records = [[100, 100], [110, 110], [120, 120], [130, 130]]
    net = network(records, [[20, 3], [30, 30], [40, 40], [50, 50]])
    first, second = released(net, [(0, 0), (0, 1)])
    raw = second["clinic_estimates"].query("form == 'raw' and outcome == 'positive'").set_index("clinic")
    assert raw["numerator"].isna().tolist() == [True, True, False, False]
    assert second["clinics"]["n_records"].notna().all()
    low, high = Reader([first, second]).range(("event", "clinic 00", MONTHS[1]))
    assert high - low >= 4


@pytest.mark.slow
def test_or_with_few_new_records_that_lack_the_event() -> None:
    records = [[100, 100], [110, 110], [120, 120], [130, 130]]
    net = network(records, [[20, 97], [30, 30], [40, 40], [50, 50]])
    _, second = released(net, [(0, 0), (0, 1)])
    raw = second["clinic_estimates"].query("form == 'raw' and outcome == 'positive'").set_index("clinic")
    assert pd.isna(raw.loc["clinic 00", "numerator"])


@pytest.mark.slow
def test_a_month_that_left_the_window_is_not_told_by_what_came() -> None:
    # the new month is shown, so the dropped one would be 96 - 100 = new - dropped
    net = network([[4, 96, 100], [5, 90, 95], [70, 75, 65], [99, 90, 80], [60, 61, 62]])
    releases = released(net, [(0, 1), (1, 2)])
    low, high = Reader(releases).range(("records", "clinic 00", MONTHS[0]))
    assert high - low >= 4


@pytest.mark.slow
def test_the_same_release_again_is_the_same() -> None:
    rng = np.random.default_rng(3)
    net = network(rng.poisson(np.exp(rng.normal(3.0, 1.0, 12)), (4, 12)).T.tolist())
    first, second = released(net, [(0, 2), (0, 3)])
    for window, before, once in (((0, 2), [first, second], first), ((0, 3), [first, second], second)):
        again = disclose(POLICY, net.window(*window).tables(), before)
        for name, frame in once.items():
            pd.testing.assert_frame_equal(frame, again[name])


@pytest.mark.before_release
@pytest.mark.slow
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


@pytest.mark.slow
def test_a_later_release_does_not_show_what_an_earlier_companion_hid() -> None:
    # by February clinics 0 and 1 have 30 events together; in March clinic 2, which has a small month of its
    # own, hides clinic 0's months, and to show clinic 1's 12 and 13 leaves 5
    events = [[2, 3, 15], [12, 13, 60], [20, 20, 6], [30, 30, 30], [40, 40, 40], [45, 44, 46]]
    net, key = network(RECORDS, events), ("event", "clinic 00", "window 0")
    assert Reader(released(net, [(0, 1), (0, 2)], compared=False)).range(key) == (5, 5)
    releases = released(net, [(0, 1), (0, 2)])
    low, high = Reader(releases).range(key)
    assert high - low >= 4
    shown = releases[1]["clinic_months"].query("outcome == 'positive' and value.notna()")
    assert shown.loc[shown["clinic"] == "clinic 01", "month"].tolist() == [MONTHS[1]]  # one of the two
    assert shown["clinic"].nunique() == 5  # the network and four of six clinics


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_months_stated_anew_do_not_stop_a_release() -> None:
    rng = np.random.default_rng(4)
    records = rng.poisson(np.exp(rng.normal(3.0, 1.0, 8))[:, None] * np.ones(3))
    first = network(records.tolist())
    late = Network(MONTHS[:3], records + rng.binomial(3, 0.2, records.shape), first.events)
    before = disclose(POLICY, first.window(0, 1).tables())
    after = disclose(POLICY, late.tables(), [before])
    assert after["clinics"]["n_records"].notna().any()
    assert not after["clinics"]["n_records"].between(1, 10).any()


@pytest.mark.slow
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


@pytest.mark.slow
def test_what_one_outcome_showed_of_the_records_is_known_of_all() -> None:
    # 15, 16 and 14 records of clinic 3 stand beside its tests, and not beside its few events; when 16 turn
    # out to be 10, the network's records beside either outcome tell that, less what stood beside the tests
    records = np.array([[40, 41, 42], [50, 51, 52], [60, 61, 62], [15, 16, 14], [70, 71, 72]])
    events = np.full_like(records, 12)
    events[3] = 1
    first = disclose(POLICY, Network(MONTHS[:3], records, events).tables())
    corrected = records.copy()
    corrected[3, 1] = 10
    second = disclose(POLICY, Network(MONTHS[:3], corrected, events).tables(), [first])
    months = first["clinic_months"].query("clinic == 'clinic 03'").set_index(["outcome", "month"])
    assert months.loc["tests", "numerator"].tolist() == [15, 16, 14]
    assert months.loc["positive", "denominator"].isna().all()
    assert second["outcomes"]["n_records"].isna().all()
    network_months = second["clinic_months"].query("clinic == ''").set_index(["outcome", "month"])
    assert pd.isna(network_months.loc[("positive", MONTHS[1]), "denominator"])


def without(tables: Tables, *outcomes: str) -> Tables:
    """A release before these outcomes were in the network file."""
    return {
        name: frame[~frame["outcome"].isin(outcomes)] if "outcome" in frame else frame
        for name, frame in tables.items()
    }


@functools.cache
def first_of_kind(kind: str) -> tuple[Tables, Tables]:
    """A network's tables, and its first release."""
    net = random_network(2, 8)
    net.kind = kind
    tables = net.tables()
    return tables, disclose(POLICY, tables)


@pytest.mark.slow
def test_what_hid_something_before_is_not_looked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_for = list[int]()
    found = CheapestCompanions.found

    def noted(self: CheapestCompanions, *asked: Any) -> Any:
        looked_for.append(asked[2])
        return found(self, *asked)

    monkeypatch.setattr(CheapestCompanions, "found", noted)

    def of_six() -> tuple[int, list[int]]:
        """How often companions are looked for in six releases, and how many months each withholds."""
        net, published = random_network(0, 20, 14), list[Tables]()
        looked_for.clear()
        for first in range(6):
            tables = net.window(first, first + 7).tables()
            published.append(mask(POLICY, tables, decide(POLICY, tables, published)))
        return len(looked_for), [int(each["clinic_months"]["value"].isna().sum()) for each in published]

    often, withheld = of_six()
    monkeypatch.setattr(
        overlapping_releases, "_never_shown", lambda names, _, clinics: np.zeros((clinics, len(names)), bool)
    )
    anew, as_many = of_six()
    assert often < 0.7 * anew
    assert withheld == as_many


@functools.cache
def grown() -> tuple[Tables, Tables]:
    """The first release of three months, and the tables of four."""
    net = random_network(2, 8, 4)
    return disclose(POLICY, net.window(0, 2).tables()), net.window(0, 3).tables()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["binary", "continuous", "count"])
@pytest.mark.parametrize("added", [("positive",), ("tests",), ("positive", "tests")])
def test_an_outcome_that_no_release_had_before_is_disclosed_as_if_it_were_the_first(
    kind: str, added: tuple[str, ...]
) -> None:
    tables, first = first_of_kind(kind)
    again = disclose(POLICY, tables, [without(first, *added)])
    for name, frame in first.items():
        pd.testing.assert_frame_equal(frame, again[name])


@pytest.mark.slow
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
    first, later = grown()
    after = disclose(POLICY, later, [first | {table: first[table].iloc[:0]}])
    assert after["clinics"]["n_records"].notna().any()
    assert not after["clinics"]["n_records"].between(1, 10).any()


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["suppress-1-4", "nhs-7-round-5"])
def test_other_policies_look_at_earlier_releases_too(policy: str) -> None:
    rng = np.random.default_rng(5)
    records = rng.poisson(np.exp(rng.normal(3.5, 1.0, 10))[:, None] * np.ones(4))
    net = network(records.tolist(), rng.binomial(records, 0.3).tolist())
    published = [disclose(POLICIES[policy], net.window(0, 2).tables())]
    published.append(disclose(POLICIES[policy], net.window(1, 3).tables(), published))
    for tables in published:
        assert tables["clinic_estimates"]["value"].notna().any()


@pytest.mark.before_release
@pytest.mark.slow
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
