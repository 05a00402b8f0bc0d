"""One input of the corpus: records as people have them, and what is right about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from flows.asking import Model

POSTGRESQL = "PostgreSQL"
DATABASES = ("DuckDB", "SQLite", POSTGRESQL)
"""Where a case is tried at least: a database that answers itself, one that is copied, and a server."""
EVERYWHERE = (*DATABASES, "CSV", "Parquet")
"""And files, where it matters how values are written."""


@dataclass(frozen=True, kw_only=True)
class Called:
    """A call of the model library on the case's records, as a frame and wherever they are.

    Attributes:
        call: the records → numbers by name; not all that it gives need be known.
        numbers: the right ones.
        refused: where no number is right, part of the sentence that says so.
        within: how far off a number may be, relative to its size (and, near zero, absolutely).
    """

    call: Callable[[Any], Mapping[str, float]]
    numbers: Mapping[str, float] = field(default_factory=dict)
    refused: str = ""
    within: float = 1e-8


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A question to `clinicnet ask`; attributes as of `Called`, the numbers being coefficients."""

    formula: str
    model: Model = "auto"
    numbers: Mapping[str, float] = field(default_factory=dict)
    refused: str = ""
    within: float = 1e-8


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A cell of the month's release.

    Attributes:
        table: of the feed.
        where: column → value of the row meant.
        column: what is looked up.
        value: what is right: a number (`within` as in `Called`), a text, or None where nothing may stand.
    """

    table: str
    where: Mapping[str, Any]
    column: str
    value: float | str | None
    within: float = 1e-8

    @property
    def is_own(self) -> bool:
        """Whether it follows from counts and sums alone, before any model and any policy."""
        return (
            self.value is not None
            and not isinstance(self.value, str)
            and (self.table in ("clinics", "quality", "clinic_months") or self.where.get("form") == "raw")
        )


@dataclass(frozen=True, kw_only=True)
class Case:
    """An input.

    Attributes:
        name: in a few words.
        source: where the right answer comes from.
        rows: makes the records, the same every time.
        types: column → DuckDB's type, where a frame cannot say it.
        network: the network file from `[outcomes…]` on; empty where the case is about the library alone.
        records: further keys of `[records]`.
        time_zone: of the network.
        select: the SELECT, by place where it differs.
        month: that is reported; empty where the case ends before a report.
        refused: part of the sentence with which `check` refuses it (exit code 2), by place where it differs;
            a place that is left out takes it.
        doubted: part of what `check` says to look at.
        calls, asks, figures: what is asked of it.
        places: where the records can be.
    """

    name: str
    source: str
    rows: Callable[[], pd.DataFrame]
    types: Mapping[str, str] = field(default_factory=dict)
    network: str = ""
    records: str = ""
    time_zone: str = "UTC"
    select: str = "SELECT * FROM records"
    month: str = ""
    refused: str | Mapping[str, str] = ""
    doubted: str = ""
    calls: tuple[Called, ...] = ()
    asks: tuple[Asked, ...] = ()
    figures: tuple[Figure, ...] = ()
    places: tuple[str, ...] = DATABASES

    def refused_from(self, place: str) -> str:
        """Part of the sentence with which `check` refuses the records in that place; empty: it takes them."""
        return self.refused if isinstance(self.refused, str) else self.refused.get(place, "")

    def network_file(self, source: str) -> str:
        """The text of its network file, with the records where `source` says."""
        return (
            f'[network]\nname = "{self.name}"\ntime_zone = "{self.time_zone}"\n\n'
            f'[records]\n{source}\nselect = """\n{self.select}\n"""\n{self.records}\n\n{self.network}'
        )


MEAN = """
[outcomes.y]
label = "Y"
kind = "continuous"
unit = "mmHg"
direction = "lower"
"""
BINARY = """
[outcomes.y]
label = "Y"
kind = "binary"
direction = "lower"
"""
COUNT = """
[outcomes.y]
label = "Y"
kind = "count"
direction = "lower"
"""
SHOWN = '\n[policy]\nsmall_numbers = "none"\n'
"""Nothing is withheld: for cases that are about other things."""


def own_value(clinic: str, value: float | None, **more: Any) -> Figure:
    """A clinic's own figure of the outcome y in the release."""
    where = {"outcome": "y", "clinic": clinic, "form": "raw"}
    return Figure(table="clinic_estimates", where=where, column="value", value=value, **more)


def records_of(clinic: str, number: float) -> Figure:
    """A clinic's usable records in the release."""
    return Figure(table="clinics", where={"clinic": clinic}, column="n_records", value=number)


def set_aside(rule: str, number: float) -> Figure:
    """Records of the network that a rule of the quality table counts."""
    where = {"rule": rule, "clinic": ""}
    return Figure(table="quality", where=where, column="n_found", value=number)


def cycled(clinics: Any, per_clinic: int, month: str = "2024-03") -> pd.DataFrame:
    """So many records of each clinic, each of a patient of its own, on days of one month; no outcome yet."""
    names = [clinic for clinic in clinics for _ in range(per_clinic)]
    k = list(range(per_clinic)) * len(list(clinics))
    days = [pd.Timestamp(f"{month}-01") + pd.Timedelta(days=each % 28) for each in k]
    return pd.DataFrame(
        {"clinic": names, "patient": [f"p{i}" for i in range(len(names))], "date": days, "k": k}
    ).astype({"clinic": object, "patient": object})
