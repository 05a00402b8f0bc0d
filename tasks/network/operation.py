"""Sections that say how a network is reported, and change nothing of what is: where, when, who is told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Literal

from cronsim import CronSim, CronSimError
from pydantic import Field, Strict

from tasks.network.secret_text import holds_secret, names_no_variable
from tasks.network.section import Contradiction, Section

Event = Literal["released", "held", "failed", "missed"]
EVENTS: tuple[Event, ...] = ("released", "held", "failed", "missed")
Part = Literal["feed", "reports", "page"]
PARTS: tuple[Part, ...] = ("feed", "reports", "page")
Share = Annotated[float, Field(gt=0.0, le=1.0)]
_SOME_DAY = datetime(2024, 1, 1, tzinfo=UTC)
_READ_WRITE, _EXECUTE, _OTHERS_WRITE = 0o600, 0o111, 0o002


class OutputSection(Section):
    """`[output]`: where reports, feed and runs' records go, beside the network file, and who may read."""

    directory: str = "output"
    mode: str | None = Field(
        default=None,
        description='rights of published files, as chmod writes them: "0644" lets every user of the machine '
        "read them; directories let in whoever may read; left out, as the user's umask has it",
    )
    spreadsheet: bool = Field(
        default=False,
        description="the feed has each table once more as CSV that a spreadsheet opens as it is meant",
    )
    second_run: Literal["wait", "refuse"] = Field(
        default="wait",
        description="what becomes of a run that begins while another of the network is at work, here or on "
        "another machine that shares the directory",
    )
    url: str | None = Field(
        default=None,
        description="address at which the output directory is served; links to reports begin with it",
    )

    @property
    def rights(self) -> int | None:
        """`mode` as a number; None: as the umask has it."""
        return None if self.mode is None else int(self.mode, 8)

    def contradictions(self) -> Iterator[Contradiction]:
        """A directory of its own, rights that make sense, an address that a browser opens."""
        if self.directory.strip() in {"", ".", "./", "..", "/"}:
            yield ("directory",), 'directory must be one that holds nothing else; leave it out for "output"'
        if self.mode is not None:
            yield from _mode_is_none(self.mode)
        if self.url is not None and not re.fullmatch(r"https?://[^\s/]\S*", self.url):
            yield (
                ("url",),
                f"url = {self.url!r} is no web address; write it as https://reports.example/network",
            )


def _mode_is_none(mode: str) -> Iterator[Contradiction]:
    if not re.fullmatch(r"0?[0-7]{3}", mode):
        yield ("mode",), f'mode = {mode!r} is not as chmod writes it; write "0644" or "0640"'
        return
    rights = int(mode, 8)
    if rights & _READ_WRITE != _READ_WRITE:
        yield ("mode",), f"mode = {mode!r} does not let the user who reports read and write; begin with 06"
    if rights & _EXECUTE:
        yield (
            ("mode",),
            f"mode = {mode!r} makes files executable; directories are entered by whoever may read",
        )
    if rights & _OTHERS_WRITE:
        yield ("mode",), f'mode = {mode!r} lets everybody change what was published; write "0644"'


class CompleteSection(Section):
    """`[schedule.complete]`: what a run waits for before it reads a period's records."""

    select: str | None = Field(
        default=None,
        min_length=1,
        description="SELECT in the source's SQL that returns one row with one true or false; :period stands "
        "for the period's label, :first_day and :last_day for its days",
    )
    share_of_last: Share | None = Field(
        default=None,
        description="the period has at least this share of the records of the period before: 0.8",
    )
    wait_hours: float = Field(
        default=48.0,
        ge=0.0,
        le=744.0,
        description="how long after it was due a run on a server waits for them",
    )
    at_deadline: Literal["report", "hold"] = Field(
        default="report",
        description="report: what there is, and say so; hold: until a person decides",
    )

    @property
    def declared(self) -> bool:
        """Whether anything says when records are complete."""
        return self.select is not None or self.share_of_last is not None

    def contradictions(self) -> Iterator[Contradiction]:
        """Nothing to wait for."""
        if self.model_fields_set and not self.declared:
            yield (
                (),
                "nothing says when records are complete; give select or share_of_last, "
                "or leave the table out",
            )


