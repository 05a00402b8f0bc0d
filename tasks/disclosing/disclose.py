"""Release tables as they may be seen: the small-number policy applied to every table, once.

The order matters and is the same every time: sizes first (how many records a clinic has), then events
(how many of them have the outcome), then everything that was computed from either, then ranks, then the
quality table. What is withheld becomes null with a status; no value is replaced by another that could be
taken for a figure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.disclosing.additive import AdditiveTable, Sum, protect
from tasks.disclosing.grid import (
    NETWORK,
    Counts,
    collect,
    counts_of,
    events_of,
    withhold_series,
    withhold_windows,
)
from tasks.disclosing.policy import SmallNumberPolicy
from tasks.models.raw import wilson_interval

Booleans = NDArray[np.bool_]
Tables = dict[str, pd.DataFrame]

_CLINIC_COLUMNS = ("value", "lower", "upper", "numerator", "reliability", "p_better")
_MONTH_COLUMNS = ("value", "numerator", "denominator", "centre", "lower_limit", "upper_limit", "limits")
_RANK_COLUMNS = (
    "rank_median", "rank_expected", "rank_lower", "rank_upper", "p_top_tenth", "p_bottom_tenth", "grade",
)  # fmt: skip


@dataclass(frozen=True)
class _Withheld:
    """Per clinic, in the order of the clinics: whether small itself, and whether withheld at all."""

    small: Booleans
    all: Booleans

    def status(self, clinics: tuple[str, ...]) -> dict[str, str]:
        return {
            clinic: "suppressed_primary" if small else "suppressed_secondary"
            for clinic, small, gone in zip(clinics, self.small, self.all, strict=True)
            if gone
        }


def disclose(policy: SmallNumberPolicy, tables: Mapping[str, pd.DataFrame]) -> Tables:
    """The tables of a release with nothing in them that points at a patient.

    Args:
        policy: the network's small-number policy.
        tables: release tables (`tasks.release.TABLES`) as estimated.

    Returns:
        The same tables with withheld values null, their status `suppressed_primary` or
        `suppressed_secondary` and a reason; counts rounded as the policy says.
    """
    shown = {name: frame.copy() for name, frame in tables.items()}
    if not policy.withholds and policy.round_to == 1:
        return shown
    clinics = tuple(sorted(shown["clinics"]["clinic"]))
    kinds = {str(name): str(kind) for name, kind in shown["outcomes"].set_index("outcome")["kind"].items()}
    sizes = _sizes(policy, shown, kinds, clinics)
    by_size, series_by_size = _withhold_sizes(policy, sizes)
    for outcome, kind in kinds.items():
        size = sizes.get(outcome, sizes[_RECORDS])
        window, series = _withhold_outcome(
            policy, shown, outcome, kind, clinics, size, by_size, series_by_size
        )
        _blank_clinic_rows(policy, shown, outcome, window.status(clinics), by_size.status(clinics))
        _blank_series(policy, shown, outcome, series.status(clinics))
        _round_counts(policy, shown, outcome, kind)
    _blank_clinics(policy, shown, by_size.status(clinics))
    _withhold_quality(policy, shown)
    return shown


# --- what is withheld --------------------------------------------------------------------------------------

_RECORDS = ""  # key of the clinics table's own sizes beside the outcomes'


def _sizes(
    policy: SmallNumberPolicy, tables: Tables, kinds: Mapping[str, str], clinics: tuple[str, ...]
) -> dict[str, Counts]:
    """How many records stand behind each clinic and month: of the clinics table, and of each outcome."""
    records = tables["clinics"].set_index("clinic")["n_records"].astype("float64")
    n = np.asarray(records.reindex(clinics), dtype=np.float64)
    sizes = {_RECORDS: counts_of(policy, n, np.empty((len(clinics), 0)), np.empty(0))}
    for outcome, kind in kinds.items():
        if kind != "count":  # a count outcome's denominator is exposure, or none
            sizes[outcome] = collect(policy, tables, outcome, "denominator", clinics)
    return sizes


def _withhold_sizes(policy: SmallNumberPolicy, sizes: Mapping[str, Counts]) -> tuple[_Withheld, Booleans]:
    """Clinics whose size is withheld, and clinics whose months are: the same in all tables.

    The records behind two outcomes of a clinic are nearly the same records, so a companion withheld in one
    table and shown in another would be as good as shown.
    """
    n_clinics = len(next(iter(sizes.values())).window)
    small = np.any([each.small[:, 0] for each in sizes.values()], axis=0)
    windows, series = small.copy(), np.zeros(n_clinics, dtype=bool)
    while True:
        before = windows.sum() + series.sum()
        for counts in sizes.values():
            windows |= withhold_windows(policy, counts, windows)
            series |= withhold_series(policy, counts, windows, series | windows)
        if windows.sum() + series.sum() == before:
            return _Withheld(small, windows), series


def _withhold_outcome(
    policy: SmallNumberPolicy,
    tables: Tables,
    outcome: str,
    kind: str,
    clinics: tuple[str, ...],
    size: Counts,
    by_size: _Withheld,
    series_by_size: Booleans,
) -> tuple[_Withheld, _Withheld]:
    """Clinics whose window figures, and clinics whose monthly figures, of one outcome are withheld."""
    if kind == "continuous":
        small_month = size.small[:, 1:].any(axis=1)
        return by_size, _Withheld(by_size.small | small_month, by_size.all | series_by_size | small_month)
    events = collect(policy, tables, outcome, "numerator", clinics)
    if kind == "binary":
        events = events_of(policy, events, size)
    windows = withhold_windows(policy, events, by_size.all)
    series = withhold_series(policy, events, windows, windows | series_by_size)
    small = events.small[:, 0] | by_size.small
    small_month = small | events.small[:, 1:].any(axis=1)
    return _Withheld(small, windows), _Withheld(small_month, series)


# --- blanking ----------------------------------------------------------------------------------------------


def _reason(policy: SmallNumberPolicy, status: str) -> str:
    if status == "suppressed_primary":
        return f"withheld: a count from {policy.low} to {policy.high}, or all records alike"
    return "withheld: it would let a small number elsewhere be worked out"


def _mark(policy: SmallNumberPolicy, frame: pd.DataFrame, rows: pd.Series, columns: tuple[str, ...]) -> None:
    """Null the columns of the rows that have a status, and say why (in place)."""
    rows = rows.dropna()
    frame.loc[rows.index, list(columns)] = pd.NA
    frame.loc[rows.index, "status"] = rows
    frame.loc[rows.index, "reason"] = rows.map(lambda status: _reason(policy, status))


def _rows(frame: pd.DataFrame, outcome: str, status: Mapping[str, str]) -> pd.Series:
    """Status by row of the frame, for the outcome's rows of clinics that have one."""
    mine = frame["outcome"] == outcome
    return frame.loc[mine, "clinic"].map(dict(status)).astype("string")


