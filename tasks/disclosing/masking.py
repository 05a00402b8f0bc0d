"""Tables with what must not be seen made null: which values follows from what their columns declare.

A row is withheld for what it is about: the sizes of it, its events, or both. It loses every column that tells
of these, and those alone (`tasks.release.Tells`); a column that stands for a whole series goes with any month
of it, and a total with the network's. So a column or a table added later is masked from its first day. Should
nobody have decided on a count that the policy withholds, it goes all the same; and a table about something
that nobody decides on goes whole with it, since nothing there would hide it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd

from reports.wording.coded_sentences import coded, told
from tasks.disclosing.counts import NETWORK
from tasks.disclosing.policy import SmallNumberPolicy
from tasks.disclosing.rounding import round_counts, shorten_figures, small_counts
from tasks.disclosing.withholding import PRIMARY, SECONDARY, Withholding
from tasks.release import FROM_MASKED, TABLES, About, Column, Of, Table, network_figure

Tables = dict[str, pd.DataFrame]

UNSAID = ""
"""The status of a row that loses something and still has figures of its own, whose status stays."""


def reason(policy: SmallNumberPolicy, status: str) -> str:
    """Why a value is withheld, as a coded sentence."""
    if status == PRIMARY:
        return coded("why.withheld_primary", low=policy.low, high=policy.high)
    return coded("why.withheld_secondary")


def mask(
    policy: SmallNumberPolicy,
    tables: Mapping[str, pd.DataFrame],
    withholding: Withholding,
    declared: Sequence[Table] = TABLES,
) -> Tables:
    """The tables with all that is withheld null, counts rounded and figures shortened.

    Args:
        policy: the small-number policy.
        tables: release tables as estimated.
        withholding: what is withheld of them.
        declared: the tables as they are declared.

    Raises:
        ValueError: a table or a column is not declared, or `changes` has rows, which are made of what is
            masked.
    """
    _all_declared(tables, declared)
    if not policy.withholds and policy.round_to == 1:
        return {name: frame.copy() for name, frame in tables.items()}
    masked = {
        table.name: _masked(policy, table, tables[table.name], withholding, tables["outcomes"])
        for table in declared
        if table.name in tables
    }
    for table in declared:
        if table.name in masked:
            round_counts(policy, table, masked[table.name], tables["outcomes"])
    _mark_reportable(masked)
    digits = {name: each.correlation_digits for name, each in withholding.outcomes.items() if each}
    for table in declared:
        if table.name in masked:
            shorten_figures(policy, table, masked[table.name], digits, withholding.model_digits)
    return masked


def _all_declared(tables: Mapping[str, pd.DataFrame], declared: Sequence[Table]) -> None:
    columns = {table.name: {column.name for column in table.columns} for table in declared}
    for name, frame in tables.items():
        strange = set(frame.columns) - columns.get(name, set())
        if name not in columns or strange:
            what = f"column {min(strange)} of table {name}" if name in columns else f"table {name}"
            raise ValueError(f"nobody has declared what {what} tells, so it cannot be published")
    for table in FROM_MASKED:
        if len(tables.get(table.name, ())):
            raise ValueError(f"{table.name} is made from tables that were masked, and cannot be there before")


@dataclass(frozen=True)
class _WithheldRows:
    """What is withheld of the rows of a table.

    Attributes:
        sizes, events: (rows,) why what the row tells of these is withheld; null where it is shown.
        gap: (rows,) whether a month of the row's series is.
        total_sizes, total_events: (rows,) whether the network's own is, where the row is the network's.
        why: (rows,) a coded sentence for the reason, where the status's own does not say enough.
        digits: (rows,) of a model's figures, where the row gives some and they may have few; else NaN.
    """

    sizes: pd.Series
    events: pd.Series
    gap: pd.Series
    total_sizes: pd.Series
    total_events: pd.Series
    why: pd.Series
    digits: pd.Series

    @classmethod
    def shown(cls, frame: pd.DataFrame) -> _WithheldRows:
        """Nothing withheld."""
        nothing = pd.Series(pd.NA, index=frame.index, dtype="string")
        no = pd.Series(False, index=frame.index)
        return cls(nothing, nothing, no, no, no, nothing, pd.Series(np.nan, index=frame.index))

    def hidden(self, column: Column) -> pd.Series:
        """(rows,) where a column is withheld."""
        tells = column.tells
        hidden = pd.Series(False, index=self.gap.index)
        for of, withheld, total in (
            (Of.SIZES, self.sizes, self.total_sizes),
            (Of.EVENTS, self.events, self.total_events),
        ):
            if of in tells.of:
                hidden |= withheld.notna()
                if tells.about is About.TOTAL:
                    hidden |= total
                if tells.about is About.SERIES:
                    hidden |= self.gap
        return hidden | (self.digits < column.least_digits) if tells.modelled else hidden

    def status(self, of: Of) -> pd.Series:
        """(rows,) what a table that tells this says of its rows; null where they keep their own status."""
        said = self.why.mask(self.why.notna())
        for kind, withheld in ((Of.EVENTS, self.events), (Of.SIZES, self.sizes)):
            if kind in of:
                said = said.fillna(withheld)
        return said.mask(said == UNSAID).mask(said.isna() & (self.digits == 0), SECONDARY)


def _masked(
    policy: SmallNumberPolicy,
    table: Table,
    frame: pd.DataFrame,
    withholding: Withholding,
    outcomes: pd.DataFrame,
) -> pd.DataFrame:
    """One table with what is withheld of it null, and without the rows that are left out."""
    small = small_counts(policy, table, frame, outcomes)
    rows = _withheld_rows(
        policy, table, frame, withholding, any_small=any(each.any() for each in small.values())
    )
    rows = replace(rows, digits=_model_digits(table, frame, withholding))
    status = rows.status(table.tells)
    why = rows.why.fillna(status.map(lambda each: reason(policy, each), na_action="ignore").astype("string"))
    written = {each: told(each) for each in why.dropna().unique()}  # few reasons, of many rows
    said = {
        "{status}": status,
        "{reason}": why.map(written.get, na_action="ignore"),
        "{reason_coded}": why,
    }
    masked, people = frame.copy(), _withheld_people(table, frame, withholding)
    for column in table.columns:
        if column.name not in masked.columns:
            continue
        hidden, instead = rows.hidden(column), column.tells.instead
        if column.name in small:
            hidden |= small[column.name]
        if column.tells.counts == "people":
            hidden |= people
        if instead in said:
            hidden &= status.notna()
        if not hidden.any():
            continue
        if instead in said:
            masked.loc[hidden, column.name] = said[str(instead)][hidden]
        else:
            masked.loc[hidden, column.name] = pd.NA if instead is None else instead
    if {"rule", "clinic"} <= set(table.key):
        left_out = _keys(masked, ("rule", "clinic")).isin(withholding.quality.left_out)
        masked = masked[~left_out].reset_index(drop=True)
    return masked


def _withheld_people(table: Table, frame: pd.DataFrame, withholding: Withholding) -> pd.Series:
    """(rows,) where numbers of people are withheld: all, where rows are not clinics and nobody decides."""
    if table.key == ("clinic",):
        return frame["clinic"].isin(withholding.patients)
    return pd.Series(True, index=frame.index)


_DECIDED_ON = {"outcome", "clinic", "month", "form"}
"""What rows may be about for a decision to be theirs."""


def _withheld_rows(
    policy: SmallNumberPolicy,
    table: Table,
    frame: pd.DataFrame,
    withholding: Withholding,
    *,
    any_small: bool,
) -> _WithheldRows:
    """What is withheld of a table's rows, by what they are about; whether any count in it is small."""
    if not table.tells:
        return _WithheldRows.shown(frame)
    special = _OF_TABLE.get(table.name)
    if special is not None:
        return special(frame, withholding)
    if not _DECIDED_ON.issuperset(table.key):
        return _of_everything(frame, withholding, any_small=any_small)
    about = {"outcome", "clinic", "month"} & {column.name for column in table.columns}
    if about == {"outcome", "clinic", "month"}:
        return _of_months(policy, frame, withholding)
    if about == {"outcome", "clinic"}:
        return _of_windows(policy, frame, withholding)
    if about == {"outcome"}:
        return _of_outcomes(frame, withholding)
    if about == {"clinic"}:
        return _of_clinics(frame, withholding)
    return _of_everything(frame, withholding, any_small=any_small)


