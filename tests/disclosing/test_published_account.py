"""What the account says of releases, against tables whose withheld counts can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from disclosing.both_steps import disclose

from tasks.disclosing import POLICIES, account
from tasks.disclosing.published_account import ContradictionError
from tests.disclosing.networks import MONTHS, Network, Tables, random_network

pytestmark = pytest.mark.attack

POLICY = POLICIES["suppress-1-10"]


def network(records: list[list[int]]) -> Network:
    counted = np.array(records)
    return Network(MONTHS[: counted.shape[1]], counted, np.round(0.4 * counted))


def showing(tables: Tables, net: Network, clinic: str) -> Tables:
    """The release with one clinic's records shown all the same."""
    shown = {name: frame.copy() for name, frame in tables.items()}
    estimates, months = shown["clinic_estimates"], shown["clinic_months"]
    of_window = (estimates["outcome"] == "tests") & (estimates["clinic"] == clinic)
    estimates.loc[of_window, "numerator"] = int(net.count("records", clinic, ""))
    estimates.loc[of_window, "status"] = "ok"
    of_month = (months["outcome"] == "tests") & (months["clinic"] == clinic)
    months.loc[of_month, "numerator"] = [int(net.count("records", clinic, each)) for each in net.months]
    months.loc[of_month, "status"] = "ok"
    return shown


def test_two_that_hide_each_other_have_the_values_their_sum_leaves() -> None:
    # 8 + 13 = 21 are withheld: the second is not small, so that the first is 1 to 10, as the policy has it
    net = network([[8], [13], [60], [70], [80]])
    found = account([POLICY], [disclose(POLICY, net.tables())])
    assert found.narrowest is None
    # in window and month: records 4, sizes 4; a third clinic hides the 3 + 5 events: 6, and its month 1
    assert found.n_withheld == 15


@pytest.mark.slow
def test_a_companion_too_few_and_the_count_is_known() -> None:
    net = network([[8], [13], [60], [70], [80]])
    found = account([POLICY], [showing(disclose(POLICY, net.tables()), net, "clinic 01")])
    assert found.narrowest is not None
    least = found.narrowest
    assert (least.outcome, least.counts, least.clinic) == ("tests", "numerator", "clinic 00")
    assert (least.low, least.high, least.values) == (8, 8, 1)


def test_a_kind_of_outcome_that_nobody_has_named_is_not_passed_over() -> None:
    tables = disclose(POLICY, network([[100], [110], [120]]).tables())
    tables["outcomes"] = tables["outcomes"].assign(kind="ordinal")
    with pytest.raises(ValueError, match="outcome of kind 'ordinal'"):
        account([POLICY], [tables])


@pytest.mark.slow
def test_what_two_releases_tell_together_is_told() -> None:
    # clinic 0 has 40 records by February and 47 by March
    net = network([[20, 20, 7], [30, 31, 32], [40, 41, 42], [50, 51, 52]])
    parts = [net.window(0, 1), net.window(0, 2)]
    alone = [disclose(POLICY, each.tables()) for each in parts]
    told = account([POLICY] * len(alone), alone).narrowest  # each held against nothing: 47 less 40
    assert told is not None
    assert (told.clinic, told.month, told.low, told.high) == ("clinic 00", MONTHS[2], 7, 7)
    second = disclose(POLICY, parts[1].tables(), [alone[0]])
    left = account([POLICY] * 2, [alone[0], second]).narrowest
    assert left is None or left.values >= 5


@pytest.mark.slow
def test_old_releases_tell_what_a_chain_of_windows_leads_to() -> None:
    """January and February, then January to March, leave March's 7; the newest begins with March."""
    net = network([[20, 20, 7, 40], [30, 31, 32, 33], [40, 41, 42, 43], [50, 51, 52, 53]])
    old = [disclose(POLICY, net.window(0, last).tables()) for last in (1, 2)]
    newest = disclose(POLICY, net.window(2, 3).tables())
    alone = account([POLICY], [newest]).narrowest
    assert alone is None or alone.values >= 5
    told = account([POLICY] * 3, [*old, newest]).narrowest
    assert told is not None
    assert (told.clinic, told.month, told.low, told.high) == ("clinic 00", MONTHS[2], 7, 7)


@pytest.mark.slow
def test_what_another_policy_rounded_is_read_as_that_policy_rounds() -> None:
    # clinic 1's 19 was shown as 20, which is 18 to 22; then its first two months are withheld, 27 together,
    # so its 8 is 5 to 9, and clinic 0's 7, of 15 at both, is 6 to 10
    rounding = POLICIES["nhs-7-round-5"]
    net = network([[23, 7, 40], [19, 8, 50], [61, 62, 63], [71, 72, 73]])
    rounded = disclose(rounding, net.tables())
    exact = disclose(POLICY, net.tables())
    assert account([POLICY], [exact]).narrowest is None
    least = account([rounding, POLICY], [rounded, exact]).narrowest
    assert least is not None
    assert (least.clinic, least.month, least.low, least.high) == ("clinic 00", MONTHS[1], 6, 10)
    # a policy that withholds nothing shows the small counts themselves
    shown = disclose(POLICIES["none"], net.tables())
    told = account([POLICIES["none"], POLICY], [shown, exact]).narrowest
    assert told is not None
    assert (told.low, told.high) in {(7, 7), (8, 8)}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_no_count_of_a_release_has_fewer_values_than_is_guaranteed(seed: int) -> None:
    found = account([POLICY], [disclose(POLICY, random_network(seed, 10).tables())]).narrowest
    assert found is None or found.values >= 5


@pytest.mark.slow
def test_releases_that_contradict_one_another_are_named() -> None:
    net = network([[8], [13], [60], [70], [80]])
    tables = disclose(POLICY, net.tables())
    months = tables["clinic_months"]
    months.loc[(months["outcome"] == "tests") & (months["clinic"] == ""), "numerator"] = 5
    with pytest.raises(ContradictionError, match="no counts agree"):
        account([POLICY], [tables])