def _blank_clinic_rows(
    policy: SmallNumberPolicy,
    tables: Tables,
    outcome: str,
    status: Mapping[str, str],
    size: Mapping[str, str],
) -> None:
    estimates, ranks = tables["clinic_estimates"], tables["clinic_ranks"]
    rows = _rows(estimates, outcome, status).dropna()
    _mark(policy, estimates, rows, _CLINIC_COLUMNS)
    estimates.loc[rows.index, "comparison"] = "not_compared"
    estimates.loc[_rows(estimates, outcome, size).dropna().index, "denominator"] = pd.NA
    _mark(policy, ranks, _rows(ranks, outcome, status), _RANK_COLUMNS)


def _blank_series(policy: SmallNumberPolicy, tables: Tables, outcome: str, status: Mapping[str, str]) -> None:
    months = tables["clinic_months"]
    _mark(policy, months, _rows(months, outcome, status), _MONTH_COLUMNS)
    # the network's own months can be small too
    network = months[(months["outcome"] == outcome) & (months["clinic"] == NETWORK)]
    for column in ("numerator", "denominator"):
        small = network.index[policy.is_small(network[column].to_numpy(dtype=float, na_value=np.nan))]
        _mark(policy, months, pd.Series("suppressed_primary", index=small, dtype="string"), _MONTH_COLUMNS)


