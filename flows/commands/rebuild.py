"""Making a release once more, to see that it still comes out as it was published, or what differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flows.job_step import Journal
from flows.monthly_job import prepared, ready
from flows.one_thread import one_thread
from flows.published_output import network_and_output
from tasks.publishing import kept_releases, published_release
from tasks.release import rounded

if TYPE_CHECKING:
    import pandas as pd

    from tasks.publishing import Kept
    from tasks.release import Release

MOST_FILES = 8


@dataclass(frozen=True)
class Rebuilt:
    """A release made once more.

    Attributes:
        same: whether all its files are the same, byte for byte.
        lines: what is said of it.
    """

    same: bool
    lines: tuple[str, ...]


def rebuild_release(network_file: Path, name: str, journal: Journal | None = None) -> Rebuilt:
    """Make a release anew from the records of today, beside the published one, and compare; nothing changes.

    Args:
        network_file: the network's file.
        name: the release's, or what it begins with.
        journal: who does the steps and who watches; plain calls in silence when left out.

    Raises:
        ClinicnetError: the network file, the records or a release cannot be read, or there is no such one.
    """
    network, output = network_and_output(network_file)
    directory, published, _ = published_release(output, name)
    kept = next(each for each in kept_releases(output) if each.name == directory.name)
    with one_thread(), output.staging() as staging:
        journal = journal or Journal()
        complete = ready(network, kept.period, journal)
        again, _ = prepared(network, kept.period, output, staging, journal, complete)
        before, after = (_files(each) for each in (directory, staging.path))
    differing = sorted(each for each in {*before, *after} if before.get(each) != after.get(each))
    if not differing:
        return Rebuilt(True, (f"{kept.name}: all {len(before):,} files are the same, byte for byte",))
    return Rebuilt(False, tuple(_differences(kept, published.tables, again, differing)))


def _differences(
    kept: Kept, published: Mapping[str, pd.DataFrame], again: Release, files: Sequence[str]
) -> Iterator[str]:
    yield f"{kept.name}: {len(files):,} files differ; it stands as it was"
    told = {
        "Programs": _versions(kept, again),
        "Policy": "" if kept.policy == again.policy else f"{kept.policy} then, {again.policy} now",
        "Records": _records(kept, published, again),
        "Tables": ", ".join(name for name, rows in again.tables.items() if not _alike(published, name, rows)),
    }
    yield from (f"{what:<10}{said}" for what, said in told.items() if said)
    if again.id == kept.id:
        yield "Numbers   the same; pages are drawn otherwise"
    shown = files[:MOST_FILES]
    more = f" and {len(files) - len(shown):,} more" if len(files) > len(shown) else ""
    yield f"Files     {', '.join(shown)}{more}"


def _versions(kept: Kept, again: Release) -> str:
    names = sorted({*kept.computed_with, *again.versions})
    pairs = ((name, kept.computed_with.get(name), again.versions.get(name)) for name in names)
    return ", ".join(f"{name} {then} then, {now} now" for name, then, now in pairs if then != now)


def _records(kept: Kept, published: Mapping[str, pd.DataFrame], again: Release) -> str:
    """How far the records go, and which outcomes rest on more or fewer of them."""
    said = []
    if kept.cut_off != again.cut_off:
        said.append(f"up to {kept.cut_off} then, {again.cut_off} now")
    then, now = (
        dict(zip(each["outcomes"]["outcome"], each["outcomes"]["n_records"], strict=True))
        for each in (published, again.tables)
    )
    moved = [name for name in then if name in now and str(then[name]) != str(now[name])]
    if moved:
        said.append(f"other numbers of records for {', '.join(map(str, moved))}")
    return "; ".join(said)


def _alike(published: Mapping[str, pd.DataFrame], name: str, rows: pd.DataFrame) -> bool:
    """Whether a table is the published one, with the digits that are published."""
    then = published.get(name)
    return then is not None and rounded(then).to_csv(index=False) == rounded(rows).to_csv(index=False)


def _files(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }
