"""The coverage study's tables: coverage by quantity and clinics, and why where it is not 93% to 97%."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from benchmarks.machine import description, markdown

LOW, HIGH = 0.93, 0.97
SCENARIO = ["kind", "clinics", "balance", "icc", "prevalence"]
CERTAIN = 2.0
"""A scenario counts as outside when its coverage is, by this many Monte Carlo standard errors."""


@dataclass(frozen=True)
class Reason:
    """Why a scenario's coverage is not near 95%: the first reason that applies is given."""

    applies: Callable[[pd.Series], bool]
    sentence: str


def _over(row: pd.Series) -> bool:
    return bool(row["coverage"] > HIGH)


REASONS: tuple[Reason, ...] = (
    Reason(
        lambda row: row["interval"] == "SD between clinics taken as known",
        "for comparison, not a default: it leaves out that how much clinics differ is itself estimated",
    ),
    Reason(
        lambda row: row["interval"] == "zou-donner",
        "for comparison, not a default: symmetric and for large samples, and no interval at all where its "
        "variance comes out negative",
    ),
    Reason(
        lambda row: row["interval"] == "beta-binomial" and not _over(row),
        "for comparison: clinics' probabilities are logistic-normal here, and rare events do not show that "
        "they are not beta; the default reaches as far as both shapes do",
    ),
    Reason(
        lambda row: row["interval"] == "ANOVA, searle" and row["balance"] == "unequal",
        "for comparison: approximate where sizes differ; `exact` is the default",
    ),
    Reason(
        lambda row: "confidence set" in row["interval"] and _over(row),
        "confidence sets hold whatever the clinics' true order, ties included, so more often than stated",
    ),
    Reason(
        lambda row: row["quantity"] == "ranks" and _over(row),
        "ranks are whole numbers: with few clinics no interval of them has exactly 95%, and the next wider "
        "one is given",
    ),
    Reason(
        lambda row: row["quantity"] == "clinic effects" and _over(row),
        "how much few clinics differ is hardly known, and the flat prior on their SD errs on the safe side",
    ),
    Reason(
        lambda row: row["quantity"].startswith("ICC") and row["interval"] != "ANOVA, exact" and _over(row),
        "the interval cannot end below zero, so near zero, or with few clinics, it can miss on one side only",
    ),
    Reason(
        lambda row: row["quantity"] == "ICC, observed scale" and row["prevalence"] < 0.1,
        "few events say little of how clinics' probabilities are spread, and likelihood intervals are for "
        "large samples",
    ),
    Reason(
        lambda row: (
            row["quantity"] == "clinic effects" and row["kind"] == "binary" and row["prevalence"] < 0.1
        ),
        "with rare events most clinics have few or none, and what is not known of their effects is skewed; "
        "the posterior is taken for normal given the SD",
    ),
    Reason(
        lambda row: row["interval"].startswith("GLMM") and row["quantity"] == "program, half of the clinics",
        "maximum likelihood makes the spread of few clinics too small (these models have no REML); t with "
        "between–within degrees of freedom makes up for most of it",
    ),
    Reason(
        lambda row: row["interval"].startswith("GLMM") and row["clinics"] <= 8,
        "among eight clinics a program that starts clinic by clinic is partly a difference between them, and "
        "maximum likelihood makes their spread too small; t cannot make up for what is estimated to be zero",
    ),
    Reason(
        lambda row: row["quantity"].startswith("program") and row["icc"] <= 0.05 and _over(row),
        "a variance cannot be estimated below zero, so on average a small one is estimated too large",
    ),
    Reason(
        lambda row: row["interval"] == "GEE" and row["prevalence"] == 0.03 and row["clinics"] <= 30,
        "a few dozen events in few clinics: neither the correction of the sandwich nor t is meant for that",
    ),
    Reason(
        lambda row: row["interval"] == "GEE" and 0 < row["prevalence"] < 0.1 and row["icc"] >= 0.1,
        "rare events that a few clinics have most of: the average over clinics rests on those, however many "
        "clinics there are",
    ),
    Reason(
        lambda row: row["interval"] == "GEE" and row["balance"] == "unequal" and row["clinics"] <= 15,
        "a handful of clinics with most of the patients: the corrected sandwich has fewer degrees of freedom "
        "than clinics less coefficients",
    ),
)
UNEXPLAINED = "no reason known"


def _parts(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]


