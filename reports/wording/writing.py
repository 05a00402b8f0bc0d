"""Numbers, dates, lists and plurals as the language spoken writes them: CLDR's rules, by Babel."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from babel import Locale
from babel.dates import format_date, format_skeleton
from babel.lists import format_list
from babel.numbers import format_decimal, get_decimal_symbol, get_group_symbol

from reports.wording import ENGLISH, say, spoken

MINUS = "−"
NUMBER = r"-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[+-]?\d+)?"
"""What a number looks like that Python wrote."""


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


def localized(number: str) -> str:
    """A number in English, such as Python writes, with the language's own signs; other text as it is."""
    if spoken() == ENGLISH or not re.fullmatch(NUMBER, number):
        return number
    signs = {".": get_decimal_symbol(_locale()), ",": get_group_symbol(_locale()), "-": MINUS}
    return "".join(signs.get(each, each) for each in number)


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
        noun: clinic, record, value, month or clinic_month; a month is whatever the network reports by.
    """
    number = "none" if count == 0 else "one" if _locale().plural_form(count) == "one" else "other"
    return say(f"count.{noun}_{number}", count=decimal(count, 0))


def period_name(period: str) -> str:
    """ "2020-05" as "May 2020", "2020-Q2" as "2nd quarter 2020", "2020-W05" as "week 5 of 2020"."""
    year, within = period.split("-", 1)
    if within.startswith("W"):  # CLDR counts weeks otherwise than ISO 8601 in some countries
        return say("period_name.week", number=int(within[1:]), year=year)
    skeleton = "yQQQQ" if within.startswith("Q") else "yMMMM"
    return format_skeleton(skeleton, _first_day(year, within), locale=_locale())


def period_brief(period: str) -> str:
    """ "2020-05" as "May 2020" with the month cut short where it is long, "2020-Q2" as "Q2 2020"."""
    year, within = period.split("-", 1)
    if within.startswith("W"):
        return period_name(period)
    skeleton = "yQQQ" if within.startswith("Q") else "yMMM"
    return format_skeleton(skeleton, _first_day(year, within), locale=_locale())


def periods_name(first: str, last: str) -> str:
    """A stretch of periods: "January 2020 to May 2020", and "May 2020" where it is one."""
    if first == last:
        return period_name(first)
    return say("period_name.stretch", first=period_name(first), last=period_name(last))


def period_short(period: str) -> str:
    """ "2020-05" as "May", "2020-Q2" as "Q2", "2020-W05" as "W5", for the ticks of a run chart."""
    year, within = period.split("-", 1)
    if within.startswith("W"):
        return say("period_name.week_short", number=int(within[1:]))
    return format_date(_first_day(year, within), "QQQ" if within.startswith("Q") else "LLL", locale=_locale())


def start_name(start: str) -> str:
    """When a program started, to stand after "since": the name of a period, or of a day."""
    if start.count("-") > 1:
        return say("period_name.since_day", start=date_name(start))
    kind = {"Q": "quarter", "W": "week"}.get(start[5], "month")
    return say(f"period_name.since_{kind}", start=period_name(start))


def date_name(day: str) -> str:
    """ "2020-05-21" as "21 May 2020"."""
    return format_date(date.fromisoformat(day[:10]), "long", locale=_locale())


def _first_day(year: str, within: str) -> date:
    """The first day of a month (05) or quarter (Q2)."""
    month = 3 * int(within[1:]) - 2 if within.startswith("Q") else int(within)
    return date(int(year), month, 1)


def _locale() -> Locale:
    return _parsed(say("language.locale"))


@functools.cache
def _parsed(name: str) -> Locale:
    return Locale.parse(name)
