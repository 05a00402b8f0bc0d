"""Copying what is published to where else it is read: after each publishing, and by itself."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from flows.published_output import output_of
from tasks.environment import filled
from tasks.errors import ClinicnetError, NetworkError

if TYPE_CHECKING:
    from tasks.network.schema import Network
    from tasks.publishing import Output
    from tasks.publishing.mirror import Identity, Mirrored
    from tasks.publishing.mirror_store import Store

_log = logging.getLogger("clinicnet")


def bring_up_to_date(network: Network, output: Output) -> dict[str, Mirrored | ClinicnetError]:
    """Bring each mirror to what stands in the output directory: its target → what was done.

    One that fails does not keep the others waiting for the next release.

    Raises:
        NetworkError: the network file names no mirror.
    """
    from tasks.publishing.mirror import mirror

    if not network.mirror.targets:
        raise NetworkError(
            "the network file has no [mirror] to bring up to date",
            hint='add one: targets = ["s3://bucket/folder"], or a folder',
        )
    done: dict[str, Mirrored | ClinicnetError] = {}
    for target in network.mirror.targets:
        try:
            store = _store(network, target)
            done[target] = mirror(output, store, _whose(network), network.mirror.parts)
        except ClinicnetError as problem:
            done[target] = problem
    return done


def mirror_if_declared(network: Network, output: Output) -> str | None:
    """What was done, in a few words; None where nothing is mirrored.

    What is published is published: a bucket that is away does not take that back, and is said.
    """
    if not network.mirror.targets:
        return None
    done = bring_up_to_date(network, output)
    failed = [each.message for each in done.values() if isinstance(each, ClinicnetError)]
    for sentence in failed:
        _log.warning("not mirrored: %s; the next release, or clinicnet mirror, tries again", sentence)
    current = f"{len(done) - len(failed)} of {len(done)} up to date"
    return "; ".join([current, *failed])


def problems(network: Network) -> list[ClinicnetError]:
    """What keeps releases from being mirrored, as far as shows without copying any."""
    from tasks.publishing.mirror import require_own

    found = []
    for target in network.mirror.targets:
        try:
            require_own(_store(network, target), _whose(network))
        except ClinicnetError as problem:
            found.append(problem)
    return found


def _store(network: Network, target: str) -> Store:
    """Where a target is.

    Raises:
        ClinicnetError: a variable that it names is not set, it has no library, or it is the output directory.
    """
    from tasks.publishing.mirror_store import FolderStore, opened

    output = output_of(network)
    store = opened(filled(target, _value), target, network.directory, output.rights)
    if isinstance(store, FolderStore) and store.folder.resolve().is_relative_to(output.directory.resolve()):
        raise NetworkError(
            f"[mirror] the target {store.shown} is the output directory, or within it",
            hint="name another folder: what is withdrawn goes there, and stays in the output directory",
        )
    return store


def _whose(network: Network) -> Identity:
    from tasks.publishing.mirror import Identity

    return Identity(network.network.name, network.network.language, network.output.url)


def _value(name: str) -> str:
    if name not in os.environ:
        raise NetworkError(
            f"[mirror] needs the environment variable {name}, which is not set",
            hint=f"set {name} where the report runs",
        )
    return os.environ[name]
