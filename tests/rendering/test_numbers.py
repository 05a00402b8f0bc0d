from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.wording import notation, speaking
from reports.wording.writing import (
    MINUS,
    counted,
    date_name,
    listed,
    period_name,
    period_short,
    periods_name,
    start_name,
)
from tasks.rendering import numbers
from tasks.rendering.numbers import Notation, fixed, p_value, share


def test_an_interval_s_two_ends_are_never_written_alike() -> None:
    """ "130 mmHg (130 to 130)" says nothing of where it ends."""
    notation = Notation("mmHg", 0)
    assert notation.full(130.1, 129.84, 130.42) == "130 (129.8 to 130.4)"
    assert notation.range(130.0, 130.0) == "130 to 130"
    assert notation.range(129.4, 131.0) == "129 to 131"


def test_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(numbers).failed == doctest.testmod(notation).failed == 0
    assert doctest.testmod(notation).attempted >= 3


@given(st.floats(-1e9, 1e9), st.integers(0, 3))
def test_a_written_number_is_the_number_to_half_its_last_digit(value: float, decimals: int) -> None:
    text = fixed(value, decimals)
    if text[0] in "<>":
        assert 0 < abs(value) <= 0.5 * 10.0**-decimals
    else:
        read = float(text.replace(",", "").replace(MINUS, "-"))
        assert abs(read - value) <= 0.5 * 10.0**-decimals * (1 + 1e-9)
        assert "-" not in text


@given(st.floats(-1e6, 1e6).filter(bool), st.integers(0, 3))
def test_what_is_not_zero_is_not_written_as_zero(value: float, decimals: int) -> None:
    assert any(digit in "123456789" for digit in fixed(value, decimals))


def test_zero_is_written_as_zero() -> None:
    assert fixed(0.0, 1) == "0.0"
    assert fixed(-0.0, 2) == "0.00"


@pytest.mark.parametrize(
    ("values", "unit", "written"),
    [
        ([(12.31, 10.11, 14.92)], "%", "12.3% (10.1 to 14.9)"),
        ([(0.42, 0.31, 0.55)], "%", "0.42% (0.31 to 0.55)"),
        ([(136.12, 135.4, 136.9)], "mmHg", "136.1 (135.4 to 136.9)"),
        ([(3.214, 2.8, 3.7)], "hours", "3.21 (2.80 to 3.70)"),
        ([(50.0, 30.0, 70.0)], "points", "50 (30 to 70)"),
    ],
)
def test_an_outcome_is_written_with_the_digits_it_deserves(
    values: list[tuple[float, float, float]], unit: str, written: str
) -> None:
    assert Notation.of(values, unit).full(*values[0]) == written


def test_a_value_much_larger_than_its_kind_is_written_with_fewer_decimals() -> None:
    notation = Notation("tests", 2)
    assert notation.full(7.394, 7.1, 7.7) == "7.39 (7.10 to 7.70)"
    assert notation.full(169.861, 166.24, 173.61) == "169.9 (166.2 to 173.6)"


def test_a_value_without_interval_and_a_unit_in_prose() -> None:
    notation = Notation("hours", 1)
    assert notation.full(3.0, None, None) == "3.0"
    assert notation.prose(3.0) == "3.0\u00a0hours"
    assert Notation("%", 1).prose(3.0) == "3.0%"
    assert Notation("hours", 0).prose(1.0) == "1.0\u00a0hours"
    assert Notation("hours", 0).prose(12.0) == "12\u00a0hours"


def test_small_words() -> None:
    assert period_name("2020-05") == "May 2020"
    assert date_name("2020-05-07") == "7 May 2020"
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert [counted(n, "clinic") for n in (0, 1, 1200)] == ["no clinics", "1 clinic", "1,200 clinics"]
    assert p_value(0.0042) == "p = 0.004"
    assert p_value(1.0) == "p > 0.99"
    assert share(0.5) == "0.50"


def test_a_unit_stands_once_in_a_range() -> None:
    assert Notation("days per stay", 1).prose_range(5.8, 15.3) == "5.8 to 15.3\N{NO-BREAK SPACE}days per stay"
    assert Notation("%", 1).prose_range(5.8, 15.3) == "5.8% to 15.3%"
    assert Notation("", 1).prose_range(5.8, 15.3) == "5.8 to 15.3"


def test_a_window_of_one_month_is_one_month() -> None:
    assert periods_name("1991-06", "1991-06") == "June 1991"
    assert periods_name("2024-Q2", "2024-Q2") == "2nd quarter 2024"
    assert periods_name("2020-W53", "2021-W01") == "week 53 of 2020 to week 1 of 2021"
    assert [period_short(each) for each in ("2020-05", "2024-Q2", "2020-W05")] == ["May", "Q2", "W5"]
    assert [start_name(each) for each in ("2024-Q2", "2024-05-15")] == ["2nd quarter 2024", "15 May 2024"]
    assert periods_name("1991-05", "1991-06") == "May 1991 to June 1991"
    with speaking("es"):
        assert periods_name("1991-05", "1991-06") == "mayo de 1991 a junio de 1991"
        assert start_name("2024-05-15") == "el 15 de mayo de 2024"
        assert start_name("2024-05") == "mayo de 2024"
    with speaking("es", "quarter"):
        assert periods_name("2023-Q4", "2024-Q2") == "4.º trimestre de 2023 al 2.º trimestre de 2024"
        assert (start_name("2024-Q2"), period_short("2024-Q2")) == ("el 2.º trimestre de 2024", "T2")
    with speaking("es", "week"):
        # CLDR's own Spanish weeks begin the year with 1 January: this one would be the 1st of 2021
        assert periods_name("2020-W52", "2020-W53") == "semana 52 de 2020 a la semana 53 de 2020"
        assert (start_name("2020-W53"), period_short("2020-W53")) == ("la semana 53 de 2020", "S53")
