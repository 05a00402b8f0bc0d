"""A release after disclosure, read by someone who tries to work out what was withheld."""

import numpy as np
import pandas as pd
import pytest

from tasks.disclosing import POLICIES, SmallNumberPolicy, disclose
from tests.disclosing.networks import MONTHS, Network, Tables, random_network
from tests.disclosing.reader import Reader

POLICY = POLICIES["suppress-1-10"]


def network(records: list[list[int]], events: list[list[int]] | None = None, **more: object) -> Network:
    counted = np.array(records)
    found = np.zeros_like(counted) if events is None else np.array(events)
    return Network(MONTHS[: counted.shape[1]], counted, found, **more)  # type: ignore[arg-type]


def withheld_small(net: Network, reader: Reader) -> list[tuple[str, str, str]]:
    """The unknowns of a reader that the policy guards."""
    found = []
    for (column, clinic, month), i in reader.cells.items():
        if not clinic or reader.lower[i] == reader.upper[i]:
            continue
        value, size = (net.count(each, clinic, month) for each in (column, "size"))
        few_without = column == "event" and value > 0 and size - value <= 10
        if 1 <= value <= 10 or few_without:
            found.append((column, clinic, month))
    return found


def raw(tables: Tables) -> pd.DataFrame:
    estimates = tables["clinic_estimates"]
    return estimates[(estimates["form"] == "raw") & (estimates["outcome"] == "positive")].set_index("clinic")


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("clinics", [8, 14])
def test_no_small_count_is_shown_and_none_can_be_worked_out(seed: int, clinics: int) -> None:
    net = random_network(seed, clinics)
    reader = Reader([disclose(POLICY, net.tables())])
    for key in reader.cells:
        value, size = net.count(*key), net.count("size", *key[1:])
        if reader.lower[reader.cells[key]] == reader.upper[reader.cells[key]] and key[1]:
            assert not 1 <= value <= 10, key
            assert key[0] != "event" or value == 0 or size - value > 10, key
    for key in withheld_small(net, reader):
        low, high = reader.range(key)
        assert low <= net.count(*key) <= high
        assert high - low >= 3, (key, low, high)


def test_the_status_of_a_companion_does_not_tell_it() -> None:
    # 1 + 11 = 12: with the smallest companion, whose status says that it is not small, both would be known
    net = network([[1], [11], [60], [70], [80]])
    reader = Reader([disclose(POLICY, net.tables())])
    low, high = reader.range(("records", "clinic 00", "window 0"))
    assert high - low >= 4


def test_what_the_withheld_clinics_have_together_is_not_small() -> None:
    # 3 and 4 hide each other, but 7 would be the two clinics' size
    after = disclose(POLICY, network([[3], [4], [60], [70], [80]]).tables())
    clinics = after["clinics"].set_index("clinic")["n_records"]
    assert clinics.notna().sum() == 2
    assert after["outcomes"]["n_records"].max() - clinics.sum() > 10


def test_nor_are_the_events_that_they_have_together() -> None:
    records = [[200], [210], [220], [230], [240]]
    after = disclose(POLICY, network(records, [[3], [4], [20], [30], [40]]).tables())
    assert 97 - raw(after)["numerator"].sum() > 10


def test_an_outcome_that_is_rare_in_the_whole_network_is_withheld() -> None:
    after = disclose(POLICY, network([[200, 200], [210, 210], [220, 220]], [[3, 2], [0, 0], [0, 2]]).tables())
    mine = {
        name: frame[frame["outcome"] == "positive"] for name, frame in after.items() if "outcome" in frame
    }
    for name in ("clinic_estimates", "clinic_months", "network_figures", "program_effects"):
        assert mine[name]["value"].isna().all(), name
    assert mine["program_effects"]["words"].str.startswith("withheld").all()
    assert mine["outcomes"]["status"].tolist() == ["suppressed_primary"]
    assert mine["outcomes"]["comparator_value"].isna().all()
    assert after["clinic_months"].query("outcome == 'tests'")["value"].notna().all()


