"""What people are told, in the network's language: a title, a paragraph, and where to look."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from reports.wording import say, speaking
from reports.wording.writing import counted, listed
from tasks.periods import Period
from tasks.release import Release

Event = Literal["released", "held", "failed", "missed", "letter"]

_MOST_NAMES = 6
_GONE = ("withheld", "no_figure")


@dataclass(frozen=True, slots=True)
class Notice:
    """One event, as people are told of it.

    Attributes:
        event: what happened.
        key: what tells this event from every other of the network: the same key is the same event.
        title: in a line.
        body: in a paragraph or two.
    """

    event: Event
    key: str
    title: str
    body: str


def released(
    release: Release, name: str, where: str, language: str, restated: pd.DataFrame | None = None
) -> Notice:
    """A period is reported, or reported otherwise than before.

    Args:
        release: what was published, small numbers withheld.
        name: its directory's name.
        where: address or path of the network's report.
        language: what it is said in.
        restated: where it is another edition of its period, the table `changes` from the edition before;
            otherwise the release's own is told.
    """
    kind = "notice.reported" if restated is None else "notice.restated"
    with _speaking(language, release.period):
        title = say(kind, network=release.network, reported=release.period)
        body = (
            " ".join(_records_of(release)),
            " ".join(_changed(release, restated)),
            say("notice.where", place=where),
        )
    return Notice("released", f"released-{name}", title, "\n\n".join(body))


def _records_of(release: Release) -> Iterator[str]:
    first, last = release.window
    yield say("notice.records", first=first, last=last, cut_off=release.cut_off)
    yield from _early(release)


def _early(release: Release, said: Sequence[str] = ()) -> Iterator[str]:
    """That records were missing, where that was not said already."""
    if release.incomplete is not None and release.incomplete not in said:
        yield say("incomplete.reported", reasons=release.incomplete)


def held(
    release: Release, directory: Path, reasons: Sequence[str], network_file: Path, language: str
) -> Notice:
    """A period is prepared and waits for a person.

    Args:
        release: what was prepared, small numbers withheld.
        directory: where it stands.
        reasons: why it waits.
        network_file: the network's file.
        language: what it is said in.
    """
    with _speaking(language, release.period):
        title = say("notice.held", network=release.network, reported=release.period)
        body = (
            " ".join((say("notice.waits", reasons="; ".join(reasons)), *_early(release, reasons))),
            say("notice.to_decide", place=directory, name=directory.name, file=network_file),
        )
    return Notice("held", f"held-{directory.name}", title, "\n\n".join(body))


def _speaking(language: str, period: str) -> AbstractContextManager[None]:
    return speaking(language, Period.of_label(period).kind)


def _changed(release: Release, restated_by: pd.DataFrame | None) -> Iterator[str]:
    if restated_by is not None:
        changes, since = restated_by, say("notice.edition_before")
    elif release.since is not None:
        changes, since = release["changes"], say("notice.release_of", since=release.since.period)
    else:
        yield say("notice.first")
        return
    of_clinics = changes[(changes["clinic"] != "") & (changes["month"] == "")]
    compared = _clinics(of_clinics[of_clinics["change"] == "comparison"])
    shown = _clinics(of_clinics[of_clinics["change"] == "shown"])
    gone = _clinics(of_clinics[of_clinics["change"].isin(_GONE)])
    restated = changes.loc[changes["change"] == "restated", "month"].nunique()
    if not (compared or shown or gone or restated):
        yield say("notice.nothing", since=since)
        return
    if compared:
        names = listed(compared[:_MOST_NAMES]) + (" …" if len(compared) > _MOST_NAMES else "")
        yield say("notice.compared", since=since, clinics=counted(len(compared), "clinic"), names=names)
    if shown:
        yield say("notice.shown", clinics=counted(len(shown), "clinic"))
    if gone:
        yield say("notice.gone", clinics=counted(len(gone), "clinic"))
    if restated:
        yield say("notice.late", months=counted(restated, "month"))


def _clinics(rows: pd.DataFrame) -> list[str]:
    return sorted(set(rows["clinic"].astype(str)))


def failed(network: str, period: str, sentence: str, hint: str | None, since: str, language: str) -> Notice:
    """A period could not be reported.

    Args:
        network: the network's name.
        period: the label of the period.
        sentence: what ended the run.
        hint: the way out, where there is one.
        since: when the period was last reported; the same failure after that is another event.
        language: what it is said in; errors are in English.
    """
    digest = hashlib.sha256(f"{sentence}\n{since}".encode()).hexdigest()[:12]
    with _speaking(language, period):
        title = say("notice.failed", network=network, reported=period)
        body = [say("notice.why", sentence=sentence)]
        if hint is not None:
            body.append(say("notice.way_out", hint=hint))
    return Notice("failed", f"failed-{period}-{digest}", title, "\n\n".join(body))


def missed(network: str, period: str, due: str, network_file: str, language: str) -> Notice:
    """A period was due and is not reported.

    Args:
        network: the network's name.
        period: the label of the period.
        due: when, in the network's time zone.
        network_file: what to report it with.
        language: what it is said in.
    """
    with _speaking(language, period):
        title = say("notice.missed", network=network, reported=period)
        body = (say("notice.due", due=due), say("notice.look", file=network_file, reported=period))
    return Notice("missed", f"missed-{period}", title, "\n\n".join(body))
