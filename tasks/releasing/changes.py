"""What a release says otherwise than the one before: the table `changes`.

It is worked out from two sets of tables as they were disclosed, and from nothing else: whoever reads both
releases can work it out as well, so it gives nothing away.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tasks.release import CHANGES, SHOWN, Since, conform, plain_rows

Tables = Mapping[str, pd.DataFrame]
ChangeKey = tuple[str, str, str]
"""Outcome, clinic (empty: the network) and month (empty: the whole window)."""
Row = dict[str, object]

SAME = 1e-6
"""Relative difference up to which two numbers are one: the feed rounds, and sums depend on their order."""

_NUMBERS = ("value", "numerator", "denominator")


def changes(since: Since, before: Tables, now: Tables) -> pd.DataFrame:
    """Rows of `changes`: one for each thing that `now` says otherwise than `before`, of what both speak of.

    Months count where both windows hold them: a window moves on with every release, and what that does to
    its figures is no change. A month is restated where both releases show it with another value, numerator
    or denominator.

    Args:
        since: the earlier release.
        before: its `clinics`, `outcomes`, `clinic_estimates` and `clinic_months`, as published.
        now: the same tables of the new release, after disclosing.
    """
    rows = [*_of_outcomes(before, now), *_of_clinics(before, now), *_of_figures(before, now)]
    named = [row | {"since": since.period, "since_release": since.id} for row in rows]
    return conform(CHANGES, pd.DataFrame(named, columns=CHANGES.empty().columns))


def _of_outcomes(before: Tables, now: Tables) -> Iterator[Row]:
    then, today = _verdicts(before), _verdicts(now)
    for outcome in sorted({*then, *today}):
        if outcome not in then:
            yield _row((outcome, "", ""), "outcome_new", None, today[outcome])
        elif outcome not in today:
            yield _row((outcome, "", ""), "outcome_gone", then[outcome], None)
        elif then[outcome] != today[outcome]:
            yield _row((outcome, "", ""), "verdict", then[outcome], today[outcome])


def _verdicts(tables: Tables) -> dict[str, str]:
    """Outcome → its verdict, or its status where there is none."""
    return {row["outcome"]: row["verdict"] or row["status"] for row in plain_rows(tables["outcomes"])}


def _of_clinics(before: Tables, now: Tables) -> Iterator[Row]:
    then, today = (
        {row["clinic"]: row["status"] for row in plain_rows(tables["clinics"])} for tables in (before, now)
    )
    for clinic in sorted({*then, *today}):
        was, is_now = then.get(clinic, "no_records"), today.get(clinic, "no_records")
        if was == "no_records" != is_now:
            yield _row(("", clinic, ""), "clinic_new", was, is_now)
        elif is_now == "no_records" != was:
            yield _row(("", clinic, ""), "clinic_gone", was, is_now)
        else:
            yield from _changed(("", clinic, ""), _Said(was == "ok", was), _Said(is_now == "ok", is_now))


@dataclass(frozen=True, slots=True)
class _Said:
    """What a release says in one place.

    Attributes:
        shown: whether there is a figure.
        word: how the clinic compares, where the figure is the window's; "ok" of a month; where there is no
            figure the status that says why.
        numbers: of a month, its value, numerator and denominator.
    """

    shown: bool
    word: str
    numbers: tuple[float | None, ...] = ()


_NOTHING = _Said(shown=False, word="no_records")


def _of_figures(before: Tables, now: Tables) -> Iterator[Row]:
    """Changes of what is said about each clinic's window, and each clinic's and the network's months."""
    estimated, estimated_now = _estimated(before), _estimated(now)
    outcomes = estimated.keys() & estimated_now.keys()
    months = {""} | (set(before["clinic_months"]["month"]) & set(now["clinic_months"]["month"]))
    then, today = ({**_windows(tables), **_months(tables)} for tables in (before, now))
    for place in sorted({*then, *today}):
        if place[0] not in outcomes or place[2] not in months:
            continue
        for row in _changed(place, then.get(place, _NOTHING), today.get(place, _NOTHING)):
            # without estimates no clinic is compared: the outcome's own row says so once
            if row["change"] != "comparison" or (estimated[place[0]] and estimated_now[place[0]]):
                yield row


def _estimated(tables: Tables) -> dict[str, bool]:
    """Outcome → whether it has estimates."""
    return {row["outcome"]: row["status"] in SHOWN for row in plain_rows(tables["outcomes"])}


def _windows(tables: Tables) -> dict[ChangeKey, _Said]:
    forms: dict[ChangeKey, dict[str, dict[str, Any]]] = {}
    for row in plain_rows(tables["clinic_estimates"]):
        forms.setdefault((row["outcome"], row["clinic"], ""), {})[row["form"]] = row
    return {place: _window(of_place) for place, of_place in forms.items()}


def _window(forms: Mapping[str, Mapping[str, Any]]) -> _Said:
    """What a clinic's raw, adjusted and shrunken rows say together."""
    if not any(shows(row) for row in forms.values()):
        statuses = sorted({str(row["status"]) for row in forms.values()}, reverse=True)
        return _Said(shown=False, word=statuses[0])  # withheld comes before other reasons
    shrunken = forms.get("shrunken")
    if shrunken is None or not shows(shrunken) or shrunken["status"] == "low_reliability":
        return _Said(shown=True, word="not_compared")
    return _Said(shown=True, word=shrunken["comparison"] or "not_compared")


def _months(tables: Tables) -> dict[ChangeKey, _Said]:
    said: dict[ChangeKey, _Said] = {}
    for row in plain_rows(tables["clinic_months"]):
        shown = shows(row)
        numbers = tuple(row[name] for name in _NUMBERS)
        said[row["outcome"], row["clinic"], row["month"]] = _Said(
            shown, "ok" if shown else row["status"], numbers if shown else ()
        )
    return said


def shows(row: Mapping[str, Any]) -> bool:
    """Whether a row of a published table has a figure."""
    return row["value"] is not None and row["status"] in SHOWN


def _changed(place: ChangeKey, then: _Said, today: _Said) -> Iterator[Row]:
    """The row, if there is one, for what is said in one place by both releases."""
    if then.shown and today.shown:
        if any(map(_differ, then.numbers, today.numbers)):
            numbers = {
                f"{name}_{when}": number
                for when, said in (("before", then), ("after", today))
                for name, number in zip(_NUMBERS, said.numbers, strict=True)
            }
            yield _row(place, "restated", None, None) | numbers
        elif then.word != today.word:
            yield _row(place, "comparison", then.word, today.word)
    elif today.shown:
        yield _row(place, "shown", then.word, today.word)
    elif then.shown:
        withheld = today.word.startswith("suppressed")
        yield _row(place, "withheld" if withheld else "no_figure", then.word, today.word)


def _differ(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return False
    return not math.isclose(one, other, rel_tol=SAME, abs_tol=1e-12)


def _row(place: ChangeKey, change: str, before: str | None, after: str | None) -> Row:
    outcome, clinic, month = place
    return {
        "outcome": outcome,
        "clinic": clinic,
        "month": month,
        "change": change,
        "before": before,
        "after": after,
    }
