"""A release after disclosure, read by someone who tries to work out what was withheld."""

from typing import get_args

import numpy as np
import pandas as pd
import pytest

from tasks.disclosing import POLICIES, SmallNumberPolicy
from tasks.disclosing.release_counts import KINDS
from tasks.network.outcome_section import OutcomeSection
from tests.disclosing.both_steps import disclose
from tests.disclosing.networks import MONTHS, Network, Tables, random_network
from tests.disclosing.reader import Reader

pytestmark = pytest.mark.attack

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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_an_outcome_that_all_but_one_clinic_have_whole_is_withheld() -> None:
    # 11 without the event, all at clinic 2: its status would say that not few are, so nobody else's are
    after = disclose(POLICY, network([[200], [210], [220]], [[200], [210], [209]]).tables())
    assert raw(after)["numerator"].isna().all()
    assert after["outcomes"].set_index("outcome").loc["positive", "status"] == "suppressed_primary"
    figures = after["network_figures"].set_index("figure")["value"]
    assert pd.isna(figures["mean"])
    shown = disclose(POLICY, network([[200], [210], [220]], [[200], [200], [189]]).tables())
    assert shown["outcomes"]["status"].tolist() == ["ok", "ok"]


@pytest.mark.parametrize("records", [[[100], [110], [120]], [[1], [2], [1]]], ids=["large", "tiny"])
def test_a_kind_of_outcome_that_nobody_has_named_is_refused(records: list[list[int]]) -> None:
    with pytest.raises(ValueError, match="counts can point at patients in an outcome of kind 'ordinal'"):
        disclose(POLICY, network(records, kind="ordinal").tables())


def test_every_kind_that_a_network_file_may_have_is_named() -> None:
    assert {*get_args(OutcomeSection.model_fields["kind"].annotation), "records"} == set(KINDS)


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


def test_what_was_computed_from_a_withheld_count_goes_with_it() -> None:
    # 3 of 100 is few; 18 of 80, the next smallest, hides it: of 21 together the one may have 1 to 10, and the
    # other 11 or more. 30 of 90 and 48 of 120 stay
    after = disclose(POLICY, network([[100], [80], [90], [120]], [[3], [18], [30], [48]]).tables())
    estimates = after["clinic_estimates"].query("outcome == 'positive'")
    for form in ("raw", "shrunken"):
        of_form = estimates[estimates["form"] == form]
        assert of_form["status"].tolist() == ["suppressed_primary", "suppressed_secondary", "ok", "ok"]
        assert of_form["numerator"].tolist() == [pd.NA, pd.NA, 30, 48]
        assert of_form["denominator"].tolist() == [100, 80, 90, 120]
    raw_value = raw(after)["value"]
    assert raw_value.isna().tolist() == [True, True, False, False]
    assert raw_value[2:].tolist() == pytest.approx([100 * 30 / 90, 100 * 48 / 120])
    shrunken = estimates[estimates["form"] == "shrunken"]
    assert shrunken["comparison"].tolist() == ["not_compared", "not_compared", "no_different", "no_different"]
    assert shrunken["reliability"].tolist()[:2] == [pd.NA, pd.NA]
    # 90 / (90 + 20) and 120 / (120 + 20), to four digits
    assert shrunken["reliability"].tolist()[2:] == [0.8182, 0.8571]
    assert after["clinic_ranks"]["rank_median"].isna().tolist() == [True, True, False, False]
    assert after["clinics"]["reportable"].tolist() == [True] * 4  # their tests are shown


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


def test_what_is_withheld_of_a_series_is_labelled_alike() -> None:
    months = disclose(POLICY, random_network(3).tables())["clinic_months"]
    for key, series in months[months["clinic"] != ""].groupby(["outcome", "clinic"]):
        gone = series[series["numerator"].isna()]
        assert len(gone[["status", "reason"]].drop_duplicates()) <= 1, key
        few = (gone["status"] == "suppressed_primary").any()
        assert not (few and (series["numerator"] == 0).any()), key  # or the others would not be nothing
        assert series[["centre", "lower_limit", "signal"]].isna().all().all() or gone.empty, key


@pytest.mark.slow
def test_how_many_months_have_no_records_is_not_told_where_months_are_withheld() -> None:
    # 24 records in 24 months, none without one, are one in each
    rng = np.random.default_rng(0)
    net = network(np.vstack([np.ones((1, 24), dtype=int), rng.poisson(80, (5, 24))]).tolist())
    quality = disclose(POLICY, net.tables())["quality"]
    assert not (quality["rule"] == "months_without_records").any()
    large = disclose(POLICY, network(rng.poisson(80, (5, 24)).tolist()).tables())["quality"]
    assert large.loc[large["rule"] == "months_without_records", "clinic"].tolist() == [""]


