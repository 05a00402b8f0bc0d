"""Release tables by seeded simulation: the shape of what the pipeline makes, not its numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from reports.wording.coded_sentences import coded, told
from tasks.network.outcome_section import OutcomeSection
from tasks.network.schema import Network, slug
from tasks.release import TABLES, Release, conform

Rows = list[dict[str, object]]
Floats = np.ndarray


@dataclass(frozen=True)
class Shape:
    """How an outcome behaves in a simulation: mean and spreads (logit scale for binary, log for counts)."""

    mean: float
    between: float
    within: float
    verdict: str
    reason: str


@dataclass(frozen=True)
class Clinics:
    names: Sequence[str]
    regions: Sequence[str | None]
    sizes: Floats


def _months(last: str, count: int) -> list[str]:
    return [str(month) for month in pd.period_range(end=last, periods=count, freq="M")]


def simulate_release(
    network: Network,
    clinics: Clinics,
    shapes: dict[str, Shape],
    period: str,
    rng: np.random.Generator,
    unestimable: str | None = None,
) -> Release:
    rows: dict[str, Rows] = {table.name: [] for table in TABLES}
    months = _months(period, network.window.months)
    for name, shape in shapes.items():
        _outcome(rows, network, name, shape, clinics, months, rng, estimable=name != unestimable)
    shown = {row["clinic"] for row in rows["clinic_estimates"] if row["status"] in ("ok", "low_reliability")}
    for clinic, region, size in zip(clinics.names, clinics.regions, clinics.sizes, strict=True):
        small = size <= 10
        rows["clinics"].append(
            {
                "clinic": clinic,
                "slug": slug(clinic),
                "region": region,
                "n_records": None if small else int(size),
                "n_patients": None if small else round(size * 0.8),
                "first_month": months[0],
                "last_month": months[-1],
                "reportable": clinic in shown,
                "status": "suppressed_primary" if small else "ok",
                "reason": "fewer than 11 records" if small else None,
            }
        )
    rows["quality"] += _quality(clinics, rng)
    tables = {table.name: conform(table, pd.DataFrame(rows[table.name])) for table in TABLES}
    return Release(
        id="3f9c27d1a0b4",
        network=network.network.name,
        period=period,
        window=(months[0], months[-1]),
        cut_off=f"{period}-21",
        policy="suppress-1-10",
        versions={"clinicnet": "0.1.0", "duckdb": "2.0.1", "numpy": "2.4.0", "scipy": "1.17.0"},
        tables=tables,
    )


def _outcome(
    rows: dict[str, Rows],
    network: Network,
    name: str,
    shape: Shape,
    clinics: Clinics,
    months: list[str],
    rng: np.random.Generator,
    *,
    estimable: bool,
) -> None:
    section = network.outcomes[name]
    unit = "%" if section.kind == "binary" else section.unit
    adjusters = ", ".join(section.adjusters)
    centre, forms = _forms(section.kind, section.scale, section.direction, shape, clinics.sizes, rng)
    for j, clinic in enumerate(clinics.names):
        mine = {key: values[j] for key, values in forms.items()}
        status, reason = _status(section, network, int(clinics.sizes[j]), mine)
        if estimable:
            comparison = (
                _comparison(mine["shrunken"], centre, section.direction) if status == "ok" else "not_compared"
            )
        for form in ("raw", "adjusted", "shrunken") if estimable else ("raw",):
            kept = "ok" if form == "raw" and status == "low_reliability" else status
            rows["clinic_estimates"].append(
                _estimate(section, name, clinics, j, form, mine, kept, reason if kept != "ok" else None)
                | _compared(section, mine, comparison if form == "shrunken" else "not_compared")
            )
        if estimable:
            rows["clinic_ranks"].append(_rank(name, clinics, j, shape, status, int(mine["order"]) + 1))
        months_of = (rows["clinic_months"], name, section.kind, clinic, months)
        _clinic_months(*months_of, int(clinics.sizes[j]), mine["raw"][0], shape, rng, status)
    total = float(clinics.sizes.sum())
    _clinic_months(
        rows["clinic_months"], name, section.kind, "", months, int(total), centre, shape, rng, "ok"
    )
    rows["outcomes"].append(
        {
            "outcome": name,
            "label": section.label,
            "kind": section.kind,
            "unit": unit,
            "direction": section.direction,
            "adjusters": adjusters,
            "comparator": "the typical clinic, with the network’s mix of patients" if estimable else "none",
            "comparator_value": centre if estimable else None,
            "important_difference": section.important_difference,
            "n_records": int(total),
            "n_clinics": len(clinics.names),
            "verdict": shape.verdict if estimable else None,
            "verdict_reason": shape.reason if estimable else None,
            "status": "ok" if estimable else "not_estimable",
            "reason": None if estimable else "clinic is the only thing that varies; the model has no optimum",
        }
    )
    if estimable:
        rows["network_figures"] += _figures(name, section, shape, clinics.sizes, centre, unit)
        rows["program_effects"] += _effects(name, section, unit, int(total), len(clinics.names))


def _forms(
    kind: str, scale: str, direction: str, shape: Shape, sizes: Floats, rng: np.random.Generator
) -> tuple[float, dict[str, Floats]]:
    """Raw and shrunken triples per clinic, their weights and events, and clinics in order of value."""
    truth = shape.mean + rng.normal(0, shape.between, len(sizes))
    back: Callable[[Floats], Floats]
    if kind == "binary":
        events = rng.binomial(sizes, 1 / (1 + np.exp(-truth)))
        link = np.log((events + 0.5) / (sizes - events + 0.5))
        se = np.sqrt(1 / (events + 0.5) + 1 / (sizes - events + 0.5))
        back, raw = _per_cent, 100 * events / sizes
    elif kind == "count":
        events = rng.poisson(sizes * np.exp(truth))
        link, se = np.log((events + 0.5) / sizes), 1 / np.sqrt(events + 0.5)
        back, raw = np.exp, events / sizes
    else:
        events = np.zeros(len(sizes))
        link = truth + rng.normal(0, shape.within / np.sqrt(sizes))
        se = shape.within / np.sqrt(sizes)
        back = np.exp if scale == "log" else np.asarray
        raw = back(link)
    w = shape.between**2 / (shape.between**2 + se**2)
    mean = w * link + (1 - w) * shape.mean
    sd = shape.between * np.sqrt(1 - w)
    return float(back(np.float64(shape.mean))), {
        "raw": np.column_stack(
            [raw, np.minimum(back(link - 1.96 * se), raw), np.maximum(back(link + 1.96 * se), raw)]
        ),
        "shrunken": np.column_stack([back(mean), back(mean - 1.96 * sd), back(mean + 1.96 * sd)]),
        "w": w,
        "numerator": events,
        "order": np.argsort(np.argsort(mean if direction == "lower" else -mean)),
    }


def _per_cent(logit: Floats) -> Floats:
    return 100 / (1 + np.exp(-logit))


def _status(
    section: OutcomeSection, network: Network, size: int, mine: dict[str, Floats]
) -> tuple[str, str | None]:
    policy = network.policy
    if size <= 10 or (section.kind == "binary" and 0 < mine["numerator"] <= 10):
        return "suppressed_primary", "withheld: a count from 1 to 10, or all records alike"
    if size < policy.minimum_denominator:
        return "low_reliability", coded("why.few_records", fewest=policy.minimum_denominator)
    if mine["w"] < policy.minimum_reliability:
        return "low_reliability", coded("why.unreliable", least=policy.minimum_reliability)
    return "ok", None


def _estimate(
    section: OutcomeSection,
    outcome: str,
    clinics: Clinics,
    j: int,
    form: str,
    mine: dict[str, Floats],
    status: str,
    reason: str | None,
) -> dict[str, object]:
    shown = not status.startswith("suppressed")
    triple = mine[form] if form != "adjusted" else (mine["raw"] + mine["shrunken"]) / 2
    estimands = {
        "raw": "the clinic’s own records, unadjusted",
        "adjusted": "expected figure with the network’s mix of patients, from its own records alone",
        "shrunken": "expected figure with the network’s mix of patients, best prediction given its size",
    }
    row: dict[str, object] = {
        "outcome": outcome,
        "clinic": clinics.names[j],
        "region": clinics.regions[j],
        "form": form,
        "estimand": estimands[form],
        "level": 0.95,
        "status": status,
        "reason": reason,
    }
    if status == "low_reliability" and reason is not None:
        row |= {"reason": told(reason), "reason_coded": reason}
    if not shown:
        return row
    row |= dict(zip(("value", "lower", "upper"), map(float, triple), strict=True))
    if section.kind != "continuous":
        row["numerator"] = int(mine["numerator"])
    if section.per == "record":
        row["denominator"] = float(clinics.sizes[j])
    if form != "raw":
        row["reliability"] = float(mine["w"])
    return row


def _compared(section: OutcomeSection, mine: dict[str, Floats], comparison: str) -> dict[str, object]:
    row: dict[str, object] = {"comparison": comparison}
    if comparison == "placed":
        share = float(mine["order"]) / 100.0
        row |= {"place": share, "place_lower": max(share - 0.1, 0.0), "place_upper": min(share + 0.1, 1.0)}
    elif comparison in ("better", "worse") and section.important_difference is not None:
        row |= {"p_important": 0.87}
    return row


def _comparison(shrunken: Floats, centre: float, direction: str) -> str:
    if direction == "neither":
        return "placed"
    above, below = {"higher": ("better", "worse"), "lower": ("worse", "better")}[direction]
    return above if shrunken[1] > centre else below if shrunken[2] < centre else "no_different"


def _rank(outcome: str, clinics: Clinics, j: int, shape: Shape, status: str, place: int) -> dict[str, object]:
    spread, n = 3, len(clinics.names)
    row: dict[str, object] = {
        "outcome": outcome,
        "clinic": clinics.names[j],
        "region": clinics.regions[j],
        "status": status if status != "ok" or shape.verdict == "rank" else "not_ranked",
        "reason": None if shape.verdict == "rank" else "the differences between clinics are mostly chance",
    }
    if status == "ok" and shape.verdict == "rank":
        row |= {
            "rank_median": float(place),
            "rank_expected": float(place),
            "rank_lower": float(max(1, place - spread)),
            "rank_upper": float(min(n, place + spread)),
            "rank_set_lower": float(max(1, place - spread - 1)),
            "rank_set_upper": float(min(n, place + spread + 1)),
            "p_top_tenth": max(0.0, 0.97 - 0.04 * place),
            "p_bottom_tenth": max(0.0, 0.97 - 0.04 * (n - place)),
            "n_ranked": n,
        }
    if status == "ok" and shape.verdict != "do_not_rank":
        row["grade"] = "above" if place < n / 6 else "below" if place > 5 * n / 6 else "typical"
    return row


def _clinic_months(
    rows: Rows,
    outcome: str,
    kind: str,
    clinic: str,
    months: list[str],
    size: int,
    level: float,
    shape: Shape,
    rng: np.random.Generator,
    status: str,
) -> None:
    counts = np.maximum(1, np.round(size * rng.dirichlet(np.full(len(months), 30.0)))).astype(int)
    for month, n in zip(months, counts, strict=True):
        if kind == "binary":
            events = int(rng.binomial(n, min(level / 100, 1.0)))
            value, half = 100 * events / n, 300 * np.sqrt(level / 100 * (1 - level / 100) / n)
        elif kind == "count":
            events = int(rng.poisson(n * level))
            value, half = events / n, 3 * np.sqrt(level / n)
        else:
            events, sd = None, max(shape.within, 0.3)
            value, half = level + rng.normal(0, sd / np.sqrt(n)), 3 * sd / np.sqrt(n)
        small = n <= 10 or status.startswith("suppressed")
        rows.append(
            {
                "outcome": outcome,
                "clinic": clinic,
                "month": month,
                "value": None if small else value,
                "numerator": None if small else events,
                "denominator": None if small else float(n),
                "centre": None if small else level,
                "lower_limit": None if small else max(level - half, 0.0),
                "upper_limit": None if small else level + half,
                "limits": None if small else "trial" if len(months) < 12 else "fixed",
                "status": "suppressed_primary" if small else "ok",
                "reason": "fewer than 11 records" if small else None,
            }
        )


def _figures(
    outcome: str, section: OutcomeSection, shape: Shape, sizes: Floats, centre: float, unit: str
) -> Rows:
    residual = shape.within**2 if section.kind == "continuous" else np.pi**2 / 3
    icc = shape.between**2 / (shape.between**2 + residual)
    mean, cv2 = float(sizes.mean()), float(sizes.var() / sizes.mean() ** 2)
    effect = 1 + ((cv2 + 1) * mean - 1) * icc
    eldridge = "1 + ((cv² + 1) m̄ − 1) ICC (Eldridge, Ashby & Kerry 2006)"
    spread = (shape.between * 0.8, shape.between * 1.3)
    figures: tuple[tuple[str, str, float, float | None, float | None, str, str], ...] = (
        ("mean", "All records", centre * 1.04, None, None, unit, "mean"),
        ("typical", "Typical clinic", centre, None, None, unit, "mixed model"),
        ("icc", "Intraclass correlation", icc, icc * 0.7, icc * 1.4, "", "REML; profile likelihood interval"),
        ("design_effect", "Design effect", effect, effect * 0.7, effect * 1.4, "", eldridge),
        (
            "effective_sample_size",
            "Effective sample size",
            sizes.sum() / effect,
            None,
            None,
            "records",
            eldridge,
        ),
        ("sd_between", "Spread of clinics (SD)", shape.between, *spread, "", "REML"),
        *(
            [("sd_within", "SD within", shape.within, None, None, unit, "moments")]
            if section.kind == "continuous"
            else []
        ),
        ("overdispersion", "Overdispersion", 1.0 + shape.between**2 * 20, None, None, "", "z-scores"),
        (
            "own_spread",
            "Own figures' spread",
            shape.between * (4.0 if unit == "%" else 1.0),
            None,
            None,
            unit,
            "added",
        ),
    )
    names = ("figure", "label", "value", "lower", "upper", "unit", "method")
    return [
        {"outcome": outcome, "status": "ok", **dict(zip(names, figure, strict=True))} for figure in figures
    ]


def _effects(outcome: str, section: OutcomeSection, unit: str, n: int, k: int) -> Rows:
    shared: dict[str, object] = {"outcome": outcome, "n_records": n, "n_clinics": k, "status": "ok"}
    rows: Rows = []
    for model, estimand, measure, value, half, question in _effect_table(section):
        of = {"difference": unit, "risk_difference": "percentage points"}.get(measure, "")
        rows.append(
            shared
            | {
                "model": model,
                "estimand": estimand,
                "measure": measure,
                "term": "effect",
                "value": value,
                "lower": value - half,
                "upper": value + half,
                "unit": of,
                "p": 0.0123,
                "question": question,
                "words": f"{section.label}: {value:.3g} {of} by the {model} model "
                f"(95% interval {value - half:.3g} to {value + half:.3g}).",
            }
        )
    for months in range(-3, 7):
        value = 0.0 if months < 0 else 0.2 * months + 0.4
        rows.append(
            shared
            | {
                "model": "mixed",
                "estimand": "conditional",
                "measure": "difference",
                "term": f"month {months:03d}" if months < 0 else f"month {months:02d}",
                "months_since_start": months,
                "value": value,
                "lower": value - 0.9,
                "upper": value + 0.9,
                "unit": unit,
                "question": "patient",
                "words": f"{months} months from the start: {value}.",
            }
        )
    return rows


def _effect_table(section: OutcomeSection) -> list[tuple[str, str, str, float, float, str]]:
    if section.kind == "binary":
        return [
            ("mixed", "conditional", "odds_ratio", 1.32, 0.3, "patient"),
            ("mixed", "marginal", "risk_difference", 4.1, 1.9, "policy"),
            ("gee", "marginal", "odds_ratio", 1.26, 0.24, "policy"),
            ("within", "conditional", "risk_difference", 3.9, 0.5, "these_clinics"),
            ("naive", "unadjusted", "risk_difference", 9.4, 0.7, "none"),
        ]
    # with an identity or log link the two estimands of the mixed model are one number: one row
    measure = "rate_ratio" if section.kind == "count" else "ratio" if section.scale == "log" else "difference"
    base = 0.0 if measure == "difference" else 1.0
    return [
        ("mixed", "conditional", measure, base + 0.32, 0.3, "patient"),
        ("gee", "marginal", measure, base + 0.26, 0.24, "policy"),
        ("within", "conditional", measure, base + 0.28, 0.5, "these_clinics"),
        ("naive", "unadjusted", measure, base + 0.8, 0.2, "none"),
    ]


RULES = (
    ("date_missing", "records without a date", "set_aside", 0.001),
    ("duplicate", "the same record twice", "set_aside", 0.004),
    ("age_range", "age outside 0 to 120", "value_blanked", 0.002),
    ("payer_missing", "payer not recorded", "noted", 0.46),
    ("volume_drop", "months with less than half the usual volume", "noted", 0.0),
)


def _quality(clinics: Clinics, rng: np.random.Generator) -> Rows:
    rows: Rows = []
    for rule, description, action, share in RULES:
        found = rng.binomial(clinics.sizes, share)
        sizes = [int(clinics.sizes.sum()), *map(int, clinics.sizes)]
        counts = [int(found.sum()), *map(int, found)]
        for clinic, size, count in zip(["", *clinics.names], sizes, counts, strict=True):
            small = 0 < count <= 10 or size <= 10
            rows.append(
                {
                    "rule": rule,
                    "clinic": clinic,
                    "description": description,
                    "action": action,
                    "n_checked": None if size <= 10 else size,
                    "n_found": None if small else count,
                    "status": "suppressed_primary" if small else "ok",
                }
            )
    return rows
