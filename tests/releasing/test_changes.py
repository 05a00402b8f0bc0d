"""What two releases say differently: small tables with the answer written out."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from disclosing.both_steps import disclose
from disclosing.networks import Network, random_network

from tasks.disclosing import POLICIES
from tasks.release import CHANGES, CLINIC_ESTIMATES, CLINIC_MONTHS, CLINICS, OUTCOMES, Since, conform
from tasks.releasing.changes import changes

MAY = Since("3fa9c1d2e801", "2020-05")
WITHHELD = "suppressed_primary"
Tables = dict[str, pd.DataFrame]


def said(
    *,
    clinics: dict[str, str] | None = None,
    verdicts: dict[str, str | None] | None = None,
    compared: dict[str, str] | None = None,
    months: dict[tuple[str, str], Any] | None = None,
) -> Tables:
    """A release of few words.

    Args:
        clinics: clinic → status.
        verdicts: outcome → verdict; None: not estimated.
        compared: clinic → comparison on `hours`, or the status of a figure that is not shown.
        months: (clinic, month) of `hours` → (value, numerator, denominator), or a status.
    """
    compared = {"a": "no_different", "b": "worse"} if compared is None else compared
    clinics = dict.fromkeys(("a", "b"), "ok") if clinics is None else clinics
    verdicts = {"hours": "rank"} if verdicts is None else verdicts
    months = {("", "2020-04"): (4.0, 40, 10.0)} if months is None else months
    estimates: list[dict[str, object]] = []
    for clinic, word in compared.items():
        shown = word in ("better", "worse", "no_different", "not_compared")
        rest = {"value": 5.0, "status": "ok"} if shown else {"status": word}
        row = {"outcome": "hours", "clinic": clinic, "estimand": "mean", **rest}
        estimates.append({**row, "form": "raw", "comparison": "not_compared"})
        estimates.append({**row, "form": "shrunken", "comparison": word if shown else "not_compared"})
    rows: dict[Any, list[dict[str, object]]] = {
        CLINICS: [
            {"clinic": clinic, "slug": clinic, "reportable": status == "ok", "status": status}
            for clinic, status in clinics.items()
        ],
        OUTCOMES: [
            {"outcome": outcome, "label": outcome, "kind": "count", "direction": "lower", "comparator": "c"}
            | {"verdict": verdict, "status": "not_estimable" if verdict is None else "ok"}
            for outcome, verdict in verdicts.items()
        ],
        CLINIC_ESTIMATES: estimates,
        CLINIC_MONTHS: [
            {"outcome": "hours", "clinic": clinic, "month": month}
            | (
                {"status": cell}
                if isinstance(cell, str)
                else dict(zip(("value", "numerator", "denominator"), cell, strict=True)) | {"status": "ok"}
            )
            for (clinic, month), cell in months.items()
        ],
    }
    return {table.name: conform(table, pd.DataFrame(each)) for table, each in rows.items()}


def told(before: Tables, now: Tables) -> list[tuple[str, ...]]:
    """Outcome, clinic, month, change, before and after of every row."""
    rows = changes(MAY, before, now)
    names = ["outcome", "clinic", "month", "change", "before", "after"]
    return [
        tuple("" if pd.isna(cell) else cell for cell in row) for row in rows[names].itertuples(index=False)
    ]


def test_nothing_new_is_no_row() -> None:
    rows = changes(MAY, said(), said())
    assert rows.empty
    assert list(rows.columns) == [column.name for column in CHANGES.columns]


def test_a_row_names_the_release_it_compares_with() -> None:
    (row,) = changes(MAY, said(), said(verdicts={"hours": "grade"})).itertuples()
    assert (row.since, row.since_release) == ("2020-05", "3fa9c1d2e801")


@pytest.mark.parametrize(
    ("now", "row"),
    [
        ({"hours": "grade"}, ("hours", "", "", "verdict", "rank", "grade")),
        ({"hours": None}, ("hours", "", "", "verdict", "rank", "not_estimable")),
        ({"hours": "rank", "tests": "grade"}, ("tests", "", "", "outcome_new", "", "grade")),
        ({}, ("hours", "", "", "outcome_gone", "rank", "")),
    ],
    ids=["another verdict", "none any more", "a new outcome", "an outcome less"],
)
def test_outcomes(now: dict[str, str | None], row: tuple[str, ...]) -> None:
    assert told(said(), said(verdicts=now)) == [row]


@pytest.mark.parametrize(
    ("then", "now", "row"),
    [
        ("no_different", "better", ("comparison", "no_different", "better")),
        ("better", "worse", ("comparison", "better", "worse")),
        ("not_compared", "no_different", ("comparison", "not_compared", "no_different")),
        (WITHHELD, "worse", ("shown", WITHHELD, "worse")),
        ("worse", WITHHELD, ("withheld", "worse", WITHHELD)),
        ("worse", "suppressed_secondary", ("withheld", "worse", "suppressed_secondary")),
        ("better", "not_estimable", ("no_figure", "better", "not_estimable")),
    ],
)
def test_a_clinic_s_figure(then: str, now: str, row: tuple[str, ...]) -> None:
    before, after = {"a": then, "b": "worse"}, {"a": now, "b": "worse"}
    assert told(said(compared=before), said(compared=after)) == [("hours", "a", "", *row)]


def test_why_a_figure_is_not_shown_is_no_change() -> None:
    assert told(said(compared={"a": WITHHELD}), said(compared={"a": "suppressed_secondary"})) == []
    assert told(said(compared={"a": "no_records"}), said(compared={"a": WITHHELD})) == []


def test_a_figure_too_uncertain_to_compare_is_not_compared_whatever_its_interval() -> None:
    now = said(compared={"a": "better"})
    now["clinic_estimates"]["status"] = "low_reliability"
    assert told(said(compared={"a": "better"}), now) == [
        ("hours", "a", "", "comparison", "better", "not_compared")
    ]


def test_without_estimates_the_outcome_s_row_speaks_for_all_clinics() -> None:
    now = said(verdicts={"hours": None}, compared={"a": "not_compared", "b": "not_compared"})
    assert told(said(), now) == [("hours", "", "", "verdict", "rank", "not_estimable")]


def test_clinics_come_and_go_with_their_figures() -> None:
    both, one = {"a": "ok", "b": "ok"}, {"a": "ok"}
    before = said(clinics=one, compared={"a": "no_different"})
    now = said(clinics=both)
    assert told(before, now) == [
        ("", "b", "", "clinic_new", "no_records", "ok"),
        ("hours", "b", "", "shown", "no_records", "worse"),
    ]
    assert told(now, before) == [
        ("", "b", "", "clinic_gone", "ok", "no_records"),
        ("hours", "b", "", "no_figure", "worse", "no_records"),
    ]
    # a clinic whose records were all set aside is listed, and has none
    assert told(said(clinics={"a": "ok", "b": "no_records"}, compared={"a": "no_different"}), now) == told(
        before, now
    )


def test_a_clinic_s_own_size() -> None:
    assert told(said(), said(clinics={"a": "ok", "b": WITHHELD})) == [
        ("", "b", "", "withheld", "ok", WITHHELD)
    ]
    assert told(said(clinics={"a": "ok", "b": WITHHELD}), said()) == [("", "b", "", "shown", WITHHELD, "ok")]


APRIL, THREE = ("a", "2020-04"), (4.0, 40, 10.0)


@pytest.mark.parametrize(
    "now",
    [(4.5, 40, 10.0), (4.0, 44, 10.0), (4.0, 40, 11.0), (4.00001, 40, 10.0)],
    ids=["value", "numerator", "denominator", "little"],
)
@pytest.mark.parametrize("clinic", ["a", ""], ids=["clinic", "network"])
def test_a_month_with_other_numbers_is_restated(now: tuple[float, int, float], clinic: str) -> None:
    place = (clinic, "2020-04")
    rows = changes(MAY, said(months={place: THREE}), said(months={place: now}))
    (row,) = rows.to_dict("records")
    assert (row["outcome"], row["clinic"], row["month"], row["change"]) == ("hours", *place, "restated")
    assert (row["value_before"], row["numerator_before"], row["denominator_before"]) == THREE
    assert (row["value_after"], row["numerator_after"], row["denominator_after"]) == now
    assert pd.isna(row["before"])
    assert pd.isna(row["after"])


@pytest.mark.parametrize(
    ("then", "now"),
    [
        ((4.1234568, 40, 10.0), (4.123456789, 40, 10.0)),
        ((0.0, None, 10.0), (1e-16, None, 10.0)),
        ((4.0, None, 10.0), (4.0, None, 10.0)),
        (("suppressed_primary"), ("suppressed_secondary")),
    ],
    ids=["rounding", "noise about zero", "no numerator", "withheld both times"],
)
def test_a_month_with_the_same_numbers_is_not(then: Any, now: Any) -> None:
    assert told(said(months={APRIL: then}), said(months={APRIL: now})) == []


@pytest.mark.parametrize(
    ("then", "now", "row"),
    [
        (WITHHELD, THREE, ("shown", WITHHELD, "ok")),
        ("no_records", THREE, ("shown", "no_records", "ok")),
        (THREE, WITHHELD, ("withheld", "ok", WITHHELD)),
        (THREE, "no_records", ("no_figure", "ok", "no_records")),
    ],
)
def test_a_month_that_comes_or_goes_gives_no_number(then: Any, now: Any, row: tuple[str, ...]) -> None:
    before, after = said(months={APRIL: then}), said(months={APRIL: now})
    assert told(before, after) == [("hours", *APRIL, *row)]
    rows = changes(MAY, before, after)
    assert rows.select_dtypes("number").isna().all(axis=None)


def test_months_that_only_one_window_holds_are_no_change() -> None:
    before = said(months={("a", "2020-03"): THREE, APRIL: THREE})
    now = said(months={APRIL: THREE, ("a", "2020-05"): THREE})
    assert told(before, now) == []


def test_a_withheld_number_left_in_a_table_is_not_read() -> None:
    leaky = said(months={APRIL: (4.5, 45, 10.0)}, compared={"a": "better", "b": "worse"})
    for table in ("clinic_months", "clinic_estimates"):
        leaky[table].loc[leaky[table]["clinic"] == "a", "status"] = WITHHELD
    rows = changes(MAY, said(months={APRIL: THREE}), leaky)
    assert list(rows["change"]) == ["withheld", "withheld"]
    assert rows.select_dtypes("number").isna().all(axis=None)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_every_number_was_published_and_the_same_records_restate_nothing(seed: int) -> None:
    network = random_network(seed, months=4)
    policy = POLICIES["suppress-1-10"]
    first = disclose(policy, network.window(0, 2).tables())
    second = disclose(policy, network.window(0, 3).tables(), [first])
    assert "restated" not in set(changes(MAY, first, second)["change"])

    late = network.events + 1
    more = Network(network.months, network.records + 2, late)
    third = disclose(policy, more.window(0, 3).tables(), [first])
    rows = changes(MAY, first, third)
    restated = rows[rows["change"] == "restated"].set_index(["outcome", "clinic", "month"])
    assert len(restated) > 10
    for tables, when in ((first, "before"), (third, "after")):
        published = tables["clinic_months"].set_index(["outcome", "clinic", "month"]).loc[restated.index]
        assert (published["status"] == "ok").all()
        for name in ("value", "numerator", "denominator"):
            pd.testing.assert_series_equal(
                restated[f"{name}_{when}"], published[name], check_names=False, check_dtype=False
            )