def _model_digits(table: Table, frame: pd.DataFrame, withholding: Withholding) -> pd.Series:
    """(rows,) digits that a model's figures keep, of rows that give some: no clinic's own, and no months.

    None of the program's effects: tables do not say who has the program, so that the ways that agree with an
    effect cannot be told.
    """
    digits = pd.Series(np.nan, index=frame.index)
    if "outcome" not in frame or not any(column.tells.modelled for column in table.columns):
        return digits
    digits = frame["outcome"].map(withholding.model_digits).astype("float64")
    if table.of_program:
        return digits.mask(digits.notna(), 0.0)
    if "month" in frame:
        return digits.mask(digits.notna())
    if "form" in frame:
        digits = digits.mask(frame["form"] == "raw")
    if "figure" in frame:
        digits = digits.where(
            frame["figure"].map(lambda figure: network_figure(figure).modelled).astype(bool)
        )
    return digits


def _of_clinics(frame: pd.DataFrame, withholding: Withholding) -> _WithheldRows:
    """Clinics: their sizes, and of events whatever is withheld of any outcome."""
    rows = _WithheldRows.shown(frame)
    clinic = frame["clinic"]
    return replace(
        rows,
        sizes=_looked_up(clinic, withholding.sizes.get),
        events=_looked_up(clinic, withholding.any_clinic_of),
    )


