"""How a record's clinic, region and patient are named: SQL made of the columns' types and the declarations.

A name is text without blanks around it, NULL where nothing is left; whole numbers are written plainly,
whatever type holds them. Numbers that restart within a clinic or region carry its name.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from tasks.network.schema import RecordsSection
from tasks.records.sources.connection import SourceColumn
from tasks.records.sql_text import LARGEST, literal, quoted

_SEPARATOR = "CHR(31)"  # the unit separator, which no name holds: A1 of clinic B is not 1 of clinic BA
_BLANKS = " \t\n\r\u00a0"  # said, since databases differ in what they trim
_WHOLE = "1e15"  # doubles below it hold every whole number


@dataclass(frozen=True)
class RecordNames:
    """SQL expressions over the columns of the network file's SELECT.

    Attributes:
        clinic, region, patient: a record's; NULL where it has none.
        merged: clinics and regions whose names were found in several spellings that are one: in canonically
            equivalent characters, or with white space around them.
    """

    clinic: str
    region: str
    patient: str
    merged: tuple[str, ...] = ()

    @classmethod
    def of(cls, columns: Mapping[str, SourceColumn], declared: RecordsSection) -> RecordNames:
        """The names of records with these columns, as the network file declares them."""
        clinic = _label("clinic", columns)
        region = _label("region", columns) if "region" in columns else "CAST(NULL AS VARCHAR)"
        if declared.clinic_within == "region":
            clinic = f"{region} || ': ' || {clinic}"
        patient = _patient(columns)
        if declared.patient_within == "clinic" and "patient" in columns:
            patient = f"{clinic} || {_SEPARATOR} || CAST({patient} AS VARCHAR)"
        return cls(clinic, region, patient)

    def respelling(self, found: Iterable[str | None]) -> RecordNames:
        """The same with every clinic and region among `found` in its canonical spelling."""
        spellings = {name: canonical(name) for name in sorted({each for each in found if each is not None})}
        respelled = {name: spelled for name, spelled in spellings.items() if spelled != name}
        if not respelled:
            return self
        cases = " ".join(
            f"WHEN {literal(name)} THEN {literal(spelled) if spelled else 'NULL'}"
            for name, spelled in respelled.items()
        )
        times = Counter(spellings.values())
        return replace(
            self,
            clinic=f"CASE {self.clinic} {cases} ELSE {self.clinic} END",
            region=f"CASE {self.region} {cases} ELSE {self.region} END",
            merged=tuple(sorted(name for name, n in times.items() if n > 1 and name)),
        )


def canonical(name: str) -> str:
    """A name in composed characters (Unicode's form NFC), without white space around it.

    >>> canonical("Cli\\u0301nica Sur\\u00a0") == "Cl\\u00ednica Sur"
    True
    """
    return unicodedata.normalize("NFC", name).strip()


def look_alike(names: Collection[str]) -> tuple[str, ...]:
    """The names that differ from another only in capitals, spaces or punctuation, of any script and width.

    >>> look_alike(["St Mary's", "St Mary\\u2019s", "Ward 7", "Ward 8"])
    ("St Mary's", 'St Mary’s')
    """
    by_skeleton: dict[str, list[str]] = {}
    for name in sorted(set(names)):
        by_skeleton.setdefault(_skeleton(name), []).append(name)
    return tuple(name for alike in by_skeleton.values() if len(alike) > 1 for name in alike)


def _skeleton(name: str) -> str:
    """What is left of a name when capitals, spaces, punctuation and what is not seen are taken away."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return "".join(each for each in folded if unicodedata.category(each)[0] in "LMN")


def _label(column: str, columns: Mapping[str, SourceColumn]) -> str:
    name = quoted(column)
    if column in columns and columns[column].kind == "number":
        return (
            f"CASE WHEN ABS({name}) < {_WHOLE} AND {name} = FLOOR({name}) "
            f"THEN CAST(CAST({name} AS BIGINT) AS VARCHAR) "
            f"WHEN {name} <= {LARGEST} THEN CAST({name} AS VARCHAR) END"
        )
    return blank_is_missing(column)


def _patient(columns: Mapping[str, SourceColumn]) -> str:
    if "patient" not in columns:
        return "CAST(NULL AS INTEGER)"
    column = columns["patient"]
    if column.kind == "text":
        return blank_is_missing("patient")
    # a missing number in a column of doubles is often NaN
    return f"CASE WHEN patient <= {LARGEST} THEN patient END" if column.is_float else "patient"


def blank_is_missing(column: str) -> str:
    """A column of text without blanks around it; NULL where nothing is left."""
    return f"NULLIF(TRIM(CAST({quoted(column)} AS VARCHAR), '{_BLANKS}'), '')"
