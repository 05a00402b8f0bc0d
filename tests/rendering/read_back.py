"""Reads a clinic's page as a person does: each number by the phrase it stands in, and by whose figure it is.

A phrase is removed once its numbers are those that the release and the network file have in its place; what
is left of the page has no number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from rendering.conftest import page_text

from tasks.disclosing import POLICIES
from tasks.estimating.run_signals import BASELINE
from tasks.network.schema import Network
from tasks.release import Release

_NUMBER = r"([<>]?[−]?\d[\d,]*(?:\.\d+)?)%?"
Phrase = tuple[str, Sequence[Any]]
"""A pattern whose groups are numbers, and what these are."""


def says(written: str, value: float) -> bool:
    """Whether a written number is the value at its digits; "<0.1" and ">0.9" stand for less and more."""
    bare = written.replace(",", "").replace("−", "-").lstrip("<>")
    unit = 10.0 ** -len(bare.partition(".")[2])
    number, near = float(bare), 1 + 1e-9
    if written[0] == "<":  # the smallest that can be written
        return number == unit and 0 <= value < unit * near
    if written[0] == ">":  # the largest that is not the whole, of a share or a percentage
        return any(
            abs(whole - unit - number) < 1e-9 and number / near < value <= whole for whole in (1.0, 100.0)
        )
    return abs(number - value) <= 0.5 * unit * near


def unread(html: str, release: Release, network: Network, clinic: str) -> tuple[list[str], str]:
    """Numbers that are not those of their place, and what the page says beside all phrases that were read."""
    wrong: list[str] = []
    pieces = []
    for part in re.split(r'(?=<section class="(?:card|second|keep)">)', html):
        text, card = page_text(part).replace(clinic, "·"), part.startswith('<section class="card">')
        label = page_text(re.findall(r"<h2[^>]*>(.*?)</h2>", part)[0]) if card else ""
        outcome = next((each for each, of in network.outcomes.items() if of.label == label), None)
        of_card = of_outcome(release, network, clinic, outcome) if outcome else ()
        for pattern, values in (*of_card, *of_page(release, network, clinic)):
            text = _read(text, pattern, values, wrong)
        pieces.append(text)
    return wrong, " ".join(pieces)


def _read(text: str, pattern: str, values: Sequence[Any], wrong: list[str]) -> str:
    """The text without the pattern's phrases; those with another number join `wrong`."""

    def compared(found: re.Match[str]) -> str:
        numbers = found.groups()
        if len(numbers) != len(values) or not all(map(says, numbers, values)):
            wrong.append(f"{found[0]!r}, where the release has {list(values)}")
        return " "

    return re.sub(pattern.replace("№", _NUMBER), compared, text)


def of_outcome(release: Release, network: Network, clinic: str, outcome: str) -> Iterator[Phrase]:
    """What a page says of one outcome, in the order in which phrases hold each other."""
    rows = release["clinic_estimates"]
    rows = rows[(rows["outcome"] == outcome) & (rows["clinic"] == clinic)].set_index("form")
    raw, adjusted, best = (_row(rows, form) for form in ("raw", "adjusted", "shrunken"))
    declared = release["outcomes"].set_index("outcome").loc[outcome]
    typical = np.nan if pd.isna(declared["comparator_value"]) else float(declared["comparator_value"])
    kind = "count" if network.outcomes[outcome].scale == "log" else declared["kind"]
    places = [100.0 * best[each] for each in ("place", "place_lower", "place_upper")]
    ranked = _row(release["clinic_ranks"].set_index(["outcome", "clinic"]), (outcome, clinic))
    yield (
        r"Place № of the № clinics that we rank; the 95% interval runs from № to №",
        [ranked[each] for each in ("rank_median", "n_ranked", "rank_lower", "rank_upper")],
    )
    yield r"Of 100 clinics distributed as .{3,40} are, about № lie lower \(95% interval № to №\)", places
    yield (
        r"Your best estimate is №[^\d]{0,30}?, against № [^\d]{0,30}?for the typical clinic",
        [best["value"], typical],
    )
    yield r"Your best estimate is №", [best["value"]]
    yield (
        r"[Bb]elow our minimum reliability of № \(yours is №\)",
        [network.policy.minimum_reliability, best["reliability"]],
    )
    yield (
        r"Own figure № \(№ to №\) № events in № \(years\)",
        [*_ends(raw), raw["numerator"], raw["denominator"]],
    )
    yield r"Own figure № \(№ to №\) № of № records", [*_ends(raw), raw["numerator"], raw["denominator"]]
    yield r"Own figure № \(№ to №\) № records", [*_ends(raw), raw["denominator"]]
    yield r"Own figure № \(№ to №\)", _ends(raw)
    yield r"Best estimate № \(№ to №\)", _ends(best)
    yield r"adjusted №", [adjusted["value"]]
    yield r"own weight №", [_own_weight(kind, adjusted["value"], best["value"], typical)]
    yield r"Typical clinic №", [typical]