class ScheduleSection(Section):
    """`[schedule]`: when a report is made."""

    cron: str | None = Field(
        default=None,
        description='cron expression, in the network\'s time zone: "0 6 3 * *" = the 3rd of the month, 6:00; '
        "left out, 6:00 on the third day after the period",
    )
    retry_hours: float = Field(
        default=6.0,
        ge=0.0,
        le=168.0,
        description="how long a run on a server tries again while the records' database is away",
    )
    complete: CompleteSection = CompleteSection()

    def contradictions(self) -> Iterator[Contradiction]:
        """A cron expression that comes true some day."""
        if self.cron is not None and not is_cron(self.cron):
            yield (
                ("cron",),
                f"cron = {self.cron!r} is not a schedule; "
                'write it as cron does: "0 6 3 * *" is the 3rd, at 6:00',
            )


class WarehouseSection(Section):
    """`[warehouse]`: a database of the network's own that gets the feed's tables after each publishing."""

    url: str | None = Field(
        default=None,
        description="SQLAlchemy URL such as postgresql+psycopg://clinicnet@db/reports; ${NAME} stands for an "
        "environment variable, never write a secret here",
    )
    schema_name: str | None = Field(
        default=None,
        alias="schema",
        description="schema of tables and views, made if it is not there; left out, the user's own",
    )
    password_env: str | None = Field(
        default=None, description="environment variable holding the database's password"
    )

    def contradictions(self) -> Iterator[Contradiction]:
        """A URL where something else is said; no secret in the file."""
        if self.url is None:
            for key, value in (("schema", self.schema_name), ("password_env", self.password_env)):
                if value is not None:
                    yield (
                        (key,),
                        f"{key} is for a database, and no url names one; leave it out",
                    )
            return
        if "://" not in self.url:
            yield ("url",), "url is no database's; write it as postgresql+psycopg://user@host/database"
        if names_no_variable(self.url):
            yield ("url",), "url has a ${ that names no environment variable; write ${NAME}"
        if holds_secret(self.url):
            yield (
                ("url",),
                "url holds a password; take it out (and change it: it has been in a file), put it in an "
                "environment variable and name that in password_env",
            )


class MirrorSection(Section):
    """`[mirror]`: where published releases are copied to, for readers elsewhere."""

    targets: Annotated[tuple[str, ...], Strict(False)] = Field(
        default=(),
        description="folders, or addresses that fsspec has a file system for (s3://bucket/folder, gs://, "
        "sftp:// …); ${NAME} stands for an environment variable, never write a secret here",
    )
    parts: Annotated[tuple[Part, ...], Strict(False)] = Field(
        default=PARTS,
        description="what of a release goes there: feed, reports, page; left out, all three",
    )

    def contradictions(self) -> Iterator[Contradiction]:
        """Nowhere to copy to, or nothing; a page without what it links to; secrets in the file."""
        if self.model_fields_set and not self.targets:
            yield (
                ("targets",) if "targets" in self.model_fields_set else (),
                'names no target; write targets = ["s3://bucket/folder"], or leave the table out',
            )
        if not self.parts:
            yield ("parts",), 'parts is empty; leave it out for all, or write parts = ["feed"]'
        if "page" in self.parts and set(self.parts) != set(PARTS):
            yield ("parts",), "the page links to feed and reports; name all three, or leave out page"
        for i, target in enumerate(self.targets):
            nth = f"targets, value {i + 1},"
            if holds_secret(target):
                yield (
                    ("targets",),
                    f"{nth} holds a password; take it out (and change it: it has been in a file), put it "
                    "in an environment variable and write ${NAME} for it",
                )
            if names_no_variable(target):
                yield ("targets",), f"{nth} has a ${{ that names no environment variable; write ${{NAME}}"
            if target.strip() in {"", ".", "./", "..", "/"}:
                yield ("targets",), f"{nth} is no folder of its own; name one that holds nothing else"
            if target.startswith(("http://", "https://")):
                yield (
                    ("targets",),
                    f"{nth} cannot be written to over HTTP; write a folder or s3://bucket/folder",
                )
            if target in self.targets[:i]:
                yield ("targets",), f"{nth} stands there twice"


