"""The network file's schema: what may be said about a network, and what each key means.

A value of the wrong type, an unknown key and a contradiction between keys are all pydantic validation
errors; `tasks.network.reading` says them in sentences with their lines.
"""

from __future__ import annotations

import functools
import hashlib
import re
import zoneinfo
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AllowInfNan, Field
from text_unidecode import unidecode

from reports.own_files import NOTHING_OWN, OwnFiles
from reports.wording import ENGLISH, languages, speaking
from tasks import periods
from tasks.errors import nearest
from tasks.network.appearance import Logo, ReportSection
from tasks.network.clinics_section import ClinicsSection
from tasks.network.groups_section import GroupsSection
from tasks.network.operation import (
    DeliverySection,
    MirrorSection,
    NotifySection,
    OutputSection,
    ReleaseSection,
    ScheduleSection,
    WarehouseSection,
)
from tasks.network.outcome_section import Identifier, Limit, OutcomeSection, limits_cross
from tasks.network.secret_text import holds_secret, names_no_variable
from tasks.network.section import Contradiction, Section, Start

CONTRACT_COLUMNS = ("clinic", "region", "patient", "record", "date")
"""What the SELECT may return beside what outcomes and the program name; clinic and date it must."""
DERIVED_COLUMNS = ("month", "period", "program")
"""What screening adds to the records."""

LONGEST_WINDOW = 600


