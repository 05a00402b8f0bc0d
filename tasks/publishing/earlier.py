"""What was published before a release: what it must not be set off against, and is compared with.

Every release that shares periods with the new one counts, those of the same period too: an edition that late
records have overtaken still stands. So does one that shares periods with one of those: a sum of months that
left the window tells of the months that stay. Older ones that a chain of such windows leads back to are read
as well: what their sums tell of months that stay is known too.

An edition that a run may be making again is held against what stood when it was first published, as the runs'
records tell, and against nothing published since: that was held against it. So a period that is run again on
the same records comes out the same, whatever came since.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.errors import PublishingError
from tasks.periods import PATTERN, Period
from tasks.publishing.names_of_today import under_names_of_today
from tasks.publishing.output import Output
from tasks.publishing.pruned import pruned_releases, refuse_beside
from tasks.publishing.withholding_key import withholding_key
from tasks.release import (
    CLINIC_ESTIMATES,
    CLINIC_MONTHS,
    CLINICS,
    NETWORK_FIGURES,
    OUTCOMES,
    PATIENT_GROUPS,
    RELEASE_COLUMNS,
    Since,
    conform,
)

_HELD_AGAINST = (CLINICS, OUTCOMES, CLINIC_ESTIMATES, NETWORK_FIGURES, CLINIC_MONTHS)
"""The tables that are read; others may be younger than the release."""
_YOUNGER = (PATIENT_GROUPS,)
"""Those that are read where a release has them: empty in one of before they were thought of."""


@dataclass(frozen=True)
class Earlier:
    """One release that was published before another.

    Attributes:
        since: its id and the period it reports.
        policy: the disclosure policy that was applied to it.
        tables: those that a release is held against or compared with, as published.
        withdrawn: whether it was taken back: what it showed is known, and nothing is compared with it.
    """

    since: Since
    policy: str
    tables: Mapping[str, pd.DataFrame]
    withdrawn: bool = False


def latest_before(earlier: Sequence[Earlier], period: str, policy: str) -> Earlier | None:
    """The release that one of `period` is compared with: the last of the periods before, if there is one.

    What another policy let be seen is another set of figures, and may be more than this one would let be
    seen: it is passed over.

    Args:
        earlier: as `earlier_releases` gives them; of two of one period the later one is taken.
        period: its label.
        policy: the disclosure policy of the release to come.
    """
    return next(iter(latest_editions(earlier, period, policy)), None)


def latest_editions(earlier: Sequence[Earlier], period: str, policy: str) -> list[Earlier]:
    """For each period before `period` the last release of it, the newest period first.

    Args:
        earlier, period, policy: as for `latest_before`.
    """
    found: dict[str, Earlier] = {}
    for each in earlier:
        at = each.since.period
        # of a release that stands there once for each past of a merger, the past that kept the name is first
        if each.withdrawn:
            continue
        if at < period and each.policy == policy and (at not in found or found[at].since != each.since):
            found[at] = each
    return [found[at] for at in sorted(found, reverse=True)]


RELEASE_NAME = re.compile(PATTERN + r"-\w+(\.\d+)?")
"""What the directories of releases are called."""


@dataclass(frozen=True)
class Standing:
    """What stands in the output directory, seen from a release that is to come.

    Attributes:
        earlier: the releases it must be held against, in the order they were published.
        edition: the release of the same period that it may be making again; None where it is to be a new one.
        key: what companions are drawn with.
        beyond: older releases, which a chain of overlapping windows connects with those.
    """

    earlier: Sequence[Earlier]
    edition: Since | None = None
    key: bytes = b""
    beyond: Sequence[Earlier] = ()

    def is_given_by(self, id_: str) -> bool:
        """Whether a release of this id is what was looked for: the edition, or any where it is a new one."""
        return self.edition is None or self.edition.id == id_

    def following(self, now: Mapping[str, str]) -> Standing:
        """The same with every clinic under its name of today.

        Args:
            now: old name → name of today.
        """
        if not now:
            return self

        def today(releases: Sequence[Earlier]) -> list[Earlier]:
            return [
                replace(each, tables=tables)
                for each in releases
                for tables in under_names_of_today(each.tables, now)
            ]

        return replace(self, earlier=today(self.earlier), beyond=today(self.beyond))

    def file_names(self) -> dict[str, str]:
        """Clinic → the file name that the first release gave it, which it keeps: people have links to it."""
        names: dict[str, str] = {}
        for each in self.earlier:
            clinics = each.tables[CLINICS.name]
            for clinic, name in zip(clinics["clinic"], clinics["slug"], strict=True):
                if str(name) not in names.values():
                    names.setdefault(str(clinic), str(name))
        return names


def standing_releases(output: Output, window: tuple[str, str]) -> tuple[Standing, ...]:
    """What a release may be held against: each edition of its period that it may be again, then as a new one.

    Args:
        output: where releases are published; it need not exist.
        window: first and last period of the release to come; the last is the one it reports.

    Raises:
        PublishingError: a release cannot be read, so that nobody can say what a new one would give away.
    """
    key = withholding_key(output.directory)
    standing = []
    for name, id_ in editions(output, window[1]).items():
        earlier, beyond = _near_and_beyond(output, window, name)
        standing.append(Standing(earlier, Since(id_, window[1]), key, beyond))
    earlier, beyond = _near_and_beyond(output, window)
    return (*standing, Standing(earlier, key=key, beyond=beyond))


@dataclass(frozen=True, slots=True)
class Described:
    """What a release's data package says of it; see `tasks.release.Release`."""

    since: Since
    policy: str
    first: str
    last: str
    cut_off: str
    computed_with: Mapping[str, str]
    compared_with: Since | None
    incomplete: str | None = None


