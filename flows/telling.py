"""Telling people of a run: what it released, or why it failed. Nothing here can fail a run."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from flows.job_step import UnexpectedError
from flows.published_output import output_of
from tasks.errors import ClinicnetError

if TYPE_CHECKING:
    from pathlib import Path

    from flows.period_reported import PeriodReported
    from tasks.network.operation import Event
    from tasks.network.schema import Network
    from tasks.notifying import Notice, Outbox
    from tasks.publishing import Kept, Output
    from tasks.release import Release

_log = logging.getLogger("clinicnet")


_untold = ContextVar("releases are not told", default=False)


@contextmanager
def releases_untold() -> Iterator[None]:
    """While many periods are reported one after the other: nobody wants a mail for each, and no clinic."""
    before = _untold.set(True)
    try:
        yield
    finally:
        _untold.reset(before)


def delivers(network: Network) -> bool:
    """Whether clinics get the reports of a run's release without being asked for."""
    return network.delivery.declared and network.delivery.when == "published" and not _untold.get()


def outbox(network: Network) -> Outbox:
    """Where a network's notices are kept."""
    from tasks.notifying import Outbox

    return Outbox(network.directory / network.output.directory / "notices")


def tell_reported(network: Network, network_file: Path, reported: PeriodReported) -> None:
    """Tell that a period is reported or restated, or held; not where the same had been published before."""
    event: Event = "held" if reported.held else "released"
    if not network.notify.tells(event) or reported.unchanged or _untold.get():
        return
    with _never_failing():
        if reported.held:
            tell(network, [held_notice(network, network_file, reported)])
        else:
            tell(network, [released_notice(network, reported.release, reported.directory)])


def held_notice(network: Network, network_file: Path, reported: PeriodReported) -> Notice:
    """What is told of a release that waits for a person."""
    from tasks.notifying import held

    return held(reported.release, reported.directory, reported.held, network_file, network.network.language)


def released_notice(network: Network, release: Release, directory: Path) -> Notice:
    """What is told of a release that stands in `directory`.

    Raises:
        PublishingError: the edition before, which it is compared with, cannot be read.
    """
    from tasks.notifying import released
    from tasks.publishing import kept_releases, published_release
    from tasks.releasing.changes import changes

    output = output_of(network)
    before = [
        each
        for each in kept_releases(output)
        if each.period == release.period and each.name != directory.name
    ]
    restated = None
    if before:
        last = max(before, key=lambda each: each.last_published)
        _, edition, _ = published_release(output, last.name)
        restated = changes(edition.since, edition.tables, release.tables)
    where = report_at(directory, network)
    return released(release, directory.name, where, network.network.language, restated)


def told_of(kept: Kept, network: Network, output: Output) -> Notice:
    """What is told of a release that stands.

    Raises:
        PublishingError: it cannot be read.
    """
    import pandas as pd

    from tasks.publishing import published_release
    from tasks.release import CHANGES, Release

    _, published, _ = published_release(output, kept.name)
    changes = pd.read_parquet(kept.directory / f"feed/{CHANGES.name}.parquet")
    release = Release(
        id=kept.id,
        network=network.network.name,
        period=kept.period,
        window=kept.window,
        cut_off=kept.cut_off,
        policy=kept.policy,
        versions=kept.computed_with,
        tables={**published.tables, CHANGES.name: changes},
        since=kept.since,
        incomplete=kept.incomplete,
    )
    return released_notice(network, release, kept.directory)


def report_at(release: Path, network: Network) -> str:
    """Where a release is read: its page's address, or its report's path where the directory is not served."""
    from tasks.publishing import address

    report, url = release / "reports/network.pdf", network.output.url
    if url is None:
        return str(report)
    page = release / "page/index.html"
    return address(page if page.exists() else report, release, url)


@contextmanager
def failures_told(network: Network, period: str) -> Iterator[None]:
    """Tell what ends the block, unless a person stopped it."""
    try:
        yield
    except ClinicnetError as error:
        _tell_failed(network, period, error.message, error.hint)
        raise
    except UnexpectedError as error:
        _tell_failed(network, period, f"a bug in clinicnet ended it ({error})", None)
        raise


def _tell_failed(network: Network, period: str, sentence: str, hint: str | None) -> None:
    from tasks.notifying import failed
    from tasks.publishing import recorded_runs

    if not network.notify.tells("failed"):
        return
    with _never_failing():
        output = output_of(network)
        runs = recorded_runs(output.runs, output.abandoned())
        mine = (run.finished for run in runs if run.published and run.period == period)
        since = max(mine, default=None)
        who = network.network
        tell(network, [failed(who.name, period, sentence, hint, str(since), who.language)])


def tell(network: Network, notices: list[Notice]) -> None:
    """Write notices down, send what is waiting, and log what did not arrive.

    Raises:
        OSError: they cannot be kept.
    """
    from tasks.notifying import Addresses

    addresses, box = Addresses(network.notify.urls), outbox(network)
    for notice in notices:
        box.put(notice, addresses.urls)
    for left in box.deliver(addresses.urls, addresses.send):
        names = ", ".join(addresses.shown(url) for url in left.addresses)
        _log.warning("not told: %s, to %s; clinicnet notify tries again", left.notice.title, names)


@contextmanager
def _never_failing() -> Iterator[None]:
    """A notice that cannot be kept or sent is logged by its kind, and the run goes on."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  # whatever it is, the release stands
        _log.warning("a notice could not be kept: %s", type(error).__name__)


def doubted(network_file: Path) -> list[str]:
    """What in the network file or the records is probably not as it was meant, as `check` says it.

    A run that nobody checked before would leave it unsaid: patient numbers that restart in each clinic make
    intervals too short. Nothing where the records can no longer be read: the release stands.
    """
    from tasks.screening import doubts

    try:
        return [str(each) for each in doubts(network_file)]
    except ClinicnetError:
        return []
