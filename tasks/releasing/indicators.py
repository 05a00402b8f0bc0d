"""Everything about one clinic on one outcome in one row, to be charted without a join: `indicators`.

It is put together from the tables as they are published, so it gives nothing away. The value is the best
estimate, and the verdict the one that reports tell; what is the clinic's own is called so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from reports.wording import say
from reports.wording.coded_sentences import codes
from reports.wording.notation import Notation
from tasks.release import (
    CLINIC_ESTIMATES,
    CLINIC_RANKS,
    CLINICS,
    INDICATORS,
    MEASURES,
    NETWORK_FIGURES,
    OUTCOMES,
    SHOWN,
    STANDING_SINCE,
    TONES,
    conform,
    over_expected,
    plain_rows,
    reach,
)

Row = dict[str, Any]
Tables = Mapping[str, pd.DataFrame]

_FEW = {"why.few_records", "why.few_events"}
_ENDS = ("value", "lower", "upper")
_OE = ("oe", "oe_lower", "oe_upper")


def indicators(tables: Tables, window: tuple[str, str]) -> pd.DataFrame:
    """Rows of `indicators`: every clinic on every outcome.

    Args:
        tables: the release's other tables, after disclosing.
        window: the first and the last of its periods.
    """
    rows: list[Row] = []
    outcomes = {row["outcome"]: row for row in plain_rows(tables[OUTCOMES.name])}
    targets = {row["outcome"]: row["target"] for row in plain_rows(tables[MEASURES.name])}
    clinics = {row["clinic"]: row for row in plain_rows(tables[CLINICS.name])}
    ranks = _by(tables[CLINIC_RANKS.name], "outcome", "clinic")
    since = _by(tables[STANDING_SINCE.name], "outcome", "clinic")
    figures = _by(tables[NETWORK_FIGURES.name], "outcome", "figure")
    forms: dict[tuple[str, str], dict[str, Row]] = {}
    for row in plain_rows(tables[CLINIC_ESTIMATES.name]):
        forms.setdefault((row["outcome"], row["clinic"]), {})[row["form"]] = row
    decimals = {name: _decimals(row, forms) for name, row in outcomes.items()}
    for (name, clinic), found in forms.items():
        raw, best = found.get("raw", {}), found.get("shrunken") or found.get("raw", {})
        typical, rank = figures.get((name, "typical"), {}), ranks.get((name, clinic), {})
        outcome, place = outcomes[name], clinics.get(clinic, {})
        shown = found.get("shrunken") is not None and best["status"] in SHOWN
        rows.append(
            {each: outcome[each] for each in ("outcome", "label", "kind", "unit", "direction")}
            | {each: outcome[each] for each in ("comparator_value", "important_difference")}
            | {"clinic": clinic, "slug": place.get("slug"), "region": place.get("region")}
            | {"window_first": window[0], "window_last": window[1], "decimals": decimals[name]}
            | {each: best[each] if shown else None for each in (*_ENDS, "reliability")}
            | {f"own_{each}": raw.get(each) for each in _ENDS}
            | {each: raw.get(each) for each in ("numerator", "denominator")}
            | {f"comparator_{each}": typical.get(each) for each in ("lower", "upper")}
            | _over_expected(raw, best if shown else {})
            | _target(targets[name], outcome, best if shown else {})
            | {"verdict": best["comparison"] if shown else None, "verdict_label": _label(best, shown)}
            | {"standing_since": since.get((name, clinic), {}).get("first_period")}
            | {each: rank.get(each) for each in ("rank_median", "rank_lower", "rank_upper")}
            | _status(outcome, found)
            | {"report": f"reports/clinics/{place['slug']}.pdf" if "slug" in place else None}
        )
    return conform(INDICATORS, pd.DataFrame(rows, columns=INDICATORS.empty().columns))


def _status(outcome: Row, found: Mapping[str, Row]) -> Row:
    """Why the value is as it is; a clinic's own figure may stand where the outcome has no estimate."""
    raw, best = found.get("raw", {}), found.get("shrunken")
    if best is None:
        withheld = str(raw.get("status")).startswith("suppressed")
        best = raw if withheld or outcome["status"] in SHOWN else outcome
    return {each: best.get(each) for each in ("status", "reason", "reason_coded")}


def _over_expected(raw: Row, best: Row) -> Row:
    """What its own patients would have at the typical clinic, and what is observed and predicted over it."""
    expected = best.get("expected")
    observed = {oe: over_expected(raw.get(own), expected) for oe, own in zip(_OE, _ENDS, strict=True)}
    return observed | {each: best.get(each) for each in ("expected", "pe", "pe_lower", "pe_upper")}


def _target(target: float | None, outcome: Row, best: Row) -> Row:
    """The outcome's target, and how the best estimate stands to it."""
    if target is None:
        return {"target": None, "target_reach": None}
    found = reach(target, outcome["direction"], best.get("lower"), best.get("upper"))
    # below the minimums a best estimate rests on the others: it shows nothing of the clinic's own
    few = _FEW & {*codes(best.get("reason_coded") or "")}
    return {"target": target, "target_reach": "open" if few and found else found}


def _by(frame: pd.DataFrame, *key: str) -> dict[tuple[str, ...], Row]:
    return {tuple(row[name] for name in key): row for row in plain_rows(frame)}


def _decimals(outcome: Row, forms: Mapping[tuple[str, str], Mapping[str, Row]]) -> int:
    """Decimals that reports write the outcome's values with."""
    best = [
        each["shrunken"]
        for (name, _), each in forms.items()
        if name == outcome["outcome"] and "shrunken" in each
    ]
    triples = [tuple(row[end] for end in _ENDS) for row in best if row["value"] is not None]
    return Notation.of(
        triples or [(outcome["comparator_value"] or 0.0, None, None)], outcome["unit"] or ""
    ).decimals


def _label(best: Row, shown: bool) -> str:
    """The verdict in a word or two of the network's language."""
    if shown:
        uncertain = best["status"] == "low_reliability"
        return say(f"tone_short.{'uncompared' if uncertain else TONES[best['comparison']]}")
    return say(f"tone_short.{'withheld' if str(best.get('status')).startswith('suppressed') else 'absent'}")