class HoldWhen(Section):
    """`[release.hold_when]`: what a release is held aside for until a person decides."""

    volume_below: Share | None = Field(
        default=None,
        description="share of a usual period's records, the median of the window's others, under which the "
        "last period is looked at first: 0.5",
    )
    comparisons_changed: Share | None = Field(
        default=None,
        description="share of the clinics compared on an outcome that may be compared otherwise than in the "
        "last release: 0.2",
    )
    estimate_lost: bool = Field(
        default=False, description="an outcome has no estimate that had one in the last release"
    )
    icc_moved: bool = Field(
        default=False,
        description="an intraclass correlation lies outside the interval that the last release gave it",
    )


class ReleaseSection(Section):
    """`[release]`: who says that a release becomes current."""

    approval: Literal["required"] | None = Field(
        default=None,
        description='"required": every release is held until a named person approves it; left out, those '
        "that `hold_when` finds are",
    )
    hold_when: HoldWhen = HoldWhen()


class NotifySection(Section):
    """`[notify]`: who is told, and of what."""

    urls: Annotated[tuple[str, ...], Strict(False)] = Field(
        default=(),
        description="addresses as Apprise writes them (mailto://, slack://, json:// …); ${NAME} stands for "
        "an environment variable, never write a secret here",
    )
    on: Annotated[tuple[Event, ...], Strict(False)] = Field(
        default=EVENTS,
        description="of what they are told: released, held, failed, missed; left out, of all four",
    )

    def tells(self, event: Event) -> bool:
        """Whether anybody is told of such an event."""
        return bool(self.urls) and event in self.on

    def contradictions(self) -> Iterator[Contradiction]:
        """No secret in the file, no address twice."""
        for i, url in enumerate(self.urls):
            nth = f"urls, value {i + 1},"
            if holds_secret(url):
                yield (
                    ("urls",),
                    f"{nth} holds a password; take it out (and change it: it has been in a file), put it "
                    "in an environment variable and write ${NAME} for it",
                )
            if names_no_variable(url):
                yield ("urls",), f"{nth} has a ${{ that names no environment variable; write ${{NAME}}"
            if url in self.urls[:i]:
                yield ("urls",), f"{nth} stands there twice"


class DeliverySection(Section):
    """`[delivery]`: how each clinic gets its own report."""

    folder: str | None = Field(
        default=None,
        min_length=1,
        description="directory, or an address that fsspec knows (s3://, sftp:// …), in which every clinic "
        "without an address of its own has a folder",
    )
    clinics: dict[str, str] = Field(
        default_factory=dict,
        description="clinic → mailto:// as Apprise writes it, or a folder of its own; ${NAME} stands for an "
        "environment variable, never write a secret here",
    )
    when: Literal["published", "asked"] = Field(
        default="published",
        description="published: after each release that becomes the latest; asked: by clinicnet deliver",
    )

    @property
    def declared(self) -> bool:
        """Whether any clinic gets anything."""
        return self.folder is not None or bool(self.clinics)

    def contradictions(self) -> Iterator[Contradiction]:
        """Nobody to deliver to; secrets in the file."""
        if self.model_fields_set and not self.declared:
            yield (
                (),
                "says of no clinic where its report goes; give folder or clinics, or leave the table out",
            )
        addresses: dict[tuple[str, ...], str] = {("folder",): self.folder or ""}
        addresses |= {("clinics", clinic): address for clinic, address in self.clinics.items()}
        for place, address in addresses.items():
            if holds_secret(address):
                yield (
                    place,
                    f"{place[-1]} holds a password; take it out (and change it: it has been in a file), put "
                    "it in an environment variable and write ${NAME} for it",
                )
            if names_no_variable(address):
                yield place, f"{place[-1]} has a ${{ that names no environment variable; write ${{NAME}}"


def is_cron(text: str) -> bool:
    """Whether a text is a cron expression of five fields that comes true some day."""
    if len(text.split()) != 5:
        return False
    try:
        next(CronSim(text, _SOME_DAY))
    except (CronSimError, StopIteration):
        return False
    return True