def test_a_small_month_of_the_network_takes_another_with_it() -> None:
    records = [[200, 200, 200, 200], [210, 210, 210, 210], [220, 220, 220, 220]]
    events = [[0, 20, 30, 40], [0, 50, 60, 70], [5, 80, 90, 20]]
    months = disclose(POLICY, network(records, events).tables())["clinic_months"]
    own = months[(months["clinic"] == "") & (months["outcome"] == "positive")]
    assert own["numerator"].notna().tolist() == [False, True, True, False]
    assert own["status"].tolist() == ["suppressed_primary", "ok", "ok", "suppressed_secondary"]
    assert own["centre"].isna().all()


def test_months_of_tiny_clinics_do_not_take_everyone_elses() -> None:
    # a window of 20 in 24 months: every month is small, and no series of another clinic could change that
    rng = np.random.default_rng(0)
    tiny, large = rng.permuted([[1] * 20 + [0] * 4] * 4, axis=1), rng.poisson(80, (8, 24))
    months = disclose(POLICY, network(np.vstack([tiny, large]).tolist()).tables())["clinic_months"]
    tests = months[(months["outcome"] == "tests") & (months["clinic"] != "")]
    shown = tests.groupby("clinic")["value"].count()
    assert shown[:4].tolist() == [0] * 4
    assert sorted(shown[4:]) == [0] + [24] * 7  # one more, since the tiny ones have under 11 together


def test_records_counted_as_an_outcome_are_sizes_too() -> None:
    # few tests at clinic 0 in the first month, and none with a result: clinic 1 hides them, with its results
    missing = np.zeros((4, 3), dtype=int)
    missing[0, 0] = 8
    records = [[8, 40, 50], [20, 21, 22], [60, 61, 62], [70, 71, 72]]
    net = network(records, missing=missing)
    low, high = Reader([disclose(POLICY, net.tables())]).range(("records", "clinic 00", MONTHS[0]))
    assert high - low >= 4


@pytest.mark.parametrize("seed", range(4))
def test_what_was_computed_from_a_withheld_count_goes_with_it(seed: int) -> None:
    after = disclose(POLICY, random_network(seed).tables())
    estimates = after["clinic_estimates"].query("outcome == 'positive'")
    withheld = estimates[estimates["status"].str.startswith("suppressed")]
    assert len(withheld) > 0
    assert withheld[["value", "lower", "upper", "numerator", "reliability", "p_better"]].isna().all(axis=None)
    assert (withheld["comparison"] == "not_compared").all()
    assert withheld["reason"].notna().all()
    gone = set(withheld["clinic"])
    ranks = after["clinic_ranks"]
    assert ranks.loc[ranks["clinic"].isin(gone), "rank_median"].isna().all()
    kept = estimates[~estimates["clinic"].isin(gone)]
    assert kept["value"].notna().all()


def test_a_unanimous_clinic_is_withheld() -> None:
    assert pd.isna(raw(disclose(POLICY, random_network(1).tables())).loc["clinic 02", "value"])


def test_a_mean_of_records_all_alike_is_withheld_with_another() -> None:
    before = network([[40], [50], [60], [70]], kind="continuous").tables()
    estimates = before["clinic_estimates"]
    estimates["lower"], estimates["upper"] = estimates["value"] - 1.0, estimates["value"] + 1.0
    alike = (estimates["clinic"] == "clinic 01") & (estimates["outcome"] == "positive")
    estimates.loc[alike, ["lower", "upper"]] = estimates.loc[alike, "value"]
    after = disclose(POLICY, before)
    assert raw(after)["value"].isna().tolist() == [True, True, False, False]
    assert raw(after)["status"].tolist() == ["suppressed_secondary", "suppressed_primary", "ok", "ok"]
    assert after["clinics"]["n_records"].notna().all()


