"""Tables with what must not be seen made null, in place: values, their status, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import numpy as np
import pandas as pd

from tasks.disclosing.grid import NETWORK
from tasks.disclosing.policy import SmallNumberPolicy
from tasks.models.raw import wilson_interval

Tables = dict[str, pd.DataFrame]
PRIMARY, SECONDARY = "suppressed_primary", "suppressed_secondary"

CLINIC_COLUMNS = ("value", "lower", "upper", "numerator", "reliability", "p_better")
LIMIT_COLUMNS = ("centre", "lower_limit", "upper_limit", "limits")
MONTH_COLUMNS = ("value", "numerator", "denominator", *LIMIT_COLUMNS)
RANK_COLUMNS = (
    "rank_median", "rank_expected", "rank_lower", "rank_upper", "p_top_tenth", "p_bottom_tenth", "grade",
)  # fmt: skip
FIGURE_COLUMNS = ("value", "lower", "upper")
EFFECT_COLUMNS = ("value", "lower", "upper", "df", "p", "n_records", "n_clinics")


def reason(policy: SmallNumberPolicy, status: str) -> str:
    """Why a value is withheld, in a sentence."""
    if status == PRIMARY:
        return f"withheld: a count from {policy.low} to {policy.high}, or all records alike"
    return "withheld: it would let a small number elsewhere be worked out"


def mark(policy: SmallNumberPolicy, frame: pd.DataFrame, rows: pd.Series, columns: Iterable[str]) -> None:
    """Null the columns of the rows that have a status, and say why.

    Args:
        policy: the small-number policy.
        frame: the table.
        rows: status by row of the frame; rows without one stay as they are.
        columns: what is withheld of them.
    """
    rows = rows.dropna()
    frame.loc[rows.index, list(columns)] = pd.NA
    frame.loc[rows.index, "status"] = rows
    frame.loc[rows.index, "reason"] = rows.map(lambda status: reason(policy, status))


def blank_clinics_of(
    policy: SmallNumberPolicy,
    tables: Tables,
    outcome: str,
    status: Mapping[str, str],
    size: Mapping[str, str],
) -> None:
    """An outcome's clinics: their figures and places where `status` is; their sizes too where `size` is."""
    estimates, ranks = tables["clinic_estimates"], tables["clinic_ranks"]
    rows = _statuses(estimates, outcome, status).dropna()
    mark(policy, estimates, rows, CLINIC_COLUMNS)
    estimates.loc[rows.index, "comparison"] = "not_compared"
    estimates.loc[_statuses(estimates, outcome, size).dropna().index, "denominator"] = pd.NA
    mark(policy, ranks, _statuses(ranks, outcome, status), RANK_COLUMNS)


def blank_months(
    policy: SmallNumberPolicy,
    tables: Tables,
    outcome: str,
    clinics: Mapping[str, str],
    network: Mapping[str, str],
) -> None:
    """An outcome's months: whole series of clinics, and months of the network."""
    months = tables["clinic_months"]
    series = _statuses(months, outcome, clinics).dropna()
    mark(policy, months, series, MONTH_COLUMNS)
    # the status is the series', whichever of its months is the small one: a gap would point at it
    small = series.index[series == PRIMARY]
    months.loc[small, "reason"] = (
        f"withheld with all months of the clinic: one of them, or all together, is a count from {policy.low} "
        f"to {policy.high}, or has records all alike"
    )
    own = months[(months["outcome"] == outcome) & (months["clinic"] == NETWORK)]
    mark(policy, months, own["month"].map(dict(network)).astype("string"), MONTH_COLUMNS)
    if network:  # the centre is a mean over the months, those withheld too
        months.loc[own.index, list(LIMIT_COLUMNS)] = pd.NA