def gathered(folder: Path) -> pd.DataFrame:
    """One row per scenario, quantity and interval: replicates, coverage, its Monte Carlo SE, mean width."""
    rows = []
    for part in _parts(folder):
        for name, sums in part["quantities"].items():
            quantity, interval = name.split("|")
            rows.append({**part["scenario"], "quantity": quantity, "interval": interval, **sums})
    if not rows:
        raise SystemExit(f"no results in {folder}")
    keys = ["quantity", "interval", *SCENARIO]
    sums = (
        pd.DataFrame(rows).groupby(keys, sort=False, as_index=False)[["n", "held", "squares", "width"]].sum()
    )
    coverage = sums["held"] / sums["n"]
    # two more of each, as Agresti & Coull (1998) have it: that nothing was missed is not certainty
    centre = (sums["held"] + 2.0) / (sums["n"] + 4.0)
    whole = np.isclose(sums["squares"], sums["held"])
    spread = np.maximum(sums["squares"] / sums["n"] - coverage**2, 1e-4)
    se = np.sqrt(np.where(whole, centre * (1.0 - centre) / (sums["n"] + 4.0), spread / sums["n"]))
    at = np.where(whole, centre, coverage)
    kept = sums[[*keys, "n"]].assign(coverage=coverage, se=se, width=sums["width"] / sums["n"])
    outside = (at + CERTAIN * se < LOW) | (at - CERTAIN * se > HIGH)
    kept["outside"] = outside
    kept["reason"] = [
        _reason(row) if out else "" for (_, row), out in zip(kept.iterrows(), outside, strict=True)
    ]
    return kept


def report(folder: Path) -> tuple[str, pd.DataFrame]:
    """The README's tables as Markdown, and every scenario's figures."""
    figures = gathered(folder)
    clinics = sorted(figures["clinics"].unique())
    rows = []
    for (kind, quantity, interval), part in figures.groupby(["kind", "quantity", "interval"], sort=False):
        cells = [_cell(part[part["clinics"] == k]["coverage"]) for k in clinics]
        rows.append((kind, quantity, interval, *cells))
    header = ("outcome", "of what", "interval", *(f"{k} clinics" for k in clinics))
    replicates = f"{figures['n'].min():.0f} to {figures['n'].max():.0f}"
    error = figures["se"].max()
    lines = [
        "Coverage of 95% intervals, in per cent: the mean over scenarios, and the least and the most of any "
        f"one of them ({len(figures.groupby(SCENARIO))} scenarios, "
        f"{replicates} networks each; a scenario's Monte Carlo SE is at most {100 * error:.1f}).",
        "",
        markdown(header, rows),
        "",
        _why(figures),
        "",
        _refused(folder),
        "",
        f"Made on {description(['numpy', 'scipy', 'pandas'])}.",
    ]
    return "\n".join(lines), figures


def _cell(coverage: pd.Series) -> str:
    if coverage.empty:
        return ""
    return f"{100 * coverage.mean():.1f} ({100 * coverage.min():.0f}–{100 * coverage.max():.0f})"


def _why(figures: pd.DataFrame) -> str:
    outside = figures[figures["outside"]]
    inside = len(figures) - len(outside)
    first = (
        f"{inside} of {len(figures)} coverages are within 93% to 97%, or not certainly outside. The others, "
        "with the reason:"
    )
    rows = []
    for (quantity, interval, reason), part in outside.groupby(["quantity", "interval", "reason"], sort=False):
        ends = f"{100 * part['coverage'].min():.0f}–{100 * part['coverage'].max():.0f}"
        rows.append((quantity, interval, len(part), ends, reason))
    return f"{first}\n\n{markdown(('of what', 'interval', 'scenarios', 'coverage', 'why'), rows)}"


def _refused(folder: Path) -> str:
    parts = _parts(folder)
    networks, failures = sum(part["replicates"] for part in parts), [part["failures"] for part in parts]
    count = sum(sum(each.values()) for each in failures)
    if not count:
        return f"None of {networks:,} networks was refused."
    reasons: dict[str, int] = {}
    for each in failures:
        for reason, times in each.items():
            reasons[reason] = reasons.get(reason, 0) + times
    said = "; ".join(
        f"{reason} ({times:,})" for reason, times in sorted(reasons.items(), key=lambda x: -x[1])
    )
    return f"{count:,} of {networks:,} networks were refused, and are not counted: {said}."


def _reason(row: pd.Series) -> str:
    return next((each.sentence for each in REASONS if each.applies(row)), UNEXPLAINED)