def test_a_small_clinic_shows_neither_size_nor_dates() -> None:
    clinics = disclose(POLICY, random_network(0).tables())["clinics"].set_index("clinic")
    small = clinics.loc["clinic 00"]
    assert pd.isna(small["n_records"]) and pd.isna(small["first_month"])
    assert small["status"] == "suppressed_primary"
    assert not small["reportable"]


def test_patients_who_came_again_are_not_counted_either() -> None:
    # 80 patients of 100 records, 36 of 45: 9 came again
    clinics = disclose(POLICY, network([[100], [45], [60]]).tables())["clinics"]
    assert clinics["n_patients"].tolist() == [80, pd.NA, 48]


def test_a_series_has_no_gaps_to_fill() -> None:
    months = disclose(POLICY, random_network(3).tables())["clinic_months"]
    for key, series in months[months["clinic"] != ""].groupby(["outcome", "clinic"]):
        shown = series["numerator"].notna()
        assert shown.all() or not shown.any(), key


def test_the_sum_of_squared_sizes_cannot_be_solved_for() -> None:
    # n² of the clinics adds up to N (1 + (design effect - 1) / ICC): with the total it would tell 5 and 90
    net = network([[5], [90], [300], [310], [320]], kind="continuous")
    figures = disclose(POLICY, net.tables())["network_figures"].set_index("figure")["value"]
    effect, icc = float(figures["design_effect"]), float(figures["icc"])
    assert effect == float(f"{effect:.3g}")
    digit = 10.0 ** (np.floor(np.log10(effect)) - 2)
    squares = net.sizes.sum() * (1 + (effect + np.array([-0.5, 0.5]) * digit - 1) / icc)
    others = 300**2 + 310**2 + 320**2
    fit = [a for a in range(1, 11) if squares[0] <= a**2 + (95 - a) ** 2 + others <= squares[1]]
    assert len(fit) > 4


def test_the_correlation_of_clinics_does_not_tell_the_events_of_a_few() -> None:
    # 4, 13 and 12 of 29 are withheld: of the 28 ways that the policy leaves, only this has that correlation
    sizes = [110, 400, 150, 220, 180, 300, 260, 140, 350, 200, 240, 320]
    events = [4, 34, 13, 18, 15, 40, 22, 12, 30, 17, 25, 21]
    after = disclose(POLICY, network([[n] for n in sizes], [[n] for n in events]).tables())
    gone = np.flatnonzero(raw(after)["numerator"].isna())
    shown = after["network_figures"].set_index("figure")["value"].dropna()
    ways = []
    for few in range(1, 11):
        for one in range(11, sum(np.array(events)[gone]) - few - 10):
            way = np.array(events)
            way[gone] = few, one, sum(way[gone]) - few - one
            correlation = correlation_of(np.array(sizes), way)
            if "icc" not in shown or f"{correlation:.3g}" == f"{correlation_of(sizes, events):.3g}":
                ways.append(few)
    assert len(gone) == 3
    assert max(ways) - min(ways) >= 4
    assert "design_effect" not in shown


def correlation_of(sizes: np.ndarray, events: np.ndarray) -> float:
    """The intraclass correlation by analysis of variance."""
    n, y = np.array(sizes, dtype=float), np.array(events, dtype=float)
    k, mean, share = len(n), y.sum() / n.sum(), y / n
    between = (n * (share - mean) ** 2).sum() / (k - 1)
    within = (n * share * (1 - share)).sum() / (n.sum() - k)
    size = (n.sum() - (n**2).sum() / n.sum()) / (k - 1)
    return float((between - within) / (between + (size - 1) * within))


def test_a_correlation_of_many_clinics_that_leaves_many_ways_is_told() -> None:
    rng = np.random.default_rng(1)
    sizes = [19, 19, 14, *rng.integers(1000, 4000, 45)]
    events = [10, 12, 6, *rng.binomial(sizes[3:], rng.beta(20, 15, 45))]
    after = disclose(POLICY, network([[n] for n in sizes], [[n] for n in events]).tables())
    assert raw(after)["numerator"].isna().sum() == 3
    assert after["network_figures"].set_index("figure")["value"].notna()["icc"]