def blank_outcome(policy: SmallNumberPolicy, tables: Tables, outcome: str) -> None:
    """An outcome with a small number in the whole network: every figure would tell it."""
    for name, columns in (
        ("clinic_estimates", (*CLINIC_COLUMNS, "denominator")),
        ("clinic_ranks", RANK_COLUMNS),
        ("clinic_months", MONTH_COLUMNS),
        ("network_figures", FIGURE_COLUMNS),
        ("program_effects", EFFECT_COLUMNS),
    ):
        frame = tables[name]
        rows = frame.index[frame["outcome"] == outcome] if len(frame) else frame.index
        mark(policy, frame, pd.Series(SECONDARY, index=rows, dtype="string"), columns)
        if name == "clinic_estimates":
            frame.loc[rows, "comparison"] = "not_compared"
        if name == "program_effects":
            frame.loc[rows, "words"] = reason(policy, SECONDARY)
    outcomes = tables["outcomes"]
    rows = outcomes.index[outcomes["outcome"] == outcome]
    gone = ("comparator_value", "n_records", "verdict", "verdict_reason")
    mark(policy, outcomes, pd.Series(PRIMARY, index=rows, dtype="string"), gone)


def blank_total(policy: SmallNumberPolicy, tables: Tables, outcome: str, totals: Collection[str]) -> None:
    """What tells an outcome's count in the whole window, where with earlier releases it would tell a month's.

    Args:
        policy: the small-number policy.
        tables: the release's tables.
        outcome: the outcome.
        totals: which of its counts, size and events.
    """
    if not totals:
        return
    figures, quality = tables["network_figures"], tables["quality"]
    tell = {"mean"} | ({"design_effect", "effective_sample_size"} if "size" in totals else set())
    if len(figures):
        rows = figures.index[(figures["outcome"] == outcome) & figures["figure"].isin(tell)]
        mark(policy, figures, pd.Series(SECONDARY, index=rows, dtype="string"), FIGURE_COLUMNS)
    if "size" in totals:
        for frame in (tables["outcomes"], tables["program_effects"]):
            frame.loc[frame["outcome"] == outcome, "n_records"] = pd.NA
        of_records = quality["counts"].fillna("records") == "records"
        quality.loc[of_records & (quality["clinic"] == NETWORK), "n_checked"] = pd.NA


def blank_clustering(policy: SmallNumberPolicy, tables: Tables, outcome: str, digits: int) -> None:
    """An outcome's intraclass correlation and what follows from it, to so many digits; withheld for 0."""
    figures = tables["network_figures"]
    if figures.empty:
        return
    rows = figures.index[(figures["outcome"] == outcome) & figures["figure"].isin(_CLUSTERING)]
    if digits:
        _shorten(figures, rows, FIGURE_COLUMNS, digits)
    else:
        mark(policy, figures, pd.Series(SECONDARY, index=rows, dtype="string"), FIGURE_COLUMNS)


def blank_clinics(policy: SmallNumberPolicy, tables: Tables, size: Mapping[str, str]) -> None:
    """The clinics themselves, where their size is withheld."""
    clinics = tables["clinics"]
    # first and last month are dates of patients: of a clinic with few records they say when those came
    mark(
        policy,
        clinics,
        clinics["clinic"].map(dict(size)).astype("string"),
        ("n_records", "n_patients", "first_month", "last_month"),
    )
    records, patients = (
        clinics[column].to_numpy(dtype=float, na_value=np.nan) for column in ("n_records", "n_patients")
    )
    # the other side of a count of patients: the records of those who came again
    few = policy.is_small(patients) | policy.is_small(records - patients)
    clinics.loc[few, "n_patients"] = pd.NA
    for column in ("n_records", "n_patients"):
        round_column(policy, clinics, clinics.index, column)
    estimates = tables["clinic_estimates"]
    clinics["reportable"] = clinics["clinic"].isin(estimates.loc[estimates["value"].notna(), "clinic"])


def round_counts(policy: SmallNumberPolicy, tables: Tables, outcome: str, kind: str) -> None:
    """Round the counts that stay, and derive raw percentages from the rounded counts."""
    if policy.round_to == 1:
        return
    for name in ("clinic_estimates", "clinic_months"):
        frame = tables[name]
        rows = frame.index[frame["outcome"] == outcome]
        for column in ("numerator",) if kind == "count" else ("numerator", "denominator"):
            round_column(policy, frame, rows, column)
        if kind == "binary":
            _percentages(frame, rows)