def _round_counts(policy: SmallNumberPolicy, tables: Tables, outcome: str, kind: str) -> None:
    """Round the counts that stay, and derive raw percentages from the rounded counts (in place)."""
    if policy.round_to == 1:
        return
    for name in ("clinic_estimates", "clinic_months"):
        frame = tables[name]
        rows = frame.index[frame["outcome"] == outcome]
        for column in ("numerator",) if kind == "count" else ("numerator", "denominator"):
            values = frame.loc[rows, column].to_numpy(dtype=float, na_value=np.nan)
            frame.loc[rows, column] = pd.array(policy.rounded(values), dtype="Float64").astype(
                frame[column].dtype
            )
        if kind == "binary":
            _percentages(frame, rows)


def _percentages(frame: pd.DataFrame, rows: pd.Index) -> None:
    raw = frame.loc[rows, "form"] == "raw" if "form" in frame.columns else pd.Series(True, index=rows)
    rows = rows[(raw & frame.loc[rows, "value"].notna()).to_numpy(dtype=bool)]
    size = frame.loc[rows, "denominator"].to_numpy(dtype=float, na_value=np.nan)
    events = np.minimum(frame.loc[rows, "numerator"].to_numpy(dtype=float, na_value=np.nan), size)
    frame.loc[rows, "value"] = 100.0 * events / np.where(size > 0, size, np.nan)
    if "lower" in frame.columns:
        lower, upper = wilson_interval(events, size)
        frame.loc[rows, "lower"], frame.loc[rows, "upper"] = 100.0 * lower, 100.0 * upper


def _blank_clinics(policy: SmallNumberPolicy, tables: Tables, size: Mapping[str, str]) -> None:
    clinics = tables["clinics"]
    # first and last month are dates of patients: of a clinic with few records they say when those came
    _mark(
        policy,
        clinics,
        clinics["clinic"].map(dict(size)).astype("string"),
        ("n_records", "n_patients", "first_month", "last_month"),
    )
    few = policy.is_small(clinics["n_patients"].to_numpy(dtype=float, na_value=np.nan))
    clinics.loc[few, "n_patients"] = pd.NA
    for column in ("n_records", "n_patients"):
        values = clinics[column].to_numpy(dtype=float, na_value=np.nan)
        clinics[column] = pd.array(policy.rounded(values), dtype="Float64").astype("Int64")
    estimates = tables["clinic_estimates"]
    clinics["reportable"] = clinics["clinic"].isin(estimates.loc[estimates["value"].notna(), "clinic"])


def _withhold_quality(policy: SmallNumberPolicy, tables: Tables) -> None:
    """Small counts of records found, and companions so that a rule's total gives none away."""
    quality = tables["quality"]
    of_records = quality[quality["counts"].fillna("records") == "records"]
    for rows in of_records.groupby("rule", sort=True).groups.values():
        for column in ("n_found", "n_checked"):
            _withhold_findings(policy, quality, pd.Index(rows), column)


def _withhold_findings(policy: SmallNumberPolicy, quality: pd.DataFrame, rows: pd.Index, column: str) -> None:
    values = quality.loc[rows, column].to_numpy(dtype=float, na_value=np.nan)
    present = ~np.isnan(values)
    network = (quality.loc[rows, "clinic"] == NETWORK).to_numpy(dtype=bool)
    small = policy.is_small(values)
    parts = tuple(int(each) for each in np.flatnonzero(present & ~network))
    sums = [Sum(int(whole), parts) for whole in np.flatnonzero(present & network) if parts]
    table = AdditiveTable(
        np.nan_to_num(values),
        sums,
        np.where(small, float(policy.low), 0.0),
        np.where(small, float(policy.high), np.inf),
        np.where(present, np.arange(len(rows)), -1),
        policy.least_width,
        policy.slack,
    )
    withheld = protect(table, small)
    quality.loc[rows, column] = pd.array(policy.rounded(values), dtype="Float64").astype("Int64")
    status = np.where(small, "suppressed_primary", "suppressed_secondary")
    _mark(policy, quality, pd.Series(status[withheld], index=rows[withheld], dtype="string"), (column,))