def _of_windows(policy: SmallNumberPolicy, frame: pd.DataFrame, withholding: Withholding) -> _WithheldRows:
    """Clinics of an outcome in the whole window."""
    rows = _WithheldRows.shown(frame)
    sizes, events, why = rows.sizes.copy(), rows.events.copy(), rows.why.copy()
    for outcome in frame["outcome"].unique():
        mine, withheld = frame.index[frame["outcome"] == outcome], withholding.outcomes.get(outcome)
        if withheld is None:
            sizes[mine] = events[mine] = SECONDARY
            continue
        sizes[mine] = _looked_up(frame.loc[mine, "clinic"], withholding.sizes.get)
        events[mine] = _looked_up(frame.loc[mine, "clinic"], withheld.clinics.get)
        if withheld.related:
            why[mine[(events[mine] == PRIMARY).fillna(False) & sizes[mine].isna()]] = _of_related(policy)
    return replace(rows, sizes=sizes, events=events, why=why)


def _of_related(policy: SmallNumberPolicy) -> str:
    """Why something is withheld that is small itself, or adds up with what is."""
    return coded("why.withheld_related", low=policy.low, high=policy.high)


def _of_months(policy: SmallNumberPolicy, frame: pd.DataFrame, withholding: Withholding) -> _WithheldRows:
    """Months of an outcome: of clinics, and of the network."""
    rows = _WithheldRows.shown(frame)
    status, gap, why = rows.sizes.copy(), rows.gap.copy(), rows.why.copy()
    network = frame["clinic"] == NETWORK
    for outcome in frame["outcome"].unique():
        mine, withheld = frame["outcome"] == outcome, withholding.outcomes.get(outcome)
        if withheld is None:
            status[mine] = SECONDARY
            continue
        clinics, own = frame.index[mine & ~network], frame.index[mine & network]
        series = _looked_up(frame.loc[clinics, "clinic"], withheld.series.get)
        hidden = pd.Series(
            [
                month in withheld.clinic_months.get(clinic, ())
                for clinic, month in zip(
                    frame.loc[clinics, "clinic"], frame.loc[clinics, "month"], strict=True
                )
            ],
            index=clinics,
            dtype=bool,
        )
        status[clinics] = series.where(hidden)
        gap[clinics] = series.notna()
        status[own] = _looked_up(frame.loc[own, "month"], withheld.months.get)
        # the status is the same for all that is withheld of a clinic, whichever month is the small one
        why[clinics[status[clinics] == PRIMARY]] = (
            _of_related(policy)
            if withheld.related
            else coded("why.withheld_series", low=policy.low, high=policy.high)
        )
        if withheld.related:
            why[own[status[own] == PRIMARY]] = _of_related(policy)
        gap[own] = bool(withheld.months)
    return replace(rows, sizes=status, events=status, gap=gap, why=why)


def _of_outcomes(frame: pd.DataFrame, withholding: Withholding) -> _WithheldRows:
    """Outcomes in the whole network."""
    rows = _WithheldRows.shown(frame)
    status = _looked_up(
        frame["outcome"], lambda outcome: PRIMARY if withholding.outcomes.get(outcome) is None else None
    )
    return replace(_with_totals(rows, frame, withholding), sizes=status, events=status)


def _of_figures(frame: pd.DataFrame, withholding: Withholding) -> _WithheldRows:
    """Figures about the network: those of a withheld total, and those that tell too much of the clinics."""

    def status(outcome: str, figure: str) -> str | None:
        withheld, tells = withholding.outcomes.get(outcome), network_figure(figure)
        shown = (
            withheld is not None
            and not withheld.totals & tells.total
            and (withheld.correlation_digits or not tells.of_clustering)
        )
        return None if shown else SECONDARY

    found = [status(*key) for key in zip(frame["outcome"], frame["figure"], strict=True)]
    statuses = pd.Series(found, index=frame.index, dtype="string")
    return replace(_WithheldRows.shown(frame), sizes=statuses, events=statuses)


