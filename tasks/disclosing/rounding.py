"""Counts rounded as a policy says, and figures with too few digits to solve for what is withheld."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from tasks.disclosing.policy import SmallNumberPolicy
from tasks.models.crude_intervals import wilson_interval
from tasks.release import Column, Table, network_figure


def round_counts(
    policy: SmallNumberPolicy, table: Table, frame: pd.DataFrame, outcomes: pd.DataFrame
) -> None:
    """Round the counts that stay, and derive raw percentages from the rounded counts (in place).

    Args:
        policy: the small-number policy.
        table: the table's declaration.
        frame: its rows.
        outcomes: the release's outcomes as estimated: the network's own shares are of unrounded counts.
    """
    if policy.round_to == 1:
        return
    kind = _kinds(frame, outcomes)
    for column in table.columns:
        if column.name in frame and column.is_count_of_records:
            _round(policy, frame, frame.index[_counts_records(policy, column, frame, kind)], column.name)
    if {"value", "numerator", "denominator"} <= {column.name for column in table.columns}:
        _percentages(frame, frame.index[kind == "binary"])
    if table.name == "network_figures":
        _network_percentages(policy, frame, frame.index[kind == "binary"], outcomes)


def small_counts(
    policy: SmallNumberPolicy, table: Table, frame: pd.DataFrame, outcomes: pd.DataFrame
) -> dict[str, pd.Series]:
    """Column → (rows,) where its count of records is one that the policy withholds, whoever decided on it.

    Arguments as for `round_counts`.
    """
    kind = _kinds(frame, outcomes)
    found = {}
    for column in table.columns:
        if column.name in frame and column.is_count_of_records:
            values = frame[column.name].to_numpy(dtype=float, na_value=np.nan)
            small = pd.Series(policy.is_small(values), index=frame.index)
            found[column.name] = small & _counts_records(policy, column, frame, kind)
    return found


def _kinds(frame: pd.DataFrame, outcomes: pd.DataFrame) -> pd.Series:
    """(rows,) the kind of each row's outcome."""
    kinds = outcomes.set_index("outcome")["kind"]
    return frame["outcome"].map(kinds) if "outcome" in frame else pd.Series("", index=frame.index)


def _counts_records(
    policy: SmallNumberPolicy, column: Column, frame: pd.DataFrame, kind: pd.Series
) -> pd.Series:
    """(rows,) where a column counts records: not where the row counts months, or exposure of another kind.

    Values that are missing or not possible are told unless counts are rounded; see `quality`.
    """
    if "counts" in frame:
        told = (frame["counts"] == "values") & (column.tells.counts == "findings") & (policy.round_to == 1)
        return (frame["counts"] != "clinic-months").fillna(True) & ~told.fillna(False)
    return kind != "count" if column.tells.counts == "exposure" else pd.Series(True, index=frame.index)


def _round(policy: SmallNumberPolicy, frame: pd.DataFrame, rows: pd.Index, column: str) -> None:
    values = frame.loc[rows, column].to_numpy(dtype=float, na_value=np.nan)
    rounded = pd.array(policy.rounded(values), dtype="Float64")
    frame.loc[rows, column] = rounded.astype(frame[column].dtype)


def _percentages(frame: pd.DataFrame, rows: pd.Index) -> None:
    raw = frame.loc[rows, "form"] == "raw" if "form" in frame.columns else pd.Series(True, index=rows)
    rows = rows[(raw & frame.loc[rows, "value"].notna()).to_numpy(dtype=bool)]
    size = frame.loc[rows, "denominator"].to_numpy(dtype=float, na_value=np.nan)
    events = np.minimum(frame.loc[rows, "numerator"].to_numpy(dtype=float, na_value=np.nan), size)
    before = frame.loc[rows, "value"].copy()
    frame.loc[rows, "value"] = 100.0 * events / np.where(size > 0, size, np.nan)
    if "difference" in frame.columns:  # an interval of what clinics differ by: it moves with its figure
        moved = frame.loc[rows, "value"] - before
        frame.loc[rows, "lower"], frame.loc[rows, "upper"] = (
            (frame.loc[rows, end] + moved).clip(0.0, 100.0) for end in ("lower", "upper")
        )
    elif "lower" in frame.columns:
        lower, upper = wilson_interval(events, size)
        frame.loc[rows, "lower"], frame.loc[rows, "upper"] = 100.0 * lower, 100.0 * upper