def editions(output: Output, period: str) -> dict[str, str]:
    """Releases of a period in the order they were first published: name → id."""
    found = {each.name: said.since.id for each, said in described_releases(output) if said.last == period}
    order = {name: place for place, name in enumerate(dict.fromkeys(_published(output)))}
    return dict(sorted(found.items(), key=lambda each: order.get(each[0], len(order))))


def earlier_releases(output: Output, window: tuple[str, str], edition: str | None = None) -> list[Earlier]:
    """The releases that the release to come must be held against, in the order they were published.

    Args:
        output: where releases are published; it need not exist.
        window: first and last period of the release to come; the last is the one it reports.
        edition: name of the release that may be made again; it and what was published since are left out.

    Raises:
        PublishingError: a release cannot be read, or was pruned, so that nobody can say what a new one would
            give away.
    """
    return _near_and_beyond(output, window, edition)[0]


@dataclass(frozen=True)
class Connected:
    """The releases that a reader of one can put beside it.

    Attributes:
        releases: those that a chain of overlapping windows connects with it, in the order of publishing.
        near: how many of them it is held against.
        pruned: names of those in the chain that were taken out since: whoever kept them knows more.
    """

    releases: Sequence[Earlier]
    near: int
    pruned: Sequence[str]


def connected_releases(output: Output, window: tuple[str, str], edition: str) -> Connected:
    """What was published before a release and can be put beside it, window by window.

    Args:
        output: where releases are published.
        window: first and last period of the release.
        edition: its name; it and what was published since are left out.

    Raises:
        PublishingError: a release cannot be read, or one that it is held against was pruned.
    """
    releases = _chained(output, window, edition)
    gone = pruned_releases(output)
    windows = [*(each.window for each in gone), *(said for _, said, _ in releases)]
    chained = in_a_chain(windows, window)[: len(gone)]
    names = [each.name for each, connected in zip(gone, chained, strict=True) if connected]
    return Connected([each for each, _, _ in releases], sum(near for *_, near in releases), names)


def _near_and_beyond(
    output: Output, window: tuple[str, str], edition: str | None = None
) -> tuple[list[Earlier], list[Earlier]]:
    """Those to hold against, and those that a chain of overlapping windows connects with them."""
    found = _chained(output, window, edition)
    return (
        [each for each, _, near in found if near],
        [each for each, _, near in found if not near],
    )


def _chained(
    output: Output, window: tuple[str, str], edition: str | None
) -> list[tuple[Earlier, tuple[str, str], bool]]:
    """Connected releases in the order of publishing, their windows, and whether they are within reach."""
    turns, since = _before(output, edition)
    there: list[tuple[Path, Described]] = []
    standing = sorted(
        described_releases(output), key=lambda each: (turns.get(each[0].name, -1), each[0].name)
    )
    for directory, said in standing:
        if directory.name in since:
            continue
        _require_same_kind(directory, said.last, window[1])
        there.append((directory, said))
    gone = pruned_releases(output)
    windows = [(said.first, said.last) for _, said in there]
    near = within_reach([*windows, *(each.window for each in gone)], window)
    refuse_beside(
        [each for each, reached in zip(gone, near[len(there) :], strict=True) if reached], window[1]
    )
    withdrawn = output.withdrawn()
    chained = in_a_chain(windows, window)
    found = []
    for (directory, said), reached, connected in zip(there, near[: len(there)], chained, strict=True):
        if connected:
            read = Earlier(said.since, said.policy, _readable(directory), directory.name in withdrawn)
            found.append((read, (said.first, said.last), reached))
    return found


def within_reach(windows: Sequence[tuple[str, str]], window: tuple[str, str]) -> list[bool]:
    """Which windows share a period with `window`, or with one that does.

    Args:
        windows: first and last period of each.
        window: of the release to come.
    """

    near = [each for each in windows if _share(each, window)]
    return [any(_share(each, other) for other in (window, *near)) for each in windows]


def in_a_chain(windows: Sequence[tuple[str, str]], window: tuple[str, str]) -> list[bool]:
    """Which windows share a period with `window`, or with one that does, and so on.

    Args:
        windows, window: as for `within_reach`.
    """
    reached, left = {window}, set(windows)
    while more := {each for each in left if any(_share(each, other) for other in reached)}:
        reached |= more
        left -= more
    return [each in reached for each in windows]


def _share(one: tuple[str, str], other: tuple[str, str]) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]


