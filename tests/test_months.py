"""Month arithmetic: what its docstrings show, and round trips."""

from __future__ import annotations

import doctest

import pytest

from tasks import months


def test_the_docstrings_examples() -> None:
    found = doctest.testmod(months)
    assert found.attempted >= 5
    assert found.failed == 0


@pytest.mark.parametrize("month", ["1999-12", "2020-01", "2020-02", "2024-11"])
def test_a_number_is_written_as_its_month(month: str) -> None:
    assert months.written(months.number(month)) == month
    assert months.between(month, months.written(months.number(month) + 11)) == 12


@pytest.mark.parametrize(
    ("month", "first", "after"),
    [("2020-02", "2020-02-01", "2020-03-01"), ("2019-12", "2019-12-01", "2020-01-01")],
)
def test_days_at_a_months_edges(month: str, first: str, after: str) -> None:
    assert (months.first_day(month).isoformat(), months.day_after(month).isoformat()) == (first, after)


@pytest.mark.parametrize("text", ["2020-13", "2020-00", "2020-5", "20200-05", "2020-05-01", "2020-05\n", ""])
def test_what_is_no_month(text: str) -> None:
    assert not months.is_month(text)