class NetworkSection(Section):
    """`[network]`: who is reporting."""

    name: str = Field(min_length=1, description="the network's name, as it stands on the report")
    language: str = Field(ENGLISH, description="language tag of reports and feed, such as en")
    time_zone: str = Field("UTC", description="time zone of the schedule and of periods")
    owner: str | None = Field(None, min_length=1, description="who answers for the report, on its first page")
    contact: str | None = Field(
        None, min_length=1, description="where questions go: a name, address or number"
    )

    def contradictions(self) -> Iterator[Contradiction]:
        """The language must have a wording, the time zone be one of the IANA database's names."""
        if self.language not in languages():
            there_are = ", ".join(repr(each) for each in languages())
            yield ("language",), f"there is no wording in language {self.language!r}; choose from {there_are}"
        try:
            zoneinfo.ZoneInfo(self.time_zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            offer = nearest(self.time_zone, zoneinfo.available_timezones())
            yield ("time_zone",), f"there is no time zone {self.time_zone!r}; {_brief(offer)}"


class RecordsSection(Section):
    """`[records]`: where the records are and the SELECT that brings them to the contract.

    The SELECT returns one row per record with columns `clinic` and `date`, optionally `region`, `patient`
    and `record` (the record's own number), and every column that outcomes, adjusters, exposures and the
    program name. sql/contract.sql describes each.
    """

    source: str = Field(
        description="a DuckDB file, a Parquet or CSV file (or glob), or a SQLAlchemy URL; "
        "${NAME} stands for an environment variable, never write a secret here"
    )
    select: str | None = Field(None, description="SELECT that returns the records in the contract's columns")
    select_file: str | None = Field(None, description="file with that SELECT, beside the network file")
    patient_within: Literal["clinic"] | None = Field(
        None, description="clinic: patients are numbered within each clinic; left out, within the network"
    )
    clinic_within: Literal["region"] | None = Field(
        None, description="region: clinics are numbered within each region; left out, within the network"
    )
    weight: str | None = Field(
        None,
        description="column with the number of identical records that a row stands for; left out, one each",
    )
    password_env: str | None = Field(None, description="environment variable holding the database password")
    password_block: str | None = Field(None, description="Prefect Secret block holding the database password")
    statement_timeout: Annotated[float, AllowInfNan(False), Field(ge=0.001, le=1_000_000)] | None = Field(
        None,
        description="seconds that the database may take for one question; left out, as it decides itself",
    )

    @property
    def is_url(self) -> bool:
        """Whether the source is a SQLAlchemy URL rather than a file."""
        return "://" in self.source

    def contradictions(self) -> Iterator[Contradiction]:
        """One SELECT, no secret in the file, one place for the password."""
        if not self.source.strip():
            yield ("source",), "source is empty; give a DuckDB, Parquet or CSV file, or a database URL"
        if names_no_variable(self.source):
            yield ("source",), "source has a ${ that names no environment variable; write ${NAME}"
        if holds_secret(self.source):
            yield (
                ("source",),
                "source holds a password; take it out (and change it: it has been in a file), put it in an "
                "environment variable and name that in password_env",
            )
        if self.select is not None and self.select_file is not None:
            yield ("select_file",), "select and select_file are both given; keep one of them"
        if self.password_env is not None and self.password_block is not None:
            yield ("password_block",), "password_env and password_block are both given; keep one of them"
        for key in ("password_env", "password_block"):
            if getattr(self, key) is not None and not self.is_url:
                yield (key,), f"{key} is for a database URL, and source is a file; leave it out"
        if (
            self.statement_timeout is not None
            and self.is_url
            and not self.source.startswith(("postgresql", "duckdb:", "${"))
        ):
            yield (
                ("statement_timeout",),
                "statement_timeout is kept by PostgreSQL and for files, and source is another database; "
                "leave it out, and limit the user's time there",
            )
        if self.password_env is not None and not re.fullmatch(r"[A-Za-z_]\w*", self.password_env):
            yield (
                ("password_env",),
                "password_env is not the name of an environment variable; give the name, not the password",
            )


class ColumnLimits(Section):
    """Declared limits of a column; a value outside is set aside and counted."""

    minimum: Limit | None = None
    maximum: Limit | None = None

    def contradictions(self) -> Iterator[Contradiction]:
        """At least one limit, and the lower below the upper."""
        if self.minimum is None and self.maximum is None:
            yield (), "neither minimum nor maximum is given; give one, or leave the table out"
        yield from limits_cross(self.minimum, self.maximum)


class ProgramSection(Section):
    """`[program]`: what the network did, and when each clinic started."""

    label: str
    column: Identifier | None = Field(None, description="0/1 column: this record was under the program")
    starts: dict[str, Start] | None = Field(
        None, description="clinic → first period under the program, or the day of its start"
    )

    def contradictions(self) -> Iterator[Contradiction]:
        """One way of telling who was under the program."""
        if self.column is not None and self.starts is not None:
            yield ("starts",), "column and starts are both given; keep one of them"
        if self.column is None and self.starts is None:
            yield (
                (),
                "neither column nor starts is given; name a 0/1 column, or each clinic's start",
            )
        if self.starts is not None and not self.starts:
            yield ("starts",), "starts names no clinic"


class WindowSection(Section):
    """`[window]`: the kind of period that is reported, and how many of them an estimate uses.

    The reported period is the last of them. How many stands under the kind's own name: `quarters = 8`.
    """

    period: periods.Kind = Field(
        default="month", description="what is reported: month, quarter or week (ISO 8601)"
    )
    months: int = Field(default=12, ge=1, le=LONGEST_WINDOW)
    quarters: int = Field(default=8, ge=1, le=LONGEST_WINDOW)
    weeks: int = Field(default=26, ge=1, le=LONGEST_WINDOW)

    @property
    def length(self) -> int:
        """How many periods an estimate uses."""
        return int(getattr(self, f"{self.period}s"))

    def ending_with(self, period: str) -> tuple[str, ...]:
        """The window's periods, the last of them given."""
        return tuple(map(str, periods.Period.of_label(period).window(self.length)))

    def lasting(self, length: int) -> WindowSection:
        """The same with another length, as far as a window can be long."""
        return self.model_copy(update={f"{self.period}s": min(length, LONGEST_WINDOW)})

    @property
    def unused(self) -> set[str]:
        """Keys that say nothing: the lengths in other periods, and the period where it is the month."""
        others = {f"{kind}s" for kind in periods.KINDS if kind != self.period}
        return others | ({"period"} if self.period == "month" else set())

    def contradictions(self) -> Iterator[Contradiction]:
        """The length in the periods that are reported."""
        for key in sorted(self.model_fields_set & self.unused - {"period"}):
            yield (
                (key,),
                f"{key} is for a network that reports by {key[:-1]}, and this one reports by {self.period}; "
                f"say {self.period}s = {getattr(self, f'{self.period}s')}",
            )


class PolicySection(Section):
    """`[policy]`: small numbers and comparisons."""

    small_numbers: Literal["suppress-1-10", "nhs-7-round-5", "suppress-1-4", "none"] = "suppress-1-10"
    minimum_denominator: int = Field(default=25, ge=1, description="smallest denominator that is compared")
    minimum_count: int = Field(
        default=11,
        ge=0,
        description="smallest number of events, expected at the network's rate, that is compared",
    )
    minimum_reliability: float = Field(default=0.7, ge=0, le=1)


class Network(Section):
    """A network file, whole. `directory` is where the file is; relative paths start there."""

    network: NetworkSection
    records: RecordsSection
    outcomes: dict[Identifier, OutcomeSection] = Field(min_length=1)
    limits: dict[Identifier, ColumnLimits] = Field(default_factory=dict)
    groups: dict[Identifier, GroupsSection] = Field(default_factory=dict)
    program: ProgramSection | None = None
    clinics: ClinicsSection = Field(default_factory=ClinicsSection)
    window: WindowSection = WindowSection()
    policy: PolicySection = PolicySection()
    output: OutputSection = OutputSection()
    schedule: ScheduleSection = ScheduleSection()
    release: ReleaseSection = ReleaseSection()
    notify: NotifySection = NotifySection()
    delivery: DeliverySection = DeliverySection()
    report: ReportSection = ReportSection()
    warehouse: WarehouseSection = WarehouseSection()
    mirror: MirrorSection = MirrorSection()
    directory: Path = Field(default=Path(), exclude=True)

    @functools.cached_property
    def own_files(self) -> OwnFiles:
        """Words, templates and styles of the network's own, as they stood when they were first asked for.

        Raises:
            OSError, UnicodeDecodeError: they cannot be read.
        """
        folder = self.report.own_files
        return NOTHING_OWN if folder is None else OwnFiles.of(self.directory / folder)

    @functools.cached_property
    def logo(self) -> Logo | None:
        """The picture on first pages, as it was when it was first asked for.

        Raises:
            OSError, ValueError: it cannot be read, or is none.
        """
        return self.report.read_logo(self.directory)

    def speaking(self) -> AbstractContextManager[None]:
        """While it lasts, words are the network's: its language, what it reports by, its own before ours."""
        return speaking(self.network.language, self.window.period, self.own_files)

    def column(self, outcome: str) -> str | None:
        """The SELECT's column that holds an outcome; None where the outcome counts records."""
        section = self.outcomes[outcome]
        return None if section.counts_records else section.column or outcome

    def policy_for(self, outcome: str) -> PolicySection:
        """The policy with an outcome's own minimum numbers, where it has any."""
        section = self.outcomes.get(outcome)
        if section is None:
            return self.policy
        own = {"minimum_denominator": section.minimum_denominator, "minimum_count": section.minimum_count}
        return self.policy.model_copy(update={key: each for key, each in own.items() if each is not None})

    @property
    def starts_within(self) -> bool:
        """Whether the program started somewhere within a period, rather than on a period's first day."""
        starts = None if self.program is None else self.program.starts
        days = map(periods.first_day, (starts or {}).values())
        return any(periods.Period.of_day(self.window.period, day).first_day != day for day in days)

    def contradictions(self) -> Iterator[Contradiction]:
        """Names that screening gives itself, limits that nothing uses or that are given twice."""
        reserved = (*CONTRACT_COLUMNS, *DERIVED_COLUMNS)
        by = self.window.period
        limited = {}
        for name, outcome in self.outcomes.items():
            column = self.column(name)
            where = ("outcomes", name)
            if outcome.counts_records and outcome.per != f"clinic-{by}":
                yield (
                    (*where, "per"),
                    f'per = "{outcome.per}" counts by {outcome.per.removeprefix("clinic-")}, and the network '
                    f'reports by {by}; write per = "clinic-{by}"',
                )
            if column is not None and column in reserved:
                key = ("column",) if outcome.column else ()
                yield (*where, *key), _taken(column)
            if outcome.exposure is not None and outcome.exposure in reserved:
                yield (*where, "exposure"), _taken(outcome.exposure)
            if column is not None and column in outcome.adjusters:
                yield (
                    (*where, "adjusters"),
                    f"the outcome is adjusted for itself ({column!r}); leave it out of adjusters",
                )
            if self.program is not None and ({"program", self.program.column} & set(outcome.adjusters)):
                yield (
                    (*where, "adjusters"),
                    "the program is in every model already; leave it out of adjusters",
                )
            if column is not None and (outcome.minimum is not None or outcome.maximum is not None):
                limited[column] = name
        for column in self.limits:
            if column in limited:
                yield (
                    ("limits", column),
                    f"column {column!r} has its limits in [outcomes.{limited[column]}]; keep one of the two",
                )


def _taken(column: str) -> str:
    return f"column {column!r} has a meaning of its own in the contract; name it otherwise in the SELECT"


def _brief(offer: str) -> str:
    """An offer of names, unless nothing was close and it would list the beginning of hundreds."""
    return offer if offer.startswith("did you mean") else "give an IANA name such as 'America/New_York'"


def slug(name: str) -> str:
    """A clinic's or network's name for file names: lower case, digits and hyphens, of bounded length.

    Every script is written in Latin letters. What is cut from a long name, or cannot be written at all, is
    stood for by a digest of the whole, so that names that begin alike differ.

    >>> slug("Inpatient Ward A"), slug("Ärztehaus Köln"), slug("Поликлиника № 12")
    ('inpatient-ward-a', 'arztehaus-koln', 'poliklinika-12')
    >>> slug("Centre de sante " * 17)
    'centre-de-sante-centre-de-sante-centre-de-sante-centre-de-sante-centre-b91d19d0'
    """
    short = re.sub(r"[^a-z0-9]+", "-", unidecode(name).lower()).strip("-")
    if not short:
        return f"unnamed-{name_digest(name)}"
    if len(short) <= _LONGEST_SLUG:
        return short
    return f"{short[: _LONGEST_SLUG - 9].rstrip('-')}-{name_digest(name)}"


def name_digest(name: str) -> str:
    """Eight hexadecimal digits that stand for a name."""
    return hashlib.sha256(name.encode()).hexdigest()[:8]


_LONGEST_SLUG = 80  # file systems take 255 bytes, with an ending and what people put before it