# With all their digits, the intraclass correlation and the design effect give Σn² over the clinics to the
# last record, which with the total gives the sizes of two withheld clinics; an unadjusted odds ratio gives
# the table of program × event; and who knows all the other clinics can fit the model with one guess after
# the other at what is withheld until every figure agrees. Reports write three or four digits.
_CLUSTERING = ("icc", "icc_region", "icc_clinic_in_region", "design_effect", "effective_sample_size")
_CLUSTERING_DIGITS, _MODEL_DIGITS, _ROUNDED_DIGITS = 3, 4, 3


def shorten_figures(policy: SmallNumberPolicy, tables: Tables) -> None:
    """Figures that rest on withheld counts, with too few digits to solve for those.

    Where counts are rounded, what was computed from the unrounded ones keeps few digits as well.
    """
    names = ("clinic_estimates", "network_figures", "program_effects", "outcomes", "clinic_months")
    estimates, figures, effects, outcomes, months = (tables[name] for name in names)
    modelled = estimates.index[estimates["form"] != "raw"]
    _shorten(estimates, modelled, (*FIGURE_COLUMNS, "reliability", "p_better"), _MODEL_DIGITS)
    _shorten(outcomes, outcomes.index, ("comparator_value",), _MODEL_DIGITS)
    if len(effects):
        _shorten(effects, effects.index, (*FIGURE_COLUMNS, "df", "p"), _MODEL_DIGITS)
    if len(figures):
        clustering = figures["figure"].isin(_CLUSTERING)
        _shorten(figures, figures.index[clustering], FIGURE_COLUMNS, _CLUSTERING_DIGITS)
        # the mean of all records follows from what is published beside it
        rest = figures.index[~clustering & (figures["figure"] != "mean")]
        _shorten(figures, rest, FIGURE_COLUMNS, _MODEL_DIGITS)
    if policy.round_to > 1:
        _shorten(estimates, modelled, (*FIGURE_COLUMNS, "reliability"), _ROUNDED_DIGITS)
        _shorten(months, months.index, ("value", *LIMIT_COLUMNS[:-1]), _ROUNDED_DIGITS)
        _shorten(figures, figures.index, FIGURE_COLUMNS, _ROUNDED_DIGITS)
        for frame in (outcomes, effects):
            round_column(policy, frame, frame.index, "n_records")


def _shorten(frame: pd.DataFrame, rows: pd.Index, columns: Iterable[str], digits: int) -> None:
    for column in columns:
        frame.loc[rows, column] = frame.loc[rows, column].map(
            lambda value: float(f"{value:.{digits}g}"), na_action="ignore"
        )


def round_column(policy: SmallNumberPolicy, frame: pd.DataFrame, rows: pd.Index, column: str) -> None:
    """Counts rounded as the policy says."""
    values = frame.loc[rows, column].to_numpy(dtype=float, na_value=np.nan)
    rounded = pd.array(policy.rounded(values), dtype="Float64")
    frame.loc[rows, column] = rounded.astype(frame[column].dtype)


def _statuses(frame: pd.DataFrame, outcome: str, status: Mapping[str, str]) -> pd.Series:
    """Status by row of the frame, for the outcome's rows of clinics that have one."""
    mine = frame["outcome"] == outcome
    return frame.loc[mine, "clinic"].map(dict(status)).astype("string")


def _percentages(frame: pd.DataFrame, rows: pd.Index) -> None:
    raw = frame.loc[rows, "form"] == "raw" if "form" in frame.columns else pd.Series(True, index=rows)
    rows = rows[(raw & frame.loc[rows, "value"].notna()).to_numpy(dtype=bool)]
    size = frame.loc[rows, "denominator"].to_numpy(dtype=float, na_value=np.nan)
    events = np.minimum(frame.loc[rows, "numerator"].to_numpy(dtype=float, na_value=np.nan), size)
    frame.loc[rows, "value"] = 100.0 * events / np.where(size > 0, size, np.nan)
    if "lower" in frame.columns:
        lower, upper = wilson_interval(events, size)
        frame.loc[rows, "lower"], frame.loc[rows, "upper"] = 100.0 * lower, 100.0 * upper