def require_readable(output: Output, window: tuple[str, str] | None = None) -> int:
    """See that releases can be read, and return how many were.

    Args:
        output: where releases are published; it need not exist.
        window: as for `earlier_releases`, which would read the same; None: all of them.

    Raises:
        PublishingError: one cannot, so that nobody can say what a new one would give away.
    """
    if window is not None:
        return len(earlier_releases(output, window))
    return sum(1 for directory, _ in described_releases(output) if _readable(directory))


def published_release(output: Output, name: str | None = None) -> tuple[Path, Earlier, tuple[str, str]]:
    """One release as it was published: where it stands, what it says, and its window.

    Args:
        output: where releases are published.
        name: the name of its directory, or what that begins with; None: the one that `latest` leads to.

    Raises:
        PublishingError: there is no such release, there are several, or it cannot be read.
    """
    standing = {directory.name: (directory, said) for directory, said in described_releases(output)}
    if name is None:
        current = output.current()
        fitting = [] if current is None else [current.name]
    else:
        fitting = [name] if name in standing else [each for each in standing if each.startswith(name)]
    if len(fitting) != 1 or fitting[0] not in standing:
        which = "is no release" if not fitting else f"are {len(fitting)} releases"
        raise PublishingError(
            f"there {which} {'' if name is None else f'called {name} '}in {output.directory}",
            hint=f"there are: {', '.join(standing)}" if standing else "report a month first: clinicnet run",
        )
    directory, said = standing[fitting[0]]
    return directory, Earlier(said.since, said.policy, _readable(directory)), (said.first, said.last)


def _before(output: Output, edition: str | None) -> tuple[dict[str, int], set[str]]:
    """Names of the releases published before `edition` first was, each with its turn, and of the others.

    A release that was published in both times came before, in the turn that it had then: the order must not
    change when a period is run again. Without its own record an edition alone is left out.
    """
    published = _published(output)
    reached = published.index(edition) if edition in published else len(published)
    before = {name: turn for turn, name in enumerate(published[:reached])}
    since = set(published[reached:]) - set(before)
    return before, since if edition is None else since | {edition}


def _published(output: Output) -> list[str]:
    """Names of the releases as runs published them, first to last, as far as there are records of it."""
    names: list[str] = []
    for file in sorted(output.runs.glob("*.json")):
        try:
            record = _read(file)
        except (OSError, ValueError):  # without its record a release counts
            continue
        if record.get("release"):
            names.append(Path(str(record["release"])).name)
    return names


def described_releases(output: Output) -> Iterator[tuple[Path, Described]]:
    """Directories of releases, by name, and what each says of its release.

    What is not called as a release is, is none: somebody's notes, or a copy of a release under another name.

    Raises:
        PublishingError: a release cannot be read.
    """
    for directory in sorted((output.directory / "releases").glob("*")):
        if not (directory.is_dir() and RELEASE_NAME.fullmatch(directory.name)):
            continue
        try:
            said = _read(directory / "feed/datapackage.json")["release"]
            first, last = said["window"]
            since = Since(str(said["id"]), str(said["period"]))
            than = said.get("compared_with")
            described = Described(
                since,
                str(said["disclosure_policy"]),
                str(first),
                str(last),
                str(said.get("cut_off", "")),
                dict(said.get("computed_with", {})),
                None if than is None else Since(str(than["id"]), str(than["period"])),
                said.get("incomplete"),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise unreadable(directory) from error
        yield directory, described


def _require_same_kind(directory: Path, published: str, now: str) -> None:
    """Refuses to go on from months with quarters: a quarter is the sum of its months, which nothing guards.

    Raises:
        PublishingError: the release reports another kind of period than the one to come.
    """
    was, is_now = (Period.of_label(each).kind for each in (published, now))
    if was != is_now:
        raise PublishingError(
            f"the release in {directory} is of a {was}, and the new one would be of a {is_now}: what one "
            "withholds could be worked out from the other",
            hint=f'keep [window] period = "{was}"; if the earlier releases were never published, move them '
            "away or name another [output] directory",
        )


def unreadable(directory: Path) -> PublishingError:
    """What is said where a release cannot be read that stands in `directory`."""
    return PublishingError(
        f"the release in {directory} cannot be read, so a new one cannot be compared with it",
        hint="restore its feed from a copy, or move that directory away if it was never published",
    )


def _readable(directory: Path) -> dict[str, pd.DataFrame]:
    try:
        return _tables(directory)
    except (OSError, ValueError, KeyError) as error:
        raise unreadable(directory) from error


def _tables(directory: Path) -> dict[str, pd.DataFrame]:
    """The tables as they were published, without the release's own columns."""
    own = [column.name for column in RELEASE_COLUMNS]
    listed = {each["name"] for each in _read(directory / "feed/datapackage.json")["resources"]}
    held = (*_HELD_AGAINST, *(table for table in _YOUNGER if table.name in listed))
    read = {table: pd.read_parquet(directory / f"feed/{table.name}.parquet") for table in held}
    found = {table.name: conform(table, rows.drop(columns=own)) for table, rows in read.items()}
    return {table.name: table.empty() for table in _YOUNGER} | found


def _read(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content
