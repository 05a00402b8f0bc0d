"""Months, quarters and ISO weeks: what the docstrings show, hand-worked year ends, and round trips."""

from __future__ import annotations

import doctest
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks import periods
from tasks.periods import KINDS, Kind, Period

days = st.dates(date(1900, 1, 1), date(2199, 12, 31))
kinds = st.sampled_from(list(KINDS))


def test_the_docstrings_examples() -> None:
    found = doctest.testmod(periods)
    assert found.attempted >= 8
    assert found.failed == 0


@pytest.mark.parametrize(
    ("label", "first", "last", "following"),
    [
        ("2020-02", "2020-02-01", "2020-02-29", "2020-03"),
        ("2019-12", "2019-12-01", "2019-12-31", "2020-01"),
        ("2024-Q1", "2024-01-01", "2024-03-31", "2024-Q2"),
        ("2023-Q4", "2023-10-01", "2023-12-31", "2024-Q1"),
        # 1 January 2025 is a Wednesday: its week began on Monday, 30 December 2024
        ("2024-W52", "2024-12-23", "2024-12-29", "2025-W01"),
        ("2025-W01", "2024-12-30", "2025-01-05", "2025-W02"),
        # 2020 began on a Wednesday and was a leap year: 53 Thursdays, the last of them 31 December
        ("2020-W53", "2020-12-28", "2021-01-03", "2021-W01"),
        # 2015 began on a Thursday
        ("2015-W53", "2015-12-28", "2016-01-03", "2016-W01"),
        # 1 January 2023 is a Sunday: it ends the last week of 2022
        ("2022-W52", "2022-12-26", "2023-01-01", "2023-W01"),
    ],
)
def test_a_period_s_days_and_the_one_that_follows(label: str, first: str, last: str, following: str) -> None:
    period = Period.of_label(label)
    assert (period.first_day.isoformat(), period.last_day.isoformat()) == (first, last)
    assert (str(period), str(period + 1), str(period + 1 + -1)) == (label, following, label)
    assert period.day_after == (period + 1).first_day


def test_which_years_have_53_weeks() -> None:
    # ISO 8601: those that begin on a Thursday, and leap years that begin on a Wednesday
    have = [year for year in range(2001, 2030) if periods.is_label(f"{year}-W53", "week")]
    assert have == [2004, 2009, 2015, 2020, 2026]


@pytest.mark.parametrize(
    ("label", "ordinal"),
    [("2020-03", 2020 * 12 + 2), ("2020-Q3", 2020 * 4 + 2), ("0001-W02", 1)],  # year 1 began on a Monday
)
def test_ordinals(label: str, ordinal: int) -> None:
    assert Period.of_label(label).ordinal == ordinal


@given(kinds, days)
def test_a_day_is_in_its_period(kind: Kind, day: date) -> None:
    period = Period.of_day(kind, day)
    assert period.first_day <= day <= period.last_day
    assert Period.of_label(str(period)) == period
    assert Period.of_day(kind, period.last_day + timedelta(days=1)) == period + 1


@given(kinds, days, days)
def test_labels_sort_as_time_goes(kind: Kind, one: date, other: date) -> None:
    first, last = Period.of_day(kind, one), Period.of_day(kind, other)
    assert (first < last) == (str(first) < str(last))
    assert periods.between(str(first), str(last)) == last.ordinal - first.ordinal + 1


def test_a_window_of_weeks_over_a_year_s_end() -> None:
    window = Period.of_label("2021-W01").window(3)
    assert [str(each) for each in window] == ["2020-W52", "2020-W53", "2021-W01"]


@pytest.mark.parametrize(
    ("text", "day"),
    [("2024-05", "2024-05-01"), ("2024-Q4", "2024-10-01"), ("2025-W01", "2024-12-30"), ("2024-05-15",) * 2],
)
def test_the_first_day_of_what_is_written(text: str, day: str) -> None:
    assert periods.first_day(text).isoformat() == day


@pytest.mark.parametrize(
    "text",
    [
        *("2020-13", "2020-00", "2020-5", "20200-05", "2020-05-01", "2020-05\n", ""),
        *(
            "2020-Q0",
            "2020-Q5",
            "2020-q1",
            "2020Q1",
            "2020-W00",
            "2020-W54",
            "2021-W53",
            "2020-W5",
            "2020-w05",
        ),
    ],
)
def test_what_is_no_period(text: str) -> None:
    assert not periods.is_label(text)


@pytest.mark.parametrize("text", ["2024-05-32", "20240515", "2024-W05-1", "May"])
def test_what_is_neither_a_period_nor_a_day(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        periods.first_day(text)
