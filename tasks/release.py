"""The release: the tables that one run publishes, with every column described once.

Estimating and ranking fill these tables, disclosing blanks what must not be seen, rendering draws them,
publishing writes them. Everything a person or a dashboard reads comes from here, so a PDF and a feed
cannot disagree. No table has a row or a value that stands for a single patient.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

Kind = Literal["string", "integer", "number", "boolean", "date"]

STATUSES = {
    "ok": "published as estimated",
    "suppressed_primary": "withheld: the count is small enough to point at patients",
    "suppressed_secondary": "withheld: it would let a withheld number be worked out",
    "low_reliability": "shown, but too uncertain to compare",
    "not_ranked": "not placed in an order",
    "not_estimable": "could not be estimated; the reason stands beside it",
    "no_records": "no usable records in the window",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a published table."""

    name: str
    kind: Kind
    description: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One published table: its name, what a row is, and its columns; `key` makes a row unique."""

    name: str
    row: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    def empty(self) -> pd.DataFrame:
        """A frame with this table's columns and no rows."""
        return pd.DataFrame(columns=[column.name for column in self.columns])


def _c(name: str, kind: Kind, description: str, *, required: bool = False) -> Column:
    return Column(name, kind, description, required)


_STATUS = (
    _c("status", "string", "ok, or why a value is missing or qualified (see `statuses`)", required=True),
    _c("reason", "string", "in a sentence, where the status is not ok"),
)
_CLINIC = (
    _c("outcome", "string", "outcome's name in the network file", required=True),
    _c("clinic", "string", "clinic's name", required=True),
    _c("region", "string", "region of the clinic, where the network has regions"),
)

CLINICS = Table(
    "clinics",
    "one clinic",
    ("clinic",),
    (
        _c("clinic", "string", "clinic's name", required=True),
        _c("slug", "string", "clinic's name as used in file names", required=True),
        _c("region", "string", "region of the clinic"),
        _c("n_records", "integer", "records used in the window"),
        _c("n_patients", "integer", "different patients in the window"),
        _c("first_month", "string", "first month with records (YYYY-MM)"),
        _c("last_month", "string", "last month with records (YYYY-MM)"),
        _c("reportable", "boolean", "whether the clinic has anything that may be shown", required=True),
        *_STATUS,
    ),
)

OUTCOMES = Table(
    "outcomes",
    "one outcome",
    ("outcome",),
    (
        _c("outcome", "string", "outcome's name in the network file", required=True),
        _c("label", "string", "as people read it", required=True),
        _c("kind", "string", "continuous, binary or count", required=True),
        _c("unit", "string", "unit of its values (% for binary outcomes)"),
        _c("direction", "string", "which is better: higher, lower or neither", required=True),
        _c("adjusters", "string", "what adjusted and shrunken values are adjusted for, comma-separated"),
        _c("comparator", "string", "what clinics are compared with", required=True),
        _c("comparator_value", "number", "the comparator, in the outcome's unit"),
        _c("n_records", "integer", "records with a usable value"),
        _c("n_clinics", "integer", "clinics with a usable value"),
        _c("verdict", "string", "rank, grade or do_not_rank"),
        _c("verdict_reason", "string", "the rankability sentence"),
        *_STATUS,
    ),
)

CLINIC_ESTIMATES = Table(
    "clinic_estimates",
    "one clinic's value of one outcome, in one form (raw, adjusted or shrunken)",
    ("outcome", "clinic", "form"),
    (
        *_CLINIC,
        _c("form", "string", "raw, adjusted or shrunken", required=True),
        _c("estimand", "string", "what the value is, in words", required=True),
        _c("value", "number", "in the outcome's unit (per cent for binary outcomes)"),
        _c("lower", "number", "lower end of the interval"),
        _c("upper", "number", "upper end of the interval"),
        _c("level", "number", "coverage of the interval, 0.95"),
        _c("numerator", "integer", "events counted (binary and count outcomes)"),
        _c("denominator", "number", "records, or exposure for count outcomes"),
        _c("reliability", "number", "w, the weight of the clinic's own records, 0 to 1"),
        _c("p_better", "number", "posterior probability that the clinic is better than the comparator"),
        _c(
            "comparison",
            "string",
            "better, worse, higher, lower (where neither is better), no_different or not_compared",
        ),
        *_STATUS,
    ),
)

CLINIC_RANKS = Table(
    "clinic_ranks",
    "one clinic's place on one outcome",
    ("outcome", "clinic"),
    (
        *_CLINIC,
        _c("rank_median", "number", "median of the posterior of the rank, 1 is best"),
        _c("rank_expected", "number", "mean of the posterior of the rank"),
        _c("rank_lower", "number", "lower end of the 95% interval of the rank"),
        _c("rank_upper", "number", "upper end of the 95% interval of the rank"),
        _c("p_top_tenth", "number", "posterior probability of being in the best tenth"),
        _c("p_bottom_tenth", "number", "posterior probability of being in the worst tenth"),
        _c("grade", "string", "certainty-controlled grade: above, typical or below"),
        _c("n_ranked", "integer", "clinics in the order"),
        *_STATUS,
    ),
)