def _network_percentages(
    policy: SmallNumberPolicy, frame: pd.DataFrame, rows: pd.Index, outcomes: pd.DataFrame
) -> None:
    """The network's share of events, which would tell a total of a few dozen to the last digit."""
    rows = rows[(frame.loc[rows, "figure"] == "mean").to_numpy(dtype=bool)]
    sizes = outcomes.set_index("outcome")["n_records"].astype("float64")
    size = sizes.reindex(frame.loc[rows, "outcome"]).to_numpy()
    share = frame.loc[rows, "value"].to_numpy(dtype=float, na_value=np.nan)
    events, of = policy.rounded(np.round(share * size / 100.0)), policy.rounded(size)
    frame.loc[rows, "value"] = 100.0 * np.minimum(events, of) / np.where(of > 0, of, np.nan)


def shorten_figures(
    policy: SmallNumberPolicy,
    table: Table,
    frame: pd.DataFrame,
    correlation_digits: Mapping[str, int],
    model_digits: Mapping[str, int],
) -> None:
    """Numbers that tell of events, with the digits that their column (or figure) declares (in place).

    Raw figures keep theirs: the counts that they are made of stand beside them.

    Args:
        policy: the small-number policy; where it rounds, what was computed from unrounded counts keeps
            fewer digits.
        table: the table's declaration.
        frame: its rows, of which what is withheld is null.
        correlation_digits: outcome → digits of its intraclass correlation and what is made of it.
        model_digits: outcome → digits of what its models give, where fewer than declared may be told.
    """
    columns = [column for column in table.columns if column.is_figure and column.name in frame]
    if table.name == "network_figures":
        names = [column.name for column in columns]
        _shorten_network_figures(policy, frame, names, correlation_digits, model_digits)
        return
    rows = frame.index[frame["form"] != "raw"] if "form" in frame else frame.index
    for column in columns:
        if column.tells.modelled and "outcome" in frame:
            for outcome, left in model_digits.items():
                _shorten(frame, rows[frame.loc[rows, "outcome"] == outcome], [column.name], left)
        digits = column.tells.digits
        _shorten(frame, rows, [column.name], digits.kept)
        if policy.round_to > 1:
            _shorten(frame, rows, [column.name], digits.kept_of_rounded)


def _shorten_network_figures(
    policy: SmallNumberPolicy,
    frame: pd.DataFrame,
    columns: Iterable[str],
    correlation_digits: Mapping[str, int],
    model_digits: Mapping[str, int],
) -> None:
    for row, outcome, figure in zip(frame.index, frame["outcome"], frame["figure"], strict=True):
        declared = network_figure(figure)
        if declared.of_clustering and correlation_digits.get(outcome):
            _shorten(frame, pd.Index([row]), columns, correlation_digits[outcome])
        if declared.modelled:
            _shorten(frame, pd.Index([row]), columns, model_digits.get(outcome))
        _shorten(frame, pd.Index([row]), columns, declared.digits.kept)
        if policy.round_to > 1:
            _shorten(frame, pd.Index([row]), columns, declared.digits.kept_of_rounded)


def _shorten(frame: pd.DataFrame, rows: pd.Index, columns: Iterable[str], digits: int | None) -> None:
    if not digits:
        return  # all of them, or none of what is there
    for column in columns:
        frame.loc[rows, column] = frame.loc[rows, column].map(
            lambda value: float(f"{value:.{digits}g}"), na_action="ignore"
        )