def test_the_sum_of_squared_sizes_cannot_be_solved_for() -> None:
    # with ICC 0.1 the design effect is 1 + 0.1 (Σn²/N − 1). N = 1,025, and Σn² = 25 + 8,100 + 288,500 =
    # 296,625 of which the clinics shown have 300² + 310² + 320² = 288,500: 29.84, published as 29.8
    net = network([[5], [90], [300], [310], [320]], kind="continuous")
    after = disclose(POLICY, net.tables())
    assert after["clinics"]["n_records"].isna().tolist() == [True, True, False, False, False]
    assert after["network_figures"].set_index("figure").loc["design_effect", "value"] == 29.8
    # 29.75 to 29.85 are Σn² from 295,712.5 to 296,737.5, so a² + (95 − a)² from 7,212.5 to 8,237.5: of
    # 4² + 91² = 8,297, 5² + 90² = 8,125, … 10² + 85² = 7,325 all but the first
    assert [a for a in range(1, 11) if 7212.5 <= a**2 + (95 - a) ** 2 <= 8237.5] == [5, 6, 7, 8, 9, 10]


def test_the_quality_table_says_nothing_of_a_clinic_whose_size_is_withheld() -> None:
    records = [[4, 0], [3, 3], [150, 120], [160, 130]]
    missing = np.array([[2, 0], [0, 0], [12, 15], [20, 14]])
    after = disclose(POLICY, network(records, missing=missing).tables())
    gone = set(after["clinics"].loc[after["clinics"]["n_records"].isna(), "clinic"])
    assert {"clinic 00", "clinic 01"} <= gone
    assert not gone & set(after["quality"]["clinic"])
    assert after["quality"].query("clinic == ''")["n_found"].tolist() == [63]  # of results, not of months


def test_nor_does_it_count_the_months_of_a_clinic_whose_months_are_withheld() -> None:
    # 24 records in 24 months, none of them without records: one in each; nor does the network's own row
    records = [[1] * 24, [2, 0] * 12, [100, 0, *[100] * 22], [80] * 24, [90] * 24]
    quality = disclose(POLICY, network(records).tables())["quality"].query("rule == 'months_without_records'")
    assert quality["clinic"].tolist() == ["clinic 02"]


def _found(policy: SmallNumberPolicy, *, about_values: bool) -> pd.Series:
    """Clinic → how many a rule found, of 4, 12, 30, 0 and 25."""
    missing = np.array([[4], [12], [30], [0], [25]])
    tables = network([[100], [110], [120], [130], [140]], missing=missing).tables()
    if not about_values:
        tables["quality"]["counts"] = "records"
    quality = disclose(policy, tables)["quality"]
    return quality.query("rule == 'positive_missing'").set_index("clinic")["n_found"]


def test_how_many_values_are_missing_is_not_called_withheld() -> None:
    """It is a clinic's records less its results, which both are shown; of rounded ones it does not follow."""
    assert _found(POLICY, about_values=True).tolist() == [71, 4, 12, 30, 25]
    rounded = _found(POLICIES["nhs-7-round-5"], about_values=True)
    assert rounded.isna().tolist() == [False, True, True, False, False]


def test_quality_counts_add_up_to_nothing_small() -> None:
    found = _found(POLICY, about_values=False)
    # 4 and 12 are 16, and 12's status says that it is at least 11: that leaves 1 to 5. With 25 instead they
    # are 29, and anything from 1 to 10 agrees; then 12 is not needed
    assert found.isna().tolist() == [False, True, False, False, True]
    assert found[""] == 71


def test_rounding_rounds_counts_and_derives_percentages_from_them() -> None:
    after = disclose(POLICIES["nhs-7-round-5"], network([[212], [307], [401]], [[33], [47], [58]]).tables())
    shown = raw(after)
    assert shown["denominator"].tolist() == [210, 305, 400]
    assert shown["numerator"].tolist() == [35, 45, 60]
    assert shown["value"].tolist() == pytest.approx([100 * 35 / 210, 100 * 45 / 305, 15.0])
    # Wilson's interval of 60 in 400: centre (0.15 + 3.8415/800) / (1 + 3.8415/400) = 0.15333, half width
    # 1.95996 √(0.15 · 0.85 / 400 + 3.8415 / 640,000) / 1.0096 = 0.03499
    assert shown["lower"].iloc[2] == pytest.approx(11.834, abs=0.002)
    assert shown["upper"].iloc[2] == pytest.approx(18.832, abs=0.002)
    assert after["clinics"]["n_records"].tolist() == [210, 305, 400]
    assert after["clinics"]["n_patients"].tolist() == [170, 245, 320]  # 170, 246 and 321
    # 212 + 307 + 401 = 920
    assert after["outcomes"]["n_records"].tolist() == [920, 920]
    assert after["program_effects"]["n_records"].tolist() == [920]


@pytest.mark.slow
def test_where_counts_are_rounded_nothing_has_the_digits_of_the_unrounded_ones() -> None:
    before = network([[212], [307], [401]], [[33], [47], [58]]).tables()
    months = before["clinic_months"]
    months["centre"] = 100 * 33 / 212
    after = disclose(POLICIES["nhs-7-round-5"], before)
    assert set(after["clinic_months"]["centre"].dropna()) == {15.6}
    # 138 of 920 are 140 of 920
    assert after["network_figures"].set_index("figure").loc["mean", "value"] == 15.2


def test_the_policy_of_none_changes_nothing() -> None:
    before = random_network(0).tables()
    after = disclose(POLICIES["none"], before)
    for name, frame in before.items():
        pd.testing.assert_frame_equal(frame, after[name])


@pytest.mark.slow
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