def test_the_quality_table_says_nothing_of_a_clinic_whose_size_is_withheld() -> None:
    records = [[4, 0], [3, 3], [150, 120], [160, 130]]
    missing = np.array([[2, 0], [0, 0], [12, 15], [20, 14]])
    after = disclose(POLICY, network(records, missing=missing).tables())
    gone = set(after["clinics"].loc[after["clinics"]["n_records"].isna(), "clinic"])
    assert {"clinic 00", "clinic 01"} <= gone
    assert not gone & set(after["quality"]["clinic"])
    assert after["quality"].query("clinic == ''")["n_found"].tolist() == [1, 63]


def test_nor_does_it_count_the_months_of_a_clinic_whose_months_are_withheld() -> None:
    # 24 records in 24 months, none of them without records: one in each
    records = [[1] * 24, [2, 0] * 12, [100, 0, *[100] * 22], [80] * 24, [90] * 24]
    quality = disclose(POLICY, network(records).tables())["quality"].query("rule == 'months_without_records'")
    assert quality["clinic"].tolist() == ["", "clinic 02"]


def test_quality_counts_add_up_to_nothing_small() -> None:
    missing = np.array([[4], [12], [30], [0], [25]])
    quality = disclose(POLICY, network([[100], [110], [120], [130], [140]], missing=missing).tables())[
        "quality"
    ]
    found = quality.query("rule == 'positive_missing'").set_index("clinic")["n_found"]
    # 4 and 12 are 16: with 12's status saying that it is not small, 25 must go as well
    assert found.isna().tolist() == [False, True, True, False, True]
    assert found[""] == 71


def test_rounding_rounds_counts_and_derives_percentages_from_them() -> None:
    after = disclose(POLICIES["nhs-7-round-5"], random_network(0).tables())
    shown = raw(after).query("value.notna()")
    assert len(shown) > 0
    assert (shown["numerator"] % 5 == 0).all()
    assert (shown["denominator"] % 5 == 0).all()
    assert shown["value"].to_numpy(dtype=float) == pytest.approx(
        100 * shown["numerator"].to_numpy(dtype=float) / shown["denominator"].to_numpy(dtype=float)
    )
    for table in ("clinics", "outcomes", "program_effects"):
        assert (after[table]["n_records"].dropna() % 5 == 0).all(), table


def test_where_counts_are_rounded_nothing_has_the_digits_of_the_unrounded_ones() -> None:
    before = network([[212], [307], [401]], [[33], [47], [58]]).tables()
    months = before["clinic_months"]
    months["centre"] = 100 * 33 / 212
    after = disclose(POLICIES["nhs-7-round-5"], before)
    assert set(after["clinic_months"]["centre"].dropna()) == {15.6}
    assert after["network_figures"].set_index("figure").loc["mean", "value"] == 15.0


def test_the_policy_of_none_changes_nothing() -> None:
    before = random_network(0).tables()
    after = disclose(POLICIES["none"], before)
    for name, frame in before.items():
        pd.testing.assert_frame_equal(frame, after[name])


def test_the_choice_repeats() -> None:
    first, second = (disclose(POLICY, random_network(5).tables()) for _ in range(2))
    for name, frame in first.items():
        pd.testing.assert_frame_equal(frame, second[name])


@pytest.mark.parametrize("policy", POLICIES.values(), ids=list(POLICIES))
def test_every_policy_says_in_words_what_it_does(policy: SmallNumberPolicy) -> None:
    if policy.withholds:
        assert f"{policy.low} to {policy.high}" in policy.words
        assert policy.is_small([policy.low, policy.high]).all()
        assert not policy.is_small([0, policy.high + 1]).any()
