"""What stands in an output directory: releases with their editions, and what runs say of themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from tasks.publishing.earlier import described_releases, unreadable
from tasks.publishing.output import Output
from tasks.publishing.run_record import Recorded, recorded_runs
from tasks.release import CLINICS, QUALITY, Since


@dataclass(frozen=True, slots=True)
class Kept:
    """One release that stands in an output directory.

    Attributes:
        directory: where it stands.
        id: its id.
        period: the label of the period it reports.
        window: first and last period its estimates use.
        cut_off: latest date among its records, YYYY-MM-DD.
        policy: the disclosure policy that was applied.
        computed_with: package → version.
        published: when it was first published; as its directory says where no run's record does.
        runs: the runs that published it, first to last.
        edition, n_editions: which of its period's editions it is, in the order they were first published.
        is_latest: whether `latest` leads to it.
        n_shown, n_clinics: clinics with anything that may be shown, and all of them.
        n_bytes: size of its files.
        since: the release that its table `changes` compares it with; None where there is none.
        incomplete: why its period's records were known not to be all there; None where nothing said so.
    """

    directory: Path
    id: str
    period: str
    window: tuple[str, str]
    cut_off: str
    policy: str
    computed_with: Mapping[str, str]
    published: datetime
    runs: Sequence[Recorded]
    edition: int
    n_editions: int
    is_latest: bool
    n_shown: int
    n_clinics: int
    n_bytes: int
    since: Since | None
    incomplete: str | None = None

    @property
    def name(self) -> str:
        """The name of its directory."""
        return self.directory.name

    @property
    def last_published(self) -> datetime:
        """When a run last gave it: another edition may have stood in between."""
        return self.runs[-1].finished if self.runs else self.published


def kept_releases(output: Output) -> list[Kept]:
    """The releases of an output directory, by period and edition; none where nothing was published.

    Raises:
        PublishingError: one of them cannot be read.
    """
    by_name: dict[str, list[Recorded]] = {}
    for run in recorded_runs(output.runs, output.abandoned()):
        if run.release is not None and run.published:
            by_name.setdefault(run.release, []).append(run)
    current = output.current()
    found: list[Kept] = []
    for directory, said in described_releases(output):
        runs = by_name.get(directory.name, [])
        clinics = pd.read_parquet(directory / f"feed/{CLINICS.name}.parquet", columns=["reportable"])
        found.append(
            Kept(
                directory=directory,
                id=said.since.id,
                period=said.last,
                window=(said.first, said.last),
                cut_off=said.cut_off,
                policy=said.policy,
                computed_with=said.computed_with,
                published=runs[0].finished if runs else _made(directory),
                runs=tuple(runs),
                edition=1,
                n_editions=1,
                is_latest=current is not None and current.name == directory.name,
                n_shown=int(clinics["reportable"].sum()),
                n_clinics=len(clinics),
                since=said.compared_with,
                incomplete=said.incomplete,
                n_bytes=sum(each.stat().st_size for each in directory.rglob("*") if each.is_file()),
            )
        )
    return _numbered(found)


def rows_set_aside(release: Kept) -> Mapping[str, int]:
    """Screening rule → how many of the release's records it set aside, as published: no withheld count.

    Raises:
        PublishingError: the release cannot be read.
    """
    try:
        found = pd.read_parquet(release.directory / f"feed/{QUALITY.name}.parquet")
        of_network = found[(found["clinic"] == "") & (found["action"] == "set_aside")]
        told = of_network[of_network["n_found"].notna()]
        return {str(rule): int(n) for rule, n in zip(told["rule"], told["n_found"], strict=True)}
    except (OSError, ValueError, KeyError) as error:
        raise unreadable(release.directory) from error


def _made(directory: Path) -> datetime:
    return datetime.fromtimestamp(directory.stat().st_mtime, UTC)


def _numbered(found: Sequence[Kept]) -> list[Kept]:
    in_order = sorted(found, key=lambda each: (each.period, each.published, each.name))
    of_period: dict[str, list[Kept]] = {}
    for each in in_order:
        of_period.setdefault(each.period, []).append(each)
    return [
        replace(each, edition=number, n_editions=len(editions))
        for editions in of_period.values()
        for number, each in enumerate(editions, start=1)
    ]
