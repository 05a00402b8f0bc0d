"""Numbers, dates, lists and plurals as the language spoken writes them: CLDR's rules, by Babel."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from babel import Locale
from babel.dates import format_date, format_skeleton
from babel.lists import format_list
from babel.numbers import format_decimal

from reports.wording import say

MINUS = "−"


def decimal(value: float, decimals: int) -> str:
    """`value` with that many decimals, thousands separated, a true minus sign.

    Python rounds, so that the same number has the same digits in every language.

    >>> decimal(7500.4, 0), decimal(-2.345, 1)
    ('7,500', '−2.3')
    """
    pattern = f"#,##0.{'0' * decimals}" if decimals else "#,##0"
    text = format_decimal(Decimal(f"{abs(value):.{decimals}f}"), format=pattern, locale=_locale())
    return f"{MINUS}{text}" if value < 0 else text


def plain(value: float) -> str:
    """`value` with the decimals that it has, such as a limit that a person set: "0.7", "25"."""
    return format_decimal(Decimal(f"{value:g}"), format="#,##0.######", locale=_locale())


def percent(value: float, decimals: int) -> str:
    """A percentage: "12.3%"."""
    return say("number.percent", number=decimal(value, decimals))


def between(lower: str, upper: str) -> str:
    """Two ends that are written already: "10.1 to 14.9"."""
    return say("number.range", lower=lower, upper=upper)


def listed(items: Sequence[str]) -> str:
    """Names as a list in a sentence: "a, b and c"."""
    return format_list(items, locale=_locale()) if items else ""


def counted(count: int, noun: str) -> str:
    """A number of things with the right noun: "1 clinic", "12 clinics", "no clinics".

    Args:
        count: how many.
        noun: clinic, record, value, month or clinic_month.
    """
    number = "none" if count == 0 else "one" if _locale().plural_form(count) == "one" else "other"
    return say(f"count.{noun}_{number}", count=decimal(count, 0))


def month_name(month: str) -> str:
    """ "2020-05" as "May 2020"."""
    return format_skeleton("yMMMM", _first_day(month), locale=_locale())


def months_name(first: str, last: str) -> str:
    """A stretch of months: "January 2020 to May 2020", and "May 2020" where it is one month."""
    return month_name(first) if first == last else between(month_name(first), month_name(last))


def month_short(month: str) -> str:
    """ "2020-05" as "May", for the ticks of a run chart."""
    return format_date(_first_day(month), "LLL", locale=_locale())


def date_name(day: str) -> str:
    """ "2020-05-21" as "21 May 2020"."""
    return format_date(date.fromisoformat(day[:10]), "long", locale=_locale())


def _first_day(month: str) -> date:
    return date.fromisoformat(f"{month}-01")


def _locale() -> Locale:
    return _parsed(say("language.locale"))


@functools.cache
def _parsed(name: str) -> Locale:
    return Locale.parse(name)