NETWORK_FIGURES = Table(
    "network_figures",
    "one figure about the whole network, for one outcome",
    ("outcome", "figure"),
    (
        _c("outcome", "string", "outcome's name in the network file", required=True),
        _c(
            "figure",
            "string",
            "e.g. mean, icc, design_effect, effective_sample_size, sd_between",
            required=True,
        ),
        _c("label", "string", "as people read it", required=True),
        _c("value", "number", "the figure"),
        _c("lower", "number", "lower end of the 95% interval, where there is one"),
        _c("upper", "number", "upper end of the 95% interval"),
        _c("unit", "string", "unit of the value"),
        _c("method", "string", "how it was estimated", required=True),
        *_STATUS,
    ),
)

PROGRAM_EFFECTS = Table(
    "program_effects",
    "one estimate of the program's effect on one outcome",
    ("outcome", "model", "estimand", "measure", "term"),
    (
        _c("outcome", "string", "outcome's name in the network file", required=True),
        _c("model", "string", "mixed, gee, within or naive", required=True),
        _c("estimand", "string", "conditional, marginal or unadjusted", required=True),
        _c(
            "measure",
            "string",
            "difference, ratio, odds_ratio, risk_difference, risk_ratio or rate_ratio",
            required=True,
        ),
        _c(
            "term",
            "string",
            "effect (the same in every month from the start on); average (of the effects of each month since "
            "the start); or month -03, month 00 … (that month's own, counted from the clinic's start)",
            required=True,
        ),
        _c("months_since_start", "integer", "of a month's own effect; before the start below zero"),
        _c("value", "number", "the effect in the measure's unit"),
        _c("lower", "number", "lower end of the 95% interval"),
        _c("upper", "number", "upper end of the 95% interval"),
        _c("unit", "string", "unit of the value (empty for ratios)"),
        _c("df", "number", "degrees of freedom of the interval; empty: normal"),
        _c("p", "number", "two-sided p-value against no effect"),
        _c("n_records", "integer", "records used"),
        _c("n_clinics", "integer", "clinics used"),
        _c(
            "question",
            "string",
            "policy, patient, these_clinics or none: which question it answers",
            required=True,
        ),
        _c("words", "string", "the estimate as a sentence", required=True),
        *_STATUS,
    ),
)

CLINIC_MONTHS = Table(
    "clinic_months",
    "one clinic's (or the network's, clinic empty) month of one outcome, for run charts",
    ("outcome", "clinic", "month"),
    (
        _c("outcome", "string", "outcome's name in the network file", required=True),
        _c("clinic", "string", "clinic's name; empty for the network", required=True),
        _c("month", "string", "YYYY-MM", required=True),
        _c("value", "number", "the month's raw value in the outcome's unit"),
        _c("numerator", "integer", "events (binary and count outcomes)"),
        _c("denominator", "number", "records, or exposure for count outcomes"),
        _c("centre", "number", "centre line of the run chart"),
        _c("lower_limit", "number", "lower control limit"),
        _c("upper_limit", "number", "upper control limit"),
        _c("limits", "string", "trial (fewer than 12 points) or fixed (first 12 of the window); empty: none"),
        *_STATUS,
    ),
)

QUALITY = Table(
    "quality",
    "one screening rule at one clinic (clinic empty: the whole network)",
    ("rule", "clinic"),
    (
        _c("rule", "string", "screening rule's name", required=True),
        _c("clinic", "string", "clinic's name; empty for the whole network", required=True),
        _c("description", "string", "what the rule looks for", required=True),
        _c(
            "action",
            "string",
            "set_aside (not used), value_blanked (that value not used) or noted",
            required=True,
        ),
        _c("counts", "string", "what n_checked and n_found count: records or clinic-months; empty: records"),
        _c("n_checked", "integer", "how many were looked at"),
        _c("n_found", "integer", "how many were found"),
        *_STATUS,
    ),
)

CHANGES = Table(
    "changes",
    "one thing that this release says otherwise than the release it is compared with",
    ("outcome", "clinic", "month", "change"),
    (
        _c(
            "outcome", "string", "outcome's name in the network file; empty: the clinic itself", required=True
        ),
        _c("clinic", "string", "clinic's name; empty for the network", required=True),
        _c(
            "month", "string", "YYYY-MM, of a month both windows hold; empty: the whole window", required=True
        ),
        _c(
            "change",
            "string",
            "verdict (the outcome's); outcome_new or outcome_gone (in the network file); clinic_new or "
            "clinic_gone (records in the window); comparison (the clinic's); shown (a figure that was not "
            "there), withheld or no_figure (one that was there: withheld now, or not to be had); restated "
            "(a month that both show, with other numbers)",
            required=True,
        ),
        _c("before", "string", "verdict, comparison or status then; empty: nothing was said, or restated"),
        _c("after", "string", "verdict, comparison or status now; empty: nothing is said, or restated"),
        _c("value_before", "number", "the month's raw value then, in the outcome's unit (restated)"),
        _c("value_after", "number", "the month's raw value now"),
        _c("numerator_before", "integer", "events then (restated; binary and count outcomes)"),
        _c("numerator_after", "integer", "events now"),
        _c("denominator_before", "number", "records then, or exposure for count outcomes (restated)"),
        _c("denominator_after", "number", "records now, or exposure"),
        _c("since", "string", "month of the release compared with, YYYY-MM", required=True),
        _c("since_release", "string", "id of the release compared with", required=True),
    ),
)

