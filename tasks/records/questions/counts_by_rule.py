"""What each screening rule finds, counted by clinic."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date

import pandas as pd

from tasks.records.questions.aggregates import aggregate_frame
from tasks.records.questions.column_uses import Misfit
from tasks.records.questions.record_names import look_alike
from tasks.records.questions.rules import Rule, query, query_rule
from tasks.records.questions.screened_records import ScreenedRecords
from tasks.records.sources.records import Records
from tasks.records.sql_text import literal, literals

_MANY_COPIES = 0.02
"""Share of records that equal another, from which it is asked whether they are copies."""


def by_record_rule(records: Records, screened: ScreenedRecords) -> pd.DataFrame:
    """Records by clinic and by the first rule that applies (`clinic`, `rule`, `n`); no rule: it is kept."""
    return aggregate_frame(records, screened.by_rule)


def by_column_rule(records: Records, screened: ScreenedRecords) -> pd.DataFrame:
    """Per clinic, its kept records (`n`), and those among them that each column rule finds (`r0`, `r1`, …).

    Those without a patient number are under `without_patient`.
    """
    return aggregate_frame(records, screened.by_column_rule)


def copies(records: Records, screened: ScreenedRecords, rule: Rule) -> pd.DataFrame:
    """How many copies there are beside the first, by clinic (`clinic`, `n`)."""
    return aggregate_frame(records.made_of_these(screened.kept), rule.sql)


def by_region(records: Records, screened: ScreenedRecords, rule: Rule) -> pd.DataFrame:
    """Kept records of each clinic in each region (`clinic`, `region`, `n`)."""
    return aggregate_frame(records.made_of_these(screened.kept), rule.sql)


def by_clinic_month_rule(
    usable: Records,
    window: Sequence[str],
    rules: Sequence[Rule],
    opened: Mapping[str, str],
    closed: Mapping[str, str],
) -> pd.DataFrame:
    """What rules on clinics' months find (`rule`, `clinic`, `n_checked`, `n_found`), in one pass.

    Args:
        usable: the screened records.
        window: the window's periods.
        rules: the rules.
        opened, closed: clinic → first and last period that it is declared to be open in.
    """
    listed = ", ".join(f"('{each}')" for each in window)
    from_, until = _by_clinic(opened, "MIN(month)"), _by_clinic(closed, literal(window[-1]))
    by_month = usable.made_of_these(query("clinic_months", months=listed, opened=from_, closed=until))
    asked = (
        f"SELECT '{rule.name}' AS rule, clinic, n_checked, n_found FROM ({rule.sql}) AS {rule.name}"
        for rule in rules
    )
    return aggregate_frame(by_month, " UNION ALL ".join(asked))


def _by_clinic(declared: Mapping[str, str], otherwise: str) -> str:
    """SQL of a period by clinic."""
    if not declared:
        return otherwise
    cases = " ".join(
        f"WHEN {literal(each)} THEN {literal(month)}" for each, month in sorted(declared.items())
    )
    return f"CASE clinic {cases} ELSE {otherwise} END"


def copies_rule(screened: ScreenedRecords) -> Rule:
    """The rule that finds copies among these columns."""
    return query_rule("duplicates", columns=", ".join(screened.compared), told_apart=screened.told_apart)


def spelling_rule(clinics: Collection[str]) -> Rule:
    """The rule that finds clinics whose names look like another's."""
    return query_rule("clinic_spelling", alike=literals(look_alike(clinics)))


def encoding_rule(clinics: Collection[str], merged: Collection[str]) -> tuple[Rule, ...]:
    """The rule that says which clinics' names were found in several spellings; none where none were."""
    found = sorted(set(clinics) & set(merged))
    return (query_rule("clinic_encoding", respelled=literals(found)),) if found else ()


def doubted_copies(records: Records, screened: ScreenedRecords, newest: date) -> list[Misfit]:
    """So many records that equal another in every column that they may be visits rather than copies.

    Args:
        records: what the network file's SELECT returns.
        screened: the window that would be reported next.
        newest: the last day with a record.

    Raises:
        SourceError: the database went away.
    """
    if not screened.tells_copies or "record" in screened.contract.columns:
        return []
    n = kept(by_record_rule(records, screened))
    repeated = int(copies(records, screened, copies_rule(screened))["n"].sum())
    if repeated <= _MANY_COPIES * n:
        return []
    return [
        Misfit(
            ("records",),
            f"{repeated:,} of the {n:,} records up to {newest} equal another in every column that is used, "
            "and are set aside as copies; if they are records of their own, return a column `record` that "
            "numbers them",
        )
    ]


def kept(by_rule: pd.DataFrame) -> int:
    """Records that no rule sets aside, of those by rule."""
    return int(by_rule.loc[by_rule["rule"].isna(), "n"].sum())