def _of_effects(frame: pd.DataFrame, withholding: Withholding) -> _WithheldRows:
    """Estimates of the program's effect."""
    keys = _keys(frame, ("outcome", "model", "estimand", "measure", "term"))
    rare = frame["outcome"].map(lambda outcome: withholding.outcomes.get(outcome) is None).astype(bool)
    rows = _WithheldRows.shown(frame)
    events = _looked_up(keys, withholding.effects.estimates.get).mask(rare, SECONDARY)
    sizes = events.mask(events.isna() & keys.isin(withholding.effects.parts), UNSAID)
    return replace(_with_totals(rows, frame, withholding), sizes=sizes, events=events)


def _of_groups(frame: pd.DataFrame, withholding: Withholding) -> _WithheldRows:
    """Groups of patients; those that nobody decided on are withheld."""

    def why(key: tuple[str, str, str], of: Of) -> str | None:
        withheld = withholding.groups.get(key[:2])
        if withheld is None:
            return SECONDARY
        return (withheld.sizes if of is Of.SIZES else withheld.events).get(key[2])

    keys = _keys(frame, ("outcome", "column", "group"))
    sizes, events = (_looked_up(keys, partial(why, of=of)) for of in (Of.SIZES, Of.EVENTS))
    return replace(_WithheldRows.shown(frame), sizes=sizes, events=events)


def _of_regions(frame: pd.DataFrame, withholding: Withholding) -> _WithheldRows:
    """Regions: made of clinics that are shown, where the outcome is."""
    rare = frame["outcome"].map(lambda outcome: withholding.outcomes.get(outcome) is None).astype(bool)
    rows = _WithheldRows.shown(frame)
    return replace(rows, events=rows.events.mask(rare, SECONDARY))


def _of_quality(frame: pd.DataFrame, withholding: Withholding) -> _WithheldRows:
    """Screening rules at clinics; the network's own rows count its records."""
    status = _looked_up(_keys(frame, ("rule", "clinic")), withholding.quality.found.get)
    if withholding.all_outcomes:
        status = status.fillna(SECONDARY)
    own = (frame["counts"].fillna("records") != "clinic-months") & (frame["clinic"] == NETWORK)
    rows = _WithheldRows.shown(frame)
    return replace(rows, sizes=status, events=status, total_sizes=own & (Of.SIZES in withholding.totals))


def _of_everything(frame: pd.DataFrame, withholding: Withholding, *, any_small: bool) -> _WithheldRows:
    """Rows about something else: nobody can say of whom they tell, so they go as soon as anything does."""
    rows = _WithheldRows.shown(frame)
    nothing = (
        not any_small
        and not withholding.sizes
        and all(
            each is not None and not each.any_clinic and not each.months
            for each in withholding.outcomes.values()
        )
    )
    status = rows.sizes if nothing else rows.sizes.fillna(SECONDARY)
    return replace(rows, sizes=status, events=status)


_OF_TABLE: Mapping[str, Callable[[pd.DataFrame, Withholding], _WithheldRows]] = {
    "network_figures": _of_figures,
    "program_effects": _of_effects,
    "quality": _of_quality,
    "patient_groups": _of_groups,
    "region_estimates": _of_regions,
}


def _with_totals(rows: _WithheldRows, frame: pd.DataFrame, withholding: Withholding) -> _WithheldRows:
    """The rows of outcomes in the whole network, with the totals that are withheld of each outcome."""
    of = {name: Of.NOTHING if each is None else each.totals for name, each in withholding.outcomes.items()}

    def withheld(total: Of) -> pd.Series:
        return pd.Series([total in of.get(name, Of.BOTH) for name in frame["outcome"]], frame.index, bool)

    return replace(rows, total_sizes=withheld(Of.SIZES), total_events=withheld(Of.EVENTS))


def _looked_up(keys: pd.Series, status: Callable[..., str | None]) -> pd.Series:
    found = [status(key) for key in keys]
    return pd.Series(found, index=keys.index, dtype="string")


def _keys(frame: pd.DataFrame, columns: Sequence[str]) -> pd.Series:
    keys = list(zip(*(frame[column].astype(str) for column in columns), strict=True))
    return pd.Series(keys, index=frame.index, dtype=object)


def _mark_reportable(tables: Tables) -> None:
    """Say again which clinics have anything to report, now that some of it is gone."""
    clinics, estimates = tables["clinics"], tables["clinic_estimates"]
    clinics["reportable"] = clinics["clinic"].isin(estimates.loc[estimates["value"].notna(), "clinic"])