TABLES: tuple[Table, ...] = (
    CLINICS,
    OUTCOMES,
    CLINIC_ESTIMATES,
    CLINIC_RANKS,
    NETWORK_FIGURES,
    PROGRAM_EFFECTS,
    CLINIC_MONTHS,
    QUALITY,
    CHANGES,
)


@dataclass(frozen=True, slots=True)
class Since:
    """The release that another is compared with: its id and the month it reports, YYYY-MM."""

    id: str
    period: str


@dataclass(frozen=True)
class Release:
    """What one run publishes.

    Attributes:
        id: short digest of the network's configuration, period, policy, program version and tables: the
            same records and configuration give the same id.
        network: the network's name.
        period: the reported month, YYYY-MM.
        window: first and last month the estimates use, YYYY-MM each.
        cut_off: latest date among the records used, YYYY-MM-DD.
        policy: name of the disclosure policy applied; None before disclosing.
        versions: package → version, of what computed it.
        tables: table name → frame with that table's columns.
        since: the earlier release that `changes` compares this one with; None where there is none.
    """

    id: str
    network: str
    period: str
    window: tuple[str, str]
    cut_off: str
    policy: str | None
    versions: Mapping[str, str]
    tables: Mapping[str, pd.DataFrame]
    since: Since | None = None

    def __getitem__(self, table: str) -> pd.DataFrame:
        return self.tables[table]


def conform(table: Table, rows: pd.DataFrame) -> pd.DataFrame:
    """`rows` with exactly the table's columns, in order, typed, and sorted by key.

    Raises:
        ValueError: a required column is missing or has nulls, a column is unknown, or the key repeats.
    """
    known = [column.name for column in table.columns]
    unknown = [name for name in rows.columns if name not in known]
    if unknown:
        raise ValueError(f"table {table.name} has no column {', '.join(unknown)}")
    frame = rows.reindex(columns=known).copy()
    for column in table.columns:
        if column.required and frame[column.name].isna().any():
            raise ValueError(f"table {table.name} needs {column.name} in every row")
        frame[column.name] = frame[column.name].astype(pd.api.types.pandas_dtype(_PANDAS[column.kind]))
    if frame.duplicated(list(table.key)).any():
        raise ValueError(f"table {table.name} repeats a row of {', '.join(table.key)}")
    return frame.sort_values(list(table.key), kind="stable", ignore_index=True)


_PANDAS: dict[Kind, str] = {
    "string": "string",
    "integer": "Int64",
    "number": "Float64",
    "boolean": "boolean",
    "date": "string",
}

SIGNIFICANT_DIGITS = 8
"""Digits that a published number keeps: more than any interval justifies, fewer than a machine may vary."""


def rounded(rows: pd.DataFrame) -> pd.DataFrame:
    """`rows` with every fractional number at `SIGNIFICANT_DIGITS`; whole numbers keep all of theirs.

    Fitting ends within a tolerance and sums depend on their order in the last bits, so the digits beyond
    say nothing, and would make the same release differ from itself.
    """
    frame = rows.copy()
    for name in frame.columns:
        if pd.api.types.is_float_dtype(frame[name].dtype):
            frame[name] = frame[name].map(_round, na_action="ignore").astype(frame[name].dtype)
    return frame


def _round(value: float) -> float:
    if not math.isfinite(value) or value.is_integer():
        return value
    settled = float(f"{value:.12g}")  # a mean of decimals can lie on the very middle, and noise would decide
    return float(f"{settled:.{SIGNIFICANT_DIGITS}g}")


def release_id(
    configuration: str,
    period: str,
    policy: str,
    tables: Mapping[str, pd.DataFrame],
    since: Since | None = None,
) -> str:
    """Twelve hexadecimal digits that stand for what is published: the same content has the same id.

    Args:
        configuration: the network file, its SELECT and the program's version, as one text.
        period: the reported month, YYYY-MM.
        policy: the disclosure policy that was applied.
        tables: the tables after disclosure; their numbers are rounded before they are digested.
        since: the release compared with; it is named in the reports even where nothing changed.
    """
    digest = hashlib.sha256()
    for part in (configuration, period, policy, "" if since is None else since.id):
        digest.update(part.encode() + b"\0")
    for table in TABLES:
        digest.update(table.name.encode() + b"\0")
        for row in rounded(conform(table, tables[table.name])).itertuples(index=False, name=None):
            cells = ("\1" if pd.isna(cell) else str(cell) for cell in row)
            digest.update("\2".join(cells).encode() + b"\0")
    return digest.hexdigest()[:12]