def of_page(release: Release, network: Network, clinic: str) -> Iterator[Phrase]:
    """What a page says of the clinic, the release and the network file."""
    own = release["clinics"].set_index("clinic").loc[clinic]
    policy = POLICIES[network.policy.small_numbers]
    first, last = (pd.Period(each) for each in release.window)
    cut_off = pd.Timestamp(release.cut_off)
    day = f"{cut_off:%B} {cut_off.year}"
    yield release.id[:12], []
    yield re.escape(network.network.name), []
    yield rf"№ {day}", [cut_off.day]
    for month in (first, last):
        yield rf"{month:%B} №", [month.year]
    yield r"Counts from № to №, and numbers", [policy.low, policy.high]
    yield r"№ records of № patients", [own["n_records"], own["n_patients"]]
    for rule in release["quality"].loc[release["quality"]["clinic"] == clinic].to_dict("records"):
        yield rf"{re.escape(rule['description'])} \([a-z ]+\) №(?! to)", [rule["n_found"]]
        yield re.escape(rule["description"]), []
    yield r"[Bb]elow our minimum reliability of №", [network.policy.minimum_reliability]
    yield r"[Bb]elow our minimum of № records", [network.policy.minimum_denominator]
    yield (
        r"at least № records, on as many as would give № events",
        [network.policy.minimum_denominator, network.policy.minimum_count],
    )
    yield r"fewer than № points", [BASELINE]
    for outcome, label in release["outcomes"].set_index("outcome")["label"].items():
        yield (
            rf"(?<={re.escape(label)} )\([^)]*\) [^\d]*№ months? not shown",
            [_hidden(release, clinic, outcome)],
        )
    yield r"from 0 \(not at all\) to 1 \(entirely\)", []
    yield r"with its 95% interval", []
    estimates = release["clinic_estimates"]
    compared = estimates[(estimates["form"] == "shrunken") & (estimates["comparison"] != "not_compared")]
    for outcome in release["outcomes"].to_dict("records"):
        n = (compared["outcome"] == outcome["outcome"]).sum()
        yield rf"{re.escape(outcome['label'])} [a-z ,’:]+ № of №", [n, len(release["clinics"])]
        yield re.escape(str(outcome["verdict_reason"])), []


def _hidden(release: Release, clinic: str, outcome: str) -> int:
    months = release["clinic_months"]
    own = months[(months["clinic"] == clinic) & (months["outcome"] == outcome)]
    return int(own["value"].isna().sum())


def _own_weight(kind: str, adjusted: float, best: float, typical: float) -> float:
    """Of the adjusted figure in the best estimate: of percentages' log odds, and of counts' logarithms."""
    if kind == "binary":
        adjusted, best, typical = (np.log(each / (100.0 - each)) for each in (adjusted, best, typical))
    elif kind == "count":
        adjusted, best, typical = (np.log(each) for each in (adjusted, best, typical))
    return float(np.clip((best - typical) / (adjusted - typical), 0.0, 1.0))


def _row(rows: pd.DataFrame, key: object) -> dict[str, Any]:
    """One row; nothing that a number could be where there is none."""
    if key not in rows.index:
        return dict.fromkeys(rows.columns, np.nan)
    return dict(rows.loc[key].fillna(np.nan))


def _ends(row: dict[str, Any]) -> list[Any]:
    return [row["value"], row["lower"], row["upper"]]
