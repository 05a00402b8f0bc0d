"""The records as screening sees them, typed, kept and usable: SELECTs made of the contract and the rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tasks import periods
from tasks.network.schema import Network
from tasks.records.questions.column_uses import DESCRIBING, Use, uses
from tasks.records.questions.contract import Contract
from tasks.records.questions.record_names import blank_is_missing
from tasks.records.questions.rules import Rule, blanked
from tasks.records.sources.records import Records
from tasks.records.sql_text import literal, quoted


@dataclass(frozen=True)
class ScreenedRecords:
    """The records in three forms, each a SELECT over `{records}`.

    Attributes:
        network: the network file.
        contract: what the SELECT returns.
        record_rules, column_rules: the rules that apply.
        window: the window's periods.
    """

    network: Network
    contract: Contract
    record_rules: Sequence[Rule]
    column_rules: Sequence[Rule]
    window: Sequence[str]

    @property
    def used(self) -> tuple[str, ...]:
        """The columns that outcomes, exposures, adjusters and the program use."""
        return tuple(dict.fromkeys(use.column for use in uses(self.network)[0]))

    @property
    def typed(self) -> str:
        """Every record: names trimmed, dates as days in the network's time zone, 0 and 1 for false, true."""
        columns = [
            f"{self._clinic()} AS clinic",
            f"{self.contract.names.region} AS region",
            f"{self.contract.names.patient} AS patient",
            f"{self._date()} AS date",
        ]
        columns += ["record"] if "record" in self.contract.columns else []
        columns += [f"{self._typed(column)} AS {quoted(column)}" for column in self.used]
        return f'SELECT {", ".join(columns)} FROM {{records}} AS "every record"{self._as_often_as_it_counts}'

    @property
    def _as_often_as_it_counts(self) -> str:
        """A row that stands for several records is as many rows, and all that is asked counts them so."""
        weight = self.network.records.weight
        if weight is None:
            return ""
        return (
            f" CROSS JOIN LATERAL generate_series(1, CAST({quoted(weight)} AS BIGINT)) AS copies(n_th_copy)"
        )

    @property
    def kept(self) -> str:
        """The records of the window that no rule sets aside, copies included."""
        conditions = " AND ".join(f"({rule.sql}) IS NOT TRUE" for rule in self.record_rules)
        return f"SELECT * FROM ({self.typed}) AS typed WHERE {conditions}"

    def usable(self, *, repeated: bool, regions: Mapping[str, str | None]) -> str:
        """The records that estimates use.

        Args:
            repeated: whether there are copies to leave out.
            regions: clinic → its usual region, for the clinics whose records do not agree on it.
        """
        kept = self._without_copies if repeated else self.kept
        columns = {
            "clinic": "clinic",
            "region": self._region(regions),
            "patient": "patient",
            "date": "date",
            "month": self._by_period([literal(each) for each in self.window]),
            "period": self._by_period([str(place) for place in range(len(self.window))]),
        }
        for column in self.used:
            columns[column] = blanked(column, self.column_rules)
        if self.network.program is not None:
            columns["program"] = self._program(columns)
        listed = ", ".join(f"{sql} AS {quoted(name)}" for name, sql in columns.items())
        return f"SELECT {listed} FROM ({kept}) AS kept"

    @property
    def _without_copies(self) -> str:
        """The kept records, each once; those that nothing tells apart may be of different patients."""
        return (
            f"SELECT DISTINCT * FROM ({self.kept}) AS kept WHERE {self.told_apart} "
            f"UNION ALL SELECT * FROM ({self.kept}) AS kept WHERE NOT ({self.told_apart})"
        )

    @property
    def told_apart(self) -> str:
        """Whether a kept record says whose it is, or which: a condition."""
        return "patient IS NOT NULL" + (" OR record IS NOT NULL" if "record" in self.contract.columns else "")

    def usable_of(self, records: Records, *, repeated: bool, regions: Mapping[str, str | None]) -> Records:
        """The same as a handle; arguments as in `usable`."""
        return records.made_of_these(self.usable(repeated=repeated, regions=regions))

    @property
    def by_rule(self) -> str:
        """Records by clinic and by the first rule that applies; no rule: the record is kept."""
        cases = " ".join(f"WHEN {rule.sql} THEN {literal(rule.name)}" for rule in self.record_rules)
        return (
            "SELECT clinic, rule, COUNT(*) AS n "
            f"FROM (SELECT clinic, CASE {cases} END AS rule FROM ({self.typed}) AS typed) AS ruled "
            "GROUP BY clinic, rule"
        )

    @property
    def by_column_rule(self) -> str:
        """Per clinic, its kept records (`n`), those without a patient, and what each column rule finds."""
        counts = [", COUNT(*) - COUNT(patient) AS without_patient"]
        for i, rule in enumerate(self.column_rules):
            before = [each.sql for each in self.column_rules[:i] if each.column == rule.column]
            first = "".join(f"({sql}) IS NOT TRUE AND " for sql in before)
            counts.append(f", SUM(CASE WHEN {first}({rule.sql}) THEN 1 ELSE 0 END) AS r{i}")
        listed = "".join(counts)
        return f"SELECT clinic, COUNT(*) AS n{listed} FROM ({self.kept}) AS kept GROUP BY clinic"

    @property
    def compared(self) -> tuple[str, ...]:
        """The columns in which a copy equals its original."""
        own = [
            "clinic",
            "region",
            "patient",
            "date",
            *(["record"] if "record" in self.contract.columns else []),
        ]
        return (*own, *(quoted(column) for column in self.used))

    @property
    def tells_copies(self) -> bool:
        """Whether equal records can be told from records of different patients."""
        return "patient" in self.contract.columns or "record" in self.contract.columns

    def _clinic(self) -> str:
        """The clinic's name of today."""
        now = self.network.clinics.now
        if not now:
            return self.contract.names.clinic
        cases = " ".join(f"WHEN {literal(old)} THEN {literal(new)}" for old, new in sorted(now.items()))
        return f"CASE {self.contract.names.clinic} {cases} ELSE {self.contract.names.clinic} END"

    def _date(self) -> str:
        if self.contract.zoned:
            return f"CAST(date AT TIME ZONE {literal(self.network.network.time_zone)} AS DATE)"
        return "CAST(date AS DATE)"

    def _typed(self, column: str) -> str:
        source = self.contract.columns[column]
        if source.kind == "text" and source.order is None:
            return blank_is_missing(column)
        if source.kind == "boolean" and any(use.role not in DESCRIBING for use in self._uses(column)):
            return f"CAST({quoted(column)} AS INTEGER)"
        return quoted(column)

    def _uses(self, column: str) -> list[Use]:
        return [use for use in uses(self.network)[0] if use.column == column]

    def _by_period(self, values: Sequence[str]) -> str:
        """What stands for each period of the window, by comparing dates.

        Much faster than writing out each date, and the same in every database, whatever it takes for a week.
        """
        ends = (periods.Period.of_label(each).day_after.isoformat() for each in self.window)
        cases = " ".join(
            f"WHEN date < DATE '{end}' THEN {value}" for end, value in zip(ends, values, strict=True)
        )
        return f"CASE {cases} END"

    def _region(self, regions: Mapping[str, str | None]) -> str:
        if not regions:
            return "region"
        cases = " ".join(
            f"WHEN {literal(clinic)} THEN {'NULL' if region is None else literal(region)}"
            for clinic, region in sorted(regions.items())
        )
        return f"CASE clinic {cases} ELSE region END"

    def _program(self, columns: Mapping[str, str]) -> str:
        program = self.network.program
        if program is None or program.starts is None:
            return columns[program.column] if program is not None and program.column is not None else "0"
        cases = " ".join(
            f"WHEN {literal(clinic)} THEN "
            f"CASE WHEN date >= DATE '{periods.first_day(start).isoformat()}' THEN 1 ELSE 0 END"
            for clinic, start in sorted(program.starts.items())
        )
        return f"CASE clinic {cases} ELSE 0 END"
