"""The step: a PDF and a page for the network and every clinic, in a pool of processes inside the one call."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tasks.network.schema import Network
from tasks.release import Release
from tasks.rendering.attached_tables import tables_of
from tasks.rendering.clinic_report import clinic_html
from tasks.rendering.document import Look, write_pdf
from tasks.rendering.edition import Edition
from tasks.rendering.network_report import network_html
from tasks.rendering.page import write_clinic_page, write_network_pages
from tasks.rendering.read_edition import read_edition
from tasks.rendering.worker_pool import in_batches

Progress = Callable[[int, int], None]

RECYCLE_AFTER = 100
FEW = 8
"""Documents that are drawn here: starting processes for them takes longer than drawing."""
_UNTIL_GARBAGE = 50_000
"""New objects until garbage is looked for. A page is tens of thousands that live as long as it does: looking
among them every 700, as Python does, takes an eighth of the time."""
NETWORK = ""
REPORTS, PAGE = "reports", "page"


@dataclass(frozen=True)
class Rendered:
    """Where the PDFs are: the network's, and clinic (its name as shown) → its own."""

    network: Path
    clinics: Mapping[str, Path]

    @property
    def paths(self) -> tuple[Path, ...]:
        """All of them, the network's first."""
        return (self.network, *self.clinics.values())

    def __iter__(self) -> Iterator[Path]:
        return iter(self.paths)

    def __len__(self) -> int:
        return len(self.paths)


class RenderingFailedError(RuntimeError):
    """Some reports could not be made; the others are there. `failures`: clinic ("" for the network) → why."""

    def __init__(self, failures: Mapping[str, str]) -> None:
        self.failures = dict(failures)
        told = "; ".join(
            f"{clinic or 'the network’s report'}: {why}" for clinic, why in self.failures.items()
        )
        super().__init__(f"{len(self.failures)} reports could not be made: {told}")

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.failures,))


def render_release(
    release: Release,
    network: Network,
    directory: Path,
    *,
    progress: Progress | None = None,
    workers: int | None = None,
) -> Rendered:
    """Writes reports/network.pdf and reports/clinics/<slug>.pdf into `directory`, and the same as page/.

    The same release and network give the same bytes. WeasyPrint's memory grows with every document, so
    the processes that do the work are replaced every hundred documents.

    Args:
        release: tables after disclosure; nothing but them is drawn.
        network: the network file they belong to.
        directory: made if it is not there.
        progress: called with (done, all) after each document.
        workers: processes; 1 renders in this process. Left out, the machine's cores, but for few documents.

    Raises:
        RenderingFailedError: after all others were made, naming the clinics whose report failed.
    """
    edition = read_edition(release, network)
    rendered = _paths(edition, directory / REPORTS)
    jobs = [(NETWORK, rendered.network), *rendered.clinics.items()]
    for folder in (REPORTS, PAGE):
        (directory / folder / "clinics").mkdir(parents=True, exist_ok=True)
    count = min(workers or os.cpu_count() or 1, len(jobs))
    failures: dict[str, str] = {}
    few = workers is None and len(jobs) <= FEW
    results = _here(edition, jobs) if count == 1 or few else _pooled(release, network, jobs, count)
    for done, (name, why) in enumerate(results, start=1):
        if why is not None:
            failures[name] = why
        if progress is not None:
            progress(done, len(jobs))
    if failures:
        raise RenderingFailedError(dict(sorted(failures.items())))
    return rendered


def _paths(edition: Edition, directory: Path) -> Rendered:
    slugs: dict[str, str] = {}
    for clinic in edition.clinics:
        if clinic.slug in slugs.values():
            raise ValueError(
                f"two clinics share the file name {clinic.slug}.pdf; slugs of a release are unique"
            )
        slugs[clinic.name] = clinic.slug
    return Rendered(
        network=directory / "network.pdf",
        clinics={name: directory / "clinics" / f"{slug}.pdf" for name, slug in slugs.items()},
    )


Job = tuple[str, Path]
"""Whose document (`NETWORK` or a clinic's name), and where it goes."""


def _pooled(
    release: Release, network: Network, jobs: list[Job], count: int
) -> Iterator[tuple[str, str | None]]:
    drawn = in_batches(
        _one, jobs, workers=count, recycle_after=RECYCLE_AFTER, start=_start, start_with=(release, network)
    )
    for (name, _), why in drawn:
        yield name, why


def _here(edition: Edition, jobs: list[Job]) -> Iterator[tuple[str, str | None]]:
    before = gc.get_threshold()
    gc.set_threshold(_UNTIL_GARBAGE)
    try:
        for name, path in jobs:
            yield name, _try(edition, name, path)
    finally:
        gc.set_threshold(*before)


_edition: Edition | None = None


def _start(release: Release, network: Network) -> None:
    """In a worker: read the release once for all of its documents."""
    global _edition
    gc.set_threshold(_UNTIL_GARBAGE)
    _edition = read_edition(release, network)


def _one(job: Job) -> str | None:
    if _edition is None:
        raise RuntimeError("this worker has no release: it was not started by the pool")
    return _try(_edition, *job)


def _try(edition: Edition, name: str, path: Path) -> str | None:
    """Makes one report; what went wrong, in a line, or None."""
    look = Look.of(edition.network)
    try:
        if name == NETWORK:
            write_pdf(network_html(edition), path, look, tables_of(edition))
            write_network_pages(edition, path.parents[1] / PAGE)
        else:
            clinic = next(each for each in edition.clinics if each.name == name)
            write_pdf(clinic_html(edition, clinic), path, look)
            write_clinic_page(edition, clinic, path.parents[2] / PAGE)
    except Exception as error:  # noqa: BLE001 - one clinic's failure must not cost the others theirs
        return f"{type(error).__name__}: {error}"
    return None
