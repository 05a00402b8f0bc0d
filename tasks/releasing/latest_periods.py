"""The latest periods of each clinic beside the ones before: the table `latest_periods`.

A window is longer than its last period: a clinic may be worse over two years and well since spring. The
comparison is made of the periods that are published, as published, so it gives nothing away. How
alike neighbouring periods are, those of all clinics together tell. A clinic's declared start of the program
may have moved its level: what its periods vary by, and how alike they are, is about the level on either side.
Of volumes each period counts once, and those that are there in part do not. Periods of few events are
withheld for that: where one is, those that are left have more than there were, and nothing is compared.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.estimating.run_signals import autocorrelations
from tasks.models.clinics.latest_difference import latest_difference
from tasks.periods import Kind
from tasks.release import CLINIC_MONTHS, LATEST_PERIODS, OUTCOMES, conform, plain_rows

LATEST: Mapping[Kind, int] = {"month": 3, "quarter": 2, "week": 4}
"""How many periods are the latest ones."""
_TIMES_BEFORE = 2
"""At least so many times as many periods must stand before them."""

Floats = NDArray[np.float64]
Row = dict[str, Any]
Figure = tuple[str, str]
"""Outcome and clinic, empty for the network."""


def latest_periods(
    tables: Mapping[str, pd.DataFrame],
    periods: Sequence[str],
    kind: Kind,
    starts: Mapping[str, str] | None = None,
    in_part: Collection[str] = (),
) -> pd.DataFrame:
    """Rows of `latest_periods`, for each clinic and the network where enough periods are published.

    Args:
        tables: the release's tables, after disclosing.
        periods: the window's, in order.
        kind: what they are.
        starts: clinic → its first period under the program, where the network file declares it.
        in_part: periods that records begin late in, or that are not over.
    """
    kinds = {row["outcome"]: row["kind"] for row in plain_rows(tables[OUTCOMES.name])}
    series: dict[Figure, list[Row]] = {}
    volumes = _volumes(tables)
    selected: set[Figure] = set()
    for row in plain_rows(tables[CLINIC_MONTHS.name]):
        if str(row["status"]).startswith("suppressed") and kinds[row["outcome"]] != "continuous":
            selected.add((row["outcome"], row["clinic"]))
        if row["outcome"] in volumes:
            row |= {"denominator": None if row["month"] in in_part else 1.0}
        if row["value"] is not None and row["denominator"]:
            series.setdefault((row["outcome"], row["clinic"]), []).append(row)
    whole = [period for period in periods if period not in in_part]
    place = {period: i for i, period in enumerate(periods)}
    levels = {figure: _levels(shown, (starts or {}).get(figure[1])) for figure, shown in series.items()}
    alike = _alike(series, levels)
    rows = []
    for (outcome, clinic), shown in series.items():
        if (outcome, clinic) in selected or _without_change(shown, kinds[outcome]):
            continue
        latest = (whole if outcome in volumes else list(periods))[-LATEST[kind] :]
        is_latest = np.array([row["month"] in latest for row in shown])
        n = int(is_latest.sum())
        if n < LATEST[kind] or (~is_latest).sum() < _TIMES_BEFORE * n:
            continue
        rows.append(
            {
                "outcome": outcome,
                "clinic": clinic,
                "first_latest": latest[0],
                "last_latest": latest[-1],
                "n_latest": n,
                "n_before": int((~is_latest).sum()),
                **_compared(
                    shown,
                    is_latest,
                    kinds[outcome],
                    alike[outcome, clinic],
                    np.array([place[row["month"]] for row in shown]),
                    levels[outcome, clinic],
                ),
            }
        )
    return conform(LATEST_PERIODS, pd.DataFrame(rows, columns=LATEST_PERIODS.empty().columns))


def _without_change(shown: Sequence[Row], kind: str) -> bool:
    """Whether nobody had the event in any period, or everybody: then nothing tells how far chance reaches."""
    values = {float(row["value"]) for row in shown}
    return kind in ("binary", "count") and (values == {0.0} or (kind == "binary" and values == {100.0}))


def _volumes(tables: Mapping[str, pd.DataFrame]) -> set[str]:
    """Outcomes that count records: their periods have values, and never a denominator."""
    months = tables[CLINIC_MONTHS.name]
    shown = months[months["value"].notna()]
    known = shown.groupby("outcome")["denominator"].count()
    counts = tables[OUTCOMES.name].set_index("outcome")["kind"].eq("count")
    return {str(outcome) for outcome, n in known.items() if n == 0 and counts.get(outcome, False)}


def _levels(shown: Sequence[Row], start: str | None) -> NDArray[np.int64]:
    """1 for periods under the program, 0 for those before; all 0 where no start is declared."""
    return np.array([start is not None and row["month"] >= start for row in shown], dtype=np.int64)


def _alike(
    series: Mapping[Figure, Sequence[Row]], levels: Mapping[Figure, NDArray[np.int64]]
) -> dict[Figure, float]:
    """How alike neighbouring periods are, by outcome and clinic; a clinic with few borrows from others."""
    found: dict[Figure, float] = {}
    for outcome in dict.fromkeys(outcome for outcome, _ in series):
        clinics = [each for each in series if each[0] == outcome and each[1]]
        of_network = [each for each in series if each[0] == outcome and not each[1]]
        for together in (clinics, of_network):
            tenths = autocorrelations([_of_one_spread(series[each], levels[each]) for each in together])
            found |= {each: 0.1 * rho for each, rho in zip(together, tenths, strict=True)}
    return found


def _of_one_spread(shown: Sequence[Row], levels: NDArray[np.int64]) -> Floats:
    """Values about the mean of their level, on a scale on which they vary alike."""
    values, weights = _values(shown)
    _, level = np.unique(levels, return_inverse=True)
    means = np.bincount(level, weights * values) / np.bincount(level, weights)
    return np.asarray(np.sqrt(weights) * (values - means[level]))


def _values(shown: Sequence[Row]) -> tuple[Floats, Floats]:
    return (
        np.array([row["value"] for row in shown], dtype=float),
        np.array([row["denominator"] for row in shown], dtype=float),
    )


def _compared(
    shown: Sequence[Row],
    is_latest: NDArray[np.bool_],
    kind: str,
    alike: float,
    places: NDArray[np.int64],
    levels: NDArray[np.int64],
) -> Row:
    values, weights = _values(shown)
    variance = _by_sampling(values, weights, kind)
    found = latest_difference(values, weights, is_latest, variance, alike=alike, places=places, levels=levels)
    # a share or a rate cannot have fallen below nothing, nor a share have risen above all
    least = -found.before if kind in ("binary", "count") else -np.inf
    most = 100.0 - found.before if kind == "binary" else np.inf
    higher, lower = found.lower > 0, found.upper < 0
    return {
        "value_latest": found.latest,
        "value_before": found.before,
        "difference": found.difference,
        "lower": max(found.lower, least),
        "upper": min(found.upper, most),
        "change": "higher" if higher else "lower" if lower else "no_clear_change",
    }


def _by_sampling(values: Floats, weights: Floats, kind: str) -> float:
    """n times a period's variance by sampling alone; 0 for means, of which only the periods tell."""
    mean = float((weights * values).sum() / weights.sum())
    if kind == "binary":
        return mean * (100.0 - mean)
    return mean if kind == "count" else 0.0
